//! What a plan for one target comes to, event by event, for the guard and for whoever reads the report. Pure.

use std::collections::BTreeMap;

use super::takes::Takes;
use crate::{
    ident::Stem,
    model::{CalendarName, Uid},
    plan::{
        Held, Link,
        op::{Also, Doubt, DoubtKind, Loss, Plan, Wanted},
    },
};

/// What becomes of the blocks of a target.
#[derive(Default)]
pub(super) struct Sums {
    pub(super) unchanged: usize,
    pub(super) hands_off: usize,
    pub(super) otherwise: usize,
    copies: usize,
    pub(super) unread: usize,
    /// What stays because a source looks damaged.
    pub(super) damaged: usize,
    /// What waits for the next run.
    pub(super) postponed: usize,
    /// What becomes of the blocks of each event.
    events: BTreeMap<CalendarName, BTreeMap<Uid, Tally>>,
    /// The same of blocks of which nobody remembers what they stand for.
    loose: Tally,
    pub(super) takes: Takes,
}

/// What becomes of some blocks.
#[derive(Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) standing: usize,
    pub(super) gone: usize,
    pub(super) come: usize,
    /// Some of what is to come waits for the next run.
    pub(super) waits: bool,
    /// Some of what goes is not over yet.
    pub(super) ahead: bool,
}

impl Tally {
    /// Whether most of them go, and no others come in their place.
    fn is_lost(self) -> bool {
        self.gone.saturating_sub(self.come) * 2 > self.standing
    }
}

impl Sums {
    /// Nothing yet, but so many copies of blocks of other calendars.
    pub(super) fn new(copies: usize) -> Self {
        Self {
            copies,
            ..Self::default()
        }
    }

    pub(super) fn event(&mut self, source: &CalendarName, uid: &Uid) -> &mut Tally {
        let events = self.events.entry(source.clone()).or_default();
        events.entry(uid.clone()).or_default()
    }

    /// Counts what a block shows beside its own occurrence. Whatever has no block of its own because it shows in that of another
    /// has not lost one.
    pub(super) fn also(
        &mut self,
        wanted: &Wanted,
        held: &BTreeMap<Stem, Held>,
        stands: bool,
        waits: bool,
    ) {
        for Also { uid, stem, .. } in &wanted.also {
            let own = held.get(stem).is_some_and(|row| row.present.is_some());
            let tally = self.event(&wanted.source, uid);
            match (waits, own || !stands) {
                (true, _) => tally.waits = true,
                // Its own block goes, or nothing showed it yet.
                (false, true) => {
                    tally.come += 1;
                    self.takes.know(stem);
                }
                (false, false) => tally.standing += 1,
            }
        }
    }

    pub(super) fn tally(&mut self, link: Option<&Link>) -> &mut Tally {
        match link {
            Some(link) => self.event(&link.source, &link.uid),
            None => &mut self.loose,
        }
    }

    /// What would be lost of each source, if anything.
    fn losses(&self) -> impl Iterator<Item = (Option<CalendarName>, Loss)> + '_ {
        let loose = Loss {
            lost: self.loose.gone,
            standing: self.loose.standing,
            ahead: self.loose.gone,
        };
        let known = self.events.iter().map(|(source, events)| {
            let standing = events.values().filter(|tally| tally.standing > 0);
            let lost = events.values().filter(|tally| tally.is_lost());
            let loss = Loss {
                ahead: lost.clone().filter(|tally| tally.ahead).count(),
                lost: lost.count(),
                standing: standing.count(),
            };
            (Some(source.clone()), loss)
        });
        let all = known.chain([(None, loose)]);
        all.filter(|(_, loss)| loss.lost > 0)
    }

    pub(super) fn into_plan(self, name: &CalendarName, plan: &mut Plan) {
        plan.unchanged.insert(name.clone(), self.unchanged);
        plan.postponed += self.postponed;
        for (source, loss) in self.losses() {
            plan.losses.insert((name.clone(), source), loss);
        }
        let doubts = [
            (DoubtKind::HandsOff, self.hands_off),
            (DoubtKind::Otherwise, self.otherwise),
            (DoubtKind::Unread, self.unread),
            (DoubtKind::Damaged, self.damaged),
            (DoubtKind::Copies, self.copies),
        ];
        for (kind, count) in doubts.into_iter().filter(|(_, count)| *count > 0) {
            plan.doubts.push(Doubt {
                calendar: name.clone(),
                kind,
                count,
            });
        }
    }
}
