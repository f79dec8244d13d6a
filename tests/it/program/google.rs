//! Two Google accounts and a folder in one configuration, from signing in to taking everything back: the program as a person
//! uses it, with a fake Google at the other end.

use serde_json::{Value, json};

use crate::support::{
    google::{ClientKind, FakeGoogle},
    program::{Files, Home, day, meeting, meeting_at},
};

/// The person's own account, and the calendar of that name.
const ADA: &str = "ada@example.org";
/// Their account at work.
const WORK: &str = "ada@work.example";
/// Both, as the configuration calls them, and whose they are.
const ACCOUNTS: [(&str, &str); 2] = [("private", ADA), ("work", WORK)];

/// A Google with both accounts, and a home whose configuration knows them and a folder.
struct Trip {
    fake: FakeGoogle,
    home: Home,
}

/// An event of an hour, so many days from today.
fn hour(from_today: i32, hour: u8) -> Value {
    let time = |hour: u8| json!({"dateTime": at(from_today, hour), "timeZone": "UTC"});
    json!({"summary": "Own", "start": time(hour), "end": time(hour + 1)})
}

fn at(from_today: i32, hour: u8) -> String {
    format!("{}T{hour:02}:00:00Z", day(from_today))
}

fn is_block(event: &Value) -> bool {
    event["summary"] == "Busy"
}

impl Trip {
    fn new() -> Self {
        let fake = FakeGoogle::start();
        for (_, person) in ACCOUNTS {
            fake.account(person);
        }
        fake.client(ClientKind::Tv, "tv", "GOCSPX-zqx9secret");
        fake.behave(|google| {
            google.auto_approve = Some(1);
            google.device_interval = 0;
        });
        let home = Home::with(&["home"]);
        let mut config = String::new();
        for (name, _) in ACCOUNTS {
            config.push_str(
                &format_args!(
                    "[accounts.{name}]\nprovider = \"google\"\nclient_id = \"tv\"\n\
                     client_secret = \"GOCSPX-zqx9secret\"\nendpoint = \"{}\"\n\
                     [calendars.{name}]\naccount = \"{name}\"\nid = \"primary\"\n",
                    fake.endpoint()
                )
                .to_string(),
            );
        }
        home.configure_also("", &config);
        Self { fake, home }
    }

    /// The same with somebody signed in to both.
    fn signed_in() -> Self {
        let trip = Self::new();
        for (name, person) in ACCOUNTS {
            trip.sign_in(name, person);
        }
        trip
    }

    fn sign_in(&self, name: &str, person: &str) {
        self.fake
            .behave(|google| person.clone_into(&mut google.person));
        let ran = self
            .home
            .expect(0, &["auth", "add", name, "--flow", "device"]);
        assert!(
            ran.stdout.contains(&format!("Signed in to account {name}")),
            "{ran:?}"
        );
    }

    /// Fills the calendars: a weekly meeting and two others at Google, and one in the folder.
    fn fill(&self) -> Filled {
        let mut weekly = hour(1, 9);
        weekly["recurrence"] = json!(["RRULE:FREQ=WEEKLY;COUNT=20"]);
        let series = self.fake.put(ADA, weekly);
        let single = self.fake.put(ADA, hour(2, 12));
        let mut invited = hour(3, 14);
        invited["organizer"] = json!({"email": "boss@work.example"});
        invited["attendees"] = json!([
            {"email": "boss@work.example", "responseStatus": "accepted"},
            {"email": WORK, "responseStatus": "needsAction"},
        ]);
        let invited = self.fake.put(WORK, invited);
        self.home.put("home", "dentist.ics", meeting("dentist", 4));
        Filled {
            series,
            single,
            invited,
        }
    }

    /// In step: the first run wrote, the second one read what that wrote.
    fn in_step() -> (Self, Filled) {
        let trip = Self::signed_in();
        let filled = trip.fill();
        trip.home.sync();
        trip.settles();
        (trip, filled)
    }

    /// A run that finds nothing to do, says nothing, and asks each calendar at Google once.
    fn settles(&self) {
        self.home.sync();
        self.fake.forget();
        let before = self.all();
        self.home.sync().is_silent();
        assert_eq!(self.all(), before);
        let counts = self.fake.counts();
        assert_eq!(counts, [("events.list", ACCOUNTS.len())].into());
    }

    /// Everything that is in any calendar.
    fn all(&self) -> (Vec<Vec<Value>>, Files) {
        let calendars = ACCOUNTS.map(|(_, person)| self.fake.events(person));
        (calendars.into(), self.home.world())
    }

