//! Whether an account is signed in to, as far as the state file knows. Asks nobody.

use calsync::{
    auth::{Credentials, Dav, Google, Way},
    config::{Account, Config},
    state::SignIn,
};
use jiff::SignedDuration;

/// Google lets a sign-in live for a week while the consent screen is in "Testing". A run every few minutes sees its end at once.
const TESTING: SignedDuration = SignedDuration::from_hours(7 * 24 - 1);

/// An account that somebody has to sign in to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Signer<'a> {
    /// At Google.
    Google(&'a Google),
    /// At a `CalDAV` server.
    Caldav(&'a Dav),
}

impl Signer<'_> {
    /// Whether a sign-in is for the account as it is configured now.
    fn owns(self, sign_in: &SignIn) -> bool {
        match self {
            Self::Google(google) => {
                sign_in.client == google.credentials.client()
                    && sign_in.server == google.endpoint.name()
            }
            Self::Caldav(dav) => dav.owns(sign_in),
        }
    }

    fn is_service(&self) -> bool {
        matches!(self, Self::Google(google) if matches!(google.credentials, Credentials::Service(_)))
    }
}

/// How an account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Signed in.
    In,
    /// Nobody has signed in.
    Missing,
    /// Nobody has to: a service account, before its first run.
    ByItself,
    /// A command says the password, whatever may be stored.
    ByCommand,
    /// The server does not accept the sign-in any more.
    Refused,
    /// The server does not let a service account in: nobody can sign in for that.
    NotLetIn,
    /// The sign-in belongs to another OAuth client, user or server.
    OtherClient,
    /// The account is not in the configuration any more.
    Removed,
}

impl Standing {
    /// How an account stands, by its sign-in and what the configuration says of it.
    pub(crate) fn of(sign_in: Option<&SignIn>, signer: Option<Signer<'_>>) -> Self {
        match (sign_in, signer) {
            (Some(_), None) => Self::Removed,
            (_, Some(Signer::Caldav(dav))) if dav.command.is_some() => Self::ByCommand,
            (None, Some(signer)) if signer.is_service() => Self::ByItself,
            (None, _) => Self::Missing,
            (Some(sign_in), Some(signer)) => match (signer.owns(sign_in), sign_in.refused) {
                (false, _) => Self::OtherClient,
                (true, Some(_)) if signer.is_service() => Self::NotLetIn,
                (true, Some(_)) => Self::Refused,
                (true, None) => Self::In,
            },
        }
    }

    /// The word for programs.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::In => "ok",
            Self::Missing => "missing",
            Self::ByItself => "unused",
            Self::ByCommand => "command",
            Self::Refused | Self::NotLetIn => "refused",
            Self::OtherClient => "other_client",
            Self::Removed => "removed",
        }
    }

    /// The words for people.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::In => "signed in",
            Self::Missing => "nobody is signed in",
            Self::ByItself => "signs in by itself",
            Self::ByCommand => "signs in with the password that a command says",
            Self::Refused => "refused by the server",
            Self::NotLetIn => "refused by the server, and signs in by itself once that lets it",
            Self::OtherClient => "made for another OAuth client, user or server",
            Self::Removed => "not in the configuration any more",
        }
    }

    /// Whether a person has to sign in before the account can be used.
    pub(crate) fn needs_somebody(self) -> bool {
        matches!(self, Self::Missing | Self::Refused | Self::OtherClient)
    }
}

/// What has to be signed in to under this name, if it is configured.
pub(crate) fn signer<'a>(config: &'a Config, name: &str) -> Option<Signer<'a>> {
    match config.accounts.get(name) {
        Some(Account::Google(google)) => Some(Signer::Google(google)),
        Some(Account::Caldav(dav)) => Some(Signer::Caldav(dav)),
        Some(Account::Local { .. }) | None => None,
    }
}

/// What most likely killed a sign-in that lived for a week, and the cure.
pub(crate) fn testing(sign_in: &SignIn) -> Option<String> {
    let lived = sign_in.refused?.duration_since(sign_in.since);
    // A password does not run out, nor does a service account.
    let ways = [Way::Device, Way::Browser, Way::Paste];
    let is_by_a_person = ways.iter().any(|way| way.word() == sign_in.way);
    (lived >= TESTING && is_by_a_person).then(|| {
        format!(
            "the sign-in was refused {} days after it was made. While the OAuth client's consent screen is in \"Testing\", Google \
             ends every sign-in after seven days: publish it (\"In production\") in the Google Cloud console, then run: \
             calsync auth add {}",
            (lived.as_hours() + 1) / 24,
            sign_in.account
        )
    })
}
