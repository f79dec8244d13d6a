//! Where nothing may be written: what is done about that in a plan, and what the next run has to know of it, so that it need not
//! be refused again.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::Goal;
use crate::{
    model::CalendarName,
    plan::Plan,
    provider::{Provider, ProviderError},
    session::{Request, Session},
    state::Stated,
};

/// After this long it is tried again.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);

/// Asks the calendars in which a plan wants something done whether that may be: a dry run learns it from no refusal.
pub(super) async fn ask<P: Provider, W>(session: &mut Session<'_, P, W>, plan: &Plan) {
    let due: BTreeSet<&CalendarName> = plan.ops.iter().map(|op| &op.target).collect();
    for (_, seat) in session
        .seats
        .iter_mut()
        .filter(|(name, _)| due.contains(name))
    {
        seat.provider.ask_leave().await;
    }
}

/// Tells calendars what earlier runs found out. Whoever reads everything anew, or only looks, asks anew.
pub(super) fn recall<P: Provider, W>(
    session: &mut Session<'_, P, W>,
    request: &Request,
    full: bool,
) -> Stated<()> {
    let state = session.state.borrow();
    let now = session.clock.now();
    for (name, seat) in &mut session.seats {
        let Some(since) = state.barred_since(name, &seat.reading)? else {
            continue;
        };
        let is_young = (SignedDuration::ZERO..REMEMBERED).contains(&now.duration_since(since));
        if is_young && !full && !request.dry_run {
            seat.provider.bar();
        }
    }
    Ok(())
}

/// Takes out of a plan what it wants done in calendars that cannot be written to, or should not be before it is known which
/// they are, and says why.
pub(super) fn withhold<P: Provider, W>(
    session: &Session<'_, P, W>,
    goal: Goal,
    plan: &mut Plan,
) -> BTreeMap<CalendarName, ProviderError> {
    let due: BTreeSet<&CalendarName> = plan.ops.iter().map(|op| &op.target).collect();
    let seats = session.seats.iter().filter(|(name, _)| due.contains(name));
    let barred: BTreeMap<CalendarName, ProviderError> = seats
        .filter_map(|(name, seat)| {
            // What was written twice can be taken back all the same.
            let in_doubt = || match goal {
                Goal::InStep => seat.provider.in_doubt(),
                Goal::Empty => None,
            };
            let why = seat.provider.barred().or_else(in_doubt)?;
            Some((name.clone(), why))
        })
        .collect();
    plan.ops.retain(|op| !barred.contains_key(&op.target));
    barred
}

/// Remembers what this run found out, for as long as it was found out first.
pub(super) fn note<P: Provider, W>(
    session: &Session<'_, P, W>,
    full: bool,
    now: Timestamp,
) -> Stated<()> {
    let state = session.state.borrow();
    for (name, seat) in &session.seats {
        let since = state.barred_since(name, &seat.reading)?;
        let is_old = since.is_some_and(|since| now.duration_since(since) >= REMEMBERED);
        match (seat.provider.barred(), since) {
            (Some(_), Some(_)) if !full && !is_old => {}
            (Some(_), _) => state.note_barred(name, &seat.reading, Some(now))?,
            (None, Some(_)) if full || is_old => state.note_barred(name, &seat.reading, None)?,
            (None, _) => {}
        }
    }
    Ok(())
}
