//! Access tokens for a run: kept between runs, renewed before they run out, one renewal at a time. Asks no person anything.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;

use super::{
    Credentials, Google, OauthClient, ServiceAccount, Vault,
    token::{self, Granted, Hearer, HearerKind, Refusal},
    vault::VaultError,
    whose, words,
};
use crate::{
    http::Line,
    provider::{Answer, ErrorKind, ProviderError},
    secrets::{Purpose, Secret},
    state::SignIn,
};

/// A token with less time left than this is renewed first.
const LEFT_MIN: SignedDuration = SignedDuration::from_secs(120);

/// The way into an account: fresh access tokens, or words that say why there are none.
#[derive(Clone, Debug)]
pub struct Access(Rc<Parts>);

#[derive(Debug)]
struct Parts {
    account: String,
    google: Google,
    line: Line,
    vault: Vault,
    /// One renewal at a time; all others wait for what it brings.
    turn: Mutex<()>,
    held: RefCell<Held>,
    /// Why no more tokens are asked for in this run.
    over: RefCell<Option<ProviderError>>,
    /// Whether the last token was refused, so that the one at hand is the last attempt.
    insisted: Cell<bool>,
    /// Whether it was asked in this run whose account it is.
    wondered: Cell<bool>,
}

/// What is known of a token.
#[derive(Debug)]
enum Held {
    /// The state may have one.
    Unknown,
    /// There is none.
    None,
    /// This one.
    Token(Token),
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Token {
    token: Secret,
    from: Timestamp,
    until: Timestamp,
}

impl Token {
    pub(super) fn of(granted: &Granted, now: Timestamp) -> Self {
        let life = SignedDuration::from_secs(granted.expires_in.into());
        Self {
            token: granted.access_token.clone(),
            from: now,
            until: now.saturating_add(life).unwrap_or(now),
        }
    }

    /// A token from the future was kept by a clock that was wrong; nobody knows how long it lasts.
    fn is_fresh(&self, now: Timestamp) -> bool {
        self.from <= now && self.until.duration_since(now) >= LEFT_MIN
    }

    pub(super) fn stored(&self) -> Secret {
        let Self { token, from, until } = self;
        Secret::new(json!({"token": token.expose(), "from": from, "until": until}).to_string())
    }
}

impl Access {
    /// The way into an account. Nothing is asked until a token is needed.
    pub fn new(account: &str, google: &Google, line: &Line, vault: &Vault) -> Self {
        Self(Rc::new(Parts {
            account: account.to_owned(),
            google: google.clone(),
            line: line.clone(),
            vault: vault.clone(),
            turn: Mutex::new(()),
            held: RefCell::new(Held::Unknown),
            over: RefCell::default(),
            insisted: Cell::new(false),
            wondered: Cell::new(false),
        }))
    }

    /// A token that is good for at least two minutes.
    pub async fn bearer(&self) -> Answer<Secret> {
        let parts = &*self.0;
        let _turn = parts.turn.lock().await;
        if let Some(error) = &*parts.over.borrow() {
            return Err(error.clone());
        }
        if let Some(token) = parts.at_hand() {
            return Ok(token);
        }
        parts.renew_or_end().await
    }

    /// Whether the sign-in is still good: asks for a fresh token, whatever is at hand. An older one may outlive the sign-in that
    /// it came from.
    pub async fn prove(&self) -> Answer<()> {
        let parts = &*self.0;
        let _turn = parts.turn.lock().await;
        if let Some(error) = &*parts.over.borrow() {
            return Err(error.clone());
        }
        parts.renew_or_end().await.map(drop)
    }

    /// Whose account it is, as far as that is known. Asks nobody.
    pub fn address(&self) -> Option<String> {
        let parts = &*self.0;
        parts.google.credentials.address().or_else(|| {
            let sign_in = parts.vault.sign_in(&parts.account).ok()??;
            parts.is_mine(&sign_in).then_some(sign_in.address)?
        })
    }

