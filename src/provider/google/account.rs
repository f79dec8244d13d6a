//! An account at Google: its requests, its calendars, and the words in which it refuses. Never knows what is in a calendar.

use std::{cell::RefCell, collections::BTreeSet, rc::Rc};

use bytes::Bytes;

use super::{
    answer::{Doing, Refusal, Whose},
    decode::{self, Entry, Nonsense},
    reading::PAGES_MAX,
};
use crate::{
    auth::{Access, Endpoint},
    http::{
        HeaderValue, HttpError, HttpErrorKind, Line, Method, Request, Response, StatusCode, header,
    },
    provider::{Answer, ErrorKind, ProviderError},
};

/// The most calendars that an account may have.
const CALENDARS_MAX: usize = 10_000;
/// What is wanted of a calendar.
pub(super) const ENTRY: &str = "kind,id,summary,summaryOverride,accessRole,timeZone,primary";

/// An account at Google, signed in: shared by all its calendars.
#[derive(Clone, Debug)]
pub struct GoogleAccount {
    pub(super) name: Rc<str>,
    /// The address that all paths follow.
    pub(super) base: Rc<str>,
    pub(super) line: Line,
    pub(super) access: Access,
    /// Why nothing more may be written in this run.
    pub(super) spent: Rc<RefCell<Option<ProviderError>>>,
}

/// Why a request has no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// The answer is more than is read at once.
    TooLarge(ProviderError),
    Otherwise(ProviderError),
}

impl From<ProviderError> for Unanswered {
    fn from(error: ProviderError) -> Self {
        Self::Otherwise(error)
    }
}

impl From<Unanswered> for ProviderError {
    fn from(unanswered: Unanswered) -> Self {
        let (Unanswered::TooLarge(error) | Unanswered::Otherwise(error)) = unanswered;
        error
    }
}

/// A calendar that an account offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its id.
    pub id: String,
    /// What its owner, or the account's, calls it.
    pub name: String,
    /// Whether blocks can be written to it.
    pub writable: bool,
    /// Its time zone.
    pub zone: Option<String>,
    /// Whether it is the account's own.
    pub primary: bool,
}

impl GoogleAccount {
    /// An account, by its name in the configuration.
    pub fn new(name: &str, endpoint: &Endpoint, line: &Line, access: &Access) -> Self {
        Self {
            name: name.into(),
            base: endpoint.calendar().into(),
            line: line.clone(),
            access: access.clone(),
            spent: Rc::default(),
        }
    }

    /// Whether the sign-in is still good, by asking for a fresh token.
    pub async fn prove(&self) -> Answer<()> {
        self.access.prove().await
    }

    /// The calendars that the account offers, in Google's order.
    pub async fn calendars(&self) -> Answer<Vec<Offer>> {
        let mut offers = Vec::new();
        let mut token = String::new();
        let mut tokens = BTreeSet::new();
        let fields = format!("kind,nextPageToken,items({ENTRY})");
        while tokens.len() < PAGES_MAX {
            let mut query = vec![
                ("maxResults", "250"),
                ("showHidden", "true"),
                ("fields", &fields),
            ];
            if !token.is_empty() {
                query.push(("pageToken", &token));
            }
            let url = self.url("users/me/calendarList", &query);
            let response = self.ask(Method::GET, &url, None, Vec::new()).await?;
            let whose = self.whose("");
            if response.status != StatusCode::OK {
                return Err(self.refused(&response, whose, Doing::Listing));
            }
            let (entries, next) = decode::entries(&response.body)
                .map_err(|e| senseless(whose, e, ErrorKind::Broken))?;
            offers.extend(entries.into_iter().filter_map(offer));
            if offers.len() > CALENDARS_MAX {
                return Err(too_much(whose, CALENDARS_MAX, "calendars"));
            }
            token = match next {
                None => return Ok(offers),
                Some(next) if tokens.insert(next.clone()) => next,
                Some(_) => {
                    let words = "a page of the list of calendars leads back to one that was read already; nothing of it is believed";
                    return Err(error(whose, ErrorKind::Broken, words));
                }
            };
        }
        Err(too_much(self.whose(""), PAGES_MAX, "pages of calendars"))
    }

    pub(super) fn whose<'a>(&'a self, calendar: &'a str) -> Whose<'a> {
        Whose {
            account: &self.name,
            calendar,
        }
    }

    pub(super) fn url(&self, path: &str, query: &[(&str, &str)]) -> String {
        let mut url = format!("{}/{path}", self.base);
        for (i, (name, value)) in query.iter().enumerate() {
            url.push(if i == 0 { '?' } else { '&' });
            url.push_str(name);
            url.push('=');
            url.push_str(&encoded(value));
        }
        url
    }

