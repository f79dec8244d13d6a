//! What can go wrong between here and a server. Names the host, and nothing else of what was asked or answered.

use std::{fmt, time::Duration};

use crate::provider::{ErrorKind, ProviderError};

/// Why there is no answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{kind}", Prefix(host))]
pub struct HttpError {
    /// Whom it was asked of; empty if the address names nobody.
    pub host: String,
    /// What happened.
    pub kind: HttpErrorKind,
}

/// What happened to a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpErrorKind {
    /// The address is none.
    #[error("the address of the server cannot be understood")]
    Address,
    /// Everybody on the way could read what is asked.
    #[error("only https is spoken to servers, and http to this machine alone; correct the address")]
    Forbidden,
    /// Nobody was there.
    #[error("it cannot be reached ({0}); is the network up?")]
    Unreachable(String),
    /// It took too long.
    #[error("no whole answer came within {} seconds", .0.as_secs())]
    TimedOut(Duration),
    /// Somebody was there, but perhaps not who was meant.
    #[error("the connection is not trusted ({0})")]
    Tls(String),
    /// Somebody was there who does not know TLS.
    #[error("it does not speak https here; is the port right, and is it not http?")]
    NoTls,
    /// The connection was lost before the answer was there.
    #[error("the connection broke before the whole answer was there")]
    Cut,
    /// More than fits.
    #[error("the answer is larger than {} MiB; nothing of it was used", .0 >> 20)]
    TooLarge(usize),
    /// It is packed in a way that nobody asked for.
    #[error("the answer is packed in a way that was not asked for; nothing of it was used")]
    Packing,
}

struct Prefix<'a>(&'a str);

impl fmt::Display for Prefix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            "" => Ok(()),
            host => write!(f, "{host}: "),
        }
    }
}

impl HttpErrorKind {
    /// Whether asking again may help.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::TimedOut(_) | Self::Cut)
    }
}

impl From<HttpError> for ProviderError {
    fn from(error: HttpError) -> Self {
        let kind = if error.kind.may_pass() {
            ErrorKind::Retry(None)
        } else {
            ErrorKind::Broken
        };
        Self::new(kind, error.to_string())
    }
}
