//! The ways to sign in. Started by a person with `calsync auth add`, never by a run; what a person has to be told or asked
//! goes through whoever started it.

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedReceiver;

use super::{
    Access, Credentials, Google, OauthClient, SCOPE, Vault, Way,
    access::Token,
    token::{self, Granted, Refusal},
    words,
};
use crate::{
    clock::Clock,
    http::Line,
    provider::{Answer, ErrorKind, ProviderError},
    secrets::{Purpose, Secret},
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
        // Anew, so that an old token does not pass for a proof.
        self.vault
            .forget(&self.account)
            .map_err(|e| self.failed(&e))?;
        let access = Access::new(&self.account, &self.google, &self.line, &self.vault);
        access.bearer().await.map(|_| Outcome::In)
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
        refusal.into_error(&self.account, self.clock().now(), words::of)
    }

    /// Tries a refresh token out, which also tells what it is good for.
    async fn try_out(&self, client: &OauthClient, refresh: &Secret) -> Answer<Granted> {
        let form = [
            ("client_id", client.id.as_str()),
            ("client_secret", client.secret.expose()),
            ("refresh_token", refresh.expose()),
            ("grant_type", "refresh_token"),
        ];
        let asked = token::ask(&self.line, &self.google.endpoint.token(), &form).await;
        let mut granted = asked.map_err(|refusal| self.refused(refusal))?;
        granted.refresh_token.get_or_insert_with(|| refresh.clone());
        Ok(granted)
    }

    /// Keeps what was granted, if it is enough.
    fn keep(&self, way: Way, granted: &Granted) -> Answer<Outcome> {
        if !granted.is_enough() {
            let words = words::too_little(&self.account);
            return Err(ProviderError::new(ErrorKind::SignIn, words));
        }
        let Some(refresh) = &granted.refresh_token else {
            let words = "Google gave no lasting sign-in; withdraw calsync's access at \
                https://myaccount.google.com/connections, then sign in again";
            return Err(self.error(ErrorKind::SignIn, words));
        };
        let now = self.clock().now();
        let new = SignIn {
            account: self.account.clone(),
            way: way.word().to_owned(),
            client: self.google.credentials.client(),
            server: self.google.endpoint.name().to_owned(),
            scopes: granted.scope.clone().unwrap_or_else(|| SCOPE.to_owned()),
            since: now,
            refused: None,
        };
        let access = Token::of(granted, now).stored();
        let secrets = [(Purpose::Refresh, refresh), (Purpose::Access, &access)];
        self.vault
            .put(&new, &secrets)
            .map_err(|e| self.failed(&e))?;
        Ok(Outcome::In)
    }
}
