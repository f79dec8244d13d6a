//! What is missing in a file that makes less sense than before: it may be lost rather than gone, so it counts as there. Pure; must
//! never hold anything longer than until all of the file makes sense, or a person asks for everything anew.

use std::collections::BTreeSet;

use crate::{
    ical::Found,
    model::{Part, Uid},
    provider::{Told, ToldEvent},
};

/// What a file holds, with what it may have lost, and how damaged it always looks. `before`: what it told when it was last read.
pub(super) fn with_lost(found: Found, before: impl FnOnce() -> Option<Told>) -> (Vec<Part>, u32) {
    let Found { mut parts, signs } = found;
    let is_sound = signs.count == 0 && !parts.iter().any(Part::is_unreadable);
    let Some(told) = (!is_sound).then(before).flatten() else {
        return (parts, signs.count);
    };
    let is_damaged = signs.count > told.signs;
    let lost = lost(&parts, is_damaged, &told);
    // What looks damaged and lost nothing is as it always will be.
    let usual = match lost.is_empty() {
        true => signs.count,
        false => told.signs.min(signs.count),
    };
    parts.retain(|part| !lost.contains(part.uid()));
    parts.extend(lost.into_iter().map(|uid| Part::Unreadable {
        uid,
        people: false,
        why: signs.words(),
    }));
    (parts, usual)
}

/// The events that a file told of and tells of no more, or otherwise beside such.
fn lost(parts: &[Part], is_damaged: bool, told: &Told) -> BTreeSet<Uid> {
    let unreadable = parts.iter().filter(|part| part.is_unreadable());
    let mut spoiled = unreadable.filter_map(|part| match part {
        Part::Unreadable { uid, why, .. } => Some((uid, why)),
        Part::Event { .. } => None,
    });
    let is_spoiled = is_damaged || spoiled.clone().next().is_some();
    let newly = is_damaged || spoiled.any(|(uid, why)| !told.was_unreadable(uid, why));
    let present: BTreeSet<&Uid> = parts.iter().map(Part::uid).collect();
    let missing = told.events.iter().filter(|(uid, _)| !present.contains(uid));
    // What was lost before stays so until all of it makes sense.
    let missing = missing.filter(|(_, told)| newly || is_spoiled && told.trouble.is_some());
    let mut lost: BTreeSet<Uid> = missing.map(|(uid, _)| uid.clone()).collect();
    if !is_damaged {
        return lost;
    }
    // Beside what is missing, an event that damage has changed shows in nothing but that it tells something else.
    let is_beside = !lost.is_empty();
    let is_other = |part: &&Part| {
        let told = told.events.get(part.uid());
        told.is_some_and(|told| {
            (is_beside || told.trouble.is_some()) && tells_otherwise(part, told)
        })
    };
    lost.extend(parts.iter().filter(is_other).map(|part| part.uid().clone()));
    lost
}

/// Whether an event says something else than it did. What cannot be read says nothing.
fn tells_otherwise(part: &Part, told: &ToldEvent) -> bool {
    let (before, now) = (told.body.as_ref(), part.body());
    before
        .zip(now.as_ref())
        .is_some_and(|(before, now)| before != now)
}
