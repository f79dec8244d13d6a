//! The token endpoint: one question, and what may come back.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{SCOPE, words};
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
    pub(super) refresh_token: Option<Secret>,
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
    Err(refusal(response))
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

impl Refusal {
    /// What to make of it, in words that name the account.
    pub(super) fn into_error(
        self,
        account: &str,
        now: jiff::Timestamp,
        words: fn(&str, &str) -> String,
    ) -> ProviderError {
        match self {
            Self::Http(error) => {
                let error = ProviderError::from(error);
                ProviderError::new(error.kind, format!("account {account}: {error}"))
            }
            Self::Away(response) => ProviderError::new(
                ErrorKind::Retry(response.retry_after(now)),
                format!(
                    "account {account}: Google's sign-in server cannot answer now ({}); the next run asks again",
                    response.status.as_u16()
                ),
            ),
            Self::No(code) if words::is_passing(&code) => ProviderError::new(
                ErrorKind::Retry(None),
                format!("account {account}: {}", words(&code, account)),
            ),
            Self::No(code) => ProviderError::new(
                ErrorKind::SignIn,
                format!("account {account}: {}", words(&code, account)),
            ),
            Self::Odd(status) => ProviderError::new(
                ErrorKind::Broken,
                format!(
                    "account {account}: the answer of the sign-in server makes no sense (status {}); is `endpoint` right?",
                    status.as_u16()
                ),
            ),
        }
    }
}
