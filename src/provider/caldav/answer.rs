//! What servers' refusals mean, and what to do about each. Pure. No word of an event, and none of the server's own, gets into a
//! message.

use std::time::Duration;

use super::xml::{self, Condition};
use crate::{
    http::{Response, StatusCode},
    provider::{ErrorKind, ProviderError},
};

/// Whose request was refused.
#[derive(Clone, Copy, Debug)]
pub struct Whose<'a> {
    /// The account's name in the configuration.
    pub account: &'a str,
    /// The calendar, as the configuration calls it at the server; empty if it is about the account.
    pub calendar: &'a str,
    /// The server, with its port if that is not the usual one.
    pub host: &'a str,
}

impl Whose<'_> {
    /// The account alone: for what all its calendars suffer from.
    #[must_use]
    pub(super) fn of_account(self) -> Self {
        Self {
            calendar: "",
            ..self
        }
    }
}

/// What a request was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Finding out where things are.
    Finding,
    /// Reading the calendar.
    Reading,
    /// Looking at one resource.
    Looking,
    /// Creating a resource.
    Creating,
    /// Changing a resource.
    Changing,
    /// Removing a resource.
    Removing,
}

/// What a server said when it did not do as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: u16,
    /// The condition that was not met, if it says so.
    pub condition: Condition,
    /// Whether it keeps a deleted resource of the same UID.
    buried: bool,
    /// Whether it has one of the same UID, which it need not show to this account.
    held: bool,
}

impl Refusal {
    /// Reads what a server said.
    pub fn read(response: &Response) -> Self {
        Self::of(response.status, &response.body)
    }

    /// Reads what a server said.
    pub fn of(status: StatusCode, body: &[u8]) -> Self {
        let mut status = status.as_u16();
        if status == StatusCode::MULTI_STATUS.as_u16() {
            // Some servers wrap a failure in a success.
            let told = xml::multistatus(body).unwrap_or_default();
            let inner = told.members.iter().filter_map(|member| member.status);
            status = inner.filter(|code| *code >= 300).max().unwrap_or(status);
        }
        let text = String::from_utf8_lossy(body);
        Self {
            status,
            condition: xml::condition(body).unwrap_or_default(),
            buried: text.contains("Deleted calendar object with uid already exists"),
            held: text.contains("Calendar object with uid already exists"),
        }
    }

    /// What a server said of the one thing that it was asked for, inside of an answer that is otherwise a success.
    pub fn inside(status: u16) -> Self {
        Self {
            status,
            condition: Condition::default(),
            buried: false,
            held: false,
        }
    }

    /// Whether the UID of a new resource belongs to another one already.
    pub fn is_uid_taken(&self) -> bool {
        matches!(
            &*self.condition.name,
            "no-uid-conflict" | "unique-scheduling-object-resource"
        )
    }

    /// Whether a sync token may be what is wrong. Every server says it in its own way, so nearly everything counts.
    pub fn may_be_token(&self) -> bool {
        match self.status {
            401 | 429 => false,
            403 => !self.condition.name.is_empty(),
            // More has changed than it says at once.
            507 => true,
            status => (300..500).contains(&status),
        }
    }

    /// Whether the server may not know how to say what changed, so that it has to be asked otherwise.
    pub fn may_be_unknown_report(&self) -> bool {
        matches!(
            self.status,
            400 | 403 | 405 | 406 | 409 | 415 | 422 | 501 | 507
        )
    }

    /// Whether what was asked for is not, or no longer, there.
    pub fn is_elsewhere(&self) -> bool {
        matches!(self.status, 300..=399 | 404 | 410)
    }

    /// Whether the server has trouble of its own.
    pub fn is_servers(&self) -> bool {
        self.status >= 500
    }

    /// The error that it is.
    pub fn error(&self, whose: Whose<'_>, doing: Doing, wait: Option<Duration>) -> ProviderError {
        let (kind, what) = self.meaning(doing, wait);
        let whose = match kind {
            // Whoever is away, or does not let the account in, is so for all its calendars.
            ErrorKind::Retry(_) | ErrorKind::SignIn => whose.of_account(),
            _ => whose,
        };
        let what = what
            .replace("{account}", whose.account)
            .replace("{host}", whose.host)
            .replace("{status}", &self.status.to_string());
        error(whose, kind, &what)
    }

