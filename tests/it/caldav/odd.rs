//! Odd answers that real servers give now and then, and that tests cannot make them give.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use calsync::{
    clock::Clock,
    ident::{Mint, Subject},
    model::{Block, Face, Href, Shape, Span, Uid, Version},
    provider::{
        Change, Cursor, ErrorKind, Known, Listing, Place, Provider as _, Pulled,
        caldav::{CaldavCalendar, Which},
    },
};
use jiff::{SignedDuration, Timestamp};

use crate::support::{
    dav::{
        PASSWORD, account,
        script::{Heard, Says, Script, found, went},
    },
    program::meeting,
    shore::poll_out,
    world::home,
};

pub(super) const FOLDER: &str = "/ada/work/";

/// What an installation knows.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) versions: BTreeMap<Href, Version>,
    pub(super) wrote: bool,
    /// Where events were.
    pub(super) events: BTreeSet<Href>,
}

impl Known for Memory {
    fn versions(&self) -> BTreeMap<Href, Version> {
        self.versions.clone()
    }

    fn wrote(&self) -> bool {
        self.wrote
    }

    fn uid(&self, href: &Href) -> Option<Uid> {
        self.events.get(href).map(|_| "somebody's".into())
    }
}

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

/// A server that says what a test wants of a calendar, save that it is one.
pub(super) fn listening(answer: impl Fn(&Heard) -> Says + Send + 'static) -> Script {
    Script::start(move |asked| match is_check(asked) {
        true => Says::many(&found(
            FOLDER,
            "<d:resourcetype><d:collection/><c:calendar/></d:resourcetype>",
        )),
        false => answer(asked),
    })
}

/// Whether it is asked what may be done with a calendar.
fn is_check(asked: &Heard) -> bool {
    asked.path == FOLDER && asked.body.contains("current-user-privilege-set")
}

/// What was asked beside that.
pub(super) fn heard(script: &Script) -> Vec<Heard> {
    let mut heard = script.heard();
    heard.retain(|asked| !is_check(asked));
    heard
}

fn calendar_at(script: &Script, which: Which, now: Timestamp) -> CaldavCalendar {
    CaldavCalendar::new(
        &account(&script.url(), &Clock::at(now)),
        which,
        &[],
        &home(),
    )
}

pub(super) fn calendar(script: &Script) -> CaldavCalendar {
    calendar_at(script, Which::Id(FOLDER.to_owned()), now())
}

pub(super) fn pull(script: &Script, since: Option<&Cursor>, known: &Memory) -> Pulled {
    poll_out(calendar(script).pull(since, known)).unwrap()
}

