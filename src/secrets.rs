//! Secrets: texts that nobody gets to see by accident, and the key that seals them for the state file. Pure; it never says
//! anything about what it holds.

use std::{fmt, sync::Arc};

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf, hmac,
    rand::{SecureRandom, SystemRandom},
};
use zeroize::Zeroizing;

/// A text that is not shown: not by `{}`, not by `{:?}`. Its memory is wiped when it goes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

/// Seals secrets and opens them again. Derived from the installation's key; never shows it.
#[derive(Clone)]
pub struct Sealer(Arc<Keys>);

/// What is derived from the key.
struct Keys {
    seal: LessSafeKey,
    print: hmac::Key,
}

/// What a secret is for. It can be opened only as that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Gets access tokens.
    Refresh,
    /// Opens calendars, for an hour or so.
    Access,
    /// A person's password.
    Password,
}

/// Why a secret cannot be sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The key is another, or the sealed bytes were changed or moved.
    #[error(
        "the stored secret of account {0} cannot be opened: it was sealed with another key, or the state file was changed. \
         Bring the right key back, or run: calsync auth add {0}"
    )]
    Closed(String),
    /// There is no chance to be had.
    #[error("the system gives no random numbers, so nothing can be sealed")]
    NoChance,
}

/// The way of sealing, written before everything that is sealed.
const FORM: u8 = 1;

impl Secret {
    /// Keeps a text from now on.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text, for whoever it is meant for.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl Purpose {
    const ALL: [Self; 3] = [Self::Refresh, Self::Access, Self::Password];

    fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.word() == word)
    }

    /// The word for it in the state file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Refresh => "refresh",
            Self::Access => "access",
            Self::Password => "password",
        }
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(..)")
    }
}

impl Sealer {
    /// A sealer for an installation's key.
    pub fn new(key: &[u8; 32]) -> Self {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"calsync");
        let derived = salt.extract(key);
        let seal = derived.expand(&[b"calsync secrets 1"], &AES_256_GCM);
        let seal = UnboundKey::from(seal.expect("HKDF gives as much as one key"));
        let print = derived.expand(&[b"calsync prints 1"], hmac::HMAC_SHA256);
        let print = hmac::Key::from(print.expect("HKDF gives as much as one key"));
        Self(Arc::new(Keys {
            seal: LessSafeKey::new(seal),
            print,
        }))
    }

    /// A digest of texts that belong to an account. It shows nothing of them, and nobody without the key can make it to compare.
    pub fn print(&self, account: &str, texts: &[&str]) -> String {
        let mut context = hmac::Context::with_key(&self.0.print);
        for text in [account].iter().chain(texts) {
            // With its length, so that no two lists of texts look alike.
            context.update(format!("{} ", text.len()).as_bytes());
            context.update(text.as_bytes());
        }
        data_encoding::HEXLOWER.encode(context.sign().as_ref())
    }

    /// Seals a secret, for this account and purpose alone.
    pub fn seal(
        &self,
        account: &str,
        purpose: Purpose,
        secret: &Secret,
    ) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        let random = SystemRandom::new();
        random.fill(&mut nonce).map_err(|_| SealError::NoChance)?;
        let mut text = Zeroizing::new(secret.expose().as_bytes().to_vec());
        // The key changes with the installation, and a nonce is drawn once an hour: none comes twice.
        let sealed = self.0.seal.seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            bond(account, purpose),
            &mut text,
        );
        let tag = sealed.map_err(|_| SealError::NoChance)?;
        let parts = [&[FORM][..], &nonce, &text, tag.as_ref()];
        Ok(parts.concat())
    }

    /// Opens what was sealed for this account and purpose.
    pub fn open(
        &self,
        account: &str,
        purpose: Purpose,
        sealed: &[u8],
    ) -> Result<Secret, SealError> {
        let opened = self.try_open(account, purpose, sealed);
        opened.ok_or_else(|| SealError::Closed(account.to_owned()))
    }

    /// Seals anew what another key has sealed, for the same account and purpose.
    pub fn take_over(
        &self,
        old: &Self,
        account: &str,
        purpose: &str,
        sealed: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let closed = || SealError::Closed(account.to_owned());
        let purpose = Purpose::of(purpose).ok_or_else(closed)?;
        self.seal(account, purpose, &old.open(account, purpose, sealed)?)
    }

    fn try_open(&self, account: &str, purpose: Purpose, sealed: &[u8]) -> Option<Secret> {
        let (form, rest) = sealed.split_first()?;
        if *form != FORM {
            return None;
        }
        let (nonce, rest) = rest.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut bytes = Zeroizing::new(rest.to_vec());
        let text = self
            .0
            .seal
            .open_in_place(nonce, bond(account, purpose), &mut bytes)
            .ok()?;
        str::from_utf8(text).ok().map(Secret::new)
    }
}

