//! Accounts with a name and a password: from the vault or from a command, shown with each request as the server wants it. A run
//! gets its headers here and never asks anybody anything.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use jiff::{SignedDuration, Timestamp};
use ring::rand::{SecureRandom as _, SystemRandom};

use super::{
    Vault, command,
    digest::{Asked, Challenge, schemes},
    vault::{Refused, VaultError},
    words,
};
use crate::{
    clock::Clock,
    http::{self, HeaderValue, Method, Pace, Response, Roots, header},
    provider::{Answer, ErrorKind, ProviderError},
    secrets::{Purpose, Secret},
    state::SignIn,
};

/// How often a server may say no in a run in which it said yes before. Some say it in passing. One that never said yes is
/// believed at once: each no counts against the whole address with those that watch for guessing.
const REFUSALS_MAX: u32 = 2;
const KEPT_OUT: &str = "the server takes the password elsewhere, and not here (401)";
/// How long a password that was refused is not shown again, unless somebody asks for it.
const REST: SignedDuration = SignedDuration::from_hours(1);
/// The way of signing in with a password, in the state file.
pub const PASSWORD: &str = "password";

/// A `CalDAV` account as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dav {
    /// Where to begin looking for it.
    pub url: String,
    /// The name to sign in with.
    pub username: String,
    /// The program that says the password, and its arguments.
    pub command: Option<Vec<String>>,
    /// Certificates to trust beside the machine's.
    pub roots: Option<Roots>,
    /// How fast it may be asked.
    pub pace: Pace,
}

impl Dav {
    /// The server: a scheme and a host. A password is for it alone, and for those of its kin that it names itself.
    pub fn server(&self) -> &str {
        let rest = self.url.find("://").map_or(0, |at| at + 3);
        let end = self.url.get(rest..).and_then(|text| text.find('/'));
        let end = end.map_or(self.url.len(), |at| rest + at);
        self.url.get(..end).unwrap_or_default()
    }

    /// Whether a stored password is for this account as it is configured now.
    pub fn owns(&self, sign_in: &SignIn) -> bool {
        sign_in.way == PASSWORD
            && sign_in.client == self.username
            && sign_in.server == self.server()
    }

    /// What is remembered of a password that was just tried.
    pub fn sign_in(&self, account: &str, now: Timestamp) -> SignIn {
        SignIn {
            address: None,
            account: account.to_owned(),
            way: PASSWORD.to_owned(),
            client: self.username.clone(),
            server: self.server().to_owned(),
            scopes: String::new(),
            since: now,
            refused: None,
        }
    }
}

/// The way into an account: a header for each request, or words that say why there is none.
#[derive(Clone, Debug)]
pub struct PasswordLogin(Rc<Parts>);

#[derive(Debug)]
struct Parts {
    account: String,
    dav: Dav,
    clock: Clock,
    vault: Vault,
    password: RefCell<Option<Secret>>,
    /// The proof that the server wants.
    proof: RefCell<Option<Proof>>,
    /// Whether the next request shows nothing yet, so that the server says how it wants the password.
    is_bare: Cell<bool>,
    /// Whether the server has let a request in.
    is_in: Cell<bool>,
    refusals: Cell<u32>,
    /// Whether the last calendar was not to be had, though the server lets the account in.
    is_kept_out: Cell<bool>,
    /// Why nothing more is asked in this run.
    over: RefCell<Option<ProviderError>>,
    /// Whether the password is on trial, and not that of a stored sign-in.
    on_trial: bool,
}

/// A proof that a server wants.
#[derive(Debug)]
struct Proof {
    challenge: Challenge,
    /// How often it was given.
    count: u32,
    /// Whether it was asked for in an earlier run: the server may have forgotten that.
    is_old: bool,
}

impl Proof {
    fn new(challenge: Challenge, is_old: bool) -> Self {
        Self {
            challenge,
            count: 0,
            is_old,
        }
    }
}

impl PasswordLogin {
    /// The way into an account. Nothing is looked up until it is needed.
    pub fn new(account: &str, dav: &Dav, vault: &Vault, clock: &Clock) -> Self {
        Self(Rc::new(Parts::new(account, dav, vault, clock)))
    }

