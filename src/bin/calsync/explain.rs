//! `calsync explain`: why somebody is blocked, or is not. Says what the last sync knew; asks nobody anything.

use std::collections::BTreeMap;

use calsync::{
    clock::Clock,
    config::Config,
    ident::Mint,
    model::{
        Answer, CalendarName, Kind, Shown as ShownAs, Span, Standing, Window, traits::word_of,
    },
    plan::{
        Question, Sources, Target,
        explain::{Fate, Occurrence, Piece, Shown, Stands, Verdict, blocks, explain},
        filter::{Fails, Why},
        reach,
    },
    state::State,
};
use jiff::{ToSpan as _, civil::Date, tz::TimeZone};
use serde_json::{Value, json};

use crate::{
    args::{self, Args},
    context::{Loaded, Opened, load},
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
    let now = Clock::System;
    let home = loaded.config.timezone.clone();
    let date = date(&options.date, now.now().to_zoned(home.clone()).date())?;
    let days = Window {
        first: date,
        end: date.saturating_add(1.days()),
        home,
    };
    let day = match State::open_to_read(&loaded.state)? {
        Some(_) => day(&loaded, &now, name.into(), days)?,
        // There was no sync yet, and to explain that leaves no trace.
        None => Day {
            name: name.into(),
            days,
            is_outside: false,
            is_past: false,
            is_read: false,
            unread: loaded.config.calendars.keys().cloned().collect(),
            doubtful: Vec::new(),
            own: Vec::new(),
            shown: Vec::new(),
        },
    };
    match options.json {
        true => print::out(&format!("{}\n", day.json()))?,
        false => print::out(&day.words())?,
    }
    Ok(Exit::InStep)
}

/// All that there is to say of one day in one calendar.
struct Day {
    name: CalendarName,
    days: Window,
    /// It is outside of the window.
    is_outside: bool,
    /// It is before the window.
    is_past: bool,
    /// Whether there was any sync yet.
    is_read: bool,
    /// The calendars that no run has read yet.
    unread: Vec<CalendarName>,
    /// Those of which something cannot be read that may be on this day.
    doubtful: Vec<CalendarName>,
    /// The calendar's own events.
    own: Vec<Occurrence>,
    /// What shows there of others.
    shown: Vec<Shown>,
}

fn day(loaded: &Loaded, now: &Clock, name: CalendarName, days: Window) -> Result<Day, Failure> {
    let opened = Opened::without_lock(loaded)?;
    let settings = loaded.config.settings(opened.keys.mint);
    let window = settings.window(now);
    let state = opened.state.borrow();
    // What is on a day outside of the window is told of as well.
    let told = Window {
        first: window.first.min(days.first),
        end: window.end.max(days.end),
        home: days.home.clone(),
    };
    let reached = reach(&settings.routes, &told);
    let (sources, targets) = known(&state, &loaded.config, &reached, &settings.mint)?;
    let question = Question {
        routes: &settings.routes,
        sources: &sources,
        window: &window,
        now: now.now(),
        mint: &settings.mint,
        operations: settings.limits.operations,
        past: settings.past,
    };
    let own = explain(question, &name, &targets, &days);
    let target = targets.get(&name);
    let shown = target.map(|target| blocks(question, &name, target, &days));
    let shows_here = |source: &CalendarName| {
        let mut routes = settings.routes.iter();
        routes.any(|route| route.source == *source && route.target == name)
    };
    let doubtful = sources
        .iter()
        .filter(|(source, _)| **source == name || shows_here(source));
    let doubtful = doubtful.filter(|(_, known)| known.is_unread());
    let doubtful = doubtful.map(|(source, _)| source.clone()).collect();
    let unread = sources.iter();
    let is_shown = |name: &CalendarName| settings.routes.iter().any(|route| route.source == *name);
    let unread =
        unread.filter(|(name, source)| !source.sight.whole && source.total == 0 && is_shown(name));
    Ok(Day {
        is_read: true,
        is_outside: !(window.first..window.end).contains(&days.first),
        is_past: days.first < window.first,
        unread: unread.map(|(name, _)| name.clone()).collect(),
        doubtful,
        name,
        days,
        own,
        shown: shown.unwrap_or_default(),
    })
}

type Targets = BTreeMap<CalendarName, Target>;

