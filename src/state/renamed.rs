//! Calendars that have another name in the configuration now: what is remembered of them goes with them. A calendar is known by
//! how it is read, and by nothing that stands in it.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Transaction, params};

use super::{Reading, State, Stated, calendars::LAST_CURSOR};
use crate::model::CalendarName;

/// What a fact about a calendar begins with, before the name.
const ABOUT: [&str; 7] = [
    "stood ",
    "place ",
    "left ",
    "copies ",
    "taken ",
    "stuck ",
    LAST_CURSOR,
];

/// What the calendars are called now that had another name before.
pub type Renamed = BTreeMap<CalendarName, CalendarName>;

/// A calendar that is remembered.
struct Known {
    name: CalendarName,
    reading: Reading,
}

impl State {
    /// Lets what is remembered of calendars follow them to the names that they have now: which blocks were written for which of
    /// their events, and which blocks stand in them. To be told before anything is read.
    pub fn follow_names<'a>(
        &self,
        readings: impl Iterator<Item = (&'a CalendarName, &'a Reading)>,
    ) -> Stated<()> {
        let all = self.all_renamed(readings)?;
        if all.is_empty() {
            return Ok(());
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
        self.rename_facts(&renamed)?;
        rename_calendars(&tx, &renamed)?;
        rename_sources(&tx, &renamed)?;
        for (name, names) in formerly {
            let text = serde_json::to_string(&names).expect("names are always JSON");
            self.set_fact(&format!("formerly {name}"), &text)?;
        }
        self.drop_fact("settled")?;
        tx.commit()?;
        Ok(())
    }

    /// The calendars whose memory follows them to another name.
    pub fn renamed<'a>(
        &self,
        readings: impl Iterator<Item = (&'a CalendarName, &'a Reading)>,
    ) -> Stated<Renamed> {
        let all = self.all_renamed(readings)?;
        self.with_free_names(all)
    }

    /// The calendars that are read as another one was, and as no other one is now: that one's name, and theirs.
    fn all_renamed<'a>(
        &self,
        readings: impl Iterator<Item = (&'a CalendarName, &'a Reading)>,
    ) -> Stated<Renamed> {
        let mut names_of: BTreeMap<&Reading, Vec<&CalendarName>> = BTreeMap::new();
        for (name, reading) in readings {
            names_of.entry(reading).or_default().push(name);
        }
        let known = self.known()?;
        let mut renamed = Renamed::new();
        for (reading, names) in names_of {
            // What several calendars share tells none of them apart.
            let [name] = &names[..] else { continue };
            let mut same = known.iter().filter(|known| known.reading == *reading);
            let is_known = same.clone().any(|known| known.name == **name);
            if let Some(last) = same.next().filter(|_| !is_known) {
                renamed.insert(last.name.clone(), (*name).clone());
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
