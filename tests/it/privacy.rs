//! No word of anybody's event leaves the program: not in blocks, on the screen, in logs, in JSON, in the state file.

use std::{collections::BTreeMap, fs};

use crate::support::program::{Home, calendar, event_with, files_in, utc, wait_until, write};

/// What must never come out. Looked for in any case, since text may be folded to upper or lower case on its way.
const SECRET: &str = "zqx9secret";

/// Every property that can hold words, each with a secret of its own.
fn secrets(uid: &str, times: &str) -> String {
    let words = "SUMMARY:SECRETsummary\nDESCRIPTION:SECRETnotes\\nSECRETmore\nLOCATION:SECRETplace\n\
        ATTENDEE;CN=\"SECRETguest\";PARTSTAT=ACCEPTED:mailto:SECRETguest@example.org\n\
        ORGANIZER;CN=SECREThost:mailto:SECREThost@example.org\nCOMMENT:SECRETcomment\n\
        CATEGORIES:SECRETcategory,SECRETother\nURL:https://SECRET.example.org/\nX-SECRETname;X-P=SECRETparam:SECRETx\n\
        CONTACT:SECRETcontact\nRELATED-TO:SECRETrelated\nATTACH;FILENAME=SECRET.pdf:https://example.org/SECRET\n\
        RESOURCES:SECRETroom\nGEO:SECRETgeo\nCONFERENCE:https://meet.example.org/SECRET\nSTATUS:SECRETstatus\n\
        BEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT5M\nDESCRIPTION:SECRETalarm\nEND:VALARM";
    let text = event_with(
        uid,
        &format!("{times}\n{}", words.replace("SECRET", SECRET)),
    );
    let named = format!(
        "BEGIN:VCALENDAR\r\nX-WR-CALNAME:{SECRET}calendar\r\nX-WR-CALDESC:{SECRET}about\r\nNAME:{SECRET}name"
    );
    text.replacen("BEGIN:VCALENDAR", &named, 1)
}

/// Events that can be read, and those that cannot, in every way that a message may want to quote.
fn put_everything(home: &Home) {
    let start = utc(5, "090000");
    put_readable(home, &start);
    put_broken_events(home, &start);
    put_broken_files(home, &start);
}

fn put_readable(home: &Home, start: &str) {
    let good = [
        ("plain", format!("DTSTART:{start}\nDURATION:PT1H")),
        (
            "weekly",
            format!("DTSTART:{start}\nDURATION:PT2H\nRRULE:FREQ=WEEKLY"),
        ),
        (
            "zone",
            format!(
                "DTSTART;TZID={SECRET}zone:{}\nDURATION:PT1H",
                start.trim_end_matches('Z')
            ),
        ),
        (
            "zoned",
            format!(
                "DTSTART;TZID={SECRET}zone:{}\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3",
                start.trim_end_matches('Z')
            ),
        ),
    ];
    for (name, times) in good {
        home.put(
            "work",
            &format!("{name}.ics"),
            secrets(&format!("zqx9uid-{name}"), &times),
        );
    }
}

fn put_broken_events(home: &Home, start: &str) {
    let bad = [
        ("start", format!("DTSTART:{SECRET}")),
        ("none", format!("SUMMARY:{SECRET}")),
        ("end", format!("DTSTART:{start}\nDTEND:{SECRET}")),
        ("duration", format!("DTSTART:{start}\nDURATION:{SECRET}")),
        ("freq", format!("DTSTART:{start}\nRRULE:FREQ={SECRET}")),
        (
            "byday",
            format!("DTSTART:{start}\nRRULE:FREQ=WEEKLY;BYDAY={SECRET}"),
        ),
        (
            "until",
            format!("DTSTART:{start}\nRRULE:FREQ=WEEKLY;UNTIL={SECRET}"),
        ),
        (
            "part",
            format!("DTSTART:{start}\nRRULE:{SECRET}=1;FREQ=WEEKLY;COUNT={SECRET}"),
        ),
        ("rule", format!("DTSTART:{start}\nRRULE:{SECRET}")),
        ("moved", format!("DTSTART:{start}\nRECURRENCE-ID:{SECRET}")),
        ("colon", format!("DTSTART {SECRET}")),
        (
            "dates",
            format!(
                "DTSTART:{start}\nDURATION:PT1H\nEXDATE:{SECRET}\nRDATE:{SECRET}\nRRULE:FREQ=DAILY;COUNT=2"
            ),
        ),
    ];
    for (name, times) in bad {
        home.put(
            "work",
            &format!("bad-{name}.ics"),
            secrets(&format!("zqx9uid-{name}"), &times),
        );
    }
}

fn put_broken_files(home: &Home, start: &str) {
    let whole = secrets("zqx9uid-cut", &format!("DTSTART:{start}\nDURATION:PT1H"));
    let nested = format!("BEGIN:{SECRET}\n").repeat(40);
    for (name, content) in [
        ("cut.ics", whole[..whole.len() - 60].to_owned()),
        ("cr.ics", whole.replace("\r\n", "\r")[..200].to_owned()),
        ("words.ics", format!("{SECRET} and nothing else")),
        (
            "open.ics",
            format!("BEGIN:VCALENDAR\r\nBEGIN:{SECRET}\r\nEND:VCALENDAR\r\n"),
        ),
        (
            "odd.ics",
            calendar(&format!(
                "BEGIN:VEVENT\nUID:zqx9uid-odd\nDTSTART:{start}\nSUMMARY:a\n{SECRET}\nEND:{SECRET}"
            )),
        ),
        ("deep.ics", calendar(&nested)),
        ("no-uid.ics", whole.replace("UID:zqx9uid-cut\r\n", "")),
        (
            "no-uid-bad.ics",
            whole
                .replace("UID:zqx9uid-cut\r\n", "")
                .replace("DTSTART:", "DTSTART:x"),
        ),
        (
            "zone-bad.ics",
            calendar(&format!(
                "BEGIN:VTIMEZONE\nTZID:{SECRET}\nBEGIN:STANDARD\nDTSTART:{SECRET}\nTZOFFSETFROM:{SECRET}\nTZOFFSETTO:{SECRET}\nTZNAME:{SECRET}\nEND:STANDARD\nEND:VTIMEZONE\n\
             BEGIN:VEVENT\nUID:zqx9uid-tz\nDTSTART;TZID={SECRET}:{}\nDURATION:PT1H\nEND:VEVENT",
                start.trim_end_matches('Z')
            )),
        ),
    ] {
        home.put("work", name, content);
    }
}

