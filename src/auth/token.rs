//! The token endpoint: one question, and what may come back.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Endpoint, SCOPE, words};
use crate::{
    http::{HeaderValue, HttpError, Line, Method, Request, Response, StatusCode, header},
    provider::{ErrorKind, ProviderError},
    secrets::Secret,
};

/// No token lasts longer.
const A_DAY: u32 = 86_400;

/// What was granted.
#[derive(Debug, Deserialize)]
pub(super) struct Granted {
    pub(super) access_token: Secret,
    #[serde(default)]
    refresh_token: Option<Secret>,
    #[serde(default = "ten_minutes", deserialize_with = "life")]
    pub(super) expires_in: u32,
    #[serde(default)]
    pub(super) scope: Option<String>,
}

fn ten_minutes() -> u32 {
    600
}

/// How long a token lasts. Some servers say it as text, or with parts of a second. One that says something absurd is asked
/// anew after an hour at the most.
fn life<'de, D: Deserializer<'de>>(told: D) -> Result<u32, D::Error> {
    let told = Value::deserialize(told)?;
    let told = seconds(&told).unwrap_or(0.0);
    let told = Duration::try_from_secs_f64(told).unwrap_or_default();
    Ok(match u32::try_from(told.as_secs()) {
        Ok(0) => ten_minutes(),
        Ok(told) if told <= A_DAY => told,
        Ok(_) | Err(_) => 3600,
    })
}

/// A number of seconds, however it is written.
pub(super) fn seconds(told: &Value) -> Option<f64> {
    let text = || told.as_str().and_then(|text| text.trim().parse().ok());
    told.as_f64().or_else(text).filter(|n: &f64| n.is_finite())
}

/// Why nothing was granted.
#[derive(Debug)]
pub(super) enum Refusal {
    /// There was no answer.
    Http(HttpError),
    /// The server cannot answer now.
    Away(Response),
    /// It says no, and why: the code of OAuth.
    No(String),
    /// It says something else.
    Odd(StatusCode),
}

impl Granted {
    /// The lasting sign-in that came with it. An empty one is none.
    pub(super) fn lasting(&self) -> Option<&Secret> {
        let refresh = self.refresh_token.as_ref();
        refresh.filter(|refresh| !refresh.expose().trim().is_empty())
    }

    /// Whether it is enough to keep calendars in step. A server that does not say what it granted granted what was asked.
    pub(super) fn is_enough(&self) -> bool {
        let Some(scope) = &self.scope else {
            return true;
        };
        scope.split_whitespace().any(|scope| scope == SCOPE)
    }
}

/// Asks for tokens.
pub(super) async fn ask(line: &Line, url: &str, form: &[(&str, &str)]) -> Result<Granted, Refusal> {
    let response = send(line, url, form).await.map_err(Refusal::Http)?;
    if response.status == StatusCode::OK
        && let Ok(granted) = serde_json::from_slice::<Granted>(&response.body)
        && is_sendable(&granted.access_token)
    {
        return Ok(granted);
    }
    let status = response.status;
    match refusal(response) {
        // Whatever the server repeats of what it was told is no word of its own, and may be a secret.
        Refusal::No(code) if form.iter().any(|(_, sent)| sent.contains(&code)) => {
            Err(Refusal::Odd(status))
        }
        refusal => Err(refusal),
    }
}

/// Whether a token can be shown to a server at all.
fn is_sendable(token: &Secret) -> bool {
    !token.is_empty() && token.expose().bytes().all(|c| c.is_ascii_graphic())
}

/// Sends a form.
pub(super) async fn send(
    line: &Line,
    url: &str,
    form: &[(&str, &str)],
) -> Result<Response, HttpError> {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    let mut request = Request::new(Method::POST, url).with(header::CONTENT_TYPE, kind);
    request.body = body.into();
    line.send(request).await
}

fn refusal(response: Response) -> Refusal {
    #[derive(Deserialize)]
    struct Said {
        // Google's limit on device codes is told under another name.
        #[serde(alias = "error_code")]
        error: String,
    }
    if response.status.is_server_error() || response.status == StatusCode::TOO_MANY_REQUESTS {
        return Refusal::Away(response);
    }
    match serde_json::from_slice::<Said>(&response.body) {
        // What is no code may be anything, so it is not repeated.
        Ok(Said { error }) if words::is_code(&error) => Refusal::No(error),
        _ => Refusal::Odd(response.status),
    }
}

/// Who is told why nothing was granted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hearer<'a> {
    pub(super) account: &'a str,
    pub(super) now: jiff::Timestamp,
    pub(super) endpoint: &'a Endpoint,
    pub(super) kind: HearerKind,
}

/// What the hearer can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HearerKind {
    /// Somebody who signs in at this moment.
    Person,
    /// A run, with what a person's sign-in brought; it comes again.
    Run,
    /// A run, with a service account's key.
    Service,
}

impl Refusal {
    /// Whether the sign-in itself is not accepted, rather than the client that shows it.
    pub(super) fn is_about_the_sign_in(&self) -> bool {
        matches!(self, Self::No(code) if !words::is_about_the_client(code))
    }

    /// Whether asking again after a while may help.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Http(error) => error.kind.may_pass(),
            Self::Away(_) => true,
            Self::No(code) => words::is_passing(code),
            Self::Odd(_) => false,
        }
    }

    /// What to make of it, in words that name the account.
    pub(super) fn into_error(self, to: Hearer<'_>) -> ProviderError {
        let account = to.account;
        let later = match to.kind {
            HearerKind::Person => "try again in some minutes",
            HearerKind::Run | HearerKind::Service => "the next run asks again",
        };
        let (kind, what) = match self {
            Self::Http(error) => {
                let error = ProviderError::from(error);
                (error.kind, error.message)
            }
            Self::Away(response) => (
                ErrorKind::Retry(response.retry_after(to.now)),
                format!(
                    "Google's sign-in server cannot answer now ({}); {later}",
                    response.status.as_u16()
                ),
            ),
            Self::No(code) if words::is_passing(&code) => (
                ErrorKind::Retry(None),
                format!(
                    "Google's sign-in server is in trouble, or wants to be asked less often ({code}); {later}"
                ),
            ),
            Self::No(code) => {
                let words = match to.kind {
                    HearerKind::Service => words::of_service(&code, account),
                    HearerKind::Person | HearerKind::Run => words::of(&code, account),
                };
                (ErrorKind::SignIn, words)
            }
            Self::Odd(status) => (
                ErrorKind::Broken,
                format!(
                    "the answer of the sign-in server makes no sense (status {}): it is in trouble, or something in between \
                     answers for it; {later}{}",
                    status.as_u16(),
                    words::at_endpoint(to.endpoint)
                ),
            ),
        };
        ProviderError::new(kind, format!("account {account}: {what}"))
    }
}
