//! What a run did, as data: the same for people and for machines. No title, place or id of anybody's event is in it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Serialize, Serializer};

use crate::{
    apply::{Done, Outcome},
    model::{CalendarName, Shape, Span, Window, counted},
    plan::{
        Action, Op, Plan, Refusal, Why,
        flatten::OCCURRENCES_MAX,
        op::{Doubt, DoubtKind},
    },
    provider::ProviderError,
    pull::{Kind, Sighted},
    run::{Goal, Twin},
    session::Session,
    state::{CalendarRow, State, Stated},
};

pub mod text;
mod wrong;

use wrong::{Wrong, is_looked_at};

/// How many resources of a calendar that cannot be read are named.
const TROUBLES_TOLD: u32 = 50;
/// How many blocks that somebody made their own are named.
const PLACES_TOLD: u32 = 10;

/// How something went, in the words that scripts rely on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All in step.
    #[default]
    Ok,
    /// Servers were unreachable or limiting, and nothing was written.
    Away,
    /// Some of it failed; the next run goes on.
    Partial,
    /// A person must sign in again.
    Auth,
    /// The guard refused the plan.
    Refused,
    /// Another run is under way.
    Busy,
    /// The configuration or the state cannot be used.
    Config,
}

impl Verdict {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Away => "away",
            Self::Partial => "partial",
            Self::Auth => "auth",
            Self::Refused => "refused",
            Self::Busy => "busy",
            Self::Config => "config",
        }
    }
}

/// What a run did. Its JSON form is public: keys may be added, never renamed.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The version of this form.
    pub version: u32,
    /// `sync` or `reset`.
    pub command: &'static str,
    /// How it went.
    pub result: Verdict,
    /// Whether it stopped before writing.
    pub dry_run: bool,
    /// When it began.
    #[serde(serialize_with = "whole_seconds")]
    pub started: Timestamp,
    /// How long it took.
    pub seconds: f64,
    /// Blocks created, or to be created in a dry run. A series counts once.
    pub created: u64,
    /// Blocks changed.
    pub updated: u64,
    /// Blocks removed.
    pub deleted: u64,
    /// Blocks that stay as they are.
    pub unchanged: u64,
    /// Operations that failed, or were left for the next run.
    pub failed: u64,
    /// Requests sent to servers.
    pub requests: u64,
    /// By calendar.
    pub calendars: Vec<CalendarReport>,
    /// What a dry run would do.
    pub operations: Vec<OperationReport>,
    /// What went wrong, in sentences.
    pub errors: Vec<String>,
    /// What a person should know though nothing failed.
    pub warnings: Vec<String>,
    /// What is worth knowing and not wrong.
    pub notes: Vec<String>,
    /// What was done, for people.
    #[serde(skip)]
    pub done: Vec<OperationReport>,
}

/// What a run did in one calendar.
#[derive(Clone, Debug, Serialize)]
pub struct CalendarReport {
    /// Its name.
    pub name: CalendarName,
    /// How it went.
    pub result: Verdict,
    /// `whole` or `changes`; nothing if it was not read.
    pub read: Option<&'static str>,
    /// The events of its own that it holds.
    pub events: u64,
    /// Resources that were new, different or gone.
    pub changed: u64,
    /// Our blocks in it.
    pub blocks: BlocksReport,
    /// What is wrong with it.
    pub error: Option<String>,
}

/// Our blocks in a calendar.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct BlocksReport {
    /// Created.
    pub created: u64,
    /// Changed.
    pub updated: u64,
    /// Removed.
    pub deleted: u64,
    /// Standing there now.
    pub held: u64,
}

/// One operation.
#[derive(Clone, Debug, Serialize)]
pub struct OperationReport {
    /// `create`, `update` or `delete`.
    pub op: &'static str,
    /// The calendar it is done in.
    pub calendar: CalendarName,
    /// The calendar the block comes from, where that is known.
    pub from: Option<CalendarName>,
    /// When the (first) block begins: a time in the configured zone, or a date.
    pub start: String,
    /// When it ends; a date is the first day after it.
    pub end: String,
    /// Whether it repeats.
    pub recurring: bool,
    /// Why.
    pub why: Why,
    /// Whether nobody knows when it was: it could not be read.
    #[serde(skip)]
    pub timeless: bool,
}

