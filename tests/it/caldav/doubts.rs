//! Listings that leave something out, or hold what does not belong there: what that says about what is gone, and what it does not.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use calsync::{
    model::Href,
    provider::{ErrorKind, Listing, Provider as _},
};

use super::{
    odd::{
        FOLDER, Memory, block, calendar, etag, heard, is_multiget, listening, pull, reached, since,
        tell, token, told, wanted, whole,
    },
    program::configured,
};
use crate::support::{
    dav::{
        PASSWORD,
        script::{Heard, Says, Script, found, went},
    },
    program::{meeting, meeting_at},
    shore::poll_out,
};

/// What was there before, all in one version.
fn knowing(names: impl IntoIterator<Item = String>) -> Memory {
    let versions = names
        .into_iter()
        .map(|name| (Href::from(&*name), "1".into()));
    Memory {
        versions: versions.collect(),
        ..Memory::default()
    }
}

/// A server that lists one of its events, and says this to everything else.
fn short(answer: impl Fn(&Heard) -> Says + Send + 'static) -> Script {
    listening(move |asked| match since(asked) {
        Some(_) => Says::many(&(etag("a.ics", "1") + &token("http://t/9"))),
        None => answer(asked),
    })
}

#[test]
fn what_a_whole_listing_leaves_out_is_asked_for_before_it_is_gone() {
    let script = short(|asked| {
        if is_multiget(asked) {
            return match wanted(asked).len() {
                1 => tell(asked, "2"),
                _ => Says::many(&(etag("b.ics", "2") + &went(&format!("{FOLDER}c.ics"), 404))),
            };
        }
        match asked.path.strip_prefix(FOLDER) {
            Some("d.ics") => Says::status(200)
                .with("ETag", "\"1\"")
                .body(meeting("d", 3)),
            Some("e.ics") => Says::status(403),
            _ => Says::status(404),
        }
    });
    let known = knowing(["a", "b", "c", "d", "e", "f"].map(|name| format!("{name}.ics")));
    let pulled = pull(&script, None, &known);
    // Told, not there, told alone, not told at all, and not there either.
    assert_eq!(whole(&pulled), ["a.ics", "b.ics", "d.ics", "e.ics"]);
    assert_eq!(told(&pulled).0, ["b.ics"], "only what is new is read");
    assert_eq!(heard(&script).len(), 1 + 1 + 3 + 1);
}

#[test]
fn what_is_not_listed_and_not_told_is_asked_for_again_in_the_next_run() {
    let is_sorry = Arc::new(AtomicBool::new(true));
    let sorry = Arc::clone(&is_sorry);
    let script = listening(move |asked| match since(asked) {
        Some("") => Says::many(&(etag("a.ics", "1") + &token("http://t/1"))),
        // No token tells again of what went before it was given.
        Some(_) => Says::many(&token("http://t/1")),
        None if is_multiget(asked) => Says::many(""),
        None if sorry.load(Ordering::Relaxed) => Says::status(403),
        None => Says::status(404),
    });
    let known = knowing(["a.ics", "b.ics"].map(str::to_owned));
    let first = pull(&script, None, &known);
    assert_eq!(whole(&first), ["a.ics", "b.ics"]);
    let second = pull(&script, first.cursor.as_ref(), &known);
    let nobody_knows: (Vec<&str>, _, Vec<&str>) = (vec![], vec!["b.ics"], vec![]);
    assert_eq!(told(&second), nobody_knows);
    is_sorry.store(false, Ordering::Relaxed);
    let third = pull(&script, second.cursor.as_ref(), &known);
    let gone: (Vec<&str>, Vec<&str>, _) = (vec![], vec![], vec!["b.ics"]);
    assert_eq!(told(&third), gone);
    heard(&script);
    let known = knowing(["a.ics".to_owned()]);
    let fourth = pull(&script, third.cursor.as_ref(), &known);
    assert_eq!((fourth.changes.len(), heard(&script).len()), (0, 1));
}

/// A server that says of so many events that they are gone since the last time, and then this.
fn forgetting(count: usize, answer: impl Fn(&Heard) -> Says + Send + 'static) -> Script {
    listening(move |asked| match since(asked) {
        Some(_) => {
            let gone = (0..count).map(|i| went(&format!("{FOLDER}{i:05}.ics"), 404));
            Says::many(&(gone.collect::<String>() + &token("http://t/2")))
        }
        None => answer(asked),
    })
}

