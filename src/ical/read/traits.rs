//! What an event says beside its times: whether it keeps its owner busy, what a rule may ask for, and how a block of ours looks. Of
//! the words of other people's events nothing leaves this room but which patterns they match, and what a rule shows. Pure.

use super::{
    super::{
        lines::{Component, Prop},
        values::duration,
    },
    Context, face, shape,
};
use crate::model::{
    Answer, Kind, Length, Print, Said, SeenBlock, Shown, Standing, Traces, Traits, When, Words,
    block,
};

impl Context<'_> {
    pub(super) fn standing(&self, event: &Component, start: &When) -> Standing {
        if says(event, "STATUS", "CANCELLED") {
            Standing::Cancelled
        } else if is_free(event) {
            Standing::Free
        } else if self.answer(event) == Answer::Declined {
            Standing::Declined
        } else if matches!(start, When::Day(_)) && is_birthday(event) {
            Standing::Note
        } else {
            Standing::Busy
        }
    }

    /// What else the event says that a rule may ask for. `private`: it is nobody else's business, whatever it says of that.
    pub(super) fn traits(&self, event: &Component, start: &When, private: bool) -> Traits {
        let away = |word| says(event, "X-MICROSOFT-CDO-BUSYSTATUS", word);
        let tentative = says(event, "STATUS", "TENTATIVE") || away("TENTATIVE");
        let shown = if is_free(event) {
            Shown::Free
        } else if away("OOF") {
            Shown::Away
        } else if tentative {
            Shown::Tentative
        } else {
            Shown::Busy
        };
        let private = private || is_private(event);
        let interest = self.reader.interest;
        Traits {
            kind: match matches!(start, When::Day(_)) && is_birthday(event) {
                true => Kind::Birthday,
                false => Kind::Usual,
            },
            answer: self.answer(event),
            shown,
            private,
            invited: event
                .prop("ORGANIZER")
                .is_some_and(|prop| !self.is_me(prop)),
            guests: (event.all("ATTENDEE").chain(event.prop("ORGANIZER")))
                .any(|guest| !self.is_me(guest) && !is_place(guest)),
            travel: travel(event),
            marks: interest.marks(|| title_and_categories(event)),
            words: interest.words(private, |details| self.words(event, details)),
        }
    }

    /// The words of an event that a rule shows.
    fn words(&self, event: &Component, details: bool) -> Words {
        let titled = Words::titled(&text(event, "SUMMARY"));
        if !details {
            return titled;
        }
        // Whoever invites need not be among those who are invited.
        let invited = |who: &&Prop| event.all("ATTENDEE").any(|guest| is_same(guest, who));
        let organiser = event.prop("ORGANIZER").filter(|who| !invited(who));
        let others = organiser.into_iter().chain(event.all("ATTENDEE"));
        let others = others.filter(|guest| !self.is_me(guest) && !is_place(guest));
        titled.with_details(
            &text(event, "LOCATION"),
            &text(event, "DESCRIPTION"),
            others.map(name_of),
        )
    }

    /// What the owner answered: the most that they did under any address of theirs that is invited.
    fn answer(&self, event: &Component) -> Answer {
        let mine = event
            .all("ATTENDEE")
            .filter(|attendee| self.is_me(attendee));
        let answers = mine.map(|attendee| match attendee.param("PARTSTAT") {
            Some(answer) if answer.eq_ignore_ascii_case("DECLINED") => Answer::Declined,
            Some(answer) if answer.eq_ignore_ascii_case("TENTATIVE") => Answer::Tentative,
            Some(answer) if answer.eq_ignore_ascii_case("NEEDS-ACTION") => Answer::Unanswered,
            // RFC 5545 3.2.12: whoever is invited and says nothing has not answered.
            None => Answer::Unanswered,
            Some(_) => Answer::Accepted,
        });
        let answer = answers.min().unwrap_or_default();
        // Nobody has to answer whom they invite themselves.
        let mut organisers = event.prop("ORGANIZER").into_iter();
        match answer == Answer::Unanswered && organisers.any(|who| self.is_me(who)) {
            true => Answer::Accepted,
            false => answer,
        }
    }

    fn is_me(&self, attendee: &Prop) -> bool {
        let value = attendee.value.trim().to_ascii_lowercase();
        let address = value
            .strip_prefix("mailto:")
            .unwrap_or(&value)
            .trim()
            .to_owned();
        let given = attendee.param("EMAIL").map(str::to_ascii_lowercase);
        self.reader
            .me
            .iter()
            .any(|me| *me == address || Some(me) == given.as_ref())
    }

    /// Whether somebody made a meeting of an event.
    pub(super) fn has_people(&self, event: &Component) -> bool {
        let names_people = |prop: &Prop| (self.names_people)(&prop.name);
        event.lost_people
            || event.props.iter().any(names_people)
            || event.children.iter().any(|c| c.name == "PARTICIPANT")
    }

    /// How an event looks, should it be a block of ours. Whose it is by now, all that is in the file tells.
    pub(super) fn look(&self, event: &Component, piece: &Said, again: bool) -> SeenBlock {
        let says = |name, word| {
            event
                .value(name)
                .is_some_and(|v: &str| v.eq_ignore_ascii_case(word))
        };
        let mut odd = Vec::new();
        let mut note = |is: bool, word| {
            if is {
                odd.push(word);
            }
        };
        note(again || matches!(piece, Said::Change(_)), "override");
        note(
            says("X-MICROSOFT-CDO-BUSYSTATUS", "FREE"),
            "free for Outlook",
        );
        for name in ["URL", "ATTACH", "CONTACT", "COMMENT", "GEO"] {
            note(event.prop(name).is_some(), name);
        }
        let face = face::face(event, &mut odd);
        let shape = match piece {
            Said::Master(master, _) => shape(master, self.reader.home),
            Said::Change(_) => None,
        };
        let (print, traces) = match &shape {
            Some(shape) => (
                block::print(shape, &face, &odd),
                Traces::of(shape, &face, &odd),
            ),
            None => (Print::default(), Traces::default()),
        };
        SeenBlock {
            print,
            traces,
            shape,
            people: false,
            touched: false,
            moved: false,
        }
    }
}