/// What the state knows of all calendars, as sources and as targets.
fn known(
    state: &State,
    config: &Config,
    reached: &Window,
    mint: &Mint,
) -> Result<(Sources, Targets), Failure> {
    let mut sources = Sources::new();
    let mut targets = BTreeMap::new();
    for (name, calendar) in &config.calendars {
        let mut source = state.source(name, reached, true)?;
        source.otherwise = state.is_read_otherwise(name, &config.way(name), &config.people())?;
        sources.insert(name.clone(), source);
        // Nothing is written to a source.
        let is_kept = calendar.role.is_target();
        let mut target = state.target(name, mint, is_kept, config.calendars.keys())?;
        target.series = state.series(name, mint)?;
        targets.insert(name.clone(), target);
    }
    Ok((sources, targets))
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

/// Whose block it is, and whether it stands.
fn shown_words(shown: &Shown) -> String {
    let from = shown.source.as_ref();
    let from = from.map_or_else(|| "another calendar".to_owned(), ToString::to_string);
    format!("from {from}; {}", block_words(shown.stands))
}

/// Whether a block stands, and if nothing asks for it, why.
fn block_words(stands: Stands) -> &'static str {
    match stands {
        Stands::Right => stands_words(true),
        Stands::NotYet => stands_words(false),
        Stands::TakenAway => {
            "somebody took its block away, and the rule leaves that so (`deleted`)"
        }
        Stands::Unread => "its block stands, and stays while its event cannot be read",
        Stands::Unasked => "its block stands; whether it stays, the next sync tells",
        Stands::Outside => "its block stands, and stays because it is outside of the window",
        Stands::HeldBack => {
            "its block stands, and nothing asks for it any more; the guard holds it back"
        }
        Stands::Theirs => "its block stands, and is somebody's own by now",
        Stands::Stranded => {
            "its block stands, and nobody keeps it in step, since the calendar is only a source now"
        }
        Stands::Leaving => {
            "its block stands, and nothing asks for it any more; the next sync removes it"
        }
    }
}

/// The same as a word for scripts, where nothing asks for it.
fn block_word(stands: Stands) -> Option<&'static str> {
    match stands {
        Stands::Right | Stands::NotYet => None,
        Stands::TakenAway => Some("left_so"),
        Stands::Unread => Some("unread"),
        Stands::Unasked => Some("unasked"),
        Stands::Outside => Some("window"),
        Stands::HeldBack => Some("held_back"),
        Stands::Theirs => Some("taken"),
        Stands::Stranded => Some("stranded"),
        Stands::Leaving => Some("unwanted"),
    }
}

impl Day {
    /// What there is to know beforehand.
    fn notes(&self) -> Vec<String> {
        let outside = self.is_outside.then_some(match self.is_past {
            true => {
                "The day is outside of the window: what is new on it shows nowhere, and what is over stays or goes as `past` says."
            }
            false => {
                "The day is outside of the window: but for series, it shows nowhere until the window gets there (`future_days`)."
            }
        });
        let unread = self.unread.iter();
        let unread = unread.map(|name| format!("{name} has not been read yet; run: calsync sync"));
        let doubtful = self.doubtful.iter().map(|name| {
            format!(
                "Something in {name} cannot be read, and may be on this day; to see what: calsync check"
            )
        });
        let outside = outside.into_iter().map(str::to_owned);
        outside.chain(unread).chain(doubtful).collect()
    }

    fn words(&self) -> String {
        let (date, home) = (self.days.first, &self.days.home);
        let mut text = format!("{}, {}\n", self.name, date.strftime("%A %Y-%m-%d"));
        let mut line = |words: &str| text.push_str(&format_args!("{words}\n").to_string());
        self.notes().iter().for_each(|note| line(note));
        line(match self.own.is_empty() {
            true if self.unread.contains(&self.name) => "\nNothing is known of its own events.",
            true => "\nNo event of its own.",
            false => "\nIts own events:",
        });
        let own = self.own.iter().map(|occurrence| occurrence.span);
        let all = own.chain(self.shown.iter().map(|shown| shown.span));
        let width = all.map(|span| hours(span, date, home).len()).max();
        let width = width.unwrap_or_default();
        for occurrence in &self.own {
            let when = hours(occurrence.span, date, home);
            let often = if occurrence.repeats {
                "repeats"
            } else {
                "once"
            };
            let mut others = self.own.iter().filter(|other| other.uid != occurrence.uid);
            let uid = match others.any(|other| other.span == occurrence.span) {
                // Which of several it is, only its name tells.
                true => format!("  {}", brief(&occurrence.uid)),
                false => String::new(),
            };
            line(&format!("  {when:width$}  {often}{uid}"));
            for verdict in &occurrence.seen {
                for words in verdict_words(verdict, date, home) {
                    line(&format!("      in {}: {words}", verdict.target));
                }
            }
            if occurrence.seen.is_empty() {
                line("      no rule shows this calendar in another one");
            }
        }
        let is_out = |shown: &&Shown| shown.stands == Stands::TakenAway;
        let (out, shown): (Vec<&Shown>, Vec<&Shown>) = self.shown.iter().partition(is_out);
        let heads = [
            ("\nShown here from other calendars:", shown),
            ("\nTaken away here:", out),
        ];
        if heads.iter().all(|(_, shown)| shown.is_empty()) {
            line("\nNothing of other calendars shows here.");
        }
        for (head, shown) in heads.into_iter().filter(|(_, shown)| !shown.is_empty()) {
            line(head);
            for shown in shown {
                let when = hours(shown.span, date, home);
                line(&format!("  {when:width$}  {}", shown_words(shown)));
            }
        }
        if self.is_read {
            line("\nAs the last sync saw it, by the rules of the configuration as they are now.");
        }
        text
    }
}

