//! Where calendars really are: which of them turn out to be one and the same, and which were read from another place before.
//! Asks no calendar.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::{
    ident::Mint,
    model::{CalendarName, agreeing, counted, shell_word},
    plan::{
        Plan,
        op::{Doubt, DoubtKind},
    },
    provider::Provider,
    session::{Seat, Session},
    state::{State, Stated},
};

/// A calendar that is in the configuration already, under another name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Twin {
    /// The calendar.
    pub name: CalendarName,
    /// The name of the other one.
    pub other: CalendarName,
    /// Which calendar both are.
    pub place: String,
    /// The other address that the calendar goes by, if it goes by two: then blocks were written to it twice.
    pub also: Option<String>,
    /// The accounts they are reached through.
    pub accounts: (String, String),
}

impl fmt::Display for Twin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name, other, place, ..
        } = self;
        let (account, others) = &self.accounts;
        if let Some(also) = &self.also {
            return write!(
                f,
                "it is the same calendar as \"{other}\" by another address ({place} and {also}): what is written to the one stands \
                 in the other, so every block was written twice, and nothing more is written. Run: calsync reset --calendar \
                 {name}; then take it out of the configuration"
            );
        }
        write!(
            f,
            "it is the same calendar as \"{other}\" ({place}), and blocks would be written twice, so nothing is written. Take one of \
             the two out of the configuration"
        )?;
        match account == others {
            true => Ok(()),
            false => write!(
                f,
                ". Or, if account {account} or {others} should be somebody else's, sign in to it as that person: calsync auth \
                 add ACCOUNT"
            ),
        }
    }
}

/// The calendars that turn out to be one with another, each after the first of them.
pub fn twins<P: Provider>(seats: &BTreeMap<CalendarName, Seat<P>>) -> Vec<Twin> {
    let mut firsts: BTreeMap<String, (&CalendarName, &str)> = BTreeMap::new();
    let mut twins = Vec::new();
    for (name, seat) in seats {
        let Some(place) = seat.provider.identity() else {
            continue;
        };
        match firsts.get(&place) {
            Some((other, account)) => twins.push(Twin {
                name: name.clone(),
                other: (*other).clone(),
                place,
                also: None,
                accounts: (seat.account.clone(), (*account).to_owned()),
            }),
            None => {
                firsts.insert(place, (name, &seat.account));
            }
        }
    }
    twins
}

/// The calendars at servers that turn out to be one with another by what stands in them, each after the first of them. Only
/// those of these.
pub fn alike<P: Provider>(
    seats: &BTreeMap<CalendarName, Seat<P>>,
    state: &State,
    mint: &Mint,
    of: impl Fn(&CalendarName) -> bool,
) -> Stated<Vec<Twin>> {
    let mut firsts: Vec<(&CalendarName, &Seat<P>, String)> = Vec::new();
    let mut twins = Vec::new();
    for (name, seat) in seats {
        let served = seat.provider.is_served() && of(name);
        let Some(place) = seat.provider.identity().filter(|_| served) else {
            continue;
        };
        let mut same = None;
        for (other, first, also) in &firsts {
            if same.is_none() && place != *also && state.are_one(other, name, mint)? {
                same = Some(Twin {
                    name: name.clone(),
                    other: (*other).clone(),
                    place: also.clone(),
                    also: Some(place.clone()),
                    accounts: (seat.account.clone(), first.account.clone()),
                });
            }
        }
        match same {
            Some(twin) => twins.push(twin),
            None => firsts.push((name, seat, place)),
        }
    }
    Ok(twins)
}

/// The calendars that are one with another, whichever comes first.
fn paired(twins: &[Twin]) -> BTreeSet<&CalendarName> {
    let both = twins.iter().flat_map(|twin| [&twin.name, &twin.other]);
    both.collect()
}