    /// Sends a request in the account's name; once more if Google does not take the token any longer.
    pub(super) async fn ask(
        &self,
        method: Method,
        url: &str,
        etag: Option<&str>,
        body: Vec<u8>,
    ) -> Result<Response, Unanswered> {
        let body = Bytes::from(body);
        let mut tries = 0;
        loop {
            tries += 1;
            let bearer = self.access.bearer().await?;
            let mut request = Request::new(method.clone(), url)
                .with(
                    header::AUTHORIZATION,
                    value(&format!("Bearer {}", bearer.expose()), true)?,
                )
                .with(header::ACCEPT, HeaderValue::from_static("application/json"));
            if method != Method::GET {
                // A few words, which get no shorter by being packed and cost more to unpack than to read.
                request = request.with(
                    header::ACCEPT_ENCODING,
                    HeaderValue::from_static("identity"),
                );
            }
            if let Some(etag) = etag {
                request = request.with(header::IF_MATCH, value(etag, false)?);
            }
            if !body.is_empty() {
                let json = HeaderValue::from_static("application/json; charset=UTF-8");
                request = request.with(header::CONTENT_TYPE, json);
            }
            request.body = body.clone();
            let sent = self.line.send(request).await;
            let response = sent.map_err(|error| self.unanswered(error))?;
            if response.status != StatusCode::UNAUTHORIZED {
                return Ok(response);
            }
            // Also of the fresh one: then the sign-in itself is no good any more, and is noted as that.
            self.access.refused(&bearer);
            if tries > 1 {
                return Ok(response);
            }
        }
    }

    /// What it means that there is no response. Whichever calendar was asked for, it is the same for all of the account.
    fn unanswered(&self, unanswered: HttpError) -> Unanswered {
        let is_too_large = matches!(unanswered.kind, HttpErrorKind::TooLarge(_));
        let ProviderError { kind, message } = unanswered.into();
        let error = error(self.whose(""), kind, &message);
        match is_too_large {
            true => Unanswered::TooLarge(error),
            false => Unanswered::Otherwise(error),
        }
    }

    /// What a response that is no success means.
    pub(super) fn refused(
        &self,
        response: &Response,
        whose: Whose<'_>,
        doing: Doing,
    ) -> ProviderError {
        let wait = response.retry_after(self.line.client().clock().now());
        let refusal = refusal(response);
        let error = refusal.error(whose, doing, wait);
        if doing == Doing::Writing && refusal.ends_writing() {
            *self.spent.borrow_mut() = Some(error.clone());
        }
        error
    }
}

fn offer(entry: Entry) -> Option<Offer> {
    let writable = entry.is_writable();
    let id = entry.id?;
    Some(Offer {
        name: entry.name.unwrap_or_else(|| id.clone()),
        id,
        writable,
        zone: entry.zone,
        primary: entry.primary,
    })
}

/// What a response that is no success says.
pub(super) fn refusal(response: &Response) -> Refusal {
    Refusal::read(response.status, &response.body)
}

pub(super) fn error(whose: Whose<'_>, kind: ErrorKind, what: &str) -> ProviderError {
    let Whose { account, calendar } = whose;
    let message = match calendar {
        "" => format!("account {account}: {what}"),
        _ => format!("account {account}, calendar {calendar}: {what}"),
    };
    ProviderError::new(kind, message)
}

/// An answer that makes no sense. One that was cut is worth another try.
pub(super) fn senseless(whose: Whose<'_>, nonsense: Nonsense, kind: ErrorKind) -> ProviderError {
    let kind = match nonsense {
        Nonsense::Cut => ErrorKind::Retry(None),
        _ => kind,
    };
    let what = format!(
        "{nonsense}; nothing of it is believed. Is `endpoint` right, and nothing in between that answers itself?"
    );
    error(whose, kind, &what)
}

pub(super) fn too_much(whose: Whose<'_>, limit: usize, what: &str) -> ProviderError {
    let what = format!("it has more than {limit} {what}, which is more than calsync reads");
    error(whose, ErrorKind::Broken, &what)
}

/// A header's value; a secret one is never shown.
fn value(text: &str, secret: bool) -> Answer<HeaderValue> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| ProviderError::new(ErrorKind::Broken, "a header cannot be sent to Google"))?;
    value.set_sensitive(secret);
    Ok(value)
}

/// Text as it stands in a path or a query: all but letters, digits and `-._~` in percent.
pub(super) fn encoded(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for half in [byte >> 4, byte & 15] {
                out.extend(
                    DIGITS
                        .get(usize::from(half))
                        .map(|digit| char::from(*digit)),
                );
            }
        }
    }
    out
}
