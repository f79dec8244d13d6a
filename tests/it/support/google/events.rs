//! Reading and writing single events, as an account may. Must never list.

use jiff::{civil::DateTime, tz::TimeZone};
use serde_json::{Map, Value, json};

use super::{
    errors,
    exchange::{Reply, Request},
    listing::viewer,
    series::{self, Moment},
    view::Viewer,
    world::{Asker, Call, Role, Stored, World},
};

/// What an account can write; all else that is sent is ignored.
const WRITABLE: [&str; 28] = [
    "anyoneCanAddSelf",
    "attachments",
    "attendees",
    "birthdayProperties",
    "colorId",
    "conferenceData",
    "description",
    "end",
    "endTimeUnspecified",
    "eventType",
    "extendedProperties",
    "focusTimeProperties",
    "gadget",
    "guestsCanInviteOthers",
    "guestsCanModify",
    "guestsCanSeeOtherGuests",
    "location",
    "outOfOfficeProperties",
    "recurrence",
    "reminders",
    "sequence",
    "source",
    "start",
    "status",
    "summary",
    "transparency",
    "visibility",
    "workingLocationProperties",
];
/// What stays as it is, whatever is written.
const KEPT: [&str; 10] = [
    "created",
    "creator",
    "htmlLink",
    "iCalUID",
    "id",
    "organizer",
    "originalStartTime",
    "recurringEventId",
    "sequence",
    "eventType",
];
/// What is not said when it is the usual.
const USUAL: [(&str, &str); 2] = [("transparency", "opaque"), ("visibility", "default")];
const LONGEST_KEY: usize = 44;
const LONGEST_VALUE: usize = 1024;

impl World {
    /// `events.get`: of an event that is gone too.
    pub(crate) fn get_event(
        &self,
        asker: &Asker,
        id: &str,
        request: &Request,
    ) -> Result<Value, Reply> {
        let calendar = &self.calendars[&asker.calendar];
        let event = self.known(asker, id)?;
        Ok(viewer(calendar, asker, request)?.see(calendar, &event))
    }

    /// `events.delete`.
    pub(crate) fn delete_event(
        &mut self,
        asker: &Asker,
        call: &Call,
        request: &Request,
    ) -> Result<(), Reply> {
        may_write(asker)?;
        let mut event = self.known(asker, &call.event)?;
        if event.is_cancelled() {
            return Err(errors::deleted());
        }
        has_condition(request, &event)?;
        self.mail(asker, call, request, &[&event]);
        event.body.insert("status".to_owned(), "cancelled".into());
        self.store(&asker.calendar, event);
        Ok(())
    }

    /// `events.insert`, `events.update` and `events.patch`.
    pub(crate) fn write_event(
        &mut self,
        asker: &Asker,
        call: &Call,
        request: &Request,
    ) -> Result<Value, Reply> {
        may_write(asker)?;
        let sent = request.json().and_then(|body| body.as_object().cloned());
        // The words are not known for sure.
        let sent =
            sent.ok_or_else(|| errors::calendar(400, "global", "parseError", "Parse Error"))?;
        let (before, event) = match call.name {
            "events.insert" => (Stored::default(), self.inserted(asker, sent)?),
            _ => {
                let before = self.known(asker, &call.event)?;
                has_condition(request, &before)?;
                let mut after = self.changed(&before, sent, call.name == "events.patch")?;
                keep_unspoken(&mut after, &before, request);
                (before, after)
            }
        };
        let mut event = Stored {
            body: settle(event, &self.calendars[&asker.calendar].zone_name)?,
            revision: 0,
            orphaned: false,
            verbatim: false,
        };
        let moved = |name: &&str| before.body.get(*name) != event.body.get(*name);
        if !before.body.is_empty() && ["start", "end", "recurrence"].iter().any(moved) {
            let sequence = event.body["sequence"].as_i64().unwrap_or_default() + 1;
            event.body.insert("sequence".to_owned(), sequence.into());
        }
        self.mail(asker, call, request, &[&before, &event]);
        let id = event.text("id").to_owned();
        self.store(&asker.calendar, event);
        let calendar = &self.calendars[&asker.calendar];
        let viewer = Viewer {
            role: asker.role,
            zone: calendar.zone(),
        };
        Ok(viewer.see(calendar, &calendar.events[&id]))
    }

    /// An event or an occurrence that there is, or was.
    fn known(&self, asker: &Asker, id: &str) -> Result<Stored, Reply> {
        let calendar = &self.calendars[&asker.calendar];
        if let Some(event) = calendar.find(id, self.horizon()) {
            return Ok(event);
        }
        // An occurrence that went with its series is gone, but known.
        calendar
            .events
            .get(id)
            .cloned()
            .ok_or_else(errors::not_found)
    }

