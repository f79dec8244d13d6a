//! The switchboard, the journal, and everything about answers that is not in them.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::TcpStream,
    sync::mpsc,
    thread,
    time::Duration,
};

use jiff::SignedDuration;
use serde_json::json;

use super::wire::{User, send};
use crate::support::google::{FakeGoogle, Fault, Gate, When, errors, exchange::Reply};

const ME: &str = "me@example.org";
const AT: &str = "/calendars/primary/events";

fn google() -> FakeGoogle {
    let fake = FakeGoogle::start_at("2026-11-21T08:00:00Z".parse().unwrap());
    fake.account(ME);
    fake.put(
        ME,
        json!({"id": "event1", "start": {"date": "2026-11-23"}, "end": {"date": "2026-11-24"}}),
    );
    fake
}

fn new_event() -> String {
    json!({"id": "event2", "start": {"date": "2026-11-23"}, "end": {"date": "2026-11-24"}})
        .to_string()
}

#[test]
fn the_nth_the_first_few_every_or_those_of_a_kind() {
    let fake = google();
    let me = User::of(&fake, ME);
    let statuses = |many: usize| (0..many).map(|_| me.get(AT).status).collect::<Vec<_>>();
    fake.fault(
        When::call("events.list").nth(2),
        Fault::Answer(errors::backend_error()),
    );
    assert_eq!(me.get("/calendars/primary").status, 200);
    assert_eq!(statuses(3), [200, 500, 200]);
    fake.clear_faults();
    fake.fault(When::any().first(2), Fault::Answer(errors::unavailable()));
    assert_eq!(statuses(3), [503, 503, 200]);
    fake.fault(
        When::any().and(|request| request.param("q") == Some("x")),
        Fault::Answer(Reply::empty(418)),
    );
    assert_eq!(
        [me.get(AT).status, me.get(&format!("{AT}?q=x")).status],
        [200, 418]
    );
    assert_eq!(me.get(&format!("{AT}?q=x")).status, 418);
}

#[test]
fn every_refusal_is_worded_as_google_words_it() {
    let fake = google();
    let me = User::of(&fake, ME);
    let limit = |code: u16, reason: &str, message: &str| json!({"error": {"errors": [{"domain": "usageLimits", "reason": reason, "message": message}], "code": code, "message": message}});
    let global = |code: u16, reason: &str, message: &str| json!({"error": {"errors": [{"domain": "global", "reason": reason, "message": message}], "code": code, "message": message}});
    let organizer = "Shared properties can only be changed by the organizer of the event.";
    let too_long = "The requested minimum modification time lies too far in the past.";
    let answers = [
        (
            errors::usage_limit("userRateLimitExceeded"),
            limit(403, "userRateLimitExceeded", "User Rate Limit Exceeded"),
        ),
        (
            errors::usage_limit("rateLimitExceeded"),
            limit(403, "rateLimitExceeded", "Rate Limit Exceeded"),
        ),
        (
            errors::usage_limit("quotaExceeded"),
            limit(403, "quotaExceeded", "Calendar usage limits exceeded."),
        ),
        (
            errors::too_many_requests(None),
            limit(429, "rateLimitExceeded", "Rate Limit Exceeded"),
        ),
        (errors::conflict(), global(409, "conflict", "Conflict")),
        (
            errors::backend_error(),
            global(500, "backendError", "Backend Error"),
        ),
        (
            errors::not_the_organizer(),
            json!({"error": {"errors": [{"domain": "calendar", "reason": "forbiddenForNonOrganizer", "message": organizer}], "code": 403, "message": organizer}}),
        ),
        (
            errors::updated_min_too_long_ago(),
            json!({"error": {"errors": [{"domain": "calendar", "reason": "updatedMinTooLongAgo", "message": too_long, "locationType": "parameter", "location": "updatedMin"}], "code": 410, "message": too_long}}),
        ),
        (
            errors::slow_down(),
            json!({"error": "slow_down", "error_description": "Forbidden"}),
        ),
        (
            errors::too_many_device_codes(),
            json!({"error_code": "rate_limit_exceeded"}),
        ),
    ];
    for (reply, expected) in answers {
        let status = reply.status;
        fake.clear_faults();
        fake.fault(When::any(), Fault::Answer(reply));
        me.get(AT).is(status, &expected.to_string());
    }
    let worded = [
        (errors::api_not_enabled(), "accessNotConfigured"),
        (errors::admin_policy(), "admin_policy_enforced"),
        (errors::org_internal(), "org_internal"),
    ];
    for (reply, word) in worded {
        assert!(String::from_utf8(reply.body).unwrap().contains(word));
    }
    fake.clear_faults();
    fake.fault(
        When::any(),
        Fault::Answer(errors::too_many_requests(Some("17"))),
    );
    assert_eq!(me.get(AT).headers["retry-after"], "17");
}

