//! What becomes of blocks and is nobody's wish: calsync was stopped while it changed them, they all went at once, or the calendar is
//! at another place. None of that is left so, whatever the rule says. Must never hold an edit for a mishap that anybody could have
//! made by hand.

use rusqlite::{Connection, params};

use super::{State, Stated};
use crate::{ident, model::CalendarName};

/// Somebody may take so many blocks away at once, or fewer than half of them all.
const BY_HAND: usize = 10;
/// All that there are, if they are no more than these.
const ALL_BY_HAND: usize = 2;

impl State {
    /// Notes that whatever is missing in a calendar is nobody's doing: it is not the calendar that it was.
    pub fn disown(&self, name: &CalendarName) -> Stated<()> {
        let sql = "UPDATE links SET disowned = 1
            WHERE disowned = 0 AND calendar = (SELECT id FROM calendars WHERE name = ?1)";
        self.db.prepare_cached(sql)?.execute([&**name])?;
        Ok(())
    }
}

/// Notes, before a listing is written down, which of the blocks that it is about may be as they are by calsync's own doing, or by
/// nobody's. `gone`: the resources that it does not have any more.
pub(super) fn note_mishaps(db: &Connection, calendar: i64, gone: &[i64]) -> Stated<()> {
    let mut query = db.prepare_cached("SELECT block FROM journal WHERE calendar = ?1")?;
    let begun = query.query_map([calendar], |row| row.get::<_, String>(0))?;
    let mut blocks = begun.collect::<rusqlite::Result<Vec<_>>>()?;
    blocks.extend(gone_at_once(db, calendar, gone)?);
    let sql = "UPDATE links SET disowned = 1 WHERE calendar = ?1 AND stem = ?2";
    let mut disown = db.prepare_cached(sql)?;
    for stem in blocks.iter().filter_map(|id| ident::stem_in(id)) {
        disown.execute(params![calendar, stem])?;
    }
    Ok(())
}

/// Forgets it, after a listing was written down, of the blocks that stand as they should after all: what becomes of these from now
/// on is somebody's doing.
pub(super) fn forget_mishaps(db: &Connection, calendar: i64) -> Stated<()> {
    let sql = "UPDATE links SET disowned = 0 WHERE calendar = ?1 AND disowned <> 0 AND EXISTS (
            SELECT 1 FROM blocks b WHERE b.calendar = ?1 AND b.id >= links.stem AND b.id < links.stem || '~'
            AND b.hands_off = 0 AND b.print IN (links.print, links.echo))";
    db.prepare_cached(sql)?.execute([calendar])?;
    Ok(())
}

/// The blocks that went with a listing, if they are more than anybody takes away by hand.
fn gone_at_once(db: &Connection, calendar: i64, gone: &[i64]) -> Stated<Vec<String>> {
    if gone.len() <= ALL_BY_HAND {
        return Ok(Vec::new());
    }
    let mut query = db.prepare_cached("SELECT id FROM blocks WHERE resource = ?1")?;
    let mut blocks = Vec::new();
    for resource in gone {
        let ids = query.query_map([resource], |row| row.get(0))?;
        for id in ids {
            blocks.push(id?);
        }
    }
    let sql = "SELECT count(*) FROM blocks WHERE calendar = ?1";
    let all: i64 = db
        .prepare_cached(sql)?
        .query_row([calendar], |row| row.get(0))?;
    let all = usize::try_from(all).unwrap_or(usize::MAX);
    let most = blocks.len() > BY_HAND && blocks.len() * 2 >= all;
    match most || blocks.len() > ALL_BY_HAND && blocks.len() == all {
        true => Ok(blocks),
        false => Ok(Vec::new()),
    }
}
