//! The program as a person uses it, with a real server at the other end: from the first password to taking everything back.

use std::{collections::BTreeMap, io::Write as _, process::Stdio, sync::Mutex};

use crate::support::{
    dav::{
        DavServer, Kind, PASSWORD,
        script::{Says, Script, found},
        witness::Witness,
    },
    program::{Home, Ran, event_with, files_in, is_block, meeting, meeting_at, weekly},
};

/// A home with a folder and a calendar at a server.
struct Trip {
    home: Home,
    server: &'static DavServer,
    path: String,
}

pub(super) fn configured(url: &str, calendar: &str, more: &str) -> Home {
    let home = Home::with(&["home"]);
    home.configure_also(
        "",
        &format!(
            "[accounts.cloud]\nprovider = \"caldav\"\nurl = \"{url}\"\nusername = \"alice\"\n{more}\n\
             [calendars.work]\naccount = \"cloud\"\n{calendar}"
        ),
    );
    home
}

/// Signs in with this password.
pub(super) fn sign_in(home: &Home, password: &str) -> Ran {
    let mut command = home.command(&["auth", "add", "cloud", "--password-stdin"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(format!("{password}\n").as_bytes()).unwrap();
    drop(stdin);
    Ran::of(child.wait_with_output().unwrap())
}

impl Trip {
    fn new(kind: Kind) -> Option<Self> {
        let server = kind.shared()?;
        let path = server.make_any();
        let home = configured(&server.url(), &format!("id = \"{path}\""), "");
        let ran = sign_in(&home, PASSWORD);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.stdout.contains("Signed in to account cloud"), "{ran:?}");
        Some(Self { home, server, path })
    }

    fn put(&self, name: &str, text: &str) {
        self.server.put(&format!("{}{name}", self.path), text);
    }

    /// What is there, by name: our blocks, or all else.
    fn there(&self, blocks: bool) -> BTreeMap<String, String> {
        let mut all = self.server.all(&self.path);
        all.retain(|name, _| is_block(name) == blocks);
        all
    }

    /// Runs until there is nothing to do, which must be at once, and asks one thing to find that out.
    fn settles(&self) {
        self.home.sync().is_silent();
        let before = (self.server.all(&self.path), self.home.world());
        let report = self.home.expect(0, &["sync", "--json"]).json();
        assert_eq!(report["requests"], 1, "{report}");
        assert_eq!(before, (self.server.all(&self.path), self.home.world()));
    }
}

fn whole_life(kind: Kind) {
    let Some(trip) = Trip::new(kind) else {
        return;
    };
    let Trip { home, server, path } = &trip;
    trip.put("weekly.ics", &weekly("weekly", 1));
    trip.put("single.ics", &meeting("single", 2));
    home.put("home", "dentist.ics", meeting_at("dentist", 3, 14));
    home.put("home", "gym.ics", weekly("gym", 4));
    let own = trip.there(false);
    let listed = home.expect(0, &["calendars"]).stdout;
    assert!(
        listed.contains(path.as_str()) && listed.contains("writable"),
        "{listed}"
    );

    home.sync();
    assert_eq!((home.blocks("home").len(), trip.there(true).len()), (2, 2));
    // What is taken away before anybody looked again leaves some servers as they were.
    let (first, _) = trip.there(true).pop_first().unwrap();
    server.delete(&format!("{path}{first}"));
    home.sync();
    assert_eq!(trip.there(true).len(), 2);
    trip.settles();

    // What somebody does to blocks is undone; what they do to events is followed.
    let (first, text) = trip.there(true).pop_first().unwrap();
    trip.put(&first, &text.replace("SUMMARY:Busy", "SUMMARY:Mine"));
    home.sync();
    assert!(trip.there(true)[&first].contains("SUMMARY:Busy"));
    server.delete(&format!("{path}{first}"));
    server.delete(&format!("{path}single.ics"));
    home.sync();
    assert_eq!((home.blocks("home").len(), trip.there(true).len()), (1, 2));
    trip.settles();

    // Nothing is lost with the state but the password, and nothing is made twice.
    home.lose_state();
    home.expect(4, &["sync"]).says(&["calsync auth add cloud"]);
    assert_eq!(sign_in(home, PASSWORD).code, 0);
    let report = home.expect(0, &["sync", "--json"]).json();
    assert_eq!(
        (&report["created"], &report["updated"]),
        (&0.into(), &0.into())
    );
    home.expect(0, &["check"]);

    home.expect(0, &["reset", "--all", "--yes"]);
    assert_eq!((home.blocks("home").len(), trip.there(true).len()), (0, 0));
    let left: Vec<_> = own
        .into_iter()
        .filter(|(name, _)| name != "single.ics")
        .collect();
    assert_eq!(trip.there(false).into_iter().collect::<Vec<_>>(), left);
    let removed = home.expect(0, &["auth", "remove", "cloud"]);
    assert!(
        removed.stdout.contains("Forgot account cloud"),
        "{removed:?}"
    );
    home.expect(4, &["sync"]);
}

#[test]
fn radicale_from_the_first_password_to_the_last_block() {
    whole_life(Kind::Radicale);
}

#[test]
fn xandikos_from_the_first_password_to_the_last_block() {
    whole_life(Kind::Xandikos);
}

#[test]
fn an_unchanged_calendar_costs_one_request_and_a_new_block_one_more() {
    let Some(server) = Kind::Radicale.shared() else {
        return;
    };
    let path = server.make_any();
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap();
    let witness = Witness::before(server.port());
    // By its name, so that it has to be found first.
    let home = configured(&witness.url(), &format!("name = \"{name}\""), "");
    assert_eq!(sign_in(&home, PASSWORD).code, 0);
    for i in 0..20 {
        home.put("home", &format!("{i}.ics"), meeting(&i.to_string(), i));
    }
    home.sync();
    let asked = witness.methods();
    let puts = asked.iter().filter(|method| *method == "PUT").count();
    assert_eq!(puts, 20, "{asked:?}");
    assert!(!asked.iter().any(|method| method == "GET"), "{asked:?}");
    // The second run hears of the blocks that the first one made, and looks at all of them at once; no other one does.
    for methods in [&["REPORT", "REPORT"][..], &["REPORT"], &["REPORT"]] {
        home.sync().is_silent();
        assert_eq!(witness.methods(), methods);
    }
}

#[test]
fn a_thousand_new_events_are_a_thousand_writes_and_no_read_for_each() {
    let stands = Mutex::new(BTreeMap::<String, (usize, String)>::new());
    let script = Script::start(move |asked| {
        let mut stands = stands.lock().unwrap();
        if asked.method == "PUT" {
            let version = stands.len();
            let text = asked.body.replace('\r', "");
            stands.insert(asked.path.clone(), (version, text));
            return Says::status(201).with("ETag", format!("\"{version}\""));
        }
        if asked.body.contains("resourcetype") {
            return Says::many(&found(
                "/alice/work/",
                "<d:resourcetype><c:calendar/></d:resourcetype>",
            ));
        }
        let is_multiget = asked.body.contains("calendar-multiget");
        let members = stands.iter().map(|(path, (version, text))| {
            let etag = format!("<d:getetag>\"{version}\"</d:getetag>");
            let data = format!("<c:calendar-data>{text}</c:calendar-data>");
            found(path, &(etag + if is_multiget { &data } else { "" }))
        });
        let token = format!("<d:sync-token>http://t/{}</d:sync-token>", stands.len());
        match asked.body.contains(&token) {
            true => Says::many(&token),
            false => Says::many(&(members.collect::<String>() + &token)),
        }
    });
    let command = format!("password_command = [\"echo\", \"{PASSWORD}\"]");
    let home = configured(&script.url(), "id = \"/alice/work/\"", &command);
    for i in 0..1000 {
        let text = meeting_at(&i.to_string(), i % 300, 8);
        home.put("home", &format!("{i}.ics"), text);
    }
    home.sync();
    let asked = script.heard();
    let count = |method: &str| asked.iter().filter(|asked| asked.method == method).count();
    assert_eq!((count("PUT"), asked.len()), (1000, 1002));
    // Whatever the server said of them, they are looked at once, all together.
    for requests in [2, 1, 1] {
        home.sync().is_silent();
        assert_eq!(script.lines(), vec!["REPORT /alice/work/"; requests]);
    }
}

#[test]
fn nothing_is_written_to_what_is_no_calendar() {
    let command = format!("password_command = [\"echo\", \"{PASSWORD}\"]");
    for kind in [
        "",
        "<r:addressbook xmlns:r=\"urn:ietf:params:xml:ns:carddav\"/>",
        "<c:schedule-inbox/>",
    ] {
        for can_tell in [true, false] {
            let script = Script::start(move |asked| match &*asked.method {
                "PUT" => Says::status(201).with("ETag", "\"1\""),
                "REPORT" if can_tell => Says::many("<d:sync-token>http://t/1</d:sync-token>"),
                "REPORT" => Says::status(403),
                _ => Says::many(&found(
                    "/alice/",
                    &format!("<d:resourcetype><d:collection/>{kind}</d:resourcetype>"),
                )),
            });
            let home = configured(&script.url(), "id = \"/alice/\"", &command);
            home.put("home", "a.ics", meeting("a", 1));
            for args in [&["sync", "--dry-run"][..], &["sync"], &["sync"]] {
                let ran = home.expect(5, args);
                ran.says(&["but no calendar", "calsync calendars cloud"]);
            }
            let status = home.run(&["status"]);
            assert!(status.all().contains("but no calendar"), "{status:?}");
            let asked = script.heard();
            assert!(asked.iter().all(|asked| asked.method != "PUT"), "{asked:?}");
        }
    }
}

/// A server with one calendar.
fn with_one_calendar() -> Script {
    Script::start(|asked| {
        let home = "<c:calendar-home-set><d:href>/alice/</d:href></c:calendar-home-set>";
        let kind = "<d:resourcetype><d:collection/><c:calendar/></d:resourcetype>";
        match &*asked.path {
            "/" => Says::many(&found("/", home)),
            _ if asked.method == "REPORT" => Says::many("<d:sync-token>http://t/1</d:sync-token>"),
            _ => Says::many(&found("/alice/work/", kind)),
        }
    })
}

#[test]
fn an_account_tells_what_to_write_before_there_are_calendars() {
    let script = with_one_calendar();
    let account = format!(
        "timezone = \"UTC\"\n[accounts.cloud]\nprovider = \"caldav\"\nurl = \"{}\"\nusername = \"alice\"\n",
        script.url()
    );
    for (calendars, mistake) in [
        ("", "there are no calendars"),
        (
            "[calendars.work]\naccount = \"cloud\"\n",
            "needs `id` beside `account`",
        ),
        (
            "[calendars.work]\naccount = \"cloud\"\nid = \"Work\"\n[calendars.b]\npath = \"b\"\n\
             [[rules]]\nfrom = [\"work\"]\nto = [\"b\"]\n",
            "`id` must be the path",
        ),
    ] {
        let home = Home::bare();
        home.configure(&format!("{account}{calendars}"));
        home.expect(0, &["auth", "list"]).shows(&["cloud"]);
        let ran = sign_in(&home, PASSWORD);
        assert_eq!(ran.code, 0, "{ran:?}");
        home.expect(0, &["calendars", "cloud"])
            .shows(&["/alice/work/"]);
        for args in [&["sync"][..], &["check"], &["status"]] {
            home.expect(3, args).says(&[mistake]);
        }
    }
    // What is wrong with the account itself, or that there is none, is still said.
    let home = Home::bare();
    home.configure("timezone = \"UTC\"\n");
    home.expect(3, &["calendars"])
        .says(&["there are no calendars"]);
    home.configure("timezone = \"UTC\"\n[accounts.cloud]\nprovider = \"caldav\"\n");
    home.expect(3, &["calendars"]).says(&["needs `url`"]);
}

#[test]
fn a_check_asks_the_command_for_the_password_once() {
    let script = with_one_calendar();
    let home = configured(
        &script.url(),
        "id = \"/alice/work/\"",
        "password_command = [\"sh\", \"say\"]",
    );
    let (program, log) = (home.path("say"), home.path("said"));
    let text = format!("echo x >> '{}'\necho '{PASSWORD}'\n", log.display());
    crate::support::program::write(&program, text.as_bytes());
    let config = std::fs::read_to_string(home.config_file()).unwrap();
    let whole = format!("\"{}\"", program.display());
    home.configure(&config.replace("\"say\"", &whole));
    home.expect(0, &["check"]);
    // Before there is a state, no command is asked.
    home.sync();
    std::fs::remove_file(&log).unwrap();
    home.expect(0, &["check"]);
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "x\n");
}

