//! iCalendar text into events. Forgiving where files in the wild are sloppy; where the meaning is lost, it says so for that
//! one event instead of guessing. No title, place or note ever leaves this room, save those of our own blocks.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{
    civil::{Date, DateTime},
    tz::TimeZone,
};

use super::{
    damage::{self, Signs},
    lines::{self, Component, Prop, TextError, calendars, tells_of_people},
    resolve::Zones,
};
use crate::{
    ident,
    model::{
        Answer, Event, Extra, Face, Kind, Length, Mark, Master, Override, Part, Patterns, Print,
        Recurs, Revision, SeenBlock, Series, Shape, Shown, Standing, Traits, Uid, When, Zone,
        block, marks,
    },
    recur::{Rule, Until, day_end},
};

/// The most `RRULE`s and `EXRULE`s of one event. RFC 5545 3.8.5.3 wants no more than one.
const RULES_MAX: usize = 20;
/// The most `RDATE`s of one event, and the most `EXDATE`s: every day of a decade and more.
const DATES_MAX: usize = 5_000;
/// The most parts of a text under one UID: a series and its changed occurrences.
const PIECES_MAX: usize = 5_000;

/// How to read: what depends on whose calendar it is.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// The owner's mail addresses in lower case: what they declined does not keep them busy.
    pub me: &'a [String],
    /// The zone of floating times.
    pub home: &'a TimeZone,
    /// What the rules look for in the words of events.
    pub patterns: &'a Patterns,
}

impl<'a> Reader<'a> {
    /// One that looks for nothing in the words of events.
    pub fn new(me: &'a [String], home: &'a TimeZone) -> Self {
        let patterns = &marks::NOTHING;
        Self { me, home, patterns }
    }
}

/// What is wrong with an event, and where.
struct Fault {
    line: usize,
    why: String,
}

type Read<T> = Result<T, Fault>;

/// What one `VEVENT` says.
enum Piece {
    Master(Master),
    Override(Override),
}

/// What a text holds.
#[derive(Debug)]
pub struct Found {
    /// Its events, as far as they can be read, and the others.
    pub parts: Vec<Part>,
    /// What looks damaged in it beside events that cannot be read. It may have lost others without a trace.
    pub signs: Signs,
}

/// Reads all events in a text.
pub fn read(bytes: &[u8], reader: Reader<'_>) -> Result<Vec<Part>, TextError> {
    read_signs(bytes, reader).map(|found| found.parts)
}

/// The same, and says what looks damaged.
pub fn read_signs(bytes: &[u8], reader: Reader<'_>) -> Result<Found, TextError> {
    read_all(bytes, reader, tells_of_people)
}

/// The same of what a server keeps. Some servers name the owner of the calendar as the organiser of whatever is stored there,
/// also of a block, which has none. That alone makes no meeting: nobody is mailed but whoever is invited (RFC 6638 3.2), so
/// that changing or removing such a block is silent, and a person who makes a meeting of it invites somebody. Counting it
/// as theirs would disown every block at such a server. In a folder nobody adds it on their own: there it stays a sign of people.
pub fn read_kept(bytes: &[u8], reader: Reader<'_>) -> Result<Vec<Part>, TextError> {
    let invites = |name: &str| name != "ORGANIZER" && tells_of_people(name);
    read_all(bytes, reader, invites).map(|found| found.parts)
}

fn read_all(
    bytes: &[u8],
    reader: Reader<'_>,
    names_people: fn(&str) -> bool,
) -> Result<Found, TextError> {
    let text = lines::read(bytes)?;
    let calendars = Zones::of_all(&text.calendars).into_iter();
    let calendars: Vec<(Zones, &Component)> = calendars.zip(&text.calendars).collect();
    let mut contents = Contents {
        mixed: text.strays || text.calendars.iter().any(is_mixed),
        signs: text.signs,
        ..Contents::default()
    };
    // Series first: what names an occurrence of one is read on its clock, wherever in the text it stands.
    for changes in [false, true] {
        for (zones, calendar) in &calendars {
            let context = Context {
                zones,
                reader,
                names_people,
            };
            let events = calendar.children.iter().filter(|c| c.name == "VEVENT");
            for event in events.filter(|event| event.prop("RECURRENCE-ID").is_some() == changes) {
                contents.add(event, &context);
            }
        }
    }
    for (_, calendar) in &calendars {
        contents.add_unknown(calendar);
    }
    if contents.signs.count > 0 || text.lost {
        contents.add_lost(bytes, &text.calendars);
    }
    Ok(contents.into_found())
}

