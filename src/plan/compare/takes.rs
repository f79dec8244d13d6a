//! What shows the time of blocks that go: whatever goes on showing was not lost. Pure.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
};

use jiff::{SignedDuration, Timestamp};

use crate::{
    ident::Stem,
    model::{CalendarName, Series, Shape, Uid, Window},
    plan::{Link, Present, flatten::series_spans, op::Wanted},
};

/// Some stretches of time: ascending and apart.
#[derive(Default)]
struct Cover(Vec<(Timestamp, Timestamp)>);

impl Cover {
    fn new(mut stretches: Vec<(Timestamp, Timestamp)>) -> Self {
        stretches.sort_unstable();
        let mut apart: Vec<(Timestamp, Timestamp)> = Vec::new();
        for (from, to) in stretches {
            match apart.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => apart.push((from, to)),
            }
        }
        Self(apart)
    }

    /// Whether they hold the most of a stretch, or half of it.
    fn has_most_of(&self, from: Timestamp, to: Timestamp) -> bool {
        let first = self.0.partition_point(|(_, end)| *end <= from);
        let inside = self
            .0
            .iter()
            .skip(first)
            .take_while(|(start, _)| *start < to);
        let shared = inside.map(|(start, end)| (*end).min(to).duration_since((*start).max(from)));
        let shared = shared.fold(SignedDuration::ZERO, SignedDuration::saturating_add);
        shared.saturating_mul(2) >= to.duration_since(from)
    }
}

/// The blocks of a target that are written in a run, as far as others may go for them.
#[derive(Default)]
pub(super) struct Takes {
    /// Blocks of rules that merge, by source: whose they are changes with whatever begins first.
    merged: BTreeMap<CalendarName, Vec<(Timestamp, Timestamp)>>,
    covers: OnceCell<BTreeMap<CalendarName, Cover>>,
    /// Series that are written anew, perhaps with fewer holes.
    series: BTreeMap<(CalendarName, Uid), (Series, OnceCell<Cover>)>,
    /// Blocks that go and are known to show in others already.
    known: BTreeSet<Stem>,
}

impl Takes {
    /// Remembers a block that is written.
    pub(super) fn note(&mut self, wanted: &Wanted, merges: bool, window: &Window) {
        match &wanted.shape {
            Shape::Once(span) if merges => {
                let stretches = self.merged.entry(wanted.source.clone()).or_default();
                stretches.push(span.instants(&window.home));
            }
            Shape::Once(_) => {}
            Shape::Series(series) => {
                let event = (wanted.source.clone(), wanted.uid.clone());
                self.series.insert(event, (series.clone(), OnceCell::new()));
            }
        }
    }

    /// Remembers that what a block stands for shows in another one.
    pub(super) fn know(&mut self, stem: &Stem) {
        self.known.insert(stem.clone());
    }

    /// Whether most of what a block showed that goes is shown by others in its place, and was not counted so before.
    pub(super) fn have(
        &self,
        stem: &Stem,
        present: &Present,
        link: Option<&Link>,
        window: &Window,
    ) -> bool {
        let Some(link) = link.filter(|_| !present.repeats && !self.known.contains(stem)) else {
            return false;
        };
        let (from, to) = (present.first, present.first_end);
        let merged = self.covers.get_or_init(|| {
            let all = self.merged.iter();
            all.map(|(source, stretches)| (source.clone(), Cover::new(stretches.clone())))
                .collect()
        });
        let is_of_series = || {
            let event = (link.source.clone(), link.uid.clone());
            let (series, cover) = self.series.get(&event)?;
            let cover = cover.get_or_init(|| {
                let spans = series_spans(series, window).into_iter();
                Cover::new(spans.map(|span| span.instants(&window.home)).collect())
            });
            Some(cover.has_most_of(from, to))
        };
        let merged = merged.get(&link.source);
        merged.is_some_and(|cover| cover.has_most_of(from, to)) || is_of_series() == Some(true)
    }
}
