//! Should stand against stands: the table of what to do. Pure.

use std::collections::BTreeMap;

use super::{
    Held, Link, Present, Question, Target,
    desire::Desire,
    op::{Action, Adoption, Doubt, DoubtKind, Op, Plan, Wanted, Why},
};
use crate::{
    ident::Stem,
    model::{CalendarName, block},
};

/// Compares what should stand in a target with what stands there, and adds what has to be done to the plan.
pub fn compare(
    question: Question<'_>,
    name: &CalendarName,
    target: &Target,
    desire: &Desire,
    plan: &mut Plan,
) {
    let mut sums = Sums::default();
    for (stem, wanted) in &desire.wanted {
        let held = target.held.get(stem);
        match judge_wanted(wanted, held) {
            Verdict::Leave => sums.unchanged += 1,
            Verdict::Adopt(present) => {
                sums.unchanged += 1;
                plan.adoptions.push(Adoption {
                    target: name.clone(),
                    present,
                    wanted: wanted.clone(),
                });
            }
            Verdict::HandsOff => sums.hands_off += 1,
            Verdict::Do(action, why) => plan.ops.push(Op {
                target: name.clone(),
                stem: stem.clone(),
                action,
                why,
                source: Some(wanted.source.clone()),
            }),
        }
    }
    for (stem, held) in &target.held {
        let Some(present) = &held.present else {
            if !desire.wanted.contains_key(stem) {
                plan.forgets.push((name.clone(), stem.clone()));
            }
            continue;
        };
        if desire.wanted.contains_key(stem) {
            sums.stands(held);
            continue;
        }
        plan.ops.extend(judge_unwanted(
            question,
            name,
            target,
            desire,
            stem,
            present,
            held.link.as_ref(),
            &mut sums,
        ));
    }
    plan.ops.extend(
        target
            .extras
            .iter()
            .map(|extra| remove_extra(name, extra, Why::Unwanted)),
    );
    let mut feeding = question.routes.iter().filter(|route| route.target == *name);
    if feeding.any(|route| {
        question
            .sources
            .get(&route.source)
            .is_some_and(|s| s.total == 0)
    }) {
        plan.fed_by_empty.insert(name.clone());
    }
    for (source, uids) in &desire.too_many {
        plan.doubts.push(Doubt {
            calendar: source.clone(),
            kind: DoubtKind::TooMany,
            count: uids.len(),
        });
    }
    sums.into_plan(name, plan);
}

/// Plans the removal of all blocks in a target that may be touched.
pub fn remove_all(name: &CalendarName, target: &Target, plan: &mut Plan) {
    let mut sums = Sums::default();
    for (stem, held) in &target.held {
        let Some(present) = &held.present else {
            continue;
        };
        if present.hands_off {
            sums.hands_off += 1;
            continue;
        }
        plan.ops.push(Op {
            target: name.clone(),
            stem: stem.clone(),
            action: Action::Remove(present.clone()),
            why: Why::Reset,
            source: held.link.as_ref().map(|link| link.source.clone()),
        });
    }
    plan.ops.extend(
        target
            .extras
            .iter()
            .map(|extra| remove_extra(name, extra, Why::Reset)),
    );
    sums.into_plan(name, plan);
}

/// The removal of a block that stands beside another one for the same thing.
fn remove_extra(name: &CalendarName, extra: &Present, why: Why) -> Op {
    Op {
        target: name.clone(),
        stem: extra.id.stem(),
        action: Action::Remove(extra.clone()),
        why,
        source: None,
    }
}

enum Verdict {
    Leave,
    Adopt(Present),
    HandsOff,
    Do(Action, Why),
}