/// The blocks of one name of a calendar are no copies under another name of it.
pub(super) fn drop_copies(plan: &mut Plan, twins: &[Twin]) {
    let paired = paired(twins);
    let is_copy =
        |doubt: &Doubt| doubt.kind == DoubtKind::Copies && paired.contains(&doubt.calendar);
    plan.doubts.retain(|doubt| !is_copy(doubt));
}

/// Forgets what was read under a second name of a calendar that is in step under its first: nothing was written for it, and what
/// stands there would count twice also when that name is gone again.
pub(super) fn forget_second_names(state: &State, twins: &[Twin]) -> Stated<()> {
    for Twin { name, other, .. } in twins {
        match (state.was_in_step(name)?, state.was_in_step(other)?) {
            (false, true) => state.forget_contents(name)?,
            (true, false) => state.forget_contents(other)?,
            _ => {}
        }
    }
    Ok(())
}

/// Whether a calendar is, as far as that shows without asking, not where it was when it was last read.
pub(super) fn is_elsewhere<P: Provider>(
    state: &State,
    name: &CalendarName,
    seat: &Seat<P>,
) -> Stated<bool> {
    let former = state.place_of(name)?;
    let now = seat.provider.identity();
    Ok(former.is_some() && now.is_some() && former != now)
}

/// How many of our blocks are known to stand in each calendar.
pub(super) fn held(state: &State) -> Stated<BTreeMap<CalendarName, u64>> {
    let rows = state.calendar_rows()?.into_iter();
    Ok(rows.map(|row| (row.name, row.blocks)).collect())
}

/// Notes where the calendars are that were read just now, and which blocks were left behind where they were before. `before`:
/// what stood in them before they were read.
pub(super) fn note_moves<P: Provider, W>(
    session: &Session<'_, P, W>,
    is_fresh: impl Fn(&CalendarName) -> bool,
    before: &BTreeMap<CalendarName, u64>,
) -> Stated<()> {
    let state = session.state.borrow();
    let seats = session.seats.iter();
    let here: BTreeMap<&CalendarName, String> = seats
        .filter_map(|(name, seat)| Some((name, seat.provider.identity()?)))
        .collect();
    let mut after = None;
    for (&name, place) in here.iter().filter(|(name, _)| is_fresh(name)) {
        // A dry run, or one that was cut short, may have found it elsewhere: nothing is left behind where it is.
        let left = state.left_behind(name)?.or(state.was_left_behind(name)?);
        if left.is_some_and(|(_, left)| left == *place) {
            state.drop_left_behind(name)?;
        }
        let former = state.place_of(name)?;
        if former.as_ref() == Some(place) {
            continue;
        }
        if former.is_some() {
            state.disown(name)?;
        }
        state.note_place(name, place)?;
        // A place that has another name now is looked after under that.
        let former = former.filter(|former| !here.values().any(|place| place == former));
        let Some(former) = former else {
            continue;
        };
        if after.is_none() {
            after = Some(held(&state)?);
        }
        let count = |held: &BTreeMap<CalendarName, u64>| held.get(name).copied().unwrap_or(0);
        let seat = session.seats.get(name);
        let left = match seat.is_some_and(|seat| seat.provider.is_still_there(&former)) {
            // A copy of it holds copies of its blocks.
            true => count(before),
            false => count(before).saturating_sub(after.as_ref().map_or(0, count)),
        };
        if left > 0 {
            state.note_left_behind(name, left, &former)?;
        }
    }
    for (name, _) in session.seats.iter().filter(|(name, _)| is_fresh(name)) {
        // What is read from no place that anybody could write to, a feed, left behind all that stood where it was before.
        let (false, Some(former)) = (here.contains_key(name), state.place_of(name)?) else {
            continue;
        };
        state.drop_place(name)?;
        let left = before.get(name).copied().unwrap_or(0);
        if left > 0 && !here.values().any(|place| *place == former) {
            state.note_left_behind(name, left, &former)?;
        }
    }
    Ok(())
}

