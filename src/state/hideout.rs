//! Where events may be that are told to be gone: in what cannot be read, until it can be. Must never hold that anything is there
//! which another resource tells of.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Stated, record::resource_at};
use crate::{
    ical::damage::Signs,
    model::{Href, Part},
    provider::{Change, is_same_trouble},
};

/// What a listing takes away, and where it may be. Of what a server keeps, only what goes in the moment in which something
/// cannot be read may be in there: it tells what became of each.
pub(super) struct Hideout<'a> {
    calendar: i64,
    served: bool,
    /// What can be read no more, or never could, since this listing.
    unread: Option<&'a Href>,
    /// What is new in this listing and looks damaged.
    damaged: Option<&'a Href>,
    leaving: Vec<Leaving>,
    /// Whether anything in the calendar cannot be read.
    any: bool,
}

/// An event that a resource tells of no more.
struct Leaving {
    uid: String,
    body: String,
    first: i64,
    last: i64,
    /// Whether it may be in whatever cannot be read: it came from there, or from an export, which replace each other. Somebody who
    /// removes the file of one event means it.
    anywhere: bool,
}

impl<'a> Hideout<'a> {
    /// Looks at what is known before a listing is written down. `gone`: the resources that it does not have.
    pub(super) fn before(
        db: &Connection,
        calendar: i64,
        changes: &'a [Change],
        gone: &[i64],
        served: bool,
    ) -> Stated<Self> {
        let unread = newly_unreadable(db, calendar, changes)?;
        let mut hideout = Self {
            calendar,
            served,
            unread,
            damaged: newly_damaged(db, calendar, changes)?,
            leaving: Vec::new(),
            any: unread.is_some()
                || !served && (has_trouble(db, calendar)? || tell_of_any(changes)),
        };
        hideout.any |= hideout.damaged.is_some();
        if !hideout.any {
            return Ok(hideout);
        }
        for &resource in gone {
            hideout.add(db, resource, true)?;
        }
        for change in changes.iter().filter(|_| !served) {
            if let Change::Seen(seen) = change
                && let Some(resource) = resource_at(db, calendar, &seen.href)?
            {
                hideout.add(db, resource, false)?;
            }
        }
        Ok(hideout)
    }

    /// Everything that a resource told of.
    fn add(&mut self, db: &Connection, resource: i64, is_gone: bool) -> Stated<()> {
        let sql = "SELECT uid, body, first, last, hidden OR (?2 AND
                (SELECT count(*) > 1 FROM events WHERE resource = ?1 AND NOT hidden))
            FROM events WHERE resource = ?1 AND body IS NOT NULL";
        let mut query = db.prepare_cached(sql)?;
        let rows = query.query_map(params![resource, is_gone], |row| {
            Ok(Leaving {
                uid: row.get(0)?,
                body: row.get(1)?,
                first: row.get(2)?,
                last: row.get(3)?,
                anywhere: row.get(4)?,
            })
        })?;
        for row in rows {
            self.leaving.push(row?);
        }
        Ok(())
    }

    /// Once a listing is written down: keeps what nothing tells of any more and may be hidden, and lets go of what is told of
    /// elsewhere. Says how much of that changed anything.
    pub(super) fn hide(&self, db: &Connection) -> Stated<usize> {
        if !self.any {
            return Ok(0);
        }
        let unread = match self.unread {
            Some(href) => resource_at(db, self.calendar, href)?,
            None => None,
        };
        let mut changed = 0;
        for event in &self.leaving {
            if !self.served && self.is_told(db, &event.uid)? {
                continue;
            }
            let place = match unread {
                Some(_) if self.served => unread,
                _ => match self.naming(db, &event.uid)? {
                    Some(place) => Some(place),
                    None if unread.is_some() || !event.anywhere => unread,
                    None => self.any_unreadable(db)?,
                },
            };
            changed += match (place, self.damaged) {
                (Some(place), _) => event.put(db, self.calendar, place)?,
                (None, Some(href)) if event.anywhere => self.lose(db, href, &event.uid, event)?,
                (None, _) => 0,
            };
        }
        if !self.served {
            changed += self.unhide(db)?;
        }
        Ok(changed)
    }

    /// Holds what something new that looks damaged may have lost to be there, as if it had held it all along and been sound.
    fn lose(&self, db: &Connection, href: &Href, uid: &str, event: &Leaving) -> Stated<usize> {
        let Some(place) = resource_at(db, self.calendar, href)? else {
            return Ok(0);
        };
        db.prepare_cached("UPDATE resources SET signs = 0 WHERE id = ?1")?
            .execute([place])?;
        let put = event.put(db, self.calendar, place)?;
        let why = Signs::default().words();
        let sql = "UPDATE events SET hidden = 0, trouble = ?3 WHERE resource = ?1 AND uid = ?2 AND hidden";
        db.prepare_cached(sql)?.execute(params![place, uid, why])?;
        Ok(put)
    }

    /// Whether anything tells what an event is, be it only that it may be hidden there.
    fn is_told(&self, db: &Connection, uid: &str) -> Stated<bool> {
        let sql = "SELECT 1 FROM events WHERE calendar = ?1 AND uid = ?2 AND body IS NOT NULL";
        Ok(db
            .prepare_cached(sql)?
            .exists(params![self.calendar, uid])?)
    }

    /// What names an event without telling what it is.
    fn naming(&self, db: &Connection, uid: &str) -> Stated<Option<i64>> {
        let sql = "SELECT resource FROM events WHERE calendar = ?1 AND uid = ?2 AND body IS NULL
            ORDER BY resource LIMIT 1";
        let mut query = db.prepare_cached(sql)?;
        let found = query.query_row(params![self.calendar, uid], |row| row.get(0));
        Ok(found.optional()?)
    }

    fn any_unreadable(&self, db: &Connection) -> Stated<Option<i64>> {
        let sql = "SELECT id FROM resources WHERE calendar = ?1 AND trouble IS NOT NULL ORDER BY id LIMIT 1";
        let mut query = db.prepare_cached(sql)?;
        Ok(query
            .query_row([self.calendar], |row| row.get(0))
            .optional()?)
    }

    /// Lets go of what is hidden and told of: it only has another name now, or is another one.
    fn unhide(&self, db: &Connection) -> Stated<usize> {
        const TOLD: &str = "calendar = ?1 AND hidden AND EXISTS (SELECT 1 FROM events e
            WHERE e.calendar = ?1 AND e.uid = events.uid AND e.body IS NOT NULL AND NOT e.hidden)";
        let named = format!(
            "UPDATE events SET body = NULL, first = 0, last = 0, hidden = 0 WHERE trouble IS NOT NULL AND {TOLD}"
        );
        let named = db.prepare_cached(&named)?.execute([self.calendar])?;
        let only_hidden = format!("DELETE FROM events WHERE {TOLD}");
        Ok(named + db.prepare_cached(&only_hidden)?.execute([self.calendar])?)
    }
}