/// Seen, unreadable and gone.
pub(super) fn told(pulled: &Pulled) -> (Vec<&str>, Vec<&str>, Vec<&str>) {
    let (mut seen, mut unreadable, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for change in &pulled.changes {
        match change {
            Change::Seen(resource) => seen.push(&*resource.href),
            Change::Unreadable { href, .. } => unreadable.push(&**href),
            Change::Gone(href) => gone.push(&**href),
        }
    }
    seen.sort_unstable();
    (seen, unreadable, gone)
}

pub(super) fn whole(pulled: &Pulled) -> Vec<&str> {
    match &pulled.listing {
        Listing::Whole(present) => present.iter().map(|href| &**href).collect(),
        Listing::Delta => panic!("a whole listing"),
    }
}

pub(super) fn etag(name: &str, version: &str) -> String {
    found(
        &format!("{FOLDER}{name}"),
        &format!("<d:getetag>\"{version}\"</d:getetag>"),
    )
}

pub(super) fn data(name: &str, version: &str) -> String {
    let text = meeting(name, 3);
    let props =
        format!("<d:getetag>\"{version}\"</d:getetag><c:calendar-data>{text}</c:calendar-data>");
    found(&format!("{FOLDER}{name}"), &props)
}

pub(super) fn token(token: &str) -> String {
    format!("<d:sync-token>{token}</d:sync-token>")
}

/// The resources that a multiget asks for.
pub(super) fn wanted(asked: &Heard) -> Vec<String> {
    let hrefs = asked.body.split("<d:href>").skip(1);
    let names = hrefs.filter_map(|text| text.split("</d:href>").next()?.strip_prefix(FOLDER));
    names.map(str::to_owned).collect()
}

pub(super) fn is_multiget(asked: &Heard) -> bool {
    asked.body.contains("calendar-multiget")
}

/// The token that a listing is asked to go on from; none if the request is another one.
pub(super) fn since(asked: &Heard) -> Option<&str> {
    let (_, rest) = asked.body.split_once("<d:sync-token>")?;
    rest.split("</d:sync-token>").next()
}

/// Tells of everything that is asked for.
pub(super) fn tell(asked: &Heard, version: &str) -> Says {
    let all: Vec<String> = wanted(asked)
        .iter()
        .map(|name| data(name, version))
        .collect();
    Says::many(&all.concat())
}

/// The same of a server that has these two and nothing else.
fn tell_of_two(asked: &Heard, version: &str) -> Says {
    let is_there = |name: &&String| matches!(&***name, "a.ics" | "b.ics");
    let (there, gone): (Vec<_>, Vec<_>) = wanted(asked).into_iter().partition(|n| is_there(&n));
    let there = there.iter().map(|name| data(name, version));
    let gone = gone
        .iter()
        .map(|name| went(&format!("{FOLDER}{name}"), 404));
    Says::many(&there.chain(gone).collect::<String>())
}

/// A server with two events, that knows no token but `http://t/1`, of which it says what it is told.
fn lost(says: Says) -> Script {
    listening(move |asked| match since(asked) {
        Some("") => Says::many(&format!(
            "{}{}{}",
            etag("a.ics", "1"),
            etag("b.ics", "1"),
            token("http://t/2")
        )),
        Some(_) => says.clone(),
        None => tell_of_two(asked, "1"),
    })
}

/// How far an earlier run read the calendar.
pub(super) fn reached(script: &Script, token: &str) -> Cursor {
    let url = format!("{}{FOLDER}", script.url());
    Cursor(
        serde_json::json!({"url": url, "mark": {"sync": token}, "whole": now().as_second() - 60})
            .to_string(),
    )
}

#[test]
fn a_listing_in_pages_is_read_to_its_end() {
    let script = listening(|asked| match since(asked) {
        Some("") => Says::many(&format!(
            "{}{}{}",
            etag("a.ics", "1"),
            went(FOLDER, 507),
            token("http://t/1")
        )),
        Some("http://t/1") => Says::many(&format!(
            "{}{}{}{}",
            etag("b.ics", "1"),
            etag("a.ics", "2"),
            went(&format!("{FOLDER}c.ics"), 404),
            token("http://t/2")
        )),
        _ => tell(asked, "2"),
    });
    let pulled = pull(&script, None, &Memory::default());
    assert_eq!(whole(&pulled), ["a.ics", "b.ics"]);
    assert_eq!(told(&pulled).0, ["a.ics", "b.ics"]);
    assert!(pulled.cursor.unwrap().0.contains("http://t/2"));
    assert_eq!(heard(&script).len(), 3);
}

#[test]
fn pages_that_lead_nowhere_are_not_believed() {
    let script =
        listening(|_| Says::many(&format!("{}{}", went(FOLDER, 507), token("http://t/1"))));
    let error = poll_out(calendar(&script).pull(None, &Memory::default())).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Broken);
    assert!(error.message.contains("does not end"), "{error}");
    // Nor if each has a token of its own, and nothing that was not told before.
    let pages = AtomicUsize::new(0);
    let script = listening(move |_| {
        let page = pages.fetch_add(1, Ordering::Relaxed);
        let told = etag("a.ics", "1") + &went(FOLDER, 507);
        Says::many(&(told + &token(&format!("http://t/{page}"))))
    });
    let error = poll_out(calendar(&script).pull(None, &Memory::default())).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Broken);
    assert!(heard(&script).len() < 100);
}

#[test]
fn a_lost_token_means_everything_however_it_is_said() {
    let named = "<d:error xmlns:d='DAV:'><d:valid-sync-token/></d:error>";
    for says in [
        Says::status(403).body(named),
        Says::status(412).body(named),
        Says::status(400),
        Says::status(404),
        Says::status(409),
        Says::status(410),
        Says::status(418),
        Says::status(422),
        // More changed than it says at once.
        Says::status(507),
    ] {
        let status = says.status;
        let script = lost(says);
        let pulled = pull(
            &script,
            Some(&reached(&script, "http://t/1")),
            &Memory::default(),
        );
        assert_eq!(whole(&pulled), ["a.ics", "b.ics"], "{status}");
    }
    // A server's own trouble may pass; only if it stays is the token to blame.
    let script = lost(Says::status(500));
    let mut calendar = calendar(&script);
    let since = reached(&script, "http://t/1");
    let error = poll_out(calendar.pull(Some(&since), &Memory::default())).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Retry(None));
    let pulled = poll_out(calendar.pull(Some(&since), &Memory::default())).unwrap();
    assert_eq!(whole(&pulled), ["a.ics", "b.ics"]);
}

