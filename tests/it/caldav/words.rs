//! Refusals: what calsync makes of each, and what it tells people to do.

use std::time::Duration;

use calsync::{
    auth::{Dav, words},
    http::{Pace, StatusCode},
    provider::{
        ErrorKind,
        caldav::answer::{
            Doing::{self, Changing, Creating, Finding, Looking, Reading, Removing},
            Refusal, Whose,
        },
    },
};

const WHOSE: Whose<'static> = Whose {
    account: "cloud",
    calendar: "/ada/work/",
    host: "dav.example.org",
};
/// What no message may show.
const HIDDEN: &str = "xyzzy-secret";
const RETRY: ErrorKind = ErrorKind::Retry(None);
const NO_UID: &str =
    "<error xmlns='DAV:' xmlns:C='urn:ietf:params:xml:ns:caldav'><C:no-uid-conflict/></error>";
const UNIQUE: &str = "<error xmlns='DAV:' xmlns:C='urn:ietf:params:xml:ns:caldav'><C:unique-scheduling-object-resource/></error>";
const TRASH: &str = "Deleted calendar object with uid already exists in this calendar collection.";
const HELD: &str = "Calendar object with uid already exists in this calendar collection.";
const WRAPPED: &str = "<multistatus xmlns='DAV:'><response><href>/x</href><status>HTTP/1.1 412 No</status></response></multistatus>";

/// Status, body, what was asked for; what calsync makes of it, and something of what it tells people.
const MEANINGS: [(u16, &str, Doing, ErrorKind, &str); 35] = [
    // What is to go needs no room.
    (507, "", Removing, ErrorKind::Broken, "report"),
    (413, "", Removing, ErrorKind::Broken, "report"),
    (
        401,
        "",
        Reading,
        ErrorKind::SignIn,
        "calsync auth add cloud",
    ),
    (
        403,
        "",
        Reading,
        ErrorKind::Refused,
        "ask its owner to share it",
    ),
    (403, "", Creating, ErrorKind::Refused, "role = \"source\""),
    (405, "", Changing, ErrorKind::Refused, "the right to edit"),
    (404, "", Reading, ErrorKind::Gone, "calsync calendars cloud"),
    (410, "", Reading, ErrorKind::Gone, "correct `id`"),
    (
        404,
        "",
        Creating,
        ErrorKind::Gone,
        "the calendar is not there",
    ),
    (
        409,
        "",
        Creating,
        ErrorKind::Gone,
        "the calendar is not there",
    ),
    (404, "", Changing, ErrorKind::Gone, "the event is gone"),
    (404, "", Looking, ErrorKind::Gone, "the event is gone"),
    (404, "", Finding, ErrorKind::Gone, "address of a web page"),
    (412, "", Creating, ErrorKind::Exists, "taken"),
    (
        412,
        "",
        Changing,
        ErrorKind::Conflict,
        "changed during the run",
    ),
    (
        409,
        NO_UID,
        Creating,
        ErrorKind::Conflict,
        "in use by another",
    ),
    (
        412,
        NO_UID,
        Creating,
        ErrorKind::Conflict,
        "in use by another",
    ),
    (
        403,
        UNIQUE,
        Creating,
        ErrorKind::Conflict,
        "in use by another",
    ),
    (207, WRAPPED, Creating, ErrorKind::Exists, "taken"),
    (400, TRASH, Creating, ErrorKind::Spent, "trash"),
    (
        400,
        HELD,
        Creating,
        ErrorKind::Refused,
        "visibility = \"public\"",
    ),
    (413, "", Creating, ErrorKind::Refused, "413"),
    (423, "", Changing, RETRY, "the next run tries again"),
    (429, "", Reading, RETRY, "requests_per_minute"),
    (500, "", Changing, RETRY, "500"),
    (502, "", Reading, RETRY, "502"),
    (503, "", Reading, RETRY, "maintenance"),
    (504, "", Creating, RETRY, "504"),
    (507, "", Creating, ErrorKind::Refused, "no room left"),
    (302, "", Creating, ErrorKind::Broken, "address as `id`"),
    (302, "", Reading, ErrorKind::Broken, "correct `url`"),
    (
        400,
        "",
        Reading,
        ErrorKind::Broken,
        "not as a calendar server does",
    ),
    (405, "", Finding, ErrorKind::Broken, "not of a web page"),
    (
        501,
        "",
        Reading,
        ErrorKind::Broken,
        "not as a calendar server does",
    ),
    (418, "", Creating, ErrorKind::Broken, "please report it"),
];

#[test]
fn every_refusal_has_its_meaning_and_says_what_to_do() {
    for (status, body, doing, kind, words) in MEANINGS {
        let body = format!("{body}<!-- {HIDDEN} -->");
        let status = StatusCode::from_u16(status).unwrap();
        let error = Refusal::of(status, body.as_bytes()).error(WHOSE, doing, None);
        assert_eq!(error.kind, kind, "{status} {doing:?} {body}");
        let message = &error.message;
        assert!(message.contains(words), "{status} {doing:?}: {message}");
        let whose = match kind {
            // What all calendars suffer from is said of none of them.
            ErrorKind::Retry(_) | ErrorKind::SignIn => "account cloud: ",
            _ => "account cloud, calendar /ada/work/: ",
        };
        assert!(message.starts_with(whose), "{message}");
        let is_whole = !message.contains('{') && !message.contains(HIDDEN);
        assert!(is_whole, "{message}");
    }
}

#[test]
fn a_server_that_names_a_time_is_given_it() {
    let wait = Some(Duration::from_secs(40));
    for status in [429, 503] {
        let status = StatusCode::from_u16(status).unwrap();
        let error = Refusal::of(status, b"").error(WHOSE, Reading, wait);
        assert_eq!(error.kind, ErrorKind::Retry(wait));
    }
}

fn wrong(url: &str, command: Option<Vec<String>>) -> String {
    let dav = Dav {
        url: url.to_owned(),
        username: "ada".to_owned(),
        command,
        roots: None,
        pace: Pace::default(),
    };
    words::wrong_password("cloud", &dav)
}

#[test]
fn a_wrong_password_is_told_by_what_the_service_wants() {
    for (url, words) in [
        ("https://caldav.icloud.com", "app-specific password"),
        (
            "https://p42-caldav.icloud.com:443/1/",
            "app-specific password",
        ),
        (
            "https://caldav.fastmail.com/dav/",
            "Fastmail wants an app password",
        ),
        ("https://noticloud.com", "Nextcloud"),
        ("https://cloud.example.org/remote.php/dav", "Nextcloud"),
    ] {
        let said = wrong(url, None);
        assert!(said.contains(words), "{url}: {said}");
        assert!(said.contains("calsync auth add cloud"), "{said}");
    }
    let said = wrong("https://e.org", Some(vec!["pass".to_owned()]));
    assert!(said.contains("`password_command`"), "{said}");
}
