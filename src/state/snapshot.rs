//! Everything the planner needs, read in one go and merged by UID.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Row, params};

use super::{State, Stated};
use crate::{
    ident::{Mint, Recognised, Stem},
    model::{CalendarName, Event, Print, Uid, Window},
    plan::{Held, Link, Present, Sight, Source, Target},
};

impl State {
    /// A calendar's own events that may touch the window, and how well it is known. `fresh`: it was read in this run.
    pub fn source(&self, name: &CalendarName, window: &Window, fresh: bool) -> Stated<Source> {
        let calendar = self.calendar_id(name)?;
        let mut source = Source {
            sight: self.sight(calendar, fresh)?,
            ..Source::default()
        };
        let sql = "SELECT events FROM calendars WHERE id = ?1";
        let total: i64 = self
            .db
            .prepare_cached(sql)?
            .query_row([calendar], |row| row.get(0))?;
        source.total = usize::try_from(total).unwrap_or(0);
        let sql = "SELECT uid, body FROM events WHERE calendar = ?1 AND body IS NOT NULL AND uid IN
            (SELECT uid FROM events WHERE calendar = ?1 AND last >= ?2 AND first <= ?3)
            ORDER BY uid, resource";
        let mut query = self.db.prepare_cached(sql)?;
        let mut rows = query.query(params![
            calendar,
            window.from().as_second(),
            window.to().as_second()
        ])?;
        while let Some(row) = rows.next()? {
            let uid: Uid = row.get_ref(0)?.as_str().unwrap_or_default().into();
            let body = row.get_ref(1)?.as_str().unwrap_or_default();
            // What cannot be read counts as not known, so nothing is taken away on account of it.
            let Ok(event) = serde_json::from_str::<Event>(body) else {
                source.sight.whole = false;
                continue;
            };
            source.events.entry(uid).or_default().merge(event);
        }
        Ok(source)
    }

    fn sight(&self, calendar: i64, fresh: bool) -> Stated<Sight> {
        let sql = "SELECT whole,
            EXISTS (SELECT 1 FROM resources WHERE calendar = ?1 AND trouble IS NOT NULL)
              OR EXISTS (SELECT 1 FROM events WHERE calendar = ?1 AND trouble IS NOT NULL)
            FROM calendars WHERE id = ?1";
        let mut query = self.db.prepare_cached(sql)?;
        Ok(query.query_row([calendar], |row| {
            Ok(Sight {
                fresh,
                whole: row.get(0)?,
                gaps: row.get(1)?,
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
        self.load_links(calendar, &mut target)?;
        self.load_blocks(calendar, mint, &mut target)?;
        for other in others.filter(|other| *other != name) {
            self.find_copies(other, &mut target)?;
        }
        Ok(target)
    }

    fn load_links(&self, calendar: i64, target: &mut Target) -> Stated<()> {
        let sql = "SELECT stem, source, uid, print, echo FROM links WHERE calendar = ?1";
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
            let link = link(row, source)?;
            target.held.insert(
                stem,
                Held {
                    present: None,
                    link: Some(link),
                },
            );
        }
        Ok(())
    }

    fn load_blocks(&self, calendar: i64, mint: &Mint, target: &mut Target) -> Stated<()> {
        let sql = "SELECT id, print, hands_off, first, first_end, repeats, last
            FROM blocks WHERE calendar = ?1 ORDER BY id";
        let mut query = self.db.prepare_cached(sql)?;
        let mut rows = query.query([calendar])?;
        while let Some(row) = rows.next()? {
            // Checked again on the way out: what is in the file is not believed to be ours, its seal is.
            let Recognised::Ours(id) = mint.recognise(row.get_ref(0)?.as_str().unwrap_or_default())
            else {
                continue;
            };
            let present = present(row, id)?;
            let held = target.held.entry(present.id.stem()).or_insert(Held {
                present: None,
                link: None,
            });
            // Ids ascend, so the later generation comes later and is the one that counts.
            if let Some(older) = held.present.replace(present) {
                target.extras.push(older);
            }
        }
        Ok(())
    }

    /// Marks the blocks that calsync did not write here, but did write in another calendar: somebody copied them.
    fn find_copies(&self, other: &CalendarName, target: &mut Target) -> Stated<()> {
        let other = self.calendar_id(other)?;
        let mut query = self
            .db
            .prepare_cached("SELECT 1 FROM links WHERE calendar = ?1 AND stem = ?2")?;
        let unknown = target.held.iter().filter(|(_, held)| held.link.is_none());
        for (stem, _) in unknown {
            if query.exists(params![other, stem.as_str()])? {
                target.copies.insert(stem.clone());
            }
        }
        Ok(())
    }
}

fn text<T: for<'a> From<&'a str>>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    Ok(row.get_ref(column)?.as_str().unwrap_or_default().into())
}

fn print(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Print>> {
    let bytes = row.get_ref(column)?.as_blob_or_null()?;
    Ok(bytes.and_then(Print::from_bytes))
}

fn link(row: &Row<'_>, source: CalendarName) -> rusqlite::Result<Link> {
    Ok(Link {
        source,
        uid: text(row, 2)?,
        print: print(row, 3)?.unwrap_or_default(),
        echo: print(row, 4)?,
    })
}

fn present(row: &Row<'_>, id: crate::ident::BlockId) -> rusqlite::Result<Present> {
    let time = |second| Timestamp::from_second(second).unwrap_or(Timestamp::MAX);
    Ok(Present {
        id,
        print: print(row, 1)?.unwrap_or_default(),
        hands_off: row.get(2)?,
        first: time(row.get(3)?),
        first_end: time(row.get(4)?),
        repeats: row.get(5)?,
        last: row.get::<_, Option<i64>>(6)?.map(time),
    })
}