    /// The same for somebody who wants to know whether the password is good: this one, which nobody has kept yet, or the one
    /// that the command says.
    pub fn trying(
        account: &str,
        dav: &Dav,
        vault: &Vault,
        clock: &Clock,
        password: Option<Secret>,
    ) -> Self {
        let mut parts = Parts::new(account, dav, vault, clock);
        parts.on_trial = true;
        // Nobody knows yet how the server wants it, and somebody waits for the answer anyway.
        parts.is_bare.set(true);
        parts.password.replace(password);
        Self(Rc::new(parts))
    }

    /// The header that a request has to carry; none if the server is to say first how it wants the password. `uri` is the path
    /// as it stands in the request.
    pub async fn header(&self, method: &Method, uri: &str) -> Answer<Option<HeaderValue>> {
        let parts = &*self.0;
        let password = parts.ready().await?;
        if parts.is_bare.get() {
            return Ok(None);
        }
        let text = parts.text(&password, method, uri)?;
        let mut value = HeaderValue::from_str(text.expose()).map_err(|_| {
            parts.error("the user name or the password holds what no header can hold")
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// Whether there is a password to show, and none that was refused a moment ago. Asks no server.
    pub async fn ready(&self) -> Answer<()> {
        self.0.ready().await.map(drop)
    }

    /// The server did not let a request in. Whether to ask again, or why not.
    pub fn refused(&self, response: &Response) -> Answer<()> {
        let parts = &*self.0;
        let headers = response.headers.get_all(header::WWW_AUTHENTICATE).iter();
        let offered = schemes(headers.filter_map(|value| value.to_str().ok()));
        let offers = |name: &str| offered.iter().any(|(scheme, _)| scheme == name);
        let was_digest = parts.proof.borrow().is_some();
        let challenge = Challenge::best(&offered).filter(|_| was_digest || !offers("basic"));
        if was_digest && challenge.is_none() && offers("basic") && !parts.on_trial {
            return Err(parts.no_way(words::proof_no_longer_wanted(&parts.account)));
        }
        let has_way = challenge.is_some() || offered.is_empty() || offers("basic");
        // What an earlier run was asked for may not be what is asked for now.
        let is_old = parts.proof.borrow().as_ref().is_some_and(|it| it.is_old);
        let is_other = challenge.as_ref().is_some_and(|it| !was_digest || it.stale);
        let is_news = is_other || (is_old && !offered.is_empty());
        if !offered.is_empty() {
            let proof = challenge.map(|it| Proof::new(it, false));
            parts.proof.replace(proof);
        }
        if parts.is_bare.take() && has_way {
            return Ok(());
        }
        parts.refusals.set(parts.refusals.get() + 1);
        // A proof that was asked for just now, or a nonce that grew old, says nothing about the password; but no server may
        // go on like that.
        let most = match parts.is_in.get() {
            true => REFUSALS_MAX,
            false => 1,
        };
        if has_way && parts.refusals.get() < most + u32::from(is_news) {
            return Ok(());
        }
        if !has_way {
            return Err(parts.no_way(words::no_password_wanted(&parts.account)));
        }
        // Whoever was let in a moment ago is kept out here alone, unless it is the same at the next one.
        if parts.is_in.get() && !parts.on_trial && !parts.is_kept_out.replace(true) {
            parts.refusals.set(0);
            return Err(ProviderError::new(ErrorKind::Refused, KEPT_OUT));
        }
        let again = parts.note_refusal();
        Err(parts.ends(parts.wrong(again)))
    }

    /// The server answered a request otherwise. Whether that answer counts: not if nothing was shown to the server yet, since it
    /// may give others less; save where it only says to ask elsewhere.
    pub fn accepted(&self, response: &Response) -> bool {
        let parts = &*self.0;
        if parts.is_bare.get() {
            parts.is_bare.set(response.status.is_redirection());
            return parts.is_bare.get();
        }
        parts.refusals.set(0);
        parts.is_kept_out.set(false);
        if let Some(proof) = &mut *parts.proof.borrow_mut() {
            proof.is_old = false;
        }
        if response.status.is_success() && !parts.is_in.replace(true) {
            parts.note_good();
        }
        true
    }
}

impl Parts {
    fn new(account: &str, dav: &Dav, vault: &Vault, clock: &Clock) -> Self {
        Self {
            account: account.to_owned(),
            dav: dav.clone(),
            clock: clock.clone(),
            vault: vault.clone(),
            password: RefCell::default(),
            proof: RefCell::default(),
            is_bare: Cell::default(),
            is_in: Cell::default(),
            refusals: Cell::default(),
            is_kept_out: Cell::default(),
            over: RefCell::default(),
            on_trial: false,
        }
    }

    /// Nothing more is asked in this run, for this reason.
    fn ends(&self, words: String) -> ProviderError {
        let error = ProviderError::new(ErrorKind::SignIn, words);
        self.over.replace(Some(error.clone()));
        error
    }

    /// The same where it is not the password that is wrong.
    fn no_way(&self, words: String) -> ProviderError {
        self.tell(self.note_since(true));
        self.ends(words)
    }

    /// The password, if it may be shown in this run.
    async fn ready(&self) -> Answer<Secret> {
        if let Some(error) = &*self.over.borrow() {
            return Err(error.clone());
        }
        let password = self.password().await;
        password.inspect_err(|error| {
            self.over.replace(Some(error.clone()));
        })
    }

    /// The value of the header.
    fn text(&self, password: &Secret, method: &Method, uri: &str) -> Answer<Secret> {
        let username = &self.dav.username;
        let mut proof = self.proof.borrow_mut();
        let Some(Proof {
            challenge, count, ..
        }) = &mut *proof
        else {
            let pair = Secret::new(format!("{username}:{}", password.expose()));
            let pair = data_encoding::BASE64.encode(pair.expose().as_bytes());
            return Ok(Secret::new(format!("Basic {pair}")));
        };
        *count += 1;
        let asked = Asked {
            username,
            password: password.expose(),
            method: method.as_str(),
            uri,
            count: *count,
            chance: &self.chance()?,
        };
        Ok(Secret::new(challenge.answer(&asked)))
    }

    fn chance(&self) -> Answer<String> {
        let mut bytes = [0; 16];
        let filled = SystemRandom::new().fill(&mut bytes);
        filled.map_err(|_| self.error("the system gives no random numbers"))?;
        Ok(data_encoding::HEXLOWER.encode(&bytes))
    }

    async fn password(&self) -> Answer<Secret> {
        let given = self.password.borrow().clone();
        let password = match (given, &self.dav.command) {
            // It was looked at before, or is on trial.
            (Some(password), _) => return Ok(password),
            (None, Some(command)) => command::said(command, &self.clock)
                .await
                .map_err(|words| self.error(&words))?,
            (None, None) => self.kept()?,
        };
        if !self.on_trial {
            self.recall(&password)?;
        }
        self.password.replace(Some(password.clone()));
        Ok(password)
    }

    /// What earlier runs learned: which proof the server wants, and whether it refused this very password a moment ago.
    fn recall(&self, password: &Secret) -> Answer<()> {
        let server = self.dav.server();
        let pairs = self.vault.challenge(&self.account, server);
        let pairs = pairs.map_err(|e| self.failed(&e))?;
        let challenge = pairs.and_then(|pairs| Challenge::of(&pairs));
        self.proof.replace(challenge.map(|it| Proof::new(it, true)));
        let refused = self.vault.refused(&self.account);
        let refused = refused.map_err(|e| self.failed(&e))?;
        let is_it = refused.is_some_and(|refused| {
            let rested = self.clock.now().duration_since(refused.at());
            // A clock that was set back makes nobody wait.
            let is_fresh = (SignedDuration::ZERO..REST).contains(&rested);
            is_fresh && refused.again && refused.print == self.print(password)
        });
        match is_it {
            true => Err(ProviderError::new(ErrorKind::SignIn, self.wrong(true))),
            false => Ok(()),
        }
    }

    /// What tells a password for this account apart from others, without telling what it is.
    fn print(&self, password: &Secret) -> String {
        let Dav { username, .. } = &self.dav;
        let parts = [self.dav.server(), username, password.expose()];
        self.vault.print(&self.account, &parts)
    }

    /// The password is not the right one, and when it is tried again. `again`: an earlier run was told so too.
    fn wrong(&self, again: bool) -> String {
        let words = words::wrong_password(&self.account, &self.dav);
        let when = match again {
            true => "once an hour",
            false => "by the next run, and then once an hour",
        };
        match (&self.dav.command, self.on_trial) {
            (_, true) => words,
            (None, false) => format!("{words}; until then this one is tried {when}"),
            (Some(_), false) => format!(
                "{words}; the same one is tried again {when}, or by: calsync auth add {}",
                self.account
            ),
        }
    }

    /// The password that somebody gave to `auth add`.
    fn kept(&self) -> Answer<Secret> {
        let must = |words| ProviderError::new(ErrorKind::SignIn, words);
        let sign_in = self.vault.sign_in(&self.account);
        let Some(sign_in) = sign_in.map_err(|e| self.failed(&e))? else {
            return Err(must(words::no_password(&self.account)));
        };
        if !self.dav.owns(&sign_in) {
            return Err(must(words::other_server(&self.account)));
        }
        let kept = self.vault.open(&self.account, Purpose::Password);
        let kept = kept.map_err(|e| self.failed(&e))?;
        kept.ok_or_else(|| must(words::no_password(&self.account)))
    }

    /// Notes that the server does not take this password, for `auth list` and `status`, and for the next runs. Whether an earlier
    /// run was told so too.
    fn note_refusal(&self) -> bool {
        if self.on_trial && self.dav.command.is_none() {
            return false;
        }
        let before = self.vault.refused(&self.account).unwrap_or_default();
        let password = self.password.borrow().clone();
        let refused = password.map(|password| {
            let mut refused =
                Refused::new(self.clock.now(), self.print(&password), before.as_ref());
            // Whoever tries it by hand has tried it often enough.
            refused.again |= self.on_trial;
            refused
        });
        let noted = self.vault.note_refused(&self.account, refused.as_ref());
        self.tell(noted.and_then(|()| self.note_since(true)));
        refused.is_some_and(|refused| refused.again)
    }

    /// Notes that the server let the account in: what was noted against it is over. How it wants the password is no secret.
    fn note_good(&self) {
        let proof = self.proof.borrow();
        let pairs = proof.as_ref().map(|proof| proof.challenge.pairs());
        let server = self.dav.server();
        let known = self.vault.note_challenge(&self.account, server, pairs);
        let noted = known.and_then(|()| self.vault.note_refused(&self.account, None));
        self.tell(noted.and_then(|()| self.note_since(false)));
    }

    /// Notes since when a stored password is refused.
    fn note_since(&self, refused: bool) -> Result<(), VaultError> {
        if self.on_trial || self.dav.command.is_some() {
            return Ok(());
        }
        let Some(sign_in) = self.vault.sign_in(&self.account)? else {
            return Ok(());
        };
        let since = refused.then(|| sign_in.refused.unwrap_or(self.clock.now()));
        match since == sign_in.refused {
            true => Ok(()),
            false => self.vault.note_refusal(&sign_in, since),
        }
    }

    /// What could not be noted costs a request, and nothing else.
    fn tell(&self, noted: Result<(), VaultError>) {
        if let Err(error) = noted {
            tracing::warn!("account {}: it could not be noted: {error}", self.account);
        }
    }

    fn error(&self, words: &str) -> ProviderError {
        ProviderError::new(
            ErrorKind::SignIn,
            format!("account {}: {words}", self.account),
        )
    }

    fn failed(&self, error: &VaultError) -> ProviderError {
        let kind = match error {
            VaultError::Seal(_) => ErrorKind::SignIn,
            VaultError::State(_) => ErrorKind::Broken,
        };
        ProviderError::new(kind, format!("account {}: {error}", self.account))
    }
}

/// Whether an address can be that of an account: nothing that would be quoted in errors or sent elsewhere.
pub fn is_address(url: &str) -> bool {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    !host.is_empty()
        && !host.contains('@')
        && !rest.contains(['?', '#', ' '])
        && http::allowed(url).is_ok()
}
