//! Where the calendars of an account are, and whom the password is shown to on the way there.

use calsync::{
    clock::Clock,
    provider::{Answer, ErrorKind, caldav::Offer},
};

use crate::support::{
    dav::{
        Kind, account,
        script::{Heard, Says, Script, found, went},
    },
    shore::poll_out,
};

fn offers(url: &str) -> Answer<Vec<Offer>> {
    poll_out(account(url, &Clock::System).calendars())
}

const WHO: &str = "<d:current-user-principal><d:href>/p/ada/</d:href></d:current-user-principal>";
const HOME: &str = "<c:calendar-home-set><d:href>/c/ada/</d:href></c:calendar-home-set>";

/// A calendar as a listing of a home shows it.
fn shown(href: &str, more: &str) -> String {
    found(
        href,
        &format!("<d:resourcetype><d:collection/><c:calendar/></d:resourcetype>{more}"),
    )
}

fn listing() -> String {
    let zone = "BEGIN:VCALENDAR\r\nBEGIN:VTIMEZONE\r\nTZID:/vendor/Europe/Berlin\r\nEND:VTIMEZONE\r\nEND:VCALENDAR";
    let events = "<c:supported-calendar-component-set><c:comp name=\"VEVENT\"/></c:supported-calendar-component-set>";
    let tasks = events.replace("VEVENT", "VTODO");
    let reads = "<d:current-user-privilege-set><d:privilege><d:read/></d:privilege></d:current-user-privilege-set>";
    [
        found("/c/ada/", "<d:resourcetype><d:collection/></d:resourcetype>"),
        shown("/c/ada/work/", &format!("<d:displayname>Work &amp; more</d:displayname>{events}<c:calendar-timezone>{zone}</c:calendar-timezone>")),
        shown("/c/ada/tasks/", &tasks),
        shown("/c/ada/others/", reads),
        went("/c/ada/broken/", 500),
    ]
    .concat()
}

/// A server that is found in the usual way from `start`.
fn usual(asked: &Heard, start: &str) -> Says {
    match &*asked.path {
        path if path == start => Says::many(&found(start, WHO)),
        "/p/ada/" => Says::many(&found("/p/ada/", HOME)),
        "/c/ada/" => Says::many(&listing()),
        _ => Says::status(404),
    }
}

fn names(offers: &[Offer]) -> Vec<(&str, &str, bool)> {
    let offers = offers.iter();
    offers.map(|o| (&*o.name, &*o.id, o.writable)).collect()
}

const EXPECTED: [(&str, &str, bool); 2] = [
    ("Work & more", "/c/ada/work/", true),
    ("others", "/c/ada/others/", false),
];

#[test]
fn calendars_are_found_from_the_address_itself() {
    let script = Script::start(|asked| usual(asked, "/dav/"));
    let offers = offers(&format!("{}/dav/", script.url())).unwrap();
    assert_eq!(names(&offers), EXPECTED);
    assert_eq!(offers[0].zone.as_deref(), Some("Europe/Berlin"));
    let lines = script.lines();
    assert_eq!(
        lines,
        ["PROPFIND /dav/", "PROPFIND /p/ada/", "PROPFIND /c/ada/"]
    );
}

#[test]
fn calendars_are_found_from_the_host_alone() {
    for first in [404, 405, 200] {
        let script = Script::start(move |asked| match &*asked.path {
            "/" => Says::status(first).body("<!DOCTYPE html><html>Welcome</html>"),
            "/.well-known/caldav" => Says::status(301).with("Location", "/dav"),
            _ => usual(asked, "/dav"),
        });
        assert_eq!(names(&offers(&script.url()).unwrap()), EXPECTED);
    }
}

#[test]
fn the_password_goes_to_nobody_else() {
    let stranger = Script::start(|_| Says::status(401));
    let there = stranger.url().replace("127.0.0.1", "localhost");
    let script = Script::start(move |asked| match &*asked.path {
        "/" => Says::many(&found("/", &WHO.replace("/p/", &format!("{there}/p/")))),
        _ => Says::status(307).with("Location", there.clone()),
    });
    let error = offers(&script.url()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Broken);
    assert!(error.message.contains("the password stays here"), "{error}");
    let error = offers(&format!("{}/moved/", script.url())).unwrap_err();
    assert!(error.message.contains("localhost"), "{error}");
    // Whoever listens at another port of this machine may be anybody.
    let there = stranger.url();
    let script = Script::start(move |_| Says::status(307).with("Location", there.clone()));
    let error = offers(&script.url()).unwrap_err();
    assert!(error.message.contains("the password stays here"), "{error}");
    assert!(stranger.heard().is_empty());
}

#[test]
fn circles_come_to_an_end() {
    let script = Script::start(|_| Says::status(302).with("Location", "/round"));
    let error = offers(&script.url()).unwrap_err();
    assert!(error.message.contains("circles"), "{error}");
    assert!(script.heard().len() < 20);
}

#[test]
fn a_web_page_is_told_from_a_calendar_server() {
    for (says, words) in [
        (
            Says::status(200).body("<html>Welcome</html>"),
            "a web page came",
        ),
        (Says::status(404), "address of a web page"),
        (Says::status(405), "not of a web page"),
        (
            Says::many(&found("/", "<d:displayname>x</d:displayname>")),
            "`url` must be the address",
        ),
        (
            Says::status(207).body("<html>Sign in</html>"),
            "a web page came",
        ),
        (Says::status(207).body("{}"), "makes no sense"),
    ] {
        let script = Script::start(move |_| says.clone());
        let error = offers(&script.url()).unwrap_err();
        assert!(error.message.contains(words), "{words}: {error}");
        assert!(error.message.contains("url"), "{error}");
    }
}

#[test]
fn a_server_in_maintenance_is_asked_again_later() {
    let script = Script::start(|_| Says::status(503).with("Retry-After", "20"));
    let error = offers(&script.url()).unwrap_err();
    let wait = Some(std::time::Duration::from_secs(20));
    assert_eq!(error.kind, ErrorKind::Retry(wait));
    assert_eq!(script.heard().len(), 1);
}

#[test]
fn a_wrong_password_is_believed_at_once() {
    let script = Script::start(|_| Says::status(401).with("WWW-Authenticate", "Basic realm=\"x\""));
    let account = account(&script.url(), &Clock::System);
    for asked in [1, 0] {
        let error = poll_out(account.calendars()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::SignIn);
        assert_eq!(script.heard().len(), asked, "nobody is locked out");
    }
}

#[test]
fn real_servers_are_found_from_their_host() {
    for kind in [Kind::Radicale, Kind::Xandikos] {
        let Some(server) = kind.shared() else {
            return;
        };
        let path = server.make_any();
        let offers = offers(&server.url()).unwrap();
        let offer = offers.iter().find(|offer| offer.id == path);
        let offer = offer.unwrap_or_else(|| panic!("{path} in {offers:?}"));
        assert!(offer.writable && path.contains(&offer.name));
    }
}
