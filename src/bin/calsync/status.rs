//! `calsync status`: what the state remembers. Touches no calendar and no network.

use std::collections::BTreeMap;

use calsync::{
    clock::Clock,
    config::Config,
    model::{CalendarName, Window, counted, shell_word},
    plan::Past,
    report::of_calendars,
    state::{CalendarRow, RUNS_KEPT, Renamed, RunRow, SignIn, State, UNFINISHED},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    args::{self, Args},
    context::{Loaded, called_now, fitting_key, load, renamed},
    exit::{Exit, Failure},
    print,
    standing::{Standing, signer},
    sync::is_idle,
};

const SIGNED_IN_SINCE: &str = "somebody signed in since the last run; the next sync reads it";

/// How many runs are shown to a person.
const RUNS_SHOWN: usize = 3;
/// How many characters of an error are shown beside a run.
const ERROR_SHOWN: usize = 60;
/// How many runs are given to a program.
const RUNS_GIVEN: usize = 20;

pub(crate) fn run(args: &Args, options: &args::Status) -> Result<Exit, Failure> {
    let loaded = load(args)?;
    let now = Clock::System.now();
    let state = State::open_to_read(&loaded.state)?;
    let (rows, runs, sign_ins) = match &state {
        Some(state) => (
            state.calendar_rows()?,
            state.runs(RUNS_KEPT)?,
            state.sign_ins()?,
        ),
        None => (Vec::new(), Vec::new(), Vec::new()),
    };
    let hindrance = hindrance(&loaded, state.as_ref())?;
    let is_left = |row: &CalendarRow| !loaded.config.calendars.contains_key(&row.name);
    let renamed = match &state {
        Some(state) if rows.iter().any(is_left) => renamed(&loaded.config, state)?,
        _ => Renamed::default(),
    };
    let mut lines = lines(&loaded, rows, &sign_ins);
    if let Some(state) = &state {
        note_waiting(&mut lines, &loaded.config, &renamed, state)?;
        note_stranded(&mut lines, state)?;
        for line in &mut lines {
            line.held_back = state.held_back(&line.name)?;
        }
    }
    if options.json {
        let object = json!({
            "version": 1,
            "calendars": lines.iter().map(|line| line.json(now)).collect::<Vec<_>>(),
            "runs": runs.iter().take(RUNS_GIVEN).map(run_json).collect::<Vec<_>>(),
            "error": hindrance,
        });
        print::out(&format!("{object}\n"))?;
    } else {
        print::out(&text(args, &lines, &renamed, &runs, now))?;
        if let Some(words) = hindrance {
            print::out(&format!(
                "Every sync ends with exit code 3: {}\n",
                args.hint(&words)
            ))?;
        }
    }
    Ok(Exit::InStep)
}

/// What keeps every sync from even beginning, so that no run is remembered that could tell: a key that cannot be used, or nothing to
/// do.
fn hindrance(loaded: &Loaded, state: Option<&State>) -> Result<Option<String>, Failure> {
    let known = match state {
        Some(state) => state.fact("key")?,
        None => None,
    };
    let fits = fitting_key(&loaded.config.key_file, known.as_deref());
    let idle = is_idle(loaded, state)?;
    let idle = idle.then(|| Failure::Idle(loaded.config.path.clone()));
    Ok(fits.err().or(idle).map(|failure| failure.to_string()))
}

/// A calendar as configured, and what is remembered of it.
struct Line {
    name: CalendarName,
    role: Option<&'static str>,
    account: Option<String>,
    /// Whether its account is signed in to, if that is needed.
    standing: Option<Standing>,
    /// When somebody signed in to it.
    since: Option<Timestamp>,
    row: Option<CalendarRow>,
    /// How many blocks in it come from where no rule shows them any more: the next sync takes them away.
    waiting: u64,
    /// How many of those are over before the window, and stay.
    over: u64,
    /// How many the guard holds back, whatever they come from.
    held_back: u64,
    /// How many stay in it though it is a target no more, kept in step by nobody.
    stranded: u64,
}