/// What to do about a block that should stand.
fn judge_wanted(wanted: &Wanted, held: Option<&Held>) -> Verdict {
    let link = held.and_then(|held| held.link.as_ref());
    let Some(present) = held.and_then(|held| held.present.as_ref()) else {
        let why = if link.is_some() {
            Why::Vanished
        } else {
            Why::New
        };
        return Verdict::Do(Action::Create(wanted.clone()), why);
    };
    if present.hands_off {
        return Verdict::HandsOff;
    }
    let print = block::print(&wanted.shape, &wanted.face, &[]);
    let linked = link.filter(|link| link.print == print);
    if present.print == print || linked.is_some_and(|link| link.echo == Some(present.print)) {
        return match linked {
            Some(_) => Verdict::Leave,
            None => Verdict::Adopt(present.clone()),
        };
    }
    let edited = link.is_some_and(|link| link.print == print);
    let why = if edited { Why::Edited } else { Why::Changed };
    Verdict::Do(Action::Replace(wanted.clone(), present.clone()), why)
}

/// What to do about a block that nothing asks for: only what is surely ours and surely not wanted goes.
#[expect(clippy::too_many_arguments, reason = "the whole row of the table")]
fn judge_unwanted(
    question: Question<'_>,
    name: &CalendarName,
    target: &Target,
    desire: &Desire,
    stem: &Stem,
    present: &Present,
    link: Option<&Link>,
    sums: &mut Sums,
) -> Option<Op> {
    if present.hands_off {
        sums.hands_off += 1;
        return None;
    }
    if target.copies.contains(stem) && link.is_none() {
        sums.copies += 1;
        return None;
    }
    let is_past = present
        .last
        .is_some_and(|last| last <= question.window.from());
    if is_past {
        // History: it told the truth when it was written, and nobody is double-booked by it any more.
        sums.unchanged += 1;
        return None;
    }
    *sums
        .standing
        .entry(link.map(|link| link.source.clone()))
        .or_default() += 1;
    let Some(why) = may_remove(question, name, desire, link) else {
        sums.unread += 1;
        return None;
    };
    Some(Op {
        target: name.clone(),
        stem: stem.clone(),
        action: Action::Remove(present.clone()),
        why,
        source: link.map(|link| link.source.clone()),
    })
}

/// Whether it is known that no event asks for a block, and how it is known. Absence is not deletion: a source that was
/// not read in this run, or not all of which could be read, takes nothing away.
fn may_remove(
    question: Question<'_>,
    name: &CalendarName,
    desire: &Desire,
    link: Option<&Link>,
) -> Option<Why> {
    let mut feeding = question.routes.iter().filter(|route| route.target == *name);
    let Some(link) = link else {
        let clear = |source: &CalendarName| {
            let sight = question.sources.get(source).map(|source| source.sight);
            let sure = sight.is_some_and(|sight| sight.fresh && sight.whole && !sight.gaps);
            sure && !desire.too_many.contains_key(source)
        };
        return feeding
            .all(|route| clear(&route.source))
            .then_some(Why::Unwanted);
    };
    if !feeding.any(|route| route.source == link.source) {
        return Some(Why::Unwanted);
    }
    let source = question.sources.get(&link.source)?;
    let refused = desire.too_many.get(&link.source);
    let refused = refused.is_some_and(|uids| uids.contains(&link.uid));
    let hidden = source.sight.gaps && !source.events.contains_key(&link.uid);
    (source.sight.fresh && source.sight.whole && !hidden && !refused).then_some(Why::Gone)
}

#[derive(Default)]
struct Sums {
    unchanged: usize,
    hands_off: usize,
    copies: usize,
    unread: usize,
    standing: BTreeMap<Option<CalendarName>, usize>,
}

impl Sums {
    fn stands(&mut self, held: &Held) {
        let source = held.link.as_ref().map(|link| link.source.clone());
        *self.standing.entry(source).or_default() += 1;
    }

    fn into_plan(self, name: &CalendarName, plan: &mut Plan) {
        plan.unchanged.insert(name.clone(), self.unchanged);
        for (source, count) in self.standing {
            plan.standing.insert((name.clone(), source), count);
        }
        let doubts = [
            (DoubtKind::HandsOff, self.hands_off),
            (DoubtKind::Unread, self.unread),
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
