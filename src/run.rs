//! The run itself: pull, record, snapshot, plan, guard, apply, report. `reset` is the same run with nothing desired; a dry
//! run stops after the guard.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::{
    apply::{Outcome, apply},
    model::{CalendarName, Window},
    plan::{
        Approved, Plan, Question, Sources, guard, guard::is_emptied, op::DoubtKind, plan_reset,
        plan_target, reach,
    },
    provider::{ErrorKind, Provider, ProviderError},
    pull::{Sighted, Trust, pull_all},
    report::{CalendarReport, Findings, Report, Verdict},
    session::{Request, Seat, Session, Watch},
    state::{Followed, RunRow, State, Stated},
};

mod leave;
mod places;

pub use places::{Twin, alike, twins};

/// What a run is to bring about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Every target shows what the rules want.
    InStep,
    /// The targets hold no block of ours.
    Empty,
}

impl Goal {
    /// The command's name.
    pub fn word(self) -> &'static str {
        match self {
            Self::InStep => "sync",
            Self::Empty => "reset",
        }
    }
}

/// A run that has been thought through up to the guard, and not carried out.
#[derive(Debug)]
pub struct Planned {
    goal: Goal,
    started: Timestamp,
    window: Window,
    request: Request,
    sighted: BTreeMap<CalendarName, Sighted>,
    approved: Approved,
    /// How much there is to do in each target that was planned.
    due: BTreeMap<CalendarName, usize>,
    /// Calendars that are one and the same.
    twins: Vec<Twin>,
    /// The targets that cannot be written to though something is due there.
    barred: BTreeMap<CalendarName, ProviderError>,
    /// What the state may remember if nothing is left to do.
    settled: Option<String>,
    /// How memory was made to follow names.
    followed: Followed,
}

impl Planned {
    /// What may be done.
    pub fn plan(&self) -> &Plan {
        self.approved.plan()
    }
}

/// A whole run.
pub async fn run<P: Provider, W: Watch>(
    session: &mut Session<'_, P, W>,
    goal: Goal,
    request: Request,
) -> Stated<Report> {
    let planned = plan(session, goal, request).await?;
    finish(session, planned).await
}

/// The first half of a run: reads, and works out what has to be done. Writes to no calendar.
pub async fn plan<P: Provider, W: Watch>(
    session: &mut Session<'_, P, W>,
    goal: Goal,
    request: Request,
) -> Stated<Planned> {
    let started = session.clock.now();
    let window = session.settings.window(session.clock);
    let targets = targets(session, goal, &request);
    let needed = needed(session, goal, &targets);
    let full = request.full || goal == Goal::Empty;
    locate(session).await?;
    let calendars = session.seats.iter();
    let calendars = calendars.map(|(name, seat)| seat.called(name));
    let followed = session.state.borrow().follow_names(calendars)?;
    let before = places::held(&session.state.borrow())?;
    let sighted = pull_all(session, trust(goal, &request), |n| needed.contains(n)).await?;
    session.watch.ends();
    let is_fresh = |name: &CalendarName| sighted.get(name).is_some_and(Sighted::is_fresh);
    places::note_moves(session, is_fresh, &before)?;
    let mut twins = found_twins(&session.seats, &sighted);
    if goal == Goal::InStep {
        places::forget_second_names(&session.state.borrow(), &twins)?;
    }
    let key = settled_key(session, &window)?;
    let is_settled = goal == Goal::InStep
        && request.only.is_empty()
        && session.state.borrow().fact("settled")?.as_ref() == Some(&key);
    let (mut due, mut barred) = (BTreeMap::new(), BTreeMap::new());
    let asked = (goal, &request);
    let is_idle = is_settled && sighted.values().all(Sighted::is_fresh);
    // While two of them are one, nobody can say what should stand there.
    let is_unclear = |twins: &[Twin]| goal == Goal::InStep && !twins.is_empty();
    let mut planned = None;
    if !is_idle && !is_unclear(&twins) {
        let (plan, sources) = whole_plan(session, asked, &targets, &sighted, &window, &mut due)?;
        twins.extend(proved_twins(session, goal, &plan, is_fresh)?);
        planned = Some((plan, sources)).filter(|_| !is_unclear(&twins));
    }
    let (approved, doubtless) = if let Some((mut plan, sources)) = planned {
        if request.dry_run {
            leave::ask(session, &plan).await;
        }
        leave::recall(session, &request, full)?;
        barred = leave::withhold(session, goal, &mut plan);
        places::drop_copies(&mut plan, &twins);
        let fresh = sighted.values().all(Sighted::is_fresh);
        let doubtless = plan.doubts.is_empty() && barred.is_empty() && fresh;
        let allowed = request.allow_mass_delete || goal == Goal::Empty;
        (
            guard(plan, &sources, &session.settings.limits, allowed),
            doubtless,
        )
    } else {
        due.clear();
        let limits = &session.settings.limits;
        let nothing = guard(Plan::default(), &Sources::new(), limits, true);
        (nothing, !is_unclear(&twins))
    };
    let empty = approved.plan().is_empty() && approved.refusals.is_empty();
    let is_settled = empty && doubtless && goal == Goal::InStep && request.only.is_empty();
    let settled = is_settled.then_some(key);
    Ok(Planned {
        goal,
        started,
        window,
        request,
        sighted,
        approved,
        due,
        twins,
        barred,
        settled,
        followed,
    })
}