#[test]
fn a_refusal_that_is_not_about_the_token_stays_one() {
    for (status, kind) in [(403, ErrorKind::Refused), (429, ErrorKind::Retry(None))] {
        let script = lost(Says::status(status));
        let since = reached(&script, "http://t/1");
        let error = poll_out(calendar(&script).pull(Some(&since), &Memory::default())).unwrap_err();
        assert_eq!(error.kind, kind);
        assert_eq!(heard(&script).len(), 1);
    }
}

#[test]
fn no_token_is_trusted_after_writing() {
    for (token, wrote, is_whole) in [
        ("4b825dc6", false, false),
        ("4b825dc6", true, true),
        // Of what came and went since, such servers need not say anything either.
        ("http://t/1", false, false),
        ("http://t/1", true, true),
    ] {
        let script = listening(move |asked| {
            assert!(since(asked).is_some());
            Says::many(&format!("<d:sync-token>{token}</d:sync-token>"))
        });
        let known = Memory {
            wrote,
            ..Memory::default()
        };
        let pulled = pull(&script, Some(&reached(&script, token)), &known);
        assert_eq!(
            pulled.listing != Listing::Delta,
            is_whole,
            "{token} {wrote}"
        );
        assert_eq!(heard(&script).len(), 1);
    }
}

#[test]
fn once_a_day_everything_is_compared() {
    let script = lost(Says::many(&token("http://t/1")));
    let known = Memory {
        versions: [
            (Href::from("a.ics"), "1".into()),
            (Href::from("b.ics"), "1".into()),
            (Href::from("silently-gone.ics"), "1".into()),
        ]
        .into(),
        ..Memory::default()
    };
    let since = reached(&script, "http://t/1");
    let which = Which::Id(FOLDER.to_owned());
    for (hours, is_whole) in [(23, false), (25, true), (-1, true)] {
        let later = now() + SignedDuration::from_hours(hours);
        let mut calendar = calendar_at(&script, which.clone(), later);
        let pulled = poll_out(calendar.pull(Some(&since), &known)).unwrap();
        assert_eq!(pulled.listing != Listing::Delta, is_whole, "{hours}");
        assert!(pulled.changes.is_empty(), "what is known is not read again");
        let requests = if is_whole { 2 } else { 1 };
        assert_eq!(
            heard(&script).len(),
            requests,
            "what is missing is asked for"
        );
        if is_whole {
            assert_eq!(whole(&pulled), ["a.ics", "b.ics"]);
        }
    }
}

/// A server that knows neither tokens nor, if there is none, tags.
fn without_sync(refusal: u16, tag: Option<&'static str>) -> Script {
    listening(move |asked| {
        if since(asked).is_some() {
            return Says::status(refusal);
        }
        if asked.body.contains("getctag") {
            let tag = tag.map_or(String::new(), |tag| format!("<s:getctag>{tag}</s:getctag>"));
            return Says::many(&found(FOLDER, &tag));
        }
        if is_multiget(asked) {
            return tell_of_two(asked, "2");
        }
        let own = "<d:getetag>\"x\"</d:getetag><d:resourcetype><d:collection/></d:resourcetype>";
        Says::many(&format!(
            "{}{}{}",
            found(FOLDER, own),
            etag("a.ics", "1"),
            etag("b.ics", "2")
        ))
    })
}