    /// Finds out whose account it is, unless that is known, and remembers it. Not to be told is no error.
    pub async fn learn_address(&self) {
        let parts = &*self.0;
        if self.address().is_some() || parts.wondered.replace(true) {
            return;
        }
        let Ok(bearer) = self.bearer().await else {
            return;
        };
        let endpoint = &parts.google.endpoint;
        if let Ok(address) = whose::ask(&parts.line, endpoint, &parts.account, &bearer).await
            && let Ok(Some(sign_in)) = parts.vault.sign_in(&parts.account)
            && parts.is_mine(&sign_in)
            && let Err(error) = parts.vault.note_address(&sign_in, &address)
        {
            tracing::warn!("account {}: it could not be noted: {error}", parts.account);
        }
    }

    /// Where the server is, as sign-ins call it.
    pub fn server(&self) -> &str {
        self.0.google.endpoint.name()
    }

    /// A server refused this token: the next one is a fresh one. If that is refused too, a person must sign in.
    pub fn refused(&self, bearer: &Secret) {
        let parts = &*self.0;
        let is_held = matches!(&*parts.held.borrow(), Held::Token(held) if held.token == *bearer);
        // Of several requests that were refused with the same token, only the first says something new.
        if !is_held {
            return;
        }
        parts.held.replace(Held::None);
        if parts.insisted.replace(true) {
            let error =
                ProviderError::new(ErrorKind::SignIn, words::not_even_fresh(&parts.account));
            parts.over.replace(Some(error));
            if let Ok(Some(sign_in)) = parts.vault.sign_in(&parts.account) {
                parts.note(&sign_in, false);
            }
        }
    }
}

impl Parts {
    fn now(&self) -> Timestamp {
        self.line.client().clock().now()
    }

    /// The token of an earlier request, or of an earlier run.
    fn at_hand(&self) -> Option<Secret> {
        let mut held = self.held.borrow_mut();
        if let Held::Unknown = *held {
            *held = self.kept().map_or(Held::None, Held::Token);
        }
        let Held::Token(token) = &*held else {
            return None;
        };
        let fresh = token.is_fresh(self.now());
        fresh.then(|| token.token.clone())
    }

    /// The token of an earlier run. If there is any doubt about it, there is none.
    fn kept(&self) -> Option<Token> {
        let sign_in = self.vault.sign_in(&self.account).ok()??;
        // Of a sign-in that was refused, an older token may live for a while; then each command would say something else.
        if !self.is_mine(&sign_in) || sign_in.refused.is_some() {
            return None;
        }
        let kept = self.vault.open(&self.account, Purpose::Access).ok()??;
        serde_json::from_str(kept.expose()).ok()
    }

    fn is_mine(&self, sign_in: &SignIn) -> bool {
        sign_in.client == self.google.credentials.client()
            && sign_in.server == self.google.endpoint.name()
    }

    /// Asks for a fresh token. If only a person can help, this is the last time in this run.
    async fn renew_or_end(&self) -> Answer<Secret> {
        self.renew().await.inspect_err(|error| {
            if error.kind == ErrorKind::SignIn {
                self.over.replace(Some(error.clone()));
            }
        })
    }

    async fn renew(&self) -> Answer<Secret> {
        let (sign_in, asked) = match &self.google.credentials {
            Credentials::Client(client) => self.by_refreshing(client).await?,
            Credentials::Service(service) => self.by_signing(service).await?,
        };
        let granted = asked.map_err(|refusal| {
            // A service account is its own client, so that whatever is refused it lets nobody in.
            let is_service = matches!(self.google.credentials, Credentials::Service(_));
            let is_refused = match &refusal {
                Refusal::No(_) if is_service => true,
                refusal => refusal.is_about_the_sign_in(),
            };
            let error = refusal.into_error(Hearer {
                account: &self.account,
                now: self.now(),
                endpoint: &self.google.endpoint,
                kind: match &self.google.credentials {
                    Credentials::Client(_) => HearerKind::Run,
                    Credentials::Service(_) => HearerKind::Service,
                },
            });
            if error.kind == ErrorKind::SignIn && is_refused {
                self.note(&sign_in, false);
            }
            error
        })?;
        if !granted.is_enough() {
            self.note(&sign_in, false);
            let words = words::too_little(&self.account);
            return Err(ProviderError::new(ErrorKind::SignIn, words));
        }
        self.note(&sign_in, true);
        Ok(self.keep(&sign_in, &granted))
    }