/// How much of what was read before a run goes by. Whoever only looks forgets nothing: it says what a damaged file may have lost.
fn trust(goal: Goal, request: &Request) -> Trust {
    match goal {
        _ if request.dry_run => Trust::Full,
        Goal::Empty => Trust::Losses,
        Goal::InStep if request.full => Trust::None,
        Goal::InStep => Trust::Full,
    }
}

/// Finds the calendars of which nothing is remembered, if one has left the configuration: one of them may be that one by another
/// name. Where a calendar is that cannot be found is not known; that it cannot be read is told when it is read.
async fn locate<P: Provider, W>(session: &mut Session<'_, P, W>) -> Stated<()> {
    let names = session.seats.keys().collect();
    if !session.state.borrow().knows_others(&names)? {
        return Ok(());
    }
    for (name, seat) in &mut session.seats {
        let row = session.state.borrow().calendar_row(name)?;
        let is_new = !row.is_some_and(|row| row.whole);
        if is_new && seat.provider.identity().is_none() {
            seat.provider.locate().await;
        }
    }
    Ok(())
}

/// Lets go of a plan that is not carried out.
pub fn give_up<P, W>(session: &Session<'_, P, W>, planned: Planned) -> Stated<()> {
    session.state.borrow().unfollow(planned.followed)
}

/// The second half of a run: does what was approved, and tells how it went.
pub async fn finish<P: Provider, W: Watch>(
    session: &mut Session<'_, P, W>,
    planned: Planned,
) -> Stated<Report> {
    let Planned {
        goal,
        started,
        window,
        request,
        sighted,
        approved,
        due,
        twins,
        barred,
        settled,
        followed,
    } = planned;
    let mut findings = Findings {
        goal,
        started,
        window,
        dry_run: request.dry_run,
        only: request.only.clone(),
        sighted,
        refusals: Vec::new(),
        due,
        twins,
        barred,
        left_behind: [
            places::left_behind(&session.state.borrow(), session.seats.keys())?,
            places::stranded(session)?,
        ]
        .concat(),
        postponed: 0,
        stopped: false,
        plan: Plan::default(),
        outcome: Outcome::default(),
    };
    findings.postponed = approved.postponed;
    findings.refusals.clone_from(&approved.refusals);
    findings.plan = approved.plan().summary();
    if request.dry_run {
        findings.plan = approved.into_plan();
    } else {
        if !approved.plan().is_empty() {
            // Before the first write: a run that dies on the way must not leave the short way open.
            let state = session.state.borrow();
            state.drop_fact("settled")?;
            state.note_begin(started, goal.word())?;
        }
        for (_, seat) in session
            .seats
            .iter_mut()
            .filter(|(name, _)| findings.due.contains_key(*name))
        {
            seat.provider.tidy();
        }
        findings.outcome = apply(session, approved).await?;
        leave::note(session, request.full, started)?;
    }
    findings.stopped = session.stop.is_asked();
    let report = Report::new(&findings, session)?;
    let allowed = request.allow_mass_delete;
    match request.dry_run {
        true => session.state.borrow().unfollow(followed)?,
        false => remember(session, &findings, &report, settled.as_deref(), allowed)?,
    }
    Ok(report)
}

/// The calendars that are one by what stands in them, among those in which a plan found blocks of another calendar. Taking blocks
/// away reads only some, and goes by what is known of the others.
fn proved_twins<P: Provider, W>(
    session: &Session<'_, P, W>,
    goal: Goal,
    plan: &Plan,
    is_fresh: impl Fn(&CalendarName) -> bool,
) -> Stated<Vec<Twin>> {
    if !plan.doubts.iter().any(|d| d.kind == DoubtKind::Copies) {
        return Ok(Vec::new());
    }
    let state = session.state.borrow();
    let is_known = |name: &CalendarName| goal == Goal::Empty || is_fresh(name);
    alike(&session.seats, &state, &session.settings.mint, is_known)
}

