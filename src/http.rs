//! HTTP, for whoever keeps calendars on a server: the only room that speaks it. Requests go out as they are given and
//! answers come back as they are, whole and within bounds; nothing is asked twice, no redirect is followed, and nothing of
//! a request or an answer reaches a log or an error but the name of the host.

use std::{cell::Cell, fmt, rc::Rc, time::Duration};

use hyper::body::Bytes;
use jiff::Timestamp;

use crate::clock::Clock;

mod answer;
mod bridge;
mod error;
mod pace;
mod roots;
mod wire;

pub use bridge::{Bridge, Guest, Pipe, Plug, bridge};
pub use error::{HttpError, HttpErrorKind};
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
pub use pace::Pace;
pub use roots::Roots;
pub use wire::is_this_machine;

use pace::Bucket;
use wire::Wire;

/// How long an answer may take, from the first attempt to connect to its last byte.
const ANSWER_MAX: Duration = Duration::from_mins(1);
/// How large the body of an answer may be, after it is decompressed.
const BODY_MAX: usize = 32 << 20;

/// What is asked of a server.
#[derive(Clone)]
pub struct Request {
    /// What to do.
    pub method: Method,
    /// With what: `https`, or `http` to this very machine.
    pub url: String,
    /// What to say along with it. What every request says is added, unless it is here.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What to send.
    pub body: Bytes,
}

/// What a server answered, whatever its status.
#[derive(Clone)]
pub struct Response {
    /// How it went.
    pub status: StatusCode,
    /// What it says about the body, or about itself.
    pub headers: HeaderMap,
    /// The body, decompressed.
    pub body: Bytes,
}

/// The client of a run: connections to all servers, shared by all accounts.
#[derive(Clone, Debug)]
pub struct Client {
    wire: Rc<Wire>,
    clock: Clock,
}

/// One account's way to its servers: no faster than it may be, and counted.
#[derive(Clone, Debug)]
pub struct Line(Rc<LineParts>);

#[derive(Debug)]
struct LineParts {
    client: Client,
    bucket: Bucket,
    requests: Cell<u64>,
}

/// Whether an address may be spoken to.
pub fn allowed(url: &str) -> Result<(), HttpError> {
    wire::allow(url).map(drop)
}

/// The host that an address names.
pub fn host(url: &str) -> Option<String> {
    let uri: http::Uri = url.parse().ok()?;
    uri.host().map(str::to_owned)
}

/// The host that an address names, with its port if that is not the usual one: all of it that may be told to anybody.
pub fn shown(url: &str) -> Option<String> {
    let uri: http::Uri = url.parse().ok()?;
    Some(wire::shown(&uri)).filter(|host| !host.is_empty())
}

/// What to do about a server that is not trusted.
pub const OWN_SERVER: &str = ". If it is your own server, name its certificate, or that of its authority, in `ca_file`; if \
                              not, do not go on";

impl Request {
    /// A request without headers or body.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl Response {
    /// How long the server wants to be left alone, if it says so: in seconds, or until a date.
    pub fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        let text = self.headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            // More seconds than fit are a wait as well, and longer than anybody waits.
            return Some(Duration::from_secs(
                text.parse::<u32>().unwrap_or(u32::MAX).into(),
            ));
        }
        let parser = jiff::fmt::rfc2822::DateTimeParser::new();
        let date = parser.parse_timestamp(text).ok()?;
        // A date that has passed already means: now.
        Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
    }
}

impl Client {
    /// A client. It connects, and looks for the certificates that this machine trusts, when first used.
    pub fn new(clock: &Clock) -> Self {
        Self {
            wire: Rc::default(),
            clock: clock.clone(),
        }
    }

    /// A client that trusts these certificates too.
    pub fn trusting(clock: &Clock, roots: &Roots) -> Self {
        Self {
            wire: Rc::new(Wire::trusting(roots)),
            clock: clock.clone(),
        }
    }

    /// The time that this client goes by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}

impl Line {
    /// An account's line, at its own pace.
    pub fn new(client: &Client, pace: Pace) -> Self {
        Self(Rc::new(LineParts {
            client: client.clone(),
            bucket: Bucket::new(pace),
            requests: Cell::new(0),
        }))
    }

    /// The client behind it.
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// Sends a request, once, when its turn has come.
    pub async fn send(&self, request: Request) -> Result<Response, HttpError> {
        let LineParts {
            client: Client { wire, clock },
            bucket,
            requests,
        } = &*self.0;
        let ready = wire::prepare(request)?;
        let host = ready.shown();
        let wait = bucket.take(clock.now());
        if !wait.is_zero() {
            clock.sleep(wait).await;
        }
        requests.set(requests.get() + 1);
        let exchange = async {
            let answer = wire.ask(ready).await?;
            answer::read(answer, BODY_MAX).await
        };
        let kind = match clock.limit(ANSWER_MAX, exchange).await {
            Some(Ok(response)) => return Ok(response),
            Some(Err(kind)) => kind,
            None => HttpErrorKind::TimedOut(ANSWER_MAX),
        };
        Err(HttpError { host, kind })
    }

    /// How many requests were sent so far.
    pub fn requests(&self) -> u64 {
        self.0.requests.get()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({} ..)", self.method)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({} ..)", self.status.as_u16())
    }
}
