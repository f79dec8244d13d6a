//! What becomes of what stands though nothing asks for it, and of what is remembered of what does not stand any more: only what is
//! surely ours and surely not wanted goes. Pure.

use std::collections::BTreeMap;

use super::{feeding, filter, respect::left_meanwhile, route, sums::Sums};
use crate::{
    ident::Stem,
    model::CalendarName,
    plan::{
        Held, Link, Past, Present, Question, Respect, Source,
        desire::TooManyBySource,
        op::{Op, Plan, Why},
        wording::{Show, Shows, UNTITLED, Wording},
    },
};

/// Judges what stands and was not asked for.
pub(super) fn judge_rest(
    question: Question<'_>,
    name: &CalendarName,
    too_many: &TooManyBySource,
    held: BTreeMap<Stem, Held>,
    plan: &mut Plan,
    sums: &mut Sums,
) {
    for (stem, held) in held {
        let is_held_back = held.is_held_back();
        note_left_so(question, name, &stem, &held, plan);
        let Some(present) = held.present else {
            // What may be asked for again once all can be read, or by another rule, is not forgotten: nor is, that somebody took it
            // away.
            let link = held.link.as_ref();
            if !is_still_there(question, name, link)
                && may_remove(question, name, too_many, link).is_some()
            {
                let source = link.map(|link| link.source.clone());
                plan.forgets.push((name.clone(), stem, source));
            }
            continue;
        };
        let row = Row {
            present,
            link: held.link,
        };
        let link = row.link.as_ref();
        let tells = says_too_much(question, name, &row.present, link);
        let stays = outside(question, name, &row.present, link) == Some(Outside::Stays);
        let may_stay = (is_held_back && stays).then(|| (name.clone(), stem.clone()));
        plan.may_stay.extend(may_stay);
        let op = judge_unwanted(question, name, too_many, stem, row, sums);
        if let Some(op) = &op {
            let key = || (name.clone(), op.stem.clone());
            plan.held_back.extend(is_held_back.then(key));
            plan.telling.extend(tells.then(key));
        }
        plan.ops.extend(op);
    }
}

/// Notes what somebody did to a block that nothing asks for, unless its rule leaves nothing so.
fn note_left_so(
    question: Question<'_>,
    name: &CalendarName,
    stem: &Stem,
    held: &Held,
    plan: &mut Plan,
) {
    let Some(link) = held.link.as_ref().filter(|_| held.present.is_some()) else {
        return;
    };
    let rule = route(question, name, &link.source);
    let left = left_meanwhile(held).filter(|_| rule.is_none_or(|rule| rule.respect.deleted));
    if left.is_some() && left.as_ref() != link.left_so.as_deref() {
        plan.left_so.push((name.clone(), stem.clone(), left));
    }
}

/// Whether the event is still there that a block was written for, and no rule brings back what somebody took away of it.
fn is_still_there(question: Question<'_>, name: &CalendarName, link: Option<&Link>) -> bool {
    link.is_some_and(|link| {
        let route = route(question, name, &link.source);
        let restores = route.is_some_and(|route| route.respect == Respect::default());
        let source = question.sources.get(&link.source);
        let is_there = source.is_some_and(|source| source.events.contains_key(&link.uid));
        is_there && !restores && !link.only_came_in_time()
    })
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
    let source = link.as_ref().map(|link| link.source.clone());
    if let Some(fate) = outside(question, name, &present, link.as_ref()) {
        let Outside::Goes(why) = fate else {
            sums.unchanged += 1;
            return None;
        };
        let tally = sums.tally(link.as_ref());
        tally.standing += 1;
        tally.gone += 1;
        // All of it may be over by a clock that is wrong.
        tally.ahead = true;
        return Some(Op::remove(name, stem, present, why, source));
    }
    sums.tally(link.as_ref()).standing += 1;
    let Some(why) = may_remove(question, name, too_many, link.as_ref()) else {
        match link.is_none() && looks_damaged(question, name, too_many) {
            true => sums.damaged += 1,
            false => sums.unread += 1,
        }
        let tells = says_too_much(question, name, &present, link.as_ref());
        return tells.then(|| Op::remove(name, stem, present, Why::Unwanted, source).hushed());
    };
    if sums.tally(link.as_ref()).waits {
        // What is to stand in its place comes first.
        sums.postponed += 1;
        return None;
    }
    let takes = sums
        .takes
        .have(&stem, &present, link.as_ref(), question.window);
    let tally = sums.tally(link.as_ref());
    tally.gone += 1;
    tally.come += usize::from(takes);
    tally.ahead |= present.last.is_none_or(|last| question.now < last);
    Some(Op::remove(name, stem, present, why, source))
}

