//! Where events may be that are told to be gone: in what cannot be read, until it can be. Must never hold that anything is there
//! which another resource tells of.

use rusqlite::{Connection, params};

use super::{Stated, record::put_resource};
use crate::provider::Change;

/// Something that cannot be read and could be read, or was not there, when it was last looked at.
pub(super) fn newly_unreadable(
    db: &Connection,
    calendar: i64,
    changes: &[Change],
) -> Stated<Option<i64>> {
    let sql = "SELECT 1 FROM resources WHERE calendar = ?1 AND href = ?2 AND trouble IS NOT NULL";
    let mut query = db.prepare_cached(sql)?;
    for change in changes {
        if let Change::Unreadable {
            href, version, why, ..
        } = change
            && !query.exists(params![calendar, &**href])?
        {
            return put_resource(db, calendar, href, version, Some(why)).map(Some);
        }
    }
    Ok(None)
}

/// Something that could not be read when it was last looked at, and of which this listing says nothing new.
pub(super) fn still_unreadable(
    db: &Connection,
    calendar: i64,
    changes: &[Change],
    gone: &[i64],
) -> Stated<Option<i64>> {
    let sql = "SELECT id, href FROM resources WHERE calendar = ?1 AND trouble IS NOT NULL";
    let mut query = db.prepare_cached(sql)?;
    let rows = query.query_map([calendar], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
    })?;
    let is_read = |href: &str| {
        let mut changes = changes.iter();
        changes.any(|change| matches!(change, Change::Seen(seen) if *seen.href == *href))
    };
    for row in rows {
        let (id, href) = row?;
        if !gone.contains(&id) && !is_read(&href) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// Whether a resource holds several events.
pub(super) fn is_export(db: &Connection, id: i64) -> Stated<bool> {
    let sql = "SELECT count(*) > 1 FROM events WHERE resource = ?1";
    Ok(db.prepare_cached(sql)?.query_row([id], |row| row.get(0))?)
}

/// Holds the events of a resource that is gone to be in one that cannot be read. Which ones nothing was known of there.
pub(super) fn hide(db: &Connection, id: i64, hideout: i64) -> Stated<Vec<String>> {
    let sql = "SELECT uid FROM events WHERE resource = ?1
        AND uid NOT IN (SELECT uid FROM events WHERE resource = ?2)";
    let mut query = db.prepare_cached(sql)?;
    let uids = query.query_map([id, hideout], |row| row.get(0))?;
    let uids = uids.collect::<rusqlite::Result<_>>()?;
    let sql = "UPDATE OR IGNORE events SET resource = ?2 WHERE resource = ?1";
    db.prepare_cached(sql)?.execute([id, hideout])?;
    Ok(uids)
}

/// Lets go of those of them that another resource holds: it only has another name now, or they stood in both.
pub(super) fn unhide(
    db: &Connection,
    calendar: i64,
    hideout: i64,
    hidden: &[String],
) -> Stated<()> {
    let sql = "DELETE FROM events WHERE resource = ?2 AND uid = ?3
        AND EXISTS (SELECT 1 FROM events WHERE calendar = ?1 AND uid = ?3 AND resource <> ?2)";
    let mut query = db.prepare_cached(sql)?;
    for uid in hidden {
        query.execute(params![calendar, hideout, uid])?;
    }
    Ok(())
}