#[test]
fn a_server_that_cannot_say_what_changed_is_compared_with() {
    let known = Memory {
        versions: [
            (Href::from("a.ics"), "1".into()),
            (Href::from("gone.ics"), "1".into()),
        ]
        .into(),
        ..Memory::default()
    };
    for refusal in [400, 403, 405, 501, 507] {
        let script = without_sync(refusal, Some("c1"));
        let first = pull(&script, None, &known);
        assert_eq!(whole(&first), ["a.ics", "b.ics"], "{refusal}");
        assert_eq!(told(&first).0, ["b.ics"], "only what is new is read");
        assert_eq!(heard(&script).len(), 5, "what is not listed is asked for");
        let same = pull(&script, first.cursor.as_ref(), &known);
        assert_eq!((same.listing, same.changes), (Listing::Delta, Vec::new()));
        assert_eq!(script.lines(), [format!("PROPFIND {FOLDER}")]);
        let wrote = Memory {
            wrote: true,
            ..Memory::default()
        };
        let again = pull(&script, same.cursor.as_ref(), &wrote);
        assert_eq!(whole(&again), ["a.ics", "b.ics"]);
        let moved = Cursor(same.cursor.unwrap().0.replace("c1", "c0"));
        assert_eq!(whole(&pull(&script, Some(&moved), &known)).len(), 2);
    }
    let script = without_sync(501, None);
    let all = pull(&script, None, &Memory::default());
    heard(&script);
    let known = Memory {
        versions: [
            (Href::from("a.ics"), "1".into()),
            (Href::from("b.ics"), "2".into()),
        ]
        .into(),
        ..Memory::default()
    };
    let again = pull(&script, all.cursor.as_ref(), &known);
    assert_eq!((whole(&again).len(), again.changes.len()), (2, 0));
    assert_eq!(heard(&script).len(), 1);
}

#[test]
fn what_a_server_lists_beside_events_is_left_out() {
    let script = listening(|asked| {
        if is_multiget(asked) {
            assert_eq!(wanted(asked), ["caf%C3%A9%20b.ics"]);
            // The same, spelled otherwise, and with what the server does not have.
            let says = data("caf%c3%a9%20b.ics", "1").replace(
                "</d:response>",
                "<d:propstat><d:prop><d:getetag>\"9\"</d:getetag><c:calendar-data/></d:prop>\
                 <d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response>",
            );
            return Says::many(&says);
        }
        let folder = "<d:getetag>\"x\"</d:getetag>";
        let base = format!("https://elsewhere.example.org{FOLDER}");
        Says::many(&format!(
            "{}{}{}{}",
            found(FOLDER, folder),
            found(&base, folder),
            found(&format!("{FOLDER}sub/"), folder),
            etag("café b.ics", "1") + &token("http://t/1"),
        ))
    });
    let pulled = pull(&script, None, &Memory::default());
    assert_eq!(whole(&pulled), ["café b.ics"]);
    let [Change::Seen(resource)] = &pulled.changes[..] else {
        panic!("{pulled:?}");
    };
    assert_eq!((&*resource.href, &*resource.version), ("café b.ics", "1"));
}

#[test]
fn not_to_be_told_is_not_to_be_gone() {
    let script = listening(|asked| {
        if let Some(since) = since(asked) {
            assert_eq!(since, "http://t/1");
            let all = ["a.ics", "gone.ics", "hidden.ics", "lost.ics", "secret.ics"];
            let all: Vec<String> = all.iter().map(|name| etag(name, "1")).collect();
            return Says::many(&format!("{}{}", all.concat(), token("http://t/2")));
        }
        if is_multiget(asked) {
            let gone = went(&format!("{FOLDER}gone.ics"), 404);
            return Says::many(&format!("{}{gone}", data("a.ics", "1")));
        }
        match asked.path.strip_prefix(FOLDER) {
            Some("hidden.ics") => Says::status(200)
                .with("ETag", "W/\"2\"")
                .body(meeting("hidden", 2)),
            Some("secret.ics") => Says::status(403),
            _ => Says::status(404),
        }
    });
    let pulled = pull(
        &script,
        Some(&reached(&script, "http://t/1")),
        &Memory::default(),
    );
    let (seen, unreadable, gone) = told(&pulled);
    assert_eq!(seen, ["a.ics", "hidden.ics"]);
    assert_eq!(unreadable, ["secret.ics"]);
    assert_eq!(gone, ["gone.ics", "lost.ics"]);
}

#[test]
fn one_odd_resource_spoils_itself_alone() {
    let script = listening(|asked| {
        if since(asked).is_some() {
            let all = ["a.ics", "odd.ics"].map(|name| etag(name, "1")).concat();
            return Says::many(&format!("{all}{}", token("http://t/1")));
        }
        match asked.path.strip_prefix(FOLDER) {
            Some("a.ics") => Says::status(200)
                .with("ETag", "\"1\"")
                .body(meeting("a", 1)),
            Some("odd.ics") => Says::status(200).with("ETag", "\"1\"").body("no calendar"),
            // All of it, were it not for one character that XML does not have.
            _ => Says::many(&data("a.ics", "1").replace("Meeting", "&#1;")),
        }
    });
    let pulled = pull(&script, None, &Memory::default());
    let (seen, unreadable, _) = told(&pulled);
    assert_eq!((seen, unreadable), (vec!["a.ics"], vec!["odd.ics"]));
}

