//! What a server tells badly, once or each time, and what it names in an odd way: nothing is taken away on account of it, and it
//! is asked again.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use calsync::{
    model::Href,
    provider::{Change, Place, Provider as _, Pulled},
};

use super::{
    odd::{
        FOLDER, Memory, block, calendar, data, etag, heard, listening, pull, reached, since, tell,
        token, told, whole,
    },
    program::configured,
};
use crate::support::{
    dav::{
        PASSWORD,
        script::{Heard, Says, Script, found, went},
        shelf::{Books, Shelf},
    },
    program::{Home, calendar as calendar_of, meeting, meeting_at},
    shore::poll_out,
};

/// A server with one event in one version, of which it tells this text as long as it is said to.
fn garbling(text: &'static str, times: usize) -> Script {
    let left = AtomicUsize::new(times);
    listening(move |asked| {
        if since(asked).is_some() {
            return Says::many(&(etag("a.ics", "1") + &token("http://t/1")));
        }
        let spend = |n: usize| n.checked_sub(1);
        match left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend) {
            Ok(_) => Says::many(&data("a.ics", "1").replace(&meeting("a.ics", 3), text)),
            Err(_) => tell(asked, "1"),
        }
    })
}

/// What there is to remember of what was told.
fn remembering(pulled: &Pulled) -> Memory {
    let versions = pulled.changes.iter().filter_map(|change| match change {
        Change::Seen(resource) => Some((resource.href.clone(), resource.version.clone())),
        Change::Unreadable { href, version, .. } => Some((href.clone(), version.clone())),
        Change::Gone(_) => None,
    });
    Memory {
        versions: versions.collect(),
        ..Memory::default()
    }
}

const BARE: &str = "BEGIN:VCALENDAR\nVERSION:2.0\nEND:VCALENDAR\n";
const TASK: &str = "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VTODO\nUID:t\nEND:VTODO\nEND:VCALENDAR\n";
const HALF: &str = "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:a\nDTSTART:20261123T0900";
const GARBLED: &str =
    "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\nDTSTART:2026\nEND:VEVENT\nEND:VCALENDAR\n";

#[test]
fn what_was_told_badly_is_read_again_in_the_same_version() {
    for text in [HALF, GARBLED, "&lt;html&gt;Sign in&lt;/html&gt;", BARE] {
        let script = garbling(text, 2);
        let mut known = Memory::default();
        for _ in 0..2 {
            known = remembering(&pull(&script, None, &known));
            assert_eq!(heard(&script).len(), 2, "one request more: {text}");
        }
        let pulled = pull(&script, None, &known);
        let [Change::Seen(resource)] = &pulled.changes[..] else {
            panic!("{text}: {pulled:?}");
        };
        assert_eq!((&*resource.version, resource.parts.len()), ("1", 1));
        heard(&script);
        pull(&script, None, &remembering(&pulled));
        assert_eq!(heard(&script).len(), 1, "then it is known");
    }
}

#[test]
fn an_event_in_whose_place_is_nothing_is_not_gone() {
    for text in [BARE, TASK] {
        let script = garbling(text, 1);
        let known = Memory {
            events: [Href::from("a.ics")].into(),
            ..Memory::default()
        };
        let pulled = pull(&script, None, &known);
        assert_eq!(told(&pulled), (vec![], vec!["a.ics"], vec![]), "{text}");
        assert_eq!(whole(&pulled), ["a.ics"]);
    }
    // What was a task all the time is none of calsync's.
    let script = garbling(TASK, 1);
    let pulled = pull(&script, None, &Memory::default());
    assert_eq!(told(&pulled), (vec!["a.ics"], vec![], vec![]));
    heard(&script);
    pull(&script, None, &remembering(&pulled));
    assert_eq!(heard(&script).len(), 1, "and not asked for again");
}

#[test]
fn a_page_that_is_refused_is_not_begun_again_and_again() {
    let script = listening(|asked| match since(asked) {
        Some("") => Says::many(&format!(
            "{}{}{}",
            etag("a.ics", "1"),
            went(FOLDER, 507),
            token("http://t/1")
        )),
        Some(_) => Says::status(507),
        None if asked.method == "PROPFIND" => Says::many(&format!(
            "{}{}",
            found(FOLDER, "<s:getctag>c1</s:getctag>"),
            etag("a.ics", "1"),
        )),
        None => tell(asked, "1"),
    });
    let pulled = pull(&script, None, &Memory::default());
    assert_eq!(whole(&pulled), ["a.ics"]);
    assert_eq!(heard(&script).len(), 5);
    // And from a token of an earlier run.
    let since = reached(&script, "http://t/1");
    let pulled = pull(&script, Some(&since), &Memory::default());
    assert_eq!(whole(&pulled), ["a.ics"]);
}