/// The calendars that may be written to. What a person asks to empty may have been a target once, whatever it is now.
fn targets<P: Provider, W>(
    session: &Session<'_, P, W>,
    goal: Goal,
    request: &Request,
) -> BTreeSet<CalendarName> {
    let writable = session
        .seats
        .iter()
        .filter(|(_, seat)| seat.role.is_target() || goal == Goal::Empty)
        .filter(|(_, seat)| !seat.provider.is_only_read());
    writable
        .map(|(name, _)| name.clone())
        .filter(|name| request.only.is_empty() || request.only.contains(name))
        .collect()
}

/// The calendars that turn out to be one with another. What was asked for and is not there is one with nothing.
fn found_twins<P: Provider>(
    seats: &BTreeMap<CalendarName, Seat<P>>,
    sighted: &BTreeMap<CalendarName, Sighted>,
) -> Vec<Twin> {
    let is_gone = |name: &CalendarName| matches!(sighted.get(name), Some(Sighted::Failed(error)) if error.kind == ErrorKind::Gone);
    let mut twins = twins(seats);
    twins.retain(|twin| !is_gone(&twin.name) && !is_gone(&twin.other));
    twins
}

/// The calendars that have to be read to know what these targets should show.
fn needed<P, W>(
    session: &Session<'_, P, W>,
    goal: Goal,
    targets: &BTreeSet<CalendarName>,
) -> BTreeSet<CalendarName> {
    let mut needed = targets.clone();
    if goal == Goal::InStep {
        let routes = session.settings.routes.iter();
        needed.extend(
            routes
                .filter(|r| targets.contains(&r.target))
                .map(|r| r.source.clone()),
        );
    }
    needed
}

fn whole_plan<P: Provider, W>(
    session: &Session<'_, P, W>,
    (goal, request): (Goal, &Request),
    targets: &BTreeSet<CalendarName>,
    sighted: &BTreeMap<CalendarName, Sighted>,
    window: &Window,
    due: &mut BTreeMap<CalendarName, usize>,
) -> Stated<(Plan, Sources)> {
    let state = session.state.borrow();
    let fresh = |name: &CalendarName| sighted.get(name).is_some_and(Sighted::is_fresh);
    let mut sources = Sources::new();
    if goal == Goal::InStep {
        let reach = reach(&session.settings.routes, window);
        for (name, seat) in &session.seats {
            let mut source = state.source(name, &reach, fresh(name))?;
            if !fresh(name) && places::is_elsewhere(&state, name, seat)? {
                // What its former place held is no news of this one. Nothing is taken away, since it was not read.
                source.events.clear();
                source.sight.whole = false;
            }
            // A person said that what is there is right.
            source.sight.signs &= !request.allow_mass_delete;
            sources.insert(name.clone(), source);
        }
    }
    let question = Question {
        routes: &session.settings.routes,
        sources: &sources,
        window,
        now: session.clock.now(),
        mint: &session.settings.mint,
        operations: session.settings.limits.operations,
        past: session.settings.past,
    };
    let mut plan = Plan {
        refused_at: state.refused_at()?,
        ..Plan::default()
    };
    for name in targets {
        // One target at a time: with many calendars, their blocks need not all be in memory at once.
        let target = state.target(
            name,
            &session.settings.mint,
            fresh(name),
            session.seats.keys(),
        )?;
        let more = match goal {
            Goal::InStep => plan_target(question, name, target),
            Goal::Empty => plan_reset(name, target),
        };
        due.insert(name.clone(), more.ops.len() + more.postponed);
        plan.extend(more);
    }
    Ok((plan, sources))
}

/// Everything that a plan depends on, as one text: while it is the same as after a run that had nothing to do, there is
/// nothing to do.
fn settled_key<P, W>(session: &Session<'_, P, W>, window: &Window) -> Stated<String> {
    let state = session.state.borrow();
    let mut key = session.settings.print(window).to_string();
    for (name, seat) in &session.seats {
        let revision = state.revision(name)?;
        key.push_str(&format_args!(" {name}:{}:{revision}", seat.role.word()).to_string());
    }
    Ok(key)
}

