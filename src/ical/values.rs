//! Single values of iCalendar, as text: times and durations (RFC 5545 3.3). Pure.

use jiff::civil::{Date, DateTime};

use crate::model::Length;

/// Whole days from one date to another.
pub(super) fn days_between(from: Date, to: Date) -> i32 {
    from.until(to).map_or(0, |span| span.get_days())
}

/// Seconds on one clock.
pub(super) fn seconds_between(from: DateTime, to: DateTime) -> i64 {
    to.duration_since(from).as_secs()
}

/// Reads `20261123`, `20261123T090000` or `20261123T090000Z`; a date is its midnight.
pub(super) fn local_time(text: &str) -> Option<DateTime> {
    let text = text.trim();
    let number = |from: usize, to: usize| -> Option<i16> {
        let digits = text.get(from..to)?;
        digits
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| digits.parse().ok())?
    };
    let small = |from, to| number(from, to).and_then(|n| i8::try_from(n).ok());
    let date = Date::new(number(0, 4)?, small(4, 6)?, small(6, 8)?).ok()?;
    match text.get(8..)? {
        "" => Some(date.at(0, 0, 0, 0)),
        rest if rest.starts_with(['T', 't']) && matches!(rest.len(), 7 | 8) => {
            if rest.len() == 8 && !rest.ends_with(['Z', 'z']) {
                return None;
            }
            // A leap second is the second before it.
            let second = small(13, 15)?.min(59);
            let time = jiff::civil::Time::new(small(9, 11)?, small(11, 13)?, second, 0).ok()?;
            Some(date.to_datetime(time))
        }
        _ => None,
    }
}

/// Reads a duration (RFC 5545 3.3.6), the days of which are nominal and the rest exact. A negative one is no time.
pub(super) fn duration(text: &str) -> Option<Length> {
    let text = text.trim().to_ascii_uppercase();
    let (negative, body) = match text.strip_prefix('-') {
        Some(body) => (true, body),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    let (mut days, mut seconds, mut amount, mut told) = (0_i64, 0_i64, None::<i64>, false);
    for c in body.strip_prefix('P')?.chars() {
        if let Some(digit) = c.to_digit(10) {
            amount = Some(
                amount
                    .unwrap_or(0)
                    .checked_mul(10)?
                    .checked_add(i64::from(digit))?,
            );
            continue;
        }
        if c == 'T' {
            continue;
        }
        let n = amount.take()?;
        told = true;
        match c {
            'W' => days = days.checked_add(n.checked_mul(7)?)?,
            'D' => days = days.checked_add(n)?,
            'H' => seconds = seconds.checked_add(n.checked_mul(3600)?)?,
            'M' => seconds = seconds.checked_add(n.checked_mul(60)?)?,
            'S' => seconds = seconds.checked_add(n)?,
            _ => return None,
        }
    }
    let sane = told && amount.is_none() && days < 36_600 && seconds < 36_600 * 86_400;
    let days = i32::try_from(days).ok().filter(|_| sane)?;
    // To last less than nothing is to end before the start.
    let is_nothing = days == 0 && seconds == 0;
    (is_nothing || !negative).then_some(Length::Elapsed { days, seconds })
}
