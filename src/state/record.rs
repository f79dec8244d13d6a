//! What a calendar said, written down: one transaction for a listing and the cursor it brought.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    Reading, State, Stated,
    calendars::{LAST_CURSOR, recount},
    disowned::{forget_mishaps, note_mishaps},
    hideout::Hideout,
    journal::{note_generation, wrote_fact},
    look::{Look, note_kept},
};
use crate::{
    ident::{self, BlockId, Mint, Recognised},
    model::{
        CalendarName, Event, Href, Override, Part, Print, Resource, SeenBlock, Shape, Traces, Uid,
        Version, When,
    },
    provider::{Change, Cursor, Listing, Pulled, Told, ToldEvent},
};

/// How a block is marked at whose place something stands that could not be read this time. (Of the other marks in that column, 0
/// is a block as any other, and 1 one that somebody made a meeting of.)
pub(super) const UNREAD: i64 = 2;
/// How a block is marked of which only the UID is another than calsync wrote: a server did that.
pub(super) const RENAMED: i64 = 3;
/// How one is marked that may have been edited beside that.
pub(super) const RENAMED_OR_EDITED: i64 = 4;

/// What was new in a listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// How many resources were new, different or gone.
    pub changed: usize,
}

/// Who reads what: whose key tells blocks from events, in which calendar, and in which zone floating times are.
#[derive(Clone, Copy, Debug)]
struct Eyes<'a> {
    mint: &'a Mint,
    name: &'a CalendarName,
    /// All calendars that there are or were.
    names: &'a BTreeSet<CalendarName>,
    home: &'a TimeZone,
    /// Whether a server keeps it.
    served: bool,
    /// Whether nobody but people changes what was written.
    steady: bool,
}

impl Eyes<'_> {
    /// The id of a block that this installation made, for whichever calendar.
    fn block(self, uid: &str) -> Recognised {
        match self.mint.recognise(uid, self.name) {
            Recognised::Foreign => match self.mint.made_for(uid, self.names.iter()) {
                Some(name) => self.mint.recognise(uid, name),
                None => Recognised::Foreign,
            },
            known => known,
        }
    }
}

/// Whose reading is written down.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// Makes and recognises block ids.
    pub mint: &'a Mint,
    /// All calendars of the configuration.
    pub others: &'a BTreeSet<CalendarName>,
    /// The zone of floating times.
    pub home: &'a TimeZone,
    /// Whether a server keeps the calendar, which may make something else of a block.
    pub served: bool,
    /// Whether it is in the version that writing it made until somebody edits it.
    pub steady: bool,
}