/// The beginning of a name that may be very long.
fn brief(uid: &str) -> String {
    const MOST: usize = 40;
    match uid.chars().count() > MOST {
        true => uid.chars().take(MOST).chain(['…']).collect(),
        false => uid.to_owned(),
    }
}

/// When something is on that day.
fn hours(span: Span, date: Date, home: &TimeZone) -> String {
    let (start, end) = match span {
        Span::Timed { start, end } => (start, end),
        Span::Days { first, end } => {
            let last = end.yesterday().unwrap_or(end).max(first);
            return match (first == last, first == date) {
                (true, true) => "all day".to_owned(),
                (true, false) => format!("all day, {first}"),
                (false, _) => format!("all day, {first} to {last}"),
            };
        }
    };
    let at = |instant: jiff::Timestamp| {
        let local = home.to_datetime(instant);
        match local.date() == date {
            true => local.strftime("%H:%M").to_string(),
            false => local.strftime("%Y-%m-%d %H:%M").to_string(),
        }
    };
    let (from, to) = (home.to_datetime(start), home.to_datetime(end));
    match from.date() == to.date() {
        // On another day, which is told once.
        true => format!("{}-{}", at(start), to.strftime("%H:%M")),
        false => format!("{}-{}", at(start), at(end)),
    }
}

/// What becomes of an occurrence in a target, and what else stands there of its event.
fn verdict_words(verdict: &Verdict, date: Date, home: &TimeZone) -> Vec<String> {
    let fate = (verdict.fate != Fate::NoRule).then(|| fate_words(&verdict.fate, date, home));
    let left = verdict.left.iter().map(|shown| {
        let when = hours(shown.span, date, home);
        format!("at {when} {}", block_words(shown.stands))
    });
    fate.into_iter().chain(left).collect()
}

fn fate_words(fate: &Fate, date: Date, home: &TimeZone) -> String {
    match fate {
        Fate::Shows(parts) => {
            let parts = parts.iter().map(|part| {
                let moved = match part.moved {
                    true => ", where somebody moved it",
                    false => "",
                };
                let (when, stands) = (hours(part.span, date, home), stands_words(part.stands));
                format!("shows {when}{moved}; {stands}")
            });
            parts.collect::<Vec<_>>().join(", ")
        }
        Fate::NoRule => "no rule shows it there".to_owned(),
        Fate::LeftOut(why) => format!("left out: {}", why_words(*why)),
        Fate::Outside => "left out: it is outside of the window".to_owned(),
        Fate::TooMuch => "left out: it repeats too often to be worked out".to_owned(),
        Fate::Unread => "unknown: it cannot be read now, and the rule asks for its words; if its block stands, it stays".to_owned(),
        Fate::Unasked => "unknown: the rule asks for what the last sync did not look for; the next one tells".to_owned(),
        Fate::Elsewhere => {
            "not needed: the same meeting stands there, or shows there from another calendar"
                .to_owned()
        }
    }
}

fn stands_words(stands: bool) -> &'static str {
    match stands {
        true => "its block stands",
        false => "its block does not stand like this yet",
    }
}

fn why_words(why: Why) -> String {
    match why {
        Why::Cancelled => "it was cancelled".to_owned(),
        Why::WholeDay => "it takes whole days (`all_day`)".to_owned(),
        Why::NoTime => "it takes no time".to_owned(),
        Why::Short => "it is shorter than `shortest`".to_owned(),
        Why::Long => "it is longer than `longest`".to_owned(),
        Why::Times => "it is not within `days` and `hours`".to_owned(),
        Why::Notice => "it began, or begins, sooner than `notice`, and has no block yet".to_owned(),
        Why::LeftSo => {
            "somebody took its block away, and the rule leaves that so (`deleted`)".to_owned()
        }
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
                word_of(&ShownAs::WORDS, &shown)
            )
        }
        Fails::Private(true) => "it is private (`private`)".to_owned(),
        Fails::Private(false) => "it is not private (`private`)".to_owned(),
        Fails::Organiser(true) => "you organise it (`organiser_is_me`)".to_owned(),
        Fails::Organiser(false) => "somebody else organises it (`organiser_is_me`)".to_owned(),
        Fails::Guests(true) => "others are invited (`has_guests`)".to_owned(),
        Fails::Guests(false) => "nobody else is invited (`has_guests`)".to_owned(),
        Fails::Title(true) => "its title matches one of `not_titles`".to_owned(),
        Fails::Title(false) => "its title matches none of `titles`".to_owned(),
        Fails::Category(true) => {
            "a category or its colour matches one of `not_categories`".to_owned()
        }
        Fails::Category(false) => {
            "no category, nor its colour, matches one of `categories`".to_owned()
        }
    }
}

