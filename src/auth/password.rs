//! Accounts with a name and a password: from the vault or from a command, shown with each request as the server wants it. A run
//! gets its headers here and never asks anybody anything.

use std::{
    cell::{Cell, RefCell},
    io,
    pin::pin,
    process::{ExitStatus, Stdio},
    rc::Rc,
    time::Duration,
};

use futures_util::future::{Either, select};
use jiff::Timestamp;
use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::io::AsyncReadExt as _;
use zeroize::Zeroizing;

use super::{
    Vault,
    digest::{Asked, Challenge, schemes},
    vault::VaultError,
    words,
};
use crate::{
    clock::Clock,
    http::{self, HeaderValue, Method, Pace, Response, Roots, header},
    provider::{Answer, ErrorKind, ProviderError},
    secrets::{Purpose, Secret},
    state::SignIn,
};

/// How long a command may take to say a password.
const COMMAND_MAX: Duration = Duration::from_mins(1);
/// The most that such a command may say. Nobody's password is that long.
const OUTPUT_MAX: usize = 64 << 10;
/// How long the rest of a line may take to come from a command that has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How often a server may say no before it is believed. Some say it in passing.
const REFUSALS_MAX: u32 = 2;
/// The way of signing in, in the state file.
const WAY: &str = "password";

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
        sign_in.way == WAY && sign_in.client == self.username && sign_in.server == self.server()
    }

    /// What is remembered of a password that was just tried.
    pub fn sign_in(&self, account: &str, now: Timestamp) -> SignIn {
        SignIn {
            address: None,
            account: account.to_owned(),
            way: WAY.to_owned(),
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
    /// The proof that the server wants, and how often it was given.
    digest: RefCell<Option<(Challenge, u32)>>,
    refusals: Cell<u32>,
    /// Why nothing more is asked in this run.
    over: RefCell<Option<ProviderError>>,
    /// Whether the password is on trial, and not that of a stored sign-in.
    on_trial: bool,
}

impl PasswordLogin {
    /// The way into an account. Nothing is looked up until it is needed.
    pub fn new(account: &str, dav: &Dav, vault: &Vault, clock: &Clock) -> Self {
        Self::with(account, dav, vault, clock, None)
    }

    /// The same with a password that nobody has kept yet.
    pub fn trying(account: &str, dav: &Dav, vault: &Vault, clock: &Clock, it: Secret) -> Self {
        Self::with(account, dav, vault, clock, Some(it))
    }

    fn with(
        account: &str,
        dav: &Dav,
        vault: &Vault,
        clock: &Clock,
        password: Option<Secret>,
    ) -> Self {
        Self(Rc::new(Parts {
            account: account.to_owned(),
            dav: dav.clone(),
            clock: clock.clone(),
            vault: vault.clone(),
            on_trial: password.is_some(),
            password: RefCell::new(password),
            digest: RefCell::default(),
            refusals: Cell::new(0),
            over: RefCell::default(),
        }))
    }

    /// The header that a request has to carry. `uri` is the path as it stands in the request.
    pub async fn header(&self, method: &Method, uri: &str) -> Answer<HeaderValue> {
        let parts = &*self.0;
        if let Some(error) = &*parts.over.borrow() {
            return Err(error.clone());
        }
        let password = parts.password().await.inspect_err(|error| {
            parts.over.replace(Some(error.clone()));
        })?;
        let text = parts.text(&password, method, uri)?;
        let mut value = HeaderValue::from_str(text.expose()).map_err(|_| {
            parts.error("the user name or the password holds what no header can hold")
        })?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// The server did not let a request in. Whether to ask again, or why not.
    pub fn refused(&self, response: &Response) -> Answer<()> {
        let parts = &*self.0;
        let headers = response.headers.get_all(header::WWW_AUTHENTICATE).iter();
        let offered = schemes(headers.filter_map(|value| value.to_str().ok()));
        let offers = |name: &str| offered.iter().any(|(scheme, _)| scheme == name);
        let was_digest = parts.digest.borrow().is_some();
        let challenge = Challenge::best(&offered).filter(|_| was_digest || !offers("basic"));
        let is_news = challenge.as_ref().is_some_and(|c| !was_digest || c.stale);
        let has_way = challenge.is_some() || offered.is_empty() || offers("basic");
        parts.digest.replace(challenge.map(|found| (found, 0)));
        parts.refusals.set(parts.refusals.get() + 1);
        // A proof that was asked for just now, or a nonce that grew old, says nothing about the password; but no server may
        // go on like that.
        let most = REFUSALS_MAX + u32::from(is_news);
        if has_way && parts.refusals.get() < most {
            return Ok(());
        }
        let words = match has_way {
            true => words::wrong_password(&parts.account, &parts.dav),
            false => words::no_password_wanted(&parts.account),
        };
        let error = ProviderError::new(ErrorKind::SignIn, words);
        parts.over.replace(Some(error.clone()));
        parts.note(true);
        Err(error)
    }

    /// The server let a request in.
    pub fn accepted(&self) {
        let parts = &*self.0;
        parts.refusals.set(0);
    }

    /// The server let the account in altogether: what was noted against it is over.
    pub fn is_good(&self) {
        self.0.note(false);
    }
}

impl Parts {
    /// The value of the header.
    fn text(&self, password: &Secret, method: &Method, uri: &str) -> Answer<Secret> {
        let username = &self.dav.username;
        let mut digest = self.digest.borrow_mut();
        let Some((challenge, count)) = &mut *digest else {
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
        if let Some(password) = &*self.password.borrow() {
            return Ok(password.clone());
        }
        let password = match &self.dav.command {
            Some(command) => said(command, &self.clock)
                .await
                .map_err(|words| self.error(&words))?,
            None => self.kept()?,
        };
        self.password.replace(Some(password.clone()));
        Ok(password)
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

    /// Notes for `auth list` and `status` whether the password is good.
    fn note(&self, refused: bool) {
        if self.on_trial || self.dav.command.is_some() {
            return;
        }
        let Ok(Some(sign_in)) = self.vault.sign_in(&self.account) else {
            return;
        };
        let since = refused.then(|| sign_in.refused.unwrap_or(self.clock.now()));
        if since == sign_in.refused {
            return;
        }
        if let Err(error) = self.vault.note_refusal(&sign_in, since) {
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

/// What a command says: its first line. No shell has a part in it.
async fn said(command: &[String], clock: &Clock) -> Result<Secret, String> {
    let Some((program, args)) = command.split_first() else {
        return Err("`password_command` is empty".to_owned());
    };
    let mut command = tokio::process::Command::new(program);
    command.args(args).kill_on_drop(true);
    // Whatever it has to say beside the password might quote it.
    command.stdin(Stdio::null()).stderr(Stdio::null());
    command.stdout(Stdio::piped());
    let (said, status) = match clock.limit(COMMAND_MAX, output(command, clock)).await {
        Some(Ok(output)) => output,
        Some(Err(error)) => {
            return Err(format!(
                "`password_command` cannot be run: {program}: {error}; give its full path, which cron needs too"
            ));
        }
        None => {
            return Err(format!(
                "`password_command` said nothing within {} seconds; does it wait for somebody?",
                COMMAND_MAX.as_secs()
            ));
        }
    };
    let Some(status) = status else {
        return Err(format!(
            "`password_command` says more than {} KiB, so it was ended; its first line must be the password, and little else \
             may follow",
            OUTPUT_MAX >> 10
        ));
    };
    if !status.success() {
        return Err(format!(
            "`password_command` failed ({status}); run it by hand to see why"
        ));
    }
    let line = said.split(|byte| *byte == b'\n').next();
    match str::from_utf8(line.unwrap_or_default()).map(str::trim_end) {
        Ok("") => Err("`password_command` said nothing; its first line must be the password".to_owned()),
        Ok(line) => Ok(Secret::new(line)),
        Err(_) => Err(
            "`password_command` says what is no text in UTF-8; its first line must be the password, in UTF-8"
                .to_owned(),
        ),
    }
}

/// What a command says until it has ended, and how it ended. One that says too much is ended, and nothing is said of how. What it
/// leaves running may hold its output open, and is not waited for.
async fn output(
    mut command: tokio::process::Command,
    clock: &Clock,
) -> io::Result<(Zeroizing<Vec<u8>>, Option<ExitStatus>)> {
    let mut child = command.spawn()?;
    let mut said = Zeroizing::new(Vec::new());
    let Some(mut stdout) = child.stdout.take() else {
        return Ok((said, Some(child.wait().await?)));
    };
    let mut chunk = Zeroizing::new(vec![0; 4 << 10]);
    let (mut is_open, mut status) = (true, None);
    while is_open && said.len() <= OUTPUT_MAX {
        if status.is_some() && said.contains(&b'\n') {
            break;
        }
        let length = match status {
            None => match select(pin!(stdout.read(&mut chunk)), pin!(child.wait())).await {
                Either::Left((length, _)) => length?,
                Either::Right((ended, _)) => {
                    status = Some(ended?);
                    continue;
                }
            },
            // What it said at the end is on its way.
            Some(_) => {
                let rest = clock.limit(LAST_WORDS, stdout.read(&mut chunk)).await;
                rest.unwrap_or(Ok(0))?
            }
        };
        said.extend_from_slice(chunk.get(..length).unwrap_or_default());
        is_open = length > 0;
    }
    if said.len() > OUTPUT_MAX {
        child.kill().await?;
        return Ok((said, None));
    }
    let status = match status {
        Some(status) => status,
        None => child.wait().await?,
    };
    Ok((said, Some(status)))
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