impl State {
    /// The versions of all resources of a calendar as last recorded; none of those to be read again, or if it was last read
    /// another way.
    pub fn versions(
        &self,
        name: &CalendarName,
        reading: &Reading,
    ) -> Stated<BTreeMap<Href, Version>> {
        let sql = "SELECT href, version FROM resources
            WHERE version <> '' AND calendar = (SELECT id FROM calendars WHERE name = ?1 AND reading = ?2)";
        let mut query = self.db.prepare_cached(sql)?;
        let rows = query.query_map([&**name, &reading.0], |row| {
            let (href, version): (String, String) = (row.get(0)?, row.get(1)?);
            Ok((href.into(), version.into()))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The version of one resource, on the same terms as [`State::versions`].
    pub fn version(
        &self,
        name: &CalendarName,
        reading: &Reading,
        href: &Href,
    ) -> Stated<Option<Version>> {
        let sql = "SELECT version FROM resources
            WHERE version <> '' AND calendar = (SELECT id FROM calendars WHERE name = ?1 AND reading = ?2) AND href = ?3";
        let mut query = self.db.prepare_cached(sql)?;
        let row = query.query_row([&**name, &reading.0, &**href], |row| {
            row.get::<_, String>(0)
        });
        Ok(row.optional()?.map(Version::from))
    }

    /// Where all resources of a calendar were when it was last read, unless that was another way. One that is to be read anew
    /// counts: that has forgotten how it was read.
    pub fn held(&self, name: &CalendarName, reading: &Reading) -> Stated<BTreeSet<Href>> {
        let sql = "SELECT href FROM resources
            WHERE calendar = (SELECT id FROM calendars WHERE name = ?1 AND reading IN (?2, ''))";
        let mut query = self.db.prepare_cached(sql)?;
        let rows = query.query_map([&**name, &reading.0], |row| row.get::<_, String>(0))?;
        let hrefs = rows.map(|href| href.map(Href::from));
        Ok(hrefs.collect::<rusqlite::Result<_>>()?)
    }

    /// The same, but nothing if what is there is right whatever it held.
    pub fn kept(&self, name: &CalendarName, reading: &Reading) -> Stated<BTreeSet<Href>> {
        let sql = "SELECT 1 FROM calendars WHERE name = ?1 AND reading = ?2";
        let mut query = self.db.prepare_cached(sql)?;
        match query.exists([&**name, &reading.0])? {
            true => self.held(name, reading),
            false => Ok(BTreeSet::new()),
        }
    }

    /// What a resource told when it was last read; nothing if it is to be read anew.
    pub fn told(
        &self,
        name: &CalendarName,
        reading: &Reading,
        href: &Href,
    ) -> Stated<Option<Told>> {
        let sql = "SELECT r.id, r.signs, c.reading = ?2 FROM resources r JOIN calendars c ON c.id = r.calendar
            WHERE c.name = ?1 AND c.reading <> '' AND r.href = ?3";
        let mut query = self.db.prepare_cached(sql)?;
        let found = query.query_row([&**name, &reading.0, &**href], |row| {
            Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?))
        });
        let Some((id, signs, same)) = found.optional()? else {
            return Ok(None);
        };
        let sql = "SELECT uid, trouble, CASE WHEN ?2 THEN body END FROM events
            WHERE resource = ?1 AND NOT hidden";
        let mut query = self.db.prepare_cached(sql)?;
        let same: bool = same;
        let events = query.query_map(params![id, same], |row| {
            let event = ToldEvent {
                trouble: row.get(1)?,
                body: row.get(2)?,
            };
            Ok((row.get::<_, String>(0)?.into(), event))
        })?;
        let events = events.collect::<rusqlite::Result<_>>()?;
        Ok(Some(Told { signs, events }))
    }

    /// What each event of a calendar said when it was last read, whichever way that was.
    pub fn bodies(&self, name: &CalendarName) -> Stated<BTreeMap<Uid, String>> {
        let sql = "SELECT uid, body FROM events
            WHERE calendar = (SELECT id FROM calendars WHERE name = ?1) AND body IS NOT NULL";
        let mut query = self.db.prepare_cached(sql)?;
        let rows = query.query_map([&**name], |row| {
            Ok((row.get::<_, String>(0)?.into(), row.get(1)?))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The UID of the one event in a resource.
    pub fn uid_at(&self, name: &CalendarName, href: &Href) -> Stated<Option<Uid>> {
        let sql = "SELECT e.uid FROM events e JOIN resources r ON e.resource = r.id
            WHERE r.calendar = (SELECT id FROM calendars WHERE name = ?1) AND r.href = ?2";
        let mut query = self.db.prepare_cached(sql)?;
        let uid = query.query_row([&**name, &**href], |row| row.get::<_, String>(0));
        Ok(uid.optional()?.map(Uid::from))
    }

    /// The resources that hold nothing but occurrences of the series in this one; none if it holds no series.
    pub fn exceptions(&self, name: &CalendarName, series: &Href) -> Stated<Vec<Href>> {
        let sql =
            "SELECT r.href FROM events m JOIN events e ON e.calendar = m.calendar AND e.uid = m.uid
            JOIN resources r ON r.id = e.resource
            WHERE m.resource = (SELECT id FROM resources
                WHERE calendar = (SELECT id FROM calendars WHERE name = ?1) AND href = ?2)
            AND (m.body IS NULL OR json_extract(m.body, '$.m') IS NOT NULL)
            AND e.resource <> m.resource AND json_extract(e.body, '$.m') IS NULL ORDER BY r.href";
        let mut query = self.db.prepare_cached(sql)?;
        let rows = query.query_map([&**name, &**series], |row| row.get::<_, String>(0))?;
        let hrefs = rows.map(|href| href.map(Href::from));
        Ok(hrefs.collect::<rusqlite::Result<_>>()?)
    }

    /// Whether the block in this resource is somebody's and may have occurrences: it repeats, or nobody could read how it does.
    pub fn is_met(&self, name: &CalendarName, href: &Href) -> Stated<bool> {
        let sql = "SELECT 1 FROM blocks b JOIN resources r ON b.resource = r.id
            WHERE r.calendar = (SELECT id FROM calendars WHERE name = ?1) AND r.href = ?2
            AND b.hands_off = 1 AND (b.repeats OR b.first_end = 0)";
        let mut query = self.db.prepare_cached(sql)?;
        Ok(query.exists([&**name, &**href])?)
    }

    /// Writes down what a calendar said, and how far it has been read by that.
    pub fn record(
        &mut self,
        name: &CalendarName,
        reading: &Reading,
        pulled: &Pulled,
        Reader {
            mint,
            others,
            home,
            served,
            steady,
        }: Reader<'_>,
    ) -> Stated<Recorded> {
        let calendar = self.calendar_id(name)?;
        let names = self.names(others)?;
        let tx = self.db.transaction()?;
        let eyes = Eyes {
            mint,
            name,
            names: &names,
            home,
            served,
            steady,
        };
        let mut recorded = Recorded::default();
        // What is gone goes first: a block that only has another name now is then not taken for a copy of itself.
        let mut gone = Vec::new();
        if let Listing::Whole(present) = &pulled.listing {
            gone.extend(absent(&tx, calendar, present)?);
        }
        for change in &pulled.changes {
            if let Change::Gone(href) = change {
                gone.extend(resource_at(&tx, calendar, href)?);
            }
        }
        let hideout = Hideout::before(&tx, calendar, &pulled.changes, &gone, served)?;
        note_mishaps(&tx, calendar, &gone)?;
        for &resource in &gone {
            drop_resource(&tx, resource)?;
        }
        recorded.changed += gone.len();
        for change in &pulled.changes {
            recorded.changed += usize::from(record_change(&tx, calendar, change, eyes)?);
        }
        recorded.changed += hideout.hide(&tx)?;
        let whole = matches!(pulled.listing, Listing::Whole(_));
        // What could not be read is asked for again, however little a server would tell by itself.
        let mut changes = pulled.changes.iter();
        let all_read = !changes.any(|change| matches!(change, Change::Unreadable { .. }));
        let cursor = pulled.cursor.as_ref().filter(|_| all_read);
        if cursor.is_none() {
            keep_last_cursor(&tx, name, pulled.cursor.as_ref())?;
        }
        tx.prepare_cached(
            "UPDATE calendars SET cursor = ?2, reading = ?3, whole = whole OR ?4, revision = revision + ?5 WHERE id = ?1",
        )?
        .execute(params![calendar, cursor.map(|c| &c.0), reading.0, whole, recorded.changed > 0])?;
        if recorded.changed > 0 {
            recount(&tx, calendar)?;
        }
        forget_mishaps(&tx, calendar)?;
        // Everything that was asked before this listing is answered by it.
        tx.prepare_cached("DELETE FROM journal WHERE calendar = ?1")?
            .execute([calendar])?;
        tx.prepare_cached("DELETE FROM facts WHERE name = ?1")?
            .execute([wrote_fact(name)])?;
        if served {
            note_kept(&tx, calendar, name)?;
        }
        tx.prepare_cached("UPDATE links INDEXED BY links_unlooked SET looked = 1 WHERE calendar = ?1 AND looked = 0")?
            .execute([calendar])?;
        tx.commit()?;
        Ok(recorded)
    }
}

/// Keeps, of a calendar that gets no cursor, how far it was read by this listing, or else by the last one that told.
fn keep_last_cursor(db: &Connection, name: &CalendarName, last: Option<&Cursor>) -> Stated<()> {
    let sql = "INSERT INTO facts
        SELECT ?1, coalesce(?2, cursor) FROM calendars WHERE name = ?3 AND coalesce(?2, cursor) IS NOT NULL
        ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    let (fact, last) = (format!("{LAST_CURSOR}{name}"), last.map(|cursor| &cursor.0));
    db.prepare_cached(sql)?
        .execute(params![fact, last, &**name])?;
    Ok(())
}

fn record_change(db: &Connection, calendar: i64, change: &Change, eyes: Eyes<'_>) -> Stated<bool> {
    match change {
        Change::Seen(resource) => record_resource(db, calendar, resource, eyes),
        Change::Gone(_) => Ok(false),
        Change::Unreadable {
            href,
            version,
            why,
            is_known,
            names,
        } => {
            let sql = "SELECT 1 FROM resources WHERE calendar = ?1 AND href = ?2 AND trouble = ?3";
            let mut query = db.prepare_cached(sql)?;
            let is_new = !query.exists(params![calendar, &**href, why])?;
            let id = put_resource(db, calendar, href, version, Some(why))?;
            let sql = "DELETE FROM events WHERE resource = ?1 AND body IS NULL";
            db.prepare_cached(sql)?.execute([id])?;
            for uid in names {
                put_unreadable(db, id, uid, why)?;
            }
            // Also at a block's place: what is in it now may be somebody's, so the block is not there any more, or, if nobody
            // saw what is in it, is not to be touched.
            let touched = match is_known {
                true => db
                    .prepare_cached("DELETE FROM blocks WHERE resource = ?1")?
                    .execute([id])?,
                false => db
                    .prepare_cached(
                        "UPDATE blocks SET hands_off = ?2 WHERE resource = ?1 AND hands_off = 0",
                    )?
                    .execute([id, UNREAD])?,
            };
            Ok(is_new || touched > 0)
        }
    }
}

/// Forgets what was at a place.
pub(super) fn forget_resource(db: &Connection, calendar: i64, href: &Href) -> Stated<()> {
    match resource_at(db, calendar, href)? {
        Some(id) => drop_resource(db, id),
        None => Ok(()),
    }
}

pub(super) fn resource_at(db: &Connection, calendar: i64, href: &str) -> Stated<Option<i64>> {
    let sql = "SELECT id FROM resources WHERE calendar = ?1 AND href = ?2";
    let mut query = db.prepare_cached(sql)?;
    let id = query.query_row(params![calendar, href], |row| row.get(0));
    Ok(id.optional()?)
}

/// Forgets a resource that is gone.
fn drop_resource(db: &Connection, id: i64) -> Stated<()> {
    db.prepare_cached("DELETE FROM resources WHERE id = ?1")?
        .execute([id])?;
    Ok(())
}

/// How a block is seen in which nothing makes sense any more: not as it should be, for this reason.
fn damaged(why: &str, people: bool) -> SeenBlock {
    SeenBlock {
        print: Print::of([b"damaged".as_slice(), why.as_bytes()]),
        traces: Traces::default(),
        shape: None,
        people,
        touched: false,
        moved: false,
    }
}

/// The last part of a place, without the ending of a calendar file: for a block where calsync put it, its id.
pub(super) fn name_of(href: &str) -> &str {
    let name = href.rsplit('/').next().unwrap_or(href);
    name.strip_suffix(".ics").unwrap_or(name)
}

/// Records what is in a resource. How many blocks of other installations that is. `people`: a block in it was somebody's.
fn record_parts(
    db: &Connection,
    (calendar, id): (i64, i64),
    resource: &Resource,
    people: bool,
    eyes: Eyes<'_>,
) -> Stated<i64> {
    let alone = resource.parts.len() == 1;
    let mut foreigns = 0;
    for part in &resource.parts {
        let (uid, event, seen) = match part {
            Part::Event { uid, event, seen } => (uid, event, seen),
            Part::Unreadable {
                uid,
                people: now,
                why,
            } => {
                match eyes.block(uid) {
                    Recognised::Ours(block) if alone => {
                        let damaged = damaged(why, people || *now);
                        put_block(db, (calendar, id), &block, &damaged, None, eyes.home)?;
                        let look = Look {
                            version: &resource.version,
                            event: None,
                            seen: &damaged,
                            served: eyes.served,
                            steady: eyes.steady,
                        };
                        look.learn(db, calendar, &block, eyes.home)?;
                    }
                    Recognised::Foreign => foreigns += 1,
                    Recognised::Ours(_) | Recognised::Not => {}
                }
                continue;
            }
        };
        if let (true, Some(seen), Some(block)) = (alone, seen, renamed(&resource.href, uid, eyes)) {
            put_renamed(db, (calendar, id), (resource, &block), seen, eyes)?;
            continue;
        }
        match (eyes.block(uid), seen) {
            (Recognised::Not, _) | (_, None) => put_event(db, calendar, id, uid, event, eyes.home)?,
            (Recognised::Foreign, Some(_)) => foreigns += 1,
            (Recognised::Ours(block), Some(seen)) if alone => {
                put_block(db, (calendar, id), &block, seen, Some(event), eyes.home)?;
                let look = Look {
                    version: &resource.version,
                    event: Some(event),
                    seen,
                    served: eyes.served,
                    steady: eyes.steady,
                };
                look.learn(db, calendar, &block, eyes.home)?;
            }
            // One of ours in a file with other things: somebody put it there, and the file is theirs.
            (Recognised::Ours(block), Some(seen)) => {
                let theirs = SeenBlock {
                    people: true,
                    ..seen.clone()
                };
                put_block(db, (calendar, id), &block, &theirs, Some(event), eyes.home)?;
            }
        }
    }
    Ok(foreigns)
}

/// The block that calsync put at a place where a server keeps it under another UID.
fn renamed(href: &str, uid: &str, eyes: Eyes<'_>) -> Option<BlockId> {
    let name = name_of(href);
    let Recognised::Ours(block) = eyes.block(name) else {
        return None;
    };
    let shaped = ident::shaped(uid);
    let is_other = shaped.is_none_or(|uid| uid != name && uid.eq_ignore_ascii_case(name));
    (eyes.served && is_other).then_some(block)
}

/// Writes down a block that has another UID now. What is there counts as written by calsync if it looks as that did, or is in the
/// version that writing it made; else it may be somebody's edit of it, or of an installation that is not remembered.
fn put_renamed(
    db: &Connection,
    (calendar, id): (i64, i64),
    (resource, block): (&Resource, &BlockId),
    seen: &SeenBlock,
    eyes: Eyes<'_>,
) -> Stated<()> {
    put_block(db, (calendar, id), block, seen, None, eyes.home)?;
    let sql =
        "SELECT 1 FROM links WHERE calendar = ?1 AND stem = ?2 AND (print = ?3 OR version = ?4)";
    let stem = block.stem();
    let key = params![calendar, stem.as_str(), seen.print.0, &*resource.version];
    let hands_off = match db.prepare_cached(sql)?.exists(key)? {
        _ if seen.people => return Ok(()),
        true => RENAMED,
        false => RENAMED_OR_EDITED,
    };
    let sql = "UPDATE blocks SET hands_off = ?2 WHERE resource = ?1";
    db.prepare_cached(sql)?.execute([id, hands_off])?;
    Ok(())
}

fn record_resource(
    db: &Connection,
    calendar: i64,
    resource: &Resource,
    eyes: Eyes<'_>,
) -> Stated<bool> {
    let before = fingerprint(db, calendar, &resource.href)?;
    let (href, version) = (&resource.href, &resource.version);
    let id = match before {
        Some(_) => put_resource(db, calendar, href, version, None)?,
        None => new_resource(db, calendar, href, version, None)?,
    };
    let mut people = false;
    if before.is_some() {
        db.prepare_cached("UPDATE events SET trouble = NULL WHERE resource = ?1")?
            .execute([id])?;
    }
    let kept = keep_unreadable(db, id, resource)?;
    // What is new has nothing to replace, and a first listing is nothing but new.
    if before.is_some() {
        let sql = "DELETE FROM events WHERE resource = ?1 AND trouble IS NULL";
        db.prepare_cached(sql)?.execute([id])?;
        // A block that somebody made a meeting of stays theirs, also when it cannot be read for once.
        people = db
            .prepare_cached("SELECT 1 FROM blocks WHERE resource = ?1 AND hands_off = 1")?
            .exists([id])?;
        db.prepare_cached("DELETE FROM blocks WHERE resource = ?1")?
            .execute([id])?;
    }
    let foreigns = record_parts(db, (calendar, id), resource, people, eyes)?;
    if before.is_some() || foreigns > 0 || resource.signs > 0 {
        let sql = "UPDATE resources SET foreigns = ?2, signs = ?3 WHERE id = ?1";
        db.prepare_cached(sql)?
            .execute(params![id, foreigns, resource.signs])?;
    }
    let Some(before) = before else {
        return Ok(true);
    };
    Ok(kept || Some(before) != fingerprint(db, calendar, &resource.href)?)
}

/// What a resource held before, in a form that can be compared.
fn fingerprint(db: &Connection, calendar: i64, href: &str) -> Stated<Option<String>> {
    let sql = "SELECT coalesce((SELECT group_concat(uid || '=' || coalesce(body, '') || coalesce(trouble, ''), '|')
              FROM (SELECT * FROM events WHERE resource = r.id ORDER BY uid)), '')
            || '#' || coalesce((SELECT group_concat(id || hex(print) || hands_off) FROM blocks WHERE resource = r.id), '')
            || '#' || coalesce(trouble, '') || foreigns
        FROM resources r WHERE calendar = ?1 AND href = ?2";
    let mut query = db.prepare_cached(sql)?;
    Ok(query
        .query_row(params![calendar, href], |row| row.get(0))
        .optional()?)
}

/// Marks the events of a resource that cannot be read now; what was known of them stays. A block, whoever made it, is no
/// event, so a broken one hides nothing.
fn keep_unreadable(db: &Connection, id: i64, resource: &Resource) -> Stated<bool> {
    let mut any = false;
    for part in &resource.parts {
        if let Part::Unreadable { uid, why, .. } = part {
            any |= put_unreadable(db, id, uid, why)?;
        }
    }
    Ok(any)
}

/// Writes down that a resource tells of an event in a way that cannot be read. Not if it is called like a block.
fn put_unreadable(db: &Connection, id: i64, uid: &Uid, why: &str) -> Stated<bool> {
    if ident::shaped(uid).is_some() {
        return Ok(false);
    }
    let sql = "INSERT INTO events (resource, calendar, uid, first, last, trouble)
        SELECT ?1, calendar, ?2, 0, 0, ?3 FROM resources WHERE id = ?1
        ON CONFLICT (resource, uid) DO UPDATE SET trouble = ?3";
    db.prepare_cached(sql)?.execute(params![id, &**uid, why])?;
    Ok(true)
}

/// Writes down that a resource is at a place in this version. Looked up first, because `SQLite` makes a whole table of its own
/// for each row that an upsert is to tell (`RETURNING`), which costs more than all else here.
pub(super) fn put_resource(
    db: &Connection,
    calendar: i64,
    href: &str,
    version: &str,
    trouble: Option<&String>,
) -> Stated<i64> {
    let Some(id) = resource_at(db, calendar, href)? else {
        return new_resource(db, calendar, href, version, trouble);
    };
    db.prepare_cached("UPDATE resources SET version = ?2, trouble = ?3 WHERE id = ?1")?
        .execute(params![id, version, trouble])?;
    Ok(id)
}

/// The same where nothing is known to be at that place.
fn new_resource(
    db: &Connection,
    calendar: i64,
    href: &str,
    version: &str,
    trouble: Option<&String>,
) -> Stated<i64> {
    let sql = "INSERT INTO resources (calendar, href, version, trouble) VALUES (?1, ?2, ?3, ?4)";
    db.prepare_cached(sql)?
        .execute(params![calendar, href, version, trouble])?;
    Ok(db.last_insert_rowid())
}

fn put_event(
    db: &Connection,
    calendar: i64,
    resource: i64,
    uid: &Uid,
    event: &Event,
    home: &TimeZone,
) -> Stated<()> {
    let (first, last) = extent(event, home);
    let body = event.body();
    let sql = "INSERT INTO events (resource, calendar, uid, body, first, last) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (resource, uid) DO UPDATE SET body = ?4, first = ?5, last = ?6, trouble = NULL, hidden = 0";
    db.prepare_cached(sql)?
        .execute(params![resource, calendar, &**uid, body, first, last])?;
    Ok(())
}

/// When a block that somebody made a meeting of is busy, if all that it shows is: nothing of it free, declined or elsewhere.
fn taken_times(seen: &SeenBlock, event: Option<&Event>, home: &TimeZone) -> Option<Print> {
    let is_whole = seen.people && !seen.moved && event.is_some_and(Event::is_busy_throughout);
    let shape = seen.shape.as_ref().filter(|_| is_whole);
    shape.map(|shape| shape.times(home))
}

/// Writes down a block that was seen, and what was read of it as an event.
pub(super) fn put_block(
    db: &Connection,
    (calendar, resource): (i64, i64),
    block: &BlockId,
    seen: &SeenBlock,
    event: Option<&Event>,
    home: &TimeZone,
) -> Stated<()> {
    let (first, first_end) = match &seen.shape {
        Some(shape) => shape.first_occurrence(home),
        None => (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH),
    };
    let last = seen.shape.as_ref().and_then(|shape| shape.last_end(home));
    let sql = "INSERT INTO blocks (calendar, id, resource, print, hands_off, first, first_end, repeats, last, times, but_start, but_holes, taken_out, but_end, ends, words, series)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
        ON CONFLICT (calendar, id, resource) DO UPDATE
        SET print = ?4, hands_off = ?5, first = ?6, first_end = ?7, repeats = ?8, last = ?9, times = ?10, but_start = ?11, but_holes = ?12,
            taken_out = ?13, but_end = ?14, ends = ?15, words = ?16, series = ?17";
    db.prepare_cached(sql)?.execute(params![
        calendar,
        block.as_str(),
        resource,
        seen.print.0,
        seen.people,
        first.as_second(),
        first_end.as_second(),
        matches!(seen.shape, Some(Shape::Series(_))),
        last.map(Timestamp::as_second),
        taken_times(seen, event, home).map(|times| times.0),
        seen.traces.but_start.0,
        seen.traces.but_holes.0,
        taken_out(&seen.traces),
        seen.traces.but_end.0,
        seen.traces.ends.map(|ends| ends.to_string()),
        seen.traces.words.0,
        series(seen),
    ])?;
    note_generation(db, block)
}

/// When a block is that repeats, as it is written down.
fn series(seen: &SeenBlock) -> Option<String> {
    let Some(Shape::Series(series)) = &seen.shape else {
        return None;
    };
    let mut series = series.clone();
    // A target may tell of what somebody took out beside the block itself.
    series.holes.extend(&seen.traces.holes);
    let event = Shape::Series(series).as_event();
    Some(serde_json::to_string(&event).expect("an event is always JSON"))
}

/// What is taken out of a block, as it is written down.
pub(super) fn taken_out(traces: &Traces) -> Option<String> {
    let is_any = !traces.holes.is_empty();
    is_any.then(|| serde_json::to_string(&traces.holes).expect("times are always JSON"))
}

/// The resources that a whole listing does not have.
fn absent(db: &Connection, calendar: i64, present: &BTreeSet<Href>) -> Stated<Vec<i64>> {
    let mut query = db.prepare_cached("SELECT id, href FROM resources WHERE calendar = ?1")?;
    let rows = query.query_map([calendar], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
    })?;
    let mut absent = Vec::new();
    for row in rows {
        let (id, href) = row?;
        if !present.contains(href.as_str()) {
            absent.push(id);
        }
    }
    Ok(absent)
}

/// The time that an event can touch, in seconds since 1970, a day and a half wider on both sides so that no zone matters.
fn extent(event: &Event, home: &TimeZone) -> (i64, i64) {
    let mut reach = Reach {
        home,
        first: i64::MAX,
        last: i64::MIN,
    };
    if let Some(master) = &event.master {
        reach.span(&master.start, master.length);
        for extra in master.recurs.iter().flat_map(|recurs| &recurs.extras) {
            reach.span(&extra.start, extra.length.unwrap_or(master.length));
        }
        for rule in master.recurs.iter().flat_map(|recurs| &recurs.rules) {
            match rule.last(master.start.local()) {
                Some(last) => reach.span(&master.start.at(last), master.length),
                None => reach.last = i64::MAX,
            }
        }
    }
    for Override {
        at,
        start,
        length,
        and_after,
        ..
    } in &event.overrides
    {
        reach.span(at, *length);
        reach.span(start, *length);
        if *and_after {
            reach.last = i64::MAX;
        }
    }
    (reach.first, reach.last)
}

struct Reach<'a> {
    home: &'a TimeZone,
    first: i64,
    last: i64,
}

impl Reach<'_> {
    fn span(&mut self, start: &When, length: crate::model::Length) {
        let (from, to) = start.span(length, self.home).instants(self.home);
        let wide = 36.hours();
        let from = from.saturating_sub(wide).unwrap_or(Timestamp::MIN);
        let to = to.saturating_add(wide).unwrap_or(Timestamp::MAX);
        self.first = self.first.min(from.as_second());
        self.last = self.last.max(to.as_second());
    }
}
