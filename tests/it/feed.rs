//! Feeds, through the program: read only, believed only if whole, and their addresses kept to themselves.

use std::collections::BTreeMap;

use calsync::{
    clock::Clock,
    http::{Client, Line, Pace},
    model::{Href, Version},
    provider::{
        Cursor, Known, Provider as _,
        ics::{IcsCalendar, Origin, Site},
    },
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::support::{
    feed::{FeedServer, Said},
    program::{Home, event_with, meeting, meeting_at, set_mode, utc, weekly, write},
    shore::poll_out,
};

/// An installation that remembers nothing.
struct Nothing;

impl Known for Nothing {
    fn versions(&self) -> BTreeMap<Href, Version> {
        BTreeMap::new()
    }
}

/// The body of a calendar file, without what is around its events.
fn components(file: &str) -> String {
    let begin = file.find("BEGIN:VEVENT").unwrap();
    let end = file.rfind("END:VCALENDAR").unwrap();
    file[begin..end].to_owned()
}

/// One calendar that holds what these files hold.
fn together(files: &[String]) -> String {
    let inside: Vec<String> = files.iter().map(|file| components(file)).collect();
    crate::support::program::calendar(&inside.concat())
}

/// A home with a folder, and a feed of three events.
fn with_feed() -> (Home, FeedServer) {
    let server = FeedServer::start();
    server.publish(&three(), Some("\"v1\""));
    let home = with_origin(&server.url());
    (home, server)
}

fn with_origin(origin: &str) -> Home {
    let home = Home::with(&["home"]);
    home.configure_also("", &format!("[calendars.school]\nfeed = \"{origin}\"\n"));
    home
}

fn three() -> String {
    together(&[meeting("a", 3), meeting_at("b", 4, 11), weekly("c", 5)])
}

#[test]
fn a_feed_shows_in_the_others_and_costs_one_conditional_request_while_it_is_the_same() {
    let (home, server) = with_feed();
    home.expect(0, &["sync"]);
    assert_eq!(home.blocks("home").len(), 3);
    assert_eq!(server.asked().len(), 1);
    home.sync_idle();
    let asked = server.asked();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].contains("if-none-match: \"v1\""), "{}", asked[0]);
    server.publish(
        &together(&[meeting("a", 3), meeting("d", 7)]),
        Some("\"v2\""),
    );
    let report = home.expect(0, &["sync", "--json"]).json();
    assert_eq!(
        (&report["created"], &report["deleted"]),
        (&1.into(), &2.into())
    );
    assert_eq!(report["requests"], 1);
    home.expect(0, &["reset", "--all", "--yes"]);
    assert!(home.blocks("home").is_empty());
}

#[test]
fn a_feed_without_marks_is_known_by_its_text() {
    let (home, server) = with_feed();
    server.publish(&three(), None);
    home.sync();
    home.sync_idle();
    let report = home.expect(0, &["sync", "--json"]).json();
    let school = report["calendars"].as_array().unwrap();
    let school = school.iter().find(|c| c["name"] == "school").unwrap();
    assert_eq!(
        (&school["read"], &school["changed"]),
        (&"changes".into(), &0.into())
    );
}

#[test]
fn nothing_changed_is_believed_only_if_that_was_asked() {
    let (home, server) = with_feed();
    server.publish(&three(), None);
    home.sync();
    server.say_raw("HTTP/1.1 304 Not Modified", "");
    home.expect(5, &["sync"]).says(&["which was not asked"]);
    assert_eq!(home.blocks("home").len(), 3);
}

