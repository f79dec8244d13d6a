//! What tests do to calendars and read in them, past all rights and without a request: the hands of the people whose calendars
//! they are. Must never be reachable over the wire.

use calsync::model::Span;
use serde_json::{Map, Value, json};

use super::{
    FakeGoogle,
    events::{merge_into, settle},
    series::Moment,
    view::Viewer,
    world::{Asker, Calendar, Role, Stored, World},
};

impl FakeGoogle {
    /// A person with a calendar of their own, named like them.
    pub(crate) fn account(&self, email: &str) {
        self.calendar(email, email, "Europe/Berlin", email);
        let mut world = self.world();
        if world.behaviour.person.is_empty() {
            email.clone_into(&mut world.behaviour.person);
        }
    }

    /// Another calendar of somebody's.
    pub(crate) fn calendar(&self, id: &str, summary: &str, zone: &str, owner: &str) {
        let mut world = self.world();
        let tokens_since = world.next_revision();
        let calendar = Calendar {
            id: id.to_owned(),
            summary: summary.to_owned(),
            zone_name: zone.to_owned(),
            roles: [(owner.to_owned(), Role::Owner)].into(),
            events: [].into(),
            revision: tokens_since,
            tokens_since,
        };
        world.calendars.insert(id.to_owned(), calendar);
    }

    /// Calls a calendar something else.
    pub(crate) fn rename_calendar(&self, id: &str, summary: &str) {
        summary.clone_into(&mut self.world().calendar_mut(id).summary);
    }

    /// Deletes a calendar.
    pub(crate) fn remove_calendar(&self, id: &str) {
        assert!(
            self.world().calendars.remove(id).is_some(),
            "no calendar {id}"
        );
    }

    /// Says what an account may do with a calendar; none for nothing. Whoever synced it has to begin anew.
    pub(crate) fn set_role(&self, calendar: &str, account: &str, role: Option<Role>) {
        let mut world = self.world();
        let roles = &mut world.calendar_mut(calendar).roles;
        match role {
            Some(role) => drop(roles.insert(account.to_owned(), role)),
            None => drop(roles.remove(account)),
        }
        world.expire_sync_tokens(calendar);
    }

    /// What an account may do with a calendar.
    pub(crate) fn role(&self, calendar: &str, account: &str) -> Option<Role> {
        self.world().calendars[calendar].roles.get(account).copied()
    }

    /// All sync tokens of a calendar are of no use any more.
    pub(crate) fn expire_sync_tokens(&self, calendar: &str) {
        self.world().expire_sync_tokens(calendar);
    }

    /// Makes an event, or a new one in the place of an old one; answers its id. Any field may be given.
    pub(crate) fn put(&self, calendar: &str, event: Value) -> String {
        let mut world = self.world();
        let Value::Object(given) = event else {
            panic!("an event is an object");
        };
        let id = given.get("id").and_then(Value::as_str).map(str::to_owned);
        let id = id.unwrap_or_else(|| world.new_id());
        let owner = Asker {
            account: calendar.to_owned(),
            calendar: calendar.to_owned(),
            role: Role::Owner,
        };
        let mut body = world.fresh(&owner, &id);
        body.extend(given);
        world.settle_and_store(calendar, body);
        id
    }

    /// Puts something that no client could have written, to be shown to everybody as it is.
    pub(crate) fn put_odd(&self, calendar: &str, event: Value) {
        let Value::Object(body) = event else {
            panic!("an event is an object, however odd");
        };
        let odd = Stored {
            body,
            verbatim: true,
            ..Stored::default()
        };
        self.world().store(calendar, odd);
    }

    /// Changes an event, or one occurrence (`instance_id`): null removes a field, all else is merged.
    pub(crate) fn alter(&self, calendar: &str, id: &str, changes: Value) {
        let mut world = self.world();
        let mut event = world.found(calendar, id);
        let Value::Object(changes) = changes else {
            panic!("changes are an object");
        };
        for (name, value) in changes {
            merge_into(&mut event.body, name, value);
        }
        world.settle_and_store(calendar, event.body);
    }

    /// Deletes an event, or one occurrence.
    pub(crate) fn cancel(&self, calendar: &str, id: &str) {
        self.alter(calendar, id, json!({"status": "cancelled"}));
    }

    /// Deletes an event, whatever it looks like.
    pub(crate) fn erase(&self, calendar: &str, id: &str) {
        let mut world = self.world();
        let known = world.calendars.get(calendar);
        let Some(mut event) = known.and_then(|known| known.events.get(id)).cloned() else {
            return;
        };
        if !event.is_cancelled() {
            event.body.insert("status".to_owned(), "cancelled".into());
            event.verbatim = false;
            world.store(calendar, event);
        }
    }

