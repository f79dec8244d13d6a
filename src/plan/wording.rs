//! What blocks say: what a rule lets through of the words of events, and in which form. Pure. Whatever is in an event, nothing of it
//! passes a rule that shows no more than when somebody is busy.

use std::{borrow::Cow, collections::BTreeSet, fmt::Write as _, sync::Arc};

use jiff::{SignedDuration, tz::TimeZone};

use super::{filter::Setting, occurrences::ByOccurrence};
use crate::model::{
    Answer, Appears, Event, Face, OccurrenceKey, Shown, Traits, Visibility, Words, face::MADE_BY,
    traits::word_of,
};

/// So many characters has the title of a block at the most, and its place.
const LINE_MAX: usize = 500;
/// So many characters have its notes.
const NOTES_MAX: usize = 6_000;

/// What is shown of events beside their times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Show {
    /// Nothing.
    #[default]
    Busy,
    /// Their titles.
    Title,
    /// Their titles, who else is in them, and if wanted where they are and their notes.
    Details,
}

impl Show {
    /// All of them, in the words of the configuration.
    pub const WORDS: [(&str, Self); 3] = [
        ("busy", Self::Busy),
        ("title", Self::Title),
        ("details", Self::Details),
    ];
}

/// A piece of a title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// These words.
    Text(String),
    /// The title of the event.
    Title,
    /// Whether it is certain that its owner comes.
    Status,
}

/// What the blocks of one rule say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wording {
    /// What is shown of events.
    pub show: Show,
    /// The title; if nothing of an event shows, that of `face` is the whole of it.
    pub title: Vec<Piece>,
    /// Their places are shown too.
    pub location: bool,
    /// Their notes are shown too.
    pub notes: bool,
    /// The words of private events are shown too.
    pub private: bool,
    /// What every block says, before any words of events.
    pub face: Arc<Face>,
}

/// What a block is called whose event has no title, or none to be shown.
pub const UNTITLED: &str = "Busy";

impl Wording {
    /// That shows nothing but when somebody is busy, under this title.
    pub fn busy(title: &str) -> Arc<Self> {
        Arc::new(Self {
            show: Show::Busy,
            title: vec![Piece::Text(title.to_owned())],
            location: false,
            notes: false,
            private: false,
            face: Arc::new(Face {
                title: title.to_owned(),
                ..base()
            }),
        })
    }

    /// The title as it is written in the configuration.
    pub fn template(&self) -> String {
        let pieces = self.title.iter().map(|piece| match piece {
            Piece::Text(words) => words.replace('{', "{{").replace('}', "}}"),
            Piece::Title => "{title}".to_owned(),
            Piece::Status => "{status}".to_owned(),
        });
        pieces.collect()
    }