#[test]
fn what_a_server_would_not_tell_is_asked_for_again() {
    let is_shy = Arc::new(AtomicUsize::new(1));
    let shy = Arc::clone(&is_shy);
    let script = listening(move |asked| {
        if let Some(since) = since(asked) {
            let news = if since.is_empty() {
                etag("a.ics", "1")
            } else {
                String::new()
            };
            return Says::many(&format!("{news}{}", token("http://t/1")));
        }
        match shy.load(Ordering::Relaxed) {
            0 => tell(asked, "1"),
            _ if asked.method == "GET" => Says::status(403),
            _ => Says::many(""),
        }
    });
    let first = pull(&script, None, &Memory::default());
    let told_nothing: (Vec<&str>, _, Vec<&str>) = (vec![], vec!["a.ics"], vec![]);
    assert_eq!(told(&first), told_nothing);
    let [Change::Unreadable { version, .. }] = &first.changes[..] else {
        panic!("{first:?}");
    };
    assert_ne!(&**version, "1", "nobody saw that version");
    // No token brings it up again, and still it is tried until it is told; then no more.
    let second = pull(&script, first.cursor.as_ref(), &Memory::default());
    assert_eq!(told(&second), told_nothing);
    is_shy.store(0, Ordering::Relaxed);
    let third = pull(&script, second.cursor.as_ref(), &Memory::default());
    assert_eq!(told(&third), (vec!["a.ics"], vec![], vec![]));
    heard(&script);
    let fourth = pull(&script, third.cursor.as_ref(), &Memory::default());
    assert_eq!((fourth.changes.len(), heard(&script).len()), (0, 1));
}

#[test]
fn what_is_no_calendar_is_not_taken_for_an_empty_one() {
    let script = Script::start(|asked| match asked.body.contains("resourcetype") {
        true => Says::many(&found(
            FOLDER,
            "<d:resourcetype><d:collection/></d:resourcetype>",
        )),
        false => Says::many(&token("http://t/1")),
    });
    let error = poll_out(calendar(&script).pull(None, &Memory::default())).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Gone);
    assert!(error.message.contains("but no calendar"), "{error}");
}

#[test]
fn whether_it_is_a_calendar_is_asked_only_of_one_that_shows_no_event() {
    for (told, lines) in [
        (
            etag("a.ics", "1"),
            ["REPORT /ada/work/", "REPORT /ada/work/"],
        ),
        (String::new(), ["REPORT /ada/work/", "PROPFIND /ada/work/"]),
    ] {
        let script = listening(move |asked| match since(asked) {
            Some(_) => Says::many(&(told.clone() + &token("http://t/1"))),
            None => tell(asked, "1"),
        });
        let first = pull(&script, None, &Memory::default());
        assert_eq!(script.lines(), lines);
        let known = Memory {
            versions: [(Href::from("a.ics"), "1".into())].into(),
            ..Memory::default()
        };
        pull(&script, first.cursor.as_ref(), &known);
        assert_eq!(script.lines(), ["REPORT /ada/work/"], "and once");
    }
}

#[test]
fn a_name_is_looked_up_once_and_again_when_its_calendar_is_gone() {
    let moved = Arc::new(AtomicUsize::new(0));
    let place = Arc::clone(&moved);
    let script = listening(move |asked| {
        let at = format!("/ada/work{}/", place.load(Ordering::Relaxed));
        let is_there = asked.path == at;
        if since(asked).is_some() {
            return match is_there {
                true => Says::many(&token("http://t/1")),
                false => Says::status(404),
            };
        }
        let home = "<c:calendar-home-set><d:href>/ada/</d:href></c:calendar-home-set>";
        let kind = "<d:resourcetype><d:collection/><c:calendar/></d:resourcetype>";
        let named = format!("{kind}<d:displayname>Work</d:displayname>");
        match &*asked.path {
            "/" => Says::many(&found("/", home)),
            _ => Says::many(&found(&at, &named)),
        }
    });
    let which = Which::Name("Work".to_owned());
    let pull = |since: Option<&Cursor>| {
        let mut calendar = calendar_at(&script, which.clone(), now());
        poll_out(calendar.pull(since, &Memory::default())).unwrap()
    };
    let first = pull(None);
    assert_eq!(heard(&script).len(), 3, "two to find it, one to read it");
    let second = pull(first.cursor.as_ref());
    assert_eq!(script.lines(), ["REPORT /ada/work0/"]);
    moved.store(1, Ordering::Relaxed);
    let third = pull(second.cursor.as_ref());
    assert!(third.cursor.unwrap().0.contains("/ada/work1/"));
}

