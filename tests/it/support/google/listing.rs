//! Listings: pages, sync tokens, windows, and series taken apart. Must never change an event.

use std::{collections::BTreeMap, sync::Arc};

use data_encoding::BASE64URL_NOPAD;
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    errors,
    exchange::{Reply, Request},
    view::Viewer,
    world::{Asker, Calendar, Role, Stored, World},
};

/// What a sync token must not be combined with.
const NOT_WITH_SYNC_TOKEN: [&str; 8] = [
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "timeMin",
    "timeMax",
    "updatedMin",
];
/// Listings by these end without a sync token. That is not documented.
const NO_SYNC_TOKEN_AFTER: [&str; 6] = [
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "updatedMin",
];
/// How many months of the occurrences of a deleted series are said to be gone.
const MONTHS_OF_A_DELETED_SERIES: i32 = 6;

/// The tokens that were given out. They mean nothing to anybody else.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    pages: BTreeMap<String, Page>,
    syncs: BTreeMap<String, Sync>,
    made: u64,
}

/// Where a listing goes on. All of it was put together when it began, so that nothing that happens meanwhile is missed: it
/// comes with the sync token.
#[derive(Clone, Debug)]
struct Page {
    /// What is listed, and how; a page token is good for nothing else.
    listing: String,
    entries: Arc<Vec<Value>>,
    from: usize,
    number: usize,
    sync: Option<Sync>,
}

/// A listing before it is cut into pages.
pub(crate) struct Listing {
    /// Whose it is.
    pub(crate) of: String,
    pub(crate) head: Value,
    pub(crate) entries: Vec<Value>,
    pub(crate) sync: Option<Sync>,
    /// How many entries a page has if nobody says how many.
    pub(crate) usual: usize,
    /// How many it has at the most.
    pub(crate) most: usize,
}

/// How far somebody has read a calendar.
#[derive(Clone, Debug)]
pub(crate) struct Sync {
    account: String,
    calendar: String,
    revision: u64,
    /// What has to be the same the next time.
    manner: String,
}

impl Tokens {
    fn name(&mut self, prefix: &str) -> String {
        self.made += 1;
        let digest = Sha256::digest(format!("{prefix} {}", self.made));
        format!("{prefix}{}=", BASE64URL_NOPAD.encode(&digest[..20]))
    }
}

/// What a listing of events asks for.
struct Wanted<'a> {
    request: &'a Request,
    single: bool,
    show_deleted: bool,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    updated_min: Option<Timestamp>,
    kinds: Vec<&'a str>,
}

impl<'a> Wanted<'a> {
    fn of(request: &'a Request, role: Role) -> Result<Self, Reply> {
        let flag = |name: &str| match request.param(name) {
            Some("true") => Ok(true),
            None | Some("false") => Ok(false),
            Some(_) => Err(errors::invalid(&format!(
                "Invalid boolean value for {name}"
            ))),
        };
        let time = |name: &str| match request.param(name) {
            None => Ok(None),
            Some(text) => text
                .parse::<Timestamp>()
                .map(Some)
                .map_err(|_| errors::calendar(400, "global", "badRequest", "Bad Request")),
        };
        let wanted = Self {
            // Who may only see when somebody is busy never sees a rule.
            single: flag("singleEvents")? || role == Role::FreeBusyReader,
            show_deleted: flag("showDeleted")?,
            from: time("timeMin")?,
            to: time("timeMax")?,
            updated_min: time("updatedMin")?,
            kinds: request.params("eventTypes"),
            request,
        };
        let order = request.param("orderBy");
        match (wanted.from, wanted.to, order) {
            (Some(from), Some(to), _) if from >= to => Err(errors::time_range_empty()),
            (_, _, Some("startTime")) if !wanted.single => Err(errors::invalid(
                "The requested ordering is not available for the particular query.",
            )),
            (_, _, None | Some("startTime" | "updated")) => Ok(wanted),
            _ => Err(errors::invalid("Invalid value for orderBy")),
        }
    }