    fn meaning(&self, doing: Doing, wait: Option<Duration>) -> (ErrorKind, &'static str) {
        let writing = matches!(doing, Doing::Creating | Doing::Changing | Doing::Removing);
        // What is to go needs no room.
        let adding = writing && doing != Doing::Removing;
        match self.status {
            _ if writing && self.buried => (ErrorKind::Spent, BURIED),
            _ if adding && self.held => (ErrorKind::Refused, UNSEEN),
            _ if writing && self.is_uid_taken() => (ErrorKind::Conflict, UID_TAKEN),
            412 if doing == Doing::Creating => (ErrorKind::Exists, TAKEN),
            412 => (ErrorKind::Conflict, CHANGED),
            429 => (ErrorKind::Retry(wait), LIMITS),
            503 => (ErrorKind::Retry(wait), MAINTENANCE),
            423 | 500 | 502 | 504 | 520..=530 => (ErrorKind::Retry(wait), TROUBLE),
            507 if adding => (ErrorKind::Refused, FULL),
            413 if adding => (ErrorKind::Refused, LARGE),
            401 => (ErrorKind::SignIn, SIGN_IN),
            403 | 405 if writing => (ErrorKind::Refused, READ_ONLY),
            403 => (ErrorKind::Refused, NOT_SHARED),
            // That something else is in the way says nothing about whether it stands.
            409 if matches!(doing, Doing::Changing | Doing::Removing) => {
                (ErrorKind::Conflict, CHANGED)
            }
            409 if doing == Doing::Looking => (ErrorKind::Broken, UNKNOWN),
            404 | 410 | 409 => missing(doing),
            300..=399 if writing => (ErrorKind::Broken, MOVED_AWAY),
            300..=399 => (ErrorKind::Broken, MOVED),
            200 | 400 | 405 | 406 | 415 | 501 if !writing => (ErrorKind::Broken, NO_CALENDAR),
            _ => (ErrorKind::Broken, UNKNOWN),
        }
    }
}

fn missing(doing: Doing) -> (ErrorKind, &'static str) {
    match doing {
        Doing::Finding => (ErrorKind::Gone, NO_SERVER),
        Doing::Reading | Doing::Creating => (ErrorKind::Gone, GONE),
        Doing::Looking | Doing::Changing | Doing::Removing => {
            (ErrorKind::Gone, "the event is gone")
        }
    }
}

/// An error with whom it is about.
pub(super) fn error(whose: Whose<'_>, kind: ErrorKind, what: &str) -> ProviderError {
    let Whose {
        account, calendar, ..
    } = whose;
    let message = match calendar {
        "" => format!("account {account}: {what}"),
        _ => format!("account {account}, calendar {calendar}: {what}"),
    };
    ProviderError::new(kind, message)
}

const SIGN_IN: &str =
    "{host} does not accept the password any more; run: calsync auth add {account}";

const LIMITS: &str = "{host} limits how fast it may be asked; the next run goes on. If that happens often, set a smaller \
                      `requests_per_minute`";

const MAINTENANCE: &str = "{host} is in maintenance or overloaded (503); the next run tries again";

const TROUBLE: &str = "{host} cannot answer now ({status}); the next run tries again";

const FULL: &str = "there is no room left on {host} (507); delete something there, or get more room; the next run goes on";

const LARGE: &str = "{host} takes nothing as large as a block (413); raise its limit";

const READ_ONLY: &str = "the calendar may not be written by this account; ask its owner for the right to edit, or set role = \
                         \"source\"";

const NOT_SHARED: &str = "this account may not read the calendar; ask its owner to share it, or take it out of the \
                          configuration";

const GONE: &str = "the calendar is not there: deleted, renamed, or no longer shared? `calsync calendars {account}` lists what \
                    there is; correct `id`, or take the calendar out of the configuration";

const NO_SERVER: &str = "{host} has no calendar server at `url` (404); is it the address of a web page? It must be that of the \
                         CalDAV server, which the service's help names";

const NO_CALENDAR: &str = "{host} answers, but not as a calendar server does ({status}); `url` must be the address of the \
                           CalDAV server, not of a web page, and `id` that of a calendar, as `calsync calendars {account}` \
                           lists it";

const MOVED: &str =
    "{host} sends calsync elsewhere ({status}), where it does not follow; correct `url`";

const MOVED_AWAY: &str = "{host} keeps the calendar elsewhere now ({status}), where calsync reads it but does not write; give its \
                          new address as `id`: `calsync calendars {account}` lists what there is";

const TAKEN: &str = "the place of a block is taken already";

const CHANGED: &str = "an event changed during the run; the next run looks again";

const UID_TAKEN: &str =
    "the id of a block is in use by another event already; the next run looks again";

const BURIED: &str = "the server keeps a deleted block of the same id in its trash";

const UNSEEN: &str = "the server has an event with the id of a block already, and does not show it: Nextcloud hides what is private \
                      in a calendar that is shared from all but its owner. Have the owner delete calsync's blocks there, and \
                      set visibility = \"public\" in the rules that show there; or sign in as the owner";

const UNKNOWN: &str =
    "{host} refused a request for a reason that calsync does not know ({status}); please report it";