/// Everything a report is made from.
#[derive(Debug)]
pub struct Findings {
    /// What the run was for.
    pub goal: Goal,
    /// When it began.
    pub started: Timestamp,
    /// The days it looked at.
    pub window: Window,
    /// Whether it stopped before writing.
    pub dry_run: bool,
    /// The calendars that were to be written to; all if empty.
    pub only: BTreeSet<CalendarName>,
    /// How reading went.
    pub sighted: BTreeMap<CalendarName, Sighted>,
    /// What the guard refused.
    pub refusals: Vec<Refusal>,
    /// How much there is to do in each target that was planned.
    pub due: BTreeMap<CalendarName, usize>,
    /// Calendars that are one and the same.
    pub twins: Vec<Twin>,
    /// The targets that cannot be written to though something is due there, and why.
    pub barred: BTreeMap<CalendarName, ProviderError>,
    /// What is to be said of blocks that stay where calendars were read from before.
    pub left_behind: Vec<String>,
    /// What the limit left for the next run.
    pub postponed: usize,
    /// Whether somebody asked the run to stop.
    pub stopped: bool,
    /// The plan: all of it in a dry run, else only its sums and doubts.
    pub plan: Plan,
    /// What was done.
    pub outcome: Outcome,
}

impl Findings {
    /// Whether it was worked out in this run what should stand in a calendar.
    pub fn is_judged(&self, target: &CalendarName) -> bool {
        self.due.contains_key(target) && self.is_fresh(target)
    }

    /// Whether a calendar was to be brought in step, as far as it is written to at all.
    pub fn is_meant(&self, name: &CalendarName) -> bool {
        self.only.is_empty() || self.only.contains(name)
    }

    /// Whether a calendar was read in this run.
    pub fn is_fresh(&self, name: &CalendarName) -> bool {
        self.sighted.get(name).is_some_and(Sighted::is_fresh)
    }
}

impl Report {
    /// Makes a report, with what the state knows of the calendars now.
    pub fn new<P: crate::provider::Provider, W>(
        findings: &Findings,
        session: &Session<'_, P, W>,
    ) -> Stated<Self> {
        let state = session.state.borrow();
        let rows: BTreeMap<CalendarName, CalendarRow> = state
            .calendar_rows()?
            .into_iter()
            .map(|row| (row.name.clone(), row))
            .collect();
        let (mut calendars, mut failures) = (Vec::new(), Vec::new());
        let mut notes = notes(&findings.plan.doubts);
        let mut crowded = Vec::new();
        for name in session.seats.keys() {
            let row = rows.get(name);
            let shows_places = session
                .seats
                .get(name)
                .is_some_and(|seat| seat.provider.shows_places());
            let troubles = match row {
                Some(row) if row.unreadable > 0 => state.troubles(name, TROUBLES_TOLD)?,
                _ => Vec::new(),
            };
            let mut troubles = troubles.into_iter().map(|(href, why)| match shows_places {
                true => (href, why),
                false => ("an event".to_owned(), why),
            });
            let wrong = Wrong::with(name, findings, row, troubles.next());
            failures.extend(wrong.failed.clone().map(|words| (name, words)));
            calendars.push(calendar_report(name, findings, row, wrong));
            notes.extend(left_by_reset(findings, name, row, &state)?);
            let doubts = findings.plan.doubts.iter();
            let mut taken = doubts.filter(|d| d.calendar == *name && d.kind == DoubtKind::HandsOff);
            if shows_places && taken.next().is_some() {
                let at = state.taken_at(name, PLACES_TOLD)?;
                notes.push(format!(
                    "{name}: to be looked at by hand: {}",
                    at.join(", ")
                ));
            }
            if let Some(uids) = findings.plan.too_many.get(name) {
                let places = match shows_places {
                    true => state.places_of(name, uids, PLACES_TOLD)?,
                    false => Vec::new(),
                };
                crowded.push(too_many(name, uids.len(), &places));
            }
            if is_looked_at(findings, name) {
                let told = |(href, why)| format!("{name}: {href} could not be read: {why}");
                notes.extend(troubles.map(told));
            }
        }
        let home = &session.settings.home;
        let seconds = session.clock.now().as_millisecond() - findings.started.as_millisecond();
        let shown = |op| operation(op, home);
        let done = findings.outcome.calendars.values();
        let seats = session.seats.values();
        let mut report = Self {
            dry_run: findings.dry_run,
            seconds: std::time::Duration::from_millis(u64::try_from(seconds).unwrap_or(0))
                .as_secs_f64(),
            failed: u64::try_from(findings.postponed).unwrap_or(u64::MAX),
            requests: seats.map(|seat| seat.provider.requests()).sum(),
            operations: in_order(findings.plan.ops.iter().map(shown)),
            done: done.flat_map(|done| &done.ops).map(shown).collect(),
            errors: errors(findings, &failures, crowded),
            warnings: [new_copies(findings, &rows), warnings(findings)].concat(),
            notes,
            calendars,
            ..Self::nothing(findings.goal.word(), Verdict::Ok, findings.started)
        };
        report.count(findings);
        report.result = report.judge(findings);
        Ok(report)
    }