pub(super) fn block(hour: i8) -> Block {
    let mint = Mint::new(&[7; 32]);
    let stem = mint.stem(Subject {
        source: &"home".into(),
        uid: &"x".into(),
        occurrence: &"".into(),
        target: &"work".into(),
    });
    let start = now() + SignedDuration::from_hours(hour.into());
    Block {
        id: mint.id(&"work".into(), &stem, 0),
        shape: Shape::Once(Span::timed(start, start + SignedDuration::from_hours(1))),
        face: Face {
            title: "Busy".to_owned(),
            notes: String::new(),
            ..Face::default()
        },
    }
}

#[test]
fn what_is_in_the_way_of_a_block_is_told_apart() {
    let uid = |href: &str| {
        format!(
            "<d:error xmlns:d='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><c:no-uid-conflict>{href}</c:no-uid-conflict></d:error>"
        )
    };
    for (says, kind) in [
        (Says::status(412), ErrorKind::Exists),
        (Says::status(412).body(uid("")), ErrorKind::Conflict),
        (
            Says::status(409).body(uid("<d:href>/ada/work/x.ics</d:href>")),
            ErrorKind::Conflict,
        ),
        (
            Says::status(403).body(uid("<d:href>/ada/home/x.ics</d:href>")),
            ErrorKind::Elsewhere,
        ),
        (Says::many(&went("/ada/work/x.ics", 412)), ErrorKind::Exists),
        (Says::status(200 + 2), ErrorKind::Broken),
        (Says::status(507), ErrorKind::Refused),
        (
            Says::status(302).with("Location", "/other/"),
            ErrorKind::Broken,
        ),
    ] {
        let status = says.status;
        let script = listening(move |_| says.clone());
        let error = poll_out(calendar(&script).create(&block(1))).unwrap_err();
        assert_eq!(error.kind, kind, "{status}: {error}");
        let asked = heard(&script);
        assert_eq!(asked.len(), 1);
        assert!(
            asked[0]
                .head
                .to_ascii_lowercase()
                .contains("if-none-match: *")
        );
        let body = &asked[0].body;
        let quiet = ["ATTENDEE", "ORGANIZER", "VALARM", "METHOD"];
        assert!(quiet.iter().all(|word| !body.contains(word)), "{body}");
    }
}

/// What a server makes of a text, and of the how manieth.
type Rewording = fn(&str, usize) -> String;

#[test]
fn what_a_server_puts_into_its_own_words_is_read_back() {
    let same = |text: &str, _: usize| text.replace("PRODID:-//calsync", "PRODID:-//server");
    let title = |text: &str, _: usize| text.replace("SUMMARY:Busy", "SUMMARY:Other");
    // What somebody made of it in that moment is not how the server keeps it.
    let edit = |text: &str, put: usize| match put {
        1 => text.replace("SUMMARY:Busy", "SUMMARY:Dentist"),
        _ => text.to_owned(),
    };
    let edits = |text: &str, put: usize| text.replace("Busy", &format!("Dentist {put}"));
    let people = |text: &str, _: usize| {
        text.replace("SUMMARY", "ATTENDEE:mailto:bob@example.org\r\nSUMMARY")
    };
    let later = |text: &str, _: usize| text.replace("DTSTART:2026", "DTSTART:2025");
    let ways: [(Rewording, &str, usize); 6] = [
        (same, "v1", 2),
        (title, "v2", 4),
        (edit, "v2", 4),
        (edits, "unseen", 4),
        (people, "unseen", 2),
        (later, "unseen", 2),
    ];
    for (way, version, requests) in ways {
        let stands = std::sync::Mutex::new((String::new(), 0));
        let script = listening(move |asked| {
            let mut stands = stands.lock().unwrap();
            if asked.method == "PUT" {
                let put = stands.1 + 1;
                let text = way(&asked.body, put);
                let text = text.replace("END:VEVENT", "X-SERVER:1\r\nSEQUENCE:3\r\nEND:VEVENT");
                *stands = (text, put);
                return Says::status(201);
            }
            let (text, put) = &*stands;
            Says::status(200)
                .with("ETag", format!("\"v{put}\""))
                .body(text)
        });
        let place = poll_out(calendar(&script).create(&block(1))).unwrap();
        let asked = heard(&script);
        assert_eq!((&*place.version, asked.len()), (version, requests));
        if requests == 4 {
            let head = asked[2].head.to_ascii_lowercase();
            assert!(head.contains("if-match: \"v1\""), "{head}");
        }
    }
    let script = listening(|_| Says::status(204).with("ETag", "W/\"8\""));
    let place = poll_out(calendar(&script).create(&block(1))).unwrap();
    assert_eq!(&*place.version, "W/\"8\"");
    assert_eq!(heard(&script).len(), 1, "what is told is not asked");
}

