//! All that the server keeps, and which room answers which request. Must never touch a socket.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Map, Value, json};

use super::{
    Behaviour, errors,
    exchange::{Reply, Request},
    faults::{Fault, Faults},
    fields,
    journal::{Journal, Mail, Record},
    listing::{Listing, Tokens},
    oauth::{OAuth, Surroundings},
    series::Moment,
    server::Behind,
};

/// What an account may do with a calendar, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    FreeBusyReader,
    Reader,
    WriterWithoutPrivateAccess,
    Writer,
    Owner,
}

impl Role {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::FreeBusyReader => "freeBusyReader",
            Self::Reader => "reader",
            Self::WriterWithoutPrivateAccess => "writerWithoutPrivateAccess",
            Self::Writer => "writer",
            Self::Owner => "owner",
        }
    }

    pub(crate) fn of(name: &str) -> Option<Self> {
        let all = [
            Self::FreeBusyReader,
            Self::Reader,
            Self::WriterWithoutPrivateAccess,
            Self::Writer,
            Self::Owner,
        ];
        all.into_iter().find(|role| role.name() == name)
    }
}

/// A calendar.
#[derive(Debug)]
pub(crate) struct Calendar {
    pub(crate) id: String,
    pub(crate) summary: String,
    pub(crate) zone_name: String,
    /// Who may do what.
    pub(crate) roles: BTreeMap<String, Role>,
    /// Deleted ones too: an id is never free again.
    pub(crate) events: BTreeMap<String, Stored>,
    /// When anything in it changed last.
    pub(crate) revision: u64,
    /// Sync tokens made before this revision are not known any more.
    pub(crate) tokens_since: u64,
}

/// An event as it is kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stored {
    pub(crate) body: Map<String, Value>,
    /// The number of the write that made it what it is.
    pub(crate) revision: u64,
    /// A changed occurrence of a series that is gone, or that does not have this occurrence any more.
    pub(crate) orphaned: bool,
    /// Shown to everybody just as a test wrote it.
    pub(crate) verbatim: bool,
}

impl Stored {
    pub(crate) fn text(&self, name: &str) -> &str {
        self.body
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// A time of it, if it is one.
    pub(crate) fn moment(&self, name: &str) -> Option<Moment> {
        self.body.get(name).and_then(Moment::of)
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.text("status") == "cancelled"
    }

    pub(crate) fn is_series(&self) -> bool {
        self.body.contains_key("recurrence")
    }

    pub(crate) fn etag(&self) -> String {
        etag(self.revision)
    }
}

/// An `ETag` as Google makes them: a long number in quotes.
pub(crate) fn etag(revision: u64) -> String {
    format!("\"{}\"", 3_500_000_000_000_000 + revision * 2_000)
}

impl Calendar {
    pub(crate) fn zone(&self) -> TimeZone {
        TimeZone::get(&self.zone_name).unwrap()
    }
}

/// Everything.
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) behaviour: Behaviour,
    pub(crate) oauth: OAuth,
    pub(crate) calendars: BTreeMap<String, Calendar>,
    pub(crate) tokens: Tokens,
    pub(crate) journal: Journal,
    pub(crate) faults: Faults,
    /// The number of the last write to any calendar.
    pub(crate) revision: u64,
}

/// A request that is understood.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) name: &'static str,
    pub(crate) calendar: String,
    pub(crate) event: String,
}

/// Who asks, for which calendar, and what they may do there.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    pub(crate) account: String,
    pub(crate) calendar: String,
    pub(crate) role: Role,
}

impl Call {
    /// Which method of the API a request is for.
    pub(crate) fn of(request: &Request) -> Self {
        let segments = request.segments();
        let segments: Vec<_> = segments.iter().map(String::as_str).collect();
        let call = |name, calendar: &str, event: &str| Self {
            name,
            calendar: calendar.to_owned(),
            event: event.to_owned(),
        };
        let method = request.method.as_str();
        let Some(rest) = segments.strip_prefix(&["calendar", "v3"]) else {
            return match (method, &segments[..]) {
                ("POST", ["device", "code"]) => call("device.code", "", ""),
                ("POST", ["token"]) => call("token", "", ""),
                ("POST", ["revoke"]) => call("revoke", "", ""),
                ("GET", ["o", "oauth2", "v2", "auth"]) => call("auth", "", ""),
                _ => call("unknown", "", ""),
            };
        };
        match (method, rest) {
            ("GET", ["users", "me", "calendarList"]) => call("calendarList.list", "", ""),
            ("GET", ["users", "me", "calendarList", id]) => call("calendarList.get", id, ""),
            ("GET", ["calendars", id]) => call("calendars.get", id, ""),
            ("GET", ["calendars", id, "events"]) => call("events.list", id, ""),
            ("POST", ["calendars", id, "events"]) => call("events.insert", id, ""),
            ("GET", ["calendars", id, "events", event]) => call("events.get", id, event),
            ("PUT", ["calendars", id, "events", event]) => call("events.update", id, event),
            ("PATCH", ["calendars", id, "events", event]) => call("events.patch", id, event),
            ("DELETE", ["calendars", id, "events", event]) => call("events.delete", id, event),
            ("GET", ["calendars", id, "events", event, "instances"]) => {
                call("events.instances", id, event)
            }
            _ => call("unknown", "", ""),
        }
    }

