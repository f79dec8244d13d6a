//! Signing in, and staying signed in: to Google, and to whoever wants a password. A run gets its access tokens here and never asks anybody anything; asking is
//! what the flows are for, which only `calsync auth add` starts. No secret leaves this room but to the server it is for.

use crate::{http::Pace, secrets::Secret};

mod access;
mod command;
mod digest;
mod endpoint;
mod flow;
mod leave;
mod password;
mod service;
mod token;
mod vault;
mod whose;
pub mod words;

pub use access::Access;
pub use endpoint::Endpoint;
pub use flow::{Ask, Asked, Newcomer, Outcome, Tell};
pub use leave::{Left, leave};
pub use password::{Dav, PASSWORD, PasswordLogin, is_address};
pub use service::{KeyFileError, ServiceAccount};
pub use vault::{Vault, VaultError};

/// What is asked for. The only scope that can write events and that the device flow grants too.
pub const SCOPE: &str = "https://www.googleapis.com/auth/calendar";

/// A Google account as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Google {
    /// Where Google is.
    pub endpoint: Endpoint,
    /// As what calsync shows itself there.
    pub credentials: Credentials,
    /// How fast it may be asked.
    pub pace: Pace,
}

/// As what calsync shows itself to Google.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// As a program that a person lets in.
    Client(OauthClient),
    /// As a service account, which needs no person.
    Service(ServiceAccount),
}

/// A program that a person can let in, as registered in the Google Cloud console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OauthClient {
    /// Its id.
    pub id: String,
    /// What goes with it. For programs that people install, Google does not take it for a secret; calsync does.
    pub secret: Secret,
}

/// A way to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A code that a person types in on any other device.
    Device,
    /// A browser on this machine.
    Browser,
    /// A browser anywhere, whose last address is pasted here.
    Paste,
    /// A key file, and nobody at all.
    ServiceAccount,
}

impl Way {
    /// The word for it, in flags and in the state file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Browser => "browser",
            Self::Paste => "paste",
            Self::ServiceAccount => "service-account",
        }
    }
}

impl Credentials {
    /// Whose account it is, where nobody has to be asked for that.
    pub(crate) fn address(&self) -> Option<String> {
        match self {
            Self::Client(_) => None,
            Self::Service(service) => Some(service.address().to_lowercase()),
        }
    }

    /// Whose tokens these get: what a stored sign-in must belong to.
    pub fn client(&self) -> String {
        match self {
            Self::Client(client) => client.id.clone(),
            Self::Service(service) => service.identity(),
        }
    }
}
