//! What a text holds, as it is gone through: which events are one, which cannot be read, and what the text lost. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{
        damage::{self, Signs},
        lines::Component,
    },
    Context, Fault, Found, fault,
};
use crate::{
    ident,
    model::{Event, Part, Print, Said, SeenBlock, Shape, Standing, Uid, When},
};

/// The most parts of a text under one UID: a series and its changed occurrences.
const PIECES_MAX: usize = 5_000;

/// What a text holds, as far as it has been gone through.
#[derive(Default)]
pub(super) struct Contents {
    /// Whether there is anything of somebody's own beside the events: a block in such a file is not touched.
    mixed: bool,
    /// What looks damaged.
    pub(super) signs: Signs,
    found: BTreeMap<Uid, Vec<Said>>,
    /// How what is shaped like a block looks.
    seen: BTreeMap<Uid, SeenBlock>,
    /// What of which some part cannot be read, and what is wrong with the first such part.
    spoiled: BTreeMap<Uid, Fault>,
    /// What somebody made a meeting of, in whichever part.
    people: BTreeSet<Uid>,
    /// The series that have changed occurrences.
    series: BTreeMap<Uid, Option<Series>>,
}

/// A series that a changed occurrence belongs to.
#[derive(Clone, Debug)]
pub(super) struct Series {
    /// When it starts.
    pub(super) start: When,
    /// Whether it is nobody else's business, and so are its occurrences.
    pub(super) private: bool,
}

