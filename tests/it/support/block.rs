//! A block of the calendar home in the calendar work, and how calsync calls it.

use calsync::{
    ident::{BlockId, Mint, Subject},
    model::{Block, Face, Shape, Span},
};
use jiff::{SignedDuration, Timestamp};

/// The id of the block of an event.
pub(crate) fn id(uid: &str, generation: u16) -> BlockId {
    let mint = Mint::new(&[7; 32]);
    let stem = mint.stem(Subject {
        source: &"home".into(),
        uid: &uid.into(),
        occurrence: &"".into(),
        target: &"work".into(),
    });
    mint.id(&"work".into(), &stem, generation)
}

/// The block of an event of an hour.
pub(crate) fn an_hour(uid: &str, generation: u16) -> Block {
    let start: Timestamp = "2026-11-24T08:00:00Z".parse().unwrap();
    Block {
        id: id(uid, generation),
        shape: Shape::Once(Span::timed(start, start + SignedDuration::from_hours(1))),
        face: Face {
            title: "Busy".to_owned(),
            notes: "Made by calsync.".to_owned(),
            ..Face::default()
        },
    }
}