#[test]
fn once_a_day_a_feed_is_asked_for_without_a_condition() {
    let server = FeedServer::start();
    server.publish(&three(), Some("\"v1\""));
    let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
    let pull = |hours: i64, since: Option<&Cursor>| {
        let clock = Clock::at(now + SignedDuration::from_hours(hours));
        let pace = Pace {
            per_minute: 1_000_000,
            burst: 1_000_000,
        };
        let line = Line::new(&Client::new(&clock), pace);
        let origin = Origin::Web(Site::read(&server.url()).unwrap());
        let mut feed = IcsCalendar::new(origin, line, &[], &TimeZone::UTC);
        poll_out(feed.pull(since, &Nothing)).unwrap()
    };
    let first = pull(0, None).cursor;
    server.asked();
    let mut since = first;
    for (hours, is_conditional) in [(1, true), (23, true), (25, false), (26, true), (1, false)] {
        let pulled = pull(hours, since.as_ref());
        let asked = server.asked().pop().unwrap();
        assert_eq!(asked.contains("if-none-match"), is_conditional, "{hours}");
        assert!(pulled.changes.is_empty(), "the text is the same");
        since = pulled.cursor;
    }
}

#[test]
fn the_time_of_a_change_will_do_as_a_mark() {
    let (home, server) = with_feed();
    server.say(Said {
        body: three().into_bytes(),
        modified: Some("Sat, 21 Nov 2026 08:00:00 GMT".to_owned()),
        gzip: true,
        ..Said::default()
    });
    home.sync();
    assert_eq!(home.blocks("home").len(), 3);
    server.asked();
    home.sync_idle();
    assert!(server.asked()[0].contains("if-modified-since: sat, 21 nov 2026 08:00:00 gmt"));
}

#[test]
fn events_whose_uids_are_new_each_time_are_known_by_what_they_say() {
    let (home, server) = with_feed();
    let stamped = |round: u32, shift: i32| {
        let uid = |n: u32| format!("{round}-{n}-{}", round * 7919 + n);
        together(&[
            meeting(&uid(1), 3),
            meeting(&uid(2), 3),
            meeting_at(&uid(3), 4 + shift, 11),
            weekly(&uid(4), 5),
        ])
        .replace("20260101T000000Z", &format!("2026010{round}T000000Z"))
    };
    server.publish(&stamped(1, 0), None);
    home.sync();
    let blocks = home.blocks("home");
    assert_eq!(blocks.len(), 4, "two events at one time are two");
    for round in 2..5 {
        server.publish(&stamped(round, 0), None);
        home.sync_idle();
        assert_eq!(home.blocks("home"), blocks, "round {round}");
    }
    server.publish(&stamped(5, 1), None);
    let report = home.expect(0, &["sync", "--json"]).json();
    assert_eq!(
        (&report["created"], &report["deleted"], &report["updated"]),
        (&1.into(), &1.into(), &0.into())
    );
}

/// How many events there are in a feed of [`renamed`] ones, and how many of them are busy.
const RENAMED: (usize, usize) = (24, 18);

/// A feed of events that have other UIDs in each round, and come in another order. On each day two of four are at one time with
/// other words, and two at another, of which one is free. Of the first two, Ada may come to one, and does not come to the other.
fn renamed(round: usize) -> String {
    let ada = |answer| format!("ATTENDEE;PARTSTAT={answer}:mailto:ada@example.org\r\n");
    let event = |n: usize| {
        let uid = format!(
            "{:05x}-{round}",
            (n + 1) * (7_919 + round * 104_729) % 65_521
        );
        let from_today = 2 + i32::try_from(n / 4).unwrap();
        let text = meeting_at(&uid, from_today, if n % 4 < 2 { 9 } else { 14 });
        let more = match n % 4 {
            0 => ada("TENTATIVE"),
            1 => ada("DECLINED"),
            2 => String::new(),
            _ => "TRANSP:TRANSPARENT\r\n".to_owned(),
        };
        let text = text.replace(
            "SUMMARY:Meeting",
            &format!("{more}SUMMARY:Meeting {}", n % 4),
        );
        text.replace("20260101T000000Z", &format!("20260101T0000{round:02}Z"))
    };
    let mut files: Vec<String> = (0..RENAMED.0).map(event).collect();
    files.rotate_left(round % RENAMED.0);
    together(&files)
}

/// A home with a folder and a feed, both in step, and the names of the blocks there.
fn with_renamed() -> (Home, FeedServer, Vec<String>) {
    let server = FeedServer::start();
    server.publish(&renamed(0), None);
    let home = with_origin(&server.url());
    home.sync();
    let names = names(&home);
    assert_eq!(names.len(), RENAMED.1);
    (home, server, names)
}

