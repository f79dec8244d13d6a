//! Conversations with a fake Google about single blocks and about the account: what is asked and how often, and what comes
//! of faults.

use calsync::{
    ident::BlockId,
    provider::{
        Change, ErrorKind, Place, Provider as _,
        google::{GoogleCalendar, Which},
    },
};
use serde_json::{Value, json};

use super::shared::{all_asked, asked, calendar, clock, hour, hrefs, whole};
use crate::support::{
    block::an_hour as block,
    desk::{Desk, ME},
    google::{self, Fault, When, errors},
    shore::{Nothing, poll_out},
    world::home,
};

#[test]
fn a_block_that_is_said_to_be_gone_is_looked_for_before_that_is_believed() {
    let desk = Desk::new();
    let mut calendar = calendar(&desk);
    let place = poll_out(calendar.create(&block("a", 0))).unwrap();
    let missed = Fault::Answer(errors::not_found());
    desk.google
        .fault(When::call("events.delete").nth(1), missed);
    let error = poll_out(calendar.remove(&place)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict, "{error}");
    poll_out(calendar.remove(&place)).unwrap();
    assert!(desk.google.events(ME).is_empty());
    poll_out(calendar.remove(&place)).unwrap();
}

#[test]
fn ids_with_signs_in_them_reach_the_calendar_they_mean() {
    for id in [
        "en.usa#holiday@group.v.calendar.google.com",
        "a/b?c=d&e f%20ü@x",
    ] {
        let desk = Desk::new();
        desk.google.calendar(id, "Odd", "Europe/Berlin", ME);
        desk.google.put(id, hour(23, 9));
        let mut calendar = desk.calendar(id, &home(), &clock());
        assert_eq!(hrefs(&whole(&mut calendar)).len(), 1);
        let place = poll_out(calendar.create(&block("a", 0))).unwrap();
        assert!(
            poll_out(calendar.look(&block("a", 0).id))
                .unwrap()
                .is_some()
        );
        poll_out(calendar.remove(&place)).unwrap();
        assert!(poll_out(calendar.probe()).unwrap().writable);
        assert!(desk.google.events(ME).is_empty());
        assert_eq!(asked(&desk, "unknown"), 0);
    }
}

#[test]
fn a_write_whose_answer_was_lost_is_found_again() {
    for fault in [
        Fault::LoseAnswer,
        Fault::Cut(20),
        Fault::alter(|body| body["kind"] = json!("x")),
    ] {
        let desk = Desk::new();
        let mut calendar = calendar(&desk);
        desk.google.fault(When::call("events.insert").nth(1), fault);
        let block = block("a", 0);
        let lost = poll_out(calendar.create(&block)).unwrap_err();
        assert!(matches!(lost.kind, ErrorKind::Retry(_)), "{lost}");
        let again = poll_out(calendar.create(&block)).unwrap_err();
        assert_eq!(again.kind, ErrorKind::Exists);
        assert_eq!(desk.google.events(ME).len(), 1);
    }
}

#[test]
fn a_deleted_id_is_called_back_or_spent() {
    for revives in [true, false] {
        let desk = Desk::new();
        desk.google
            .behave(|google| google.deleted_ids_can_be_revived = revives);
        let mut calendar = calendar(&desk);
        let place = poll_out(calendar.create(&block("a", 0))).unwrap();
        poll_out(calendar.remove(&place)).unwrap();
        let again = poll_out(calendar.create(&block("a", 0)));
        match revives {
            true => assert_ne!(again.unwrap().version, place.version),
            false => {
                assert_eq!(again.unwrap_err().kind, ErrorKind::Spent);
                poll_out(calendar.create(&block("a", 1))).unwrap();
            }
        }
        assert_eq!(desk.google.events(ME).len(), 1);
    }
}

#[test]
fn an_edit_in_between_is_not_written_over() {
    let desk = Desk::new();
    let mut calendar = calendar(&desk);
    let place = poll_out(calendar.create(&block("a", 0))).unwrap();
    desk.google
        .alter(ME, &place.href, json!({"location": "Here"}));
    let before = desk.google.events(ME);
    for error in [
        poll_out(calendar.replace(&place, &block("a", 0))).unwrap_err(),
        poll_out(calendar.remove(&place)).unwrap_err(),
    ] {
        assert_eq!(error.kind, ErrorKind::Conflict, "{error}");
    }
    assert_eq!(desk.google.events(ME), before);
}

#[test]
fn a_refused_token_is_renewed_once() {
    let desk = Desk::new();
    let mut calendar = calendar(&desk);
    whole(&mut calendar);
    desk.google.expire_access_tokens();
    whole(&mut calendar);
    desk.google.fault(
        When::call("events.list"),
        Fault::Answer(errors::invalid_credentials()),
    );
    desk.google.forget();
    // A new run, in which nothing was refused yet.
    let mut calendar = self::calendar(&desk);
    let error = poll_out(calendar.pull(None, &Nothing)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::SignIn);
    assert_eq!(asked(&desk, "events.list"), 2);
}