/// Notes the run for `status`, and whether the next one may take the short way.
fn remember<P: Provider, W>(
    session: &Session<'_, P, W>,
    findings: &Findings,
    report: &Report,
    settled: Option<&str>,
    allowed: bool,
) -> Stated<()> {
    let state = session.state.borrow();
    match settled.filter(|_| report.is_clean()) {
        Some(key) if state.fact("settled")?.as_deref() == Some(key) => {}
        Some(key) => state.set_fact("settled", key)?,
        None => state.drop_fact("settled")?,
    }
    // One that could not be read is remembered too: `status` has to say so. A calendar that was emptied is not in step.
    let says = |c: &&CalendarReport| match findings.goal {
        // Of one that was only read for the sake of others, nobody knows whether it is in step.
        Goal::InStep if !findings.is_meant(&c.name) => c.error.is_some(),
        Goal::InStep => c.read.is_some() || c.error.is_some(),
        Goal::Empty => c.result != Verdict::Ok,
    };
    for calendar in report.calendars.iter().filter(says) {
        state.note_result(
            &calendar.name,
            report.started,
            calendar.result.word(),
            calendar.error.as_deref(),
        )?;
    }
    if findings.goal == Goal::Empty {
        let emptied = |c: &&CalendarReport| c.result == Verdict::Ok && findings.is_judged(&c.name);
        for calendar in report.calendars.iter().filter(emptied) {
            // It was in step once, and is not now.
            state.drop_result(&calendar.name)?;
        }
    }
    if findings.goal == Goal::Empty {
        places::forget_second_names(&state, &findings.twins)?;
    }
    note_left_alone(session, &state, findings)?;
    places::note_stranded(session)?;
    if !findings.left_behind.is_empty() {
        for name in session.seats.keys() {
            state.told_left_behind(name)?;
        }
    }
    if findings.goal == Goal::InStep {
        note_stood(session, &state, findings, allowed)?;
        note_refused(&state, findings)?;
    }
    state.forget_others(session.seats.keys())?;
    state.note_run(&RunRow {
        started: report.started,
        seconds: report.seconds,
        command: report.command.to_owned(),
        result: report.result.word().to_owned(),
        created: report.created,
        updated: report.updated,
        deleted: report.deleted,
        failed: report.failed,
        error: report.trouble().cloned(),
    })
}

/// Notes how many events the calendars hold of which the guard refused nothing: what the next loss is measured by. Fewer than
/// before are noted only if every target was there to be judged, and none at all only if a person said so.
fn note_stood<P, W>(
    session: &Session<'_, P, W>,
    state: &State,
    findings: &Findings,
    allowed: bool,
) -> Stated<()> {
    let is_refused = |name: &CalendarName| {
        let mut refused = findings.refusals.iter();
        refused.any(|refusal| refusal.source.as_ref() == Some(name))
    };
    let is_judged = |name: &CalendarName| {
        let routes = session.settings.routes.iter();
        let mut targets = routes.filter(|r| r.source == *name).map(|r| &r.target);
        targets.all(|target| findings.is_judged(target))
    };
    for name in findings.sighted.keys() {
        if findings.is_fresh(name) && !is_refused(name) {
            let (events, stood) = (state.events(name)?, state.stood(name)?);
            let is_less = events < stood;
            let is_believed = is_judged(name) && (allowed || !is_emptied(events, stood));
            if events != stood && (!is_less || is_believed) {
                state.note_stood(name, events)?;
            }
        }
    }
    Ok(())
}

/// Notes what was refused, and forgets what was judged, by all that there is, and is not refused any more.
fn note_refused(state: &State, findings: &Findings) -> Stated<()> {
    let before = state.refused_at()?;
    let mut now = before.clone();
    let is_read =
        |source: &Option<CalendarName>| source.as_ref().is_none_or(|s| findings.is_fresh(s));
    now.retain(|(target, source), _| !(findings.is_judged(target) && is_read(source)));
    for refusal in findings.refusals.iter().filter(|r| r.loss.standing > 0) {
        let pair = (refusal.target.clone(), refusal.source.clone());
        let standing = refusal.loss.standing;
        let first = before.get(&pair).map_or(standing, |n| standing.min(*n));
        now.insert(pair, first);
    }
    match now == before {
        true => Ok(()),
        false => state.note_refused_at(&now),
    }
}

/// Notes for `status` what a run looked at and left alone.
fn note_left_alone<P, W>(
    session: &Session<'_, P, W>,
    state: &State,
    findings: &Findings,
) -> Stated<()> {
    for calendar in findings.due.keys() {
        if findings.is_fresh(calendar) {
            let doubts = findings.plan.doubts.iter();
            let of = |kind: DoubtKind| {
                let mine = doubts.clone().filter(|d| d.calendar == *calendar);
                mine.filter(|d| d.kind == kind).map(|d| d.count).sum()
            };
            state.note_left_alone(calendar, of(DoubtKind::Copies), of(DoubtKind::HandsOff))?;
        }
    }
    // Nobody plans for a calendar that is no target, and yet somebody may have copied a block there.
    for row in state.calendar_rows()? {
        let name = &row.name;
        let seat = session.seats.get(name);
        let is_planned = findings.due.contains_key(name) || !findings.is_fresh(name);
        if is_planned || seat.is_none_or(|seat| seat.role.is_target()) {
            continue;
        }
        if row.blocks + row.copies + row.taken > 0 {
            let held = state.target(name, &session.settings.mint, true, session.seats.keys())?;
            state.note_left_alone(name, held.copies, held.taken())?;
        }
    }
    Ok(())
}