#[test]
fn a_wrong_password_is_not_kept_and_stops_nobody_else() {
    let Some(server) = Kind::Radicale.shared() else {
        return;
    };
    let path = server.make_any();
    let home = configured(&server.url(), &format!("id = \"{path}\""), "");
    home.configure_also("", "[calendars.other]\npath = \"~/cal/other\"");
    std::fs::create_dir_all(home.folder("other")).unwrap();
    let ran = sign_in(&home, "zqx9secret");
    assert_eq!(ran.code, 4, "{ran:?}");
    ran.says(&["does not accept", "calsync auth add cloud"]);
    assert!(!ran.all().contains("zqx9secret"), "{ran:?}");
    let listed = home.expect(0, &["auth", "list", "--json"]).json();
    assert_eq!(listed["accounts"][0]["state"], "missing");
    home.put("home", "a.ics", meeting("a", 1));
    home.expect(4, &["sync"])
        .says(&["nobody has given its password"]);
    assert_eq!(home.blocks("other").len(), 1, "the rest is in step");

    assert_eq!(sign_in(&home, PASSWORD).code, 0);
    home.sync();
    let state = home.path(".local/state/calsync");
    let marked = |bytes: &Vec<u8>| {
        bytes
            .windows(PASSWORD.len())
            .any(|w| w == PASSWORD.as_bytes())
    };
    assert!(!files_in(&state).values().any(marked), "it is sealed");
    let listed = home.expect(0, &["auth", "list"]).stdout;
    assert!(
        listed.contains("cloud") && listed.contains("signed in"),
        "{listed}"
    );
}