fn names(home: &Home) -> Vec<String> {
    home.blocks("home").into_keys().collect()
}

/// Runs, and sees to it that no block came or went.
fn expect_names(home: &Home, args: &[&str], before: &[String], why: &str) {
    let report = home.expect(0, args).json();
    let came_and_went = (&report["created"], &report["deleted"]);
    assert_eq!(came_and_went, (&0.into(), &0.into()), "{why}");
    assert_eq!(names(home), before, "{why}");
}

#[test]
fn events_with_new_uids_keep_their_names_when_all_is_read_anew() {
    let (home, server, before) = with_renamed();
    for round in 1..4 {
        server.publish(&renamed(round), None);
        expect_names(&home, &["sync", "--full", "--json"], &before, "--full");
        home.sync_idle();
    }
}

#[test]
fn what_keeps_its_uid_takes_no_name_of_what_said_the_same_and_is_gone() {
    for (kept, gone) in [("a", "b"), ("b", "a")] {
        let server = FeedServer::start();
        server.publish(&meeting(kept, 3), None);
        let home = with_origin(&server.url());
        home.sync();
        let before = names(&home);
        server.publish(&together(&[meeting(kept, 3), meeting(gone, 3)]), None);
        home.sync();
        assert_eq!(names(&home).len(), 2);
        server.publish(&meeting(kept, 3), None);
        home.expect(0, &["sync", "--full"]);
        assert_eq!(names(&home), before, "{gone} is gone");
    }
}

#[test]
fn a_meeting_that_is_made_anew_among_others_that_stay_is_another_one() {
    let server = FeedServer::start();
    let rest = [meeting("f", 4), meeting("g", 5), meeting("h", 6)];
    let with = |first: String| together(&[&[first], &rest[..]].concat());
    server.publish(&with(meeting("a", 3)), None);
    let home = with_origin(&server.url());
    home.configure_also(
        "",
        "[[rules]]\nfrom = \"school\"\nto = \"home\"\ndeleted = \"respect\"",
    );
    home.sync();
    let start = format!("DTSTART:{}", utc(3, "090000"));
    let is_it = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(&start);
    let block = home
        .blocks("home")
        .into_iter()
        .find(|(_, bytes)| is_it(bytes));
    home.delete("home", &block.unwrap().0);
    home.sync();
    home.sync_idle();
    assert_eq!(home.blocks("home").len(), 3);
    server.publish(&with(meeting("b", 3)), None);
    home.sync();
    assert_eq!(home.blocks("home").len(), 4);
}

#[test]
fn events_with_new_uids_keep_their_names_when_they_are_read_otherwise() {
    let (home, server, before) = with_renamed();
    let rule = |more: &str| format!("[[rules]]\nfrom = \"school\"\nto = \"home\"\n{more}");
    let plain = std::fs::read_to_string(home.config_file()).unwrap();
    let ways = [
        ("", rule("not_titles = [\"Other\"]")),
        ("", rule("not_titles = [\"Nothing\"]\nshow = \"title\"")),
        ("", rule("not_titles = [\"Nothing\"]\nshow = \"details\"")),
        ("", String::new()),
        ("me = [\"grace@example.org\"]", String::new()),
    ];
    for (round, (top, more)) in ways.iter().enumerate() {
        home.configure(&plain);
        home.configure_also(top, more);
        server.publish(&renamed(round + 1), None);
        expect_names(&home, &["sync", "--json"], &before, &format!("{top}{more}"));
        server.publish(&renamed(round + 11), None);
        home.sync_idle();
    }
}

#[test]
fn events_with_new_uids_keep_their_names_when_an_answer_counts_and_when_it_does_not() {
    let (home, server, before) = with_renamed();
    let plain = std::fs::read_to_string(home.config_file()).unwrap();
    let declined = RENAMED.0 / 4;
    for (round, (me, created, deleted)) in [
        ("me = [\"ada@example.org\"]", 0, declined),
        ("", declined, 0),
    ]
    .into_iter()
    .enumerate()
    {
        home.configure(&plain);
        home.configure_also(me, "");
        server.publish(&renamed(round + 1), None);
        let report = home.expect(0, &["sync", "--json"]).json();
        assert_eq!(report["created"], created, "{report}");
        assert_eq!(report["deleted"], deleted, "{report}");
    }
    assert_eq!(names(&home), before);
}