    /// The report of a command that came to nothing.
    pub fn nothing(command: &'static str, result: Verdict, started: Timestamp) -> Self {
        Self {
            version: 1,
            command,
            result,
            dry_run: false,
            started,
            seconds: 0.0,
            created: 0,
            updated: 0,
            deleted: 0,
            unchanged: 0,
            failed: 0,
            requests: 0,
            calendars: Vec::new(),
            operations: Vec::new(),
            errors: Vec::new(),
            warnings: Vec::new(),
            notes: Vec::new(),
            done: Vec::new(),
        }
    }

    fn count(&mut self, findings: &Findings) {
        for op in &findings.plan.ops {
            match op.action {
                Action::Create(_) => self.created += 1,
                Action::Replace(..) | Action::Hush(_) => self.updated += 1,
                Action::Remove(_) => self.deleted += 1,
            }
        }
        for Done {
            created,
            updated,
            deleted,
            failed,
            ..
        } in findings.outcome.calendars.values()
        {
            self.created += created;
            self.updated += updated;
            self.deleted += deleted;
            self.failed += failed;
        }
        // What could not even be tried failed as much as what was tried in vain.
        let barred = findings.barred.keys();
        let barred = barred.filter_map(|name| findings.due.get(name));
        self.failed += u64::try_from(barred.sum::<usize>()).unwrap_or(u64::MAX);
        let planned: usize = findings.plan.unchanged.values().sum();
        self.unchanged = if findings.plan.unchanged.is_empty() && findings.refusals.is_empty() {
            self.calendars.iter().map(|c| c.blocks.held).sum()
        } else {
            u64::try_from(planned).unwrap_or(u64::MAX)
        };
    }

    /// The worst of all that happened decides; being away only counts if nothing was written.
    fn judge(&self, findings: &Findings) -> Verdict {
        if !findings.refusals.is_empty() {
            return Verdict::Refused;
        }
        let asked = || {
            self.calendars
                .iter()
                .filter(|c| c.read.is_some() || c.error.is_some())
        };
        let wrote = self.created + self.updated + self.deleted > 0;
        let worst = asked().map(|c| c.result).max().unwrap_or_default();
        match worst {
            Verdict::Away if !wrote => Verdict::Away,
            Verdict::Away => Verdict::Partial,
            Verdict::Ok if self.failed > 0 || findings.stopped || !self.errors.is_empty() => {
                Verdict::Partial
            }
            other => other,
        }
    }

    /// Whether the run went well and wrote nothing.
    pub fn is_idle(&self) -> bool {
        self.is_clean() && self.created + self.updated + self.deleted == 0
    }

    /// What was wrong, in one sentence, if anything was.
    pub fn trouble(&self) -> Option<&String> {
        let left = self.warnings.last().filter(|_| self.result != Verdict::Ok);
        self.errors.first().or(left)
    }

    /// Whether nothing at all went wrong.
    pub fn is_clean(&self) -> bool {
        self.result == Verdict::Ok && self.failed == 0 && self.errors.is_empty()
    }
}

/// What is wrong with calendars, each with its name. What is wrong with a whole account is said once, with the names of all its
/// calendars that it keeps back.
pub fn of_calendars<'a>(
    wrong: impl IntoIterator<Item = (&'a CalendarName, &'a str)>,
) -> Vec<String> {
    let mut told: Vec<(Vec<&CalendarName>, &str)> = Vec::new();
    for (name, words) in wrong {
        let mut same = told.iter_mut();
        match same.find(|(_, said)| *said == words && of_account(words).is_some()) {
            Some((names, _)) => names.push(name),
            None => told.push((vec![name], words)),
        }
    }
    let line = |(names, words): (Vec<&CalendarName>, &str)| {
        let names: Vec<&str> = names.into_iter().map(|name| &**name).collect();
        let all = names.join(", ");
        match (of_account(words), &names[..]) {
            (None, _) => format!("{all}: {words}"),
            (Some((account, _)), [name]) if *name == account => words.to_owned(),
            (Some((account, what)), [_]) => format!("account {account} (calendar {all}): {what}"),
            (Some((account, what)), _) => format!("account {account} (calendars {all}): {what}"),
        }
    };
    told.into_iter().map(line).collect()
}