#[test]
fn a_password_is_for_the_user_and_the_server_it_was_given_for() {
    let Some(trip) = Trip::new(Kind::Radicale) else {
        return;
    };
    let text = std::fs::read_to_string(trip.home.config_file()).unwrap();
    let stranger = Script::start(|_| Says::status(401));
    for changed in [
        text.replace("\"alice\"", "\"bob\""),
        text.replace(&trip.server.url(), &stranger.url()),
    ] {
        trip.home.configure(&changed);
        trip.home
            .expect(4, &["sync"])
            .says(&["another `username` or server"]);
    }
    assert!(stranger.heard().is_empty());
}

#[test]
fn a_command_can_say_the_password() {
    let Some(server) = Kind::Radicale.shared() else {
        return;
    };
    let path = server.make_any();
    let id = format!("id = \"{path}\"");
    let beside = format!("tail -f /dev/null --pid={}", std::process::id());
    for (command, code, words) in [
        (
            // What it leaves running has its output open, and is not waited for.
            format!("[\"sh\", \"-c\", \"echo {PASSWORD}; {beside} &\"]"),
            0,
            "",
        ),
        (
            "[\"printf\", \"caf\\\\351\"]".to_owned(),
            4,
            "no text in UTF-8",
        ),
        (
            format!("[\"printf\", \"{PASSWORD}\\\\nlogin: alice\\\\n\"]"),
            0,
            "",
        ),
        ("\"false\"".to_owned(), 4, "run it by hand"),
        (
            "\"true\"".to_owned(),
            4,
            "its first line must be the password",
        ),
        ("\"/no/such/program\"".to_owned(), 4, "cannot be run"),
        ("\"yes\"".to_owned(), 4, "says more than 64 KiB"),
        (
            "\"echo wrong\"".to_owned(),
            4,
            "correct what `password_command` says",
        ),
    ] {
        let more = format!("password_command = {command}");
        let home = configured(&server.url(), &id, &more);
        home.expect(code, &["sync"]).says(&[words]);
        let ran = home.expect(code, &["auth", "add", "cloud"]);
        assert_eq!(
            ran.stdout.contains("nothing had to be kept"),
            code == 0,
            "{ran:?}"
        );
    }
}

