//! What was there before and is not in a listing of everything, or is said to be gone in one of what changed: gone, left out, or
//! there all the same. Whoever asks for it learns which. Not to be listed is not to be gone, and nothing counts as gone because
//! asking failed.

use std::collections::BTreeSet;

use super::{
    CaldavCalendar,
    account::Ask,
    address::Address,
    content::block_name,
    reading::{BATCH, Reading, STRAYS},
    version::version,
    xml::{self, Member},
};
use crate::{
    model::{Href, Version},
    provider::{Answer, ErrorKind, Known, daily::spread},
};

/// How many are asked for, several at once.
const ASKED_MAX: usize = 1_000;
/// How many of those of which the server then says nothing are asked for one by one.
const SINGLES_MAX: usize = 50;

impl CaldavCalendar {
    /// Finds out what became of what is not listed any more.
    pub(super) async fn look_for_missing(
        &mut self,
        reading: &mut Reading,
        folder: &Address,
        known: &dyn Known,
    ) -> Answer<()> {
        let told = |href: &Href| reading.listed.contains_key(href) || reading.kept.contains(href);
        let held = known.held().into_iter();
        let missing = held.filter(|href| !told(href) && **href != *STRAYS);
        let missing: Vec<Href> = missing.collect();
        let asked = spread(&missing, ASKED_MAX);
        let aliases = Aliases::of(reading, known);
        let (mut found, mut left) = (0, BTreeSet::new());
        for batch in asked.chunks(BATCH) {
            let (there, untold) = self.ask_for(reading, folder, batch).await?;
            found += there;
            left.extend(untold);
            found -= aliases.drop_from(reading, batch);
        }
        let left: Vec<Href> = left.into_iter().collect();
        let singles = spread(&left, SINGLES_MAX);
        for href in &singles {
            found += usize::from(self.ask_for_one(reading, href).await?);
        }
        found -= aliases.drop_from(reading, &singles);
        // Too many to ask for each: if none of many is there, the others are not there either.
        let is_all = asked.len() == missing.len() && singles.len() == left.len();
        match is_all || found == 0 {
            true => Ok(()),
            false => Err(self.error(ErrorKind::Broken, SHORT)),
        }
    }

    /// Makes sure of what is said to be gone since the last time. What a server then says nothing of is as it was said to be: some
    /// say nothing of what they do not have.
    pub(super) async fn look_for_gone(
        &mut self,
        reading: &mut Reading,
        folder: &Address,
        known: &dyn Known,
    ) -> Answer<()> {
        if reading.gone.is_empty() {
            return Ok(());
        }
        // What was never seen here is nobody's loss.
        let held = known.held();
        let gone: Vec<Href> = reading.gone.intersection(&held).cloned().collect();
        let asked = spread(&gone, ASKED_MAX);
        let mut found = 0;
        for batch in asked.chunks(BATCH) {
            let (there, _untold) = self.ask_for(reading, folder, batch).await?;
            found += there;
        }
        let listed = &reading.listed;
        reading.gone.retain(|href| !listed.contains_key(href));
        match asked.len() == gone.len() || found == 0 {
            true => Ok(()),
            false => Err(self.error(ErrorKind::Broken, TAKEN_BACK)),
        }
    }

    /// Asks for several at once. How many are there, and of which the server did not say whether they are.
    async fn ask_for(
        &mut self,
        reading: &mut Reading,
        folder: &Address,
        batch: &[Href],
    ) -> Answer<(usize, BTreeSet<Href>)> {
        let paths: Vec<String> = batch.iter().map(|href| folder.inside(href).uri()).collect();
        let ask = Ask::xml(
            "REPORT",
            folder,
            "1",
            &xml::multiget(&paths, &["d:getetag"]),
        );
        let response = self.ask(ask).await?;
        let mut left: BTreeSet<Href> = batch.iter().cloned().collect();
        let told = match self.listing(&response) {
            Ok(told) => told.members,
            Err(error) if matches!(error.kind, ErrorKind::Retry(_) | ErrorKind::SignIn) => {
                return Err(error);
            }
            // A server that does not take such questions has not answered this one.
            Err(_) => Vec::new(),
        };
        let mut found = 0;
        for member in told {
            let at = folder.join(&member.href);
            let href = at.and_then(|at| folder.name_of(&at)).map(Href::from);
            let Some(href) = href.filter(|href| left.contains(href)) else {
                continue;
            };
            match is_there(&member) {
                Some(true) => {
                    found += 1;
                    let told = member.props.etag.as_deref().and_then(version);
                    reading.listed.insert(href.clone(), told);
                }
                Some(false) => reading.is_gone(&href),
                None => continue,
            }
            left.remove(&href);
        }
        Ok((found, left))
    }

    /// Asks for one. Whether it is there, as far as anybody knows.
    async fn ask_for_one(&mut self, reading: &mut Reading, href: &Href) -> Answer<bool> {
        match self.resource(href).await {
            Ok(Some((version, _))) => {
                reading.listed.insert(href.clone(), Some(version));
                Ok(true)
            }
            Ok(None) => {
                reading.is_gone(href);
                Ok(false)
            }
            Err(error) if matches!(error.kind, ErrorKind::Retry(_) | ErrorKind::SignIn) => {
                Err(error)
            }
            Err(_) => {
                // No token brings it up again, so the next run asks for it by its name.
                reading.untold.insert(href.to_string());
                reading.kept.insert(href.clone());
                Ok(true)
            }
        }
    }
}

/// What is listed under names that nobody knew. A server may list a block under a name of its own, and find it under the one that it
/// was put under too: that is one resource, and to take away the second would be to take away the only one. Of blocks alone, since
/// two resources may be in a version of the same name, and a block that is there after all is found when it is put there again.
struct Aliases {
    versions: BTreeSet<Version>,
}

impl Aliases {
    fn of(reading: &Reading, known: &dyn Known) -> Self {
        let held = known.held();
        let new = reading
            .listed
            .iter()
            .filter(|(href, _)| !held.contains(*href));
        Self {
            versions: new.filter_map(|(_, version)| version.clone()).collect(),
        }
    }

    /// Lets go of those of these names under which there is what is listed under a new one. How many they are.
    fn drop_from(&self, reading: &mut Reading, names: &[Href]) -> usize {
        let is_alias = |href: &&Href| {
            if block_name(href).is_none() {
                return false;
            }
            let version = reading.listed.get(*href).and_then(Option::as_ref);
            version.is_some_and(|version| self.versions.contains(version))
        };
        let aliases: Vec<Href> = names.iter().filter(is_alias).cloned().collect();
        for href in &aliases {
            reading.listed.remove(href);
            reading.is_gone(href);
        }
        aliases.len()
    }
}

const TAKEN_BACK: &str = "the server says of events that they are gone, and then that they are there, and too many to ask for each; nothing \
                          of it is believed, and the next run reads it again";

const SHORT: &str = "the server leaves events out of its listing that are there, and too many to ask for each; nothing of it is \
                     believed, and the next run reads it again";

/// Whether something is there, if a server says so.
fn is_there(member: &Member) -> Option<bool> {
    match member.status.or(member.untold) {
        None | Some(200..=299) => Some(true),
        Some(404 | 410) => Some(false),
        Some(_) => None,
    }
}
