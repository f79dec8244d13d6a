//! What the first look at a block tells that was written before: how its target keeps it, or that it does not.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{State, Stated};
use crate::{
    ident::BlockId,
    model::{CalendarName, Event, Href, Print, SeenBlock, Version},
};

impl State {
    /// Where the blocks lie that were written and that no listing has told of since, as far as they are known in the version that
    /// writing them made: a server that says so may keep something else all the same.
    pub fn unread(&self, name: &CalendarName) -> Stated<BTreeSet<Href>> {
        let sql = "SELECT r.href FROM links l
            JOIN blocks b ON b.calendar = l.calendar AND b.id >= l.stem AND b.id < l.stem || '~'
            JOIN resources r ON r.id = b.resource AND r.version = l.version
            WHERE l.calendar = (SELECT id FROM calendars WHERE name = ?1) AND l.looked = 0";
        let mut query = self.db.prepare_cached(sql)?;
        let rows = query.query_map([&**name], |row| row.get::<_, String>(0))?;
        let hrefs = rows.map(|href| href.map(Href::from));
        Ok(hrefs.collect::<rusqlite::Result<_>>()?)
    }
}

/// What the fact about a calendar begins with that tells that nothing was there of what was written to it.
pub(super) const UNKEPT: &str = "unkept ";

impl State {
    /// Whether a calendar that took what was written to it had nothing of that when it was read next. Somebody may have taken it
    /// away, or it keeps nothing.
    pub fn kept_nothing(&self, name: &CalendarName) -> Stated<bool> {
        Ok(self.fact(&format!("{UNKEPT}{name}"))?.is_some())
    }
}

/// Learns from the first listing after writing whether anything is there of what was written.
pub(super) fn note_kept(db: &Connection, calendar: i64, name: &CalendarName) -> Stated<()> {
    let sql = "SELECT count(*), count(b.there) FROM
        (SELECT (SELECT 1 FROM blocks WHERE calendar = ?1 AND id >= stem AND id < stem || '~' LIMIT 1) AS there
         FROM links WHERE calendar = ?1 AND looked = 0) b";
    let mut query = db.prepare_cached(sql)?;
    let (written, kept): (i64, i64) =
        query.query_row([calendar], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let sql = match (written, kept) {
        (0, _) => return Ok(()),
        (_, 0) => "INSERT OR REPLACE INTO facts VALUES (?1, '1')",
        _ => "DELETE FROM facts WHERE name = ?1",
    };
    db.prepare_cached(sql)?
        .execute([format!("{UNKEPT}{name}")])?;
    Ok(())
}

/// A look at a block of ours.
pub(super) struct Look<'a> {
    pub(super) version: &'a Version,
    /// None if it cannot be read.
    pub(super) event: Option<&'a Event>,
    pub(super) seen: &'a SeenBlock,
    /// Whether a server keeps it.
    pub(super) served: bool,
    /// Whether whatever lies there in another version than the one that writing it made is somebody's edit, as far as anybody knows.
    pub(super) steady: bool,
}

/// So often somebody's edit of a block looks the same before it is taken for a target's doing after all: no block is written anew
/// for ever.
const EDITS_MAX: u32 = 6;
/// The same where servers are known to change what was written a while later: whoever moves a block back at once, and once more, is
/// no server.
const EDITS_MAX_UNSTEADY: u32 = 2;

impl Look<'_> {
    /// Learns from the first look after writing how the target keeps a block. What lies there in the version that writing it
    /// made is the target's doing; in another one it may be somebody's edit of that moment, and only what comes out the
    /// same way twice is the target's. An echo is the same busy time in other words and nothing else: what shows another
    /// time, or is not busy, is written again, and if that comes out the same way too, calsync has to leave it at that.
    pub(super) fn learn(
        &self,
        db: &Connection,
        calendar: i64,
        block: &BlockId,
        home: &TimeZone,
    ) -> Stated<()> {
        let sql = "SELECT print, times, odd, version = ?3, oddly FROM links
            WHERE calendar = ?1 AND stem = ?2 AND echo IS NULL AND (version = ?3 OR looked = 0)";
        let mut query = db.prepare_cached(sql)?;
        let stem = block.stem();
        let key = params![calendar, stem.as_str(), &**self.version];
        let known = query.query_row(key, |row| {
            let print = |column| {
                Ok::<_, rusqlite::Error>(row.get::<_, Option<[u8; 16]>>(column)?.map(Print))
            };
            let told = (row.get::<_, bool>(3)?, row.get::<_, u32>(4)?);
            Ok((print(0)?, print(1)?, print(2)?, told))
        });
        let Some((written, times, odd, (is_own, oddly))) = known.optional()? else {
            return Ok(());
        };
        // Whatever differs from what was written in a folder, somebody did; and in an occurrence alone, wherever it is.
        if (!is_own && !self.served) || self.seen.touched {
            return Ok(());
        }
        let now = self.seen.print;
        if written == Some(now) && odd.is_none() {
            return Ok(());
        }
        // What is in no shape of a block looks alike, whoever made it so.
        let is_theirs = is_own || !self.steady || oddly >= EDITS_MAX;
        let is_again = odd == Some(now) && (is_own || now != Print::default()) && is_theirs;
        let is_often = is_own || oddly >= EDITS_MAX_UNSTEADY;
        let keeps_time = self.event.is_some_and(Event::is_busy_throughout)
            && times.is_some()
            && times == self.times(home);
        let what = match keeps_time {
            _ if written == Some(now) => "odd = NULL",
            true if is_own || is_again => "echo = ?3",
            false if is_again && is_often => "otherwise = ?3",
            _ => "oddly = CASE WHEN odd = ?3 THEN oddly + 1 ELSE 1 END, odd = ?3",
        };
        let sql =
            format!("UPDATE links SET {what} WHERE calendar = ?1 AND stem = ?2 AND ?3 IS NOT NULL");
        db.prepare_cached(&sql)?
            .execute(params![calendar, stem.as_str(), now.0])?;
        Ok(())
    }

    fn times(&self, home: &TimeZone) -> Option<Print> {
        self.seen.shape.as_ref().map(|shape| shape.times(home))
    }
}
