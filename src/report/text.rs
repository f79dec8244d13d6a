//! A report for people: what changed, calendar by calendar.

use std::fmt::Write as _;

use jiff::civil::{Date, DateTime};

use super::{CalendarReport, OperationReport, Report};
use crate::model::counted;

/// How many operations are shown for a calendar before the rest is only counted.
const SHOWN_MAX: usize = 10;

/// The lines of a report. With `all`, every operation is shown.
pub fn lines(report: &Report, all: bool) -> String {
    let mut text = String::new();
    let operations = if report.dry_run {
        &report.operations
    } else {
        &report.done
    };
    for calendar in &report.calendars {
        let mut mine: Vec<&OperationReport> = operations
            .iter()
            .filter(|op| op.calendar == calendar.name)
            .collect();
        mine.sort_by(|a, b| a.start.cmp(&b.start));
        if mine.is_empty() {
            continue;
        }
        line(&mut text, &heading(calendar, &mine, report.dry_run));
        let shown = if all { mine.len() } else { SHOWN_MAX };
        for op in mine.iter().take(shown) {
            line(&mut text, &operation(op));
        }
        if mine.len() > shown {
            line(
                &mut text,
                &format!("  ... and {} more (-v lists all)", mine.len() - shown),
            );
        }
    }
    if report.is_idle() && report.command == "reset" {
        line(&mut text, "Nothing to remove.");
    } else if report.is_idle() {
        let calendars = report.calendars.iter().filter(|c| c.read.is_some()).count();
        line(
            &mut text,
            &format!(
                "In step: {}, {}.",
                counted(calendars, "calendar"),
                counted(report.unchanged, "block")
            ),
        );
    }
    text
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("writing to a string never fails");
}

fn heading(calendar: &CalendarReport, ops: &[&OperationReport], dry_run: bool) -> String {
    let count = |word: &str| ops.iter().filter(|op| op.op == word).count();
    let parts: Vec<String> = [
        ("create", "created"),
        ("update", "updated"),
        ("delete", "deleted"),
    ]
    .into_iter()
    .filter(|(word, _)| count(word) > 0)
    .map(|(word, done)| match dry_run {
        true => format!("{} to {word}", count(word)),
        false => format!("{} {done}", count(word)),
    })
    .collect();
    let blocks = counted(calendar.blocks.held, "block");
    // Nothing has changed yet in a dry run.
    let has = if dry_run { "has " } else { "" };
    format!("{}: {} ({has}{blocks})", calendar.name, parts.join(", "))
}

fn operation(op: &OperationReport) -> String {
    let sign = match op.op {
        "create" => '+',
        "update" => '~',
        _ => '-',
    };
    let from = op
        .from
        .as_ref()
        .map(|from| format!("  from {from}"))
        .unwrap_or_default();
    let again = if op.recurring { ", repeating" } else { "" };
    let when = match op.timeless {
        true => "a block that could not be read".to_owned(),
        false => when(&op.start, &op.end),
    };
    format!("  {sign} {when}{again}{from}")
}

/// `Mon 2026-11-23 09:00-10:00`, `Mon 2026-11-23`, `Mon 2026-11-23 to Wed 2026-11-25`.
fn when(start: &str, end: &str) -> String {
    let date = |text: &str| (text.len() == 10).then(|| text.parse::<Date>().ok())?;
    if let (Some(first), Some(after)) = (date(start), date(end)) {
        let last = after.yesterday().unwrap_or(after);
        return match first == last {
            true => day(first),
            false => format!("{} to {}", day(first), day(last)),
        };
    }
    let local = |text: &str| {
        text.get(..19)
            .and_then(|text| text.parse::<DateTime>().ok())
    };
    match (local(start), local(end)) {
        (Some(from), Some(to)) if from.date() == to.date() => {
            format!(
                "{} {}-{}",
                day(from.date()),
                from.strftime("%H:%M"),
                to.strftime("%H:%M")
            )
        }
        (Some(from), Some(to)) => format!(
            "{} {} to {} {}",
            day(from.date()),
            from.strftime("%H:%M"),
            day(to.date()),
            to.strftime("%H:%M")
        ),
        (Some(from), None) => format!("{} {}", day(from.date()), from.strftime("%H:%M")),
        _ => start.to_owned(),
    }
}

fn day(date: Date) -> String {
    date.strftime("%a %Y-%m-%d").to_string()
}
