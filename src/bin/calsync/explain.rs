//! `calsync explain`: why somebody is blocked, or is not. Says what the last sync knew; asks nobody anything.

use std::collections::BTreeMap;

use calsync::{
    ident::Mint,
    model::{Answer, CalendarName, Kind, Shown, Span, Standing, Window, traits::word_of},
    plan::{
        Question, Sources, Target,
        explain::{Fate, Occurrence, explain},
        filter::{Fails, Why},
        reach,
    },
    state::State,
};
use jiff::{ToSpan as _, civil::Date, tz::TimeZone};
use serde_json::{Value, json};

use crate::{
    args::{self, Args},
    context::{Opened, load},
    exit::{Exit, Failure},
    print,
};

pub(crate) fn run(args: &Args, options: &args::Explain) -> Result<Exit, Failure> {
    let loaded = load(args)?;
    let name = options.calendar.as_str();
    if !loaded.config.calendars.contains_key(name) {
        let all: Vec<&str> = loaded.config.calendars.keys().map(|name| &**name).collect();
        return Err(Failure::Usage(format!(
            "there is no calendar \"{name}\" in the configuration; there are: {}",
            all.join(", ")
        )));
    }
    let opened = Opened::without_lock(&loaded)?;
    let settings = loaded.config.settings(opened.keys.mint);
    let now = calsync::clock::Clock::System;
    let date = date(
        &options.date,
        now.now().to_zoned(settings.home.clone()).date(),
    )?;
    let window = settings.window(&now);
    let days = Window {
        first: date,
        end: date.saturating_add(1.days()),
        home: settings.home.clone(),
    };
    let state = opened.state.borrow();
    // What is on a day outside of the window is told of as well.
    let told = Window {
        first: window.first.min(days.first),
        end: window.end.max(days.end),
        home: days.home.clone(),
    };
    let reached = reach(&settings.routes, &told);
    let names: Vec<&CalendarName> = loaded.config.calendars.keys().collect();
    let (sources, targets) = known(&state, &names, &reached, &settings.mint)?;
    let question = Question {
        routes: &settings.routes,
        sources: &sources,
        window: &window,
        now: now.now(),
        mint: &settings.mint,
        operations: settings.limits.operations,
    };
    let name: CalendarName = name.into();
    let own = explain(question, &name, &targets, &days);
    let others = names.iter().copied().filter(|source| **source != name);
    let shown = shown_from(question, &name, others, &targets, &days);
    let never: Vec<&CalendarName> = sources
        .iter()
        .filter(|(_, source)| !source.sight.whole && source.total == 0)
        .map(|(name, _)| name)
        .collect();
    let notes = Notes {
        outside: !(window.first..window.end).contains(&date),
        never: &never,
    };
    match options.json {
        true => print::out(&format!(
            "{}\n",
            as_json(&name, date, &days.home, &own, &shown)
        ))?,
        false => print::out(&in_words(&name, date, notes, &days.home, (&own, &shown)))?,
    }
    Ok(Exit::InStep)
}

type Targets = BTreeMap<CalendarName, Target>;

/// What the state knows of all calendars, as sources and as targets.
fn known(
    state: &State,
    names: &[&CalendarName],
    reached: &Window,
    mint: &Mint,
) -> Result<(Sources, Targets), Failure> {
    let mut sources = Sources::new();
    let mut targets = BTreeMap::new();
    for name in names {
        sources.insert((*name).clone(), state.source(name, reached, true)?);
        let others = names.iter().copied();
        let target = state.target(name, mint, true, others)?;
        targets.insert((*name).clone(), target);
    }
    Ok((sources, targets))
}

/// What shows in a calendar from others, on some days.
fn shown_from<'a>(
    question: Question<'_>,
    name: &CalendarName,
    others: impl Iterator<Item = &'a CalendarName>,
    targets: &Targets,
    days: &Window,
) -> Vec<(CalendarName, Span, bool)> {
    let mut shown: Vec<(CalendarName, Span, bool)> = Vec::new();
    // What is on other days may have a block on this one.
    let around = reach(question.routes, days);
    for source in others {
        let found = explain(question, source, targets, &around);
        let mut found = shown_in(name, source, found);
        let mut rules = question.routes.iter();
        if rules.any(|rule| rule.source == *source && rule.target == *name && rule.filter.merge) {
            // One block may show several.
            found.sort_by_key(|(_, span, _)| *span);
            found.dedup();
        }
        shown.extend(found);
    }
    shown.retain(|(_, span, _)| days.touches(span));
    shown.sort_by_key(|(_, span, _)| span.instants(&days.home));
    shown
}