    /// The same without our blocks.
    fn theirs(&self) -> (Vec<Vec<Value>>, Files) {
        let (mut calendars, mut files) = self.all();
        for events in &mut calendars {
            events.retain(|event| !is_block(event));
        }
        let blocks = self.home.blocks("home");
        files.retain(|name, _| !blocks.contains_key(name.trim_start_matches("home/")));
        (calendars, files)
    }

    /// How many blocks stand in the calendars at home, of the account of one's own, and at work.
    fn blocks(&self) -> [usize; 3] {
        let at = |person| self.busy(person).len();
        [self.home.blocks("home").len(), at(ADA), at(WORK)]
    }

    /// Our blocks in a calendar.
    fn busy(&self, person: &str) -> Vec<Value> {
        let mut events = self.fake.events(person);
        events.retain(is_block);
        events
    }

    fn wrote_nothing(&self) {
        let counts = self.fake.counts();
        let writes = [
            "events.insert",
            "events.update",
            "events.patch",
            "events.delete",
        ];
        assert!(
            writes.iter().all(|write| !counts.contains_key(write)),
            "{counts:?}"
        );
    }

    /// The row of a calendar in `status --json`.
    fn status(&self, name: &str) -> Value {
        let all = self.home.expect(0, &["status", "--json"]).json();
        let rows = all["calendars"].as_array().unwrap().clone();
        rows.into_iter().find(|row| row["name"] == name).unwrap()
    }
}

/// What lies in the calendars.
struct Filled {
    series: String,
    single: String,
    invited: String,
}

#[test]
fn from_signing_in_to_being_in_step() {
    let trip = Trip::signed_in();
    let Trip { fake, home } = &trip;
    assert_eq!(fake.granted_accounts(), [ADA, WORK]);
    let listed = home.expect(0, &["auth", "list"]).stdout;
    assert_eq!(
        listed.matches("signed in  device  calendar").count(),
        2,
        "{listed}"
    );
    trip.fill();
    let offers = home.expect(0, &["calendars", "private"]).stdout;
    assert!(
        offers.contains(ADA) && offers.contains("writable"),
        "{offers}"
    );
    assert!(!offers.contains(WORK), "{offers}");
    let offers = home.expect(0, &["calendars", "private", "--json"]).json();
    let offer = &offers["calendars"][0];
    assert_eq!(
        [
            &offer["id"],
            &offer["name"],
            &offer["writable"],
            &offer["timezone"]
        ],
        [
            &json!(ADA),
            &json!("private"),
            &json!(true),
            &json!("Europe/Berlin")
        ]
    );
    let checked = home.expect(0, &["check"]).stdout;
    for calendar in ["calendar private: reachable", "calendar work: reachable"] {
        assert!(checked.contains(calendar), "{checked}");
    }
    let before = trip.all();
    let dry = home.expect(0, &["sync", "--dry-run", "--json"]).json();
    assert_eq!((&dry["created"], &dry["result"]), (&json!(8), &json!("ok")));
    assert_eq!(trip.all(), before);
    trip.wrote_nothing();
    let told = home.sync().stdout;
    assert!(
        told.contains("private: 2 created") && told.contains("repeating  from private"),
        "{told}"
    );
    assert_eq!(trip.blocks(), [3, 2, 3]);
    trip.settles();
    assert_eq!(fake.mails(), []);
}