#[test]
fn a_password_is_not_kept_for_an_address_without_calendars() {
    for (says, code, words) in [
        (
            Says::status(200).body("<html>Welcome</html>"),
            5,
            "web page",
        ),
        (Says::status(503), 8, "maintenance"),
    ] {
        let script = Script::start(move |_| says.clone());
        let home = configured(&script.url(), "name = \"Work\"", "");
        let ran = sign_in(&home, PASSWORD);
        assert_eq!(ran.code, code, "{ran:?}");
        ran.says(&[words]);
        let listed = home.expect(0, &["auth", "list", "--json"]).json();
        assert_eq!(listed["accounts"][0]["state"], "missing");
    }
}

#[test]
fn flags_that_do_not_fit_are_refused() {
    let Some(trip) = Trip::new(Kind::Radicale) else {
        return;
    };
    let run = |args: &[&str]| trip.home.expect(2, args);
    run(&["auth", "add", "cloud", "--flow", "device"]).says(&["--flow is for Google"]);
    run(&[
        "auth",
        "add",
        "cloud",
        "--flow",
        "device",
        "--password-stdin",
    ]);
    assert_eq!(sign_in(&trip.home, "").code, 2);
}

#[test]
fn a_calendar_that_may_only_be_read_says_so() {
    let Some(server) = Kind::Radicale.shared() else {
        return;
    };
    // The server's rules let nobody write there, so nobody could make it there either.
    let folder = server
        .folder()
        .join("collections/collection-root/alice/shared");
    let props = "{\"tag\": \"VCALENDAR\", \"D:displayname\": \"Shared\"}";
    crate::support::program::write(&folder.join(".Radicale.props"), props.as_bytes());
    let home = configured(&server.url(), "id = \"/alice/shared/\"", "");
    assert_eq!(sign_in(&home, PASSWORD).code, 0);
    let listed = home.expect(0, &["calendars"]).stdout;
    let line = listed.lines().find(|line| line.contains("/alice/shared/"));
    assert!(line.unwrap().contains("read-only"), "{listed}");
    home.expect(5, &["check"]);
    home.put("home", "a.ics", meeting("a", 1));
    for args in [&["sync"][..], &["sync", "--dry-run"]] {
        home.expect(5, args)
            .says(&["may not be written", "role = \"source\""]);
    }
}

