//! What the blocks of a rule say: how much of the events, in which words, and in which form.

use std::sync::Arc;

use super::{
    super::{
        Calendar, Place,
        table::{Table, nearest},
    },
    choice, duration,
};
use crate::{
    model::{Appears, CalendarName, Colour, Face, Telling, Visibility},
    plan::{
        Respect, Wording,
        wording::{Piece, Show, UNTITLED, base},
    },
};

/// A reminder comes no earlier than so many minutes before: Google takes four weeks.
const REMINDER_MAX: u32 = 4 * 7 * 24 * 60;
/// The names of the fields of a title, and from which `show` on they may be used.
const FIELDS: [(&str, Show, Field); 4] = [
    ("title", Show::Title, Field::Piece(Piece::Title)),
    ("status", Show::Title, Field::Piece(Piece::Status)),
    ("calendar", Show::Busy, Field::Calendar),
    ("account", Show::Busy, Field::Account),
];

/// A field of a title.
#[derive(Clone, Debug)]
enum Field {
    /// What only the event says, and words that stand for themselves.
    Piece(Piece),
    /// The name of the calendar that the event is in.
    Calendar,
    /// The name of that calendar's account.
    Account,
}

/// What the blocks of a rule say, whatever they come from and wherever they go.
#[derive(Clone)]
pub(super) struct Draft {
    wording: Wording,
    title: Vec<Field>,
    category: String,
    at: usize,
    pub(super) respect: Respect,
}

/// Reads what a rule says of its blocks.
pub(super) fn draft(rule: &mut Table<'_>) -> Draft {
    let show = choice(rule, "show", &Show::WORDS).unwrap_or_default();
    let mut only_with = |key: &'static str, least: Show, word: &str| {
        let flag = rule.flag(key);
        if flag == Some(true) && show < least {
            let words = format!("`{key}` goes with show = {word}");
            rule.mistake(rule.at_of(key), &words);
        }
        flag.unwrap_or_default()
    };
    let location = only_with("location", Show::Details, "\"details\"");
    let notes = only_with("notes", Show::Details, "\"details\"");
    let private = only_with("show_private", Show::Title, "\"title\" or \"details\"");
    let title = title(rule, show);
    let category = line(rule, "category");
    let face = Face {
        visibility: choice(rule, "visibility", &Visibility::WORDS).unwrap_or_default(),
        appears: choice(rule, "appear_as", &Appears::WORDS).unwrap_or_default(),
        colour: colour(rule),
        reminder: reminder(rule),
        ..base()
    };
    Draft {
        at: rule.at_of("title"),
        wording: Wording {
            show,
            title: Vec::new(),
            location,
            notes,
            private,
            face: Arc::new(face),
        },
        title,
        category,
        respect: respect(rule),
    }
}

/// What somebody does to its blocks that is left so.
fn respect(rule: &mut Table<'_>) -> Respect {
    let words = [("restore", false), ("respect", true)];
    Respect {
        deleted: choice(rule, "deleted", &words).unwrap_or_default(),
        moved: choice(rule, "moved", &words).unwrap_or_default(),
    }
}

/// A text on one line; empty if there is none.
fn line(rule: &mut Table<'_>, key: &'static str) -> String {
    let Some(written) = rule.text(key) else {
        return String::new();
    };
    let text = written.value.trim();
    if text.is_empty() || text.chars().count() > 200 || text.chars().any(char::is_control) {
        let words = format!("`{key}` must have 1 to 200 characters on one line");
        rule.mistake(written.at, &words);
    }
    text.to_owned()
}

fn title(rule: &mut Table<'_>, show: Show) -> Vec<Field> {
    let text = line(rule, "title");
    if !rule.has("title") {
        return vec![Field::Piece(match show {
            Show::Busy => Piece::Text(UNTITLED.to_owned()),
            Show::Title | Show::Details => Piece::Title,
        })];
    }
    let mut fields = Vec::new();
    let mut words = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find(['{', '}']) {
        let (before, brace) = rest.split_at(at);
        words.push_str(before);
        let doubled = ["{", "}"].into_iter().find_map(|one| {
            let after = brace.strip_prefix(one)?.strip_prefix(one)?;
            Some((one, after))
        });
        if let Some((one, after)) = doubled {
            words.push_str(one);
            rest = after;
            continue;
        }
        let Some((name, after)) = brace.strip_prefix('{').and_then(|b| b.split_once('}')) else {
            let words = "`title` has a brace without its other half; write {{ or }} for one that stands for itself";
            rule.mistake(rule.at_of("title"), words);
            return fields;
        };
        if let Some(field) = field(rule, name, show) {
            fields.push(Field::Piece(Piece::Text(std::mem::take(&mut words))));
            fields.push(field);
        }
        rest = after;
    }
    words.push_str(rest);
    fields.push(Field::Piece(Piece::Text(words)));
    fields
}

