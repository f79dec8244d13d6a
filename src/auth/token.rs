//! The token endpoint: one question, and what may come back.

use serde::Deserialize;

use super::{SCOPE, words};
use crate::{
    http::{HeaderValue, HttpError, Line, Method, Request, Response, StatusCode, header},
    provider::{ErrorKind, ProviderError},
    secrets::Secret,
};

/// What was granted.
#[derive(Debug, Deserialize)]
pub(super) struct Granted {
    pub(super) access_token: Secret,
    #[serde(default)]
    pub(super) refresh_token: Option<Secret>,
    #[serde(default = "ten_minutes")]
    pub(super) expires_in: u32,
    #[serde(default)]
    pub(super) scope: Option<String>,
}

fn ten_minutes() -> u32 {
    600
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
        && !granted.access_token.is_empty()
    {
        return Ok(granted);
    }
    Err(refusal(response))
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
