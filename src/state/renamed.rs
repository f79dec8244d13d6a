//! Calendars that have another name in the configuration now: what is remembered of them goes with them. A calendar is known by
//! how it is read, or by where it was found, and by nothing that stands in it.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Transaction, params};

use super::{Reading, State, Stated, calendars::LAST_CURSOR, look::UNKEPT};
use crate::model::CalendarName;

/// What a fact about a calendar begins with, before the name.
const ABOUT: [&str; 11] = [
    "stood ",
    "place ",
    "left ",
    "moved ",
    "copies ",
    "taken ",
    "stuck ",
    "barred ",
    "source ",
    LAST_CURSOR,
    UNKEPT,
];

/// What the calendars are called now that had another name before.
pub type Renamed = BTreeMap<CalendarName, CalendarName>;

/// What was changed so that memory follows names.
#[derive(Clone, Debug, Default)]
pub struct Followed {
    renamed: Renamed,
    /// The facts about former names as they were.
    formerly: Vec<(String, Option<String>)>,
}

/// A calendar that is remembered.
struct Known {
    name: CalendarName,
    reading: Reading,
}

/// A calendar of the configuration, as far as that tells it from others.
#[derive(Clone, Debug)]
pub struct Called<'a> {
    /// Its name.
    pub name: &'a CalendarName,
    /// How it is read.
    pub reading: &'a Reading,
    /// Where it is, in the words of its provider, if that is known before it is read.
    pub place: Option<String>,
}