impl Leaving {
    fn put(&self, db: &Connection, calendar: i64, place: i64) -> Stated<usize> {
        let sql = "INSERT INTO events (resource, calendar, uid, body, first, last, hidden)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1)
            ON CONFLICT (resource, uid) DO UPDATE SET body = ?4, first = ?5, last = ?6, hidden = 1 WHERE body IS NULL";
        let Self {
            uid,
            body,
            first,
            last,
            ..
        } = self;
        let put = params![place, calendar, uid, body, first, last];
        Ok(db.prepare_cached(sql)?.execute(put)?)
    }
}

/// Something that cannot be read and could be read, or was not there, when it was last looked at.
fn newly_unreadable<'a>(
    db: &Connection,
    calendar: i64,
    changes: &'a [Change],
) -> Stated<Option<&'a Href>> {
    let sql = "SELECT 1 FROM resources WHERE calendar = ?1 AND href = ?2 AND trouble IS NOT NULL";
    let mut query = db.prepare_cached(sql)?;
    for change in changes {
        if let Change::Unreadable { href, .. } = change
            && !query.exists(params![calendar, &**href])?
        {
            return Ok(Some(href));
        }
    }
    Ok(None)
}

/// Something that was not there when the calendar was last looked at, and looks damaged, or holds what could be read before.
fn newly_damaged<'a>(
    db: &Connection,
    calendar: i64,
    changes: &'a [Change],
) -> Stated<Option<&'a Href>> {
    for change in changes {
        if let Change::Seen(seen) = change
            && (seen.signs > 0 || is_newly_spoiled(db, calendar, &seen.parts)?)
            && resource_at(db, calendar, &seen.href)?.is_none()
        {
            return Ok(Some(&seen.href));
        }
    }
    Ok(None)
}

/// Whether any of these cannot be read that could be when it was last seen, or could not for another reason.
fn is_newly_spoiled(db: &Connection, calendar: i64, parts: &[Part]) -> Stated<bool> {
    let sql = "SELECT trouble FROM events WHERE calendar = ?1 AND uid = ?2";
    let mut query = db.prepare_cached(sql)?;
    for part in parts {
        let Part::Unreadable { uid, why, .. } = part else {
            continue;
        };
        let told = query.query_map(params![calendar, &**uid], |row| {
            row.get::<_, Option<String>>(0)
        })?;
        for trouble in told {
            if !trouble?.is_some_and(|trouble| is_same_trouble(&trouble, why)) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Whether anything in a calendar could not be read when it was last looked at. Counted when it changes, so that nobody has to
/// look through all of it in every run.
fn has_trouble(db: &Connection, calendar: i64) -> Stated<bool> {
    let sql = "SELECT unreadable > 0 FROM calendars WHERE id = ?1";
    let mut query = db.prepare_cached(sql)?;
    Ok(query.query_row([calendar], |row| row.get(0))?)
}

/// Whether some of what a listing tells cannot be read.
fn tell_of_any(changes: &[Change]) -> bool {
    changes.iter().any(|change| match change {
        Change::Seen(seen) => {
            let mut parts = seen.parts.iter();
            parts.any(|part| matches!(part, Part::Unreadable { .. }))
        }
        Change::Unreadable { .. } => true,
        Change::Gone(_) => false,
    })
}
