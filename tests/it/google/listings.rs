//! Pages into listings: how a series and what differs from it find each other, and what goes with what is gone.

use std::collections::BTreeMap;

use calsync::{
    model::{Href, Part, SeenBlock, Uid, Version, marks::NOTHING},
    provider::{
        Change, Cursor, Known, Listing, Pulled,
        google::{
            decode::{self, Item, is_touched},
            gather::Gathered,
        },
    },
};
use serde_json::{Value, json};

use crate::support::{block::id, world::home};

/// What the state might know.
#[derive(Default)]
struct Memory {
    uids: BTreeMap<&'static str, &'static str>,
    exceptions: BTreeMap<&'static str, Vec<&'static str>>,
}

impl Known for Memory {
    fn versions(&self) -> BTreeMap<Href, Version> {
        BTreeMap::new()
    }

    fn uid(&self, href: &Href) -> Option<Uid> {
        self.uids.get(&**href).map(|uid| Uid::from(*uid))
    }

    fn exceptions(&self, series: &Href) -> Vec<Href> {
        let held = self.exceptions.get(&**series).into_iter().flatten();
        held.map(|href| Href::from(*href)).collect()
    }
}

fn items(items: &[Value]) -> Vec<Item> {
    let body = json!({"kind": "calendar#events", "items": items, "nextSyncToken": "t"});
    decode::page(body.to_string().as_bytes(), &home(), &NOTHING)
        .unwrap()
        .items
}

fn series(id: &str) -> Value {
    json!({
        "id": id, "etag": "\"1\"", "iCalUID": format!("{id}@example.org"), "visibility": "private",
        "start": {"dateTime": "2026-11-23T09:00:00+01:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-11-23T10:00:00+01:00", "timeZone": "Europe/Berlin"},
        "recurrence": ["RRULE:FREQ=WEEKLY"],
    })
}

fn hole(series: &str) -> Value {
    json!({
        "id": format!("{series}_hole"), "status": "cancelled", "recurringEventId": series,
        "originalStartTime": {"dateTime": "2026-11-30T09:00:00+01:00"},
    })
}

fn moved(series: &str) -> Value {
    json!({
        "id": format!("{series}_moved"), "recurringEventId": series,
        "iCalUID": format!("{series}@example.org"),
        "originalStartTime": {"dateTime": "2026-12-07T09:00:00+01:00"},
        "start": {"dateTime": "2026-12-08T09:00:00+01:00"}, "end": {"dateTime": "2026-12-08T10:00:00+01:00"},
    })
}

fn gone(id: &str) -> Value {
    json!({"id": id, "status": "cancelled"})
}

fn pulled(whole: bool, all: &[Value], known: &Memory) -> Pulled {
    let mut gathered = Gathered::default();
    gathered.add(items(all));
    gathered.into_pulled(whole, known, Cursor("t".to_owned()))
}

/// Each change in a few words.
fn told(pulled: &Pulled) -> Vec<String> {
    let tell = |change: &Change| match change {
        Change::Seen(resource) => match &resource.parts[..] {
            [] => format!("{} is nothing", resource.href),
            [Part::Event { uid, .. } | Part::Unreadable { uid, .. }, ..] => {
                format!("{} is of {uid}", resource.href)
            }
        },
        Change::Gone(href) => format!("{href} is gone"),
        Change::Unreadable { href, .. } => format!("{href} cannot be read"),
    };
    pulled.changes.iter().map(tell).collect()
}

#[test]
fn a_hole_is_of_the_series_that_is_listed_with_it() {
    let known = Memory::default();
    for whole in [true, false] {
        let pulled = pulled(whole, &[hole("s"), series("s")], &known);
        assert_eq!(
            told(&pulled),
            ["s is of s@example.org", "s_hole is of s@example.org"]
        );
    }
}

#[test]
fn a_hole_is_of_the_series_that_is_remembered() {
    let known = Memory {
        uids: [("s", "uid")].into(),
        ..Memory::default()
    };
    let mut gathered = Gathered::default();
    gathered.add(items(&[hole("s")]));
    assert!(gathered.missing(&known).is_empty());
    assert_eq!(
        told(&pulled(false, &[hole("s")], &known)),
        ["s_hole is of uid"]
    );
}

#[test]
fn a_series_that_nobody_knows_is_asked_for() {
    let known = Memory::default();
    let mut gathered = Gathered::default();
    gathered.add(items(&[hole("s"), moved("other")]));
    assert_eq!(gathered.missing(&known), [Href::from("s")].into());
    gathered.add(items(&[series("s")]));
    assert!(gathered.missing(&known).is_empty());
    let pulled = gathered.into_pulled(false, &known, Cursor("t".to_owned()));
    assert!(told(&pulled).contains(&"s_hole is of s@example.org".to_owned()));
}

