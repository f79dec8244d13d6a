//! How an event repeats: its rules, and the single dates that are added or taken out. Pure.

use jiff::tz::TimeZone;

use super::{
    super::{
        lines::{Component, Prop, calendars, tells_of_people},
        resolve::Zones,
        values::duration,
    },
    Context, Read, Reader, fault,
};
use crate::{
    model::{Extra, Master, Recurs, Series, Shape, When, Zone},
    recur::{Rule, Until, day_end},
};

/// The most `RRULE`s and `EXRULE`s of one event. RFC 5545 3.8.5.3 wants no more than one.
const RULES_MAX: usize = 20;
/// The most `RDATE`s of one event, and the most `EXDATE`s: every day of a decade and more.
const DATES_MAX: usize = 5_000;

impl Context<'_> {
    pub(super) fn recurs(&self, event: &Component, start: &When) -> Read<Option<Box<Recurs>>> {
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
                if matches!((&from, start), (When::Day(_), When::Time(..))) {
                    let why = "RDATE is a day, and the event begins at a time; nobody knows when on that day";
                    return Err(fault(prop.line, why));
                }
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
        private: false,
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
