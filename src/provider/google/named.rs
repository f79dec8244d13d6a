//! Calendars that go by their name: what the name was found to mean, kept with how far the calendar has been read. A calendar
//! that was found is known by its id from then on; a name that passes to another calendar is told, and never followed. No name is
//! kept, only a print of it.

use super::{
    GoogleAccount, GoogleCalendar, Offer, PRIMARY, Which,
    cursor::{Named, Reached},
};
use crate::{
    model::{Print, plain},
    provider::{Answer, Cursor, ErrorKind, ProviderError},
};

/// How many of an account's calendars a message names.
const NAMES_TOLD: usize = 12;

/// The calendar that a name was found to mean.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// What is remembered of it.
    pub(super) named: Named,
    /// What the account's list calls it now, if that is another name than the one that it was found by.
    called: Option<String>,
    /// Whether this run looked.
    is_sure: bool,
}

impl From<Named> for Found {
    fn from(named: Named) -> Self {
        Self {
            named,
            called: None,
            is_sure: false,
        }
    }
}

impl GoogleAccount {
    /// Which of these calendars is meant, if it is there. What a name was found to mean, the last reading knows.
    pub fn which_of<'a>(
        &self,
        offers: &'a [Offer],
        which: &Which,
        last: Option<&Cursor>,
    ) -> Option<&'a Offer> {
        let id = match which {
            Which::Id(id) => id.clone(),
            Which::Name(name) => {
                let known = last
                    .and_then(Reached::read)
                    .and_then(|reached| reached.named);
                let known = known.filter(|named| named.of == self.found_by(which));
                meaning(offers, name, known.as_ref().map(|named| named.id.as_str())).ok()?
            }
        };
        let is_it = |offer: &&Offer| offer.id == id || (offer.primary && id == PRIMARY);
        offers.iter().find(is_it)
    }

    /// By what a calendar is found that goes by a name.
    fn found_by(&self, which: &Which) -> String {
        let (Which::Id(name) | Which::Name(name)) = which;
        let by = [&*self.base, &*self.name, name.as_str()];
        Print::of(by.map(str::as_bytes)).to_string()
    }
}

impl GoogleCalendar {
    /// By what a calendar is found that goes by a name.
    pub(super) fn found_by(&self) -> String {
        self.account.found_by(&self.which)
    }

    /// The calendar's id. A name is looked up, unless it is remembered what it means.
    pub(super) async fn id(&mut self) -> Answer<String> {
        match (&self.which, &self.found) {
            (Which::Id(id), _) => Ok(id.clone()),
            (Which::Name(_), Some(found)) => Ok(found.named.id.clone()),
            (Which::Name(name), None) => {
                let name = name.clone();
                self.look_up_name(&name).await
            }
        }
    }

    /// Learns from how far the calendar was read what its name was found to mean.
    pub(super) fn recall_name(&mut self, last: &Cursor) {
        if let Some(reached) = Reached::read(last) {
            self.recall_found(reached);
        }
    }

    /// Learns from what was reached what the calendar's name was found to mean. Gives it back unless that was another calendar.
    pub(super) fn recall_found(&mut self, reached: Reached) -> Option<Reached> {
        if let Which::Id(_) = self.which {
            return Some(reached);
        }
        let named = reached.named.as_ref()?;
        if named.of != self.found_by() {
            return None;
        }
        self.found.get_or_insert(Found::from(named.clone()));
        Some(reached)
    }

    /// What to do about a calendar that has another name by now, as far as this run looked.
    pub(super) fn renamed(&self) -> Option<String> {
        let Found { named, called, .. } = self.found.as_ref()?;
        let (called, id) = (plain(called.as_ref()?), plain(&named.id));
        Some(format!(
            "it is called \"{called}\" at Google by now; calsync knows it by its id as long as the state file is there. Write \
             name = \"{called}\" or id = \"{id}\""
        ))
    }

    /// Looks in the account's list, once in a run, whether a name still means the calendar that it was found to mean.
    pub(super) async fn make_sure_of_name(&mut self) -> Answer<()> {
        let Which::Name(name) = &self.which else {
            return Ok(());
        };
        if self.found.as_ref().is_some_and(|found| found.is_sure) {
            return Ok(());
        }
        let name = name.clone();
        self.look_up_name(&name).await.map(drop)
    }

    /// What the calendar is called now: if it is not what it was called, it is time to look what its name means.
    pub(super) async fn check_title(&mut self, title: Option<&str>) -> Answer<()> {
        let (Some(title), Some(found)) = (title, &self.found) else {
            return Ok(());
        };
        let print = Print::of([title.as_bytes()]).to_string();
        if found
            .named
            .title
            .as_ref()
            .is_some_and(|known| *known != print)
        {
            self.make_sure_of_name().await?;
        }
        if let Some(found) = &mut self.found {
            found.named.title = Some(print);
        }
        Ok(())
    }

