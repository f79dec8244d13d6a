//! Everything the planner needs, read in one go and merged by UID.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::DateTime};
use rusqlite::{Row, params};

use super::{
    State, Stated,
    record::{RENAMED, RENAMED_OR_EDITED, UNREAD, name_of},
};
use crate::{
    ident::{BlockId, Mint, Recognised, Stem},
    model::{CalendarName, Event, Href, Print, Traces, Uid, Window, plain},
    plan::{Busy, Held, LeftSo, Link, Present, Shows, Sight, Source, Target, Written},
};

impl State {
    /// A calendar's own events that may touch the window, and how well it is known. `fresh`: it was read in this run.
    pub fn source(&self, name: &CalendarName, window: &Window, fresh: bool) -> Stated<Source> {
        let calendar = self.calendar_id(name)?;
        let mut source = Source {
            sight: self.sight(calendar, fresh)?,
            ..Source::default()
        };
        source.total = self.events(name)?;
        source.stood = self.stood(name)?;
        source.troubled = self.troubled(calendar)?;
        source.private = self.private(name, calendar)?;
        let sql = "SELECT uid, body FROM events WHERE calendar = ?1 AND body IS NOT NULL AND uid IN
            (SELECT uid FROM events WHERE calendar = ?1 AND last >= ?2 AND first <= ?3)
            ORDER BY uid, resource";
        let mut query = self.db.prepare_cached(sql)?;
        let mut rows = query.query(params![
            calendar,
            window.from().as_second(),
            window.to().as_second()
        ])?;
        let mut said: Vec<Event> = Vec::new();
        let mut uid = Uid::default();
        while let Some(row) = rows.next()? {
            let next = row.get_ref(0)?.as_str().unwrap_or_default();
            if next != &*uid {
                file(
                    &mut source,
                    std::mem::replace(&mut uid, next.into()),
                    &mut said,
                );
            }
            let body = row.get_ref(1)?.as_str().unwrap_or_default();
            // What cannot be read counts as not known, so nothing is taken away on account of it.
            let Ok(event) = serde_json::from_str::<Event>(body) else {
                source.sight.whole = false;
                continue;
            };
            said.push(event);
        }
        file(&mut source, uid, &mut said);
        Ok(source)
    }

    /// The private events of a calendar of which blocks show words.
    fn private(&self, name: &CalendarName, calendar: i64) -> Stated<BTreeSet<Uid>> {
        let sql = "SELECT DISTINCT e.uid FROM links l INDEXED BY links_with_words
            CROSS JOIN events e ON e.calendar = ?1 AND e.uid = l.uid
            WHERE l.source = ?2 AND l.shows_words <> 0 AND json_extract(e.body, '$.m.t.p')";
        let mut query = self.db.prepare_cached(sql)?;
        let uids = query.query_map(params![calendar, &**name], |row| {
            Ok(row.get::<_, String>(0)?.into())
        })?;
        Ok(uids.collect::<rusqlite::Result<_>>()?)
    }

    fn troubled(&self, calendar: i64) -> Stated<BTreeSet<Uid>> {
        // Also what is not named in a text that cannot be read as a whole, and may be in it.
        let sql = "SELECT uid FROM events WHERE calendar = ?1 AND trouble IS NOT NULL
            UNION SELECT uid FROM events WHERE resource IN
                (SELECT id FROM resources WHERE calendar = ?1 AND trouble IS NOT NULL)";
        let mut query = self.db.prepare_cached(sql)?;
        let uids = query.query_map([calendar], |row| Ok(row.get::<_, String>(0)?.into()))?;
        Ok(uids.collect::<rusqlite::Result<_>>()?)
    }

    fn sight(&self, calendar: i64, fresh: bool) -> Stated<Sight> {
        let sql = "SELECT whole,
            EXISTS (SELECT 1 FROM resources WHERE calendar = ?1 AND trouble IS NOT NULL)
              OR EXISTS (SELECT 1 FROM events WHERE calendar = ?1 AND trouble IS NOT NULL AND uid LIKE 'no-uid-%'),
            EXISTS (SELECT 1 FROM events WHERE calendar = ?1 AND trouble IS NOT NULL AND uid LIKE 'no-uid-%'),
            EXISTS (SELECT 1 FROM resources WHERE calendar = ?1 AND signs > 0)
            FROM calendars WHERE id = ?1";
        let mut query = self.db.prepare_cached(sql)?;
        Ok(query.query_row([calendar], |row| {
            Ok(Sight {
                fresh,
                whole: row.get(0)?,
                gaps: row.get(1)?,
                nameless: row.get(2)?,
                signs: row.get(3)?,
            })
        })?)
    }