    /// Makes a calendar for the same people, with nothing in it, unless it is there already.
    pub(crate) fn empty_twin(&self, calendar: &str, id: &str) {
        let mut world = self.world();
        if world.calendars.contains_key(id) {
            return;
        }
        let tokens_since = world.next_revision();
        let known = &world.calendars[calendar];
        let twin = Calendar {
            id: id.to_owned(),
            summary: known.summary.clone(),
            zone_name: known.zone_name.clone(),
            roles: known.roles.clone(),
            events: [].into(),
            revision: tokens_since,
            tokens_since,
        };
        world.calendars.insert(id.to_owned(), twin);
    }

    /// Moves one occurrence, named by its begin as the rule has it.
    pub(crate) fn move_occurrence(
        &self,
        calendar: &str,
        series: &str,
        original: &Value,
        start: &Value,
        end: &Value,
    ) {
        let id = self.instance_id(calendar, series, original);
        // A whole day may become a time, and the other way round.
        let over = |time: &Value| match time["date"].is_null() {
            true => json!({"date": null, "dateTime": time["dateTime"]}),
            false => json!({"date": time["date"], "dateTime": null, "timeZone": null}),
        };
        self.alter(
            calendar,
            &id,
            json!({"start": over(start), "end": over(end)}),
        );
    }

    /// The id of the occurrence that begins then by the rule.
    pub(crate) fn instance_id(&self, calendar: &str, series: &str, original: &Value) -> String {
        let moment = Moment::of(original).expect("`{\"date\"}` or `{\"dateTime\"}` with an offset");
        let id = format!("{series}_{}", moment.suffix());
        self.world().found(calendar, &id);
        id
    }

    /// The id of the occurrence that begins then by the rule, if there is one.
    pub(crate) fn occurrence_id(
        &self,
        calendar: &str,
        series: &str,
        original: &Value,
    ) -> Option<String> {
        let id = format!("{series}_{}", Moment::of(original)?.suffix());
        let world = self.world();
        let found = world.calendars[calendar].find(&id, world.horizon());
        found.map(|_| id)
    }

    /// What is in a calendar, in the order of ids, as its owner finds it: no event that is gone, but cancelled occurrences.
    pub(crate) fn events(&self, calendar: &str) -> Vec<Value> {
        let world = self.world();
        let known = world
            .calendars
            .get(calendar)
            .expect("the calendar is there");
        let is_there = |event: &&Stored| {
            !event.is_cancelled()
                || (event.body.contains_key("recurringEventId") && !event.orphaned)
        };
        let events = known.events.values().filter(is_there);
        events.map(|event| owner(known).see(known, event)).collect()
    }

    /// When somebody is busy by the events of a calendar, occurrence by occurrence.
    pub(crate) fn occurrences(&self, calendar: &str) -> Vec<Span> {
        let world = self.world();
        let known = &world.calendars[calendar];
        let mut spans = Vec::new();
        let live = known.events.values().filter(|event| !event.is_cancelled());
        for event in live.filter(|event| !event.body.contains_key("recurringEventId")) {
            let all = match event.is_series() {
                true => known.instances(event, world.horizon()).unwrap(),
                false => vec![event.clone()],
            };
            for one in all.iter().filter(|one| !one.is_cancelled()) {
                spans.push(match (one.moment("start"), one.moment("end")) {
                    (Some(Moment::Day(first)), Some(Moment::Day(end))) => Span::Days { first, end },
                    (Some(Moment::At(start)), Some(Moment::At(end))) => Span::Timed { start, end },
                    other => panic!("from when to when? {other:?}"),
                });
            }
        }
        spans
    }

    /// The ids of all that was ever in a calendar and is gone.
    pub(crate) fn gone(&self, calendar: &str) -> Vec<String> {
        let world = self.world();
        let events = world.calendars[calendar].events.values();
        events
            .filter(|event| event.is_cancelled())
            .map(|event| event.text("id").to_owned())
            .collect()
    }
}

fn owner(calendar: &Calendar) -> Viewer {
    Viewer {
        role: Role::Owner,
        zone: calendar.zone(),
    }
}

impl World {
    fn calendar_mut(&mut self, id: &str) -> &mut Calendar {
        self.calendars.get_mut(id).expect("the calendar is there")
    }

    fn found(&self, calendar: &str, id: &str) -> Stored {
        let found = self.calendars[calendar].find(id, self.horizon());
        found.expect("the event or the occurrence is there")
    }

    fn expire_sync_tokens(&mut self, calendar: &str) {
        let revision = self.next_revision();
        self.calendar_mut(calendar).tokens_since = revision;
    }

    fn settle_and_store(&mut self, calendar: &str, body: Map<String, Value>) {
        let zone = self.calendars[calendar].zone_name.clone();
        let settled = settle(body, &zone);
        let body =
            settled.unwrap_or_else(|reply| panic!("{}", String::from_utf8_lossy(&reply.body)));
        let event = Stored {
            body,
            ..Stored::default()
        };
        self.store(calendar, event);
    }
}
