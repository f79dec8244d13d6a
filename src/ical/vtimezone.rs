//! A `VTIMEZONE` (RFC 5545 3.6.5) for a zone of the IANA database, exact from the year before a series begins.

use jiff::{
    Timestamp,
    civil::{DateTime, Weekday, date},
    tz::{Dst, Offset, TimeZone},
};

use crate::model::block::zone_name;

/// The last year that is written out one by one, for zones whose changes follow no rule.
const YEAR_LAST: i16 = 2037;
/// How many years a rule must fit before it is believed to be one.
const YEARS_TO_FIT: i16 = 12;
/// The changes in so many years, two each, less those of the year in which the zone's rule began.
const FIT: usize = 22;

/// One change of a zone's offset.
#[derive(Clone, Debug)]
struct Change {
    /// The local time just before it, on the clock that is about to change: what DTSTART of an observance means.
    local: DateTime,
    from: Offset,
    to: Offset,
    dst: bool,
    name: String,
}

/// The yearly pattern of a change: month, weekday, which one of the month (-1: the last), and local time.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pattern {
    month: i8,
    weekday: Weekday,
    nth: i8,
    time: jiff::civil::Time,
}

/// The lines of a `VTIMEZONE` that tells readers the zone's offsets from the year before `year` on.
pub fn vtimezone(zone: &TimeZone, year: i16) -> Vec<String> {
    let from = date(year.saturating_sub(1).max(1900), 1, 1).at(0, 0, 0, 0);
    let begin = Offset::UTC
        .to_timestamp(from)
        .unwrap_or(Timestamp::UNIX_EPOCH);
    let mut lines = vec![
        "BEGIN:VTIMEZONE".to_owned(),
        format!("TZID:{}", zone_name(zone)),
    ];
    let before = zone.to_offset_info(begin);
    let first = Change {
        local: from,
        from: before.offset(),
        to: before.offset(),
        dst: before.dst() == Dst::Yes,
        name: before.abbreviation().to_owned(),
    };
    observance(&mut lines, &first, None);
    let until = YEAR_LAST.max(year.saturating_add(YEARS_TO_FIT));
    let changes = changes(zone, begin, until);
    let ruled = ruled_tail(&changes);
    let (single, tail) = changes.split_at(changes.len() - ruled.len());
    for change in single {
        observance(&mut lines, change, None);
    }
    for (change, pattern) in tail.iter().zip(ruled).take(2) {
        observance(&mut lines, change, Some(pattern));
    }
    lines.push("END:VTIMEZONE".to_owned());
    lines
}

fn changes(zone: &TimeZone, begin: Timestamp, until: i16) -> Vec<Change> {
    let mut from = zone.to_offset(begin);
    zone.following(begin)
        .map(|transition| {
            let change = Change {
                local: from.to_datetime(transition.timestamp()),
                from,
                to: transition.offset(),
                dst: transition.dst() == Dst::Yes,
                name: transition.abbreviation().to_owned(),
            };
            from = transition.offset();
            change
        })
        .take_while(|change| change.local.year() <= until)
        .collect()
}

/// The patterns of the longest tail of changes that repeat two by two, year by year; empty if no rule fits long enough.
fn ruled_tail(changes: &[Change]) -> Vec<Pattern> {
    // Counted from the end, so that the two kinds of change keep their places.
    let back: Vec<&Change> = changes.iter().rev().collect();
    for lasts in [[false, false], [true, false], [false, true], [true, true]] {
        let patterns = back
            .iter()
            .zip(lasts.iter().cycle())
            .map_while(|(change, &last)| pattern(change, last));
        let patterns: Vec<Pattern> = patterns.collect();
        let fits =
            |&i: &usize| i < 2 || (patterns.get(i) == patterns.get(i - 2) && yearly(&back, i));
        let fitting = (0..patterns.len()).take_while(fits).count() / 2 * 2;
        if fitting >= FIT {
            let mut tail: Vec<Pattern> = patterns.into_iter().take(fitting).collect();
            tail.reverse();
            return tail;
        }
    }
    Vec::new()
}

/// Whether the change at `i`, counted from the end, happens a year before the one two places on.
fn yearly(back: &[&Change], i: usize) -> bool {
    let year = |i: usize| back.get(i).map(|change| change.local.year());
    year(i).zip(year(i - 2)).is_some_and(|(a, b)| a + 1 == b)
}

