//! Should stand against stands: the table of what to do. Pure.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::{
    Held, Link, Present, Question, Source, Target,
    desire::{TooManyBySource, desire},
    op::{Adoption, Doubt, DoubtKind, Loss, Op, Plan, Wanted, Why},
};
use crate::{
    ident::Stem,
    model::{CalendarName, Shape, Uid, block},
};

/// Compares what should stand in a target with what stands there.
///
/// What should stand is looked at one by one and not kept, so that a calendar may hold very many blocks.
pub fn compare(question: Question<'_>, name: &CalendarName, target: Target) -> Plan {
    let mut plan = Plan::default();
    let Target {
        mut held,
        extras,
        copies,
        ..
    } = target;
    let mut sums = Sums {
        copies,
        ..Sums::default()
    };
    plan.ops
        .extend(remove_spares(name, extras, &held, &mut sums));
    let too_many = desire(question, name, |stem, wanted| {
        let held = held.remove(&stem);
        if let Some(held) = held.as_ref().filter(|held| held.present.is_some()) {
            sums.tally(held.link.as_ref()).standing += 1;
        }
        match judge_wanted(&wanted, held, &question.window.home) {
            Verdict::Leave => sums.unchanged += 1,
            Verdict::HandsOff => sums.hands_off += 1,
            Verdict::Otherwise => sums.otherwise += 1,
            Verdict::Adopt(present) => {
                sums.unchanged += 1;
                plan.adoptions.push(Adoption {
                    target: name.clone(),
                    present,
                    wanted,
                });
            }
            Verdict::Create(_) | Verdict::Replace(..) if plan.ops.len() >= question.operations => {
                sums.postponed += 1;
                sums.event(&wanted.source, &wanted.uid).waits = true;
            }
            Verdict::Create(why) => {
                sums.event(&wanted.source, &wanted.uid).come += 1;
                plan.ops.push(Op::create(name, stem, wanted, why));
            }
            Verdict::Replace(present, why) => {
                plan.ops.push(Op::replace(name, stem, wanted, present, why));
            }
        }
    });
    // What is left was not asked for.
    for (stem, held) in held {
        let Some(present) = held.present else {
            plan.forgets.push((name.clone(), stem));
            continue;
        };
        let row = Row {
            present,
            link: held.link,
        };
        plan.ops.extend(judge_unwanted(
            question, name, &too_many, stem, row, &mut sums,
        ));
    }
    if is_fed_by_empty(question, name) {
        plan.fed_by_empty.insert(name.clone());
    }
    for (source, uids) in &too_many {
        plan.doubts.push(Doubt {
            calendar: source.clone(),
            kind: DoubtKind::TooMany,
            count: uids.len(),
        });
    }
    plan.too_many = too_many;
    sums.into_plan(name, &mut plan);
    plan
}

/// Plans nothing in a target whose server renames what is written to it.
pub fn renamed(name: &CalendarName, target: &Target) -> Plan {
    let mut plan = Plan::default();
    let standing = target.held.values();
    let standing = standing.filter(|held| held.present.is_some()).count();
    plan.unchanged.insert(name.clone(), standing);
    plan.doubts.push(Doubt {
        calendar: name.clone(),
        kind: DoubtKind::Renamed,
        count: target.renamed,
    });
    plan
}

/// Whether a calendar that shows in a target has no event at all.
fn is_fed_by_empty(question: Question<'_>, name: &CalendarName) -> bool {
    let is_empty =
        |source: &CalendarName| question.sources.get(source).is_some_and(|s| s.total == 0);
    let mut feeding = question.routes.iter().filter(|route| route.target == *name);
    feeding.any(|route| is_empty(&route.source))
}