/// What a name in braces stands for.
fn field(rule: &Table<'_>, name: &str, show: Show) -> Option<Field> {
    let at = rule.at_of("title");
    match FIELDS.iter().find(|(word, ..)| *word == name) {
        Some((_, least, field)) if *least <= show => Some(field.clone()),
        Some(_) => {
            let words = format!("`title`: {{{name}}} goes with show = \"title\" or \"details\"");
            rule.mistake(at, &words);
            None
        }
        None => {
            let near = nearest(name, FIELDS.iter().map(|(word, ..)| *word));
            let words = format!(
                "`title`: there is no field {{{name}}}{near}; there are {{title}}, {{status}}, {{calendar}} and {{account}}"
            );
            rule.mistake(at, &words);
            None
        }
    }
}

/// One of the colours.
fn colour(rule: &mut Table<'_>) -> Option<Colour> {
    let words: Vec<(&str, Colour)> = Colour::all().map(|c| (c.name(), c)).collect();
    choice(rule, "colour", &words)
}

fn reminder(rule: &mut Table<'_>) -> Option<u32> {
    let before = duration(rule, "remind")?;
    let minutes = u32::try_from(before.as_mins()).ok();
    let minutes = minutes.filter(|minutes| (1..=REMINDER_MAX).contains(minutes));
    if minutes.is_none() {
        let words = "`remind` must be from \"1m\" to \"28d\"";
        rule.mistake(rule.at_of("remind"), words);
    }
    minutes
}

impl Draft {
    /// Which words of events have to be read for it.
    pub(super) fn telling(&self) -> Option<Telling> {
        let Wording { show, private, .. } = self.wording;
        let is_title = self
            .title
            .iter()
            .any(|field| matches!(field, Field::Piece(Piece::Title)));
        let is_any = show == Show::Details || show == Show::Title && is_title;
        is_any.then_some(Telling {
            titles: is_title,
            details: show == Show::Details,
            places: self.wording.location,
            notes: self.wording.notes,
            private,
        })
    }

    /// What blocks say that come from this calendar and go to that one.
    pub(super) fn wording(
        &self,
        rule: &Table<'_>,
        (source, from): (&CalendarName, &Calendar),
        to: &Calendar,
    ) -> Arc<Wording> {
        let mut title: Vec<Piece> = Vec::new();
        for field in &self.title {
            let piece = match field {
                Field::Piece(piece) => piece.clone(),
                Field::Calendar => Piece::Text(source.to_string()),
                Field::Account => {
                    if from.account.is_none() {
                        let words = format!(
                            "`title` has {{account}}, and \"{source}\" is of no account; leave it out, or write a word in its place"
                        );
                        rule.mistake(self.at, &words);
                    }
                    Piece::Text(from.account.clone().unwrap_or_default())
                }
            };
            match (title.last_mut(), piece) {
                (Some(Piece::Text(before)), Piece::Text(words)) => before.push_str(&words),
                (_, piece) => title.push(piece),
            }
        }
        let mut face = Face::clone(&self.wording.face);
        if let [Piece::Text(words)] = &title[..] {
            face.title.clone_from(words);
        }
        // Google knows no categories.
        if !matches!(to.place, Place::Google(_)) {
            face.category.clone_from(&self.category);
        }
        Arc::new(Wording {
            title,
            face: Arc::new(face),
            ..self.wording.clone()
        })
    }
}

/// What is said where nothing but when somebody is busy shows.
pub(super) fn busy(rule: &mut Table<'_>) -> Draft {
    Draft {
        wording: Wording::clone(&Wording::busy(UNTITLED)),
        title: title(rule, Show::Busy),
        category: String::new(),
        at: rule.at_of("title"),
        respect: Respect::default(),
    }
}

/// What is said where all shows, in this colour; `private`: of private events too.
pub(super) fn whole(colour: Option<Colour>, private: bool) -> Draft {
    let wording = Wording {
        show: Show::Details,
        title: Vec::new(),
        location: true,
        notes: true,
        private,
        face: Arc::new(Face { colour, ..base() }),
    };
    Draft {
        wording,
        title: vec![Field::Piece(Piece::Title)],
        category: String::new(),
        at: 0,
        respect: Respect::default(),
    }
}
