//! How far each calendar has been read, and how that went.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{State, Stated, look::UNKEPT};
use crate::{
    ident::Stem,
    model::{CalendarName, Uid, plain},
    provider::Cursor,
};

/// The fact that keeps, after this word and the calendar's name, the last cursor of a calendar that has none now.
pub(super) const LAST_CURSOR: &str = "last cursor ";

/// From where a calendar is read, and how. A calendar that is read another way is read anew; one that is read the same way
/// under another name was renamed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reading(pub String);

/// What stands in a reading before and behind the place: whatever else changes of it, what was there is still there.
const BESIDE: char = '\u{1f}';

impl Reading {
    /// From this place, in this way, for these people.
    pub fn of(way: &str, place: &str, people: &str) -> Self {
        Self(format!("{way}{BESIDE}{place}{BESIDE}{people}"))
    }

    /// Whether another one is from the same place.
    fn is_where(&self, other: &str) -> bool {
        let place = |reading: &str| reading.split(BESIDE).nth(1).map(str::to_owned);
        let Some(here) = place(&self.0) else {
            return false;
        };
        match place(other) {
            Some(there) => here == there,
            // An old one, which has its parts in another order.
            None => other.contains(&here),
        }
    }
}

/// What is remembered of a calendar, for `status`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarRow {
    /// Its name.
    pub name: CalendarName,
    /// Whether there is a cursor to go on from.
    pub has_cursor: bool,
    /// Whether it was ever read to the end.
    pub whole: bool,
    /// When it was last tried.
    pub last_attempt: Option<Timestamp>,
    /// When it last went well.
    pub last_success: Option<Timestamp>,
    /// How the last try went, in the word of `--json`.
    pub result: Option<String>,
    /// What was wrong with it.
    pub error: Option<String>,
    /// How many events of its own it holds.
    pub events: u64,
    /// How many of our blocks stand in it.
    pub blocks: u64,
    /// How many of its resources could not be read.
    pub unreadable: u64,
    /// How many blocks of other installations stand in it.
    pub foreign: u64,
    /// How many of our blocks in it were copied from another calendar, and are left alone.
    pub copies: u64,
    /// How many of our blocks in it became somebody's own, and are left alone.
    pub taken: u64,
}

/// How much stood of each target and source when a loss there was refused.
pub type RefusedAt = BTreeMap<(CalendarName, Option<CalendarName>), usize>;

/// What tells whether a calendar that is not configured may be forgotten.
struct Trace {
    name: String,
    reading: String,
    in_step: bool,
    /// No block of ours is known to stand in it.
    empty: bool,
    /// A write to it was never answered.
    in_doubt: bool,
}

impl State {
    /// The row of a calendar, made if need be.
    pub(super) fn calendar_id(&self, name: &CalendarName) -> Stated<i64> {
        let mut find = self
            .db
            .prepare_cached("SELECT id FROM calendars WHERE name = ?1")?;
        if let Some(id) = find.query_row([&**name], |row| row.get(0)).optional()? {
            return Ok(id);
        }
        self.db
            .prepare_cached("INSERT INTO calendars (name) VALUES (?1)")?
            .execute([&**name])?;
        let id = self.db.last_insert_rowid();
        self.doubt_strangers()?;
        Ok(id)
    }

    /// Has what is nobody's read again: with another name in the configuration it may be one of ours, made under that name before
    /// the state was lost.
    pub(super) fn doubt_strangers(&self) -> Stated<()> {
        for sql in [
            "UPDATE calendars SET cursor = NULL WHERE foreigns > 0",
            "UPDATE resources SET version = '' WHERE foreigns > 0",
        ] {
            self.db.prepare_cached(sql)?.execute([])?;
        }
        Ok(())
    }

    /// Where to go on reading a calendar: nowhere if it was last read another way, or if a write is in doubt.
    pub fn cursor(&self, name: &CalendarName, reading: &Reading) -> Stated<Option<Cursor>> {
        let sql = "SELECT cursor FROM calendars WHERE name = ?1 AND reading = ?2 AND whole
                   AND NOT EXISTS (SELECT 1 FROM journal WHERE calendar = calendars.id)";
        let mut query = self.db.prepare_cached(sql)?;
        let found: Option<Option<String>> = query
            .query_row([&**name, &reading.0], |row| row.get(0))
            .optional()?;
        Ok(found.flatten().map(Cursor))
    }

