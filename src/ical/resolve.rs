//! Which zone a `TZID` means: known names first, the calendar's own description of it last.

use std::{collections::BTreeMap, rc::Rc, sync::Arc};

use jiff::civil::DateTime;
use windows_timezones::WindowsTimezone;

use super::{damage, lines::Component, values::local_time};
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
    /// Those that any calendar of the text describes, by their names in lower case.
    described: Rc<BTreeMap<String, Zone>>,
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
                let id = zone.prop("TZID")?.text().trim().to_owned();
                let known = known(&id).or_else(|| known(zone.value("X-LIC-LOCATION")?));
                let resolved = known.or_else(|| {
                    tables += 1;
                    (tables <= TABLES_MAX).then(|| table(zone))?
                })?;
                Some((id, resolved))
            })
            .collect();
        let default = calendar.value("X-WR-TIMEZONE").and_then(named);
        Self {
            by_id,
            default,
            ..Self::default()
        }
    }

    /// The zones of each of the calendars in a text. What one describes, it describes for all.
    pub fn of_all(calendars: &[Component]) -> Vec<Self> {
        let mut all: Vec<Self> = calendars.iter().map(Self::of).collect();
        let by_id = all.iter().flat_map(|zones| &zones.by_id);
        let described = by_id.map(|(id, zone)| (id.to_ascii_lowercase(), zone.clone()));
        let described = Rc::new(described.collect());
        for zones in &mut all {
            zones.described = Rc::clone(&described);
        }
        all
    }

    /// What the text describes under this name, in whatever case.
    fn described(&self, id: &str) -> Option<&Zone> {
        let own = self.by_id.get(id);
        own.or_else(|| self.described.get(&id.to_ascii_lowercase()))
    }

    /// Whether anybody knows the zone that a `TZID` means. None given is well known.
    pub fn is_known(&self, id: Option<&str>) -> bool {
        id.map(str::trim)
            .is_none_or(|id| id.is_empty() || self.described(id).is_some() || named(id).is_some())
    }

    /// The zone that a `TZID` means. One that nobody knows is read as if none were given.
    pub fn get(&self, id: Option<&str>) -> Zone {
        id.and_then(|id| {
            let id = id.trim();
            self.described(id).cloned().or_else(|| named(id))
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
    if id.contains('/')
        && id.contains(' ')
        && let Some(zone) = Zone::iana(&id.replace(' ', "_"))
    {
        return Some(zone);
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

/// What a name means that comes without a description of its own.
fn named(id: &str) -> Option<Zone> {
    known(id).or_else(|| shown(id)).or_else(|| fixed(id))
}

/// A zone by the words that Windows shows for it, such as `(UTC-08:00) Pacific Time (US & Canada)` or `(GMT+01:00) Amsterdam,
/// Berlin`: the one that the words name, if it keeps the offset in front of them.
fn shown(id: &str) -> Option<Zone> {
    const REGIONS: [&str; 8] = [
        "Europe",
        "America",
        "Asia",
        "Africa",
        "Australia",
        "Pacific",
        "Atlantic",
        "Indian",
    ];
    let (bracket, words) = id.trim().strip_prefix('(')?.split_once(')')?;
    let offset = written_offset(bracket)?;
    let general = words.split('(').next()?.trim();
    let standard = general.strip_suffix(" Time").map(|place| {
        let windows = format!("{place} Standard Time");
        windows
            .parse::<WindowsTimezone>()
            .ok()?
            .tzdb_id()
            .parse()
            .ok()
    });
    let cities = words.split(',').flat_map(|city| {
        let city = city.trim().replace(' ', "_");
        REGIONS.map(|region| Some(format!("{region}/{city}")))
    });
    let names = standard.into_iter().chain(cities).flatten();
    names
        .filter_map(|name: String| Zone::iana(&name))
        .find(|zone| standard_offset(zone) == Some(offset))
}

/// The lesser of a zone's offsets in winter and in summer.
fn standard_offset(zone: &Zone) -> Option<i32> {
    let Zone::Named(zone) = zone else {
        return None;
    };
    let at = |month| {
        let day = jiff::civil::date(2026, month, 15).at(12, 0, 0, 0);
        let instant = jiff::tz::Offset::UTC.to_timestamp(day).ok()?;
        Some(zone.to_offset(instant).seconds())
    };
    Some(at(1)?.min(at(7)?))
}

/// The zone of a name that holds nothing but an offset to be relied on: `GMT-0800`, `UTC+05:30`, `UTC-8`, `(GMT+01:00) Any
/// Words`. Better an offset that is right for half of the year than a zone that was never meant.
fn fixed(id: &str) -> Option<Zone> {
    let id = id.trim();
    let offset = match id.strip_prefix('(') {
        Some(rest) => written_offset(rest.split_once(')')?.0),
        None => written_offset(id),
    };
    Some(match offset? {
        0 => Zone::UTC,
        base => Zone::Table(Arc::new(Table {
            base,
            changes: Vec::new(),
        })),
    })
}

/// Reads `UTC+05:30`, `GMT-0800`, `UTC-8` and `GMT`, in seconds. East is positive, as people write it.
fn written_offset(text: &str) -> Option<i32> {
    let text = text.trim().to_ascii_uppercase();
    let rest = ["UTC", "GMT"]
        .iter()
        .find_map(|name| text.strip_prefix(name))?;
    let rest: String = rest.chars().filter(|c| !matches!(c, ':' | ' ')).collect();
    if rest.is_empty() {
        return Some(0);
    }
    let (sign, digits) = rest.split_at_checked(1)?;
    let signed = matches!(sign, "+" | "-") && digits.bytes().all(|b| b.is_ascii_digit());
    let hours_only = digits.len() <= 2;
    let full = match digits.len() {
        1 | 3 => format!("{sign}0{digits}"),
        2 | 4 => rest,
        _ => return None,
    };
    let full = if hours_only { full + "00" } else { full };
    signed
        .then(|| offset(&full))?
        .filter(|o| o.abs() <= 14 * 3600)
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
    if observance.broken.is_some() || damage::misspelt(observance).is_some() {
        return None;
    }
    let start = local_time(observance.value("DTSTART")?)?;
    let mut onsets = vec![start];
    for rule in observance.all("RRULE") {
        let (mut rule, _) = Rule::parse(&rule.value).ok()?;
        // UNTIL is in UTC here (RFC 5545 3.3.10). The onset it names is at most a day from the local reading of it, and the next
        // one would be months away.
        if let Some(until) = rule.until() {
            rule.set_until(until.saturating_add(jiff::Span::new().days(1)));
        }
        let starts = rule.starts(start).take_while(|at| at.year() <= YEAR_LAST);
        onsets.extend(starts.take(CHANGES_MAX));
        if onsets.len() > CHANGES_MAX {
            return Some(onsets);
        }
    }
    for date in observance.all("RDATE") {
        for text in date.value.split(',').filter(|text| !text.trim().is_empty()) {
            onsets.push(local_time(text.trim())?);
        }
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
        assert_eq!(
            known("America/Los Angeles"),
            Zone::iana("America/Los_Angeles")
        );
        assert_eq!(named("Customized Time Zone"), None);
    }

    #[test]
    fn words_that_windows_shows_are_understood() {
        for (id, zone) in [
            (
                "(UTC-08:00) Pacific Time (US & Canada)",
                "America/Los_Angeles",
            ),
            ("(GMT-05:00) Eastern Time (US & Canada)", "America/New_York"),
            (
                "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna",
                "Europe/Amsterdam",
            ),
            ("(UTC+05:30) Chennai, Kolkata, Mumbai", "Asia/Kolkata"),
            ("(UTC) Dublin, Edinburgh, Lisbon, London", "Europe/Dublin"),
            (
                "(UTC-06:00) Guadalajara, Mexico City",
                "America/Mexico_City",
            ),
        ] {
            assert_eq!(named(id), Zone::iana(zone), "{id}");
        }
        // Words that do not fit their offset are not believed.
        assert_eq!(named("(UTC+09:00) Berlin"), Some(east(9 * 3600)));
    }

    fn east(base: i32) -> Zone {
        let changes = Vec::new();
        Zone::Table(Arc::new(Table { base, changes }))
    }

    #[test]
    fn a_name_that_is_an_offset_is_one() {
        for (id, base) in [
            ("GMT-0800", -28_800),
            ("UTC-8", -28_800),
            ("UTC+05:30", 19_800),
            ("gmt+1", 3_600),
            ("GMT +01:00", 3_600),
            ("UTC+530", 19_800),
            ("(UTC+05:45) Somewhere", 20_700),
            ("(GMT-08:00)", -28_800),
        ] {
            assert_eq!(named(id), Some(east(base)), "{id}");
        }
        for id in ["GMT+0000", "UTC", "(UTC) Somewhere", "GMT"] {
            let local = jiff::civil::date(2026, 7, 1).at(9, 0, 0, 0);
            let utc = Zone::UTC.instant(local, &jiff::tz::TimeZone::UTC);
            let told = named(id).unwrap();
            assert_eq!(told.instant(local, &jiff::tz::TimeZone::UTC), utc, "{id}");
        }
        for id in ["UTC+", "UTC+99", "UTC+x", "Uhr", "+0100 or so", "(Berlin)"] {
            assert_eq!(named(id), None, "{id}");
        }
    }

    #[test]
    fn what_a_calendar_describes_is_believed_before_an_offset() {
        let described = "BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:(UTC-08:00) Here\nBEGIN:STANDARD\n\
            DTSTART:20000101T000000\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0200\nEND:STANDARD\nEND:VTIMEZONE\nEND:VCALENDAR\n";
        let calendar = &super::super::lines::calendars(described.as_bytes()).unwrap()[0];
        let zone = Zones::of(calendar).get(Some("(UTC-08:00) Here"));
        assert_eq!(zone, east(7200));
    }

    #[test]
    fn offsets_are_read() {
        assert_eq!(offset("+0200"), Some(7200));
        assert_eq!(offset("-053015"), Some(-19815));
        assert_eq!(offset("0100"), Some(3600));
        assert_eq!(offset("x"), None);
    }
}
