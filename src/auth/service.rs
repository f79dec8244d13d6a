//! Service accounts: a key file that signs for itself. Pure but for reading the file.

use std::{fs, path::Path};

use data_encoding::{BASE64, BASE64URL_NOPAD};
use jiff::Timestamp;
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use zeroize::Zeroizing;

use super::SCOPE;
use crate::secrets::Secret;

/// Whom the signed request is meant for, if the key file does not say.
const AUDIENCE: &str = "https://oauth2.googleapis.com/token";
/// How long a signed request holds: as long as Google allows.
const HOLDS: i64 = 3600;

/// A service account, and for whom it acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAccount {
    email: String,
    key_id: Option<String>,
    key: Secret,
    audience: String,
    subject: Option<String>,
}

/// Why a file does not give a service account. Shows nothing of it.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The system does not let us.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// Others can read it.
    #[error("holds a private key and can be read by others; run: chmod 600 {0}")]
    Open(String),
    /// It is something else.
    #[error(
        "is not the JSON key file of a service account; make one in the Google Cloud console: service account > Keys > Add key"
    )]
    Strange,
    /// It is the file of an OAuth client.
    #[error("is the JSON of an OAuth client; name it in `client_file`")]
    Client,
    /// The key in it is no key.
    #[error("holds a private key that cannot be used; download the key file again")]
    Key,
}

/// What a file is that is no key of a service account.
fn strange(text: &[u8]) -> KeyFileError {
    #[derive(Deserialize)]
    struct File {
        #[serde(alias = "web")]
        installed: IgnoredAny,
    }
    match serde_json::from_slice::<File>(text) {
        Ok(File {
            installed: IgnoredAny,
        }) => KeyFileError::Client,
        Err(_) => KeyFileError::Strange,
    }
}

#[derive(Deserialize)]
struct KeyFile {
    #[serde(rename = "type")]
    kind: String,
    client_email: String,
    private_key: Secret,
    private_key_id: Option<String>,
    token_uri: Option<String>,
}

#[derive(Serialize)]
struct Head<'a> {
    alg: &'a str,
    typ: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
}

impl ServiceAccount {
    /// Reads a key file, as the Google Cloud console gives it. With a subject, the account acts for that person.
    pub fn read(path: &Path, subject: Option<String>) -> Result<Self, KeyFileError> {
        use std::os::unix::fs::PermissionsExt as _;
        let text = Zeroizing::new(fs::read(path)?);
        let file: KeyFile = serde_json::from_slice(&text).map_err(|_| strange(&text))?;
        if file.kind != "service_account" || file.client_email.is_empty() {
            return Err(KeyFileError::Strange);
        }
        if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
            return Err(KeyFileError::Open(path.display().to_string()));
        }
        let found = Self {
            email: file.client_email,
            key_id: file.private_key_id,
            key: file.private_key,
            audience: file.token_uri.unwrap_or_else(|| AUDIENCE.to_owned()),
            subject,
        };
        found.pair().ok_or(KeyFileError::Key)?;
        Ok(found)
    }

    /// Who it is, and for whom it acts.
    pub(super) fn identity(&self) -> String {
        match &self.subject {
            Some(subject) => format!("{} for {subject}", self.email),
            None => self.email.clone(),
        }
    }

    /// Whose calendars it reaches: those of the person it acts for, else its own.
    pub(super) fn address(&self) -> &str {
        self.subject.as_deref().unwrap_or(&self.email)
    }

    fn pair(&self) -> Option<RsaKeyPair> {
        let base64: String = self
            .key
            .expose()
            .lines()
            .map(str::trim)
            .filter(|line| !line.starts_with("-----"))
            .collect();
        let base64 = Zeroizing::new(base64);
        let der = Zeroizing::new(BASE64.decode(base64.as_bytes()).ok()?);
        RsaKeyPair::from_pkcs8(&der).ok()
    }

    /// A request for a token, signed.
    pub(super) fn assertion(&self, now: Timestamp) -> Option<Secret> {
        let head = Head {
            alg: "RS256",
            typ: "JWT",
            kid: self.key_id.as_deref(),
        };
        let claims = Claims {
            iss: &self.email,
            scope: SCOPE,
            aud: &self.audience,
            iat: now.as_second(),
            exp: now.as_second() + HOLDS,
            sub: self.subject.as_deref(),
        };
        let head = serde_json::to_vec(&head).ok()?;
        let claims = serde_json::to_vec(&claims).ok()?;
        let encode = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        let open = format!("{}.{}", encode(&head), encode(&claims));
        let pair = self.pair()?;
        let mut signature = vec![0; pair.public().modulus_len()];
        let random = SystemRandom::new();
        pair.sign(&RSA_PKCS1_SHA256, &random, open.as_bytes(), &mut signature)
            .ok()?;
        let signature = BASE64URL_NOPAD.encode(&signature);
        Some(Secret::new(format!("{open}.{signature}")))
    }
}
