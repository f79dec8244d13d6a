//! What is wrong with one calendar after a run, and how bad that is.

use super::{Findings, Verdict};
use crate::{
    model::{CalendarName, agreeing, counted, shell_word},
    plan::op::DoubtKind,
    provider::{ErrorKind, ProviderError},
    pull::Sighted,
    run::Goal,
    state::CalendarRow,
};

/// Whether a run had to do with what is in a calendar.
pub(super) fn is_looked_at(findings: &Findings, name: &CalendarName) -> bool {
    let sighted = findings.sighted.get(name);
    // Taking blocks away needs nobody's events.
    findings.goal == Goal::InStep
        && sighted.is_some_and(|sighted| !matches!(sighted, Sighted::Skipped))
}

/// What is wrong with a calendar.
#[derive(Default)]
pub(super) struct Wrong {
    /// How bad it is.
    pub(super) verdict: Verdict,
    /// What the guard says.
    pub(super) refused: Option<String>,
    /// What failed first.
    pub(super) failed: Option<String>,
    /// What was not done.
    pub(super) left: Option<String>,
}

impl Wrong {
    pub(super) fn with(
        name: &CalendarName,
        findings: &Findings,
        row: Option<&CalendarRow>,
        trouble: Option<(String, String)>,
    ) -> Self {
        let mut wrong = Self::default();
        let refused = findings.refusals.iter().filter(|r| r.target == *name);
        for refusal in refused {
            wrong.verdict = Verdict::Refused;
            let words = refusal.to_string();
            wrong.refused = Some(match wrong.refused {
                Some(before) => format!("{before}; {words}"),
                None => words,
            });
        }
        if findings.goal == Goal::InStep && !findings.twins.is_empty() {
            // Nothing was written anywhere, so none of them is in step.
            wrong.verdict = Verdict::Config;
            let mut twins = findings.twins.iter().filter(|twin| twin.name == *name);
            wrong.failed = twins.next().map(ToString::to_string);
        }
        if let Some(error) = findings.barred.get(name) {
            wrong.add(verdict(error), error.message.clone());
        }
        if let Some(Sighted::Failed(error)) = findings.sighted.get(name) {
            wrong.add(verdict(error), error.message.clone());
        }
        let done = findings.outcome.calendars.get(name);
        if let Some(error) = done.and_then(|done| done.error.as_ref()) {
            wrong.add(verdict(error), error.message.clone());
        }
        if let (Some((href, why)), Some(row)) = (trouble, row)
            && is_looked_at(findings, name)
        {
            let more = match row.unreadable {
                0 | 1 => String::new(),
                n if href == "an event" => format!(" (and {} more)", n - 1),
                n => format!(" (and {} more, which `calsync check` names)", n - 1),
            };
            let words = format!(
                "{href} could not be read: {why}{more}; until it can be, blocks that may come from it stay as they are"
            );
            wrong.add(Verdict::Partial, words);
        }
        let kept = [
            kept_otherwise(name, findings),
            renamed(name, findings),
            kept_for_damage(name, findings),
        ];
        for words in kept.into_iter().flatten() {
            wrong.add(Verdict::Partial, words);
        }
        wrong.left = left(name, findings);
        if wrong.verdict == Verdict::Ok && wrong.left.is_some() {
            wrong.verdict = Verdict::Partial;
            if is_emptied(name, findings) {
                wrong.verdict = Verdict::Refused;
                wrong.left = Some("it is suddenly empty, so nothing is written to it".to_owned());
            }
        }
        wrong
    }

    fn add(&mut self, verdict: Verdict, words: String) {
        self.verdict = self.verdict.max(verdict);
        self.failed.get_or_insert(words);
    }
}

/// What is to be said of blocks that writing them does not put right.
fn kept_otherwise(name: &CalendarName, findings: &Findings) -> Option<String> {
    let mut doubts = findings.plan.doubts.iter();
    let doubt = doubts.find(|d| d.calendar == *name && d.kind == DoubtKind::Otherwise)?;
    let blocks = counted(doubt.count, "block");
    Some(format!(
        "its server makes something else of {blocks} each time: another time, not busy, or cut short; left as it is. Look at \
         the calendar in the service's own program; if it cannot be put right there, set role = \"source\""
    ))
}

/// What is to be said of blocks that nobody remembers the events of, beside a calendar that looks damaged.
fn kept_for_damage(name: &CalendarName, findings: &Findings) -> Option<String> {
    let mut doubts = findings.plan.doubts.iter();
    let doubt = doubts.find(|d| d.calendar == *name && d.kind == DoubtKind::Damaged)?;
    let blocks = counted(doubt.count, "block");
    Some(format!(
        "{blocks} {} left standing: calsync does not remember for which events, and a calendar that shows here looks damaged, so that \
         they may be in what it lost. If all of it is right, run once: calsync sync --allow-mass-delete",
        agreeing(u64::try_from(doubt.count).unwrap_or(u64::MAX), "is", "are")
    ))
}

/// What is to be said of a server under which calsync does not know its blocks again.
fn renamed(name: &CalendarName, findings: &Findings) -> Option<String> {
    let mut doubts = findings.plan.doubts.iter();
    let doubt = doubts.find(|d| d.calendar == *name && d.kind == DoubtKind::Renamed)?;
    let blocks = counted(doubt.count, "block");
    Some(format!(
        "its server gives another UID to what calsync writes ({blocks} so far), so that it cannot be a target, and nothing more is \
         written there. Run: calsync reset --calendar {}, and set role = \"source\"",
        shell_word(name)
    ))
}

/// Whether the guard keeps everything out of a calendar because it is suddenly empty.
fn is_emptied(name: &CalendarName, findings: &Findings) -> bool {
    let mut refusals = findings.refusals.iter();
    refusals.any(|refusal| refusal.emptied && refusal.source.as_ref() == Some(name))
}

/// What was due in a calendar and not done, whatever kept it back: it is not in step then.
fn left(name: &CalendarName, findings: &Findings) -> Option<String> {
    let done = findings.outcome.calendars.get(name);
    let done = done.map_or(0, |done| done.created + done.updated + done.deleted);
    let due = findings.due.get(name).copied().unwrap_or(0);
    let left = u64::try_from(due).unwrap_or(u64::MAX).saturating_sub(done);
    if left == 0 || findings.dry_run {
        return None;
    }
    Some(format!("{} left for the next run", counted(left, "change")))
}

fn verdict(error: &ProviderError) -> Verdict {
    match error.kind {
        ErrorKind::Retry(_) => Verdict::Away,
        ErrorKind::SignIn => Verdict::Auth,
        ErrorKind::Gone
        | ErrorKind::Conflict
        | ErrorKind::Exists
        | ErrorKind::Spent
        | ErrorKind::Elsewhere
        | ErrorKind::Refused
        | ErrorKind::Broken => Verdict::Partial,
    }
}
