//! The moment between asking a server and knowing its answer, and what the answer was.

use jiff::{Timestamp, tz::TimeZone};
use rusqlite::{OptionalExtension as _, params};

use super::{
    State, Stated,
    record::{forget_resource, put_block, put_resource, taken_out},
};
use crate::{
    ident::{BlockId, Stem},
    model::{Block, CalendarName, Face, Href, Print, SeenBlock, Shape, Traces, block},
    plan::{
        LeftSo, Present, Why,
        op::{InTime, Wanted},
    },
    provider::Place,
};

/// A block that stands in its target now.
#[derive(Clone, Debug)]
pub struct Written<'a> {
    /// Its id.
    pub id: &'a BlockId,
    /// Where it lies and in which version.
    pub place: &'a Place,
    /// What it shows.
    pub wanted: &'a Wanted,
    /// The fingerprint of what was written.
    pub print: Print,
}

/// How an operation ended.
#[derive(Clone, Debug)]
pub enum Settled<'a> {
    /// The block stands as it should.
    Stands(Written<'a>),
    /// The block stands, and has no words any more.
    Hushed(&'a Block, &'a Place),
    /// The block is gone from this place, for this reason.
    Gone(&'a BlockId, &'a Href, Why),
    /// Nothing was done.
    Nothing(&'a BlockId),
}

/// What a server is about to be asked about a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The block.
    pub id: BlockId,
    /// To do what.
    pub action: &'static str,
}

