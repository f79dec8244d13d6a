//! Sign-ins and their secrets, between the state file and the key: secrets go in sealed and come out open.

use std::{cell::RefCell, fmt, rc::Rc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    secrets::{Purpose, SealError, Sealer, Secret},
    state::{SignIn, State, StateError},
};

/// Where sign-ins are kept.
#[derive(Clone)]
pub struct Vault {
    state: Rc<RefCell<State>>,
    sealer: Sealer,
}

/// That a server refused a password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Refused {
    /// When, in seconds since 1970.
    at: i64,
    /// Which one: a keyed digest.
    pub(super) print: String,
    /// Whether it was refused in an earlier run as well: some servers say no in passing.
    #[serde(default)]
    pub(super) again: bool,
}

impl Refused {
    pub(super) fn new(at: Timestamp, print: String, before: Option<&Self>) -> Self {
        Self {
            at: at.as_second(),
            again: before.is_some_and(|before| before.print == print),
            print,
        }
    }

    pub(super) fn at(&self) -> Timestamp {
        Timestamp::from_second(self.at).unwrap_or(Timestamp::MIN)
    }
}

/// What a server last asked to be proved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Asked {
    server: String,
    pairs: Vec<(String, String)>,
}

/// How long what a server asks for may be to be kept.
const ASKED_MAX: usize = 4 << 10;

/// Why nothing can be put in or taken out.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The state file failed.
    #[error(transparent)]
    State(#[from] StateError),
    /// The secret does not open.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(..)")
    }
}

impl Vault {
    /// A vault in this state, under this key.
    pub fn new(state: &Rc<RefCell<State>>, sealer: &Sealer) -> Self {
        Self {
            state: Rc::clone(state),
            sealer: sealer.clone(),
        }
    }

    /// How an account is signed in to, if it is.
    pub fn sign_in(&self, account: &str) -> Result<Option<SignIn>, VaultError> {
        Ok(self.state.borrow().sign_in(account)?)
    }

    /// All sign-ins, of whichever account.
    pub fn sign_ins(&self) -> Result<Vec<SignIn>, VaultError> {
        Ok(self.state.borrow().sign_ins()?)
    }

    /// Keeps a new sign-in, in place of any other of this account.
    pub fn put(&self, new: &SignIn, secrets: &[(Purpose, &Secret)]) -> Result<(), VaultError> {
        let seal = |(purpose, secret): &(Purpose, &Secret)| {
            let sealed = self.sealer.seal(&new.account, *purpose, secret)?;
            Ok((*purpose, sealed))
        };
        let sealed: Result<Vec<_>, SealError> = secrets.iter().map(seal).collect();
        Ok(self.state.borrow_mut().put_sign_in(new, &sealed?)?)
    }

    /// A secret of an account.
    pub fn open(&self, account: &str, purpose: Purpose) -> Result<Option<Secret>, VaultError> {
        let sealed = self.state.borrow().secret(account, purpose)?;
        let opened = sealed.map(|bytes| self.sealer.open(account, purpose, &bytes));
        Ok(opened.transpose()?)
    }

    /// Keeps a secret that came out of this sign-in.
    pub fn add(&self, of: &SignIn, purpose: Purpose, secret: &Secret) -> Result<(), VaultError> {
        let sealed = self.sealer.seal(&of.account, purpose, secret)?;
        Ok(self.state.borrow().put_secret(of, purpose, &sealed)?)
    }

    /// Notes since when a sign-in is refused, or that it is not.
    pub fn note_refusal(&self, of: &SignIn, since: Option<Timestamp>) -> Result<(), VaultError> {
        Ok(self.state.borrow().note_refusal(of, since)?)
    }

    /// Notes whose account a sign-in turned out to be for.
    pub fn note_address(&self, of: &SignIn, address: &str) -> Result<(), VaultError> {
        Ok(self.state.borrow().note_address(of, address)?)
    }

    /// Forgets an account's sign-in, and what was learned with it. Whether there was one.
    pub fn forget(&self, account: &str) -> Result<bool, VaultError> {
        self.note::<Refused>(&refused(account), None)?;
        self.note::<Asked>(&asked(account), None)?;
        Ok(self.state.borrow().drop_sign_in(account)?)
    }

    /// A digest that only the bearer of the key can make.
    pub(super) fn print(&self, account: &str, parts: &[&str]) -> String {
        self.sealer.print(account, parts)
    }

    /// Which password a server refused last, and when.
    pub(super) fn refused(&self, account: &str) -> Result<Option<Refused>, VaultError> {
        self.noted(&refused(account))
    }

    /// Notes which password a server refused, or that it refuses none.
    pub(super) fn note_refused(
        &self,
        account: &str,
        new: Option<&Refused>,
    ) -> Result<(), VaultError> {
        self.note(&refused(account), new)
    }

    /// What this server last asked to be proved, if it wants proofs.
    pub(super) fn challenge(
        &self,
        account: &str,
        server: &str,
    ) -> Result<Option<Vec<(String, String)>>, VaultError> {
        let noted: Option<Asked> = self.noted(&asked(account))?;
        let noted = noted.filter(|asked| asked.server == server);
        Ok(noted.map(|asked| asked.pairs))
    }

    /// Notes what this server asks to be proved, or that it wants no proofs.
    pub(super) fn note_challenge(
        &self,
        account: &str,
        server: &str,
        pairs: Option<Vec<(String, String)>>,
    ) -> Result<(), VaultError> {
        let size =
            |pairs: &Vec<(String, String)>| pairs.iter().map(|(_, v)| v.len()).sum::<usize>();
        let pairs = pairs.filter(|pairs| size(pairs) <= ASKED_MAX);
        let server = server.to_owned();
        let new = pairs.map(|pairs| Asked { server, pairs });
        self.note(&asked(account), new.as_ref())
    }

    /// A note that is no secret. One that cannot be read is none.
    fn noted<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, VaultError> {
        let text = self.state.borrow().fact(name)?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Makes a note, or takes it back; writes only what is new.
    fn note<T: Serialize>(&self, name: &str, new: Option<&T>) -> Result<(), VaultError> {
        let state = self.state.borrow();
        let new = new.and_then(|new| serde_json::to_string(new).ok());
        let before = state.fact(name)?;
        match new {
            new if new == before => {}
            Some(text) => state.set_fact(name, &text)?,
            None => state.drop_fact(name)?,
        }
        Ok(())
    }
}

/// The name of the note which password was refused.
fn refused(account: &str) -> String {
    format!("refused password of {account}")
}

/// The name of the note what a server asks to be proved.
fn asked(account: &str) -> String {
    format!("proof for {account}")
}