#[test]
fn a_body_breaks_off_with_its_length_announced_or_in_chunks() {
    let fake = google();
    let me = User::of(&fake, ME);
    let whole = me.get(AT);
    assert!(whole.whole && whole.body.len() > 100);
    fake.fault(When::any().nth(1), Fault::Cut(100));
    fake.fault(When::any().nth(2), Fault::CutChunked(100));
    fake.fault(When::any().nth(3), Fault::Cut(0));
    for (length, chunked, body) in [(true, false, 100), (false, true, 100), (true, false, 0)] {
        let cut = me.get(AT);
        assert_eq!((cut.status, cut.whole, cut.body.len()), (200, false, body));
        assert_eq!(cut.headers.contains_key("content-length"), length);
        assert_eq!(cut.headers.contains_key("transfer-encoding"), chunked);
        assert_eq!(cut.body, whole.body[..body]);
    }
    assert!(me.get(AT).whole);
}

#[test]
fn a_connection_closes_before_the_deed_or_after_it() {
    let fake = google();
    let me = User::of(&fake, ME);
    fake.fault(When::call("events.insert").nth(1), Fault::Close);
    fake.fault(When::call("events.insert").nth(2), Fault::LoseAnswer);
    assert!(me.send("POST", AT, &[], &new_event()).is_none());
    assert_eq!(fake.events(ME).len(), 1);
    assert!(me.send("POST", AT, &[], &new_event()).is_none());
    assert_eq!(fake.events(ME).len(), 2);
    assert_eq!(me.ask("POST", AT, &new_event()).status, 409);
    let statuses: Vec<_> = fake.requests().iter().map(|record| record.status).collect();
    assert_eq!(statuses, [None, Some(200), Some(409)]);
}

#[test]
fn an_answer_waits_until_it_is_let_go() {
    for (late, done) in [(false, 1), (true, 2)] {
        let fake = google();
        let me = User::of(&fake, ME);
        let gate = Gate::new();
        let fault = if late { Fault::HoldAnswer } else { Fault::Hold };
        fake.fault(When::call("events.insert"), fault(gate.clone()));
        thread::scope(|scope| {
            let (tell, told) = mpsc::channel();
            let me = &me;
            scope.spawn(move || tell.send(me.ask("POST", AT, &new_event()).status).unwrap());
            gate.wait_for(1);
            assert_eq!(fake.events(ME).len(), done);
            assert!(told.try_recv().is_err());
            // Others are served meanwhile.
            me.get(AT).ok();
            gate.open();
            assert_eq!(told.recv().unwrap(), 200);
        });
        assert_eq!(fake.events(ME).len(), 2);
    }
}

#[test]
fn the_server_ends_with_requests_at_a_gate() {
    let fake = google();
    let gate = Gate::new();
    fake.fault(When::any(), Fault::Hold(gate.clone()));
    let host = fake.endpoint();
    let mut stream = TcpStream::connect(host.strip_prefix("http://").unwrap()).unwrap();
    let patience = Duration::from_secs(20);
    stream.set_read_timeout(Some(patience)).unwrap();
    let request = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(request).unwrap();
    gate.wait_for(1);
    drop(fake);
    let ended = stream.read_to_end(&mut Vec::new());
    let closed = |error: io::Error| error.kind() == ErrorKind::ConnectionReset;
    assert!(ended.map_or_else(closed, |bytes| bytes == 0));
}