#[test]
fn events_with_new_uids_keep_their_names_at_another_address() {
    let (home, server, before) = with_renamed();
    let other = FeedServer::start();
    other.publish(&renamed(1), None);
    let text = std::fs::read_to_string(home.config_file()).unwrap();
    home.configure(&text.replace(&server.url(), &other.url()));
    expect_names(&home, &["sync", "--json"], &before, "another server");
    write(&home.path("school.ics"), renamed(2).as_bytes());
    home.configure(&text.replace(&server.url(), "~/school.ics"));
    expect_names(&home, &["sync", "--json"], &before, "a file");
    home.sync_idle();
}

#[test]
fn events_with_new_uids_keep_their_names_after_a_damaged_download() {
    let (home, server, before) = with_renamed();
    let whole = renamed(1);
    let cut = whole.rfind("BEGIN:VEVENT").unwrap();
    let damaged = format!("{}END:VCALENDAR\r\n<br />Fatal error\r\n", &whole[..cut]);
    server.publish(&damaged, None);
    home.expect(5, &["sync"]);
    assert_eq!(names(&home), before);
    server.publish(&renamed(2), None);
    expect_names(&home, &["sync", "--json"], &before, "whole again");
}

#[test]
fn nobody_is_told_to_read_all_anew_who_just_did() {
    let (home, server, _) = with_renamed();
    home.lose_state();
    let anew = "sync --full";
    server.publish(&renamed(1), None);
    home.expect(6, &["sync"]).says(&["does not remember", anew]);
    let twice = home.blocks("home");
    assert_eq!(twice.len(), 2 * RENAMED.1);
    server.publish(&renamed(2), None);
    let ran = home.expect(6, &["sync", "--full"]);
    ran.says(&["does not remember", "--allow-mass-delete"]);
    assert!(!ran.stderr.contains(anew), "{ran:?}");
    assert_eq!(home.blocks("home"), twice);
    server.publish(&renamed(3), None);
    home.expect(0, &["sync", "--allow-mass-delete"]);
    assert_eq!(home.blocks("home").len(), RENAMED.1);
    home.sync_idle();
}

/// Events of one UID, each with the second in which it was stamped.
fn stamped(seconds: &[u32]) -> String {
    let event = |(nth, second): (usize, &u32)| {
        let text = meeting("trip", 3 + i32::try_from(nth).unwrap());
        text.replace("20260101T000000Z", &format!("20260101T0000{second:02}Z"))
    };
    together(&seconds.iter().enumerate().map(event).collect::<Vec<_>>())
}

#[test]
fn events_of_one_uid_on_several_days_are_all_shown_whenever_each_was_stamped() {
    let rounds = [
        [1, 1, 1, 1, 1],
        [2, 2, 3, 3, 3],
        [5, 4, 4, 4, 4],
        [6, 7, 8, 9, 9],
    ];
    let server = FeedServer::start();
    let home = with_origin(&server.url());
    let folder = Home::with(&["work", "home"]);
    let mut before = None;
    for seconds in rounds {
        server.publish(&stamped(&seconds), None);
        folder.put("work", "trip.ics", stamped(&seconds));
        home.expect(0, &["sync"]);
        folder.expect(0, &["sync"]);
        let blocks = (home.blocks("home"), folder.blocks("home"));
        assert_eq!((blocks.0.len(), blocks.1.len()), (5, 5), "{seconds:?}");
        assert_eq!(*before.get_or_insert_with(|| blocks.clone()), blocks);
    }
}

