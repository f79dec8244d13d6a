//! Which zone a `TZID` means: known names first, the calendar's own description of it last.

use std::{collections::BTreeMap, sync::Arc};

use jiff::civil::DateTime;
use windows_timezones::WindowsTimezone;

use super::{lines::Component, read::local_time};
use crate::{
    model::{Table, Zone},
    recur::Rule,
};

/// The years a zone's own description is worked out for. Later times keep its last offset.
const YEAR_LAST: i16 = 2100;
const YEAR_FIRST: i16 = 1970;
/// The most descriptions in one calendar that are worked out; one describes a handful.
const TABLES_MAX: usize = 64;
/// The most changes of its clock that a description may list; no place on earth has had a thousand.
const CHANGES_MAX: usize = 5_000;

/// The zones of one calendar, each resolved once.
#[derive(Debug, Default)]
pub struct Zones {
    by_id: BTreeMap<String, Zone>,
    /// What times without a zone are read in: `X-WR-TIMEZONE`, else the reader's own zone.
    default: Option<Zone>,
}

impl Zones {
    /// Resolves all zones that a calendar describes.
    pub fn of(calendar: &Component) -> Self {
        let described = calendar.children.iter().filter(|c| c.name == "VTIMEZONE");
        let mut tables = 0;
        let by_id = described
            .filter_map(|zone| {
                let id = zone.value("TZID")?.to_owned();
                let known = known(&id).or_else(|| known(zone.value("X-LIC-LOCATION")?));
                let resolved = known.or_else(|| {
                    tables += 1;
                    (tables <= TABLES_MAX).then(|| table(zone))?
                })?;
                Some((id, resolved))
            })
            .collect();
        let default = calendar.value("X-WR-TIMEZONE").and_then(known);
        Self { by_id, default }
    }

    /// The zone that a `TZID` means. One that nobody knows is read as if none were given.
    pub fn get(&self, id: Option<&str>) -> Zone {
        id.and_then(|id| {
            let id = id.trim();
            self.by_id.get(id).cloned().or_else(|| known(id))
        })
        .or_else(|| self.default.clone())
        .unwrap_or(Zone::Floating)
    }
}

/// Looks a zone up by the names it goes by in the world: IANA's, Windows', and IANA's behind a vendor's prefix such as
/// `/freeassociation.sourceforge.net/Europe/Berlin`.
pub fn known(id: &str) -> Option<Zone> {
    let id = id.trim();
    if let Some(zone) = Zone::iana(id) {
        return Some(zone);
    }
    if let Ok(windows) = id.parse::<WindowsTimezone>() {
        return Zone::iana(windows.tzdb_id());
    }
    let mut rest = id;
    while let Some((_, tail)) = rest.split_once('/') {
        if tail.contains('/')
            && let Some(zone) = Zone::iana(tail)
        {
            return Some(zone);
        }
        rest = tail;
    }
    None
}

/// Works a `VTIMEZONE` (RFC 5545 3.6.5) out into a table of offsets.
fn table(zone: &Component) -> Option<Zone> {
    let mut changes: Vec<(i64, i32, i32)> = Vec::new();
    for observance in &zone.children {
        let from = offset(observance.value("TZOFFSETFROM")?)?;
        let to = offset(observance.value("TZOFFSETTO")?)?;
        for local in onsets(observance)? {
            let at = seconds(local)? - i64::from(from);
            changes.push((at, from, to));
        }
        if changes.len() > CHANGES_MAX {
            return None;
        }
    }
    changes.sort_unstable();
    let base = changes.first()?.1;
    let floor = seconds(jiff::civil::date(YEAR_FIRST, 1, 1).at(0, 0, 0, 0))?;
    let old = changes.partition_point(|&(at, ..)| at < floor);
    let base = old
        .checked_sub(1)
        .and_then(|i| changes.get(i))
        .map_or(base, |&(_, _, to)| to);
    let mut table = Table {
        base,
        changes: Vec::new(),
    };
    let mut last = base;
    for &(at, _, to) in changes.get(old..).unwrap_or_default() {
        if to != last {
            table.changes.push((at, to));
            last = to;
        }
    }
    Some(Zone::Table(Arc::new(table)))
}

/// The local times at which an observance begins, and no more than are needed to see that they are too many.
fn onsets(observance: &Component) -> Option<Vec<DateTime>> {
    let start = local_time(observance.value("DTSTART")?)?;
    let mut onsets = vec![start];
    for rule in observance.all("RRULE") {
        let (rule, _) = Rule::parse(&rule.value).ok()?;
        let starts = rule.starts(start).take_while(|at| at.year() <= YEAR_LAST);
        // UNTIL is in UTC here; the onset it names is at most a day from the local reading of it.
        let until = rule
            .until()
            .map(|until| until.saturating_add(jiff::Span::new().days(1)));
        onsets.extend(
            starts
                .filter(|at| until.is_none_or(|until| *at <= until))
                .take(CHANGES_MAX),
        );
        if onsets.len() > CHANGES_MAX {
            return Some(onsets);
        }
    }
    for date in observance.all("RDATE") {
        onsets.extend(date.value.split(',').filter_map(local_time));
    }
    Some(onsets)
}

/// Reads `+0200`, `-053000` and the like, in seconds.
fn offset(text: &str) -> Option<i32> {
    let (sign, digits) = match text.trim().split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => (1, text.trim()),
    };
    let part = |range| {
        digits
            .get(range)
            .and_then(|two: &str| two.parse::<i32>().ok())
    };
    let (hours, minutes) = (part(0..2)?, part(2..4)?);
    let seconds = part(4..6).unwrap_or(0);
    Some(sign * (hours * 3600 + minutes * 60 + seconds)).filter(|o| o.abs() < 93_600)
}

fn seconds(local: DateTime) -> Option<i64> {
    let instant = jiff::tz::Offset::UTC.to_timestamp(local).ok()?;
    Some(instant.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_known_by_many_names() {
        let berlin = Zone::iana("Europe/Berlin");
        for id in [
            "Europe/Berlin",
            "europe/berlin",
            "W. Europe Standard Time",
            "/freeassociation.sourceforge.net/Europe/Berlin",
            "/citadel.org/20210210_1/Europe/Berlin",
        ] {
            assert_eq!(known(id), berlin, "{id}");
        }
        assert_eq!(
            known("Eastern Standard Time"),
            Zone::iana("America/New_York")
        );
        assert_eq!(known("Customized Time Zone"), None);
    }

    #[test]
    fn offsets_are_read() {
        assert_eq!(offset("+0200"), Some(7200));
        assert_eq!(offset("-053015"), Some(-19815));
        assert_eq!(offset("0100"), Some(3600));
        assert_eq!(offset("x"), None);
    }
}