/// The configured calendars, then those that are remembered but not configured any more and still hold blocks.
fn lines(loaded: &Loaded, rows: Vec<CalendarRow>, sign_ins: &[SignIn]) -> Vec<Line> {
    let mut rows: BTreeMap<CalendarName, CalendarRow> = rows
        .into_iter()
        .map(|row| (row.name.clone(), row))
        .collect();
    let standing = |account: &str| {
        let signer = signer(&loaded.config, account)?;
        let sign_in = sign_ins.iter().find(|sign_in| sign_in.account == account);
        Some(Standing::of(sign_in, Some(signer)))
    };
    let since = |account: &str| {
        let sign_in = sign_ins.iter().find(|sign_in| sign_in.account == account);
        sign_in.map(|sign_in| sign_in.since)
    };
    let calendars = loaded.config.calendars.iter();
    let mut lines: Vec<Line> = calendars
        .map(|(name, calendar)| Line {
            name: name.clone(),
            role: Some(calendar.role.word()),
            account: calendar.account.clone(),
            standing: calendar.account.as_deref().and_then(standing),
            since: calendar.account.as_deref().and_then(since),
            row: rows.remove(name),
            waiting: 0,
            over: 0,
            held_back: 0,
            stranded: 0,
        })
        .collect();
    let left = rows.into_iter().filter(|(_, row)| row.blocks > 0);
    lines.extend(left.map(|(name, row)| Line {
        name,
        role: None,
        account: None,
        standing: None,
        since: None,
        row: Some(row),
        waiting: 0,
        over: 0,
        held_back: 0,
        stranded: 0,
    }));
    lines
}

/// Counts the blocks that wait to be taken away, because their rule, calendar or account left the configuration.
fn note_waiting(
    lines: &mut [Line],
    config: &Config,
    renamed: &Renamed,
    state: &State,
) -> Result<(), Failure> {
    let now = |name: &CalendarName| renamed.get(name).unwrap_or(name).clone();
    let (back, ahead) = (config.past_days, config.future_days);
    let window = Window::around(Clock::System.now(), &config.timezone, back, ahead);
    for (held_in, made_for) in state.shown_pairs()? {
        let (target, source) = (now(&held_in), now(&made_for));
        let mut routes = config.routes.iter();
        let is_shown = routes.any(|route| route.source == source && route.target == target);
        let is_target = |line: &&mut Line| line.name == target && line.role != Some("source");
        let line = lines.iter_mut().find(is_target);
        if let Some(line) = line.filter(|line| !is_shown && line.role.is_some()) {
            let (over, others) = state.blocks_from(&held_in, &made_for, window.from())?;
            match config.past {
                Past::Keep => (line.over, line.waiting) = (line.over + over, line.waiting + others),
                Past::Delete => line.waiting += over + others,
            }
        }
    }
    Ok(())
}

/// Counts the blocks that stay in calendars which are only sources by now, as far as a run told of them.
fn note_stranded(lines: &mut [Line], state: &State) -> Result<(), Failure> {
    for line in lines.iter_mut().filter(|line| line.role == Some("source")) {
        if let Some(row) = line.row.as_ref().filter(|row| row.blocks > 0)
            && state.is_source_told(&line.name)?
        {
            line.stranded = row.blocks.saturating_sub(row.copies + row.taken);
        }
    }
    Ok(())
}

/// What there is to say of blocks whose rule is gone.
const WAITING: &str =
    "that no rule shows any more, which the next sync removes if the guard lets it";

/// What there is to say of blocks that the guard refused to take away.
const HELD_BACK: &str =
    "which the guard holds back; if they may go: calsync sync --allow-mass-delete";

/// What there is to say of blocks that are over, and whose rule is gone.
const OVER: &str = "that no rule shows any more, kept because they are over (`past`)";