/// The day that is meant: a date, or a word for one.
fn date(written: &str, today: Date) -> Result<Date, Failure> {
    match written {
        "today" => Ok(today),
        "tomorrow" => Ok(today.saturating_add(1.days())),
        "yesterday" => Ok(today.saturating_sub(1.days())),
        date => date.parse().map_err(|_| {
            Failure::Usage(format!(
                "\"{date}\" is no date; write it like {today}, or \"today\", \"tomorrow\" or \"yesterday\""
            ))
        }),
    }
}

/// What of a source shows in a target, and whether the block stands.
fn shown_in(
    target: &CalendarName,
    source: &CalendarName,
    found: Vec<Occurrence>,
) -> Vec<(CalendarName, Span, bool)> {
    let verdicts = found.into_iter().flat_map(|occurrence| occurrence.seen);
    let here = verdicts.filter(|verdict| verdict.target == *target);
    let shows = here.filter_map(|verdict| match verdict.fate {
        Fate::Shows(parts) => Some(parts),
        Fate::LeftOut(_) | Fate::Elsewhere | Fate::Outside => None,
    });
    let parts = shows.flatten();
    parts
        .map(|(span, stands)| (source.clone(), span, stands))
        .collect()
}

/// What has to be known of a day, whatever is on it.
#[derive(Clone, Copy)]
struct Notes<'a> {
    /// It is outside of the window.
    outside: bool,
    /// The calendars that no run has read yet.
    never: &'a [&'a CalendarName],
}

type Found<'a> = (&'a [Occurrence], &'a [(CalendarName, Span, bool)]);

fn in_words(
    name: &CalendarName,
    date: Date,
    notes: Notes<'_>,
    home: &TimeZone,
    (own, shown): Found<'_>,
) -> String {
    let mut text = format!("{name}, {}\n", date.strftime("%A %Y-%m-%d"));
    if notes.outside {
        text += "The day is outside of the window: of what is on it, only series that reach into the window show anywhere.\n";
    }
    for never in notes.never {
        text.push_str(
            &format_args!("{never} has not been read yet; run: calsync sync\n").to_string(),
        );
    }
    match own.is_empty() {
        true => text += "\nNo event of its own.\n",
        false => text += "\nIts own events:\n",
    }
    let width = own.iter().map(|o| hours(o.span, date, home).len());
    let width = width.chain(
        shown
            .iter()
            .map(|(_, span, _)| hours(*span, date, home).len()),
    );
    let width = width.max().unwrap_or_default();
    for occurrence in own {
        let when = hours(occurrence.span, date, home);
        let often = if occurrence.repeats {
            "repeats"
        } else {
            "once"
        };
        text.push_str(&format_args!("  {when:width$}  {often}\n").to_string());
        for verdict in &occurrence.seen {
            text.push_str(
                &format_args!(
                    "      in {}: {}\n",
                    verdict.target,
                    fate_words(&verdict.fate, date, home)
                )
                .to_string(),
            );
        }
        if occurrence.seen.is_empty() {
            text += "      no rule shows this calendar in another one\n";
        }
    }
    match shown.is_empty() {
        true => text += "\nNothing of other calendars shows here.\n",
        false => text += "\nShown here from other calendars:\n",
    }
    for (from, span, stands) in shown {
        let when = hours(*span, date, home);
        text.push_str(
            &format_args!("  {when:width$}  from {from}; {}\n", stands_words(*stands)).to_string(),
        );
    }
    text += "\nAs the last sync saw it, by the rules of the configuration as they are now.\n";
    text
}

/// When something is on that day.
fn hours(span: Span, date: Date, home: &TimeZone) -> String {
    let Span::Timed { start, end } = span else {
        return "all day".to_owned();
    };
    let at = |instant: jiff::Timestamp| {
        let local = home.to_datetime(instant);
        match local.date() == date {
            true => local.strftime("%H:%M").to_string(),
            false => local.strftime("%Y-%m-%d %H:%M").to_string(),
        }
    };
    format!("{}-{}", at(start), at(end))
}

fn fate_words(fate: &Fate, date: Date, home: &TimeZone) -> String {
    match fate {
        Fate::Shows(parts) => {
            let parts = parts.iter().map(|(span, stands)| {
                format!(
                    "shows {}; {}",
                    hours(*span, date, home),
                    stands_words(*stands)
                )
            });
            parts.collect::<Vec<_>>().join(", ")
        }
        Fate::LeftOut(why) => format!("left out: {}", why_words(*why)),
        Fate::Outside => "left out: it is outside of the window".to_owned(),
        Fate::Elsewhere => {
            "not needed: the same meeting stands there, or shows there from another calendar"
                .to_owned()
        }
    }
}

