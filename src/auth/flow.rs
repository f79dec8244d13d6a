//! The ways to sign in. Started by a person with `calsync auth add`, never by a run; what a person has to be told or asked
//! goes through whoever started it.

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedReceiver;

use super::{
    Access, Credentials, Google, SCOPE, Vault, Way,
    access::Token,
    token::{Granted, Hearer, HearerKind, Refusal},
    whose, words,
};
use crate::{
    clock::Clock,
    http::Line,
    provider::{Answer, ErrorKind, ProviderError},
    secrets::Purpose,
    state::SignIn,
};

mod browser;
mod consent;
mod device;

/// What a person is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask<'a> {
    /// Type in this code at this address, on any device, within so many minutes.
    Code {
        /// The address.
        address: &'a str,
        /// The code.
        code: &'a str,
        /// The minutes.
        minutes: u64,
    },
    /// Open this address in a browser, which then goes on to this port of this machine.
    Page {
        /// The address.
        address: &'a str,
        /// The port.
        port: u16,
        /// For how many minutes it is waited.
        minutes: u64,
    },
    /// What was pasted is not the address that is waited for.
    Again(&'a str),
}

/// Tells a person something.
pub type Tell = Arc<dyn Fn(&Ask<'_>) + Send + Sync>;

/// How a person is told things, and what the person pastes, line by line, where that is of use.
#[expect(
    missing_debug_implementations,
    reason = "there is nothing to show of a function"
)]
pub struct Asked {
    /// Tells.
    pub tell: Tell,
    /// What is pasted.
    pub pasted: Option<UnboundedReceiver<String>>,
}

/// What came of signing in.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The account is signed in to.
    In,
    /// The same, but as whom could not be learnt, for this reason.
    Unnamed(String),
    /// This way is closed for this client; another may be open.
    Closed(ProviderError),
}

/// An account that somebody is about to sign in to.
#[derive(Clone, Debug)]
pub struct Newcomer {
    /// The account.
    pub account: String,
    /// As configured.
    pub google: Google,
    /// The way to the server.
    pub line: Line,
    /// Where the sign-in will be kept.
    pub vault: Vault,
    /// The other accounts of the configuration: whoever is signed in to one of these is to be asked for no other.
    pub others: Vec<String>,
}

impl Newcomer {
    /// Signs in, and keeps what that brings.
    pub async fn sign_in(&self, way: Way, asked: Asked) -> Answer<Outcome> {
        match (way, &self.google.credentials) {
            (Way::ServiceAccount, Credentials::Service(_)) => self.by_service().await,
            (Way::Device, Credentials::Client(client)) => device::run(self, client, &asked.tell).await,
            (Way::Browser | Way::Paste, Credentials::Client(client)) => {
                browser::run(self, client, way, asked).await
            }
            (Way::ServiceAccount, Credentials::Client(_)) => Err(self.error(
                ErrorKind::Refused,
                "this way needs `service_account_file` in the configuration",
            )),
            (_, Credentials::Service(_)) => Err(self.error(
                ErrorKind::Refused,
                "a service account signs in by itself: --flow service-account. For the other ways, replace \
                 `service_account_file` by `client_id` and `client_secret`",
            )),
        }
    }

    /// Nobody has to be asked: the first token is the proof.
    async fn by_service(&self) -> Answer<Outcome> {
        self.check_address(self.google.credentials.address().as_deref())?;
        // Anew, so that an old token does not pass for a proof.
        self.vault
            .forget(&self.account)
            .map_err(|e| self.failed(&e))?;
        let access = Access::new(&self.account, &self.google, &self.line, &self.vault);
        access.bearer().await.map(|_| Outcome::In)
    }

    /// Two accounts of the same person would be one: each of its calendars would stand there twice.
    fn check_address(&self, address: Option<&str>) -> Answer<()> {
        let Some(address) = address else {
            return Ok(());
        };
        let server = self.google.endpoint.name();
        let sign_ins = self.vault.sign_ins().map_err(|e| self.failed(&e))?;
        let mut sign_ins = sign_ins
            .iter()
            .filter(|sign_in| sign_in.server == server && self.others.contains(&sign_in.account));
        match sign_ins.find(|sign_in| sign_in.address.as_deref() == Some(address)) {
            None => Ok(()),
            Some(other) => {
                let words = words::somebody_twice(&self.account, &other.account, address);
                Err(ProviderError::new(ErrorKind::SignIn, words))
            }
        }
    }

    /// Whoever is signed in, and is known, does not give way to somebody whom nobody knows.
    fn check_replaced(&self, why: &str) -> Answer<()> {
        let before = self.vault.sign_in(&self.account);
        let before = before.map_err(|e| self.failed(&e))?.filter(|before| {
            before.refused.is_none()
                && before.client == self.google.credentials.client()
                && before.server == self.google.endpoint.name()
        });
        match before.and_then(|before| before.address) {
            None => Ok(()),
            Some(before) => {
                let words = words::not_replaced(&self.account, &before, why);
                Err(ProviderError::new(ErrorKind::SignIn, words))
            }
        }
    }

    fn clock(&self) -> &Clock {
        self.line.client().clock()
    }

    fn error(&self, kind: ErrorKind, words: &str) -> ProviderError {
        ProviderError::new(kind, format!("account {}: {words}", self.account))
    }

    fn failed(&self, error: &super::VaultError) -> ProviderError {
        self.error(ErrorKind::Broken, &error.to_string())
    }

    fn refused(&self, refusal: Refusal) -> ProviderError {
        refusal.into_error(Hearer {
            account: &self.account,
            now: self.clock().now(),
            endpoint: &self.google.endpoint,
            kind: HearerKind::Person,
        })
    }

    /// Keeps what was granted, if it is enough.
    async fn keep(&self, way: Way, granted: &Granted) -> Answer<Outcome> {
        if !granted.is_enough() {
            let words = words::too_little(&self.account);
            return Err(ProviderError::new(ErrorKind::SignIn, words));
        }
        let Some(refresh) = granted.lasting() else {
            let words = "Google gave no lasting sign-in; withdraw calsync's access at \
                https://myaccount.google.com/connections, then sign in again";
            return Err(self.error(ErrorKind::SignIn, words));
        };
        let endpoint = &self.google.endpoint;
        let asked = whose::ask(&self.line, endpoint, &self.account, &granted.access_token).await;
        let (address, unnamed) = match asked {
            Ok(address) => (Some(address), None),
            Err(why) => (None, Some(why)),
        };
        self.check_address(address.as_deref())?;
        if let Some(why) = &unnamed {
            self.check_replaced(why)?;
        }
        let now = self.clock().now();
        let new = SignIn {
            account: self.account.clone(),
            way: way.word().to_owned(),
            client: self.google.credentials.client(),
            server: self.google.endpoint.name().to_owned(),
            scopes: granted.scope.clone().unwrap_or_else(|| SCOPE.to_owned()),
            since: now,
            refused: None,
            address,
        };
        let access = Token::of(granted, now).stored();
        let secrets = [(Purpose::Refresh, refresh), (Purpose::Access, &access)];
        self.vault
            .put(&new, &secrets)
            .map_err(|e| self.failed(&e))?;
        Ok(unnamed.map_or(Outcome::In, Outcome::Unnamed))
    }
}