#[test]
fn a_change_that_is_refused_is_looked_at() {
    let place = Place::once("x.ics".into(), "7".into());
    for (refusal, is_there, kind) in [
        (412, true, ErrorKind::Conflict),
        (412, false, ErrorKind::Gone),
        (404, false, ErrorKind::Gone),
        (404, true, ErrorKind::Conflict),
        (410, true, ErrorKind::Conflict),
        (409, true, ErrorKind::Conflict),
        (409, false, ErrorKind::Gone),
        (403, true, ErrorKind::Refused),
        (403, false, ErrorKind::Gone),
    ] {
        let script = listening(move |asked| match (&*asked.method, is_there) {
            ("GET", true) => Says::status(200).with("ETag", "\"8\""),
            ("GET", false) => Says::status(404),
            _ => Says::status(refusal),
        });
        let error = poll_out(calendar(&script).replace(&place, &block(1))).unwrap_err();
        assert_eq!(error.kind, kind, "{refusal} {is_there}");
        let asked = &heard(&script)[0];
        assert!(asked.head.to_ascii_lowercase().contains("if-match: \"7\""));
        let removed = poll_out(calendar(&script).remove(&place));
        match kind {
            ErrorKind::Gone => assert_eq!(removed, Ok(())),
            _ => assert_eq!(removed.unwrap_err().kind, kind),
        }
    }
}

#[test]
fn a_server_that_wants_digest_is_given_it_and_nothing_else_after_that() {
    let script = listening(|asked| {
        if asked.head.contains("Digest username=\"alice\"") {
            return Says::many(&token("http://t/1"));
        }
        Says::status(401).with(
            "WWW-Authenticate",
            "Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256",
        )
    });
    let mut calendar = calendar(&script);
    for _ in 0..2 {
        poll_out(calendar.pull(None, &Memory::default())).unwrap();
    }
    let proofs: Vec<bool> = heard(&script)
        .iter()
        .map(|asked| asked.head.contains("Digest") && !asked.head.contains(PASSWORD))
        .collect();
    assert_eq!(proofs, [false, true, true]);
    let script = listening(|_| {
        Says::status(401).with("WWW-Authenticate", "Digest realm=r, nonce=n, stale=true")
    });
    let error = poll_out(self::calendar(&script).pull(None, &Memory::default())).unwrap_err();
    assert_eq!(error.kind, ErrorKind::SignIn);
    assert!(heard(&script).len() <= 4, "no server may go on for ever");
}

/// How a server may fail at a calendar inside of what looks like a success, and what that is.
fn failures() -> Vec<(String, ErrorKind)> {
    let at = |status: u16| {
        format!(
            "<d:response><d:href>{FOLDER}</d:href><d:propstat><d:prop><d:resourcetype/></d:prop>\
             <d:status>HTTP/1.1 {status} X</d:status></d:propstat></d:response>"
        )
    };
    vec![
        (went(FOLDER, 401), ErrorKind::SignIn),
        (went(FOLDER, 403), ErrorKind::Refused),
        (went("/ada/work", 404), ErrorKind::Gone),
        (went(FOLDER, 500), ErrorKind::Retry(None)),
        (at(503), ErrorKind::Retry(None)),
        (at(403), ErrorKind::Refused),
    ]
}

