//! Sends what yup-oauth2 asks by our own way to the server, and hands it no more of an answer than it has a use for: nothing
//! large, no time that is out of measure, no text that a terminal would obey.

use std::{cell::RefCell, time::Duration};

use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    auth::{flow::Newcomer, token::seconds},
    http::{HeaderValue, HttpError, Method, Request, Response, StatusCode, header},
};

/// How long to wait between two questions whether the code was entered; as long as this if the server does not say.
const WAIT_MIN: Duration = Duration::from_secs(5);
const WAIT_MAX: Duration = Duration::from_mins(1);
/// How long a code is good for, whatever the server says. A person needs a moment, and nobody needs longer than an hour.
const LIFE_MIN: Duration = Duration::from_mins(1);
const LIFE_MAX: Duration = Duration::from_hours(1);
/// The longest code that is shown to a person to be typed in, and the longest address.
const CODE_MAX: usize = 64;
const ADDRESS_MAX: usize = 2_000;

/// Between yup-oauth2 and the server.
pub(super) struct Desk<'a> {
    new: &'a Newcomer,
    code_url: &'a str,
    /// Why there was no answer.
    pub(super) failed: RefCell<Option<HttpError>>,
}

impl<'a> Desk<'a> {
    pub(super) fn new(new: &'a Newcomer, code_url: &'a str) -> Self {
        Self {
            new,
            code_url,
            failed: RefCell::default(),
        }
    }

    /// Answers a request of yup-oauth2's for a code.
    pub(super) async fn answer(&self, form: Bytes) -> (StatusCode, Bytes) {
        let response = match self.send(self.code_url, form).await {
            Ok(response) => response,
            Err(error) => {
                self.failed.replace(Some(error));
                return (StatusCode::BAD_GATEWAY, Bytes::new());
            }
        };
        let said: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let told = match said.get("error").and_then(Value::as_str) {
            Some(code) => json!({
                "error": code,
                "error_description": said.get("error_description").and_then(Value::as_str),
            }),
            None => code(&said).unwrap_or_default(),
        };
        (response.status, told.to_string().into())
    }

    async fn send(&self, url: &str, form: Bytes) -> Result<Response, HttpError> {
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        let mut request = Request::new(Method::POST, url).with(header::CONTENT_TYPE, kind);
        request.body = form;
        self.new.line.send(request).await
    }
}

/// A code, if it is one.
fn code(said: &Value) -> Option<Value> {
    let text = |name: &str| said.get(name).and_then(Value::as_str);
    let between = |name: &str, min: Duration, max: Duration| {
        let told = said.get(name).and_then(seconds)?;
        let told = Duration::try_from_secs_f64(told.max(0.0));
        Some(told.map_or(max, |told| told.clamp(min, max)))
    };
    let address = text("verification_uri").or_else(|| text("verification_url"))?;
    let is_shown = |text: &str, max: usize| {
        (1..=max).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_graphic())
    };
    let user_code = text("user_code")?;
    if !is_shown(address, ADDRESS_MAX) || !is_shown(&user_code.replace(' ', "-"), CODE_MAX) {
        return None;
    }
    let pace = between("interval", WAIT_MIN, WAIT_MAX).unwrap_or(WAIT_MIN);
    let life = between("expires_in", LIFE_MIN, LIFE_MAX).unwrap_or(LIFE_MAX);
    Some(json!({
        "device_code": text("device_code")?,
        "user_code": user_code,
        "verification_url": address,
        "expires_in": life.as_secs(),
        "interval": pace.as_secs(),
    }))
}