#[test]
fn what_is_no_whole_calendar_removes_nothing_and_tells_no_more_than_the_host() {
    let (home, server) = with_feed();
    home.sync();
    let blocks = home.blocks("home");
    let half = three();
    let half = &half[..half.len() / 2];
    let ok = "HTTP/1.1 200 OK\r\ncontent-type: text/calendar";
    let long = format!("{ok}\r\ncontent-length: {}", three().len());
    let lies: [(&str, &str, i32, &str); 14] = [
        (
            ok,
            "<!DOCTYPE html><title>Sign in</title>",
            5,
            "a web page and not with a calendar",
        ),
        (ok, half, 5, "does not hold a whole calendar"),
        (&long, half, 8, "the connection broke"),
        (ok, "", 5, "holds no calendar"),
        (ok, "garbage", 5, "holds no calendar"),
        ("HTTP/1.1 304 Nothing", "", 0, ""),
        ("HTTP/1.1 401 No", "", 5, "secret address"),
        ("HTTP/1.1 403 No", "", 5, "secret address"),
        ("HTTP/1.1 404 No", "", 5, "look up its address anew"),
        ("HTTP/1.1 410 No", "", 5, "look up its address anew"),
        (
            "HTTP/1.1 429 No\r\nretry-after: 600",
            "",
            8,
            "asked too often",
        ),
        (
            "HTTP/1.1 503 No\r\nretry-after: 600",
            "",
            8,
            "in trouble (503)",
        ),
        (
            "HTTP/1.1 302 There\r\nlocation: ftp://example.org/",
            "",
            5,
            "elsewhere",
        ),
        (
            "HTTP/1.1 302 Here\r\nlocation: /private-s3cr3t/basic.ics",
            "",
            5,
            "more than 5 times",
        ),
    ];
    for (head, body, code, words) in lies {
        server.say_raw(head, body);
        let ran = home.run(&["sync", "-v", "-v"]);
        assert_eq!(ran.code, code, "{head}: {ran:?}");
        assert!(ran.stderr.contains(words), "{head}: {ran:?}");
        assert!(!ran.all().contains("s3cr3t"), "{head}: {ran:?}");
        assert_eq!(home.blocks("home"), blocks, "{head}");
    }
    server.publish(&three(), None);
    home.sync();
    assert_eq!(home.blocks("home"), blocks);
}

#[test]
fn a_feed_that_is_suddenly_empty_goes_through_the_guard() {
    let (home, server) = with_feed();
    home.sync();
    server.publish(&crate::support::program::calendar(""), None);
    home.expect(6, &["sync"])
        .says(&["\"school\" is suddenly empty"]);
    assert_eq!(home.blocks("home").len(), 3);
}

#[test]
fn a_feed_may_point_elsewhere() {
    let (home, server) = with_feed();
    let real = FeedServer::start();
    real.publish(&three(), Some("\"r\""));
    server.say_raw(
        &format!("HTTP/1.1 307 There\r\nlocation: {}", real.url()),
        "",
    );
    home.sync();
    assert_eq!(home.blocks("home").len(), 3);
    home.sync_idle();
    assert_eq!(real.asked().len(), 2);
}

#[test]
fn one_odd_event_spoils_one_event() {
    let (home, server) = with_feed();
    home.sync();
    let odd = event_with("b", "DTSTART:tomorrow\nSUMMARY:s3cr3t");
    server.publish(
        &together(&[meeting("a", 3), odd, weekly("c", 5), meeting("d", 9)]),
        None,
    );
    let ran = home.expect(5, &["sync"]);
    ran.says(&["school: an event could not be read"]);
    assert!(!ran.all().contains("s3cr3t"));
    assert_eq!(
        home.blocks("home").len(),
        4,
        "what b said before still stands"
    );
}

#[test]
fn a_feed_that_looks_damaged_loses_nothing_by_that() {
    let (home, server) = with_feed();
    home.sync();
    let before = home.blocks("home");
    let whole = three();
    let one = meeting("a", 3);
    let fatal = format!("{one}<br />Fatal error: out of memory\r\n");
    let odd = one.clone() + &event_with("b", "DTSTART:tomorrow");
    let zeros = one.clone() + &"\0".repeat(whole.len() - one.len());
    for damaged in [fatal, odd, zeros] {
        server.publish(&damaged, None);
        for _ in 0..2 {
            home.expect(5, &["sync"]);
            assert_eq!(home.blocks("home"), before, "{damaged}");
        }
        server.publish(&whole, None);
        home.expect(0, &["sync"]);
        assert_eq!(home.blocks("home"), before);
    }
    server.publish(&one, None);
    home.expect(0, &["sync"]);
    assert_ne!(home.blocks("home"), before);
}