    /// Our blocks in a calendar. `fresh`: it was read in this run; `others`: the calendars that are configured beside it.
    pub fn target<'a>(
        &self,
        name: &CalendarName,
        mint: &Mint,
        fresh: bool,
        others: impl Iterator<Item = &'a CalendarName>,
    ) -> Stated<Target> {
        let calendar = self.calendar_id(name)?;
        let mut target = Target {
            fresh,
            ..Target::default()
        };
        let others: BTreeSet<CalendarName> = others.cloned().collect();
        self.load_links(calendar, &mut target)?;
        let eyes = Eyes {
            mint,
            name,
            names: self.names(&others)?,
            formerly: self.former_names(name)?,
        };
        self.load_blocks(calendar, &eyes, &mut target)?;
        Ok(target)
    }

    /// Where in a calendar blocks lie that are left alone: copies of other calendars' blocks, those that somebody made their own, and
    /// those of other installations or names; at most `limit`, in words for people.
    pub fn left_alone_at<'a>(
        &self,
        name: &CalendarName,
        mint: &Mint,
        others: impl Iterator<Item = &'a CalendarName>,
        limit: usize,
    ) -> Stated<BTreeSet<String>> {
        let eyes = Eyes {
            mint,
            name,
            names: self.names(&others.cloned().collect())?,
            formerly: self.former_names(name)?,
        };
        let sql = "SELECT r.href, b.id, coalesce(b.hands_off, 0) FROM resources r
            LEFT JOIN blocks b ON b.resource = r.id
            WHERE r.calendar = (SELECT id FROM calendars WHERE name = ?1) AND (b.id IS NOT NULL OR r.foreigns > 0)
            ORDER BY r.href";
        let mut query = self.db.prepare_cached(sql)?;
        let mut rows = query.query([&**name])?;
        let mut places = BTreeSet::new();
        while let Some(row) = rows.next()? {
            let id: Option<String> = row.get(1)?;
            let is_ours = |id: &str| matches!(eyes.look(id), Seen::Ours(_));
            let hands_off: i64 = row.get(2)?;
            if !id.is_some_and(|id| is_ours(&id) && hands_off == 0) && places.len() < limit {
                places.insert(plain(row.get_ref(0)?.as_str().unwrap_or_default()));
            }
        }
        Ok(places)
    }

    fn load_links(&self, calendar: i64, target: &mut Target) -> Stated<()> {
        let sql = "SELECT stem, source, uid, print, echo, otherwise, shows_words, times, held_back, left_out, left_of, disowned, holes, course, left_after, left_at, but_end, ends
            FROM links WHERE calendar = ?1";
        let mut query = self.db.prepare_cached(sql)?;
        let mut rows = query.query([calendar])?;
        let mut names: BTreeSet<CalendarName> = BTreeSet::new();
        while let Some(row) = rows.next()? {
            let name = row.get_ref(1)?.as_str().unwrap_or_default();
            // One name for thousands of links, not a copy for each.
            if !names.contains(name) {
                names.insert(name.into());
            }
            let source = names.get(name).cloned().unwrap_or_default();
            let stem = Stem::from_storage(row.get_ref(0)?.as_str().unwrap_or_default());
            let link = Some(link(row, source)?);
            let present = None;
            target.held.insert(stem, Held { present, link });
        }
        Ok(())
    }

    fn load_blocks(&self, calendar: i64, eyes: &Eyes<'_>, target: &mut Target) -> Stated<()> {
        let sql = "SELECT id, print, hands_off, first, first_end, repeats, last, resource, times, but_start, but_holes, taken_out, but_end, ends, words
            FROM blocks WHERE calendar = ?1 ORDER BY id, resource";
        let mut query = self.db.prepare_cached(sql)?;
        let mut rows = query.query([calendar])?;
        while let Some(row) = rows.next()? {
            // Checked again on the way out: what is in the file is not believed to be ours, its seal is.
            let id = row.get_ref(0)?.as_str().unwrap_or_default();
            let id = match eyes.look(id) {
                Seen::Ours(id) => id,
                Seen::Copy => {
                    target.copies += 1;
                    continue;
                }
                Seen::Foreign => continue,
            };
            let mut present = present(row, id)?;
            let mark: i64 = row.get(2)?;
            target.renamed += usize::from(matches!(mark, RENAMED | RENAMED_OR_EDITED));
            let held = target.held.entry(present.id.stem()).or_default();
            let is_edited = held
                .link
                .as_ref()
                .is_some_and(|link| link.print != present.print);
            if is_edited {
                present.traces = traces(row)?;
            }
            if held.link.is_none() {
                present.words = print(row, 14)?;
            }
            if let Some(mut other) = held.present.take() {
                // Only of something that stands twice it matters where.
                if other.href.is_none() {
                    other.href = Some(self.first_href(calendar, &other.id)?);
                }
                present.href = Some(self.href(row.get(7)?)?);
                if rank(&other) < rank(&present) {
                    std::mem::swap(&mut other, &mut present);
                }
                target.extras.push(other);
            }
            held.present = Some(present);
        }
        Ok(())
    }

    /// When our blocks in a calendar are that repeat: each as an event without words.
    pub fn series(&self, name: &CalendarName, mint: &Mint) -> Stated<BTreeMap<Stem, Event>> {
        let sql = "SELECT id, series FROM blocks
            WHERE series IS NOT NULL AND calendar = (SELECT id FROM calendars WHERE name = ?1)";
        let mut query = self.db.prepare_cached(sql)?;
        let mut rows = query.query([&**name])?;
        let mut found = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let id = row.get_ref(0)?.as_str().unwrap_or_default();
            let series = row.get_ref(1)?.as_str().unwrap_or_default();
            if let Recognised::Ours(id) = mint.recognise(id, name)
                && let Ok(event) = serde_json::from_str(series)
            {
                found.insert(id.stem(), event);
            }
        }
        Ok(found)
    }

    fn href(&self, resource: i64) -> Stated<Href> {
        let sql = "SELECT href FROM resources WHERE id = ?1";
        let mut query = self.db.prepare_cached(sql)?;
        let href: String = query.query_row([resource], |row| row.get(0))?;
        Ok(href.into())
    }

    /// Where the first of all blocks with an id lies.
    fn first_href(&self, calendar: i64, id: &BlockId) -> Stated<Href> {
        let sql = "SELECT min(resource) FROM blocks WHERE calendar = ?1 AND id = ?2";
        let mut query = self.db.prepare_cached(sql)?;
        self.href(query.query_row(params![calendar, id.as_str()], |row| row.get(0))?)
    }
}

