//! How many events are read at once, and what tells that a calendar is one.

use std::cell::Cell;

use calsync::provider::Provider as _;

use super::odd::{
    Memory, block, calendar, etag, heard, is_multiget, listening, pull, reached, since, tell,
    token, told, wanted,
};
use crate::support::{
    dav::script::{Heard, Says, Script},
    program::meeting,
    shore::poll_out,
};

/// A server that lists so many events, and says this when it is asked for several at once.
fn many(count: usize, several: impl Fn(&Heard, usize) -> Says + Send + 'static) -> Script {
    listening(move |asked| match since(asked) {
        Some(_) => {
            let listed = (0..count).map(|i| etag(&format!("{i}.ics"), "1"));
            Says::many(&(listed.collect::<String>() + &token("http://t/1")))
        }
        None if is_multiget(asked) => several(asked, wanted(asked).len()),
        None => panic!("nothing is asked for alone: {asked:?}"),
    })
}

#[test]
fn a_thousand_events_are_asked_for_at_once() {
    let script = many(1_000, |asked, _| tell(asked, "1"));
    let pulled = pull(&script, None, &Memory::default());
    assert_eq!(told(&pulled).0.len(), 1_000);
    assert_eq!(heard(&script).len(), 2);
}

#[test]
fn a_server_that_cannot_tell_so_many_at_once_is_asked_for_fewer() {
    let refusals: [fn() -> Says; 4] = [
        || Says::status(413),
        || Says::status(503),
        || Says::many(""),
        || Says::many("").body("<"),
    ];
    for refusal in refusals {
        let script = many(175, move |asked, count| match count {
            0..=50 => tell(asked, "1"),
            _ => refusal(),
        });
        let pulled = pull(&script, None, &Memory::default());
        assert_eq!(told(&pulled).0.len(), 175);
        assert_eq!(heard(&script).len(), 1 + 1 + 4);
    }
    // One that tells some of them is asked for the others.
    let script = many(175, |asked, count| match count {
        0..=50 => tell(asked, "1"),
        _ => {
            let hrefs = asked.body.match_indices("<d:href>").nth(100);
            let (end, _) = hrefs.unwrap();
            let mut some = asked.clone();
            some.body.truncate(end);
            tell(&some, "1")
        }
    });
    let pulled = pull(&script, None, &Memory::default());
    assert_eq!(told(&pulled).0.len(), 175);
    assert_eq!(heard(&script).len(), 1 + 1 + 2);
}

#[test]
fn what_a_busy_server_interrupts_is_read_when_it_is_tried_again() {
    // Nothing of what is asked for is told with the others, and of what is asked for alone the first answer is that it is busy.
    let alone = Cell::new(0);
    let script = listening(move |asked| match since(asked) {
        Some(_) => {
            let listed = (0..3).map(|i| etag(&format!("{i}.ics"), "1"));
            Says::many(&(listed.collect::<String>() + &token("http://t/1")))
        }
        None if is_multiget(asked) => Says::many(""),
        None => {
            alone.set(alone.get() + 1);
            match alone.get() {
                2 => Says::status(503),
                _ => Says::status(200)
                    .with("ETag", "\"1\"")
                    .body(meeting("event", 1)),
            }
        }
    });
    let mut calendar = calendar(&script);
    poll_out(calendar.pull(None, &Memory::default())).unwrap_err();
    let pulled = poll_out(calendar.pull(None, &Memory::default())).unwrap();
    assert_eq!(told(&pulled).0, ["0.ics", "1.ics", "2.ics"]);
}

#[test]
fn an_empty_calendar_is_looked_at_once_before_anything_is_written() {
    let script = listening(|asked| match &*asked.method {
        "PUT" => Says::status(201).with("ETag", "\"1\""),
        _ => Says::many(&token("http://t/1")),
    });
    let mut target = calendar(&script);
    poll_out(target.pull(None, &Memory::default())).unwrap();
    poll_out(target.create(&block(1))).unwrap();
    let methods: Vec<String> = script.heard().into_iter().map(|it| it.method).collect();
    assert_eq!(methods, ["REPORT", "PROPFIND", "PUT"]);
    let since = reached(&script, "http://t/1");
    heard(&script);
    pull(&script, Some(&since), &Memory::default());
    assert_eq!(heard(&script).len(), 1);
}