    /// How far a calendar was read last, also if nothing may be read on from there.
    pub fn last_cursor(&self, name: &CalendarName) -> Stated<Option<Cursor>> {
        let mut query = self
            .db
            .prepare_cached("SELECT cursor FROM calendars WHERE name = ?1")?;
        let cursor: Option<Option<String>> =
            query.query_row([&**name], |row| row.get(0)).optional()?;
        let cursor = match cursor.flatten() {
            Some(cursor) => Some(cursor),
            None => self.fact(&format!("{LAST_CURSOR}{name}"))?,
        };
        Ok(cursor.map(Cursor))
    }

    /// Whether anything is known of a calendar in its version.
    fn has_versions(&self, name: &CalendarName) -> Stated<bool> {
        let sql = "SELECT 1 FROM resources
            WHERE version <> '' AND calendar = (SELECT id FROM calendars WHERE name = ?1)";
        Ok(self.db.prepare_cached(sql)?.exists([&**name])?)
    }

    /// Forgets how far a calendar has been read, and in which versions: all of it is read again, and compared with what it held.
    pub fn forget_versions(&self, name: &CalendarName) -> Stated<()> {
        self.set_cursor_aside(name)?;
        let sql = "UPDATE calendars SET cursor = NULL WHERE name = ?1";
        self.db.prepare_cached(sql)?.execute([&**name])?;
        let sql = "UPDATE resources SET version = ''
            WHERE calendar = (SELECT id FROM calendars WHERE name = ?1)";
        self.db.prepare_cached(sql)?.execute([&**name])?;
        Ok(())
    }

    /// Forgets the same if a calendar is to be read in another way than the last time, though from the same place. Whether it is.
    pub fn read_otherwise(&self, name: &CalendarName, reading: &Reading) -> Stated<bool> {
        let sql = "SELECT reading FROM calendars WHERE name = ?1 AND reading NOT IN ('', ?2)";
        let mut query = self.db.prepare_cached(sql)?;
        let before = query.query_row([&**name, &reading.0], |row| row.get::<_, String>(0));
        if !before
            .optional()?
            .is_some_and(|before| reading.is_where(&before))
        {
            return Ok(false);
        }
        self.forget_versions(name)?;
        let sql = "UPDATE calendars SET reading = ?2 WHERE name = ?1";
        self.db
            .prepare_cached(sql)?
            .execute([&**name, &reading.0])?;
        Ok(true)
    }

    fn set_cursor_aside(&self, name: &CalendarName) -> Stated<()> {
        match self.last_cursor(name)? {
            Some(Cursor(cursor)) => self.set_fact(&format!("{LAST_CURSOR}{name}"), &cursor),
            None => Ok(()),
        }
    }

    /// Forgets how far a calendar has been read, and how: what it holds now is right, whatever it held.
    pub fn forget_cursor(&self, name: &CalendarName) -> Stated<()> {
        self.set_cursor_aside(name)?;
        let sql = "UPDATE calendars SET cursor = NULL, reading = '' WHERE name = ?1";
        self.db.prepare_cached(sql)?.execute([&**name])?;
        Ok(())
    }

    /// A number that is different after any change seen in a calendar.
    pub fn revision(&self, name: &CalendarName) -> Stated<i64> {
        let mut query = self
            .db
            .prepare_cached("SELECT revision FROM calendars WHERE name = ?1")?;
        Ok(query
            .query_row([&**name], |row| row.get(0))
            .optional()?
            .unwrap_or(0))
    }

