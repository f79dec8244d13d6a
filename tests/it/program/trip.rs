//! Two Google accounts and a folder in one configuration, with a fake Google at the other end: what tests of the program share.

use serde_json::{Value, json};

use crate::support::{
    google::{ClientKind, FakeGoogle},
    program::{Files, Home, day, meeting},
};

/// The person's own account, and the calendar of that name.
pub(super) const ADA: &str = "ada@example.org";
/// Their account at work.
pub(super) const WORK: &str = "ada@work.example";
/// Both, as the configuration calls them, and whose they are.
pub(super) const ACCOUNTS: [(&str, &str); 2] = [("private", ADA), ("work", WORK)];

/// A Google with both accounts, and a home whose configuration knows them and a folder.
pub(super) struct Trip {
    pub(super) fake: FakeGoogle,
    pub(super) home: Home,
}

/// An event of an hour, so many days from today.
pub(super) fn hour(from_today: i32, hour: u8) -> Value {
    let time = |hour: u8| json!({"dateTime": at(from_today, hour), "timeZone": "UTC"});
    json!({"summary": "Own", "start": time(hour), "end": time(hour + 1)})
}

pub(super) fn at(from_today: i32, hour: u8) -> String {
    format!("{}T{hour:02}:00:00Z", day(from_today))
}

/// The OAuth client that an account uses.
pub(super) fn client(account: &str) -> String {
    format!("tv-{account}")
}

fn is_block(event: &Value) -> bool {
    event["summary"] == "Busy"
}

impl Trip {
    pub(super) fn new() -> Self {
        let fake = FakeGoogle::start();
        for (_, person) in ACCOUNTS {
            fake.account(person);
        }
        for (name, _) in ACCOUNTS {
            fake.client(ClientKind::Tv, &client(name), "GOCSPX-zqx9secret");
        }
        fake.behave(|google| {
            google.auto_approve = Some(0);
            google.device_interval = 0;
        });
        let home = Home::with(&["home"]);
        let mut config = String::new();
        // One is named as people name their own, the other by its id.
        for ((name, _), id) in ACCOUNTS.into_iter().zip(["primary", WORK]) {
            config.push_str(
                &format_args!(
                    "[accounts.{name}]\nprovider = \"google\"\nclient_id = \"{}\"\n\
                     client_secret = \"GOCSPX-zqx9secret\"\nendpoint = \"{}\"\n\
                     [calendars.{name}]\naccount = \"{name}\"\nid = \"{id}\"\n",
                    client(name),
                    fake.endpoint()
                )
                .to_string(),
            );
        }
        home.configure_also("", &config);
        Self { fake, home }
    }

    /// The same with somebody signed in to both.
    pub(super) fn signed_in() -> Self {
        let trip = Self::new();
        for (name, person) in ACCOUNTS {
            trip.sign_in(name, person);
        }
        trip
    }

    pub(super) fn sign_in(&self, name: &str, person: &str) {
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
    pub(super) fn fill(&self) -> Filled {
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
    pub(super) fn in_step() -> (Self, Filled) {
        let trip = Self::signed_in();
        let filled = trip.fill();
        trip.home.sync();
        trip.settles();
        (trip, filled)
    }

    /// A run that finds nothing to do, says nothing, and asks each calendar at Google once.
    pub(super) fn settles(&self) {
        self.home.sync();
        self.fake.forget();
        let before = self.all();
        self.home.sync().is_silent();
        assert_eq!(self.all(), before);
        let counts = self.fake.counts();
        assert_eq!(counts, [("events.list", ACCOUNTS.len())].into());
    }

    /// Everything that is in any calendar.
    pub(super) fn all(&self) -> (Vec<Vec<Value>>, Files) {
        let calendars = ACCOUNTS.map(|(_, person)| self.fake.events(person));
        (calendars.into(), self.home.world())
    }

    /// The same without our blocks.
    pub(super) fn theirs(&self) -> (Vec<Vec<Value>>, Files) {
        let (mut calendars, mut files) = self.all();
        for events in &mut calendars {
            events.retain(|event| !is_block(event));
        }
        let blocks = self.home.blocks("home");
        files.retain(|name, _| !blocks.contains_key(name.trim_start_matches("home/")));
        (calendars, files)
    }

    /// How many blocks stand in the calendars at home, of the account of one's own, and at work.
    pub(super) fn blocks(&self) -> [usize; 3] {
        let at = |person| self.busy(person).len();
        [self.home.blocks("home").len(), at(ADA), at(WORK)]
    }

    /// Our blocks in a calendar.
    pub(super) fn busy(&self, person: &str) -> Vec<Value> {
        let mut events = self.fake.events(person);
        events.retain(is_block);
        events
    }

    pub(super) fn wrote_nothing(&self) {
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
    pub(super) fn status(&self, name: &str) -> Value {
        let all = self.home.expect(0, &["status", "--json"]).json();
        let rows = all["calendars"].as_array().unwrap().clone();
        rows.into_iter().find(|row| row["name"] == name).unwrap()
    }
}

/// What lies in the calendars.
pub(super) struct Filled {
    pub(super) series: String,
    pub(super) single: String,
    pub(super) invited: String,
}