impl State {
    /// Lets what is remembered of calendars follow them to the names that they have now: which blocks were written for which of
    /// their events, and which blocks stand in them. To be told before anything is read. What that changed can be taken back.
    pub fn follow_names<'a>(
        &self,
        calendars: impl Iterator<Item = Called<'a>>,
    ) -> Stated<Followed> {
        let all = self.all_renamed(calendars)?;
        if all.is_empty() {
            return Ok(Followed::default());
        }
        let tx = self.db.unchecked_transaction()?;
        let renamed = self.with_free_names(all.clone())?;
        let formerly: Vec<_> = all
            .iter()
            .map(|(former, name)| {
                let mut names = self.former_names(former)?;
                if !renamed.contains_key(former) {
                    names.extend(self.former_names(name)?);
                }
                names.insert(former.clone());
                Ok((name, names))
            })
            .collect::<Stated<_>>()?;
        self.rename_all(&tx, &renamed)?;
        let mut before = Vec::new();
        for (name, names) in formerly {
            let text = serde_json::to_string(&names).expect("names are always JSON");
            let fact = format!("formerly {name}");
            before.push((fact.clone(), self.fact(&fact)?));
            self.set_fact(&fact, &text)?;
        }
        tx.commit()?;
        Ok(Followed {
            renamed,
            formerly: before,
        })
    }

    /// Takes that back: whoever only looked may have looked by a mistaken configuration.
    pub fn unfollow(&self, followed: Followed) -> Stated<()> {
        let Followed { renamed, formerly } = followed;
        if formerly.is_empty() {
            return Ok(());
        }
        let tx = self.db.unchecked_transaction()?;
        let back: Renamed = renamed.into_iter().map(|(from, to)| (to, from)).collect();
        self.rename_all(&tx, &back)?;
        for (fact, before) in formerly {
            match before {
                Some(before) => self.set_fact(&fact, &before)?,
                None => self.drop_fact(&fact)?,
            }
        }
        Ok(tx.commit()?)
    }

    fn rename_all(&self, tx: &Transaction<'_>, renamed: &Renamed) -> Stated<()> {
        self.rename_facts(renamed)?;
        rename_calendars(tx, renamed)?;
        rename_sources(tx, renamed)?;
        self.doubt_strangers()?;
        self.drop_fact("settled")
    }

    /// The calendars whose memory follows them to another name.
    pub fn renamed<'a>(&self, calendars: impl Iterator<Item = Called<'a>>) -> Stated<Renamed> {
        let all = self.all_renamed(calendars)?;
        self.with_free_names(all)
    }

    /// Whether anything is remembered of a calendar that is none of these.
    pub fn knows_others(&self, names: &BTreeSet<&CalendarName>) -> Stated<bool> {
        let known = self.known()?;
        Ok(known.iter().any(|known| !names.contains(&known.name)))
    }

    /// The calendars that are read as another one was, and as no other one is now: that one's name, and theirs. Then those that
    /// are where one was that has left the configuration, however that was written there.
    fn all_renamed<'a>(&self, calendars: impl Iterator<Item = Called<'a>>) -> Stated<Renamed> {
        let calendars: Vec<Called<'a>> = calendars.collect();
        let known = self.known()?;
        let mut renamed = Renamed::new();
        for Called { name, reading, .. } in &calendars {
            // What several calendars share tells none of them apart.
            if calendars.iter().filter(|c| c.reading == *reading).count() > 1 {
                continue;
            }
            let mut same = known.iter().filter(|known| known.reading == **reading);
            let is_known = same.clone().any(|known| known.name == **name);
            if let Some(last) = same.next().filter(|_| !is_known) {
                renamed.insert(last.name.clone(), (*name).clone());
            }
        }
        // Also where names changed hands in the same moment as anything in how the calendars are read.
        for Called { name, place, .. } in &calendars {
            let is_shared = calendars.iter().filter(|c| c.place == *place).count() > 1;
            let is_found = renamed.values().any(|found| found == *name);
            if place.is_none() || is_shared || is_found || self.place_of(name)? == *place {
                continue;
            }
            for former in self.names_known()? {
                let is_free = former != **name && !renamed.contains_key(&former);
                if is_free && self.place_of(&former)? == *place {
                    renamed.insert(former, (*name).clone());
                    break;
                }
            }
        }
        Ok(renamed)
    }

    /// Those of them whose new name no other calendar has in memory, unless that one gives it up.
    fn with_free_names(&self, mut renamed: Renamed) -> Stated<Renamed> {
        let known: BTreeSet<CalendarName> =
            self.known()?.into_iter().map(|known| known.name).collect();
        loop {
            let is_taken =
                |name: &CalendarName| known.contains(name) && !renamed.contains_key(name);
            let mut taken = renamed.clone();
            taken.retain(|_, name| is_taken(name));
            if taken.is_empty() {
                return Ok(renamed);
            }
            renamed.retain(|former, _| !taken.contains_key(former));
        }
    }

    /// The calendars of which it is remembered how they were read, the one that was in step last first.
    fn known(&self) -> Stated<Vec<Known>> {
        let sql = "SELECT name, reading FROM calendars WHERE reading <> ''
            ORDER BY last_success DESC, id DESC";
        let mut query = self.db.prepare_cached(sql)?;
        let rows = query.query_map([], |row| {
            Ok(Known {
                name: row.get::<_, String>(0)?.into(),
                reading: Reading(row.get(1)?),
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// All calendars of which anything is remembered, also those that are to be read anew.
    fn names_known(&self) -> Stated<Vec<CalendarName>> {
        let sql = "SELECT name FROM calendars ORDER BY last_success DESC, id DESC";
        let mut query = self.db.prepare_cached(sql)?;
        let rows = query.query_map([], |row| row.get::<_, String>(0))?;
        let names = rows.map(|name| name.map(CalendarName::from));
        Ok(names.collect::<rusqlite::Result<_>>()?)
    }

    /// Lets the facts about calendars follow them.
    fn rename_facts(&self, renamed: &Renamed) -> Stated<()> {
        let now = |name: CalendarName| renamed.get(&name).cloned().unwrap_or(name);
        let refused = self.refused_at()?.into_iter();
        let refused = refused.map(|((target, source), n)| ((now(target), source.map(now)), n));
        self.note_refused_at(&refused.collect())?;
        let mut facts = Vec::new();
        for word in ABOUT {
            for (former, name) in renamed {
                let fact = format!("{word}{former}");
                if let Some(value) = self.fact(&fact)? {
                    facts.push((format!("{word}{name}"), value));
                }
            }
            for name in renamed.keys().chain(renamed.values()) {
                self.drop_fact(&format!("{word}{name}"))?;
            }
        }
        facts
            .iter()
            .try_for_each(|(fact, value)| self.set_fact(fact, value))
    }

    /// The names that the place of a calendar had before.
    pub(super) fn former_names(&self, name: &CalendarName) -> Stated<BTreeSet<CalendarName>> {
        let names = self.fact(&format!("formerly {name}"))?;
        Ok(names
            .and_then(|names| serde_json::from_str(&names).ok())
            .unwrap_or_default())
    }
}

/// Gives the rows their new names. Names may go round in a circle, so all are taken away first. A former name stays known: by it
/// the blocks that were made under it are recognised.
fn rename_calendars(tx: &Transaction<'_>, renamed: &Renamed) -> Stated<()> {
    for former in renamed.keys() {
        let sql = "UPDATE calendars SET name = char(1) || name WHERE name = ?1";
        tx.execute(sql, [&**former])?;
    }
    for (former, name) in renamed {
        tx.execute("DELETE FROM calendars WHERE name = ?1", [&**name])?;
        let sql = "UPDATE calendars SET name = ?2 WHERE name = char(1) || ?1";
        tx.execute(sql, params![&**former, &**name])?;
    }
    for former in renamed.keys() {
        let sql = "INSERT INTO calendars (name) VALUES (?1) ON CONFLICT (name) DO NOTHING";
        tx.execute(sql, [&**former])?;
    }
    Ok(())
}

/// Lets what was written for events of a calendar count as written for events of the same calendar by its new name.
fn rename_sources(tx: &Transaction<'_>, renamed: &Renamed) -> Stated<()> {
    for (former, name) in renamed {
        let sql = "UPDATE links SET source = char(1) || ?2 WHERE source = ?1";
        tx.execute(sql, params![&**former, &**name])?;
    }
    let sql = "UPDATE links SET source = substr(source, 2) WHERE substr(source, 1, 1) = char(1)";
    tx.execute(sql, [])?;
    Ok(())
}
