//! What a rule of the configuration makes of the busy time of an event. Pure.

use jiff::{
    civil::{Date, DateTime},
    tz::TimeZone,
};

use super::{Flat, LISTED_MAX, OCCURRENCES_MAX, Single, TooMany, ahead, earliest, listed, shown};
use crate::{
    model::{OccurrenceKey, Series, Span, Window},
    plan::filter::Filter,
    recur::STEPS_MAX,
};

mod moved;

use moved::Moved;

/// What a filter shows of busy time, in its form. Of that, what the filter's reach touches must be there; what touches the window
/// comes back. A rule stays a rule, with more holes, for as long as that is shorter.
///
/// `travel`: how many minutes it takes to get to an occurrence; to that of the empty key, the series.
pub fn fit(
    flat: Flat,
    filter: &Filter,
    travel: impl Fn(&OccurrenceKey) -> u32,
    window: &Window,
) -> Result<Flat, TooMany> {
    if filter.is_open() {
        return Ok(flat);
    }
    let mut fitted = Flat::default();
    for Single { occurrence, span } in flat.singles {
        let filter = filter.with_travel(travel(&occurrence));
        let parts = filter.blocks(span, &window.home);
        fitted.singles.extend(singles(&occurrence, parts, window));
    }
    if let Some(series) = flat.series.or(flat.resting) {
        let filter = filter.with_travel(travel(&OccurrenceKey::default()));
        let mut of_series = fit_series(&series, &filter, window)?;
        of_series.singles.append(&mut fitted.singles);
        fitted = of_series;
    }
    fitted.singles.sort();
    match fitted.singles.len() > OCCURRENCES_MAX {
        true => Err(TooMany),
        false => Ok(fitted),
    }
}

/// An occurrence of a rule, and the blocks that it makes.
struct Made {
    /// Its start on the rule's own clock.
    start: DateTime,
    key: OccurrenceKey,
    blocks: Vec<Span>,
}

/// A rule, with holes for what is not shown as the rule has it, and single stretches for what is shown otherwise.
fn fit_series(series: &Series, filter: &Filter, window: &Window) -> Result<Flat, TooMany> {
    let home = &window.home;
    let made = each_made(series, filter, &years(&filter.reach(window)), home)?;
    let behind = || {
        let behind = Window {
            end: ahead(&series.rule, window).date(),
            ..window.clone()
        };
        each_made(series, filter, &behind, home)
    };
    let form = match made.is_empty() {
        // It rests: the next that come say in which form.
        true => Moved::of(series, filter, &behind()?),
        false => Moved::of(series, filter, &made),
    };
    let Some(mut moved) = form else {
        return Ok(listed(all_singles(made, window)));
    };
    let starts: Vec<DateTime> = made
        .iter()
        .filter(|made| !moved.shows(made, home))
        .map(|made| made.start)
        .collect();
    if starts.len() > LISTED_MAX {
        return Ok(listed(all_singles(made, window)));
    }
    let apart = made.into_iter();
    let apart = apart.filter(|made| starts.binary_search(&made.start).is_ok());
    let singles = all_singles(apart.collect(), window);
    for start in starts {
        moved.leave_out(start);
    }
    let mut flat = shown(moved.series.clone(), window)?;
    // What it goes on with behind the window must be something that shows there, and like this.
    if flat.resting.is_some() && !behind()?.iter().any(|made| moved.shows(made, home)) {
        flat.resting = None;
    }
    Ok(Flat { singles, ..flat })
}

/// The occurrences of a rule in some years, ascending.
///
/// They are whole years, so that a rule is not written anew each day for the day that came into view.
fn each_made(
    series: &Series,
    filter: &Filter,
    years: &Window,
    home: &TimeZone,
) -> Result<Vec<Made>, TooMany> {
    let mut found = Vec::new();
    let first = series.start.local();
    let starts = series.rule.starts_near(
        first,
        earliest(series.length, years),
        ahead(&series.rule, years),
    );
    for (steps, start) in starts.enumerate() {
        if steps >= STEPS_MAX {
            return Err(TooMany);
        }
        let at = series.start.at(start);
        let span = at.span(series.length, home);
        if years.is_future(&span) {
            break;
        }
        if !years.is_past(&span) && !series.holes.contains(&start) {
            found.push(Made {
                start,
                key: at.key(home),
                blocks: filter.blocks(span, home),
            });
        }
    }
    Ok(found)
}

fn all_singles(made: Vec<Made>, window: &Window) -> Vec<Single> {
    let mut found = Vec::new();
    for Made { key, blocks, .. } in made {
        found.extend(singles(&key, blocks, window));
    }
    found
}

/// Parts of one occurrence, each under a key of its own.
fn singles<'a>(
    occurrence: &'a OccurrenceKey,
    parts: Vec<Span>,
    window: &'a Window,
) -> impl Iterator<Item = Single> + 'a {
    let named = parts
        .into_iter()
        .enumerate()
        .map(move |(number, span)| Single {
            occurrence: match number {
                0 => occurrence.clone(),
                number => format!("{occurrence}+{number}").into(),
            },
            span,
        });
    named.filter(move |single| window.touches(&single.span))
}

/// The years that a window touches.
fn years(window: &Window) -> Window {
    let new_year = |year: i16| Date::new(year, 1, 1);
    Window {
        first: new_year(window.first.year()).unwrap_or(Date::MIN),
        end: new_year(window.end.year().saturating_add(1)).unwrap_or(Date::MAX),
        home: window.home.clone(),
    }
}