#[test]
fn with_a_series_go_its_occurrences() {
    let known = Memory {
        uids: [("s", "uid")].into(),
        exceptions: [("s", vec!["s_moved", "s_hole", "s_other"])].into(),
    };
    let pulled = pulled(false, &[gone("s"), hole("s"), moved("s")], &known);
    // What is told to be there is there: somebody may be invited to one occurrence alone.
    let told = told(&pulled);
    assert_eq!(
        told,
        [
            "s_moved is of s@example.org",
            "s is gone",
            "s_hole is gone",
            "s_other is gone"
        ]
    );
}

#[test]
fn in_a_whole_listing_a_hole_without_its_series_is_nothing() {
    let pulled = pulled(true, &[hole("s"), moved("t")], &Memory::default());
    assert_eq!(told(&pulled), ["t_moved is of t@example.org"]);
    assert_eq!(
        pulled.listing,
        Listing::Whole([Href::from("t_moved")].into())
    );
}

#[test]
fn the_word_of_the_latest_page_counts() {
    let mut gathered = Gathered::default();
    assert!(gathered.add(items(&[series("s"), series("s")])));
    assert!(gathered.add(items(&[gone("s")])));
    let pulled = gathered.into_pulled(false, &Memory::default(), Cursor("t".to_owned()));
    assert_eq!(told(&pulled), ["s is gone"]);
}

#[test]
fn two_words_on_one_page_or_of_one_edition_are_not_believed() {
    let mut gathered = Gathered::default();
    assert!(!gathered.add(items(&[series("s"), gone("s")])));
    let mut gathered = Gathered::default();
    let mut other = series("s");
    other["recurrence"] = json!(["RRULE:FREQ=DAILY"]);
    assert!(gathered.add(items(&[series("s")])));
    assert!(!gathered.add(items(&[other.clone()])));
    other["etag"] = json!("\"2\"");
    assert!(gathered.add(items(&[other])), "it changed in between");
}

#[test]
fn what_has_no_name_cannot_be_read() {
    let pulled = pulled(true, &[json!({}), series("s")], &Memory::default());
    assert!(told(&pulled)[0].ends_with("cannot be read"));
    assert!(matches!(&pulled.listing, Listing::Whole(all) if all.len() == 2));
}

fn looks(pulled: &Pulled) -> (SeenBlock, Version) {
    let found = pulled.changes.iter().find_map(|change| match change {
        Change::Seen(resource) if *resource.href == *id("a", 0).as_str() => Some(resource),
        _ => None,
    });
    let resource = found.unwrap();
    match &resource.parts[..] {
        [
            Part::Event {
                seen: Some(seen), ..
            },
        ] => (seen.clone(), resource.version.clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_done_to_an_occurrence_of_a_block_shows_on_the_block() {
    let block = id("a", 0);
    let known = Memory::default();
    let (clean, version) = looks(&pulled(true, &[series(&block.to_string())], &known));
    assert!(!is_touched(&version));
    for change in [hole(block.as_str()), moved(block.as_str())] {
        let all = [series(block.as_str()), change.clone()];
        let (seen, touched) = looks(&pulled(true, &all, &known));
        assert_ne!(seen.print, clean.print);
        assert!(is_touched(&touched) && !seen.people);
        assert_eq!(
            decode::edition(&touched),
            decode::edition(&version),
            "what is written over is the same"
        );
        // A delta tells only of the occurrence: the block has to be looked at.
        let mut gathered = Gathered::default();
        gathered.add(items(&[change]));
        assert_eq!(
            gathered.missing(&known),
            [Href::from(block.as_str())].into()
        );
    }
    let mut meeting = moved(block.as_str());
    meeting["attendees"] = json!([{"email": "a@example.org"}]);
    let (seen, _) = looks(&pulled(true, &[series(block.as_str()), meeting], &known));
    assert!(seen.people, "a meeting made of one occurrence is theirs");
}

#[test]
fn a_listing_with_something_that_has_no_id_takes_nothing_away() {
    let bare = |name: &str, uid: Value| {
        let mut event = series("x");
        event["id"] = Value::Null;
        event["iCalUID"] = uid;
        event["summary"] = json!(name);
        event
    };
    let known = Memory {
        uids: [("s", "uid")].into(),
        exceptions: [("s", vec!["s_hole"])].into(),
    };
    for uid in [Value::Null, json!("x@example.org")] {
        let all = [bare("x", uid), series("t"), gone("s")];
        for whole in [true, false] {
            let pulled = pulled(whole, &all, &known);
            let told = told(&pulled);
            assert_eq!(told.len(), 2, "{told:?}");
            assert!(told[0].starts_with("no-id-") && told[0].ends_with("cannot be read"));
            assert_eq!(told[1], "t is of t@example.org");
            if let Listing::Whole(present) = &pulled.listing {
                assert!(present.contains("s"), "also what it does not tell of");
            }
        }
    }
}