#[test]
fn when_the_quota_is_used_up_the_account_is_left_alone() {
    let desk = Desk::new();
    desk.google
        .calendar("other@example.org", "Other", "Europe/Berlin", ME);
    let quota = Fault::Answer(errors::usage_limit("quotaExceeded"));
    desk.google.fault(When::call("events.insert"), quota);
    let account = desk.account(&clock());
    let on = |id: &str| GoogleCalendar::new(&account, Which::Id(id.to_owned()), &home());
    for id in [ME, "other@example.org"] {
        let error = poll_out(on(id).create(&block("a", 0))).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused);
    }
    assert_eq!(asked(&desk, "events.insert"), 1);
    assert!(
        poll_out(on(ME).pull(None, &Nothing)).is_ok(),
        "reading goes on"
    );
}

#[test]
fn a_calendar_that_may_only_be_read_says_so() {
    let desk = Desk::new();
    desk.google.calendar(
        "boss@example.org",
        "Boss",
        "Europe/Berlin",
        "boss@example.org",
    );
    for (role, writable) in [
        (google::Role::FreeBusyReader, false),
        (google::Role::Reader, false),
        (google::Role::WriterWithoutPrivateAccess, false),
        (google::Role::Writer, true),
        (google::Role::Owner, true),
    ] {
        desk.google.set_role("boss@example.org", ME, Some(role));
        let mut calendar = desk.calendar("boss@example.org", &home(), &clock());
        assert_eq!(poll_out(calendar.probe()).unwrap().writable, writable);
        // One who may not see all would be let write by Google.
        if !writable && !matches!(role, google::Role::WriterWithoutPrivateAccess) {
            let error = poll_out(calendar.create(&block("a", 0))).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Refused);
            assert!(error.message.contains("role = \"source\""), "{error}");
        }
    }
    desk.google.remove_calendar("boss@example.org");
    let mut calendar = desk.calendar("boss@example.org", &home(), &clock());
    for error in [
        poll_out(calendar.probe()).unwrap_err(),
        poll_out(calendar.pull(None, &Nothing)).unwrap_err(),
        poll_out(calendar.create(&block("a", 0))).unwrap_err(),
    ] {
        assert_eq!(error.kind, ErrorKind::Gone);
        assert!(error.message.contains("calsync calendars work"), "{error}");
    }
}

#[test]
fn what_is_gone_is_gone_and_never_made_by_a_change() {
    let desk = Desk::new();
    let mut calendar = calendar(&desk);
    let place: Place = poll_out(calendar.create(&block("a", 0))).unwrap();
    let id: BlockId = block("a", 0).id;
    desk.google.cancel(ME, &place.href);
    let error = poll_out(calendar.replace(&place, &block("a", 0))).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Gone);
    poll_out(calendar.remove(&place)).unwrap();
    assert!(poll_out(calendar.look(&id)).unwrap().is_none());
    assert_eq!(desk.google.events(ME), Vec::<Value>::new());
}

#[test]
fn what_may_be_long_is_asked_for_packed_and_a_few_words_are_not() {
    let desk = Desk::new();
    let mut calendar = calendar(&desk);
    whole(&mut calendar);
    let place = poll_out(calendar.create(&block("a", 0))).unwrap();
    let place = poll_out(calendar.replace(&place, &block("a", 0))).unwrap();
    poll_out(calendar.remove(&place)).unwrap();
    let requests = desk.google.requests().into_iter();
    let packing: Vec<_> = requests
        .filter(|asked| asked.call.starts_with("events."))
        .map(|asked| {
            let accepted = asked.request.header("accept-encoding").map(str::to_owned);
            (asked.call, accepted.unwrap_or_default())
        })
        .collect();
    let told = |call, accepted: &str| (call, accepted.to_owned());
    assert_eq!(
        packing,
        [
            told("events.list", "gzip"),
            told("events.insert", "identity"),
            told("events.update", "identity"),
            told("events.delete", "identity"),
        ]
    );
}

#[test]
fn whatever_the_state_says_only_what_has_the_id_of_a_block_is_changed_or_removed() {
    let desk = Desk::new();
    desk.google.put(ME, hour(23, 9));
    let mut calendar = calendar(&desk);
    let pulled = whole(&mut calendar);
    let [Change::Seen(own)] = &pulled.changes[..] else {
        panic!("{pulled:?}");
    };
    let place = Place::once(own.href.clone(), own.version.clone());
    let before = desk.google.events(ME);
    desk.google.forget();
    for error in [
        poll_out(calendar.replace(&place, &block("a", 0))).unwrap_err(),
        poll_out(calendar.remove(&place)).unwrap_err(),
    ] {
        assert_eq!(error.kind, ErrorKind::Refused, "{error}");
    }
    assert_eq!(desk.google.events(ME), before);
    assert_eq!(all_asked(&desk), 0);
}