    /// Asks with the refresh token that a person's sign-in brought.
    async fn by_refreshing(
        &self,
        client: &OauthClient,
    ) -> Answer<(SignIn, Result<Granted, Refusal>)> {
        let must_sign_in = |words| ProviderError::new(ErrorKind::SignIn, words);
        let Some(sign_in) = self
            .vault
            .sign_in(&self.account)
            .map_err(|e| self.failed(&e))?
        else {
            return Err(must_sign_in(words::missing(&self.account)));
        };
        if !self.is_mine(&sign_in) {
            return Err(must_sign_in(words::other_client(&self.account)));
        }
        let refresh = self.vault.open(&self.account, Purpose::Refresh);
        let Some(refresh) = refresh.map_err(|e| self.failed(&e))? else {
            return Err(must_sign_in(words::missing(&self.account)));
        };
        let form = [
            ("client_id", client.id.as_str()),
            ("client_secret", client.secret.expose()),
            ("refresh_token", refresh.expose()),
            ("grant_type", "refresh_token"),
        ];
        let asked = token::ask(&self.line, &self.google.endpoint.token(), &form).await;
        Ok((sign_in, asked))
    }

    /// Asks with a request that the service account signs itself.
    async fn by_signing(
        &self,
        service: &ServiceAccount,
    ) -> Answer<(SignIn, Result<Granted, Refusal>)> {
        let known = self
            .vault
            .sign_in(&self.account)
            .map_err(|e| self.failed(&e))?;
        let sign_in = match known.filter(|known| self.is_mine(known)) {
            Some(known) => known,
            // Nobody has to sign in, so the first token is the sign-in.
            None => {
                let new = self.service_sign_in();
                self.vault.put(&new, &[]).map_err(|e| self.failed(&e))?;
                new
            }
        };
        let assertion = service.assertion(self.now()).ok_or_else(|| {
            let words = format!(
                "account {}: nothing can be signed with the service account's key; download the key file again",
                self.account
            );
            ProviderError::new(ErrorKind::SignIn, words)
        })?;
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", assertion.expose()),
        ];
        let asked = token::ask(&self.line, &self.google.endpoint.token(), &form).await;
        Ok((sign_in, asked))
    }

    fn service_sign_in(&self) -> SignIn {
        SignIn {
            account: self.account.clone(),
            way: super::Way::ServiceAccount.word().to_owned(),
            client: self.google.credentials.client(),
            server: self.google.endpoint.name().to_owned(),
            scopes: super::SCOPE.to_owned(),
            since: self.now(),
            refused: None,
            address: self.google.credentials.address(),
        }
    }

    /// Keeps a token for the next requests, and for the next runs.
    fn keep(&self, sign_in: &SignIn, granted: &Granted) -> Secret {
        let token = Token::of(granted, self.now());
        let mut kept = self.vault.add(sign_in, Purpose::Access, &token.stored());
        if let Some(refresh) = granted.lasting() {
            kept = kept.and(self.vault.add(sign_in, Purpose::Refresh, refresh));
        }
        if let Err(error) = kept {
            tracing::warn!(
                "account {}: a new token could not be kept: {error}",
                self.account
            );
        }
        let secret = token.token.clone();
        if let Held::Token(_) = self.held.replace(Held::Token(token)) {
            // The one before only grew old, so no refusal is open any more.
            self.insisted.set(false);
        }
        secret
    }

    /// Notes for `auth list` and `status` whether the sign-in is good.
    fn note(&self, sign_in: &SignIn, good: bool) {
        let since = (!good).then(|| sign_in.refused.unwrap_or(self.now()));
        if since == sign_in.refused {
            return;
        }
        if let Err(error) = self.vault.note_refusal(sign_in, since) {
            tracing::warn!("account {}: it could not be noted: {error}", self.account);
        }
    }

    fn failed(&self, error: &VaultError) -> ProviderError {
        let kind = match error {
            VaultError::Seal(_) => ErrorKind::SignIn,
            VaultError::State(_) => ErrorKind::Broken,
        };
        ProviderError::new(kind, format!("account {}: {error}", self.account))
    }
}