#[test]
fn what_people_do_at_google_is_followed() {
    let (trip, filled) = Trip::in_step();
    let Trip { fake, home } = &trip;
    let original = |weeks: i32| json!({"dateTime": at(1 + 7 * weeks, 9)});
    // An occurrence that is cancelled is a hole; one that is moved is a hole and a block of its own.
    fake.cancel(ADA, &fake.instance_id(ADA, &filled.series, &original(1)));
    let to = |hour| json!({"dateTime": at(16, hour)});
    fake.move_occurrence(ADA, &filled.series, &original(2), &to(15), &to(16));
    trip.settles();
    assert_eq!(trip.blocks(), [4, 2, 4]);
    let busy = trip.busy(WORK);
    let rules = |event: &Value| event["recurrence"].to_string();
    let series = busy
        .iter()
        .find(|event| !event["recurrence"].is_null())
        .unwrap();
    assert_eq!(rules(series).matches("T0").count(), 2, "{series}");
    assert!(
        busy.iter().any(|event| event["start"]["dateTime"]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .unwrap()
            == at(16, 15).parse().unwrap()),
        "{busy:?}"
    );
    // An event that is deleted, and an invitation that is declined.
    fake.cancel(ADA, &filled.single);
    fake.alter(
        WORK,
        &filled.invited,
        json!({"attendees": [
            {"email": WORK, "responseStatus": "declined"},
        ]}),
    );
    trip.settles();
    assert_eq!(trip.blocks(), [2, 1, 3]);
    // Blocks that people touch come back as they were.
    let block = trip.busy(ADA).remove(0);
    fake.alter(
        ADA,
        block["id"].as_str().unwrap(),
        json!({"summary": "Mine", "start": to(3), "end": to(4)}),
    );
    let gone = trip.busy(WORK).remove(0);
    fake.cancel(WORK, gone["id"].as_str().unwrap());
    trip.settles();
    assert_eq!(trip.blocks(), [2, 1, 3]);
    let back = trip.busy(ADA).remove(0);
    for field in [
        "summary",
        "start",
        "end",
        "visibility",
        "transparency",
        "reminders",
    ] {
        assert_eq!(back[field], block[field], "{field}");
    }
    let row = trip.status("private");
    assert_eq!(
        (&row["result"], &row["blocks"], &row["cursor"]),
        (&json!("ok"), &json!(1), &json!(true))
    );
    assert!(row["error"].is_null());
    assert_eq!(fake.mails(), []);
    home.expect(0, &["status"]);
}

#[test]
fn whoever_loses_the_state_signs_in_again_and_nothing_is_written() {
    let (trip, _) = Trip::in_step();
    trip.home.lose_state();
    trip.home
        .expect(4, &["sync"])
        .says(&["calsync auth add private", "calsync auth add work"]);
    for (name, person) in ACCOUNTS {
        trip.sign_in(name, person);
    }
    let before = trip.all();
    trip.fake.forget();
    trip.home.sync().is_silent();
    trip.wrote_nothing();
    assert_eq!(trip.all(), before);
    trip.settles();
}

#[test]
fn an_account_that_is_signed_out_keeps_its_blocks_and_the_others_go_on() {
    let (trip, _) = Trip::in_step();
    let Trip { fake, home } = &trip;
    fake.revoke_all(WORK);
    fake.put(ADA, hour(8, 10));
    home.put("home", "walk.ics", meeting_at("walk", 9, 16));
    let at_work = fake.events(WORK);
    let ran = home.expect(4, &["sync"]);
    ran.says(&[
        "work: ",
        "account work",
        "calsync auth add work",
        "seven days",
    ]);
    assert!(!ran.stderr.contains("auth add private"), "{ran:?}");
    assert_eq!(trip.blocks(), [4, 3, 3]);
    assert_eq!(fake.events(WORK), at_work);
    assert!(fake.user_codes().is_empty(), "nobody is asked during a run");
    let row = trip.status("work");
    assert_eq!(
        (&row["result"], &row["blocks"]),
        (&json!("auth"), &json!(3))
    );
    assert!(
        row["error"]
            .as_str()
            .unwrap()
            .contains("calsync auth add work"),
        "{row}"
    );
    assert_eq!(trip.status("private")["result"], "ok");
    let text = home.expect(0, &["status"]).stdout;
    assert!(text.contains("calsync auth add work"), "{text}");
    // Again, as cron does, and nothing changes; then somebody signs in.
    home.expect(4, &["sync"]);
    assert_eq!(trip.blocks(), [4, 3, 3]);
    trip.sign_in("work", WORK);
    trip.home.sync();
    assert_eq!(trip.blocks(), [4, 3, 5]);
    trip.settles();
    assert_eq!(fake.mails(), []);
}

#[test]
fn a_reset_leaves_what_people_made_and_nothing_else() {
    for with_state in [true, false] {
        let (trip, _) = Trip::in_step();
        let Trip { fake, home } = &trip;
        let before = trip.theirs();
        if !with_state {
            home.lose_state();
            for (name, person) in ACCOUNTS {
                trip.sign_in(name, person);
            }
        }
        let dry = home
            .expect(0, &["reset", "--all", "--dry-run", "--json"])
            .json();
        assert_eq!(dry["deleted"], 8);
        assert_eq!(trip.blocks(), [3, 2, 3]);
        home.expect(0, &["reset", "--all", "--yes"]);
        assert_eq!(trip.all(), before);
        assert_eq!(trip.blocks(), [0; 3]);
        assert_eq!(fake.mails(), []);
        // And back again: ids that were deleted are called back.
        home.sync();
        assert_eq!(trip.blocks(), [3, 2, 3]);
        trip.settles();
        assert_eq!(fake.mails(), []);
    }
}
