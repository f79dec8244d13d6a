//! The last look before anything is written: removals that are too many are refused. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{
    Source, Sources,
    op::{Loss, Op, Plan, Why},
};
use crate::{ident::Stem, model::CalendarName};

/// Removals of so few events' blocks are never refused, unless the source is suddenly empty.
pub const REMOVALS_FREE: usize = 10;
/// Whoever had so few events may delete them all; a source that is suddenly empty may take so few blocks with it and no more.
const EMPTIED_FREE: usize = 2;

/// What a plan may do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// The share of a source's blocks in a target that one run may remove, in percent.
    pub removals_percent: u8,
    /// How many operations one run does at the most; the next run goes on.
    pub operations: usize,
    /// How long one run may go on writing, in minutes; the next run goes on.
    pub run_minutes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            removals_percent: 50,
            operations: 50_000,
            run_minutes: 60,
        }
    }
}

/// A plan that passed the guard. Nothing else can be carried out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Approved {
    plan: Plan,
    /// What was not approved, and is left out.
    pub refusals: Vec<Refusal>,
    /// The blocks that this leaves standing though nothing asks for them.
    pub held_back: Vec<(CalendarName, Stem)>,
    /// Operations left for the next run because of the limit.
    pub postponed: usize,
}

/// Why a plan was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The calendar that would lose blocks.
    pub target: CalendarName,
    /// The calendar whose blocks they are, where that is remembered.
    pub source: Option<CalendarName>,
    /// How much would go.
    pub loss: Loss,
    /// How many events vanished from the source, and how many it held, if they are too many.
    pub vanished: Option<(usize, usize)>,
    /// Whether the source has no event left at all.
    pub emptied: bool,
    /// Whether all of it was held back before, and may be in what cannot be read of the source by now.
    pub unread: bool,
    /// Whether the source is in the configuration.
    pub configured: bool,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            target,
            source,
            loss: Loss { lost, standing, .. },
            vanished,
            emptied,
            unread,
            configured,
        } = self;
        match source {
            Some(source) if *emptied && source == target => write!(
                f,
                "\"{source}\" is suddenly empty, so nothing is written to it (is its disk there, is it the right calendar?)"
            ),
            Some(source) if *emptied => write!(
                f,
                "\"{source}\" is suddenly empty: {lost} of {standing} events would lose their blocks in \"{target}\""
            ),
            Some(source) if let Some((gone, held)) = vanished => write!(
                f,
                "{gone} of {held} events are suddenly gone from \"{source}\": {lost} of {standing} would lose their blocks \
                 in \"{target}\""
            ),
            Some(source) if *unread => write!(
                f,
                "{lost} blocks in \"{target}\" stay whose events went missing from \"{source}\" at once, as long as something in \
                 it cannot be read: they may be in there"
            ),
            Some(source) if !*configured => write!(
                f,
                "\"{source}\" is not in the configuration any more (has it another name now?): {lost} of {standing} events \
                 would lose their blocks in \"{target}\""
            ),
            Some(source) => write!(
                f,
                "{lost} of {standing} events of \"{source}\" would lose their blocks in \"{target}\""
            ),
            None => write!(
                f,
                "{lost} of {standing} blocks in \"{target}\" would be removed, whose events calsync does not remember or \
                 that no rule wants any more (was the state lost, or has a calendar another name now?)"
            ),
        }
    }
}

impl Approved {
    /// What may be done.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Takes the plan out, to carry it out.
    pub fn into_plan(self) -> Plan {
        self.plan
    }
}

/// Judges a plan: leaves out the removals that are too many, and lets all else pass. With `allowed`, a person has said that
/// this once anything goes.
pub fn guard(mut plan: Plan, sources: &Sources, limits: &Limits, allowed: bool) -> Approved {
    let mut refusals = match allowed {
        true => Vec::new(),
        false => refusals(&plan, sources, limits),
    };
    // A calendar that is suddenly empty may be a disk that is not mounted: nothing is written there either.
    let emptied = refusals.iter().filter(|refusal| refusal.emptied);
    let emptied: BTreeSet<CalendarName> = emptied.filter_map(|r| r.source.clone()).collect();
    if !allowed {
        let more = unread(&plan, sources, &refusals);
        refusals.extend(more);
    }
    if !allowed {
        // What may be there again tomorrow is not forgotten either.
        plan.forgets.retain(|(target, _, source)| {
            let mut refusals = refusals.iter();
            let lost = source.as_ref().and_then(|source| sources.get(source));
            !refusals.any(|r| r.target == *target && r.source == *source)
                && !lost.is_some_and(lost_all)
        });
    }
    let ops = std::mem::take(&mut plan.ops);
    let is_refused = |op: &Op| {
        let of_op = |r: &Refusal| r.target == op.target && r.source == op.source;
        let mut refusals = refusals.iter().filter(|r| of_op(r));
        let is_lost = refusals.any(|r| !r.unread || op.why == Why::Gone && plan.was_held_back(op));
        emptied.contains(&op.target) || op.loses() && is_lost
    };
    let (refused, ops): (Vec<Op>, Vec<Op>) = ops.into_iter().partition(is_refused);
    let held_back = refused.iter().filter(|op| op.loses());
    let held_back = held_back.map(|op| (op.target.clone(), op.stem.clone()));
    let held_back = held_back.collect();
    let telling = refused.into_iter().filter(|op| {
        let key = (op.target.clone(), op.stem.clone());
        !emptied.contains(&op.target) && plan.telling.contains(&key)
    });
    plan.ops = ops.into_iter().chain(telling.map(Op::hushed)).collect();
    plan.sort();
    let postponed = plan.postponed + plan.ops.len().saturating_sub(limits.operations);
    plan.ops.truncate(limits.operations);
    Approved {
        plan,
        refusals,
        held_back,
        postponed,
    }
}