/// Plans the removal of all blocks in a target that may be touched.
pub fn remove_all(name: &CalendarName, target: Target) -> Plan {
    let mut plan = Plan::default();
    let mut sums = Sums {
        copies: target.copies,
        ..Sums::default()
    };
    let spares = remove_spares(name, target.extras, &target.held, &mut sums);
    plan.ops.extend(spares);
    for (stem, held) in target.held {
        match held.present {
            None => {}
            Some(present) if present.hands_off => sums.hands_off += 1,
            Some(present) => {
                let source = held.link.map(|link| link.source);
                plan.ops
                    .push(Op::remove(name, stem, present, Why::Reset, source));
            }
        }
    }
    sums.into_plan(name, &mut plan);
    plan
}

/// The removal of blocks that stand beside another one for the same thing: older generations, and copies that somebody
/// made. Whatever carries the id of a block is a block, and one is enough.
fn remove_spares(
    name: &CalendarName,
    extras: Vec<Present>,
    held: &BTreeMap<Stem, Held>,
    sums: &mut Sums,
) -> Vec<Op> {
    let mut ops = Vec::new();
    for extra in extras {
        let stem = extra.id.stem();
        let link = held.get(&stem).and_then(|held| held.link.as_ref());
        if extra.hands_off {
            sums.hands_off += 1;
        } else {
            let source = link.map(|link| link.source.clone());
            ops.push(Op::remove(name, stem, extra, Why::Spare, source));
        }
    }
    ops
}

enum Verdict {
    Leave,
    Adopt(Present),
    HandsOff,
    /// It is not what is wanted, and writing it again would change nothing.
    Otherwise,
    Create(Why),
    Replace(Present, Why),
}

/// What to do about a block that should stand.
fn judge_wanted(wanted: &Wanted, held: Option<Held>, home: &TimeZone) -> Verdict {
    let Held { present, link } = held.unwrap_or_default();
    let Some(present) = present else {
        return Verdict::Create(if link.is_some() {
            Why::Vanished
        } else {
            Why::New
        });
    };
    let print = block::print(&wanted.shape, &wanted.face, &[]);
    let is_known = link.is_some();
    let linked = link.filter(|link| link.print == print);
    if present.hands_off {
        // What somebody made their own stays. Where it does not show the time that is wanted, a block has to stand beside it.
        return match (begins_within(wanted, &present, home), linked) {
            (true, Some(_)) => Verdict::HandsOff,
            (true, None) if !is_known => Verdict::HandsOff,
            (_, Some(_)) => Verdict::Create(Why::Vanished),
            (_, None) => Verdict::Create(Why::Changed),
        };
    }
    let shown = Some(present.print);
    let echoes = linked.as_ref().is_some_and(|link| link.echo == shown);
    let is_futile = linked.as_ref().is_some_and(|link| link.otherwise == shown);
    match (present.print == print || echoes, linked) {
        (true, Some(_)) => Verdict::Leave,
        (true, None) => Verdict::Adopt(present),
        (false, Some(_)) if is_futile => Verdict::Otherwise,
        (false, Some(_)) => Verdict::Replace(present, Why::Edited),
        (false, None) => Verdict::Replace(present, Why::Changed),
    }
}

/// Whether what stands shows the (first) occurrence that is wanted.
fn begins_within(wanted: &Wanted, present: &Present, home: &TimeZone) -> bool {
    let (first, end) = wanted.shape.first_occurrence(home);
    let repeats = matches!(wanted.shape, Shape::Series(_));
    present.first <= first && end <= present.first_end && (present.repeats || !repeats)
}

/// A block that nothing asks for.
struct Row {
    present: Present,
    link: Option<Link>,
}

/// What to do about a block that nothing asks for: only what is surely ours and surely not wanted goes.
fn judge_unwanted(
    question: Question<'_>,
    name: &CalendarName,
    too_many: &TooManyBySource,
    stem: Stem,
    row: Row,
    sums: &mut Sums,
) -> Option<Op> {
    let Row { present, link } = row;
    if present.hands_off {
        sums.hands_off += 1;
        return None;
    }
    let is_past = present
        .last
        .is_some_and(|last| last <= question.window.from());
    if is_past || present.first >= question.window.to() {
        // What lies outside the window stays as it is: the past told the truth when it was written, and what is yet to come
        // is judged when the window gets there. A clock that is wrong by years takes nothing away by this.
        sums.unchanged += 1;
        return None;
    }
    let source = link.as_ref().map(|link| link.source.clone());
    sums.tally(link.as_ref()).standing += 1;
    let Some(why) = may_remove(question, name, too_many, link.as_ref()) else {
        sums.unread += 1;
        return None;
    };
    if sums.tally(link.as_ref()).waits {
        // What is to stand in its place comes first.
        sums.postponed += 1;
        return None;
    }
    sums.tally(link.as_ref()).gone += 1;
    Some(Op::remove(name, stem, present, why, source))
}