    fn has_window(&self) -> bool {
        self.from.is_some() || self.to.is_some()
    }

    /// What must not change from one listing to the next that goes on where it ended.
    fn manner(&self) -> String {
        format!("single={} kinds={:?}", self.single, self.kinds)
    }

    /// Whether an event is of a kind that is wanted.
    fn fits(&self, event: &Stored) -> bool {
        let kind = event.text("eventType");
        let has = |side: &str, pair: &str| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            event
                .body
                .get("extendedProperties")
                .is_some_and(|all| all[side][key] == value)
        };
        let request = self.request;
        let contains = |text: &str| {
            event
                .text("summary")
                .to_lowercase()
                .contains(&text.to_lowercase())
        };
        (self.kinds.is_empty() || self.kinds.contains(&kind))
            && request
                .param("iCalUID")
                .is_none_or(|uid| event.text("iCalUID") == uid)
            && request.param("q").is_none_or(contains)
            && request
                .params("privateExtendedProperty")
                .iter()
                .all(|pair| has("private", pair))
            && request
                .params("sharedExtendedProperty")
                .iter()
                .all(|pair| has("shared", pair))
            && self.updated_min.is_none_or(|min| {
                event
                    .text("updated")
                    .parse::<Timestamp>()
                    .is_ok_and(|at| at >= min)
            })
    }

    /// Whether an event lies in the window: it ends after its begin and begins before its end.
    fn in_window(&self, event: &Stored, zone: &TimeZone, by_original_too: bool) -> bool {
        let moment = |name: &str| event.moment(name).map(|at| at.instant(zone));
        let inside = |start: Option<Timestamp>, end: Option<Timestamp>| {
            let starts_before = self
                .to
                .is_none_or(|to| start.is_none_or(|start| start < to));
            starts_before
                && self
                    .from
                    .is_none_or(|from| end.is_none_or(|end| end > from))
        };
        let original = moment("originalStartTime");
        match original.is_some() && event.is_cancelled() {
            true => inside(original, original),
            false => {
                inside(moment("start"), moment("end"))
                    || (by_original_too && original.is_some() && inside(original, original))
            }
        }
    }
}

impl World {
    /// `events.list`.
    pub(crate) fn list_events(&mut self, asker: &Asker, request: &Request) -> Result<Value, Reply> {
        let calendar = &self.calendars[&asker.calendar];
        let wanted = Wanted::of(request, asker.role)?;
        let viewer = viewer(calendar, asker, request)?;
        let since = request
            .param("syncToken")
            .map(|token| self.since(asker, &wanted, token))
            .transpose()?;
        let found = match since {
            // The rest of a listing was put together when it began.
            _ if request.param("pageToken").is_some() => Vec::new(),
            Some(since) => self.changes(calendar, &wanted, since),
            None => self.everything(calendar, &wanted),
        };
        let sync = Sync {
            account: asker.account.clone(),
            calendar: asker.calendar.clone(),
            revision: self.revision,
            manner: wanted.manner(),
        };
        let without = NO_SYNC_TOKEN_AFTER
            .iter()
            .any(|name| request.param(name).is_some());
        let listing = Listing {
            of: asker.account.clone(),
            head: head(calendar, asker, self.now),
            entries: found
                .iter()
                .map(|event| viewer.see_in_list(calendar, event))
                .collect(),
            sync: (!without).then_some(sync),
            usual: 250,
            most: 2500,
        };
        self.page(listing, request)
    }