    /// The scopes of which one is needed.
    fn scopes(&self) -> &'static [&'static str] {
        match self.name {
            "calendarList.list" | "calendarList.get" => &[
                "calendar",
                "calendar.readonly",
                "calendar.calendarlist",
                "calendar.calendarlist.readonly",
            ],
            "calendars.get" => &[
                "calendar",
                "calendar.readonly",
                "calendar.calendars",
                "calendar.calendars.readonly",
                "calendar.app.created",
            ],
            "events.list" | "events.get" | "events.instances" => &[
                "calendar",
                "calendar.readonly",
                "calendar.events",
                "calendar.events.readonly",
                "calendar.events.owned",
                "calendar.events.owned.readonly",
                "calendar.events.public.readonly",
                "calendar.events.freebusy",
                "calendar.app.created",
            ],
            _ => &[
                "calendar",
                "calendar.events",
                "calendar.events.owned",
                "calendar.app.created",
            ],
        }
    }

    /// The parameters that the method has. Google ignores some others; here a typing error is to be seen.
    fn parameters(&self) -> &'static [&'static str] {
        match self.name {
            "calendarList.list" => &[
                "maxResults",
                "pageToken",
                "minAccessRole",
                "showHidden",
                "showDeleted",
            ],
            "events.list" => &[
                "alwaysIncludeEmail",
                "eventTypes",
                "iCalUID",
                "maxAttendees",
                "maxResults",
                "orderBy",
                "pageToken",
                "privateExtendedProperty",
                "q",
                "sharedExtendedProperty",
                "showDeleted",
                "showHiddenInvitations",
                "singleEvents",
                "syncToken",
                "timeMax",
                "timeMin",
                "timeZone",
                "updatedMin",
            ],
            "events.instances" => &[
                "maxAttendees",
                "maxResults",
                "originalStart",
                "pageToken",
                "showDeleted",
                "timeMax",
                "timeMin",
                "timeZone",
            ],
            "events.get" => &["alwaysIncludeEmail", "maxAttendees", "timeZone"],
            "events.insert" | "events.update" | "events.patch" => &[
                "conferenceDataVersion",
                "maxAttendees",
                "sendNotifications",
                "sendUpdates",
                "supportsAttachments",
            ],
            "events.delete" => &["sendNotifications", "sendUpdates"],
            _ => &[],
        }
    }
}

/// The parameters that every method has.
const STANDARD: [&str; 6] = ["alt", "fields", "key", "prettyPrint", "quotaUser", "userIp"];

impl Behind for World {
    fn begin(&mut self, request: &Request) -> (usize, Option<Fault>) {
        let call = Call::of(request).name;
        let request = request.clone();
        let fault = self.faults.strike(call, &request);
        let status = None;
        self.journal.records.push(Record {
            call,
            request,
            status,
        });
        (self.journal.records.len() - 1, fault)
    }

    fn answer(&mut self, request: &Request) -> Reply {
        let call = Call::of(request);
        let reply = self.dispatch(&call, request);
        reply.unwrap_or_else(|refusal| refusal)
    }

    fn finish(&mut self, number: usize, reply: Reply) -> Reply {
        self.journal.answered(number, reply.status);
        self.dated(reply)
    }
}

