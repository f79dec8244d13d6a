//! What the tests of signing in share: a Google with clients, an account as configured, a state to keep sign-ins in.

use std::{
    cell::RefCell, fs::Permissions, io::Write as _, os::unix::fs::PermissionsExt as _, path::Path,
    rc::Rc,
};

use calsync::{
    auth::{
        Access, Credentials, Endpoint, Google, Newcomer, OauthClient, SCOPE, ServiceAccount, Vault,
    },
    clock::Clock,
    http::{Client, Line, Pace},
    secrets::{Purpose, Sealer, Secret},
    state::{SignIn, State},
};
use serde_json::json;

use crate::support::google::{ClientKind, FakeGoogle};

pub(super) const ME: &str = "me@example.org";
/// A service account.
pub(super) const ROBOT: &str = "robot@project.iam.gserviceaccount.com";
/// The secret of every client.
pub(super) const CLIENT_SECRET: &str = "GOCSPX-zqx9secret";
/// How everything begins that nobody may see: tokens, codes, client secrets.
pub(super) const SECRETS: [&str; 5] = ["ya29.", "1//0", "4/4-", "4/0A", "zqx9secret"];

/// A key made for these tests, and good for nothing else.
const SERVICE_KEY: &str = include_str!("service-key.pem");

/// A Google with clients, an account on it, and a place for sign-ins.
pub(super) struct Desk {
    pub(super) fake: FakeGoogle,
    pub(super) clock: Clock,
    pub(super) state: Rc<RefCell<State>>,
    pub(super) google: Google,
}

pub(super) fn google() -> FakeGoogle {
    let fake = FakeGoogle::start();
    fake.account(ME);
    fake.client(ClientKind::Tv, "tv", CLIENT_SECRET);
    fake.client(ClientKind::Desktop, "desk", CLIENT_SECRET);
    fake.client(ClientKind::Deleted, "old", CLIENT_SECRET);
    fake.client(ClientKind::Service, ROBOT, "");
    fake.behave(|b| {
        ME.clone_into(&mut b.person);
        b.device_interval = 0;
    });
    fake
}

impl Desk {
    /// A desk whose account uses this client.
    pub(super) fn with(client: &str) -> Self {
        let fake = google();
        let google = Google {
            pace: Pace::default(),
            endpoint: Endpoint::at(&fake.endpoint()),
            credentials: credentials(client),
        };
        Self {
            clock: Clock::at(fake.now()),
            state: Rc::new(RefCell::new(State::in_memory().unwrap())),
            google,
            fake,
        }
    }

    /// A desk where somebody signed in already, with this client.
    pub(super) fn signed_in(client: &str) -> Self {
        let desk = Self::with(client);
        desk.give(&desk.fake.refresh_token(client, ME, SCOPE));
        desk
    }

    /// Keeps a sign-in with this refresh token.
    pub(super) fn give(&self, refresh: &str) {
        let new = SignIn {
            account: "work".to_owned(),
            way: "device".to_owned(),
            client: self.google.credentials.client(),
            server: self.google.endpoint.name().to_owned(),
            scopes: SCOPE.to_owned(),
            since: self.clock.now(),
            refused: None,
            address: None,
        };
        let refresh = Secret::new(refresh);
        self.vault()
            .put(&new, &[(Purpose::Refresh, &refresh)])
            .unwrap();
    }

    pub(super) fn vault(&self) -> Vault {
        Vault::new(&self.state, &Sealer::new(&[7; 32]))
    }

    pub(super) fn line(&self) -> Line {
        Line::new(&Client::new(&self.clock), Pace::default())
    }

    /// The access of a new run.
    pub(super) fn access(&self) -> Access {
        Access::new("work", &self.google, &self.line(), &self.vault())
    }

    pub(super) fn newcomer(&self) -> Newcomer {
        Newcomer {
            account: "work".to_owned(),
            google: self.google.clone(),
            line: self.line(),
            vault: self.vault(),
            others: vec!["private".to_owned()],
        }
    }

    pub(super) fn sign_in(&self) -> Option<SignIn> {
        self.state.borrow().sign_in("work").unwrap()
    }

    /// How often tokens were asked for.
    pub(super) fn asked(&self) -> usize {
        self.fake.counts().get("token").copied().unwrap_or(0)
    }

    /// Time passes, here and there.
    pub(super) fn advance(&self, minutes: i64) {
        self.fake.advance(jiff::SignedDuration::from_mins(minutes));
        let Clock::Set(hands) = &self.clock else {
            panic!("the clock stands")
        };
        hands.set(self.fake.now());
    }
}

pub(super) fn credentials(client: &str) -> Credentials {
    Credentials::Client(OauthClient {
        id: client.to_owned(),
        secret: Secret::new(CLIENT_SECRET),
    })
}

/// Writes the key file of a service account.
pub(super) fn write_service_key(path: &Path) {
    let text = json!({
        "type": "service_account",
        "client_email": ROBOT,
        "private_key_id": "1",
        "private_key": SERVICE_KEY,
        "token_uri": "https://oauth2.googleapis.com/token",
    });
    std::fs::File::create(path)
        .unwrap()
        .write_all(text.to_string().as_bytes())
        .unwrap();
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

pub(super) fn service(subject: Option<&str>) -> Credentials {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service.json");
    write_service_key(&path);
    Credentials::Service(ServiceAccount::read(&path, subject.map(str::to_owned)).unwrap())
}

pub(super) fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(work)
}

/// Nothing in a text is a secret.
pub(super) fn keeps_secrets(text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}