    async fn look_up_name(&mut self, name: &str) -> Answer<String> {
        let sent = self.account.line.requests();
        let offers = self.account.calendars().await;
        self.requests += self.account.line.requests() - sent;
        let known = self.found.as_ref().map(|found| found.named.id.as_str());
        let offers = offers?;
        let id = meaning(&offers, name, known);
        let id = id.map_err(|astray| astray.error(&self.account.name, name))?;
        let called = offers.into_iter().find(|offer| offer.id == id);
        let called = called
            .map(|offer| offer.name)
            .filter(|called| called != name);
        match &mut self.found {
            Some(found) => {
                found.called = called;
                found.is_sure = true;
            }
            None => {
                let named = Named {
                    id: id.clone(),
                    of: self.found_by(),
                    title: None,
                };
                self.found = Some(Found {
                    is_sure: true,
                    ..Found::from(named)
                });
            }
        }
        Ok(id)
    }
}

/// Why a name means no calendar.
#[derive(Debug, PartialEq, Eq)]
enum Astray {
    /// Nobody has it, though somebody may have one that is like it; and the names that there are.
    Nobody(Option<String>, Vec<String>),
    Several,
    /// It meant the one, and means the other now.
    Moved(String, String),
}

/// Which calendar a name means: the one that it was known to mean, unless another has the name now.
fn meaning(offers: &[Offer], name: &str, known: Option<&str>) -> Result<String, Astray> {
    let mut named = offers.iter().filter(|offer| offer.name == name);
    let Some(known) = known else {
        return match (named.next(), named.next()) {
            (Some(offer), None) => Ok(offer.id.clone()),
            (None, _) => {
                let names = names(offers);
                Err(Astray::Nobody(nearest(name, &names), names))
            }
            (Some(_), Some(_)) => Err(Astray::Several),
        };
    };
    if named.clone().any(|offer| offer.id == known) {
        return Ok(known.to_owned());
    }
    match named.next() {
        Some(other) => Err(Astray::Moved(known.to_owned(), other.id.clone())),
        None if offers.iter().any(|offer| offer.id == known) => Ok(known.to_owned()),
        None => Err(Astray::Nobody(None, names(offers))),
    }
}

fn names(offers: &[Offer]) -> Vec<String> {
    offers.iter().map(|offer| offer.name.clone()).collect()
}

/// The name that is most like one that nobody has, if any is: capitals and spaces do not count.
fn nearest(name: &str, names: &[String]) -> Option<String> {
    let bare = |name: &str| {
        let words: Vec<String> = name.split_whitespace().map(str::to_lowercase).collect();
        words.join(" ")
    };
    let wanted = bare(name);
    let far = |other: &String| strsim::damerau_levenshtein(&wanted, &bare(other));
    let near = names.iter().min_by_key(|other| far(other))?;
    (far(near) <= 2.max(wanted.chars().count() / 3)).then(|| near.clone())
}

/// Some of the names that there are, for a message.
fn some(names: &[String]) -> String {
    let mut shown: Vec<String> = names
        .iter()
        .take(NAMES_TOLD)
        .map(|name| format!("\"{}\"", plain(name)))
        .collect();
    if let left @ 1.. = names.len() - shown.len() {
        shown.push(format!("and {left} more"));
    }
    shown.join(", ")
}

impl Astray {
    fn error(self, account: &str, name: &str) -> ProviderError {
        let name = plain(name);
        let lists = format!("`calsync calendars {account}` lists what there is");
        let (kind, words) = match self {
            Self::Nobody(like, names) => {
                let near = like.map_or_else(String::new, |like| {
                    format!("; did you mean name = \"{}\"?", plain(&like))
                });
                let there = match (&names[..], near.is_empty()) {
                    ([], _) => "; it has none at all".to_owned(),
                    (names, true) => format!("; there are: {}; {lists}", some(names)),
                    (names, false) => format!(" There are: {}; {lists}", some(names)),
                };
                (
                    ErrorKind::Gone,
                    format!("has no calendar of this name ({name}){near}{there}"),
                )
            }
            Self::Several => (
                ErrorKind::Gone,
                format!(
                    "has more than one calendar of this name; give its `id` instead ({name}); {lists}"
                ),
            ),
            Self::Moved(from, to) => {
                let (from, to) = (plain(&from), plain(&to));
                let words = format!(
                    "has another calendar by the name {name} than before. calsync neither reads nor writes either of them until the \
                     configuration says which one is meant: instead of `name`, write id = \"{from}\" for the one that it was so \
                     far, where the blocks are, or id = \"{to}\" for the one that has the name now"
                );
                (ErrorKind::Broken, words)
            }
        };
        ProviderError::new(kind, format!("account {account} {words}"))
    }
}
