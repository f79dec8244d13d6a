//! What Google's refusals mean, and what to do about each. Pure. Tried again is exactly what Google says may be tried again;
//! no word of an event gets into a message.

use std::time::Duration;

use serde::Deserialize;

use crate::{
    http::StatusCode,
    provider::{ErrorKind, ProviderError},
};

/// Whose request was refused.
#[derive(Clone, Copy, Debug)]
pub struct Whose<'a> {
    /// The account's name in the configuration.
    pub account: &'a str,
    /// The calendar's id.
    pub calendar: &'a str,
}

/// What a request was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Reading the calendar.
    Reading,
    /// Looking at one event.
    Looking,
    /// Writing an event.
    Writing,
    /// Asking for the account's calendars.
    Listing,
}

/// What a server said when it did not do as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// Google's word for it; empty if there is none.
    pub reason: String,
    sequence: bool,
    /// Whether it is in the form in which Google refuses something. Whatever is in between may answer otherwise.
    is_told: bool,
    /// Where Google says that something can be put right, if that is its own console.
    console: Option<String>,
}

#[derive(Deserialize)]
struct Envelope {
    error: Detail,
}

#[derive(Default, Deserialize)]
struct Detail {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: Vec<Reason>,
    #[serde(default)]
    details: Vec<Reason>,
}

#[derive(Default, Deserialize)]
struct Reason {
    #[serde(default)]
    reason: String,
}

impl Refusal {
    /// Reads what a server said.
    pub fn read(status: StatusCode, body: &[u8]) -> Self {
        let detail = serde_json::from_slice::<Envelope>(body).map(|envelope| envelope.error);
        let is_told = detail.is_ok();
        let detail = detail.unwrap_or_default();
        let mut reasons = detail.errors.into_iter().chain(detail.details);
        let first = reasons
            .find(|one| !one.reason.is_empty())
            .unwrap_or_default();
        Self {
            status,
            reason: first.reason,
            sequence: detail.message.starts_with("Invalid sequence value"),
            is_told,
            console: console(&detail.message),
        }
    }

    /// The error that it is.
    pub fn error(&self, whose: Whose<'_>, doing: Doing, wait: Option<Duration>) -> ProviderError {
        let (kind, what) = self.meaning(doing, wait);
        let Whose { account, calendar } = whose;
        let place = match self.is_about_account(doing) {
            true => format!("account {account}"),
            false => format!("account {account}, calendar {calendar}"),
        };
        ProviderError::new(
            kind,
            format!("{place}: {}", what.replace("{account}", account)),
        )
    }

    /// Whether it is about the account, whichever of its calendars was asked for.
    fn is_about_account(&self, doing: Doing) -> bool {
        let is_about_all = match self.status.as_u16() {
            401 | 429 | 500 | 502..=504 => true,
            403 => LIMITS.contains(&&*self.reason) || ACCOUNTS.contains(&&*self.reason),
            _ => false,
        };
        doing == Doing::Listing || is_about_all
    }

    fn meaning(&self, doing: Doing, wait: Option<Duration>) -> (ErrorKind, String) {
        let fixed = |kind, text: &str| (kind, text.to_owned());
        match (self.status.as_u16(), self.reason.as_str()) {
            (429, _) => (ErrorKind::Retry(wait), HASTE.to_owned()),
            (403, reason) if LIMITS.contains(&reason) => (ErrorKind::Retry(wait), HASTE.to_owned()),
            (500 | 502 | 503 | 504, _) | (409, "conflict") => (
                ErrorKind::Retry(wait),
                format!(
                    "Google cannot answer now ({}); the next run tries again",
                    self.word()
                ),
            ),
            (401, _) => fixed(ErrorKind::SignIn, SIGN_IN),
            (403, _) => self.forbidden(doing),
            (404 | 410, _) if self.is_missing() => missing(doing),
            (404 | 410, _) => fixed(ErrorKind::Broken, STRANGER),
            (409, _) if doing == Doing::Writing => {
                fixed(ErrorKind::Exists, "the id of a block is taken already")
            }
            (412, _) if doing == Doing::Writing => fixed(ErrorKind::Conflict, CHANGED),
            (400, _) if self.sequence => fixed(ErrorKind::Conflict, CHANGED),
            _ => (
                ErrorKind::Broken,
                format!(
                    "Google refused a request for a reason that calsync does not know ({}); is `endpoint` right? Else \
                     please report it",
                    self.word()
                ),
            ),
        }
    }

    /// The error of whoever writes to a calendar that may only be read.
    pub fn read_only(whose: Whose<'_>) -> ProviderError {
        let Whose { account, calendar } = whose;
        let words = format!("account {account}, calendar {calendar}: {READ_ONLY}");
        ProviderError::new(ErrorKind::Refused, words)
    }