/// What a secret is bound to: it does not open in another account's place, nor for another purpose.
fn bond(account: &str, purpose: Purpose) -> Aad<Vec<u8>> {
    Aad::from([account.as_bytes(), b"\0", purpose.word().as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "1//refresh-token";

    fn sealed() -> Vec<u8> {
        let sealer = Sealer::new(&[7; 32]);
        sealer
            .seal("work", Purpose::Refresh, &Secret::new(TEXT))
            .unwrap()
    }

    #[test]
    fn what_is_sealed_opens_with_the_same_key_for_the_same_use() {
        let sealed = sealed();
        let open = |key, account, purpose| {
            Sealer::new(&[key; 32])
                .open(account, purpose, &sealed)
                .map(|secret| secret.expose().to_owned())
        };
        assert_eq!(open(7, "work", Purpose::Refresh).unwrap(), TEXT);
        let closed = |account: &str| Err(SealError::Closed(account.to_owned()));
        assert_eq!(open(8, "work", Purpose::Refresh), closed("work"));
        assert_eq!(open(7, "home", Purpose::Refresh), closed("home"));
        assert_eq!(open(7, "work", Purpose::Access), closed("work"));
    }

    #[test]
    fn sealed_bytes_show_nothing_and_are_never_the_same_twice() {
        let (one, two) = (sealed(), sealed());
        assert_ne!(one, two);
        assert_eq!(one.len(), 1 + NONCE_LEN + TEXT.len() + 16);
        let shown = String::from_utf8_lossy(&one).into_owned();
        assert!(!shown.contains("refresh") && !shown.contains("work"));
    }

    #[test]
    fn a_print_is_the_same_for_the_same_texts_and_key_alone() {
        let print =
            |key, account: &str, texts: &[&str]| Sealer::new(&[key; 32]).print(account, texts);
        let one = print(7, "work", &["ada", TEXT]);
        assert_eq!(one, print(7, "work", &["ada", TEXT]));
        assert_ne!(one, print(8, "work", &["ada", TEXT]));
        assert_ne!(one, print(7, "home", &["ada", TEXT]));
        assert_ne!(one, print(7, "work", &["ada1", "//refresh-token"]));
        assert!(one.len() == 64 && !one.contains("token"));
    }

    #[test]
    fn any_change_is_noticed() {
        let sealer = Sealer::new(&[7; 32]);
        let sealed = sealed();
        let is_closed = |bytes: &[u8]| sealer.open("work", Purpose::Refresh, bytes).is_err();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(is_closed(&changed), "byte {at}");
            assert!(is_closed(&sealed[..at]), "cut at {at}");
        }
        assert!(!is_closed(&sealed));
    }

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::new(TEXT);
        let key = Sealer::new(&[7; 32]);
        let shown = format!("{secret:?} {:#?} {key:?}", Some(&secret));
        assert!(!shown.contains("refresh") && !shown.contains('7'));
    }
}