#[test]
fn a_version_goes_back_as_it_came() {
    for (told, sent, proper) in [
        ("\"7\"", "\"7\"", None),
        ("W/\"7\"", "W/\"7\"", Some("\"7\"")),
        ("7", "7", Some("\"7\"")),
        ("\"W/7\"", "\"W/7\"", None),
    ] {
        let condition = |asked: &Heard| {
            let head = asked.head.lines();
            let mut found = head.filter_map(|line| line.split_once(": "));
            let found = found.find(|(name, _)| name.eq_ignore_ascii_case("if-match"));
            found.map(|(_, value)| value.trim().to_owned())
        };
        // Servers that know the version by the name they gave it, and such as know it by its proper one.
        for known_as in [Some(sent), proper].into_iter().flatten() {
            let known_as = known_as.to_owned();
            let script = listening(move |asked| match &*asked.method {
                "PUT" | "DELETE" if condition(asked) != Some(known_as.clone()) => Says::status(412),
                "PUT" | "DELETE" => Says::status(204).with("ETag", told),
                _ if since(asked).is_some() => {
                    let found = etag("x.ics", "X").replace("\"X\"", told);
                    Says::many(&(found + &token("http://t/1")))
                }
                _ => Says::many(&data("x.ics", "X").replace("\"X\"", told)),
            });
            let pulled = pull(&script, None, &Memory::default());
            let known = remembering(&pulled);
            let place = Place::once("x.ics".into(), known.versions[&Href::from("x.ics")].clone());
            let place = poll_out(calendar(&script).replace(&place, &block(1))).unwrap();
            poll_out(calendar(&script).remove(&place)).unwrap();
            // What was written is known in the version that is listed.
            heard(&script);
            pull(&script, None, &known);
            assert_eq!(heard(&script).len(), 1);
        }
    }
}

/// A home with a folder and a calendar at a server.
pub(super) fn home_with(shelf: &Shelf, calendar: &str) -> Home {
    let command = format!("password_command = [\"echo\", \"{PASSWORD}\"]");
    configured(&shelf.script.url(), calendar, &command)
}

#[test]
fn blocks_stay_while_a_server_tells_nonsense_and_follow_when_it_makes_sense_again() {
    let says = Arc::new(std::sync::Mutex::new(None::<String>));
    let nonsense = Arc::clone(&says);
    let shelf = Shelf::saying(move |asked, mut answer| {
        if let Some(text) = &*nonsense.lock().unwrap()
            && asked.body.contains("calendar-multiget")
        {
            let (start, rest) = answer.body.split_once("<![CDATA[").unwrap();
            let (_, end) = rest.split_once("]]>").unwrap();
            answer.body = format!("{start}{text}{end}");
        }
        answer
    });
    let home = home_with(&shelf, "id = \"/alice/work/\"");
    shelf.books(|books| books.put("work", "a.ics", meeting("a", 3)));
    home.sync();
    for text in [BARE, TASK, HALF] {
        let before = home.blocks("home");
        assert_eq!(before.len(), 1);
        shelf.books(|books| books.put("work", "a.ics", meeting_at("a", 3, 14)));
        *says.lock().unwrap() = Some(text.to_owned());
        for _ in 0..2 {
            home.expect(5, &["sync"]).says(&["could not be read"]);
        }
        assert_eq!(home.blocks("home"), before);
        *says.lock().unwrap() = None;
        home.sync();
        assert_ne!(home.blocks("home"), before);
        shelf.books(|books| books.put("work", "a.ics", meeting("a", 3)));
        home.sync();
    }
    // A task beside it never was an event.
    let task = calendar_of("BEGIN:VTODO\nUID:t\nEND:VTODO");
    shelf.books(|books| books.put("work", "t.ics", task));
    home.sync_idle();
}

#[test]
fn a_version_that_changed_without_a_word_is_learned_by_the_next_run() {
    let shelf = Shelf::start();
    let home = home_with(&shelf, "id = \"/alice/work/\"");
    home.put("home", "a.ics", meeting("a", 3));
    home.put("home", "b.ics", meeting("b", 4));
    home.sync();
    home.sync_idle();
    shelf.books(Books::touch);
    home.put("home", "a.ics", meeting_at("a", 3, 14));
    home.delete("home", "b.ics");
    home.expect(5, &["sync"])
        .says(&["the next run looks again"]);
    home.sync();
    assert_eq!(shelf.texts("work").len(), 1);
    home.sync_idle();
}