#[test]
fn an_answer_can_be_changed_on_its_way() {
    let fake = google();
    let me = User::of(&fake, ME);
    fake.fault(
        When::call("events.list"),
        Fault::alter(|body| body["kind"] = "calendar#calendar".into()),
    );
    assert_eq!(me.get(AT).ok()["kind"], "calendar#calendar");
    fake.fault(
        When::call("calendars.get"),
        Fault::Header("x-odd".to_owned(), "yes".to_owned()),
    );
    assert_eq!(me.get("/calendars/primary").headers["x-odd"], "yes");
}

#[test]
fn the_servers_clock_stands_still_and_may_be_wrong() {
    let fake = google();
    let me = User::of(&fake, ME);
    assert_eq!(me.get(AT).headers["date"], "Sat, 21 Nov 2026 08:00:00 GMT");
    fake.advance(SignedDuration::from_mins(5));
    assert_eq!(fake.now().to_string(), "2026-11-21T08:05:00Z");
    fake.behave(|b| b.date_skew = SignedDuration::from_hours(-24));
    assert_eq!(me.get(AT).headers["date"], "Fri, 20 Nov 2026 08:05:00 GMT");
}

#[test]
fn packed_only_for_those_who_ask_twice() {
    let fake = google();
    let me = User::of(&fake, ME);
    let plain = me.get(AT);
    let ask = |agent| {
        me.send(
            "GET",
            AT,
            &[("accept-encoding", "gzip"), ("user-agent", agent)],
            "",
        )
        .unwrap()
    };
    assert_eq!(ask("calsync").headers.get("content-encoding"), None);
    let packed = ask("calsync (gzip)");
    assert_eq!(packed.headers["content-encoding"], "gzip");
    // What goes wrong goes wrong before it is packed.
    fake.fault(
        When::any().nth(2),
        Fault::alter(|body| body["kind"] = "odd".into()),
    );
    assert_eq!(ask("gzip").body.len(), packed.body.len());
    assert_eq!(
        ask("gzip").body.len() + "calendar#events".len(),
        packed.body.len() + "odd".len()
    );
    // One stored block: the header, five bytes, what is packed, eight bytes.
    let inside = &packed.body[15..packed.body.len() - 8];
    let cut_token = |bytes: &[u8]| {
        let mut value: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        value.as_object_mut().unwrap().remove("nextSyncToken");
        value
    };
    assert_eq!(cut_token(inside), cut_token(&plain.body));
}

#[test]
fn every_request_is_remembered() {
    let fake = google();
    let me = User::of(&fake, ME);
    me.send(
        "POST",
        &format!("{AT}?sendUpdates=none"),
        &[("if-match", "x")],
        &new_event(),
    )
    .unwrap();
    send(&fake, "GET", "/favicon.ico", &[], "").unwrap();
    let requests = fake.requests();
    let calls: Vec<_> = requests
        .iter()
        .map(|record| (record.call, record.status))
        .collect();
    assert_eq!(
        calls,
        [("events.insert", Some(200)), ("unknown", Some(404))]
    );
    let first = &requests[0].request;
    assert_eq!(
        (&*first.method, &*first.path),
        ("POST", "/calendar/v3/calendars/primary/events")
    );
    assert_eq!(
        (first.param("sendUpdates"), first.header("if-match")),
        (Some("none"), Some("x"))
    );
    assert_eq!(first.body, new_event());
    fake.forget();
    assert_eq!(
        (
            fake.requests().len(),
            fake.counts().len(),
            fake.mails().len()
        ),
        (0, 0, 0)
    );
}