    /// A new event, with an id that nothing in the calendar ever had.
    fn inserted(
        &mut self,
        asker: &Asker,
        sent: Map<String, Value>,
    ) -> Result<Map<String, Value>, Reply> {
        let id = match sent.get("id").map(|id| id.as_str().unwrap_or_default()) {
            Some(_) if sent.contains_key("iCalUID") => {
                return Err(errors::invalid("Only one of id and iCalUID may be given."));
            }
            Some(id) if !is_id(id) => return Err(errors::invalid("Invalid resource id value.")),
            Some(id) if self.calendars[&asker.calendar].events.contains_key(id) => {
                return Err(errors::duplicate());
            }
            Some(id) => id.to_owned(),
            None => self.new_id(),
        };
        let uid = sent.get("iCalUID").cloned();
        let mut event = self.fresh(asker, &id);
        event.extend(uid.map(|uid| ("iCalUID".to_owned(), uid)));
        event.extend(
            sent.into_iter()
                .filter(|(name, value)| WRITABLE.contains(&name.as_str()) && !value.is_null()),
        );
        match event["status"] == "cancelled" {
            true => Err(errors::invalid("Invalid status value.")),
            false => Ok(event),
        }
    }

    /// What every event has.
    pub(crate) fn fresh(&self, asker: &Asker, id: &str) -> Map<String, Value> {
        let event = json!({
            "id": id,
            "status": "confirmed",
            "eventType": "default",
            "sequence": 0,
            "reminders": {"useDefault": true},
            "iCalUID": format!("{id}@google.com"),
            "htmlLink": format!("https://www.google.com/calendar/event?eid={id}"),
            "created": self.now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            "creator": {"email": asker.account},
            "organizer": {"email": asker.calendar},
        });
        event.as_object().cloned().unwrap_or_default()
    }

    /// An id as Google makes them.
    pub(crate) fn new_id(&mut self) -> String {
        format!("fake{:022}", self.next_revision())
    }

    /// An event as it is after a change.
    fn changed(
        &self,
        before: &Stored,
        sent: Map<String, Value>,
        merge: bool,
    ) -> Result<Map<String, Value>, Reply> {
        let revived = sent
            .get("status")
            .is_some_and(|status| status == "confirmed" || status == "tentative");
        if before.is_cancelled() && !(revived && self.behaviour.deleted_ids_can_be_revived) {
            return Err(errors::forbidden());
        }
        let current = before
            .body
            .get("sequence")
            .and_then(Value::as_i64)
            .unwrap_or_default();
        let sequence = sent.get("sequence").and_then(Value::as_i64);
        if !merge && sequence.is_some_and(|sequence| sequence < current) {
            return Err(errors::stale_sequence());
        }
        let sequence = sequence.unwrap_or(current).max(current);
        let mut after = before.body.clone();
        if !merge {
            after.retain(|name, _| KEPT.contains(&name.as_str()));
        }
        for (name, value) in sent {
            if !WRITABLE.contains(&name.as_str()) {
                continue;
            }
            match merge {
                true => merge_into(&mut after, name, value),
                false if value.is_null() => drop(after.remove(&name)),
                false => drop(after.insert(name, value)),
            }
        }
        after.insert("sequence".to_owned(), sequence.into());
        after.entry("status").or_insert_with(|| "confirmed".into());
        after
            .entry("reminders")
            .or_insert_with(|| json!({"useDefault": true}));
        // An occurrence has no rule of its own.
        if after.contains_key("recurringEventId") {
            after.remove("recurrence");
        }
        Ok(after)
    }
}

/// What a client does not say that it knows of stays as it is, whatever it sends.
fn keep_unspoken(after: &mut Map<String, Value>, before: &Stored, request: &Request) {
    let says = |name, value| request.param(name) == Some(value);
    let unspoken = [
        ("attachments", says("supportsAttachments", "true")),
        ("conferenceData", says("conferenceDataVersion", "1")),
        ("hangoutLink", says("conferenceDataVersion", "1")),
    ];
    for (name, _) in unspoken.iter().filter(|(_, spoken)| !spoken) {
        after.remove(*name);
        let kept = before.body.get(*name).cloned();
        after.extend(kept.map(|value| ((*name).to_owned(), value)));
    }
}

fn may_write(asker: &Asker) -> Result<(), Reply> {
    match asker.role >= Role::WriterWithoutPrivateAccess {
        true => Ok(()),
        false => Err(errors::read_only()),
    }
}

fn has_condition(request: &Request, event: &Stored) -> Result<(), Reply> {
    match request.header("if-match") {
        None | Some("*") => Ok(()),
        Some(etag) if etag == event.etag() => Ok(()),
        Some(_) => Err(errors::condition_not_met()),
    }
}

/// Base32hex in small letters, 5 to 1024 of them.
fn is_id(id: &str) -> bool {
    let fits = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'v');
    (5..=1024).contains(&id.len()) && id.bytes().all(fits)
}