/// Whether it is known that no event asks for a block, and how it is known. Absence is not deletion: a source that was
/// not read in this run, or not all of which could be read, takes nothing away.
fn may_remove(
    question: Question<'_>,
    name: &CalendarName,
    too_many: &TooManyBySource,
    link: Option<&Link>,
) -> Option<Why> {
    let mut feeding = question.routes.iter().filter(|route| route.target == *name);
    let Some(link) = link else {
        let clear = |source: &CalendarName| {
            let known = question.sources.get(source);
            let sure = known.is_some_and(
                |Source {
                     sight, troubled, ..
                 }| {
                    sight.fresh && sight.whole && !sight.gaps && troubled.is_empty()
                },
            );
            sure && !too_many.contains_key(source)
        };
        return feeding
            .all(|route| clear(&route.source))
            .then_some(Why::Unwanted);
    };
    if !feeding.any(|route| route.source == link.source) {
        return Some(Why::Unwanted);
    }
    let source = question.sources.get(&link.source)?;
    let refused = too_many.get(&link.source);
    let refused = refused.is_some_and(|uids| uids.contains(&link.uid));
    let unread = source.sight.nameless || source.troubled.contains(&link.uid);
    let hidden = unread && !source.events.contains_key(&link.uid);
    (source.sight.fresh && source.sight.whole && !hidden && !refused).then_some(Why::Gone)
}

#[derive(Default)]
struct Sums {
    unchanged: usize,
    hands_off: usize,
    otherwise: usize,
    copies: usize,
    unread: usize,
    /// What waits for the next run.
    postponed: usize,
    /// What becomes of the blocks of each event.
    events: BTreeMap<CalendarName, BTreeMap<Uid, Tally>>,
    /// The same of blocks of which nobody remembers what they stand for.
    loose: Tally,
}

/// What becomes of some blocks.
#[derive(Clone, Copy, Default)]
struct Tally {
    standing: usize,
    gone: usize,
    come: usize,
    /// Some of what is to come waits for the next run.
    waits: bool,
}

impl Tally {
    /// Whether most of them go, and no others come in their place.
    fn is_lost(self) -> bool {
        self.gone.saturating_sub(self.come) * 2 > self.standing
    }
}

impl Sums {
    fn event(&mut self, source: &CalendarName, uid: &Uid) -> &mut Tally {
        let events = self.events.entry(source.clone()).or_default();
        events.entry(uid.clone()).or_default()
    }

    fn tally(&mut self, link: Option<&Link>) -> &mut Tally {
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
        };
        let known = self.events.iter().map(|(source, events)| {
            let standing = events.values().filter(|tally| tally.standing > 0);
            let loss = Loss {
                lost: events.values().filter(|tally| tally.is_lost()).count(),
                standing: standing.count(),
            };
            (Some(source.clone()), loss)
        });
        let all = known.chain([(None, loose)]);
        all.filter(|(_, loss)| loss.lost > 0)
    }

    fn into_plan(self, name: &CalendarName, plan: &mut Plan) {
        plan.unchanged.insert(name.clone(), self.unchanged);
        plan.postponed += self.postponed;
        for (source, loss) in self.losses() {
            plan.losses.insert((name.clone(), source), loss);
        }
        let doubts = [
            (DoubtKind::HandsOff, self.hands_off),
            (DoubtKind::Otherwise, self.otherwise),
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