/// What there is to say of blocks in a calendar that is only a source by now.
const STRANDED: &str =
    "kept in step by nobody, since it is only a source now; calsync check says how to remove them";

impl Line {
    fn json(&self, now: Timestamp) -> Value {
        let row = self.row.as_ref();
        let success = row.and_then(|row| row.last_success);
        json!({
            "name": &*self.name,
            "role": self.role,
            "account": self.account,
            "sign_in": self.standing.map(Standing::word),
            "last_success": success.map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
            "age_seconds": success.map(|at| now.as_second() - at.as_second()),
            "cursor": row.is_some_and(|row| row.has_cursor),
            "events": row.map_or(0, |row| row.events),
            "blocks": row.map_or(0, |row| row.blocks),
            "unreadable": row.map_or(0, |row| row.unreadable),
            "foreign_blocks": row.map_or(0, |row| row.foreign),
            "copied_blocks": row.map_or(0, |row| row.copies),
            "taken_blocks": row.map_or(0, |row| row.taken),
            "waiting_blocks": self.waiting,
            "kept_blocks": self.over,
            "held_back_blocks": self.held_back,
            "stranded_blocks": self.stranded,
            "result": row.and_then(|row| row.result.clone()),
            "error": row.and_then(|row| row.error.clone()),
        })
    }

    fn cells(&self, colour: bool, program: &str, now: Timestamp) -> Vec<String> {
        let role = self.role.unwrap_or("removed").to_owned();
        let signed_in = self.signed_in(colour, program);
        let Some(row) = &self.row else {
            let mut cells = vec![self.name.to_string(), role, "never synced".to_owned()];
            cells.extend([String::new(), String::new(), String::new(), signed_in]);
            return cells;
        };
        let age = row.last_success.map(|at| ago(now, at));
        let last = age.as_ref().map_or_else(
            || "never in step".to_owned(),
            |age| format!("last in step {age}"),
        );
        let state = match (self.role, row.result.as_deref()) {
            (None, _) => print::paint(colour, "33", "not configured any more"),
            (_, Some("ok")) => {
                let age = age.unwrap_or_default();
                print::paint(colour, "32", &format!("in step {age}"))
            }
            (_, Some(result)) => print::paint(colour, "31", &format!("{result} ({last})")),
            (_, None) => last,
        };
        let left_alone = [
            (row.foreign, "of another installation or name"),
            (row.copies, "copied from another calendar"),
            (row.taken, "somebody's own by now"),
            (self.waiting, WAITING),
            (self.held_back, HELD_BACK),
            (self.over, OVER),
            (self.stranded, STRANDED),
        ];
        let left_alone = left_alone.iter().filter(|(count, _)| *count > 0);
        let left_alone: Vec<String> = left_alone
            .map(|(count, words)| format!("{} {words}", counted(*count, "block")))
            .collect();
        vec![
            self.name.to_string(),
            role,
            state,
            counted(row.events, "event"),
            counted(row.blocks, "block"),
            left_alone.join(", "),
            signed_in,
        ]
    }

    /// Whether the last run missed a sign-in that somebody made after it.
    fn was_signed_in_since(&self) -> bool {
        let row = self.row.as_ref();
        let missed = row.filter(|row| row.result.as_deref() == Some("auth"));
        let tried = missed.and_then(|row| row.last_attempt);
        let is_in = self.standing == Some(Standing::In);
        is_in
            && tried
                .zip(self.since)
                .is_some_and(|(tried, since)| since > tried)
    }

    /// Whether its account is signed in to, and what to do if not.
    fn signed_in(&self, colour: bool, program: &str) -> String {
        let (Some(standing), Some(account)) = (self.standing, &self.account) else {
            return String::new();
        };
        let words = format!("account {account} {}", standing.words());
        match standing.needs_somebody() {
            true => print::paint(
                colour,
                "31",
                &format!("{words}; run: {program} auth add {account}"),
            ),
            false => words,
        }
    }
}

