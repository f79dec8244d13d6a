//! `fields=`: which parts of an answer are wanted. Must never know more of Google than the names of its fields.

use serde_json::{Map, Value};

/// What is wanted of an object: its fields, each with what is wanted of it.
#[derive(Debug, Default)]
struct Wanted(Vec<(String, Wanted)>);

/// The fields of an event that can be asked for.
const OF_EVENT: [&str; 43] = [
    "anyoneCanAddSelf",
    "attachments",
    "attendees",
    "attendeesOmitted",
    "birthdayProperties",
    "colorId",
    "conferenceData",
    "created",
    "creator",
    "description",
    "end",
    "endTimeUnspecified",
    "etag",
    "eventType",
    "extendedProperties",
    "focusTimeProperties",
    "gadget",
    "guestsCanInviteOthers",
    "guestsCanModify",
    "guestsCanSeeOtherGuests",
    "hangoutLink",
    "htmlLink",
    "iCalUID",
    "id",
    "kind",
    "location",
    "locked",
    "organizer",
    "originalStartTime",
    "outOfOfficeProperties",
    "privateCopy",
    "recurrence",
    "recurringEventId",
    "reminders",
    "sequence",
    "source",
    "start",
    "status",
    "summary",
    "transparency",
    "updated",
    "visibility",
    "workingLocationProperties",
];
/// The fields of a listing of events.
const OF_LISTING: [&str; 11] = [
    "accessRole",
    "defaultReminders",
    "description",
    "etag",
    "items",
    "kind",
    "nextPageToken",
    "nextSyncToken",
    "summary",
    "timeZone",
    "updated",
];

/// Cuts an answer down to what is wanted; or says which field nobody has.
pub(crate) fn select(answer: Value, fields: &str) -> Result<Value, String> {
    let mut rest = fields;
    let wanted = parse(&mut rest)?;
    if !rest.is_empty() {
        return Err(rest.to_owned());
    }
    check(&answer, &wanted)?;
    Ok(wanted.of(answer))
}

/// `a,b/c,d(e,f)`, up to the end or to a closing bracket.
fn parse(rest: &mut &str) -> Result<Wanted, String> {
    let mut wanted = Wanted::default();
    loop {
        wanted.also(parse_one(rest)?);
        match rest.strip_prefix(',') {
            Some(more) => *rest = more,
            None => return Ok(wanted),
        }
    }
}

fn parse_one(rest: &mut &str) -> Result<(String, Wanted), String> {
    let end = rest.find([',', '/', '(', ')']).unwrap_or(rest.len());
    let (name, tail) = rest.split_at(end);
    if name.is_empty() {
        return Err((*rest).to_owned());
    }
    *rest = tail;
    let below = if let Some(tail) = rest.strip_prefix('/') {
        *rest = tail;
        Wanted(vec![parse_one(rest)?])
    } else if let Some(tail) = rest.strip_prefix('(') {
        *rest = tail;
        let below = parse(rest)?;
        *rest = rest.strip_prefix(')').ok_or_else(|| (*rest).to_owned())?;
        below
    } else {
        Wanted::default()
    };
    Ok((name.to_owned(), below))
}

/// Finds fields that events and their listings do not have: a typing error there would otherwise read as "nothing there".
fn check(answer: &Value, wanted: &Wanted) -> Result<(), String> {
    let kind = answer["kind"].as_str().unwrap_or_default();
    for (name, below) in &wanted.0 {
        let known = match kind {
            "calendar#events" => OF_LISTING.contains(&name.as_str()),
            "calendar#event" => is_of_event(name),
            _ => true,
        };
        let odd = below.0.iter().find(|(field, _)| !is_of_event(field));
        match (known, odd) {
            (false, _) => return Err(name.clone()),
            (true, Some((field, _))) if kind == "calendar#events" && name == "items" => {
                return Err(field.clone());
            }
            (true, _) => {}
        }
    }
    Ok(())
}

fn is_of_event(name: &str) -> bool {
    name == "*" || OF_EVENT.contains(&name)
}

impl Wanted {
    /// `a/b,a/c` wants both; `a,a/b` wants all of it.
    fn also(&mut self, (name, below): (String, Self)) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            None => self.0.push((name, below)),
            Some((_, all)) if all.0.is_empty() || below.0.is_empty() => all.0.clear(),
            Some((_, some)) => below.0.into_iter().for_each(|one| some.also(one)),
        }
    }

    fn of(&self, value: Value) -> Value {
        match value {
            value if self.0.is_empty() => value,
            Value::Array(items) => items.into_iter().map(|item| self.of(item)).collect(),
            Value::Object(object) => Value::Object(self.of_object(object)),
            other => other,
        }
    }

    fn of_object(&self, object: Map<String, Value>) -> Map<String, Value> {
        let pick = |(name, value): (String, Value)| {
            let mut named = self.0.iter();
            let (_, below) = named.find(|(wanted, _)| *wanted == name || wanted == "*")?;
            Some((name, below.of(value)))
        };
        object.into_iter().filter_map(pick).collect()
    }
}