/// What becomes of a block outside of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// It stays as it is.
    Stays,
    /// It goes.
    Goes(Why),
}

/// What becomes of a block outside of the window; nothing if it is not outside of it. It stays as it is: the past told the truth when
/// it was written, and what is yet to come is judged when the window gets there. A clock that is wrong by years takes nothing away
/// by this.
pub fn outside(
    question: Question<'_>,
    name: &CalendarName,
    present: &Present,
    link: Option<&Link>,
) -> Option<Outside> {
    let mut ends = present.last.iter();
    let is_past = ends.any(|last| *last <= question.window.from());
    let is_ahead = present.first >= question.window.to();
    if !is_past && !is_ahead {
        return None;
    }
    // No rule will ever ask for it.
    let is_unruled = link.is_some_and(|link| route(question, name, &link.source).is_none());
    Some(match is_past {
        true if question.past == Past::Delete => Outside::Goes(Why::Past),
        false if is_unruled => Outside::Goes(Why::Unwanted),
        _ if says_too_much(question, name, present, link) => Outside::Goes(Why::Unwanted),
        _ => Outside::Stays,
    })
}

/// Whether words of an event are in a block that no rule shows any more: of none, or not of private ones.
fn says_too_much(
    question: Question<'_>,
    name: &CalendarName,
    present: &Present,
    link: Option<&Link>,
) -> bool {
    match link {
        Some(link) => tells_too_much(question, name, link),
        None => says_what_nobody_does(question, name, present),
    }
}

/// Whether a block has words of an event, as far as is remembered, that no rule shows any more.
fn tells_too_much(question: Question<'_>, name: &CalendarName, link: &Link) -> bool {
    if !link.shows.any() {
        return false;
    }
    let source = question.sources.get(&link.source);
    let is_private = source.is_some_and(|source| source.private.contains(&link.uid));
    route(question, name, &link.source).is_none_or(|route| {
        let allowed = Shows::by(&route.wording);
        link.shows.exceed(allowed) || is_private && !route.wording.private
    })
}

/// Whether a block of which nobody remembers what it stands for says something in a target where no rule shows any words.
fn says_what_nobody_does(question: Question<'_>, name: &CalendarName, present: &Present) -> bool {
    let Some(words) = present.words else {
        return false;
    };
    let mut feeding = feeding(question, name);
    let plain = Wording::busy(UNTITLED).face.words();
    words != plain
        && feeding
            .all(|route| route.wording.show == Show::Busy && route.wording.face.words() != words)
}

/// Whether all that shows in a target was read, and is like this.
fn all_read(
    question: Question<'_>,
    name: &CalendarName,
    too_many: &TooManyBySource,
    is: fn(&Source) -> bool,
) -> bool {
    let clear = |name: &CalendarName| {
        let known = question.sources.get(name);
        let sure = known.is_some_and(|source| {
            let Source {
                sight, troubled, ..
            } = source;
            let is_read = sight.fresh && sight.whole && !sight.gaps && troubled.is_empty();
            is_read && is(source)
        });
        sure && !too_many.contains_key(name)
    };
    let mut feeding = feeding(question, name);
    feeding.all(|route| clear(&route.source))
}

/// Whether nothing but signs of damage keeps a block of which nobody remembers what it stands for.
fn looks_damaged(question: Question<'_>, name: &CalendarName, too_many: &TooManyBySource) -> bool {
    all_read(question, name, too_many, |_| true)
}

/// Whether it is known that no event asks for a block, and how it is known. Absence is not deletion: a source that was
/// not read in this run, or not all of which could be read, takes nothing away.
fn may_remove(
    question: Question<'_>,
    name: &CalendarName,
    too_many: &TooManyBySource,
    link: Option<&Link>,
) -> Option<Why> {
    let mut feeding = feeding(question, name);
    let Some(link) = link else {
        let is_sound = |source: &Source| !source.sight.signs;
        return all_read(question, name, too_many, is_sound).then_some(Why::Unwanted);
    };
    if !feeding.any(|route| route.source == link.source) {
        return Some(Why::Unwanted);
    }
    let source = question.sources.get(&link.source)?;
    let refused = too_many.get(&link.source);
    let refused = refused.is_some_and(|uids| uids.contains(&link.uid));
    let unread = source.sight.nameless || source.troubled.contains(&link.uid);
    let is_sought = filter(question, name, &link.source).is_some_and(|f| f.asks.look_at_words());
    let hidden = unread && (is_sought || !source.events.contains_key(&link.uid));
    (source.sight.fresh && source.sight.whole && !hidden && !refused).then_some(Why::Gone)
}