fn text(args: &Args, lines: &[Line], renamed: &Renamed, runs: &[RunRow], now: Timestamp) -> String {
    let colour = print::colour(args, print::to_terminal());
    let program = args.program();
    let rows: Vec<Vec<String>> = lines
        .iter()
        .map(|line| line.cells(colour, &program, now))
        .collect();
    let wrong = lines.iter().filter_map(|line| {
        // What was wrong with one that is not asked any more is nobody's trouble.
        let error = line.row.as_ref().filter(|_| line.role.is_some());
        let error = error.and_then(|row| row.error.as_deref())?;
        let is_over = line.was_signed_in_since();
        Some((&line.name, if is_over { SIGNED_IN_SINCE } else { error }))
    });
    let mut said = of_calendars(wrong);
    for line in lines {
        let Line { name, role, .. } = line;
        if let Some(now) = renamed.get(name) {
            said.push(format!("{name} {}", called_now(now)));
        } else if role.is_none() {
            said.push(format!("{name}: {}", left(&program, name)));
        }
    }
    if runs.is_empty() {
        said.push(format!("No run yet; `{program} sync` makes the first."));
    }
    // The last one, and before it those in which something happened.
    let happened = runs.iter().skip(1).filter(|run| run.tells());
    for run in runs.iter().take(1).chain(happened).take(RUNS_SHOWN) {
        let line = run_line(run, now, &said);
        said.push(line);
    }
    let said: String = said.iter().flat_map(|line| [line, "\n"]).collect();
    print::columns(&rows) + &args.hint(&said)
}

/// What to do about a calendar that left the configuration with blocks in it.
pub(crate) fn left(program: &str, name: &str) -> String {
    let word = shell_word(name);
    format!(
        "to take its blocks away, put it back into the configuration and run `{program} reset --calendar {word}`; if the \
         calendar is gone for good, `{program} reset --calendar {word} --forget` forgets it"
    )
}

/// A run. What was wrong is told whole, because the cure comes last, unless it is among what was said already.
fn run_line(run: &RunRow, now: Timestamp, said: &[String]) -> String {
    let RunRow {
        started,
        seconds,
        command,
        result,
        created,
        updated,
        deleted,
        failed,
        error,
    } = run;
    if result == UNFINISHED {
        let when = ago(now, *started);
        return format!("{command} {when} has not ended: it is under way, or was killed");
    }
    let failed = match failed {
        0 => String::new(),
        n => format!(", {n} not done"),
    };
    let error = error.as_ref().map(|error| {
        let is_said = said.iter().any(|line| line.contains(error.as_str()));
        match is_said {
            true => format!("; {}", short(error)),
            false => format!("; {error}"),
        }
    });
    format!(
        "{command} {} took {seconds:.2} s: {result}, {created} created, {updated} updated, {deleted} deleted{failed}{}",
        ago(now, *started),
        error.unwrap_or_default()
    )
}

/// The beginning of an error: all of it stands with its calendar.
fn short(error: &str) -> String {
    let line = error.lines().next().unwrap_or_default();
    match line.char_indices().nth(ERROR_SHOWN) {
        Some((end, _)) => format!("{}...", line.get(..end).unwrap_or(line).trim_end()),
        None => line.to_owned(),
    }
}

fn run_json(run: &RunRow) -> Value {
    json!({
        "started": run.started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "seconds": run.seconds,
        "command": run.command,
        "result": run.result,
        "created": run.created,
        "updated": run.updated,
        "deleted": run.deleted,
        "failed": run.failed,
        "error": run.error,
    })
}

/// How long ago that was, in words.
pub(crate) fn ago(now: Timestamp, at: Timestamp) -> String {
    match now.as_second() - at.as_second() {
        seconds if seconds < 60 => "just now".to_owned(),
        seconds if seconds < 7200 => format!("{} min ago", seconds / 60),
        seconds if seconds < 172_800 => format!("{} h ago", seconds / 3600),
        seconds => format!("{} days ago", seconds / 86_400),
    }
}
