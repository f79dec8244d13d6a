//! Sign-ins and their secrets, between the state file and the key: secrets go in sealed and come out open.

use std::{cell::RefCell, fmt, rc::Rc};

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
    pub fn note_refusal(
        &self,
        of: &SignIn,
        since: Option<jiff::Timestamp>,
    ) -> Result<(), VaultError> {
        Ok(self.state.borrow().note_refusal(of, since)?)
    }

    /// Notes whose account a sign-in turned out to be for.
    pub fn note_address(&self, of: &SignIn, address: &str) -> Result<(), VaultError> {
        Ok(self.state.borrow().note_address(of, address)?)
    }

    /// Forgets an account's sign-in. Whether there was one.
    pub fn forget(&self, account: &str) -> Result<bool, VaultError> {
        Ok(self.state.borrow().drop_sign_in(account)?)
    }
}