/// What a rule found wanting, as a word for scripts: the key that it comes from.
fn why_word(why: Why) -> &'static str {
    match why {
        Why::Cancelled => "cancelled",
        Why::WholeDay => "all_day",
        Why::NoTime => "no_time",
        Why::Short => "shortest",
        Why::Long => "longest",
        Why::Times => "times",
        Why::Notice => "notice",
        Why::LeftSo => "left_so",
        Why::Fails(Fails::Kind(_)) => "kinds",
        Why::Fails(Fails::Answer(_)) => "answers",
        Why::Fails(Fails::Shown(_)) => "shown_as",
        Why::Fails(Fails::Private(_)) => "private",
        Why::Fails(Fails::Organiser(_)) => "organiser_is_me",
        Why::Fails(Fails::Guests(_)) => "has_guests",
        Why::Fails(Fails::Title(true)) => "not_titles",
        Why::Fails(Fails::Title(false)) => "titles",
        Why::Fails(Fails::Category(true)) => "not_categories",
        Why::Fails(Fails::Category(false)) => "categories",
    }
}

impl Day {
    fn json(&self) -> Value {
        let home = &self.days.home;
        let ends = |span: Span| match span {
            Span::Days { first, end } => [first.to_string(), end.to_string()],
            Span::Timed { start, end } => [start, end].map(|at| {
                let at = at.to_zoned(home.clone());
                at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
            }),
        };
        let part = |part: &Piece| {
            let [start, end] = ends(part.span);
            json!({"start": start, "end": end, "stands": part.stands, "moved": part.moved})
        };
        let left = |shown: &Shown| {
            let [start, end] = ends(shown.span);
            json!({"start": start, "end": end, "why": block_word(shown.stands)})
        };
        let events = self.own.iter().map(|occurrence| {
            let [start, end] = ends(occurrence.span);
            let targets = occurrence.seen.iter().map(|verdict| {
                let (result, why, blocks) = match &verdict.fate {
                    Fate::Shows(parts) => ("shows", None, parts.iter().map(part).collect()),
                    Fate::LeftOut(why) => ("left_out", Some(why_word(*why)), Vec::new()),
                    Fate::Elsewhere => ("elsewhere", None, Vec::new()),
                    Fate::Outside => ("left_out", Some("window"), Vec::new()),
                    Fate::TooMuch => ("left_out", Some("too_many"), Vec::new()),
                    Fate::Unread => ("unknown", Some("unread"), Vec::new()),
                    Fate::Unasked => ("unknown", Some("unasked"), Vec::new()),
                    Fate::NoRule => ("left_out", Some("rules"), Vec::new()),
                };
                let left: Vec<Value> = verdict.left.iter().map(left).collect();
                json!({"calendar": *verdict.target, "result": result, "why": why, "blocks": blocks, "left": left})
            });
            json!({
                "start": start, "end": end, "recurring": occurrence.repeats, "uid": *occurrence.uid,
                "busy": occurrence.standing == Standing::Busy, "targets": targets.collect::<Vec<_>>(),
            })
        });
        let blocks = self.shown.iter().map(|shown| {
            let [start, end] = ends(shown.span);
            json!({
                "from": shown.source.as_deref(), "start": start, "end": end,
                "stands": !matches!(shown.stands, Stands::NotYet | Stands::TakenAway),
                "wanted": matches!(shown.stands, Stands::Right | Stands::NotYet | Stands::Unread),
                "why": block_word(shown.stands),
            })
        });
        let doubtful: Vec<&str> = self.doubtful.iter().map(|name| &**name).collect();
        let unread: Vec<&str> = self.unread.iter().map(|name| &**name).collect();
        json!({
            "version": 1, "calendar": *self.name, "date": self.days.first.to_string(),
            "events": events.collect::<Vec<_>>(), "blocks": blocks.collect::<Vec<_>>(), "unread": unread, "doubtful": doubtful,
        })
    }
}