impl World {
    /// A server that nobody knows yet.
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            now,
            behaviour: Behaviour::default(),
            oauth: OAuth::default(),
            calendars: BTreeMap::new(),
            tokens: Tokens::default(),
            journal: Journal::default(),
            faults: Faults::default(),
            revision: 0,
        }
    }

    /// With the time that the server believes it is.
    fn dated(&self, reply: Reply) -> Reply {
        let date = self.now.saturating_add(self.behaviour.date_skew).unwrap();
        let date = date.strftime("%a, %d %b %Y %H:%M:%S GMT");
        reply.with("date", &date.to_string())
    }

    fn dispatch(&mut self, call: &Call, request: &Request) -> Result<Reply, Reply> {
        let around = Surroundings {
            now: self.now,
            behaviour: &self.behaviour,
        };
        let answer = match call.name {
            "device.code" => self.oauth.device_code(request, around)?,
            "token" => self.oauth.token(request, around)?,
            "revoke" => self.oauth.revoke(request)?,
            "auth" => return self.oauth.consent(request, around),
            "unknown" => return Err(errors::not_found()),
            _ => return self.calendar_call(call, request),
        };
        Ok(Reply::json(200, &answer).with("cache-control", "no-store"))
    }

    fn calendar_call(&mut self, call: &Call, request: &Request) -> Result<Reply, Reply> {
        let access = self
            .oauth
            .bearer(request, self.now)
            .ok_or_else(errors::invalid_credentials)?
            .clone();
        let has = |scope: &&str| {
            access
                .scopes
                .iter()
                .any(|held| held.strip_prefix("https://www.googleapis.com/auth/") == Some(scope))
        };
        if !call.scopes().iter().any(has) {
            return Err(errors::insufficient_scope());
        }
        let fits = |name: &str| STANDARD.contains(&name) || call.parameters().contains(&name);
        if let Some((odd, _)) = request.query.iter().find(|(name, _)| !fits(name)) {
            return Err(errors::invalid(&format!("Unknown parameter: {odd}")));
        }
        let answer = if call.name == "calendarList.list" {
            self.calendar_list(&access.account, request)?
        } else {
            let asker = self.asker(access.account, &call.calendar)?;
            match call.name {
                "calendarList.get" => self.list_entry(&asker),
                "calendars.get" => self.calendar_resource(&asker),
                "events.list" => self.list_events(&asker, request)?,
                "events.instances" => self.list_instances(&asker, &call.event, request)?,
                "events.get" => self.get_event(&asker, &call.event, request)?,
                "events.delete" => {
                    self.delete_event(&asker, call, request)?;
                    return Ok(Reply::empty(204));
                }
                _ => self.write_event(&asker, call, request)?,
            }
        };
        let etag = answer["etag"].as_str().map(str::to_owned);
        let answer = match request.param("fields") {
            Some(fields) => fields::select(answer, fields).map_err(|odd| {
                errors::calendar(
                    400,
                    "global",
                    "invalidParameter",
                    &format!("Invalid field selection {odd}"),
                )
            })?,
            None => answer,
        };
        let reply = Reply::json(200, &answer);
        Ok(match etag {
            Some(etag) => reply.with("etag", &etag),
            None => reply,
        })
    }

    /// Finds a calendar for an account; `primary` is the one named like the account.
    fn asker(&self, account: String, calendar: &str) -> Result<Asker, Reply> {
        let id = if calendar == "primary" {
            account.as_str()
        } else {
            calendar
        };
        let known = self.calendars.get(id).ok_or_else(errors::not_found)?;
        let role = *known.roles.get(&account).ok_or_else(errors::not_found)?;
        let calendar = id.to_owned();
        Ok(Asker {
            account,
            calendar,
            role,
        })
    }

    fn list_entry(&self, asker: &Asker) -> Value {
        let calendar = &self.calendars[&asker.calendar];
        let mut entry = json!({
            "kind": "calendar#calendarListEntry",
            "etag": etag(calendar.tokens_since),
            "id": calendar.id,
            "summary": calendar.summary,
            "timeZone": calendar.zone_name,
            "colorId": "14",
            "selected": true,
            "accessRole": asker.role.name(),
            "defaultReminders": [],
        });
        if calendar.id == asker.account {
            entry["primary"] = true.into();
        }
        entry
    }

    fn calendar_resource(&self, asker: &Asker) -> Value {
        let calendar = &self.calendars[&asker.calendar];
        json!({
            "kind": "calendar#calendar",
            "etag": etag(calendar.tokens_since),
            "id": calendar.id,
            "summary": calendar.summary,
            "timeZone": calendar.zone_name,
        })
    }

    fn calendar_list(&mut self, account: &str, request: &Request) -> Result<Value, Reply> {
        let least = match request.param("minAccessRole") {
            Some(name) => Some(
                Role::of(name).ok_or_else(|| errors::invalid("Invalid value for minAccessRole"))?,
            ),
            None => None,
        };
        let mine = self.calendars.values().filter_map(|calendar| {
            let role = *calendar.roles.get(account)?;
            Some(Asker {
                account: account.to_owned(),
                calendar: calendar.id.clone(),
                role,
            })
        });
        let entries = mine
            .filter(|asker| Some(asker.role) >= least)
            .map(|asker| self.list_entry(&asker))
            .collect();
        let listing = Listing {
            of: account.to_owned(),
            head: json!({"kind": "calendar#calendarList", "etag": format!("\"p{}\"", self.revision)}),
            entries,
            sync: None,
            usual: 100,
            most: 250,
        };
        self.page(listing, request)
    }

    /// Notes whom Google would mail: everybody who is or was invited, unless it is told not to.
    pub(crate) fn mail(
        &mut self,
        asker: &Asker,
        call: &Call,
        request: &Request,
        versions: &[&Stored],
    ) {
        let send_updates = request.param("sendUpdates").map(str::to_owned);
        if send_updates.as_deref() == Some("none") {
            return;
        }
        let invited = versions
            .iter()
            .filter_map(|event| event.body.get("attendees")?.as_array());
        let invited: BTreeSet<_> = invited
            .flatten()
            .filter_map(|person| person["email"].as_str())
            .collect();
        let event = versions
            .last()
            .map(|event| event.text("id"))
            .unwrap_or_default();
        let mails = invited.into_iter().map(|to| Mail {
            to: to.to_owned(),
            calendar: asker.calendar.clone(),
            event: event.to_owned(),
            call: call.name,
            send_updates: send_updates.clone(),
        });
        self.journal.mails.extend(mails);
    }
}