/// What stays because it was held back before and may be in what cannot be read by now: few as these may be, their events went
/// missing together with many others. `refusals`: what is refused for another reason.
fn unread(plan: &Plan, sources: &Sources, refusals: &[Refusal]) -> Vec<Refusal> {
    let mut counts: BTreeMap<(&CalendarName, &CalendarName), usize> = BTreeMap::new();
    for op in plan.ops.iter().filter(|op| plan.was_held_back(op)) {
        let Some(source) = op.source.as_ref().filter(|_| op.why == Why::Gone) else {
            continue;
        };
        let is_told = |r: &Refusal| r.target == op.target && r.source.as_ref() == Some(source);
        let is_unread = sources.get(source).is_some_and(Source::is_unread);
        if is_unread && !refusals.iter().any(is_told) {
            *counts.entry((&op.target, source)).or_default() += 1;
        }
    }
    let refusal = |((target, source), lost): ((&CalendarName, &CalendarName), usize)| {
        let loss = plan.losses.get(&(target.clone(), Some(source.clone())));
        let standing = loss.map_or(0, |loss| loss.standing);
        Refusal {
            target: target.clone(),
            source: Some(source.clone()),
            loss: Loss {
                lost,
                standing,
                ahead: lost,
            },
            vanished: None,
            emptied: false,
            unread: true,
            configured: true,
        }
    };
    counts.into_iter().map(refusal).collect()
}

fn lost_all(source: &Source) -> bool {
    is_emptied(source.total, source.stood)
}

fn refusals(plan: &Plan, sources: &Sources, limits: &Limits) -> Vec<Refusal> {
    let losses = plan.losses.iter();
    let mut refusals: Vec<Refusal> = losses
        .filter_map(|(pair, loss)| judge(pair, *loss, plan, sources, limits))
        .collect();
    let written: BTreeSet<&CalendarName> = plan.ops.iter().map(|op| &op.target).collect();
    for name in written {
        let is_told = refusals.iter().any(|r| r.source.as_ref() == Some(name));
        if !is_told && sources.get(name).is_some_and(lost_all) {
            refusals.push(Refusal {
                target: name.clone(),
                source: Some(name.clone()),
                loss: Loss::default(),
                vanished: None,
                emptied: true,
                unread: false,
                configured: true,
            });
        }
    }
    refusals
}

/// Whether a calendar that holds so many events now, and should hold so many, has lost all of them, and they were more than a few.
pub fn is_emptied(total: usize, stood: usize) -> bool {
    total == 0 && stood > EMPTIED_FREE
}