impl State {
    /// Notes what a server answered so far, with what now stands there, and then what it is about to be asked: one
    /// transaction, since with a fast server the commits would cost more than all else.
    pub fn turn(
        &mut self,
        calendar: &CalendarName,
        settled: &[Settled<'_>],
        intents: &[Intent],
        now: Timestamp,
        home: &TimeZone,
    ) -> Stated<()> {
        let wrote = settled.iter().any(|s| !matches!(s, Settled::Nothing(_)));
        if wrote {
            self.set_fact(&wrote_fact(calendar), "1")?;
        }
        let calendar = self.calendar_id(calendar)?;
        let tx = self.db.transaction()?;
        for settled in settled {
            settle(&tx, calendar, settled, home)?;
        }
        for Intent { id, action } in intents {
            let sql = "INSERT OR REPLACE INTO journal VALUES (?1, ?2, ?3, ?4)";
            tx.prepare_cached(sql)?.execute(params![
                calendar,
                id.as_str(),
                action,
                now.as_second()
            ])?;
        }
        tx.commit()?;
        Ok(())
    }

    /// Learns what a block stands for that stands as it should.
    pub fn adopt(
        &mut self,
        calendar: &CalendarName,
        present: &Present,
        wanted: &Wanted,
        home: &TimeZone,
    ) -> Stated<()> {
        let Some(place) = self.place(calendar, present)? else {
            return Ok(());
        };
        let written = Written {
            id: &present.id,
            place: &place,
            wanted,
            print: block::print(&wanted.shape, &wanted.face, &[]),
        };
        let calendar = self.calendar_id(calendar)?;
        let tx = self.db.transaction()?;
        settle(&tx, calendar, &Settled::Stands(written), home)?;
        tx.commit()?;
        Ok(())
    }

    /// Where a block was last seen, and in which version. Where an event of somebody's lies as well, there is none to take away.
    pub fn place(&self, calendar: &CalendarName, present: &Present) -> Stated<Option<Place>> {
        let calendar = self.calendar_id(calendar)?;
        let sql = "SELECT r.href, r.version, b.repeats OR b.first_end = 0 FROM blocks b JOIN resources r ON r.id = b.resource
            WHERE b.calendar = ?1 AND b.id = ?2 AND (?3 IS NULL OR r.href = ?3) AND r.calendar = ?1
            AND NOT EXISTS (SELECT 1 FROM events e WHERE e.resource = r.id)";
        let mut query = self.db.prepare_cached(sql)?;
        let key = params![calendar, present.id.as_str(), present.href.as_deref()];
        let found = query.query_row(key, |row| {
            let (href, version): (String, String) = (row.get(0)?, row.get(1)?);
            Ok(Place {
                href: href.into(),
                version: version.into(),
                repeats: row.get(2)?,
            })
        });
        Ok(found.optional()?)
    }

    /// Remembers that these blocks came in time, whatever becomes of writing them: links to what was never written.
    pub fn note_in_time(&mut self, blocks: &[InTime]) -> Stated<()> {
        if blocks.is_empty() {
            return Ok(());
        }
        let tx = self.db.transaction()?;
        for block in blocks {
            let sql = "INSERT INTO links (calendar, stem, source, uid, occurrence, print, version)
                SELECT id, ?2, ?3, ?4, ?5, ?6, '' FROM calendars WHERE name = ?1
                ON CONFLICT (calendar, stem) DO NOTHING";
            tx.prepare_cached(sql)?.execute(params![
                &*block.target,
                block.stem.as_str(),
                &*block.source,
                &*block.uid,
                &*block.occurrence,
                Print::default().0,
            ])?;
        }
        tx.commit()?;
        Ok(())
    }

    /// Remembers what was done to blocks and is left so, or forgets it.
    pub fn note_left_so(&mut self, blocks: &[(CalendarName, Stem, Option<LeftSo>)]) -> Stated<()> {
        if blocks.is_empty() {
            return Ok(());
        }
        let tx = self.db.transaction()?;
        for (name, stem, left) in blocks {
            let sql =
                "UPDATE links SET left_out = ?3, left_of = ?4, left_after = ?5, left_at = ?6 WHERE stem = ?2
                AND calendar = (SELECT id FROM calendars WHERE name = ?1)";
            let starts = left
                .as_ref()
                .map(|left| serde_json::to_string(&left.starts).expect("times are always JSON"));
            let of = left.as_ref().map(|left| left.of.0);
            let after = left.as_ref().and_then(|left| left.after);
            let after = after.map(|at| at.to_string());
            let moved = left.as_ref().and_then(|left| left.moved);
            let moved = moved.map(|to| serde_json::to_string(&to).expect("a span is always JSON"));
            tx.prepare_cached(sql)?.execute(params![
                &**name,
                stem.as_str(),
                starts,
                of,
                after,
                moved
            ])?;
        }
        tx.commit()?;
        Ok(())
    }

    /// Remembers whether the guard refused to take these blocks away.
    pub fn note_held_back(&mut self, blocks: &[(CalendarName, Stem)], is_held: bool) -> Stated<()> {
        if blocks.is_empty() {
            return Ok(());
        }
        let tx = self.db.transaction()?;
        for (name, stem) in blocks {
            let sql = "UPDATE links SET held_back = ?3 WHERE stem = ?2 AND held_back <> ?3
                AND calendar = (SELECT id FROM calendars WHERE name = ?1)";
            tx.prepare_cached(sql)?
                .execute(params![&**name, stem.as_str(), is_held])?;
        }
        tx.commit()?;
        Ok(())
    }

    /// Forgets a link to a block that is gone and that nothing asks for.
    pub fn forget_link(&mut self, calendar: &CalendarName, stem: &Stem) -> Stated<()> {
        let calendar = self.calendar_id(calendar)?;
        let sql = "DELETE FROM links WHERE calendar = ?1 AND stem = ?2";
        self.db
            .prepare_cached(sql)?
            .execute(params![calendar, stem.as_str()])?;
        Ok(())
    }

    /// Whether calsync wrote to a calendar since that was last read, or found there what its listing had not told.
    pub fn wrote(&self, calendar: &CalendarName) -> Stated<bool> {
        Ok(self.fact(&wrote_fact(calendar))?.is_some())
    }

    /// The latest generation of a block that ever stood: where a server keeps the ids of what was deleted, the earlier ones are of
    /// no use any more.
    pub fn generation(&self, stem: &Stem) -> Stated<u16> {
        let latest = self.fact(&generation_fact(stem))?;
        Ok(latest.and_then(|text| text.parse().ok()).unwrap_or(0))
    }

    /// How many operations of an earlier run are still in doubt.
    pub fn open_intents(&self) -> Stated<u64> {
        let count: i64 = self
            .db
            .query_row("SELECT count(*) FROM journal", [], |row| row.get(0))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}

/// The fact that tells so.
pub(super) fn wrote_fact(calendar: &CalendarName) -> String {
    format!("wrote {calendar}")
}

fn generation_fact(stem: &Stem) -> String {
    format!("generation {}", stem.as_str())
}

/// Notes that a later generation of a block stands, which few blocks ever have.
pub(super) fn note_generation(db: &rusqlite::Connection, id: &BlockId) -> Stated<()> {
    let generation = id.generation();
    if generation > 0 {
        let sql = "INSERT INTO facts VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2
            WHERE CAST(value AS INTEGER) < CAST(?2 AS INTEGER)";
        let fact = generation_fact(&id.stem());
        db.prepare_cached(sql)?
            .execute([fact, generation.to_string()])?;
    }
    Ok(())
}

fn settle(
    db: &rusqlite::Connection,
    calendar: i64,
    settled: &Settled<'_>,
    home: &TimeZone,
) -> Stated<()> {
    let id = match settled {
        Settled::Stands(written) => {
            stands(db, calendar, written, home)?;
            written.id
        }
        Settled::Hushed(block, place) => {
            hushed(db, calendar, block, place, home)?;
            &block.id
        }
        Settled::Gone(id, href, why) => {
            forget_resource(db, calendar, href)?;
            let stem = id.stem();
            if *why == Why::Reset || !set_aside(db, calendar, &stem)? {
                db.prepare_cached(UNLINK)?
                    .execute(params![calendar, stem.as_str()])?;
            }
            id
        }
        Settled::Nothing(id) => id,
    };
    let sql = "DELETE FROM journal WHERE calendar = ?1 AND block = ?2";
    db.prepare_cached(sql)?
        .execute(params![calendar, id.as_str()])?;
    Ok(())
}

/// Notes where a block lies, and what it shows.
fn lies(
    db: &rusqlite::Connection,
    calendar: i64,
    place: &Place,
    (id, shape, face, print): (&BlockId, &Shape, &Face, Print),
    home: &TimeZone,
) -> Stated<Traces> {
    let resource = put_resource(db, calendar, &place.href, &place.version, None)?;
    // Whatever was not to be read there, or may have been hidden by that, is not there now.
    let hidden = db
        .prepare_cached("DELETE FROM events WHERE resource = ?1")?
        .execute([resource])?;
    if hidden > 0 {
        db.prepare_cached("UPDATE resources SET signs = 0 WHERE id = ?1")?
            .execute([resource])?;
        db.prepare_cached("UPDATE calendars SET revision = revision + 1 WHERE id = ?1")?
            .execute([calendar])?;
    }
    let seen = SeenBlock {
        print,
        traces: Traces::of(shape, face, &[]),
        shape: Some(shape.clone()),
        people: false,
        touched: false,
        moved: false,
    };
    put_block(db, (calendar, resource), id, &seen, None, home)?;
    Ok(seen.traces)
}

/// Notes that a block has no words any more. What it stands for is as it was.
fn hushed(
    db: &rusqlite::Connection,
    calendar: i64,
    block: &Block,
    place: &Place,
    home: &TimeZone,
) -> Stated<()> {
    let Block { id, shape, face } = block;
    let print = block.print();
    let traces = lies(db, calendar, place, (id, shape, face, print), home)?;
    let sql = "UPDATE links SET print = ?3, version = ?4, but_end = ?5, shows_words = 0, odd = NULL, echo = NULL, otherwise = NULL
        WHERE calendar = ?1 AND stem = ?2";
    let stem = id.stem();
    db.prepare_cached(sql)?.execute(params![
        calendar,
        stem.as_str(),
        print.0,
        &*place.version,
        but_end(shape, &traces)
    ])?;
    Ok(())
}

/// What a series shows but for its holes and its end, as it is written down.
fn but_end(shape: &Shape, traces: &Traces) -> Option<[u8; 16]> {
    matches!(shape, Shape::Series(_)).then_some(traces.but_end.0)
}

fn stands(
    db: &rusqlite::Connection,
    calendar: i64,
    written: &Written<'_>,
    home: &TimeZone,
) -> Stated<()> {
    let Written {
        id,
        place,
        wanted,
        print,
    } = written;
    let traces = lies(
        db,
        calendar,
        place,
        (*id, &wanted.shape, &wanted.face, *print),
        home,
    )?;
    // What is known of how the target keeps the very same block is not forgotten, only looked at again.
    let sql =
        "INSERT INTO links (calendar, stem, source, uid, occurrence, print, version, times, looked, shows_words, holes, course, but_end, ends)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9, ?10, ?11, ?12, ?13) ON CONFLICT (calendar, stem) DO UPDATE
        SET source = ?3, uid = ?4, occurrence = ?5, print = ?6, version = ?7, times = ?8, looked = 0, shows_words = ?9, holes = ?10, course = ?11,
            but_end = ?12, ends = ?13, odd = CASE WHEN print = ?6 THEN coalesce(echo, odd) END, echo = NULL, otherwise = NULL, disowned = 0";
    let stem = id.stem();
    db.prepare_cached(sql)?.execute(params![
        calendar,
        stem.as_str(),
        &*wanted.source,
        &*wanted.uid,
        &*wanted.occurrence,
        print.0,
        &*place.version,
        wanted.shape.times(home).0,
        wanted.shows.0,
        taken_out(&traces),
        wanted.shape.course(home).0,
        but_end(&wanted.shape, &traces),
        traces.ends.map(|ends| ends.to_string()),
    ])?;
    Ok(())
}

/// Forgets a link, unless a block of that stem still lies somewhere. Every id begins with its stem, so those of one stem lie
/// side by side in the index: looking through all blocks would make the removal of many take the square of their time.
const UNLINK: &str = "DELETE FROM links WHERE calendar = ?1 AND stem = ?2
    AND NOT EXISTS (SELECT 1 FROM blocks WHERE calendar = ?1 AND id >= ?2 AND id < ?2 || '~')";

/// Keeps what somebody did to a block that calsync took away, for when its event asks for it again. Says whether there was anything, and
/// its event is still there.
fn set_aside(db: &rusqlite::Connection, calendar: i64, stem: &Stem) -> Stated<bool> {
    let sql = "UPDATE links SET disowned = 1, held_back = 0 WHERE calendar = ?1 AND stem = ?2 AND left_of IS NOT NULL
        AND EXISTS (SELECT 1 FROM events e JOIN calendars c ON c.id = e.calendar WHERE c.name = links.source AND e.uid = links.uid)
        AND NOT EXISTS (SELECT 1 FROM blocks WHERE calendar = ?1 AND id >= ?2 AND id < ?2 || '~')";
    let kept = db
        .prepare_cached(sql)?
        .execute(params![calendar, stem.as_str()])?;
    Ok(kept > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_calsync_wrote_hides_nothing_of_anybodys() {
        let state = State::in_memory().unwrap();
        let sql = "INSERT INTO calendars (id, name) VALUES (1, 'home');
            INSERT INTO resources (id, calendar, href, version, trouble, signs) VALUES (1, 1, 'x.ics', '1', 'half', 3);
            INSERT INTO events (resource, calendar, uid, first, last, trouble) VALUES (1, 1, 'a', 0, 0, 'half');
            INSERT INTO events (resource, calendar, uid, body, first, last, hidden) VALUES (1, 1, 'b', '{}', 0, 0, 1);";
        state.db.execute_batch(sql).unwrap();
        let mint = crate::ident::Mint::new(&[7; 32]);
        let id = mint.id(&"home".into(), &Stem::from_storage("cs1"), 0);
        let span = crate::model::Span::timed(Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        let wanted = Wanted {
            shape: Shape::Once(span),
            face: std::sync::Arc::default(),
            shows: crate::plan::Shows::default(),
            source: "work".into(),
            uid: "b".into(),
            occurrence: "".into(),
            also: Vec::new(),
            in_time: Vec::new(),
            apart: std::collections::BTreeSet::new(),
        };
        let place = Place::once("x.ics".into(), "2".into());
        let written = Written {
            id: &id,
            place: &place,
            wanted: &wanted,
            print: Print::default(),
        };
        settle(&state.db, 1, &Settled::Stands(written), &TimeZone::UTC).unwrap();
        let count = |sql: &str| state.db.query_row(sql, [], |row| row.get::<_, i64>(0));
        assert_eq!(count("SELECT count(*) FROM events"), Ok(0));
        assert_eq!(count("SELECT signs FROM resources"), Ok(0));
        assert_eq!(count("SELECT revision FROM calendars"), Ok(1));
    }

    #[test]
    fn forgetting_a_link_looks_at_the_blocks_of_its_stem_alone() {
        let state = State::in_memory().unwrap();
        let mut explain = state
            .db
            .prepare(&format!("EXPLAIN QUERY PLAN {UNLINK}"))
            .unwrap();
        let rows = explain
            .query_map(params![1, "cs1"], |row| row.get::<_, String>("detail"))
            .unwrap();
        let steps: Vec<String> = rows.map(Result::unwrap).collect();
        let range = "SEARCH blocks USING PRIMARY KEY (calendar=? AND id>? AND id<?)";
        assert!(steps.iter().any(|step| step == range), "{steps:?}");
    }
}