#[test]
fn a_feed_that_gets_a_footer_and_loses_nothing_is_believed_from_then_on() {
    let (home, server) = with_feed();
    home.sync();
    let before = home.blocks("home");
    let footer = "<!-- made in 0.3 s -->\r\n";
    server.publish(&(three() + footer), None);
    home.expect(0, &["sync"]);
    assert_eq!(home.blocks("home"), before);
    server.publish(&(meeting("a", 3) + footer), None);
    home.expect(0, &["sync"]);
    let left = home.blocks("home");
    assert_eq!(left.len(), before.len() - 2);
    server.publish(&(meeting("a", 4) + footer), None);
    home.expect(0, &["sync"]);
    assert_ne!(home.blocks("home"), left);
}

#[test]
fn the_address_is_kept_to_itself_and_nothing_is_written_there() {
    let (home, server) = with_feed();
    home.put("home", "own.ics", meeting("own", 8));
    let mut all = String::new();
    for args in [
        &["sync", "-v", "-v"][..],
        &["sync", "--json"],
        &["status"],
        &["status", "--json"],
        &["calendars"],
        &["calendars", "--json"],
        &["check"],
    ] {
        let ran = home.expect(0, args);
        all.push_str(&ran.all());
    }
    assert!(all.contains("127.0.0.1"), "{all}");
    assert!(!all.contains("s3cr3t"), "{all}");
    let state = std::fs::read(home.state_file()).unwrap();
    assert!(!String::from_utf8_lossy(&state).contains("s3cr3t"));
    assert!(server.asked().iter().all(|head| head.starts_with("get ")));
}

#[test]
fn a_password_in_the_address_goes_to_that_server_alone_and_is_shown_nowhere() {
    let (server, other) = (FeedServer::start(), FeedServer::start());
    server.publish(&three(), Some("\"v1\""));
    let address = server.url().replace("//", "//ada%40example.org:s3cr3t%21@");
    let home = with_origin(&address);
    set_mode(&home.config_file(), 0o644);
    let checked = home.expect(0, &["check"]);
    checked.shows(&["holds a password", "chmod 600"]);
    home.expect(0, &["sync"]);
    assert_eq!(home.blocks("home").len(), 3);
    let login = data_encoding::BASE64.encode(b"ada@example.org:s3cr3t!");
    let login = format!("authorization: basic {}", login.to_lowercase());
    let asked = server.asked();
    assert!(asked.iter().all(|head| head.contains(&login)), "{asked:?}");

    let there = format!("HTTP/1.1 302 There\r\nlocation: {}", other.url());
    server.say_raw(&there, "");
    other.publish(&three(), None);
    home.expect(0, &["sync"]);
    let asked = other.asked();
    assert!(
        asked.len() == 1 && !asked[0].contains("authorization"),
        "{asked:?}"
    );
    server.say_raw("HTTP/1.1 401 No", "");
    let mut all = String::new();
    for args in [
        &["sync", "-v", "-v"][..],
        &["sync", "--json"],
        &["check"],
        &["calendars", "--json"],
        &["status"],
        &["status", "--json"],
    ] {
        all.push_str(&home.run(args).all());
    }
    assert!(
        all.contains("user name and the password that stand in its address"),
        "{all}"
    );
    assert!(!all.contains("s3cr3t") && !all.contains("ada%40"), "{all}");
    let state = std::fs::read(home.state_file()).unwrap();
    let state = String::from_utf8_lossy(&state);
    assert!(!state.contains("s3cr3t") && !state.contains("ada%40"));
}