/// A server with one calendar, which is empty and has a name.
fn with_a_name() -> Script {
    Script::start(|asked| {
        let home = "<c:calendar-home-set><d:href>/alice/</d:href></c:calendar-home-set>";
        let kind = "<d:resourcetype><d:collection/><c:calendar/></d:resourcetype>";
        let named = format!("{kind}<d:displayname>Work</d:displayname>");
        match &*asked.path {
            "/" => Says::many(&found("/", home)),
            _ if asked.method == "PUT" => Says::status(201).with("ETag", "\"1\""),
            _ if asked.method == "PROPFIND" => Says::many(&found("/alice/wörk/", &named)),
            _ => Says::many("<d:sync-token>http://t/1</d:sync-token>"),
        }
    })
}

#[test]
fn events_that_may_not_be_named_are_counted() {
    let script = Script::start(|asked| {
        let broken = event_with("x", "DTSTART:soon");
        let member = |name: &str| {
            let props =
                format!("<d:getetag>\"1\"</d:getetag><c:calendar-data>{broken}</c:calendar-data>");
            found(&format!("/alice/work/{name}.ics"), &props)
        };
        let all = ["a", "b", "c"].map(member).concat();
        match asked.method == "PROPFIND" {
            true => Says::many(&found(
                "/alice/work/",
                "<d:resourcetype><d:collection/><c:calendar/></d:resourcetype>",
            )),
            false => Says::many(&format!("{all}<d:sync-token>http://t/1</d:sync-token>")),
        }
    });
    let command = format!("password_command = [\"echo\", \"{PASSWORD}\"]");
    let home = configured(&script.url(), "id = \"/alice/work/\"", &command);
    let ran = home.expect(5, &["sync"]);
    ran.says(&["work: an event could not be read: ", "(and 2 more);"]);
    let checked = home.expect(5, &["check"]).stdout;
    let lines = checked
        .lines()
        .filter(|line| line.contains("could not be read"));
    let lines: Vec<&str> = lines.collect();
    assert!(
        lines.len() == 1 && lines[0].contains("work: 3 events: "),
        "{checked}"
    );
}

#[test]
fn one_calendar_under_two_names_is_found_out() {
    let command = format!("password_command = [\"echo\", \"{PASSWORD}\"]");
    for (one, account, other) in [
        ("id = \"/alice/wörk/\"", "cloud", "name = \"Work\""),
        ("id = \"/alice/wörk/\"", "also", "id = \"/alice/w%C3%B6rk\""),
        ("name = \"Work\"", "also", "name = \"Work\""),
    ] {
        let script = with_a_name();
        let home = configured(&script.url(), one, &command);
        home.configure_also(
            "",
            &format!(
                "[accounts.also]\nprovider = \"caldav\"\nurl = \"{}\"\nusername = \"bob\"\n{command}\n\
                 [calendars.xtra]\naccount = \"{account}\"\n{other}",
                script.url()
            ),
        );
        home.put("home", "a.ics", meeting("a", 3));
        for _ in 0..2 {
            let ran = home.expect(3, &["sync"]);
            ran.says(&["xtra: it is the same calendar as \"work\"", "twice"]);
        }
        home.expect(3, &["check"]);
        let puts = script.lines();
        assert!(puts.iter().all(|line| !line.starts_with("PUT")), "{puts:?}");
        assert!(home.blocks("home").is_empty());
    }
}
