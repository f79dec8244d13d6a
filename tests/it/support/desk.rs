//! A fake Google with an account that is signed in to, and calendars of calsync's at it.

use std::{cell::RefCell, fmt, rc::Rc};

use calsync::{
    auth::{Access, Credentials, Endpoint, Google, OauthClient, SCOPE, Vault},
    clock::Clock,
    http::{Client, Line, Pace},
    ical::{self, Reader},
    model::{Length, Part, When},
    provider::google::{GoogleAccount, GoogleCalendar, Which},
    secrets::{Purpose, Sealer, Secret},
    state::{SignIn, State},
};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use super::google::{ClientKind, FakeGoogle};

/// Whose desk it is; their own calendar has the same name.
pub(crate) const ME: &str = "me@example.org";
const CLIENT: &str = "client.apps.example.org";

/// A fake Google, and an account at it that is signed in to.
pub(crate) struct Desk {
    pub(crate) google: FakeGoogle,
    vault: Vault,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let google = FakeGoogle::start();
        google.account(ME);
        google.client(ClientKind::Desktop, CLIENT, "client-secret");
        let state = Rc::new(RefCell::new(State::in_memory().unwrap()));
        let vault = Vault::new(&state, &Sealer::new(&[7; 32]));
        let refresh = Secret::new(google.refresh_token(CLIENT, ME, SCOPE));
        let sign_in = SignIn {
            account: "work".to_owned(),
            way: "browser".to_owned(),
            client: CLIENT.to_owned(),
            server: Endpoint::at(&google.endpoint()).name().to_owned(),
            scopes: SCOPE.to_owned(),
            since: Timestamp::UNIX_EPOCH,
            refused: None,
        };
        vault
            .put(&sign_in, &[(Purpose::Refresh, &refresh)])
            .unwrap();
        Self { google, vault }
    }

    /// The account, as a new run finds it.
    pub(crate) fn account(&self, clock: &Clock) -> GoogleAccount {
        // No test waits for its turn, save the one that is about that.
        let pace = Pace {
            per_minute: 1_000_000,
            burst: 1_000_000,
        };
        let line = Line::new(&Client::new(clock), pace);
        let endpoint = Endpoint::at(&self.google.endpoint());
        let client = OauthClient {
            id: CLIENT.to_owned(),
            secret: Secret::new("client-secret"),
        };
        let google = Google {
            endpoint: endpoint.clone(),
            credentials: Credentials::Client(client),
            pace,
        };
        let access = Access::new("work", &google, &line, &self.vault);
        GoogleAccount::new("work", &endpoint, &line, &access)
    }

    /// A calendar, as a new run finds it.
    pub(crate) fn calendar(&self, id: &str, home: &TimeZone, clock: &Clock) -> GoogleCalendar {
        GoogleCalendar::new(&self.account(clock), Which::Id(id.to_owned()), home)
    }

    /// Puts an event that is once into the account's own calendar.
    pub(crate) fn put(&self, id: &str, text: &str, home: &TimeZone) {
        let parts = ical::read(text.as_bytes(), Reader { me: &[], home }).unwrap();
        let [Part::Event { uid, event, .. }] = &parts[..] else {
            panic!("one event, not {parts:?}");
        };
        let master = event.master.as_ref().unwrap();
        assert!(
            master.recurs.is_none() && event.overrides.is_empty(),
            "once"
        );
        let [start, end] = times(&master.start, master.length, home);
        let event =
            json!({"id": id, "iCalUID": &**uid, "summary": "Own", "start": start, "end": end});
        self.google.put(ME, event);
    }
}

fn times(start: &When, length: Length, home: &TimeZone) -> [Value; 2] {
    let span = start.span(length, home);
    match span {
        calsync::model::Span::Days { first, end } => {
            [first, end].map(|date| json!({"date": date.to_string()}))
        }
        calsync::model::Span::Timed { start, end } => {
            [start, end].map(|at| json!({"dateTime": at.to_string()}))
        }
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Desk(..)")
    }
}