/// What a text holds, as far as it has been gone through.
#[derive(Default)]
struct Contents {
    /// Whether there is anything of somebody's own beside the events: a block in such a file is not touched.
    mixed: bool,
    /// What looks damaged.
    signs: Signs,
    found: BTreeMap<Uid, Vec<Piece>>,
    /// How what is shaped like a block looks.
    seen: BTreeMap<Uid, SeenBlock>,
    /// What of which some part cannot be read, and what is wrong with the first such part.
    spoiled: BTreeMap<Uid, Fault>,
    /// What somebody made a meeting of, in whichever part.
    people: BTreeSet<Uid>,
    /// The starts of the series that have changed occurrences.
    clocks: BTreeMap<Uid, Option<When>>,
}

impl Contents {
    fn add(&mut self, event: &Component, context: &Context<'_>) {
        let uid = uid_of(event);
        if context.has_people(event) {
            self.people.insert(uid.clone());
        }
        if self.is_melted(event) {
            return;
        }
        damage::note_twice(event, &mut self.signs);
        match context.piece(event, self.clock(event, &uid)) {
            Ok(piece) => {
                if ident::shaped(&uid).is_some() {
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

    /// What may be events under another name than theirs.
    fn add_unknown(&mut self, calendar: &Component) {
        for unknown in calendar.children.iter().filter(|c| !is_usual(c)) {
            self.signs.note(unknown.line);
            if may_be_event(unknown) {
                let why = fault(unknown.line, "nobody knows what this is called");
                self.spoiled.entry(uid_of(unknown)).or_insert(why);
            }
        }
    }

    /// What a damaged text tells of in no event.
    fn add_lost(&mut self, bytes: &[u8], calendars: &[Component]) {
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

    /// The start of the series that a changed occurrence belongs to, if the text holds it.
    fn clock(&mut self, event: &Component, uid: &Uid) -> Option<&When> {
        event.prop("RECURRENCE-ID")?;
        if !self.clocks.contains_key(uid) {
            let pieces = self.found.get(uid).into_iter().flatten();
            let masters = pieces.filter_map(|piece| match piece {
                Piece::Master(master) => Some(master),
                Piece::Override(_) => None,
            });
            let master = masters.reduce(|one, other| if other.outranks(one) { other } else { one });
            let start = master.map(|master| master.start.clone());
            self.clocks.insert(uid.clone(), start);
        }
        self.clocks.get(uid)?.as_ref()
    }

    fn into_found(mut self) -> Found {
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
            let (event, twins) = Event::gather(pieces.into_iter().map(Event::from));
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
fn is_mixed(calendar: &Component) -> bool {
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

impl From<Piece> for Event {
    fn from(piece: Piece) -> Self {
        match piece {
            Piece::Master(master) => Self {
                master: Some(master),
                overrides: Vec::new(),
            },
            Piece::Override(change) => Self {
                master: None,
                overrides: vec![change],
            },
        }
    }
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

/// A calendar's zones and its owner.
struct Context<'a> {
    zones: &'a Zones,
    reader: Reader<'a>,
    /// Whether a property of this name shows that somebody made a meeting of an event.
    names_people: fn(&str) -> bool,
}

impl Context<'_> {
    /// What an event says. `series` is the start of the series that it changes an occurrence of, where that is known.
    fn piece(&self, event: &Component, series: Option<&When>) -> Read<Piece> {
        if let Some(line) = event.broken {
            return Err(fault(line, "a line that matters has no colon"));
        }
        if let Some((line, meant)) = damage::misspelt(event) {
            return Err(fault(line, &format!("the property is misspelt; {meant}?")));
        }
        if let Some(prop) = event.props.iter().find(|prop| self.is_nowhere(prop)) {
            let why = "nobody knows the time zone, and the file does not describe it; correct TZID";
            return Err(fault(prop.line, why));
        }
        let Some(prop) = event.prop("DTSTART") else {
            return Err(fault(event.line, "the event has no DTSTART"));
        };
        let start = self.when(prop, None)?;
        let length = self.length(event, &start)?;
        let standing = self.standing(event, &start);
        let revision = self.revision(event);
        if let Some(id) = event.prop("RECURRENCE-ID") {
            let range = id.param("RANGE");
            return Ok(Piece::Override(Override {
                at: self.named(id, series, &start)?,
                and_after: range.is_some_and(|r| r.eq_ignore_ascii_case("THISANDFUTURE")),
                start,
                length,
                traits: self.traits(event, standing),
                standing,
                revision,
            }));
        }
        Ok(Piece::Master(Master {
            recurs: self.recurs(event, &start)?,
            start,
            length,
            traits: self.traits(event, standing),
            standing,
            revision,
        }))
    }

    /// A date or a time. One that names no zone is read in that of `like`, where the event itself has one.
    fn when(&self, prop: &Prop, like: Option<&When>) -> Read<When> {
        self.when_text(prop, prop.value.trim(), like)
            .ok_or_else(|| fault(prop.line, &format!("{} is not a date or time", prop.name)))
    }

    /// Whether a property tells of a time on a clock that nobody knows. To guess would be to show the wrong hours.
    fn is_nowhere(&self, prop: &Prop) -> bool {
        const TIMES: [&str; 5] = ["DTSTART", "DTEND", "RECURRENCE-ID", "RDATE", "EXDATE"];
        let is_local = |text: &str| text.trim().len() > 8 && !text.trim().ends_with(['Z', 'z']);
        TIMES.contains(&prop.name.as_str())
            && !self.zones.is_known(prop.param("TZID"))
            && prop.value.split([',', '/']).any(is_local)
    }

    /// The occurrence that a RECURRENCE-ID names: on the clock of its series, if that is known.
    fn named(&self, id: &Prop, series: Option<&When>, start: &When) -> Read<When> {
        let at = self.when(id, series.or(Some(start)))?;
        Ok(match series {
            Some(series) => at.within(series, self.reader.home),
            None => at,
        })
    }

    fn when_text(&self, prop: &Prop, text: &str, like: Option<&When>) -> Option<When> {
        let local = local_time(text)?;
        if text.len() == 8 {
            return Some(When::Day(local.date()));
        }
        if text.ends_with(['Z', 'z']) {
            return Some(When::Time(local, Zone::UTC));
        }
        let zone = match (prop.param("TZID"), like) {
            (None, Some(When::Time(_, zone))) => zone.clone(),
            (id, _) => self.zones.get(id),
        };
        Some(When::Time(local, zone))
    }

    /// How long each occurrence lasts. RFC 5545 3.6.1: neither DTEND nor DURATION means a day for a date, no time for a time.
    fn length(&self, event: &Component, start: &When) -> Read<Length> {
        if let Some(prop) = event.prop("DTEND") {
            let end = self.when(prop, None)?;
            if self.is_before(&end, start) {
                // Which of the two is meant, nobody knows.
                return Err(fault(prop.line, "DTEND is before DTSTART"));
            }
            return Ok(self.between(start, &end));
        }
        if let Some(prop) = event.prop("DURATION") {
            let length = duration(&prop.value)
                .ok_or_else(|| fault(prop.line, "DURATION is not a duration"))?;
            return Ok(match (start, length) {
                (When::Day(_), Length::Elapsed { days, seconds }) => {
                    let more = i32::try_from(seconds.div_euclid(86_400)).unwrap_or(0);
                    Length::Days((days + more).max(1))
                }
                _ => length,
            });
        }
        Ok(match start {
            When::Day(_) => Length::Days(1),
            When::Time(..) => Length::Wall(0),
        })
    }

    /// Whether an end is before its start; on one clock, as that clock shows it.
    fn is_before(&self, end: &When, start: &When) -> bool {
        match (start, end) {
            (When::Time(from, zone), When::Time(to, other)) if zone == other => to < from,
            (When::Day(first), _) => end.local().date() < *first,
            _ => end.instant(self.reader.home) < start.instant(self.reader.home),
        }
    }

    fn between(&self, start: &When, end: &When) -> Length {
        match (start, end) {
            (When::Day(first), end) => {
                let last = end.local();
                let more =
                    i32::from(matches!(end, When::Time(..)) && last != last.date().at(0, 0, 0, 0));
                // Some clients end a day on itself, which RFC 5545 3.6.1 does not allow; they mean that day.
                Length::Days((days_between(*first, last.date()) + more).max(1))
            }
            (When::Time(from, zone), When::Time(to, other)) if zone == other => {
                Length::Wall(seconds_between(*from, *to).max(0))
            }
            (When::Time(from, _), When::Day(last)) => {
                Length::Wall(seconds_between(*from, last.at(0, 0, 0, 0)).max(0))
            }
            (When::Time(..), When::Time(..)) => {
                let home = self.reader.home;
                let seconds = end.instant(home).as_second() - start.instant(home).as_second();
                Length::Elapsed {
                    days: 0,
                    seconds: seconds.max(0),
                }
            }
        }
    }

    fn standing(&self, event: &Component, start: &When) -> Standing {
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

    /// What else the event says that a rule may ask for.
    fn traits(&self, event: &Component, standing: Standing) -> Traits {
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
        let is_place = |guest: &Prop| {
            let kind = guest.param("CUTYPE").unwrap_or_default();
            ["ROOM", "RESOURCE"]
                .iter()
                .any(|place| kind.eq_ignore_ascii_case(place))
        };
        let marks = match self.reader.patterns.is_empty() {
            true => BTreeSet::new(),
            false => self.marks(event),
        };
        Traits {
            kind: match standing {
                Standing::Note => Kind::Birthday,
                _ => Kind::Usual,
            },
            answer: self.answer(event),
            shown,
            private: says(event, "CLASS", "PRIVATE") || says(event, "CLASS", "CONFIDENTIAL"),
            invited: event
                .prop("ORGANIZER")
                .is_some_and(|prop| !self.is_me(prop)),
            guests: event
                .all("ATTENDEE")
                .any(|guest| !self.is_me(guest) && !is_place(guest)),
            marks,
        }
    }

    fn marks(&self, event: &Component) -> BTreeSet<Mark> {
        let title = event.prop("SUMMARY").map(Prop::text).unwrap_or_default();
        // RFC 5545 3.8.1.2, RFC 7986 5.9.
        let categories = event.all("CATEGORIES").flat_map(Prop::texts);
        let words: Vec<String> = categories
            .chain(event.all("COLOR").map(Prop::text))
            .collect();
        self.reader.patterns.marks(&title, &words)
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
        answers.min().unwrap_or_default()
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

    fn revision(&self, event: &Component) -> Revision {
        let modified = event
            .prop("LAST-MODIFIED")
            .or_else(|| event.prop("DTSTAMP"));
        let instant = modified.and_then(|prop| self.when(prop, None).ok());
        Revision {
            sequence: event
                .value("SEQUENCE")
                .and_then(|n| n.parse().ok())
                .unwrap_or(-1),
            modified: instant.map_or(0, |w| w.instant(self.reader.home).as_second()),
        }
    }

    fn recurs(&self, event: &Component, start: &When) -> Read<Option<Box<Recurs>>> {
        let rules = |name| {
            event
                .all(name)
                .map(|prop| self.rule(prop, start))
                .collect::<Read<Vec<Rule>>>()
        };
        let recurs = Recurs {
            rules: rules("RRULE")?,
            except: rules("EXRULE")?,
            extras: self.extras(event, start)?,
            holes: self.holes(event, start)?,
        };
        let Recurs {
            rules,
            except,
            extras,
            holes,
        } = &recurs;
        let many_rules = rules.len() + except.len() > RULES_MAX;
        if many_rules || extras.len().max(holes.len()) > DATES_MAX {
            let why = format!(
                "the event has more than {RULES_MAX} recurrence rules or {DATES_MAX} single dates"
            );
            return Err(fault(event.line, &why));
        }
        let repeats = !(recurs.rules.is_empty() && recurs.extras.is_empty());
        Ok((repeats || !recurs.holes.is_empty()).then(|| Box::new(recurs)))
    }

    /// A rule, its `UNTIL` turned into the local time of the series (RFC 5545 3.3.10), and out of a gap in its clock: what is
    /// written in UTC is then read back as it was.
    fn rule(&self, prop: &Prop, start: &When) -> Read<Rule> {
        let (mut rule, until) =
            Rule::parse(&prop.value).map_err(|e| fault(prop.line, &e.to_string()))?;
        if let (Some(written), Some(until)) = (until, rule.until()) {
            let home = self.reader.home;
            let local = match start {
                When::Day(_) => until.date().at(0, 0, 0, 0),
                When::Time(_, zone) => {
                    let instant = match written {
                        Until::Day => zone.instant(day_end(until), home),
                        Until::Local => zone.instant(until, home),
                        Until::Utc => Zone::UTC.instant(until, home),
                    };
                    zone.local(instant, home)
                }
            };
            rule.set_until(local);
        }
        rule.complete(start.local());
        Ok(rule)
    }

    /// The starts that are taken out. One that cannot be read would be busy time that was cancelled.
    fn holes(&self, event: &Component, start: &When) -> Read<Vec<When>> {
        let mut holes = Vec::new();
        for prop in event.all("EXDATE") {
            let texts = prop.value.split(',').map(str::trim);
            for text in texts.filter(|text| !text.is_empty()) {
                let hole = self
                    .when_text(prop, text, Some(start))
                    .ok_or_else(|| fault(prop.line, "EXDATE is not a list of dates or times"))?;
                holes.push(hole.within(start, self.reader.home));
            }
        }
        Ok(holes)
    }

    fn extras(&self, event: &Component, start: &When) -> Read<Vec<Extra>> {
        let mut extras = Vec::new();
        for prop in event.all("RDATE") {
            let texts = prop.value.split(',').map(str::trim);
            for text in texts.filter(|text| !text.is_empty()) {
                let (from, to) = match text.split_once('/') {
                    Some((from, to)) => (from, Some(to)),
                    None => (text, None),
                };
                // A date that cannot be read would be busy time that nobody sees.
                let unreadable =
                    || fault(prop.line, "RDATE is not a list of dates, times or periods");
                let from = self
                    .when_text(prop, from, Some(start))
                    .ok_or_else(unreadable)?;
                let until = |to| {
                    let to = self.when_text(prop, to, Some(start))?;
                    (!self.is_before(&to, &from)).then(|| self.between(&from, &to))
                };
                let length = match to {
                    Some(to) => Some(duration(to).or_else(|| until(to)).ok_or_else(unreadable)?),
                    None => None,
                };
                extras.push(Extra {
                    start: from,
                    length,
                });
            }
        }
        Ok(extras)
    }

    /// Whether somebody made a meeting of an event.
    fn has_people(&self, event: &Component) -> bool {
        let names_people = |prop: &Prop| (self.names_people)(&prop.name);
        event.lost_people
            || event.props.iter().any(names_people)
            || event.children.iter().any(|c| c.name == "PARTICIPANT")
    }

    /// How an event looks, should it be a block of ours. Whose it is by now, all that is in the file tells.
    fn look(&self, event: &Component, piece: &Piece, again: bool) -> SeenBlock {
        let says = |name, word| {
            event
                .value(name)
                .is_some_and(|v: &str| v.eq_ignore_ascii_case(word))
        };
        let text = |name| event.prop(name).map(Prop::text).unwrap_or_default();
        let mut odd = Vec::new();
        let mut note = |is: bool, word| {
            if is {
                odd.push(word);
            }
        };
        note(again || matches!(piece, Piece::Override(_)), "override");
        note(says("TRANSP", "TRANSPARENT"), "free");
        note(
            event
                .value("STATUS")
                .is_some_and(|v| !v.eq_ignore_ascii_case("CONFIRMED")),
            "status",
        );
        note(
            says("X-MICROSOFT-CDO-BUSYSTATUS", "FREE"),
            "free for Outlook",
        );
        for name in ["URL", "ATTACH", "CONTACT", "COMMENT", "GEO", "CATEGORIES"] {
            note(event.prop(name).is_some(), name);
        }
        note(!says("CLASS", "PRIVATE"), "public");
        note(event.children.iter().any(|c| c.name == "VALARM"), "alarm");
        note(
            event.value("LOCATION").is_some_and(|v| !v.is_empty()),
            "place",
        );
        let face = Face {
            title: text("SUMMARY"),
            notes: text("DESCRIPTION"),
        };
        let shape = match piece {
            Piece::Master(master) => shape(master, self.reader.home),
            Piece::Override(_) => None,
        };
        let print = match &shape {
            Some(shape) => block::print(shape, &face, &odd),
            None => Print::default(),
        };
        SeenBlock {
            print,
            shape,
            people: false,
            touched: false,
        }
    }
}

/// The shape that a block with these times would have; none if calsync writes no such thing.
pub fn shape(master: &Master, home: &TimeZone) -> Option<Shape> {
    let Some(recurs) = &master.recurs else {
        return Some(Shape::Once(master.start.span(master.length, home)));
    };
    let ([rule], [], []) = (&recurs.rules[..], &recurs.except[..], &recurs.extras[..]) else {
        return None;
    };
    let holes = recurs.holes.iter().map(|hole| match (&master.start, hole) {
        (When::Time(_, zone), When::Time(_, other)) if zone != other => {
            zone.local(hole.instant(home), home)
        }
        // In the same zone it stays as written: inside a gap, going by the instant would move it.
        _ => hole.local(),
    });
    Some(Shape::Series(Series {
        start: master.start.clone(),
        length: master.length,
        rule: rule.clone(),
        holes: holes.collect(),
    }))
}

/// How a series repeats, from its `RRULE`, `EXRULE`, `RDATE` and `EXDATE` lines: for calendars that tell all else in another
/// form. What is wrong is said without any of the content.
pub fn recurrence(
    lines: &[String],
    start: &When,
    home: &TimeZone,
) -> Result<Option<Box<Recurs>>, String> {
    let mut text = String::from("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n");
    for line in lines.iter().map(|line| line.trim()) {
        let name = line.split([':', ';']).next().unwrap_or_default();
        if !["RRULE", "EXRULE", "RDATE", "EXDATE"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
        {
            continue;
        }
        // A line of theirs is one line of ours, whatever is in it.
        text.extend(line.chars().filter(|c| !matches!(c, '\r' | '\n')));
        text.push_str("\r\n");
    }
    text.push_str("END:VEVENT\r\nEND:VCALENDAR\r\n");
    let calendars = calendars(text.as_bytes()).map_err(|error| error.to_string())?;
    let events = calendars.iter().flat_map(|calendar| &calendar.children);
    let zones = Zones::default();
    let reader = Reader::new(&[], home);
    let context = Context {
        zones: &zones,
        reader,
        names_people: tells_of_people,
    };
    let mut recurs = None;
    for event in events {
        if event.broken.is_some() {
            return Err("a line that says how it repeats has no colon".to_owned());
        }
        recurs = context.recurs(event, start).map_err(|fault| fault.why)?;
    }
    Ok(recurs)
}

fn fault(line: usize, why: &str) -> Fault {
    Fault {
        line,
        why: why.to_owned(),
    }
}

fn is_birthday(event: &Component) -> bool {
    event.all("CATEGORIES").any(|prop| {
        prop.value.split(',').any(|word| {
            let word = word.trim();
            word.eq_ignore_ascii_case("BIRTHDAY") || word.eq_ignore_ascii_case("BIRTHDAYS")
        })
    })
}

fn says(event: &Component, name: &str, word: &str) -> bool {
    let value = event.value(name);
    value.is_some_and(|value| value.eq_ignore_ascii_case(word))
}

/// Whether an event takes no time of its owner's (RFC 5545 3.8.2.7), or says so as Outlook does.
fn is_free(event: &Component) -> bool {
    let untold = event.prop("TRANSP").is_none();
    says(event, "TRANSP", "TRANSPARENT")
        || (untold && says(event, "X-MICROSOFT-CDO-BUSYSTATUS", "FREE"))
}

fn days_between(from: Date, to: Date) -> i32 {
    from.until(to).map_or(0, |span| span.get_days())
}

fn seconds_between(from: DateTime, to: DateTime) -> i64 {
    to.duration_since(from).as_secs()
}

/// Reads `20261123`, `20261123T090000` or `20261123T090000Z`; a date is its midnight.
pub(super) fn local_time(text: &str) -> Option<DateTime> {
    let text = text.trim();
    let number = |from: usize, to: usize| -> Option<i16> {
        let digits = text.get(from..to)?;
        digits
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| digits.parse().ok())?
    };
    let small = |from, to| number(from, to).and_then(|n| i8::try_from(n).ok());
    let date = Date::new(number(0, 4)?, small(4, 6)?, small(6, 8)?).ok()?;
    match text.get(8..)? {
        "" => Some(date.at(0, 0, 0, 0)),
        rest if rest.starts_with(['T', 't']) && matches!(rest.len(), 7 | 8) => {
            if rest.len() == 8 && !rest.ends_with(['Z', 'z']) {
                return None;
            }
            // A leap second is the second before it.
            let second = small(13, 15)?.min(59);
            let time = jiff::civil::Time::new(small(9, 11)?, small(11, 13)?, second, 0).ok()?;
            Some(date.to_datetime(time))
        }
        _ => None,
    }
}

/// Reads a duration (RFC 5545 3.3.6), the days of which are nominal and the rest exact. A negative one is no time.
fn duration(text: &str) -> Option<Length> {
    let text = text.trim().to_ascii_uppercase();
    let (negative, body) = match text.strip_prefix('-') {
        Some(body) => (true, body),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    let (mut days, mut seconds, mut amount, mut told) = (0_i64, 0_i64, None::<i64>, false);
    for c in body.strip_prefix('P')?.chars() {
        if let Some(digit) = c.to_digit(10) {
            amount = Some(
                amount
                    .unwrap_or(0)
                    .checked_mul(10)?
                    .checked_add(i64::from(digit))?,
            );
            continue;
        }
        if c == 'T' {
            continue;
        }
        let n = amount.take()?;
        told = true;
        match c {
            'W' => days = days.checked_add(n.checked_mul(7)?)?,
            'D' => days = days.checked_add(n)?,
            'H' => seconds = seconds.checked_add(n.checked_mul(3600)?)?,
            'M' => seconds = seconds.checked_add(n.checked_mul(60)?)?,
            'S' => seconds = seconds.checked_add(n)?,
            _ => return None,
        }
    }
    let sane = told && amount.is_none() && days < 36_600 && seconds < 36_600 * 86_400;
    let days = i32::try_from(days).ok().filter(|_| sane)?;
    // To last less than nothing is to end before the start.
    let is_nothing = days == 0 && seconds == 0;
    (is_nothing || !negative).then_some(Length::Elapsed { days, seconds })
}