fn judge(
    (target, source): &(CalendarName, Option<CalendarName>),
    loss: Loss,
    plan: &Plan,
    sources: &Sources,
    limits: &Limits,
) -> Option<Refusal> {
    let known = source.as_ref().and_then(|source| sources.get(source));
    let is_empty = match source {
        Some(_) => known.is_some_and(|source| source.total == 0),
        None => plan.fed_by_empty.contains(target),
    };
    let before = plan.refused_at.get(&(target.clone(), source.clone()));
    // Of blocks whose events nobody remembers, because the state was lost, few may go: what they stood for cannot be checked.
    // Nor may more once so much was refused: one new event in a source that was suddenly empty gives none of the others back.
    let free = match source {
        Some(_) if before.is_none() => REMOVALS_FREE,
        _ => EMPTIED_FREE,
    };
    let is_much = |gone: usize, of: usize| {
        gone > free && gone * 100 > of * usize::from(limits.removals_percent)
    };
    // Counted by events too, whether they show in the window or not: a wrong calendar may share a few with the right one.
    let vanished = known.map(|source| (source.stood.saturating_sub(source.total), source.stood));
    let vanished = vanished.filter(|(gone, held)| is_much(*gone, *held));
    let has_lost_all = is_empty && (loss.lost > EMPTIED_FREE || known.is_some_and(lost_all));
    let standing = before.map_or(loss.standing, |before| loss.standing.min(*before));
    let is_refused =
        is_much(loss.counted(EMPTIED_FREE), standing) || vanished.is_some() || has_lost_all;
    is_refused.then(|| Refusal {
        configured: known.is_some(),
        target: target.clone(),
        source: source.clone(),
        loss,
        vanished,
        emptied: is_empty,
        unread: false,
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{
        ident::{Mint, Subject},
        plan::{Action, Present},
    };

    /// A plan that removes so many of so many blocks of one source, and what is known of that source.
    fn plan(removed: usize, standing: usize, events_left: usize, known: bool) -> (Plan, Sources) {
        let mint = Mint::new(&[1; 32]);
        let source = known.then(|| CalendarName::from("home"));
        let mut plan = Plan::default();
        for i in 0..removed {
            let stem = mint.stem(Subject {
                source: &"home".into(),
                uid: &i.to_string().into(),
                occurrence: &"".into(),
                target: &"work".into(),
            });
            plan.ops.push(Op {
                target: "work".into(),
                action: Action::Remove(Present {
                    id: mint.id(&"work".into(), &stem, 0),
                    href: None,
                    print: crate::model::Print::default(),
                    hands_off: false,
                    busy: crate::plan::Busy::Unread,
                    traces: None,
                    words: None,
                    first: Timestamp::UNIX_EPOCH,
                    first_end: Timestamp::UNIX_EPOCH,
                    repeats: false,
                    last: None,
                }),
                stem,
                why: Why::Gone,
                source: source.clone(),
            });
        }
        let loss = Loss {
            lost: removed,
            standing,
            ahead: removed,
        };
        plan.losses.insert(("work".into(), source), loss);
        if events_left == 0 {
            plan.fed_by_empty.insert("work".into());
        }
        let sources = Sources::from([(
            "home".into(),
            Source {
                total: events_left,
                ..Source::default()
            },
        )]);
        (plan, sources)
    }

    fn passes_guard(plan: Plan, sources: &Sources, allowed: bool) -> bool {
        let ops = plan.ops.len();
        let approved = guard(plan, sources, &Limits::default(), allowed);
        let passes = approved.refusals.is_empty();
        assert_eq!(approved.plan().ops.len(), if passes { ops } else { 0 });
        passes
    }

    fn passes(removed: usize, standing: usize, events_left: usize) -> bool {
        let judged = [true, false].map(|known| {
            let (plan, sources) = plan(removed, standing, events_left, known);
            passes_guard(plan, &sources, false)
        });
        assert_eq!(
            judged[0], judged[1],
            "it must not matter whether the source is remembered"
        );
        judged[0]
    }

    #[test]
    fn a_few_removals_pass() {
        assert!(passes(1, 1, 1));
        assert!(passes(2, 2, 1));
        assert!(passes(40, 80, 40));
    }

    #[test]
    fn what_nobody_remembers_the_event_of_passes_in_smaller_numbers() {
        for (known, expected) in [(true, true), (false, false)] {
            let (plan, sources) = plan(8, 8, 3, known);
            assert_eq!(passes_guard(plan, &sources, false), expected);
        }
    }

    #[test]
    fn too_large_a_share_is_refused() {
        assert!(!passes(11, 20, 9));
        assert!(!passes(1000, 1000, 5));
    }

    #[test]
    fn what_came_after_a_refusal_makes_the_loss_no_smaller() {
        let (mut plan, sources) = plan(20, 40, 20, true);
        assert!(passes_guard(plan.clone(), &sources, false));
        let pair = ("work".into(), Some("home".into()));
        plan.refused_at.insert(pair, 20);
        assert!(!passes_guard(plan.clone(), &sources, false));
        assert!(passes_guard(plan, &sources, true));
    }

    #[test]
    fn a_source_that_is_suddenly_empty_is_refused() {
        assert!(passes(2, 2, 0), "whoever had two events may delete both");
        assert!(!passes(3, 3, 0));
    }

    #[test]
    fn one_new_event_in_an_emptied_source_gives_no_other_back() {
        for held in [3, 6, 10] {
            let (mut plan, mut sources) = plan(held, held + 1, 1, true);
            sources.get_mut("home").unwrap().stood = held;
            assert!(passes_guard(plan.clone(), &sources, false));
            let pair = ("work".into(), Some("home".into()));
            plan.refused_at.insert(pair, held);
            assert!(!passes_guard(plan.clone(), &sources, false), "{held}");
            assert!(passes_guard(plan, &sources, true));
        }
    }

    #[test]
    fn a_person_may_allow_it_once() {
        let (plan, sources) = plan(1000, 1000, 0, true);
        assert!(passes_guard(plan, &sources, true));
    }

    #[test]
    fn more_than_the_limit_waits_for_the_next_run() {
        let (plan, sources) = plan(8, 100, 92, true);
        let limits = Limits {
            operations: 5,
            ..Limits::default()
        };
        let approved = guard(plan, &sources, &limits, false);
        assert_eq!((approved.plan().ops.len(), approved.postponed), (5, 3));
    }
}
