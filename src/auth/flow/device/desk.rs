//! Sends what yup-oauth2 asks by our own way to the server, and hands it no more of an answer than it has a use for: nothing
//! large, no time that is out of measure, no text that a terminal would obey. Keeps the pace of asking as well.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

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
    pub(super) new: &'a Newcomer,
    pub(super) code_url: &'a str,
    pub(super) token_url: &'a str,
    /// How long to wait before the next question; nothing before the first.
    pub(super) wait: Cell<Option<Duration>>,
    /// What the server wants to be left in between.
    pub(super) pace: Cell<Duration>,
    /// Why there was no answer.
    pub(super) failed: RefCell<Option<HttpError>>,
}

impl<'a> Desk<'a> {
    pub(super) fn new(new: &'a Newcomer, code_url: &'a str, token_url: &'a str) -> Self {
        Self {
            new,
            code_url,
            token_url,
            wait: Cell::new(None),
            pace: Cell::new(WAIT_MIN),
            failed: RefCell::default(),
        }
    }

    /// Answers a request of yup-oauth2's.
    pub(super) async fn answer(&self, path: &str, form: Bytes) -> (StatusCode, Bytes) {
        let is_code = self.code_url.ends_with(path);
        if !is_code && let Some(wait) = self.wait.replace(Some(self.pace.get())) {
            self.new.clock().sleep(wait).await;
        }
        let url = if is_code {
            self.code_url
        } else {
            self.token_url
        };
        let response = match self.send(url, form).await {
            Ok(response) => response,
            Err(error) => {
                self.failed.replace(Some(error));
                return (StatusCode::BAD_GATEWAY, Bytes::new());
            }
        };
        let said = serde_json::from_slice(&response.body).unwrap_or_default();
        let told = match (error(&said), is_code) {
            (Some(code), _) => self.refusal(code),
            (None, true) => self.code(&said).unwrap_or_default(),
            (None, false) => token(&said).unwrap_or_default(),
        };
        (response.status, told.to_string().into())
    }

    async fn send(&self, url: &str, form: Bytes) -> Result<Response, HttpError> {
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        let mut request = Request::new(Method::POST, url).with(header::CONTENT_TYPE, kind);
        request.body = form;
        self.new.line.send(request).await
    }

    /// A code, if it is one; from here on the server is asked in the pace that it wants.
    fn code(&self, said: &Value) -> Option<Value> {
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
        self.pace.set(pace);
        Some(json!({
            "device_code": text("device_code")?,
            "user_code": user_code,
            "verification_url": address,
            "expires_in": life.as_secs(),
            // The waiting is done here.
            "interval": 0,
        }))
    }

    /// A refusal by its code. To be asked less often is nothing that yup-oauth2 has to know.
    fn refusal(&self, code: &str) -> Value {
        if code == "slow_down" {
            let slower = (self.pace.get() + WAIT_MIN).min(WAIT_MAX);
            self.pace.set(slower);
            self.wait.set(Some(slower));
            return json!({"error": "authorization_pending"});
        }
        json!({"error": code})
    }
}

fn error(said: &Value) -> Option<&str> {
    said.get("error").and_then(Value::as_str)
}

/// The tokens alone, if there are any: how long they last is asked when they are tried out.
fn token(said: &Value) -> Option<Value> {
    let access = said.get("access_token")?.as_str()?;
    Some(json!({
        "access_token": access,
        "refresh_token": said.get("refresh_token").and_then(Value::as_str),
        "token_type": "Bearer",
    }))
}