fn stands_words(stands: bool) -> &'static str {
    match stands {
        true => "its block stands",
        false => "its block is not there yet",
    }
}

fn why_words(why: Why) -> String {
    match why {
        Why::Cancelled => "it was cancelled".to_owned(),
        Why::WholeDay => "it takes whole days (`all_day`)".to_owned(),
        Why::Short => "it is shorter than `shortest`".to_owned(),
        Why::Long => "it is longer than `longest`".to_owned(),
        Why::Times => "it is not within `days` and `hours`".to_owned(),
        Why::Notice => "it began, or begins, sooner than `notice`, and has no block yet".to_owned(),
        Why::Fails(fails) => fails_words(fails),
    }
}

fn fails_words(fails: Fails) -> String {
    match fails {
        Fails::Kind(kind) => format!("its kind is {} (`kinds`)", word_of(&Kind::WORDS, &kind)),
        Fails::Answer(Answer::Declined) => "you declined (`answers`)".to_owned(),
        Fails::Answer(answer) => {
            format!(
                "your answer is {} (`answers`)",
                word_of(&Answer::WORDS, &answer)
            )
        }
        Fails::Shown(shown) => {
            format!(
                "it is shown as {} (`shown_as`)",
                word_of(&Shown::WORDS, &shown)
            )
        }
        Fails::Private => "of `private`".to_owned(),
        Fails::Organiser => "of who organises it (`organiser_is_me`)".to_owned(),
        Fails::Guests => "of who is invited (`has_guests`)".to_owned(),
        Fails::Title => "of its title (`titles`, `not_titles`)".to_owned(),
        Fails::Category => "of its categories (`categories`, `not_categories`)".to_owned(),
    }
}

/// What a rule found wanting, as a word for scripts: the key that it comes from.
fn why_word(why: Why) -> &'static str {
    match why {
        Why::Cancelled => "cancelled",
        Why::WholeDay => "all_day",
        Why::Short => "shortest",
        Why::Long => "longest",
        Why::Times => "times",
        Why::Notice => "notice",
        Why::Fails(Fails::Kind(_)) => "kinds",
        Why::Fails(Fails::Answer(_)) => "answers",
        Why::Fails(Fails::Shown(_)) => "shown_as",
        Why::Fails(Fails::Private) => "private",
        Why::Fails(Fails::Organiser) => "organiser_is_me",
        Why::Fails(Fails::Guests) => "has_guests",
        Why::Fails(Fails::Title) => "titles",
        Why::Fails(Fails::Category) => "categories",
    }
}

fn as_json(
    name: &CalendarName,
    date: Date,
    home: &TimeZone,
    own: &[Occurrence],
    shown: &[(CalendarName, Span, bool)],
) -> Value {
    let ends = |span: Span| match span {
        Span::Days { first, end } => [first.to_string(), end.to_string()],
        Span::Timed { start, end } => [start, end].map(|at| {
            let at = at.to_zoned(home.clone());
            at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
        }),
    };
    let part = |(span, stands): &(Span, bool)| {
        let [start, end] = ends(*span);
        json!({"start": start, "end": end, "stands": stands})
    };
    let events = own.iter().map(|occurrence| {
        let [start, end] = ends(occurrence.span);
        let targets = occurrence.seen.iter().map(|verdict| {
            let (result, why, blocks) = match &verdict.fate {
                Fate::Shows(parts) => ("shows", None, parts.iter().map(part).collect()),
                Fate::LeftOut(why) => ("left_out", Some(why_word(*why)), Vec::new()),
                Fate::Elsewhere => ("elsewhere", None, Vec::new()),
                Fate::Outside => ("left_out", Some("window"), Vec::new()),
            };
            json!({"calendar": *verdict.target, "result": result, "why": why, "blocks": blocks})
        });
        json!({
            "start": start, "end": end, "recurring": occurrence.repeats, "uid": *occurrence.uid,
            "busy": occurrence.standing == Standing::Busy, "targets": targets.collect::<Vec<_>>(),
        })
    });
    let blocks = shown.iter().map(|(from, span, stands)| {
        let [start, end] = ends(*span);
        json!({"from": **from, "start": start, "end": end, "stands": stands})
    });
    json!({
        "version": 1, "calendar": **name, "date": date.to_string(),
        "events": events.collect::<Vec<_>>(), "blocks": blocks.collect::<Vec<_>>(),
    })
}
