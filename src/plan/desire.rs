//! Which blocks should stand in a target: every source's busy time, less what the target shows by itself. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Question, Route,
    flatten::{Flat, Single, flatten, list},
    op::Wanted,
};
use crate::{
    ident::{Stem, Subject},
    model::{CalendarName, Event, OccurrenceKey, Shape, Span, Uid, When, Window},
};

/// Events that need too many blocks, by source: nothing of theirs is added or removed.
pub type TooManyBySource = BTreeMap<CalendarName, BTreeSet<Uid>>;

/// Works out what should stand in a target, block by block.
pub fn desire(
    question: Question<'_>,
    target: &CalendarName,
    mut want: impl FnMut(Stem, Wanted),
) -> TooManyBySource {
    let mut too_many = TooManyBySource::new();
    let routes = question
        .routes
        .iter()
        .filter(|route| route.target == *target);
    // The same meeting in several calendars is shown once: where it really stands not at all, elsewhere for the first of them.
    let mut shown: Vec<&CalendarName> = vec![target];
    for route in routes {
        let Some(source) = question.sources.get(&route.source) else {
            continue;
        };
        for (uid, event) in &source.events {
            let twins = shown
                .iter()
                .filter_map(|name| question.sources.get(*name)?.events.get(uid));
            let flat = flatten(event, question.window)
                .and_then(|flat| without_twins(flat, event, twins.collect(), question.window));
            if let Ok(flat) = flat {
                each_block(question, route, uid, flat, &mut want);
            } else {
                let refused = too_many.entry(route.source.clone()).or_default();
                refused.insert(uid.clone());
            }
        }
        shown.push(&route.source);
    }
    too_many
}

fn each_block(
    question: Question<'_>,
    route: &Route,
    uid: &Uid,
    flat: Flat,
    want: &mut impl FnMut(Stem, Wanted),
) {
    let series = flat
        .series
        .map(|series| (OccurrenceKey::default(), Shape::Series(series)));
    let singles = flat
        .singles
        .into_iter()
        .map(|single| (single.occurrence, Shape::Once(single.span)));
    for (occurrence, shape) in series.into_iter().chain(singles) {
        let stem = question.mint.stem(Subject {
            source: &route.source,
            uid,
            occurrence: &occurrence,
            target: &route.target,
        });
        let wanted = Wanted {
            shape,
            face: Arc::clone(&route.face),
            source: route.source.clone(),
            uid: uid.clone(),
            occurrence,
        };
        want(stem, wanted);
    }
}

/// Takes out the occurrences that stand, busy and at the same time, in a calendar that shows them already.
fn without_twins(
    flat: Flat,
    event: &Event,
    twins: Vec<&Event>,
    window: &Window,
) -> Result<Flat, super::flatten::TooMany> {
    if twins.is_empty() || (flat.series.is_none() && flat.singles.is_empty()) {
        return Ok(flat);
    }
    let mut covered: BTreeSet<(OccurrenceKey, Span)> = BTreeSet::new();
    let mut endless = false;
    for twin in twins {
        let rules = twin.master.iter().filter_map(|m| m.recurs.as_deref());
        endless |= rules.into_iter().any(|recurs| !recurs.rules.is_empty());
        let found = list(twin, window)?;
        covered.extend(found.into_iter().map(|s| (s.occurrence, s.span)));
    }
    let is_covered = |single: &Single| covered.contains(&(single.occurrence.clone(), single.span));
    let Some(mut series) = flat.series else {
        let singles = flat.singles.into_iter().filter(|s| !is_covered(s));
        return Ok(Flat {
            series: None,
            singles: singles.collect(),
        });
    };
    let mine = list(event, window)?;
    let open: Vec<Single> = mine.iter().filter(|s| !is_covered(s)).cloned().collect();
    if endless || open.is_empty() {
        return Ok(Flat {
            series: None,
            singles: open,
        });
    }
    // What stands alone beside the rule is no start of it, and needs no hole.
    let alone: BTreeSet<&OccurrenceKey> = flat.singles.iter().map(|s| &s.occurrence).collect();
    let of_rule = mine.iter().filter(|s| !alone.contains(&s.occurrence));
    for single in of_rule.filter(|s| is_covered(s)) {
        if let (Span::Timed { start, .. }, When::Time(_, zone)) = (single.span, &series.start) {
            series.holes.insert(zone.local(start, &window.home));
        } else if let Span::Days { first, .. } = single.span {
            series.holes.insert(first.at(0, 0, 0, 0));
        }
    }
    let singles = flat.singles.into_iter().filter(|s| !is_covered(s));
    Ok(Flat {
        singles: singles.collect(),
        series: Some(series),
    })
}