/// The account that words are about, and what they say of it; nothing if they are about one calendar.
fn of_account(words: &str) -> Option<(&str, &str)> {
    let (account, what) = words.strip_prefix("account ")?.split_once(": ")?;
    (!account.contains([' ', ','])).then_some((account, what))
}

/// What a reset leaves in a calendar, as far as that is known.
fn left_by_reset(
    findings: &Findings,
    name: &CalendarName,
    row: Option<&CalendarRow>,
    state: &State,
) -> Stated<Vec<String>> {
    if findings.goal != Goal::Empty {
        return Ok(Vec::new());
    }
    let hidden = state.kept_nothing(name)?;
    let hidden = hidden.then(|| format!("{name}: {NEVER_SHOWN}"));
    Ok(left_standing(findings, row)
        .into_iter()
        .chain(hidden)
        .collect())
}

const NEVER_SHOWN: &str = "the server never showed anything of what calsync wrote there. If its owner sees blocks in it, the owner \
                           has to delete them";

/// Blocks that a reset leaves in a calendar because another installation made them.
fn left_standing(findings: &Findings, row: Option<&CalendarRow>) -> Option<String> {
    let row = row.filter(|row| row.foreign > 0 && findings.due.contains_key(&row.name))?;
    let blocks = counted(row.foreign, "block");
    Some(format!(
        "{}: {blocks} made by another installation, with another key, or under another name of this calendar that calsync \
         does not remember (give it that name again, and reset once more); left alone",
        row.name
    ))
}

fn calendar_report(
    name: &CalendarName,
    findings: &Findings,
    row: Option<&CalendarRow>,
    wrong: Wrong,
) -> CalendarReport {
    let (read, changed) = match findings.sighted.get(name) {
        Some(Sighted::Read(recorded, Kind::Whole)) => (Some("whole"), recorded.changed),
        Some(Sighted::Read(recorded, Kind::Changes)) => (Some("changes"), recorded.changed),
        _ => (None, 0),
    };
    CalendarReport {
        name: name.clone(),
        result: wrong.verdict,
        read,
        events: row.map_or(0, |row| row.events),
        changed: u64::try_from(changed).unwrap_or(u64::MAX),
        blocks: blocks_report(name, findings, row),
        error: wrong.refused.or(wrong.failed).or(wrong.left),
    }
}

/// What was done to a calendar's blocks, or would be, in a dry run.
fn blocks_report(
    name: &CalendarName,
    findings: &Findings,
    row: Option<&CalendarRow>,
) -> BlocksReport {
    let mut blocks = BlocksReport {
        held: row.map_or(0, |row| row.blocks),
        ..BlocksReport::default()
    };
    if let Some(done) = findings.outcome.calendars.get(name) {
        blocks.created = done.created;
        blocks.updated = done.updated;
        blocks.deleted = done.deleted;
    }
    // Only a dry run has operations that were not carried out.
    for op in findings.plan.ops.iter().filter(|op| op.target == *name) {
        match op.action {
            Action::Create(_) => blocks.created += 1,
            Action::Replace(..) | Action::Hush(_) => blocks.updated += 1,
            Action::Remove(_) => blocks.deleted += 1,
        }
    }
    blocks
}

/// Series that need too many blocks, and where they are, if that may be told.
fn too_many(name: &CalendarName, count: usize, places: &[String]) -> String {
    let places = match places {
        [] => String::new(),
        places => format!(" ({})", places.join(", ")),
    };
    format!(
        "{name}: {count} series with more than {OCCURRENCES_MAX} occurrences inside the window, or too many to be worked out{places}; what \
         they showed so far stays"
    )
}

fn errors(
    findings: &Findings,
    failures: &[(&CalendarName, String)],
    crowded: Vec<String>,
) -> Vec<String> {
    let mut errors: Vec<String> = findings.refusals.iter().map(ToString::to_string).collect();
    let failures = failures.iter();
    errors.extend(of_calendars(
        failures.map(|(name, words)| (*name, words.as_str())),
    ));
    errors.extend(crowded);
    if findings.stopped {
        errors.push("stopped on request; the next run goes on".to_owned());
    }
    errors
}

