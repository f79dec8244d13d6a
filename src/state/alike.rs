//! Calendars that are one under two addresses, which nobody can see in the addresses. What was written through the one stands
//! in the other: that is the proof. Asks no calendar.

use std::collections::BTreeMap;

use rusqlite::params;

use super::{State, Stated};
use crate::{
    ident::{Mint, Recognised},
    model::{CalendarName, Href, Version},
};

impl State {
    /// Whether all blocks that were made for each of two calendars stand in both, at the same places and in the same versions. A
    /// copy of a calendar holds the blocks of the one, and what is written to it later does not come to the other.
    pub fn are_one(&self, one: &CalendarName, other: &CalendarName, mint: &Mint) -> Stated<bool> {
        Ok(self.shows_all_of(one, other, mint)? && self.shows_all_of(other, one, mint)?)
    }

    /// Whether there are blocks made for a calendar in it, and all of them in another one as well.
    fn shows_all_of(&self, name: &CalendarName, other: &CalendarName, mint: &Mint) -> Stated<bool> {
        let made = self.made_for(name, mint)?;
        let sql =
            "SELECT 1 FROM resources WHERE calendar = (SELECT id FROM calendars WHERE name = ?1)
            AND href = ?2 AND version = ?3 AND trouble IS NULL";
        let mut query = self.db.prepare_cached(sql)?;
        for (href, version) in &made {
            if !query.exists(params![&**other, &**href, &**version])? {
                return Ok(false);
            }
        }
        Ok(!made.is_empty())
    }

    /// Where the blocks lie that were made for a calendar, and in which versions.
    fn made_for(&self, name: &CalendarName, mint: &Mint) -> Stated<BTreeMap<Href, Version>> {
        let sql =
            "SELECT b.id, r.href, r.version FROM blocks b JOIN resources r ON r.id = b.resource
            WHERE b.calendar = (SELECT id FROM calendars WHERE name = ?1)";
        let mut query = self.db.prepare_cached(sql)?;
        let mut rows = query.query([&**name])?;
        let mut made = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let id: String = row.get(0)?;
            if let Recognised::Ours(_) = mint.recognise(&id, name) {
                let (href, version): (String, String) = (row.get(1)?, row.get(2)?);
                made.insert(href.into(), version.into());
            }
        }
        Ok(made)
    }
}