fn leaks(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    let at = text.find(SECRET)?;
    Some(
        text.chars()
            .skip(text[..at].chars().count().saturating_sub(80))
            .take(200)
            .collect(),
    )
}

/// Everything the program says in a life: first run, second, dry runs, a change, a refusal, a removal.
fn a_life(home: &Home, form: &str) -> BTreeMap<String, String> {
    let mut said = BTreeMap::new();
    let mut note = |args: &[&str]| {
        let args = [args, &["--log-format", form]].concat();
        let ran = home.run(&args);
        assert!(matches!(ran.code, 0 | 5 | 6), "{args:?}: {ran:?}");
        said.insert(format!("{} {args:?}", home.world().len()), ran.all());
    };
    for args in [
        &["check", "-vv"][..],
        &["sync", "--dry-run", "-vv"],
        &["sync", "--dry-run", "--json"],
        &["sync", "-vv"],
        &["sync", "--json", "-vv"],
        &["status"],
        &["status", "--json"],
        &["calendars"],
        &["calendars", "--json"],
    ] {
        note(args);
    }
    home.delete("work", "plain.ics");
    note(&["sync", "-vv", "--full"]);
    note(&["reset", "--all", "--dry-run", "-vv"]);
    note(&["sync", "--json"]);
    note(&["status"]);
    said
}

#[test]
fn no_word_of_a_source_reaches_a_target_a_log_an_answer_or_the_state() {
    for form in ["text", "json"] {
        let home = Home::with(&["work", "home"]);
        put_everything(&home);
        let said = a_life(&home, form);
        for (args, text) in &said {
            assert_eq!(leaks(text.as_bytes()), None, "{args}");
        }
        assert!(
            said.values().any(|text| text.contains("bad-start.ics")),
            "file names may be told"
        );
        assert!(home.blocks("home").len() >= 2, "there is something to leak");
        for (name, bytes) in home.files("home") {
            assert_eq!(leaks(&bytes), None, "{name}");
            assert_eq!(leaks(name.as_bytes()), None);
            // Nor an id: from a block nobody can tell which event it stands for.
            assert!(
                !String::from_utf8(bytes).unwrap().contains("zqx9uid"),
                "{name}"
            );
        }
        let state = files_in(home.state_file().parent().unwrap());
        assert!(state.len() >= 2, "{:?}", state.keys());
        for (name, bytes) in state {
            assert_eq!(leaks(&bytes), None, "{name}");
        }
        assert!(
            !said.values().any(|text| text.contains("zqx9uid")),
            "no id of an event is told"
        );
    }
}

#[test]
fn the_state_of_a_run_under_way_holds_no_word_either() {
    let home = Home::with(&["work", "home"]);
    put_everything(&home);
    for number in 0..500 {
        let times = format!("DTSTART:{}\nDURATION:PT1H", utc(1 + number % 300, "070000"));
        home.put(
            "work",
            &format!("many{number}.ics"),
            secrets(&format!("zqx9uid-many{number}"), &times),
        );
    }
    let mut child = home.spawn(&["sync"]);
    wait_until("some blocks", || home.blocks("home").len() > 20);
    child.kill().unwrap();
    child.wait().unwrap();
    // With a run cut short the write-ahead log is still there.
    let state = files_in(home.state_file().parent().unwrap());
    assert!(state.contains_key("state.db-wal"), "{:?}", state.keys());
    for (name, bytes) in state {
        assert_eq!(leaks(&bytes), None, "{name}");
    }
    for (name, bytes) in home.files("home") {
        assert_eq!(leaks(&bytes), None, "{name}");
    }
}

#[test]
fn a_mistake_in_the_configuration_or_key_shows_no_key() {
    let home = Home::with(&["work", "home"]);
    home.give_key(SECRET);
    for args in [&["sync", "-vv"][..], &["sync", "--json"], &["check"]] {
        assert_eq!(leaks(home.expect(3, args).all().as_bytes()), None);
    }
    fs::remove_file(home.key_file()).unwrap();
    write(
        &home.folder("work").join("a.ics"),
        secrets(
            "zqx9uid-a",
            &format!("DTSTART:{}\nDURATION:PT1H", utc(5, "090000")),
        )
        .as_bytes(),
    );
    home.sync();
    let key = fs::read_to_string(home.key_file()).unwrap();
    for args in [
        &["sync", "-vv", "--full"][..],
        &["status", "--json"],
        &["check", "-vv"],
    ] {
        assert!(
            !home.run(args).all().contains(&key.trim()[..16]),
            "{args:?}"
        );
    }
    for (name, bytes) in files_in(home.state_file().parent().unwrap()) {
        assert!(
            !String::from_utf8_lossy(&bytes).contains(key.trim()),
            "{name}"
        );
    }
}