/// Who looks at the blocks in a calendar.
struct Eyes<'a> {
    mint: &'a Mint,
    name: &'a CalendarName,
    /// The names that its place had before.
    formerly: BTreeSet<CalendarName>,
    /// All calendars that there are or were.
    names: BTreeSet<CalendarName>,
}

/// Whose a block is.
enum Seen {
    Ours(BlockId),
    /// Made for another calendar: somebody copied it here.
    Copy,
    Foreign,
}

impl Eyes<'_> {
    fn look(&self, id: &str) -> Seen {
        if let Recognised::Ours(id) = self.mint.recognise(id, self.name) {
            return Seen::Ours(id);
        }
        let Some(name) = self.mint.made_for(id, self.names.iter()) else {
            return Seen::Foreign;
        };
        match self.mint.recognise(id, name) {
            Recognised::Ours(id) if self.formerly.contains(name) => Seen::Ours(id),
            // Whether that calendar is there or was: here it is a copy, and may be somebody's event by now.
            Recognised::Ours(_) => Seen::Copy,
            Recognised::Foreign | Recognised::Not => Seen::Foreign,
        }
    }
}

/// Files what all resources say about one UID.
fn file(source: &mut Source, uid: Uid, said: &mut Vec<Event>) {
    if let [_] = &said[..] {
        // Nearly always: nothing to merge.
        source.events.extend(said.pop().map(|event| (uid, event)));
    } else if !said.is_empty() {
        let (event, twins) = Event::gather(said.drain(..));
        for twin in twins {
            source.events.insert(twin.twin_uid(&uid), twin);
        }
        source.events.insert(uid, event);
    }
}