#[test]
fn blocks_are_changed_and_removed_where_versions_are_weak_or_have_no_quotes() {
    let dresses: [fn(u64) -> String; 2] = [|v| format!("W/\"v{v}\""), |v| format!("v{v}")];
    for dress in dresses {
        let shelf = Shelf::start();
        shelf.books(|books| books.dress = Some(dress));
        let home = home_with(&shelf, "id = \"/alice/work/\"");
        home.put("home", "a.ics", meeting("a", 3));
        home.sync();
        home.put("home", "a.ics", meeting_at("a", 3, 14));
        home.sync();
        let (_, text) = shelf.texts("work").pop_first().unwrap();
        assert!(text.contains("T140000"), "{text}");
        home.sync_idle();
        home.delete("home", "a.ics");
        home.sync();
        assert!(shelf.texts("work").is_empty());
    }
}

#[test]
fn what_is_listed_is_not_gone_because_a_server_forgot_how_to_answer() {
    // After a listing it knows nothing but files any more, as one does whose application is being replaced.
    for several in [400, 405, 501] {
        let (armed, down) = (Arc::new(AtomicBool::new(false)), AtomicBool::new(false));
        let is_armed = Arc::clone(&armed);
        let shelf = Shelf::saying(move |asked, answer| {
            let is_armed = is_armed.load(Ordering::Relaxed);
            if is_armed && down.load(Ordering::Relaxed) {
                return match &*asked.method {
                    "GET" => Says::status(404),
                    _ => Says::status(several),
                };
            }
            let is_listing = asked.body.contains("sync-collection");
            down.store(is_armed && is_listing, Ordering::Relaxed);
            answer
        });
        let home = home_with(&shelf, "id = \"/alice/work/\"");
        for nth in 0..4 {
            let uid = format!("event-{nth}");
            shelf.books(|books| books.put("work", &format!("{uid}.ics"), meeting(&uid, 3 + nth)));
        }
        home.sync();
        home.sync_idle();
        // Two have other words, and one is new.
        for nth in [1, 2] {
            let uid = format!("event-{nth}");
            let text = meeting(&uid, 3 + nth).replace("SUMMARY:", "SUMMARY:Other ");
            shelf.books(|books| books.put("work", &format!("{uid}.ics"), text));
        }
        shelf.books(|books| books.put("work", "new.ics", meeting("new", 9)));
        armed.store(true, Ordering::Relaxed);
        home.expect(5, &["sync"])
            .says(&["the server lists it, and then does not know it"]);
        assert_eq!(home.blocks("home").len(), 4, "{several}");
        armed.store(false, Ordering::Relaxed);
        home.sync();
        assert_eq!(home.blocks("home").len(), 5, "{several}");
        home.sync_idle();
    }
}

#[test]
fn where_private_blocks_are_hidden_no_second_ones_are_written() {
    let shelf = Shelf::start();
    shelf.books(|books| books.hides = true);
    let home = home_with(&shelf, "id = \"/alice/work/\"");
    for nth in 0..3 {
        let uid = format!("event-{nth}");
        home.put("home", &format!("{uid}.ics"), meeting(&uid, 3 + nth));
    }
    home.sync();
    assert_eq!(shelf.texts("work").len(), 3);
    for _ in 0..4 {
        home.expect(5, &["sync"])
            .says(&["Nextcloud hides what is private", "visibility = \"public\""]);
        assert_eq!(shelf.texts("work").len(), 3);
    }
    home.expect(0, &["reset", "--all", "--yes"])
        .says(&["the server never showed anything of what calsync wrote there"]);
    // Its owner takes them away, and the rule says them openly.
    shelf.books(|books| books.items.clear());
    home.configure_also(
        "",
        "[[rules]]\nfrom = \"home\"\nto = \"work\"\nvisibility = \"public\"",
    );
    home.sync();
    home.sync_idle();
    assert_eq!(shelf.texts("work").len(), 3);
}

#[test]
fn a_calendar_that_keeps_an_account_out_keeps_it_out_of_no_other() {
    let shelf = Shelf::saying(|asked, answer| match &*asked.path {
        "/alice/lost/" => Says::status(401).with("WWW-Authenticate", "Basic realm=\"x\""),
        _ => answer,
    });
    shelf.call("/alice/also/", "also", "Also");
    let home = home_with(&shelf, "id = \"/alice/work/\"");
    home.configure_also(
        "",
        "[calendars.a_also]\naccount = \"cloud\"\nid = \"/alice/also/\"\n\
         [calendars.lost]\naccount = \"cloud\"\nid = \"/alice/lost/\"",
    );
    shelf.books(|books| books.put("also", "a.ics", meeting("a", 3)));
    for hour in [9, 11] {
        home.put("home", "b.ics", meeting_at("b", 4, hour));
        let ran = home.expect(5, &["sync"]);
        ran.says(&["calendar /alice/lost/", "and not here (401)"]);
        assert_eq!(home.blocks("home").len(), 1);
        assert_eq!(shelf.texts("work").len(), 2);
        let texts = shelf.texts("also");
        assert!(
            texts
                .values()
                .any(|text| text.contains(&format!("T{hour:02}0000")))
        );
    }
}