/// JSON Merge Patch, RFC 7396: null removes, objects are merged, all else is replaced.
pub(crate) fn merge_into(target: &mut Map<String, Value>, name: String, value: Value) {
    match value {
        Value::Null => drop(target.remove(&name)),
        Value::Object(changes) => {
            let old = target.entry(name).or_insert_with(|| json!({}));
            if !old.is_object() {
                *old = json!({});
            }
            for (inner, value) in changes {
                merge_into(old.as_object_mut().unwrap(), inner, value);
            }
        }
        other => drop(target.insert(name, other)),
    }
}

/// Brings an event into the form in which it is kept, or says what is wrong with it.
pub(crate) fn settle(
    mut event: Map<String, Value>,
    calendar_zone: &str,
) -> Result<Map<String, Value>, Reply> {
    let is_series = event.contains_key("recurrence");
    for name in ["start", "end"] {
        // The words of these are not known for sure.
        let time = event.get(name).filter(|time| time.is_object());
        let time = time.ok_or_else(|| errors::required(&format!("Missing {name} time.")))?;
        let time = settle_time(time, calendar_zone, is_series, name)?;
        event.insert(name.to_owned(), time);
    }
    let (start, end) = (Moment::of(&event["start"]), Moment::of(&event["end"]));
    match (start, end) {
        (Some(Moment::Day(_)), Some(Moment::At(_)))
        | (Some(Moment::At(_)), Some(Moment::Day(_))) => {
            return Err(errors::invalid(
                "The start and end times must either both be date or both be dateTime.",
            ));
        }
        _ if end < start => return Err(errors::time_range_empty()),
        _ => {}
    }
    for (name, usual) in USUAL {
        if event.get(name).is_some_and(|value| value == usual) {
            event.remove(name);
        }
    }
    settle_rule(&mut event)?;
    if let Some(properties) = event.get_mut("extendedProperties") {
        settle_properties(properties)?;
    }
    Ok(event)
}

fn settle_time(
    time: &Value,
    calendar_zone: &str,
    is_series: bool,
    name: &str,
) -> Result<Value, Reply> {
    let invalid = || errors::invalid(&format!("Invalid {name} time."));
    if let Some(date) = time["date"].as_str() {
        let fits = time["dateTime"].is_null()
            && matches!(Moment::of(&json!({"date": date})), Some(Moment::Day(_)));
        return if fits && date.len() == 10 {
            Ok(json!({"date": date}))
        } else {
            Err(invalid())
        };
    }
    let named = time["timeZone"].as_str();
    if is_series && named.is_none() {
        return Err(errors::required(&format!(
            "Missing time zone definition for {name} time."
        )));
    }
    let zone_name = named.unwrap_or(calendar_zone);
    let zone = TimeZone::get(zone_name)
        .map_err(|_| errors::invalid(&format!("Invalid time zone definition for {name} time.")))?;
    let text = time["dateTime"].as_str().ok_or_else(invalid)?;
    let instant = match (text.parse(), text.parse::<DateTime>()) {
        (Ok(instant), _) => instant,
        // Without an offset it is a time in the zone that is named, and there has to be one.
        (Err(_), Ok(local)) if named.is_some() => zone
            .to_ambiguous_timestamp(local)
            .compatible()
            .map_err(|_| invalid())?,
        _ => return Err(invalid()),
    };
    Ok(Moment::At(instant).value(zone_name))
}

fn settle_rule(event: &mut Map<String, Value>) -> Result<(), Reply> {
    let invalid = || errors::invalid("Invalid recurrence rule.");
    let Some(lines) = event.get("recurrence") else {
        return Ok(());
    };
    let lines = lines.as_array().ok_or_else(invalid)?;
    let known = ["RRULE:FREQ=", "RRULE:", "EXDATE", "RDATE", "EXRULE:"];
    let fits = |line: &Value| {
        line.as_str()
            .is_some_and(|line| known.iter().any(|start| line.starts_with(start)))
    };
    if !lines.iter().all(fits) {
        return Err(invalid());
    }
    if lines.is_empty() {
        event.remove("recurrence");
    }
    // Only what stands there is read; how it goes on is found out when somebody asks.
    let day = jiff::civil::date(1, 1, 1);
    match series::occurrences(event, day) {
        Err(why) if !why.ends_with("is not known here") => Err(invalid()),
        _ => Ok(()),
    }
}

/// Keys that are too long are dropped, values that are too long are cut; nobody is told.
fn settle_properties(properties: &mut Value) -> Result<(), Reply> {
    let sides = properties
        .as_object_mut()
        .ok_or_else(|| errors::invalid("Invalid extended properties."))?;
    sides.retain(|side, _| side == "private" || side == "shared");
    for side in sides.values_mut() {
        let side = side
            .as_object_mut()
            .ok_or_else(|| errors::invalid("Invalid extended properties."))?;
        side.retain(|key, _| key.chars().count() <= LONGEST_KEY);
        for value in side.values_mut() {
            let text = value
                .as_str()
                .ok_or_else(|| errors::invalid("Invalid extended properties."))?;
            *value = text.chars().take(LONGEST_VALUE).collect::<String>().into();
        }
    }
    Ok(())
}