#[test]
fn what_is_said_to_be_gone_is_asked_for_before_that_is_believed() {
    // One of them is there after all, and of one nothing is said any more.
    let script = forgetting(3, |asked| {
        assert!(is_multiget(asked), "{asked:?}");
        let there = etag("00000.ics", "1");
        Says::many(&(there + &went(&format!("{FOLDER}00001.ics"), 404)))
    });
    let known = knowing((0..3).map(|i| format!("{i:05}.ics")));
    let pulled = pull(&script, Some(&reached(&script, "http://t/1")), &known);
    assert_eq!(pulled.listing, Listing::Delta);
    let right: (Vec<&str>, Vec<&str>, Vec<&str>) = (vec![], vec![], vec!["00001.ics", "00002.ics"]);
    assert_eq!(told(&pulled), right, "and what is known is not read again");
    assert_eq!(heard(&script).len(), 2);
    // Nobody asks for what was never known to be there.
    let script = forgetting(3, |asked| panic!("{asked:?}"));
    let pulled = pull(
        &script,
        Some(&reached(&script, "http://t/1")),
        &Memory::default(),
    );
    assert_eq!((told(&pulled).2.len(), heard(&script).len()), (3, 1));
    // A server that is busy meanwhile has said nothing.
    let script = forgetting(3, |_| Says::status(503));
    let since = reached(&script, "http://t/1");
    let error = poll_out(calendar(&script).pull(Some(&since), &known)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Retry(None));
}

#[test]
fn of_very_many_that_are_said_to_be_gone_one_that_is_there_spoils_all() {
    for one_is_there in [false, true] {
        let script = forgetting(3_000, move |asked| {
            let is_there = one_is_there && asked.body.contains("00000.ics");
            Says::many(&if is_there {
                etag("00000.ics", "1")
            } else {
                String::new()
            })
        });
        let known = knowing((0..3_000).map(|i| format!("{i:05}.ics")));
        let since = reached(&script, "http://t/1");
        let pulled = poll_out(calendar(&script).pull(Some(&since), &known));
        assert_eq!(heard(&script).len(), 1 + 20);
        match one_is_there {
            false => assert_eq!(told(&pulled.unwrap()).2.len(), 3_000),
            true => assert_eq!(pulled.unwrap_err().kind, ErrorKind::Broken),
        }
    }
}

#[test]
fn nothing_is_gone_because_asking_for_it_failed() {
    let known = || knowing(["a", "b"].map(|name| format!("{name}.ics")));
    let script = short(|_| Says::status(503));
    let error = poll_out(calendar(&script).pull(None, &known())).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Retry(None));
    // A server that takes no such questions is asked for each alone.
    let script = short(|asked| match is_multiget(asked) {
        true => Says::status(501),
        false => Says::status(404),
    });
    assert_eq!(whole(&pull(&script, None, &known())), ["a.ics"]);
    let script = short(|asked| match is_multiget(asked) {
        true => Says::status(501),
        false => Says::status(400),
    });
    assert_eq!(whole(&pull(&script, None, &known())), ["a.ics", "b.ics"]);
}

#[test]
fn of_very_many_that_are_not_listed_only_some_are_asked_for() {
    for one_is_there in [false, true] {
        let script = short(move |asked| match &*asked.path {
            _ if is_multiget(asked) => Says::many(""),
            "/ada/work/00000.ics" if one_is_there => Says::status(200).with("ETag", "\"1\""),
            _ => Says::status(404),
        });
        let mut known = knowing((0..3_000).map(|i| format!("{i:05}.ics")));
        known.versions.insert("a.ics".into(), "1".into());
        let pulled = poll_out(calendar(&script).pull(None, &known));
        assert_eq!(heard(&script).len(), 1 + 20 + 50);
        match one_is_there {
            false => assert_eq!(whole(&pulled.unwrap()), ["a.ics"]),
            true => {
                let error = pulled.unwrap_err();
                assert_eq!(error.kind, ErrorKind::Broken);
                assert!(error.message.contains("leaves events out"), "{error}");
            }
        }
    }
}