/// The pattern a change would follow: the n-th such weekday of its month, or the last one, if it is that.
fn pattern(change: &Change, last: bool) -> Option<Pattern> {
    let day = change.local.day();
    let is_last = day + 7 > change.local.date().days_in_month();
    Some(Pattern {
        month: change.local.month(),
        weekday: change.local.weekday(),
        nth: match last {
            true if is_last => -1,
            true => return None,
            false => (day - 1) / 7 + 1,
        },
        time: change.local.time(),
    })
}

fn observance(lines: &mut Vec<String>, change: &Change, pattern: Option<Pattern>) {
    let kind = if change.dst { "DAYLIGHT" } else { "STANDARD" };
    lines.push(format!("BEGIN:{kind}"));
    lines.push(format!(
        "DTSTART:{}",
        change.local.strftime("%Y%m%dT%H%M%S")
    ));
    lines.push(format!("TZOFFSETFROM:{}", offset(change.from)));
    lines.push(format!("TZOFFSETTO:{}", offset(change.to)));
    lines.push(format!("TZNAME:{}", change.name));
    if let Some(Pattern {
        month,
        weekday,
        nth,
        ..
    }) = pattern
    {
        let day = match weekday {
            Weekday::Monday => "MO",
            Weekday::Tuesday => "TU",
            Weekday::Wednesday => "WE",
            Weekday::Thursday => "TH",
            Weekday::Friday => "FR",
            Weekday::Saturday => "SA",
            Weekday::Sunday => "SU",
        };
        lines.push(format!(
            "RRULE:FREQ=YEARLY;BYMONTH={month};BYDAY={nth}{day}"
        ));
    }
    lines.push(format!("END:{kind}"));
}

fn offset(offset: Offset) -> String {
    let seconds = offset.seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let all = seconds.abs();
    let (hours, minutes, rest) = (all / 3600, all / 60 % 60, all % 60);
    if rest == 0 {
        format!("{sign}{hours:02}{minutes:02}")
    } else {
        format!("{sign}{hours:02}{minutes:02}{rest:02}")
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;
    use crate::{
        ical::{lines::calendars, resolve},
        model::{Zone, zone::iana},
    };

    /// What a reader that knows no zone names makes of the description.
    fn reread(name: &str, year: i16) -> Zone {
        let lines = vtimezone(&iana(name).unwrap(), year);
        let text = lines
            .join("\r\n")
            .replace(&format!("TZID:{name}"), "TZID:Made Up");
        let text = format!("BEGIN:VCALENDAR\r\n{text}\r\nEND:VCALENDAR\r\n");
        let calendar = calendars(text.as_bytes()).unwrap().remove(0);
        resolve::Zones::of(&calendar).get(Some("Made Up"))
    }

    #[test]
    fn a_reader_without_zone_names_gets_the_same_offsets() {
        for name in [
            "Europe/Berlin",
            "America/New_York",
            "Australia/Sydney",
            "Australia/Lord_Howe",
            "Asia/Kolkata",
            "Africa/Casablanca",
            "Europe/Dublin",
            "America/St_Johns",
            "Pacific/Apia",
            "America/Sao_Paulo",
            "Asia/Tehran",
        ] {
            let zone = iana(name).unwrap();
            for year in [1999, 2026] {
                let told = reread(name, year);
                let mut at = Offset::UTC
                    .to_timestamp(date(year, 1, 1).at(0, 0, 0, 0))
                    .unwrap();
                let end = Offset::UTC
                    .to_timestamp(date(2037, 1, 1).at(0, 0, 0, 0))
                    .unwrap();
                while at < end {
                    let shown = told.local(at, &TimeZone::UTC);
                    assert_eq!(shown, zone.to_datetime(at), "{name} from {year} at {at}");
                    at = at.checked_add(7.hours()).unwrap();
                }
            }
        }
    }

    #[test]
    fn a_zone_with_rules_is_told_by_its_rules() {
        let lines = vtimezone(&iana("Europe/Berlin").unwrap(), 2026);
        assert!(lines.len() < 30, "{lines:#?}");
        assert!(lines.contains(&"RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU".to_owned()));
    }
}