/// The calendars that are no target any more and in which blocks of ours stand, and how many.
fn in_no_targets<P: Provider, W>(
    session: &Session<'_, P, W>,
) -> Stated<BTreeMap<CalendarName, u64>> {
    let rows = session.state.borrow().calendar_rows()?.into_iter();
    let is_target = |name: &CalendarName| {
        let seat = session.seats.get(name);
        seat.is_some_and(|seat| seat.role.is_target())
    };
    // One that is refused because another one is the same calendar holds the blocks of that.
    let is_another = |name: &CalendarName| {
        let identity = |seat: &Seat<P>| seat.provider.identity();
        let own = session.seats.get(name).and_then(identity);
        let mut others = session.seats.iter().filter(|(other, _)| *other != name);
        own.is_some() && others.any(|(_, seat)| identity(seat) == own)
    };
    // From a feed, nobody can take anything away.
    let is_only_read = |name: &CalendarName| {
        let seat = session.seats.get(name);
        seat.is_some_and(|seat| seat.provider.is_only_read())
    };
    let is_meant =
        |name: &CalendarName| !(is_target(name) || is_another(name) || is_only_read(name));
    let mut held = BTreeMap::new();
    for row in rows.filter(|row| is_meant(&row.name)) {
        let (name, mint) = (row.name, &session.settings.mint);
        let blocks = row.blocks.saturating_sub(row.copies + row.taken);
        // Nobody has told yet which of a source's are copies from a target.
        let blocks = match session.seats.contains_key(&name) && blocks > 0 {
            true => {
                let state = session.state.borrow();
                let target = state.target(&name, mint, true, session.seats.keys())?;
                blocks.saturating_sub(u64::try_from(target.copies).unwrap_or(u64::MAX))
            }
            false => blocks,
        };
        if blocks > 0 {
            held.insert(name, blocks);
        }
    }
    Ok(held)
}

/// What there is to say of blocks in calendars that are no target any more, once: the next runs leave them where they are.
pub(super) fn stranded<P: Provider, W>(session: &Session<'_, P, W>) -> Stated<Vec<String>> {
    let mut told = Vec::new();
    for (name, count) in in_no_targets(session)? {
        if session.state.borrow().is_source_told(&name)? {
            continue;
        }
        let (blocks, word) = (counted(count, "block"), shell_word(&name));
        told.push(match session.seats.contains_key(&name) {
            true => format!(
                "{name} is only a source now and still holds {blocks} of calsync's, kept in step by nobody. To remove all of that: \
                 calsync reset --calendar {word}"
            ),
            false => format!(
                "{name} is not in the configuration any more and still holds {blocks} of calsync's, kept in step by nobody. To remove \
                 all of that, put it back, run calsync reset --calendar {word}, and take it out again"
            ),
        });
    }
    Ok(told)
}

/// Remembers what was told of that.
pub(super) fn note_stranded<P: Provider, W>(session: &Session<'_, P, W>) -> Stated<()> {
    let held = in_no_targets(session)?;
    let state = session.state.borrow();
    for name in held.keys().chain(session.seats.keys()) {
        let is_held = held.contains_key(name);
        if is_held != state.is_source_told(name)? {
            state.note_source_told(name, is_held)?;
        }
    }
    Ok(())
}

/// What there is to say of blocks that were left behind, once.
pub(super) fn left_behind<'a>(
    state: &State,
    names: impl Iterator<Item = &'a CalendarName>,
) -> Stated<Vec<String>> {
    let mut told = Vec::new();
    for name in names {
        if let Some((count, former)) = state.left_behind(name)? {
            let (blocks, word) = (counted(count, "block"), shell_word(name));
            told.push(format!(
                "{name} is read from another place now; {blocks} that calsync made in the former one ({former}) {} there. To \
                 remove them, put the former place back into the configuration, or sign in as before if somebody else did \
                 since, and run: calsync reset --calendar {word}",
                agreeing(count, "stays", "stay")
            ));
        }
    }
    Ok(told)
}