impl Contents {
    pub(super) fn new(mixed: bool, signs: Signs) -> Self {
        Self {
            mixed,
            signs,
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, event: &Component, context: &Context<'_>) {
        let uid = uid_of(event);
        if context.has_people(event) {
            self.people.insert(uid.clone());
        }
        if self.is_melted(event) {
            return;
        }
        damage::note_twice(event, &mut self.signs);
        match context.piece(event, self.series(event, &uid)) {
            Ok(piece) => {
                if ident::shaped(&uid).is_some() && !self.is_taken_out(&uid, &piece, context) {
                    let again = self.found.contains_key(&uid);
                    let look = context.look(event, &piece, again);
                    self.seen.insert(uid.clone(), look);
                }
                let pieces = self.found.entry(uid.clone()).or_default();
                if pieces.len() >= PIECES_MAX {
                    let why = || {
                        fault(
                            event.line,
                            &format!("more than {PIECES_MAX} events have this UID"),
                        )
                    };
                    self.spoiled.entry(uid).or_insert_with(why);
                    return;
                }
                pieces.push(piece);
            }
            Err(why) => {
                self.spoiled.entry(uid).or_insert(why);
            }
        }
    }

    /// Whether a piece does no more than to cancel one occurrence of a block, which takes it out as a hole does.
    fn is_taken_out(&mut self, uid: &Uid, piece: &Said, context: &Context<'_>) -> bool {
        let Said::Change(change) = piece else {
            return false;
        };
        let is_cancelled = change.standing == Standing::Cancelled && !change.and_after;
        let seen = self.seen.get_mut(uid).filter(|_| is_cancelled);
        let Some(seen) = seen else {
            return false;
        };
        let Some(Shape::Series(series)) = &seen.shape else {
            return false;
        };
        let at = series.start_at(&change.at, context.reader.home);
        seen.traces.holes.insert(at);
        seen.print = Print::of([&seen.print.0[..], b"cancelled"]);
        true
    }

    /// What may be events under another name than theirs.
    pub(super) fn add_unknown(&mut self, calendar: &Component) {
        for unknown in calendar.children.iter().filter(|c| !is_usual(c)) {
            self.signs.note(unknown.line);
            if may_be_event(unknown) {
                let why = fault(unknown.line, "nobody knows what this is called");
                self.spoiled.entry(uid_of(unknown)).or_insert(why);
            }
        }
    }

    /// What a damaged text tells of in no event.
    pub(super) fn add_lost(&mut self, bytes: &[u8], calendars: &[Component]) {
        let mut told = BTreeSet::new();
        for calendar in calendars {
            uids_in(calendar, &mut told);
        }
        for uid in damage::names(bytes) {
            if !told.contains(&*uid) {
                let why = "the file is damaged here, and an event is lost";
                let why = || fault(self.signs.line, why);
                self.spoiled.entry(uid).or_insert_with(why);
            }
        }
    }

    /// Whether several events have run together where a piece of the file is lost. RFC 5545 3.6.1 allows an event one UID and one
    /// start.
    fn is_melted(&mut self, event: &Component) -> bool {
        let uids: BTreeSet<&str> = event.all("UID").map(|prop| prop.value.trim()).collect();
        let starts: BTreeSet<&str> = event.all("DTSTART").map(|prop| prop.value.trim()).collect();
        let is_melted = uids.len() > 1 || starts.len() > 1;
        if is_melted {
            self.signs.note(event.line);
        }
        for uid in uids.into_iter().filter(|_| is_melted) {
            let why = || fault(event.line, "several events have run together here");
            self.spoiled.entry(uid.into()).or_insert_with(why);
        }
        is_melted
    }

    /// The series that a changed occurrence belongs to, if the text holds it.
    fn series(&mut self, event: &Component, uid: &Uid) -> Option<&Series> {
        event.prop("RECURRENCE-ID")?;
        if !self.series.contains_key(uid) {
            let pieces = self.found.get(uid).into_iter().flatten();
            let masters = pieces.filter_map(|piece| match piece {
                Said::Master(master, _) => Some(master),
                Said::Change(_) => None,
            });
            let private = masters.clone().any(|master| master.traits.private);
            let master = masters.reduce(|one, other| if other.outranks(one) { other } else { one });
            let series = master.map(|master| Series {
                start: master.start.clone(),
                private,
            });
            self.series.insert(uid.clone(), series);
        }
        self.series.get(uid)?.as_ref()
    }

    pub(super) fn into_found(mut self) -> Found {
        // Nearly every file holds one event, and whole folders are in memory for a moment: no room for four of them.
        let mut parts = Vec::with_capacity(1);
        for (uid, Fault { line, why }) in &self.spoiled {
            self.found.remove(uid);
            parts.push(Part::Unreadable {
                uid: uid.clone(),
                people: self.mixed || self.people.contains(uid),
                why: format!("line {line}: {why}"),
            });
        }
        for (uid, pieces) in self.found {
            let (event, twins) = Event::gather_one(pieces);
            // What carries the UID of a block is never an event, however often it is in a file.
            let is_block = ident::shaped(&uid).is_some();
            for twin in twins.into_iter().filter(|_| !is_block) {
                parts.push(Part::Event {
                    uid: twin.twin_uid(&uid),
                    event: twin,
                    seen: None,
                });
            }
            let seen = self.seen.remove(&uid).map(|look| SeenBlock {
                people: self.mixed || self.people.contains(&uid),
                ..look
            });
            parts.push(Part::Event { uid, event, seen });
        }
        Found {
            parts,
            signs: self.signs,
        }
    }
}

/// Whether something in a calendar has a name of RFC 5545, RFC 7953 or RFC 9073, or one that a program made up for its own.
fn is_usual(component: &Component) -> bool {
    const USUAL: [&str; 7] = [
        "VEVENT",
        "VTODO",
        "VJOURNAL",
        "VFREEBUSY",
        "VTIMEZONE",
        "VAVAILABILITY",
        "VPOLL",
    ];
    let name = component.name.as_str();
    USUAL.contains(&name) || name.starts_with("X-")
}

/// Whether something of a name that nobody knows may be an event whose own name is damaged. To leave it out would be to take the
/// event for gone.
fn may_be_event(component: &Component) -> bool {
    component.prop("UID").is_some() && component.prop("DTSTART").is_some()
}

/// The UIDs of a component and of all that is in it.
fn uids_in<'a>(component: &'a Component, uids: &mut BTreeSet<&'a str>) {
    // A calendar may have one of its own (RFC 7986 5.3), but begins at no time: that is an event whose beginning is lost.
    let is_own = component.name != "VCALENDAR" || component.prop("DTSTART").is_none();
    let own = component.all("UID").filter(|_| is_own);
    uids.extend(own.map(|prop| prop.value.trim()));
    for child in &component.children {
        uids_in(child, uids);
    }
}

/// Whether a calendar holds anything but events and their zones: a to-do or a journal is somebody's own, wherever it stands.
pub(super) fn is_mixed(calendar: &Component) -> bool {
    calendar.children.iter().any(|child| {
        let usual: &[&str] = match child.name.as_str() {
            "VEVENT" => &["VALARM", "PARTICIPANT", "VLOCATION", "VRESOURCE"],
            "VTIMEZONE" => &["STANDARD", "DAYLIGHT"],
            _ => return true,
        };
        let inside = &child.children;
        inside.iter().any(|c| !usual.contains(&c.name.as_str()))
    })
}

/// The UID of an event; for one without, a name made from when it is and whether it is busy (RFC 5545 demands one, files do
/// not always have it). No word of it goes in: whoever has the name could guess those.
fn uid_of(event: &Component) -> Uid {
    const TOLD: [&str; 8] = [
        "DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "TRANSP", "STATUS",
    ];
    match event.value("UID") {
        Some(uid) if !uid.is_empty() => uid.into(),
        _ => {
            let fields = TOLD.iter().flat_map(|name| {
                let prop = event.prop(name);
                let zone = prop.and_then(|prop| prop.param("TZID"));
                [event.value(name), zone].map(|text| text.unwrap_or_default().as_bytes())
            });
            format!("no-uid-{}", Print::of(fields)).into()
        }
    }
}