    /// Remembers how a run went for a calendar.
    pub fn note_result(
        &self,
        name: &CalendarName,
        now: Timestamp,
        result: &str,
        error: Option<&str>,
    ) -> Stated<()> {
        let id = self.calendar_id(name)?;
        let sql = "UPDATE calendars SET last_attempt = ?2, result = ?3, error = ?4,
                   last_success = CASE WHEN ?3 = 'ok' THEN ?2 ELSE last_success END WHERE id = ?1";
        let row = params![id, now.as_second(), result, error];
        self.db.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    /// Forgets how the last run went for a calendar, but not when it last went well.
    pub fn drop_result(&self, name: &CalendarName) -> Stated<()> {
        let sql = "UPDATE calendars SET result = NULL, error = NULL WHERE name = ?1";
        self.db.prepare_cached(sql)?.execute([&**name])?;
        Ok(())
    }

    /// The names of all calendars that there ever were, with these.
    pub(super) fn names(&self, more: &BTreeSet<CalendarName>) -> Stated<BTreeSet<CalendarName>> {
        let mut query = self.db.prepare_cached("SELECT name FROM calendars")?;
        let names = query.query_map([], |row| Ok(row.get::<_, String>(0)?.into()))?;
        let mut names = names.collect::<rusqlite::Result<BTreeSet<CalendarName>>>()?;
        names.extend(more.iter().cloned());
        Ok(names)
    }

    /// Remembers how many of our blocks in a calendar a run left alone: copies from elsewhere, and what became somebody's own.
    pub fn note_left_alone(&self, name: &CalendarName, copies: usize, taken: usize) -> Stated<()> {
        for (word, count) in [("copies", copies), ("taken", taken)] {
            let fact = format!("{word} {name}");
            match count {
                0 => self.drop_fact(&fact)?,
                count => self.set_fact(&fact, &count.to_string())?,
            }
        }
        Ok(())
    }

    /// How many events a calendar holds now.
    pub fn events(&self, name: &CalendarName) -> Stated<usize> {
        let mut query = self
            .db
            .prepare_cached("SELECT events FROM calendars WHERE name = ?1")?;
        let count: Option<i64> = query.query_row([&**name], |row| row.get(0)).optional()?;
        Ok(count.and_then(|n| usize::try_from(n).ok()).unwrap_or(0))
    }

    /// How many events a calendar held when that was last as it should be; nothing if nobody said so.
    pub fn stood(&self, name: &CalendarName) -> Stated<usize> {
        let count = self.fact(&format!("stood {name}"))?;
        Ok(count.and_then(|count| count.parse().ok()).unwrap_or(0))
    }

    /// Remembers that a calendar should hold so many events.
    pub fn note_stood(&self, name: &CalendarName, events: usize) -> Stated<()> {
        self.set_fact(&format!("stood {name}"), &events.to_string())
    }

    /// The operation in a calendar at which the last run gave up, if it did.
    pub fn stuck(&self, name: &CalendarName) -> Stated<Option<Stem>> {
        let stem = self.fact(&format!("stuck {name}"))?;
        Ok(stem.map(|stem| Stem::from_storage(&stem)))
    }

    /// Remembers that.
    pub fn note_stuck(&self, name: &CalendarName, stem: Option<&Stem>) -> Stated<()> {
        let fact = format!("stuck {name}");
        match stem {
            Some(stem) => self.set_fact(&fact, stem.as_str()),
            None => self.drop_fact(&fact),
        }
    }

    /// How much stood of each target and source when a loss there was refused that nobody has allowed since.
    pub fn refused_at(&self) -> Stated<RefusedAt> {
        let text = self.fact("refused")?.unwrap_or_default();
        let rows: Vec<(CalendarName, Option<CalendarName>, usize)> =
            serde_json::from_str(&text).unwrap_or_default();
        Ok(rows.into_iter().map(|(t, s, n)| ((t, s), n)).collect())
    }

    /// Remembers that.
    pub fn note_refused_at(&self, refused: &RefusedAt) -> Stated<()> {
        if refused.is_empty() {
            return self.drop_fact("refused");
        }
        let rows: Vec<_> = refused.iter().map(|((t, s), n)| (t, s, n)).collect();
        let text = serde_json::to_string(&rows).expect("names and numbers are always JSON");
        self.set_fact("refused", &text)
    }

    /// When it was found out that a calendar that is read like this may not be written to, if it was.
    pub fn barred_since(
        &self,
        name: &CalendarName,
        reading: &Reading,
    ) -> Stated<Option<Timestamp>> {
        let fact = self.fact(&format!("barred {name}"))?;
        Ok(fact.and_then(|fact| {
            let (second, read) = fact.split_once(' ')?;
            let since = Timestamp::from_second(second.parse().ok()?).ok()?;
            (read == reading.0).then_some(since)
        }))
    }

    /// Remembers that, or that nobody knows any more.
    pub fn note_barred(
        &self,
        name: &CalendarName,
        reading: &Reading,
        since: Option<Timestamp>,
    ) -> Stated<()> {
        let fact = format!("barred {name}");
        match since {
            Some(since) => self.set_fact(&fact, &format!("{} {}", since.as_second(), reading.0)),
            None => self.drop_fact(&fact),
        }
    }

    /// Where a calendar was last read from, in the words of its provider.
    pub fn place_of(&self, name: &CalendarName) -> Stated<Option<String>> {
        self.fact(&format!("place {name}"))
    }

    /// Remembers where a calendar is read from.
    pub fn note_place(&self, name: &CalendarName, place: &str) -> Stated<()> {
        self.set_fact(&format!("place {name}"), place)
    }

    /// Forgets where a calendar was read from: it is read from no such place any more.
    pub fn drop_place(&self, name: &CalendarName) -> Stated<()> {
        self.drop_fact(&format!("place {name}"))
    }

    /// Remembers, until it is told, that so many of our blocks stay where a calendar was read from before.
    pub fn note_left_behind(&self, name: &CalendarName, count: u64, former: &str) -> Stated<()> {
        self.set_fact(&format!("left {name}"), &format!("{count} {former}"))
    }

    /// How many of our blocks stay where a calendar was read from before, and where that is, until it is told.
    pub fn left_behind(&self, name: &CalendarName) -> Stated<Option<(u64, String)>> {
        let fact = self.fact(&format!("left {name}"))?;
        Ok(fact.and_then(|fact| {
            let (count, former) = fact.split_once(' ')?;
            Some((count.parse().ok()?, former.to_owned()))
        }))
    }

    /// It was told that blocks of a calendar were left behind; whoever checks is told again.
    pub fn told_left_behind(&self, name: &CalendarName) -> Stated<()> {
        if let Some(left) = self.fact(&format!("left {name}"))? {
            self.set_fact(&format!("moved {name}"), &left)?;
            self.drop_fact(&format!("left {name}"))?;
        }
        Ok(())
    }

    /// The same once it was told: how many, and where.
    pub fn was_left_behind(&self, name: &CalendarName) -> Stated<Option<(u64, String)>> {
        let fact = self.fact(&format!("moved {name}"))?;
        Ok(fact.and_then(|fact| {
            let (count, former) = fact.split_once(' ')?;
            Some((count.parse().ok()?, former.to_owned()))
        }))
    }

    /// No blocks of a calendar are left behind.
    pub fn drop_left_behind(&self, name: &CalendarName) -> Stated<()> {
        self.drop_fact(&format!("moved {name}"))?;
        self.drop_fact(&format!("left {name}"))
    }

    /// Whether it was told that blocks of ours stand in a calendar that is no target any more.
    pub fn is_source_told(&self, name: &CalendarName) -> Stated<bool> {
        Ok(self.fact(&format!("source {name}"))?.is_some())
    }

    /// Remembers that this was told, or that it is not so any more.
    pub fn note_source_told(&self, name: &CalendarName, told: bool) -> Stated<()> {
        let fact = format!("source {name}");
        match told {
            true => self.set_fact(&fact, "told"),
            false => self.drop_fact(&fact),
        }
    }

    /// Forgets what is in the calendars that are not among these, the configured ones, and in which no block of ours is known
    /// to stand. What is in one that was renamed is known by the new name, once that is in step. The old name stays known: by it
    /// the blocks that were made under it are recognised.
    pub fn forget_others<'a>(
        &self,
        configured: impl Iterator<Item = &'a CalendarName>,
    ) -> Stated<()> {
        let configured: BTreeSet<&str> = configured.map(|name| &**name).collect();
        let sql = "SELECT name, reading, result IS 'ok', blocks = 0,
            EXISTS (SELECT 1 FROM journal WHERE calendar = calendars.id) FROM calendars
            WHERE reading <> '' OR EXISTS (SELECT 1 FROM resources WHERE calendar = calendars.id)";
        let mut query = self.db.prepare_cached(sql)?;
        let rows = query.query_map([], |row| {
            Ok(Trace {
                name: row.get(0)?,
                reading: row.get(1)?,
                in_step: row.get(2)?,
                empty: row.get(3)?,
                in_doubt: row.get(4)?,
            })
        })?;
        let traces: Vec<Trace> = rows.collect::<rusqlite::Result<_>>()?;
        let (kept, others): (Vec<&Trace>, Vec<&Trace>) = traces
            .iter()
            .partition(|trace| configured.contains(trace.name.as_str()));
        let place = |trace: &Trace| self.place_of(&trace.name.as_str().into());
        let places: Vec<Option<String>> = kept.iter().copied().map(place).collect::<Stated<_>>()?;
        for other in others {
            // How a calendar was read may be forgotten, which makes it no other one.
            let same = kept.iter().filter(|_| !other.reading.is_empty());
            let mut same = same.filter(|kept| kept.reading == other.reading);
            let is_renamed = same.any(|kept| kept.in_step);
            // What was one with another calendar is known by that one.
            let former = place(other)?;
            let is_twin = former.is_some() && places.contains(&former);
            let name = other.name.as_str().into();
            if !other.in_doubt && (other.empty || is_renamed || is_twin) {
                self.empty(&name)?;
            } else if !is_renamed && !is_twin && self.has_versions(&name)? {
                // No rule shows its words any more. Should it come back, all of it is read again.
                self.forget_versions(&name)?;
                self.forget_words(&name)?;
            }
        }
        Ok(())
    }