#[test]
fn a_password_that_is_not_escaped_is_a_mistake_that_shows_nothing_of_it() {
    for (address, words) in [
        ("https://zq1:zq2%@127.0.0.1:1/x", "write % itself as %25"),
        ("https://zq1:zq2%zz@127.0.0.1:1/x", "write % itself as %25"),
        ("http://zq1:zq2%e4@127.0.0.1:1/x", "write % itself as %25"),
        ("https://zq1:zq2/d@127.0.0.1:1/x", "write / as %2F"),
        ("https://zq1:12/zq2@127.0.0.1:1/x", "write / as %2F"),
        ("https://zq1:p@zq2/w:d@127.0.0.1:1/x", "write / as %2F"),
        ("webcal://zq1:zq2?d@127.0.0.1:1/x", "write / as %2F"),
        ("http://zq1:zq2#d@127.0.0.1:1/x", "write / as %2F"),
    ] {
        let home = with_origin(address);
        for args in [&["sync"][..], &["check"]] {
            let ran = home.expect(3, args);
            ran.says(&["[calendars.school] `feed` has ", words]);
            // Two letters alone may stand in the name of the home, which is random.
            let shown = ran.all();
            let is_told = ["zq1", "zq2"].iter().any(|word| shown.contains(word));
            assert!(!is_told, "{ran:?}");
        }
    }
    // An @ in a path, where there is no password, is part of the path.
    assert_eq!(Site::mistake("https://example.org/ada@example.org/x"), None);
}

#[test]
fn an_address_without_its_scheme_is_told_from_a_file_that_is_gone() {
    for (feed, hint) in [("example.org/x.ics", true), ("holidays/x.ics", false)] {
        let ran = with_origin(feed).expect(5, &["sync"]);
        assert!(ran.stderr.contains("x.ics is not there"), "{ran:?}");
        assert_eq!(
            ran.stderr.contains("begin it with https://"),
            hint,
            "{ran:?}"
        );
    }
}

#[test]
fn a_feed_may_be_one_file() {
    let home = with_origin("~/school.ics");
    let path = home.path("school.ics");
    write(&path, three().as_bytes());
    home.sync();
    assert_eq!(home.blocks("home").len(), 3);
    home.sync_idle();
    let text = together(&[meeting("a", 3), weekly("c", 5)]);
    write(&path, text.as_bytes());
    home.sync();
    assert_eq!(home.blocks("home").len(), 2);
    std::fs::remove_file(&path).unwrap();
    home.expect(5, &["sync"]).says(&["school.ics is not there"]);
    assert_eq!(home.blocks("home").len(), 2);
}

#[test]
fn mistakes_in_a_feed_are_told_each_with_its_line() {
    let home = Home::bare();
    home.configure(
        "timezone = \"Europe/Berlin\"\n\
         [calendars.a]\nfeed = \"http://example.org/a.ics\"\n\
         [calendars.b]\nfeed = \"ftp://example.org/a.ics\"\n\
         [calendars.c]\nfeed = \"https://example.org/a.ics\"\nrole = \"target\"\n\
         [calendars.d]\nfeed = \"https://example.org/b.ics\"\npath = \"x\"\n\
         [calendars.e]\nfeed = \"webcal://example.org/a.ics\"\nrole = \"source\"\n\
         [calendars.f]\nfeed = 3\n\
         [calendars.h]\nfeed = \"x.ics\"\nca_file = \"none.pem\"\n\
         [calendars.i]\nfeed = \"https://e.org/i\"\nca_file = \"none.pem\"\n\
         [calendars.g]\nfeeds = \"https://example.org/b.ics\"\n",
    );
    let ran = home.expect(3, &["check"]);
    ran.says(&[
        ":3: [calendars.a] `feed` must be an https address",
        ":5: [calendars.b] `feed` must be an https or webcal address",
        ":8: [calendars.c] a feed can only be read",
        ":10: [calendars.d] has `feed` beside `path`",
        ":12: [calendars.e] is the same calendar as [calendars.c]",
        ":16: [calendars.f] `feed` must be a text",
        "[calendars.h] `ca_file`: ",
        "[calendars.i] `ca_file`: ",
        "[calendars.g] unknown key `feeds`; did you mean `feed`?",
    ]);
}
