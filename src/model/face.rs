//! What a block says beside its times. In `show = "busy"`, nothing but words of the configuration.

use super::Print;

/// How the notes of every block begin.
pub const MADE_BY: &str = "Made by calsync";

/// What a block says. By default, what no rule asks for: private, busy, and without anything else.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Face {
    /// Its title.
    pub title: String,
    /// Its notes.
    pub notes: String,
    /// Where it is.
    pub place: String,
    /// Who may see more of it than its times.
    pub visibility: Visibility,
    /// As what it is shown.
    pub appears: Appears,
    /// Its colour.
    pub colour: Option<Colour>,
    /// Its category. Google has none.
    pub category: String,
    /// So many minutes before it begins its owner is reminded of it.
    pub reminder: Option<u32>,
}

/// Who may see more of a block than its times, where others see its calendar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Visibility {
    /// Its owner.
    #[default]
    Private,
    /// Whoever sees the calendar.
    Public,
}

/// As what a block is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Appears {
    /// As busy.
    #[default]
    Busy,
    /// As perhaps busy.
    Tentative,
    /// As free.
    Free,
}

/// One of the colours that Google has for events. Elsewhere, the CSS colour that is nearest (RFC 7986 5.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Colour(usize);

/// The names on Google's pages, in the order of its ids (`colors.get`), and the name of a CSS colour like it.
const COLOURS: [(&str, &str); 11] = [
    ("lavender", "mediumslateblue"),
    ("sage", "mediumaquamarine"),
    ("grape", "purple"),
    ("flamingo", "lightcoral"),
    ("banana", "gold"),
    ("tangerine", "orangered"),
    ("peacock", "deepskyblue"),
    ("graphite", "dimgray"),
    ("blueberry", "royalblue"),
    ("basil", "green"),
    ("tomato", "tomato"),
];

impl Visibility {
    /// All of them, in the words of the configuration.
    pub const WORDS: [(&str, Self); 2] = [("private", Self::Private), ("public", Self::Public)];
}

impl Appears {
    /// All of them, in the words of the configuration.
    pub const WORDS: [(&str, Self); 3] = [
        ("busy", Self::Busy),
        ("tentative", Self::Tentative),
        ("free", Self::Free),
    ];
}

impl Colour {
    /// All of them, in the order of Google's ids.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> {
        (0..COLOURS.len()).map(Self)
    }

    /// The one that Google's pages call this.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|colour| colour.name() == name)
    }

    /// The one of this id at Google.
    pub fn of_id(id: &str) -> Option<Self> {
        Self::all().find(|colour| colour.id() == id)
    }

    /// The one that is written as this CSS colour.
    pub fn of_css(css: &str) -> Option<Self> {
        Self::all().find(|colour| colour.css().eq_ignore_ascii_case(css))
    }

    /// What Google's pages call it.
    pub fn name(self) -> &'static str {
        COLOURS.get(self.0).map_or("", |(name, _)| name)
    }

    /// Its id at Google.
    pub fn id(self) -> String {
        (self.0 + 1).to_string()
    }

    /// The CSS colour that is like it.
    pub fn css(self) -> &'static str {
        COLOURS.get(self.0).map_or("", |(_, css)| css)
    }
}

impl Face {
    /// The fingerprint of what it says in words, however a server breaks or pads the lines.
    pub fn words(&self) -> Print {
        let words = [&self.title, &self.notes, &self.place]
            .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
        Print::of(words.iter().map(String::as_bytes))
    }

    /// All that makes one face another one; nothing for what most blocks do not have.
    pub(super) fn fields(&self) -> Vec<String> {
        let mut fields = vec![self.title.clone(), self.notes.clone()];
        let mut also = |is: bool, name: &str, value: &str| {
            if is {
                fields.push(format!("{name}={value}"));
            }
        };
        also(!self.place.is_empty(), "place", &self.place);
        also(self.visibility == Visibility::Public, "public", "");
        also(self.appears == Appears::Tentative, "tentative", "");
        also(self.appears == Appears::Free, "free", "");
        also(!self.category.is_empty(), "category", &self.category);
        if let Some(colour) = self.colour {
            also(true, "colour", colour.name());
        }
        if let Some(minutes) = self.reminder {
            also(true, "reminder", &minutes.to_string());
        }
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_is_known_again_by_each_of_its_names() {
        for colour in Colour::all() {
            assert_eq!(Colour::named(colour.name()), Some(colour));
            assert_eq!(Colour::of_id(&colour.id()), Some(colour));
            assert_eq!(Colour::of_css(colour.css()), Some(colour));
        }
        assert_eq!(Colour::named("Tomato"), None);
    }

    #[test]
    fn the_same_words_are_the_same_however_lines_are_broken() {
        let face = |title: &str, notes: &str| Face {
            title: title.to_owned(),
            notes: notes.to_owned(),
            ..Face::default()
        };
        let one = face("Busy", "Made by calsync: busy.").words();
        assert_eq!(one, face(" Busy", "Made by\ncalsync:  busy.\r\n").words());
        assert_ne!(one, face("Busy day", "Made by calsync: busy.").words());
        assert_ne!(one, face("", "Busy Made by calsync: busy.").words());
    }
}