    /// What is shown of events, in the word of the configuration.
    pub fn show_word(&self) -> &'static str {
        word_of(&Show::WORDS, &self.show)
    }

    /// The words that blocks show.
    pub fn said(&self) -> String {
        let title = format!("\"{}\"", self.template());
        match self.show {
            Show::Busy | Show::Title => title,
            Show::Details => format!("{title} with details"),
        }
    }

    /// What else is not as it is by default, by the keys of the configuration.
    pub fn look(&self) -> Vec<(&'static str, Setting)> {
        let flags = [
            ("location", self.location),
            ("notes", self.notes),
            ("show_private", self.private),
        ];
        let flags = flags.into_iter().filter(|(_, is)| *is);
        let mut look: Vec<(&str, Setting)> =
            flags.map(|(key, _)| (key, Setting::Flag(true))).collect();
        let face = &*self.face;
        if face.visibility != Visibility::default() {
            let word = word_of(&Visibility::WORDS, &face.visibility);
            look.push(("visibility", Setting::word(word)));
        }
        if face.appears != Appears::default() {
            let word = word_of(&Appears::WORDS, &face.appears);
            look.push(("appear_as", Setting::word(word)));
        }
        if let Some(colour) = face.colour {
            look.push(("colour", Setting::word(colour.name())));
        }
        if !face.category.is_empty() {
            look.push(("category", Setting::word(&face.category)));
        }
        if let Some(minutes) = face.reminder {
            let length = SignedDuration::from_mins(minutes.into());
            look.push(("remind", Setting::length(length)));
        }
        look
    }

    /// Whether the titles of events show.
    fn shows_titles(&self) -> bool {
        self.show != Show::Busy && self.title.contains(&Piece::Title)
    }

    /// An event with the words that its blocks are to have in the place of its own: equal words mean one block.
    pub fn dress<'a>(&self, event: Cow<'a, Event>) -> Cow<'a, Event> {
        let traits = event.master.iter().map(|master| &master.traits);
        let mut all = traits.chain(event.overrides.iter().map(|change| &change.traits));
        if self.show == Show::Busy && all.all(|traits| traits.words.is_none()) {
            return event;
        }
        let mut event = event.into_owned();
        let mut private = false;
        if let Some(master) = &mut event.master {
            private = master.traits.private;
            master.traits.words = self.words(&master.traits, private);
        }
        // What a private series says of one of its occurrences is private too, whatever that says.
        for change in &mut event.overrides {
            change.traits.words = self.words(&change.traits, private || change.traits.private);
        }
        Cow::Owned(event)
    }

    /// What a block says of an event that says this.
    fn words(&self, traits: &Traits, private: bool) -> Option<Box<Words>> {
        if self.show == Show::Busy {
            return None;
        }
        let words = traits.words.as_deref();
        let words = words.filter(|_| self.private || !private);
        let title = words.map_or("", |words| &*words.title);
        let title = if title.is_empty() { UNTITLED } else { title };
        let mut text = String::new();
        for piece in &self.title {
            text.push_str(match piece {
                Piece::Text(words) => words,
                Piece::Title => title,
                Piece::Status => status(traits),
            });
        }
        let is_whole = self.show == Show::Details;
        let details = words.filter(|_| is_whole);
        Some(Box::new(Words {
            title: text.trim().to_owned(),
            place: details
                .filter(|_| self.location)
                .map(|words| words.place.clone())
                .unwrap_or_default(),
            notes: details
                .filter(|_| self.notes)
                .map(|words| words.notes.clone())
                .unwrap_or_default(),
            people: details
                .map(|words| words.people.clone())
                .unwrap_or_default(),
        }))
    }

    /// What the block says that shows all of these.
    fn face(&self, all: &[&Words]) -> Arc<Face> {
        if self.show == Show::Busy || all.is_empty() {
            return Arc::clone(&self.face);
        }
        let titles = once_each(all.iter().map(|words| &*words.title));
        let places = once_each(all.iter().map(|words| &*words.place));
        let mut notes = self.face.notes.clone();
        for words in all {
            if !words.people.is_empty() {
                let people = words.people.join(", ");
                write!(notes, "\n\nWith {people}").expect("writing to a string never fails");
            }
            if !words.notes.is_empty() {
                write!(notes, "\n\n{}", words.notes).expect("writing to a string never fails");
            }
        }
        let places: Vec<&str> = places
            .into_iter()
            .filter(|place| !place.is_empty())
            .collect();
        Arc::new(Face {
            title: cut(&titles.join(", "), LINE_MAX),
            notes: cut(&notes, NOTES_MAX),
            place: cut(&places.join(", "), LINE_MAX),
            ..Face::clone(&self.face)
        })
    }
}

/// What every block says.
pub fn base() -> Face {
    Face {
        notes: format!("{MADE_BY}: busy in another calendar. Changes here are overwritten."),
        ..Face::default()
    }
}