#[test]
fn a_listing_that_failed_inside_of_a_success_is_no_empty_one() {
    let broken = [String::new(), etag("a.ics", "1")].map(|says| (says, ErrorKind::Broken));
    let by_listing = failures().into_iter().chain(broken);
    for (says, kind) in by_listing {
        let told = says.clone();
        let script = listening(move |asked| match since(asked) {
            Some(_) => Says::status(501),
            None if asked.body.contains("getctag") => Says::many(""),
            None if is_multiget(asked) => tell(asked, "1"),
            None => Says::many(&told),
        });
        let error = poll_out(calendar(&script).pull(None, &Memory::default())).unwrap_err();
        assert_eq!(error.kind, kind, "{says}: {error}");
    }
}

#[test]
fn what_changed_is_not_believed_of_a_server_that_failed_at_the_calendar() {
    for (says, kind) in failures() {
        // With a token beside it, and without one.
        for beside in [token("http://t/9"), String::new()] {
            let told = format!("{says}{beside}");
            let script = listening(move |_| Says::many(&told));
            for from in [None, Some(reached(&script, "http://t/1"))] {
                let pulled = poll_out(calendar(&script).pull(from.as_ref(), &Memory::default()));
                assert_eq!(pulled.unwrap_err().kind, kind, "{says}{beside}");
            }
        }
    }
    // Nothing at all is not that nothing is there.
    let script = listening(|_| Says::many(""));
    let error = poll_out(calendar(&script).pull(None, &Memory::default())).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Broken);
    assert!(
        error.message.contains("nothing of it is believed"),
        "{error}"
    );
}

#[test]
fn an_answer_that_would_keep_the_parser_busy_is_refused_with_words() {
    let attributes: Vec<String> = (0..2_000).map(|i| format!(" a{i}='b'")).collect();
    let attributes = attributes.concat();
    let script = listening(move |_| Says::many(&format!("<d:x{attributes}/>{}", token("t"))));
    let error = poll_out(calendar(&script).pull(None, &Memory::default())).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Broken);
    assert!(error.message.contains("too many attributes"), "{error}");
}

/// A server with so many events, which says of each of them that it is not there when it is asked for all at once.
fn denying(count: usize) -> Script {
    listening(move |asked| {
        if since(asked).is_some() {
            let names = (0..count).map(|i| etag(&format!("{i:02}.ics"), "1"));
            return Says::many(&(names.collect::<String>() + &token("http://t/2")));
        }
        if is_multiget(asked) {
            let wanted = wanted(asked).into_iter();
            let all = wanted.map(|name| went(&format!("{FOLDER}{name}"), 404));
            return Says::many(&all.collect::<String>());
        }
        match asked.path.ends_with("/00.ics") {
            true => Says::status(410),
            false => Says::status(200)
                .with("ETag", "\"1\"")
                .body(meeting("a", 1)),
        }
    })
}

#[test]
fn what_is_listed_is_not_gone_because_it_is_not_told_with_the_others() {
    let script = denying(3);
    let pulled = pull(
        &script,
        Some(&reached(&script, "http://t/1")),
        &Memory::default(),
    );
    let is_right: (Vec<&str>, Vec<&str>, Vec<&str>) =
        (vec!["01.ics", "02.ics"], vec![], vec!["00.ics"]);
    assert_eq!(told(&pulled), is_right);
    assert_eq!(heard(&script).len(), 5);
}

#[test]
fn what_is_there_and_gone_in_one_answer_is_asked_for() {
    for is_there in [true, false] {
        let script = listening(move |asked| match since(asked) {
            Some(_) => {
                let both = etag("a.ics", "1") + &went(&format!("{FOLDER}a.ics"), 404);
                Says::many(&(both + &token("http://t/2")))
            }
            None if is_multiget(asked) && is_there => tell(asked, "1"),
            None if is_multiget(asked) => Says::many(""),
            None => Says::status(404),
        });
        let known = Memory {
            versions: [(Href::from("a.ics"), "1".into())].into(),
            ..Memory::default()
        };
        let since = reached(&script, "http://t/1");
        let pulled = pull(&script, Some(&since), &known);
        let (seen, _, gone) = told(&pulled);
        let right = if is_there { (1, 0) } else { (0, 1) };
        assert_eq!((seen.len(), gone.len()), right);
    }
}

#[test]
fn a_server_that_takes_back_what_it_listed_is_not_believed() {
    let script = denying(11);
    let error = poll_out(calendar(&script).pull(None, &Memory::default())).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Broken);
    assert!(
        error.message.contains("nothing of it is believed"),
        "{error}"
    );
    assert_eq!(heard(&script).len(), 2);
}
