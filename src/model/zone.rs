//! Time zones as calendars use them: known by name, floating, or spelled out by the calendar itself.

use std::sync::{Arc, LazyLock};

use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{Offset, TimeZone, TimeZoneDatabase},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The bundled IANA database: the same answer on every machine, however old its own files are.
static BUNDLED: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The zone a local time is to be read in.
#[derive(Clone, Debug, PartialEq)]
pub enum Zone {
    /// No zone given: the reader's own, which is the configured one (RFC 5545 3.3.5, form 1).
    Floating,
    /// A zone of the IANA database, UTC among them.
    Named(TimeZone),
    /// A zone that only the calendar describes (a `VTIMEZONE` under a name nobody knows). Targets cannot be told of it.
    Table(Arc<Table>),
}

/// The offsets of a zone that has no name: a base, and the instants at which it changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// The offset before the first change, in seconds east of UTC.
    pub base: i32,
    /// Each change: when it happens, in seconds since 1970 UTC, and the offset from then on. Ascending.
    pub changes: Vec<(i64, i32)>,
}

impl Table {
    /// Converts a local time to an instant: forward out of a gap, the earlier one in a fold.
    pub fn instant(&self, local: DateTime) -> Timestamp {
        let wall = seconds_of(local);
        let mut offset = self.base;
        for &(at, next) in &self.changes {
            // Local times below both readings of the change still belong to the offset before it. In a gap that carries
            // the time forward, in a fold it picks the earlier of the two instants.
            if wall < at + i64::from(offset.max(next)) {
                break;
            }
            offset = next;
        }
        Timestamp::from_second(wall - i64::from(offset)).unwrap_or_else(|_| latest())
    }

    /// Converts an instant to the local time shown by a clock in this zone.
    pub fn local(&self, instant: Timestamp) -> DateTime {
        let second = instant.as_second();
        let known = self.changes.partition_point(|&(at, _)| at <= second);
        let offset = known
            .checked_sub(1)
            .and_then(|i| self.changes.get(i))
            .map_or(self.base, |&(_, offset)| offset);
        Offset::from_seconds(offset)
            .unwrap_or(Offset::UTC)
            .to_datetime(instant)
    }
}

/// Seconds between 1970-01-01T00:00:00 and a local time, both read as UTC.
fn seconds_of(local: DateTime) -> i64 {
    Offset::UTC
        .to_timestamp(local)
        .map_or(i64::MAX / 4, Timestamp::as_second)
}

impl Zone {
    /// UTC.
    pub const UTC: Self = Self::Named(TimeZone::UTC);

    /// Looks a zone up by its IANA name, in the bundled database, ignoring case.
    pub fn iana(name: &str) -> Option<Self> {
        iana(name).map(Self::Named)
    }

    /// Converts a local time in this zone to an instant. A floating time is read in `home`.
    ///
    /// A time in a daylight-saving gap moves forward by the gap, one in a fold is the earlier (design, section 8).
    pub fn instant(&self, local: DateTime, home: &TimeZone) -> Timestamp {
        match self {
            Self::Floating => named_instant(home, local),
            Self::Named(zone) => named_instant(zone, local),
            Self::Table(table) => table.instant(local),
        }
    }

    /// Converts an instant to the local time in this zone. Floating means `home`.
    pub fn local(&self, instant: Timestamp, home: &TimeZone) -> DateTime {
        match self {
            Self::Floating => home.to_datetime(instant),
            Self::Named(zone) => zone.to_datetime(instant),
            Self::Table(table) => table.local(instant),
        }
    }

    /// The zone as targets can be told of it: its IANA zone, `home` for a floating time, nothing for a table.
    pub fn named(&self, home: &TimeZone) -> Option<TimeZone> {
        match self {
            Self::Floating => Some(home.clone()),
            Self::Named(zone) => Some(zone.clone()),
            Self::Table(_) => None,
        }
    }
}

/// Looks a zone up by its IANA name, in the bundled database, ignoring case.
pub fn iana(name: &str) -> Option<TimeZone> {
    if name.eq_ignore_ascii_case("UTC") || name.eq_ignore_ascii_case("Etc/UTC") {
        return Some(TimeZone::UTC);
    }
    // The database has two names for a zone that nobody knows.
    let is_none = ["Etc/Unknown", "Factory"]
        .iter()
        .any(|none| name.eq_ignore_ascii_case(none));
    BUNDLED.get(name).ok().filter(|_| !is_none)
}

/// The names of all zones of the IANA database.
pub fn names() -> impl Iterator<Item = String> {
    BUNDLED.available().map(|name| name.as_str().to_owned())
}

/// The last instant that there is, in whole seconds as calendars have them. What is later than that ends then.
pub(super) fn latest() -> Timestamp {
    Timestamp::from_second(Timestamp::MAX.as_second()).unwrap_or(Timestamp::MAX)
}

fn named_instant(zone: &TimeZone, local: DateTime) -> Timestamp {
    zone.to_ambiguous_timestamp(local)
        .compatible()
        .unwrap_or_else(|_| latest())
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Floating => to.serialize_str(""),
            Self::Named(zone) => to.serialize_str(zone.iana_name().unwrap_or("UTC")),
            Self::Table(table) => table.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> serde::de::Visitor<'de> for Visit {
            type Value = Zone;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a zone name or table")
            }
            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Zone, E> {
                if name.is_empty() {
                    return Ok(Zone::Floating);
                }
                Zone::iana(name).ok_or_else(|| E::custom("unknown zone"))
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Zone, A::Error> {
                Table::deserialize(serde::de::value::MapAccessDeserializer::new(map))
                    .map(|table| Zone::Table(Arc::new(table)))
            }
        }
        from.deserialize_any(Visit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        // One hour forward at 2026-03-29T01:00Z, back at 2026-10-25T01:00Z, like Berlin in 2026.
        Table {
            base: 3600,
            changes: vec![(1_774_746_000, 7200), (1_792_890_000, 3600)],
        }
    }

    #[test]
    fn a_table_answers_as_the_named_zone_does() {
        let berlin = iana("Europe/Berlin").unwrap();
        let table = table();
        let mut local = jiff::civil::date(2026, 3, 27).at(0, 10, 0, 0);
        while local < jiff::civil::date(2026, 10, 30).at(0, 0, 0, 0) {
            let instant = named_instant(&berlin, local);
            assert_eq!(table.instant(local), instant, "{local}");
            assert_eq!(table.local(instant), berlin.to_datetime(instant), "{local}");
            local = local.checked_add(jiff::Span::new().minutes(20)).unwrap();
        }
    }

    #[test]
    fn zones_survive_storage() {
        for zone in [
            Zone::Floating,
            Zone::UTC,
            Zone::iana("Australia/Lord_Howe").unwrap(),
            Zone::Table(Arc::new(table())),
        ] {
            let text = serde_json::to_string(&zone).unwrap();
            assert_eq!(serde_json::from_str::<Zone>(&text).unwrap(), zone);
        }
    }
}