    /// Forgets what is in a calendar, whatever stands there. Whether there was anything to forget. Its name stays known.
    pub fn forget_calendar(&self, name: &CalendarName) -> Stated<bool> {
        let sql = "SELECT 1 FROM calendars WHERE name = ?1 AND (reading <> ''
            OR EXISTS (SELECT 1 FROM resources WHERE calendar = calendars.id))";
        let known = self.db.prepare_cached(sql)?.exists([&**name])?;
        if known {
            self.empty(name)?;
        }
        Ok(known)
    }

    /// Whether a calendar was last read in another way than this, or for other people.
    pub fn is_read_otherwise(&self, name: &CalendarName, way: &str, people: &str) -> Stated<bool> {
        let sql = "SELECT reading FROM calendars WHERE name = ?1 AND reading <> ''";
        let mut query = self.db.prepare_cached(sql)?;
        let read = query.query_row([&**name], |row| row.get::<_, String>(0));
        Ok(read.optional()?.is_some_and(|read| {
            let mut parts = read.split(BESIDE);
            (parts.next(), parts.next_back()) != (Some(way), Some(people))
        }))
    }

    /// Whether a calendar ever was in step.
    pub fn was_in_step(&self, name: &CalendarName) -> Stated<bool> {
        let sql = "SELECT 1 FROM calendars WHERE name = ?1 AND last_success IS NOT NULL";
        Ok(self.db.prepare_cached(sql)?.exists([&**name])?)
    }

    fn empty(&self, name: &CalendarName) -> Stated<()> {
        self.forget_contents(name)?;
        self.drop_result(name)
    }

    /// Forgets what is in a calendar and how far it was read, but not how the last run went for it.
    pub fn forget_contents(&self, name: &CalendarName) -> Stated<()> {
        let id = self.calendar_id(name)?;
        for sql in [
            "DELETE FROM resources WHERE calendar = ?1",
            "DELETE FROM links WHERE calendar = ?1",
            "UPDATE calendars SET cursor = NULL, reading = '', whole = 0 WHERE id = ?1",
        ] {
            self.db.prepare_cached(sql)?.execute([id])?;
        }
        self.note_left_alone(name, 0, 0)?;
        self.drop_fact(&format!("stood {name}"))?;
        self.drop_fact(&format!("place {name}"))?;
        self.drop_left_behind(name)?;
        self.drop_fact(&format!("barred {name}"))?;
        self.drop_fact(&format!("{UNKEPT}{name}"))?;
        self.drop_fact(&format!("{LAST_CURSOR}{name}"))?;
        recount(&self.db, id)
    }

    /// What is remembered of every calendar, by name.
    pub fn calendar_rows(&self) -> Stated<Vec<CalendarRow>> {
        let sql =
            "SELECT name, cursor IS NOT NULL, whole, last_attempt, last_success, result, error,
            events, blocks, unreadable, foreigns,
            (SELECT CAST(value AS INTEGER) FROM facts WHERE facts.name = 'copies ' || calendars.name),
            (SELECT CAST(value AS INTEGER) FROM facts WHERE facts.name = 'taken ' || calendars.name)
            FROM calendars ORDER BY name";
        let mut query = self.db.prepare(sql)?;
        let rows = query.query_map([], row_of)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Which calendars have blocks that come from which other ones: looked up pair by pair, so that nobody goes through all blocks.
    pub fn shown_pairs(&self) -> Stated<Vec<(CalendarName, CalendarName)>> {
        let sql = "SELECT min(source) FROM links WHERE calendar = (SELECT id FROM calendars WHERE name = ?1) AND source > ?2";
        let mut query = self.db.prepare_cached(sql)?;
        let mut pairs = Vec::new();
        for row in self.calendar_rows()? {
            let mut last = String::new();
            let mut next = |last: &str| {
                query.query_row([&*row.name, last], |row| row.get::<_, Option<String>>(0))
            };
            while let Some(source) = next(&last)? {
                last = source;
                pairs.push((row.name.clone(), last.as_str().into()));
            }
        }
        Ok(pairs)
    }

    /// How many blocks in a calendar come from another one, and are not held back: those that are over by then and have no words of
    /// events, and the others.
    pub fn blocks_from(
        &self,
        target: &CalendarName,
        source: &CalendarName,
        over: Timestamp,
    ) -> Stated<(u64, u64)> {
        let sql = "SELECT count(*), coalesce(sum(b.last IS NOT NULL AND b.last <= ?3 AND l.shows_words = 0), 0)
            FROM links l JOIN blocks b ON b.calendar = l.calendar AND b.id >= l.stem AND b.id < l.stem || '~'
            WHERE l.calendar = (SELECT id FROM calendars WHERE name = ?1) AND l.source = ?2 AND b.hands_off <> 1 AND NOT l.held_back";
        let mut query = self.db.prepare_cached(sql)?;
        let counts = query.query_row(params![&**target, &**source, over.as_second()], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        });
        let count = |count: i64| u64::try_from(count).unwrap_or(0);
        let (all, over) = counts?;
        Ok((count(over), count(all - over)))
    }

    /// Whether blocks stand in a calendar of which something is still to come by then.
    pub fn has_blocks_ahead(&self, name: &CalendarName, over: Timestamp) -> Stated<bool> {
        let sql = "SELECT 1 FROM blocks WHERE calendar = (SELECT id FROM calendars WHERE name = ?1) AND hands_off <> 1
            AND (last IS NULL OR last > ?2)";
        let mut query = self.db.prepare_cached(sql)?;
        Ok(query.exists(params![&**name, over.as_second()])?)
    }

    /// How many blocks in a calendar the guard refused to take away.
    pub fn held_back(&self, name: &CalendarName) -> Stated<u64> {
        let sql = "SELECT count(*) FROM links l
            WHERE calendar = (SELECT id FROM calendars WHERE name = ?1) AND held_back AND EXISTS
                (SELECT 1 FROM blocks b WHERE b.calendar = l.calendar AND b.id >= l.stem AND b.id < l.stem || '~')";
        let mut query = self.db.prepare_cached(sql)?;
        let count: i64 = query.query_row([&**name], |row| row.get(0))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// What is remembered of one calendar.
    pub fn calendar_row(&self, name: &CalendarName) -> Stated<Option<CalendarRow>> {
        Ok(self
            .calendar_rows()?
            .into_iter()
            .find(|row| row.name == *name))
    }

    /// Counts what all calendars hold, after changes.
    pub(super) fn recount_all(&self) -> Stated<()> {
        let mut query = self.db.prepare_cached("SELECT id FROM calendars")?;
        let ids = query.query_map([], |row| row.get(0))?;
        let ids: Vec<i64> = ids.collect::<rusqlite::Result<_>>()?;
        ids.into_iter().try_for_each(|id| recount(&self.db, id))
    }

    /// The same for one.
    pub fn recount(&self, name: &CalendarName) -> Stated<()> {
        let id = self.calendar_id(name)?;
        recount(&self.db, id)
    }

    /// What is wrong with resources of a calendar that could not be read: where, and why; at most `limit`.
    pub fn troubles(&self, name: &CalendarName, limit: u32) -> Stated<Vec<(String, String)>> {
        let sql = "SELECT DISTINCT href, coalesce(r.trouble, e.trouble) FROM resources r
            LEFT JOIN events e ON e.resource = r.id AND e.trouble IS NOT NULL
            WHERE r.calendar = (SELECT id FROM calendars WHERE name = ?1)
              AND (r.trouble IS NOT NULL OR e.trouble IS NOT NULL)
            ORDER BY href LIMIT ?2";
        let mut query = self.db.prepare_cached(sql)?;
        let rows = query.query_map(params![&**name, limit], |row| {
            // A name may hold anything, also what a terminal would obey.
            let text = |column| row.get::<_, String>(column).map(|text| plain(&text));
            Ok((text(0)?, text(1)?))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Where in a calendar some events lie; at most `limit` places.
    pub fn places_of(
        &self,
        name: &CalendarName,
        uids: &BTreeSet<Uid>,
        limit: u32,
    ) -> Stated<Vec<String>> {
        let sql = "SELECT r.href FROM events e JOIN resources r ON r.id = e.resource
            WHERE e.calendar = (SELECT id FROM calendars WHERE name = ?1) AND e.uid = ?2";
        let mut query = self.db.prepare_cached(sql)?;
        let mut places = BTreeSet::new();
        for uid in uids.iter().take(usize::try_from(limit).unwrap_or(0)) {
            let rows = query.query_map([&**name, &**uid], |row| row.get::<_, String>(0))?;
            for href in rows {
                places.insert(plain(&href?));
            }
        }
        Ok(places.into_iter().collect())
    }

    /// Where in a calendar our blocks lie that somebody made their own; at most `limit`.
    pub fn taken_at(&self, name: &CalendarName, limit: u32) -> Stated<Vec<String>> {
        let sql = "SELECT DISTINCT r.href FROM blocks b JOIN resources r ON r.id = b.resource
            WHERE b.calendar = (SELECT id FROM calendars WHERE name = ?1) AND b.hands_off <> 0
            ORDER BY r.href LIMIT ?2";
        let mut query = self.db.prepare_cached(sql)?;
        let rows = query.query_map(params![&**name, limit], |row| {
            row.get::<_, String>(0).map(|href| plain(&href))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

pub(super) fn recount(db: &Connection, calendar: i64) -> Stated<()> {
    let sql = "UPDATE calendars SET
        events = (SELECT count(DISTINCT uid) FROM events WHERE calendar = ?1),
        blocks = (SELECT count(*) FROM blocks WHERE calendar = ?1),
        unreadable = (SELECT count(DISTINCT href || ' ' || coalesce(r.trouble, e.trouble)) FROM resources r
            LEFT JOIN events e ON e.resource = r.id AND e.trouble IS NOT NULL
            WHERE r.calendar = ?1 AND (r.trouble IS NOT NULL OR e.trouble IS NOT NULL)),
        foreigns = (SELECT coalesce(sum(foreigns), 0) FROM resources WHERE calendar = ?1)
        WHERE id = ?1";
    db.prepare_cached(sql)?.execute([calendar])?;
    Ok(())
}

fn row_of(row: &Row<'_>) -> rusqlite::Result<CalendarRow> {
    let time = |at: Option<i64>| at.and_then(|second| Timestamp::from_second(second).ok());
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    Ok(CalendarRow {
        name: row.get::<_, String>(0)?.into(),
        has_cursor: row.get(1)?,
        whole: row.get(2)?,
        last_attempt: time(row.get(3)?),
        last_success: time(row.get(4)?),
        result: row.get(5)?,
        error: row.get(6)?,
        events: count(row.get(7)?),
        blocks: count(row.get(8)?),
        unreadable: count(row.get(9)?),
        foreign: count(row.get(10)?),
        copies: count(row.get::<_, Option<i64>>(11)?.unwrap_or(0)),
        taken: count(row.get::<_, Option<i64>>(12)?.unwrap_or(0)),
    })
}