    fn forbidden(&self, doing: Doing) -> (ErrorKind, String) {
        let unknown = |text: &str| match self.reason.as_str() {
            "" | "forbidden" | "requiredAccessLevel" => text.to_owned(),
            _ => format!("{text} ({})", self.word()),
        };
        let (kind, text) = match self.reason.as_str() {
            "quotaExceeded" | "dailyLimitExceeded" if doing == Doing::Writing => {
                (ErrorKind::Refused, SPENT)
            }
            "quotaExceeded" | "dailyLimitExceeded" => (ErrorKind::Refused, SPENT_READING),
            "accessNotConfigured" | "SERVICE_DISABLED" => {
                let at = self.console.as_deref().unwrap_or(CONSOLE);
                return (ErrorKind::Refused, NOT_ENABLED.replace("{console}", at));
            }
            "insufficientPermissions" | "ACCESS_TOKEN_SCOPE_INSUFFICIENT" => {
                (ErrorKind::SignIn, SCOPE)
            }
            "admin_policy_enforced" | "domainPolicy" | "org_internal" => {
                (ErrorKind::Refused, ADMIN)
            }
            _ if doing == Doing::Writing => return (ErrorKind::Refused, unknown(READ_ONLY)),
            _ => return (ErrorKind::Refused, unknown(NOT_SHARED)),
        };
        (kind, text.to_owned())
    }

    /// Whether this account may not be written to any more in this run.
    pub fn ends_writing(&self) -> bool {
        self.status == StatusCode::FORBIDDEN
            && matches!(self.reason.as_str(), "quotaExceeded" | "dailyLimitExceeded")
    }

    /// Whether Google says that something is not there.
    pub fn is_missing(&self) -> bool {
        self.is_told && matches!(self.status, StatusCode::NOT_FOUND | StatusCode::GONE)
    }

    /// Whether it may be about the one event, rather than about haste, rights or the account.
    pub fn is_about_event(&self) -> bool {
        match self.status {
            StatusCode::NOT_FOUND | StatusCode::GONE => self.is_told,
            StatusCode::FORBIDDEN => matches!(self.reason.as_str(), "" | "forbidden"),
            _ => false,
        }
    }

    /// The status and Google's word for it, if it is a word.
    fn word(&self) -> String {
        let is_word = !self.reason.is_empty()
            && self.reason.len() <= 40
            && self
                .reason
                .bytes()
                .all(|c| c.is_ascii_alphanumeric() || c == b'_');
        match is_word {
            true => format!("{} {}", self.status.as_u16(), self.reason),
            false => self.status.as_u16().to_string(),
        }
    }
}

/// The first address in a message that leads to Google's own console, if it is nothing but an address.
fn console(message: &str) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/:.?=&_-%".contains(c);
    let mut words = message.split_whitespace();
    let address = words.find(|word| {
        let of_google = [
            "https://console.developers.google.com/",
            "https://console.cloud.google.com/",
        ];
        of_google.iter().any(|start| word.starts_with(start))
    })?;
    let address = address.trim_end_matches(['.', ',']);
    (address.len() <= 300 && address.chars().all(is_plain)).then(|| address.to_owned())
}

fn missing(doing: Doing) -> (ErrorKind, String) {
    let text = match doing {
        Doing::Reading => {
            "the calendar is not there for this account: deleted, or no longer shared with it? `calsync calendars {account}` \
             lists what there is; correct `id`, or take the calendar out of the configuration"
        }
        Doing::Looking | Doing::Writing => "the event is gone",
        Doing::Listing => "there is no calendar list at this address; is `endpoint` right?",
    };
    (ErrorKind::Gone, text.to_owned())
}

/// What Google calls its limits on haste.
const LIMITS: [&str; 3] = [
    "rateLimitExceeded",
    "userRateLimitExceeded",
    "RATE_LIMIT_EXCEEDED",
];

/// What else it refuses a whole account for.
const ACCOUNTS: [&str; 9] = [
    "quotaExceeded",
    "dailyLimitExceeded",
    "accessNotConfigured",
    "SERVICE_DISABLED",
    "insufficientPermissions",
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
    "admin_policy_enforced",
    "domainPolicy",
    "org_internal",
];

const HASTE: &str = "Google limits how fast it may be asked; the next run goes on";

const SIGN_IN: &str =
    "Google does not accept the sign-in any more; run `calsync auth add {account}`";

const CHANGED: &str = "an event changed during the run; the next run looks again";

const SPENT: &str = "Google's usage limits for this account are used up; nothing more is written to it in this run, a later \
                     one goes on (it may take hours)";

const SPENT_READING: &str = "Google's usage limits for this account are used up; a later run reads it again (it may take hours)";

const CONSOLE: &str = "https://console.cloud.google.com/apis/library/calendar-json.googleapis.com";

const NOT_ENABLED: &str = "the Google Calendar API is not enabled in the Cloud project that the account's client belongs to; \
                           enable it at {console}, wait a few minutes, and run again";

const SCOPE: &str = "the sign-in does not allow calsync to use the calendar; run `calsync auth add {account}` again and leave \
                     every box ticked on Google's page";

const ADMIN: &str = "the organisation's administrator does not let this app use Google Calendar; ask them to allow its client \
                     id (Admin console: Security, API controls), or use another account";

const STRANGER: &str = "something is said not to be there, in words that are not Google's; nothing of it is believed. Is `endpoint` \
                        right, and nothing in between that answers itself?";

const READ_ONLY: &str = "the calendar may not be written by this account, or its private events not be seen; ask its owner \
                         for \"Make changes to events\" and the details of all events, or set role = \"source\"";

const NOT_SHARED: &str = "this account may not read the calendar; ask its owner to share it, or take it out of the \
                          configuration";
