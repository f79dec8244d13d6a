//! The words of events, forgotten as soon as no rule shows them: whether or not their calendar can be read again. Must never touch
//! when an event is.

use rusqlite::params;

use super::{State, Stated};
use crate::model::{CalendarName, Event};

impl State {
    /// Forgets the words of all events of a calendar.
    pub fn forget_words(&self, name: &CalendarName) -> Stated<()> {
        let sql = "SELECT resource, uid, body FROM events
            WHERE body IS NOT NULL AND calendar = (SELECT id FROM calendars WHERE name = ?1)";
        let mut query = self.db.prepare_cached(sql)?;
        let mut rows = query.query([&**name])?;
        let mut silent = Vec::new();
        while let Some(row) = rows.next()? {
            let (resource, uid, body): (i64, String, String) =
                (row.get(0)?, row.get(1)?, row.get(2)?);
            // What an older calsync wrote otherwise is read anew before it counts.
            let Ok(mut event) = serde_json::from_str::<Event>(&body) else {
                continue;
            };
            if event.forget_words() {
                silent.push((resource, uid, event.body()));
            }
        }
        drop(rows);
        for (resource, uid, body) in silent {
            let sql = "UPDATE events SET body = ?3 WHERE resource = ?1 AND uid = ?2";
            self.db
                .prepare_cached(sql)?
                .execute(params![resource, uid, body])?;
        }
        Ok(())
    }
}