/// Whether an event is nobody else's business. What RFC 5545 3.8.1.3 does not know is private too, and so is what was spoilt.
fn is_private(event: &Component) -> bool {
    let is_class = |name: &str| name == "CLASS" || strsim::osa_distance(name, "CLASS") == 1;
    let mut classes = event.props.iter().filter(|prop| is_class(&prop.name));
    event.lost_class
        || classes.any(|class| !class.value.trim().eq_ignore_ascii_case("PUBLIC"))
        || is_kept_back(event)
        || event.props.iter().any(may_hide_class)
}

/// Whether a line may be one that says that an event is private, under a name that nobody knows or run into a text.
fn may_hide_class(prop: &Prop) -> bool {
    const SECRET: [&str; 2] = ["PRIVATE", "CONFIDENTIAL"];
    const TEXTS: [&str; 8] = [
        "SUMMARY",
        "LOCATION",
        "DESCRIPTION",
        "CATEGORIES",
        "COMMENT",
        "CONTACT",
        "RESOURCES",
        "URL",
    ];
    let value = prop.value.trim().to_ascii_uppercase();
    let is_text = TEXTS.contains(&&*prop.name) || prop.name.starts_with("X-");
    SECRET.into_iter().any(|word| match is_text {
        true => value.contains(&format!("CLASS:{word}")),
        false => value == word,
    })
}

/// Whether a server of Apple's says of an event, or of its whole calendar file, that others may not see it.
pub(super) fn is_kept_back(component: &Component) -> bool {
    let access = component.value("X-CALENDARSERVER-ACCESS");
    access.is_some_and(|access| !access.eq_ignore_ascii_case("PUBLIC"))
}

/// How many minutes it takes to get there, as Apple's calendars note it: up to a day.
fn travel(event: &Component) -> u32 {
    let length = event.value("X-APPLE-TRAVEL-DURATION").and_then(duration);
    let seconds = match length {
        Some(Length::Elapsed { days, seconds }) => i64::from(days) * 86_400 + seconds,
        _ => 0,
    };
    u32::try_from(seconds / 60).unwrap_or(0).min(24 * 60)
}

/// What patterns are looked for in (RFC 5545 3.8.1.2, RFC 7986 5.9).
fn title_and_categories(event: &Component) -> (String, Vec<String>) {
    let categories = event.all("CATEGORIES").flat_map(Prop::texts);
    let colours = event.all("COLOR").map(Prop::text);
    (text(event, "SUMMARY"), categories.chain(colours).collect())
}

/// Whether whoever is invited is a room or a thing.
fn is_place(guest: &Prop) -> bool {
    let kind = guest.param("CUTYPE").unwrap_or_default();
    ["ROOM", "RESOURCE"]
        .iter()
        .any(|place| kind.eq_ignore_ascii_case(place))
}

fn is_same(one: &Prop, other: &Prop) -> bool {
    one.value.trim().eq_ignore_ascii_case(other.value.trim())
}

/// What somebody who is invited is called, else their address.
fn name_of(guest: &Prop) -> String {
    let name = guest.param("CN").map(str::trim).unwrap_or_default();
    if !name.is_empty() {
        return name.to_owned();
    }
    let address = guest.value.trim();
    match address.split_once(':') {
        Some((scheme, address)) if scheme.eq_ignore_ascii_case("mailto") => address.to_owned(),
        _ => address.to_owned(),
    }
}

fn text(event: &Component, name: &str) -> String {
    event.prop(name).map(Prop::text).unwrap_or_default()
}

fn is_birthday(event: &Component) -> bool {
    event.all("CATEGORIES").any(|prop| {
        prop.value.split(',').any(|word| {
            let word = word.trim();
            word.eq_ignore_ascii_case("BIRTHDAY") || word.eq_ignore_ascii_case("BIRTHDAYS")
        })
    })
}

/// Whether an event says this wherever it says anything of the kind: a note that lost its indentation may say so too.
fn says(event: &Component, name: &str, word: &str) -> bool {
    let mut values = event.all(name).map(|prop| prop.value.trim());
    event.prop(name).is_some() && values.all(|value| value.eq_ignore_ascii_case(word))
}

/// Whether an event takes no time of its owner's (RFC 5545 3.8.2.7), or says so as Outlook does.
fn is_free(event: &Component) -> bool {
    let untold = event.prop("TRANSP").is_none();
    says(event, "TRANSP", "TRANSPARENT")
        || (untold && says(event, "X-MICROSOFT-CDO-BUSYSTATUS", "FREE"))
}