    /// `events.instances`.
    pub(crate) fn list_instances(
        &mut self,
        asker: &Asker,
        master: &str,
        request: &Request,
    ) -> Result<Value, Reply> {
        let calendar = &self.calendars[&asker.calendar];
        let wanted = Wanted::of(request, asker.role)?;
        let viewer = viewer(calendar, asker, request)?;
        let series = calendar
            .events
            .get(master)
            .filter(|event| event.is_series());
        let series = series.ok_or_else(errors::not_found)?;
        let zone = calendar.zone();
        let all = calendar
            .instances(series, self.horizon())
            .map_err(|why| errors::invalid(&why))?;
        let original = request
            .param("originalStart")
            .and_then(|text| text.parse::<Timestamp>().ok());
        let entries = all.iter().filter(|event| {
            let at = event
                .moment("originalStartTime")
                .map(|at| at.instant(&zone));
            wanted.in_window(event, &zone, false)
                && (wanted.show_deleted || !event.is_cancelled())
                && (original.is_none() || original == at)
        });
        let listing = Listing {
            of: asker.account.clone(),
            head: head(calendar, asker, self.now),
            entries: entries
                .map(|event| viewer.see_in_list(calendar, event))
                .collect(),
            sync: None,
            usual: 250,
            most: 2500,
        };
        self.page(listing, request)
    }

    /// Reads a sync token, or says that all has to be read anew.
    fn since(&self, asker: &Asker, wanted: &Wanted<'_>, token: &str) -> Result<u64, Reply> {
        let request = wanted.request;
        let clash = NOT_WITH_SYNC_TOKEN
            .iter()
            .find(|name| request.param(name).is_some());
        // The words are not known for sure.
        let refuse = |name: &str| {
            errors::invalid(&format!("Sync token cannot be used together with {name}."))
        };
        if let Some(name) = clash {
            return Err(refuse(name));
        }
        if request.param("showDeleted") == Some("false") {
            return Err(refuse("showDeleted=false"));
        }
        let known = self.tokens.syncs.get(token);
        let known =
            known.filter(|sync| sync.calendar == asker.calendar && sync.account == asker.account);
        let since = self.calendars[&asker.calendar].tokens_since;
        let known = known
            .filter(|sync| sync.revision >= since)
            .ok_or_else(errors::full_sync_required)?;
        // Google calls what happens then undefined; here it is to be seen.
        match known.manner == wanted.manner() {
            true => Ok(known.revision),
            false => Err(refuse("other parameters than the first time")),
        }
    }

    /// A whole listing.
    fn everything(&self, calendar: &Calendar, wanted: &Wanted<'_>) -> Vec<Stored> {
        let mut found = Vec::new();
        let zone = calendar.zone();
        let follow = self.behaviour.window_follows_original_start;
        for event in calendar.events.values() {
            let is_changed_occurrence =
                event.body.contains_key("recurringEventId") && !event.orphaned;
            if event.is_series() && !event.is_cancelled() && (wanted.single || wanted.has_window())
            {
                // A rule that this server cannot follow may go anywhere.
                let Ok(all) = calendar.instances(event, self.horizon()) else {
                    found.push(event.clone());
                    continue;
                };
                let mut inside = all
                    .into_iter()
                    .filter(|one| wanted.in_window(one, &zone, follow));
                match wanted.single {
                    true => found
                        .extend(inside.filter(|one| wanted.show_deleted || !one.is_cancelled())),
                    false if inside.next().is_some() => found.push(event.clone()),
                    false => {}
                }
            } else if !(wanted.single && is_changed_occurrence) {
                // Cancelled occurrences of a live series are always told of.
                let told =
                    wanted.show_deleted || wanted.updated_min.is_some() || is_changed_occurrence;
                if (told || !event.is_cancelled()) && wanted.in_window(event, &zone, follow) {
                    found.push(event.clone());
                }
            }
        }
        found.retain(|event| wanted.fits(event));
        match wanted.request.param("orderBy") {
            Some("updated") => found.sort_by_key(|event| event.revision),
            Some(_) => found.sort_by_key(|event| event.moment("start").map(|at| at.instant(&zone))),
            None => {}
        }
        found
    }