/// What is said, in its order, nothing twice.
fn once_each<T: Ord + Copy>(said: impl Iterator<Item = T>) -> Vec<T> {
    let mut before = BTreeSet::new();
    said.filter(|one| before.insert(*one)).collect()
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// Whether it is certain that its owner comes, in a word.
fn status(traits: &Traits) -> &'static str {
    match (traits.answer, traits.shown) {
        (Answer::Declined, _) => "declined",
        (Answer::Unanswered, _) => "unanswered",
        (Answer::Tentative, _) | (Answer::Accepted, Shown::Tentative) => "tentative",
        (Answer::Accepted, _) => "confirmed",
    }
}

/// What the blocks of one event say: its words, once it is [dressed](Wording::dress).
pub type Said = ByOccurrence<Spoken>;

/// What a block says of an occurrence.
#[derive(Clone, Debug, Default)]
pub struct Spoken {
    words: Option<Box<Words>>,
    /// None of that is the event's, because it is private.
    hidden: bool,
}

/// The words of a dressed event.
pub fn said(event: &Event, wording: &Wording, home: &TimeZone) -> Said {
    let mut masters = event.master.iter();
    let is_private = masters.any(|master| master.traits.private);
    ByOccurrence::new(event, home, |saying| Spoken {
        words: saying.traits.words.clone(),
        hidden: !wording.private && (is_private || saying.traits.private),
    })
}

/// Which words of events are in a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shows(pub u8);

impl Shows {
    const TITLE: u8 = 1;
    const PEOPLE: u8 = 2;
    const PLACE: u8 = 4;
    const NOTES: u8 = 8;
    /// Some of them are a private event's.
    const PRIVATE: u8 = 16;

    /// All that a rule may show.
    pub fn by(wording: &Wording) -> Self {
        let is_whole = wording.show == Show::Details;
        let bits = [
            (wording.shows_titles(), Self::TITLE),
            (is_whole, Self::PEOPLE),
            (is_whole && wording.location, Self::PLACE),
            (is_whole && wording.notes, Self::NOTES),
            (wording.private, Self::PRIVATE),
        ];
        Self::all(bits)
    }

    /// What is in a block that shows these occurrences; `private`: of a private event among others.
    pub fn of<'a>(
        wording: &Wording,
        shown: impl Iterator<Item = (&'a Said, &'a OccurrenceKey)>,
        private: bool,
    ) -> Self {
        if wording.show == Show::Busy {
            return Self::default();
        }
        let spoken: Vec<&Spoken> = shown.map(|(said, key)| said.of(key)).collect();
        let is_open = spoken.iter().any(|spoken| !spoken.hidden);
        let words: Vec<&Words> = spoken
            .iter()
            .filter_map(|spoken| spoken.words.as_deref())
            .collect();
        let any = |has: fn(&Words) -> bool| words.iter().any(|words| has(words));
        Self::all([
            (wording.shows_titles() && is_open, Self::TITLE),
            (any(|words| !words.people.is_empty()), Self::PEOPLE),
            (any(|words| !words.place.is_empty()), Self::PLACE),
            (any(|words| !words.notes.is_empty()), Self::NOTES),
            (wording.private && private, Self::PRIVATE),
        ])
    }

    fn all(bits: [(bool, u8); 5]) -> Self {
        let bits = bits.into_iter().filter(|(is, _)| *is);
        Self(bits.fold(0, |all, (_, bit)| all | bit))
    }

    /// Whether there are any.
    pub fn any(self) -> bool {
        self.0 != 0
    }

    /// Whether there are others than these.
    pub fn exceed(self, allowed: Self) -> bool {
        self.0 & !allowed.0 != 0
    }
}

/// What the block says that shows all of these occurrences.
pub fn face_of<'a>(
    wording: &Wording,
    shown: impl Iterator<Item = (&'a Said, &'a OccurrenceKey)>,
) -> Arc<Face> {
    if wording.show == Show::Busy {
        return Arc::clone(&wording.face);
    }
    let all = shown.filter_map(|(said, key)| said.of(key).words.as_deref());
    wording.face(&once_each(all))
}