/// Which of several blocks for the same thing counts: the least. One that is still ours, of the latest generation, and of copies
/// the one that lies at the place named after it.
fn rank(present: &Present) -> impl Ord {
    let href = present.href.as_ref();
    let named = href.is_some_and(|href| name_of(href) == present.id.as_str());
    let generation = std::cmp::Reverse(present.id.generation());
    (present.hands_off, generation, !named, href.cloned())
}

fn text<T: for<'a> From<&'a str>>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    Ok(row.get_ref(column)?.as_str().unwrap_or_default().into())
}

fn print(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Print>> {
    let bytes = row.get_ref(column)?.as_blob_or_null()?;
    Ok(bytes.and_then(Print::from_bytes))
}

/// Local starts, written down as JSON; none if there are none, or nobody can read them.
fn starts(row: &Row<'_>, column: usize) -> rusqlite::Result<BTreeSet<DateTime>> {
    let text = row.get_ref(column)?.as_str_or_null()?;
    Ok(text
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default())
}

/// What tells one kind of edit of a block from another, if it was read since that is written down.
fn traces(row: &Row<'_>) -> rusqlite::Result<Option<Box<Traces>>> {
    let prints = (print(row, 9)?, print(row, 10)?, print(row, 12)?);
    let (Some(but_start), Some(but_holes), Some(but_end)) = prints else {
        return Ok(None);
    };
    Ok(Some(Box::new(Traces {
        but_start,
        but_holes,
        but_end,
        ends: local_time(row, 13)?,
        words: print(row, 14)?.unwrap_or_default(),
        holes: starts(row, 11)?,
    })))
}

/// A local time; none if there is none, or nobody can read it.
fn local_time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<DateTime>> {
    let text = row.get_ref(column)?.as_str_or_null()?;
    Ok(text.and_then(|text| text.parse().ok()))
}

fn left_so(row: &Row<'_>) -> rusqlite::Result<Option<Box<LeftSo>>> {
    let Some(of) = print(row, 10)? else {
        return Ok(None);
    };
    let moved = row.get_ref(15)?.as_str_or_null()?;
    Ok(Some(Box::new(LeftSo {
        starts: starts(row, 9)?,
        after: local_time(row, 14)?,
        moved: moved.and_then(|text| serde_json::from_str(text).ok()),
        of,
    })))
}

fn link(row: &Row<'_>, source: CalendarName) -> rusqlite::Result<Link> {
    Ok(Link {
        source,
        uid: text(row, 2)?,
        print: print(row, 3)?.unwrap_or_default(),
        echo: print(row, 4)?,
        otherwise: print(row, 5)?,
        shows: Shows(row.get(6)?),
        times: print(row, 7)?,
        held_back: row.get(8)?,
        left_so: left_so(row)?,
        disowned: row.get(11)?,
        holes: starts(row, 12)?,
        course: print(row, 13)?,
        written: match print(row, 16)? {
            Some(but_end) => {
                let ends = local_time(row, 17)?;
                Some(Box::new(Written { but_end, ends }))
            }
            None => None,
        },
    })
}

fn present(row: &Row<'_>, id: BlockId) -> rusqlite::Result<Present> {
    let time = |second| Timestamp::from_second(second).unwrap_or(Timestamp::MAX);
    Ok(Present {
        id,
        href: None,
        print: print(row, 1)?.unwrap_or_default(),
        // What a server renamed and nobody edited may still be taken away.
        hands_off: !matches!(row.get(2)?, 0 | RENAMED),
        busy: match print(row, 8)? {
            Some(times) => Busy::At(Box::new(times)),
            None if row.get_ref(2)?.as_i64() == Ok(UNREAD) => Busy::Unread,
            None => Busy::Partly,
        },
        traces: None,
        words: None,
        first: time(row.get(3)?),
        first_end: time(row.get(4)?),
        repeats: row.get(5)?,
        last: row.get::<_, Option<i64>>(6)?.map(time),
    })
}