/// The calendars in which there are more copies of other calendars' blocks than when they were last looked at: perhaps two folders
/// changed places, and what stands there is kept in step by nobody.
fn new_copies(findings: &Findings, rows: &BTreeMap<CalendarName, CalendarRow>) -> Vec<String> {
    let copies = findings.plan.doubts.iter();
    let copies = copies.filter(|doubt| doubt.kind == DoubtKind::Copies);
    let tell = |doubt: &Doubt| {
        let row = rows.get(&doubt.calendar)?;
        let is_known = row.last_success.is_some();
        let before = usize::try_from(row.copies).unwrap_or(usize::MAX);
        let words = format!(
            "{}: {} made for another calendar, copied or moved here, left alone: it shows as busy whatever becomes of its event. \
             calsync check says where; remove it by hand",
            doubt.calendar,
            counted(doubt.count, "block"),
        );
        (is_known && doubt.count > before && findings.goal == Goal::InStep).then_some(words)
    };
    copies.filter_map(tell).collect()
}

/// What was left on purpose, where, and until when.
fn warnings(findings: &Findings) -> Vec<String> {
    let mut warnings = findings.left_behind.clone();
    if findings.postponed > 0 {
        warnings.push(format!(
            "{} left for the next run: one run makes no more than `limits.operations`",
            counted(findings.postponed, "change")
        ));
    }
    warnings
}

fn notes(doubts: &[Doubt]) -> Vec<String> {
    let note = |doubt: &Doubt| {
        let Doubt {
            calendar,
            kind,
            count,
        } = doubt;
        let blocks = counted(*count, "block");
        let words = match kind {
            DoubtKind::TooMany | DoubtKind::Otherwise | DoubtKind::Renamed | DoubtKind::Damaged => {
                return None;
            }
            DoubtKind::HandsOff => {
                "became somebody's own (attendees, or other things beside it), or cannot be read; left alone, what is somebody's to be removed by hand"
            }
            DoubtKind::Unread => "left standing until all calendars in question can be read",
            DoubtKind::Copies => {
                "copied or moved here from another calendar; left alone, to be removed by hand"
            }
        };
        Some(format!("{calendar}: {blocks} {words}"))
    };
    doubts.iter().filter_map(note).collect()
}

/// Operations by calendar, and in each of them by time.
fn in_order(operations: impl Iterator<Item = OperationReport>) -> Vec<OperationReport> {
    let mut operations: Vec<_> = operations.collect();
    operations.sort_by_key(|op| (op.calendar.clone(), op.start.clone()));
    operations
}

fn operation(op: &Op, home: &TimeZone) -> OperationReport {
    let time = |at: Timestamp| {
        at.to_zoned(home.clone())
            .strftime("%Y-%m-%dT%H:%M:%S%:z")
            .to_string()
    };
    let days = match &op.action {
        Action::Create(wanted) | Action::Replace(wanted, _) => match &wanted.shape {
            Shape::Once(Span::Days { first, end }) => Some((*first, *end)),
            Shape::Series(series) => match series.start.span(series.length, home) {
                Span::Days { first, end } => Some((first, end)),
                Span::Timed { .. } => None,
            },
            Shape::Once(Span::Timed { .. }) => None,
        },
        // How a block is stored does not tell days from times; whole days look like days either way.
        Action::Remove(present) | Action::Hush(present) => {
            whole_days(present.first, present.first_end, home)
        }
    };
    let (first, last, recurring) = op.when(home);
    let (start, end) = match days {
        Some((first, end)) => (first.to_string(), end.to_string()),
        None => (time(first), time(last)),
    };
    OperationReport {
        op: op.action.word(),
        calendar: op.target.clone(),
        from: op.source.clone(),
        start,
        end,
        recurring,
        why: op.why,
        timeless: (first, last) == (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH),
    }
}

/// The dates of a time that begins and ends with a day, if it does.
fn whole_days(first: Timestamp, end: Timestamp, home: &TimeZone) -> Option<(Date, Date)> {
    let day = |at: Timestamp| {
        let at = at.to_zoned(home.clone());
        let begins = at.start_of_day().is_ok_and(|start| start == at);
        begins.then(|| at.date())
    };
    Some((day(first)?, day(end)?)).filter(|(first, end)| first < end)
}

fn whole_seconds<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&at.strftime("%Y-%m-%dT%H:%M:%SZ"))
}