#[test]
fn what_does_not_lie_in_the_calendar_is_none_of_it() {
    for stray in [
        "http://localhost:1/ada/work/secret.ics",
        "https://127.0.0.1/ada/work/secret.ics",
        "/ada/home/secret.ics",
        "/ada/secret.ics",
        "/ada/work/deep/secret.ics",
    ] {
        let script = listening(move |asked| match since(asked) {
            Some(_) => Says::many(&format!(
                "{}{}{}",
                etag("a.ics", "1"),
                found(stray, "<d:getetag>\"1\"</d:getetag>"),
                token("http://t/1")
            )),
            None => {
                assert_eq!(wanted(asked), ["a.ics"]);
                tell(asked, "1")
            }
        });
        let pulled = pull(&script, None, &Memory::default());
        // Nothing goes on the word of such a listing, and the next one begins anew.
        assert_eq!(
            (&pulled.listing, &pulled.cursor),
            (&Listing::Delta, &None),
            "{stray}"
        );
        let (seen, unreadable, gone) = told(&pulled);
        assert_eq!((seen, gone), (vec!["a.ics"], vec![]));
        assert_eq!(unreadable, ["//"], "{stray}");
        let words = format!("{:?}", pulled.changes);
        assert!(words.contains("do not lie in the calendar"), "{words}");
        assert!(!words.contains("secret"), "{words}");
    }
}

#[test]
fn a_listing_that_holds_what_lies_elsewhere_is_told_of_and_heals() {
    let strays = Arc::new(AtomicBool::new(true));
    let is_wrong = Arc::clone(&strays);
    let script = listening(move |asked| match since(asked) {
        Some(_) => {
            let stray = found("/ada/home/x.ics", "<d:getetag>\"1\"</d:getetag>");
            let stray = stray.repeat(usize::from(is_wrong.load(Ordering::Relaxed)));
            Says::many(&(etag("a.ics", "1") + &stray + &token("http://t/1")))
        }
        None => tell(asked, "1"),
    });
    let command = format!("password_command = [\"echo\", \"{PASSWORD}\"]");
    let home = configured(&script.url(), &format!("id = \"{FOLDER}\""), &command);
    let ran = home.expect(5, &["sync"]);
    ran.says(&["do not lie in the calendar", "calsync calendars"]);
    strays.store(false, Ordering::Relaxed);
    home.sync();
    home.sync_idle();
    let asked = heard(&script);
    assert!(
        asked.iter().all(|asked| !asked.path.contains("//")),
        "{asked:?}"
    );
}

#[test]
fn without_versions_nothing_is_changed_and_words_say_why() {
    let stands = std::sync::Mutex::new(String::new());
    let script = listening(move |asked| {
        let mut stands = stands.lock().unwrap();
        match &*asked.method {
            "PUT" => {
                stands.clone_from(&asked.body);
                Says::status(201)
            }
            _ => Says::status(200).body(&*stands),
        }
    });
    let mut calendar = calendar(&script);
    let place = poll_out(calendar.create(&block(1))).unwrap();
    heard(&script);
    let replaced = poll_out(calendar.replace(&place, &block(2))).unwrap_err();
    let removed = poll_out(calendar.remove(&place)).unwrap_err();
    for error in [replaced, removed] {
        assert_eq!(error.kind, ErrorKind::Refused);
        assert!(error.message.contains("names no versions"), "{error}");
    }
    assert_eq!(heard(&script), [], "nobody is asked in vain");
}

#[test]
fn an_id_that_is_in_use_elsewhere_is_not_tried_for_ever() {
    let conflict = |href: &str| {
        format!(
            "<d:error xmlns:d='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><c:no-uid-conflict><d:href>{href}</d:href>\
             </c:no-uid-conflict></d:error>"
        )
    };
    for (href, kind) in [
        ("/ada/home/x.ics", ErrorKind::Elsewhere),
        ("http://localhost:1/ada/work/x.ics", ErrorKind::Elsewhere),
        ("/ada/work/x.ics", ErrorKind::Conflict),
    ] {
        let says = Says::status(409).body(conflict(href));
        let script = listening(move |_| says.clone());
        let error = poll_out(calendar(&script).create(&block(1))).unwrap_err();
        assert_eq!(error.kind, kind, "{href}");
    }
    let says = Says::status(409).body(conflict("/ada/home/x.ics"));
    let script = listening(move |asked| match since(asked) {
        Some(_) => Says::many(&token("http://t/1")),
        None => says.clone(),
    });
    let command = format!("password_command = [\"echo\", \"{PASSWORD}\"]");
    let home = configured(&script.url(), &format!("id = \"{FOLDER}\""), &command);
    for (blocks, puts) in [(1, 4), (30, 40)] {
        for i in 0..blocks {
            home.put(
                "home",
                &format!("{i}.ics"),
                meeting_at(&i.to_string(), i, 8),
            );
        }
        heard(&script);
        home.expect(5, &["sync"])
            .says(&["in use in another calendar"]);
        let asked = heard(&script);
        let count = asked.iter().filter(|asked| asked.method == "PUT").count();
        assert_eq!(count, puts);
    }
}