    /// What changed since a revision, in whatever window.
    fn changes(&self, calendar: &Calendar, wanted: &Wanted<'_>, since: u64) -> Vec<Stored> {
        let new = |event: &&Stored| event.revision > since;
        let changed = calendar.events.values().filter(new);
        let changed: Vec<Stored> = match wanted.single {
            false => changed.cloned().collect(),
            true => changed
                .flat_map(|event| self.taken_apart(calendar, event))
                .collect(),
        };
        let fits = |event: &Stored| event.is_cancelled() || wanted.fits(event);
        changed.into_iter().filter(fits).collect()
    }

    /// A changed series as its occurrences: all of them to the end, but of one that is gone only the next months.
    fn taken_apart(&self, calendar: &Calendar, event: &Stored) -> Vec<Stored> {
        if !event.is_series() {
            return vec![event.clone()];
        }
        let mut all = calendar
            .instances(event, self.horizon())
            .unwrap_or_default();
        if event.is_cancelled() {
            let zone = calendar.zone();
            let today = self.now.to_zoned(zone.clone());
            let last = today
                .saturating_add(MONTHS_OF_A_DELETED_SERIES.months())
                .timestamp();
            all.retain(|one| {
                one.moment("start")
                    .is_some_and(|at| (self.now..last).contains(&at.instant(&zone)))
            });
        }
        all
    }

    /// One page of a listing, with a token for what comes next.
    pub(crate) fn page(&mut self, listing: Listing, request: &Request) -> Result<Value, Reply> {
        let most = match request.param("maxResults").map(str::parse::<usize>) {
            None => listing.usual,
            Some(Ok(most @ 1..)) => most.min(listing.most),
            Some(_) => return Err(errors::invalid("Invalid value for maxResults")),
        };
        let query = request.query.iter().filter(|(name, _)| name != "pageToken");
        let query: Vec<_> = query
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let name = format!("{} {} {}", listing.of, request.path, query.join("&"));
        let page = match request.param("pageToken") {
            None => Page {
                listing: name,
                entries: Arc::new(listing.entries),
                from: 0,
                number: 0,
                sync: listing.sync,
            },
            Some(token) => {
                let known = self
                    .tokens
                    .pages
                    .get(token)
                    .filter(|page| page.listing == name);
                known
                    .cloned()
                    .ok_or_else(|| errors::invalid("Invalid page token value."))?
            }
        };
        let size = self
            .behaviour
            .pages
            .get(page.number)
            .map_or(most, |size| *size.min(&most));
        let to = page.entries.len().min(page.from + size);
        let mut answer = listing.head;
        answer["items"] = page.entries[page.from..to].into();
        // Pages that are asked to be empty come even if there is nothing left to list.
        if to < page.entries.len() || page.number + 1 < self.behaviour.pages.len() {
            let token = self.tokens.name("EAo");
            answer["nextPageToken"] = token.clone().into();
            let number = page.number + 1;
            self.tokens.pages.insert(
                token,
                Page {
                    from: to,
                    number,
                    ..page
                },
            );
        } else if let Some(sync) = page.sync {
            let token = self.tokens.name("CP");
            answer["nextSyncToken"] = token.clone().into();
            self.tokens.syncs.insert(token, sync);
        }
        Ok(answer)
    }
}

/// The zone that times are to be shown in: the one asked for, or the calendar's.
pub(crate) fn viewer(
    calendar: &Calendar,
    asker: &Asker,
    request: &Request,
) -> Result<Viewer, Reply> {
    let zone = match request.param("timeZone") {
        None => calendar.zone(),
        Some(name) => TimeZone::get(name).map_err(|_| errors::invalid("Invalid time zone"))?,
    };
    let role = asker.role;
    Ok(Viewer { role, zone })
}

/// What stands above the items.
fn head(calendar: &Calendar, asker: &Asker, now: Timestamp) -> Value {
    json!({
        "kind": "calendar#events",
        "etag": format!("\"p{}\"", calendar.revision),
        "summary": calendar.summary,
        "updated": now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        "timeZone": calendar.zone_name,
        "accessRole": asker.role.name(),
        "defaultReminders": [],
    })
}
