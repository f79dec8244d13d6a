//! A fake Google with an account that is signed in to, and calendars of calsync's at it.

use std::{cell::RefCell, collections::BTreeMap, fmt, rc::Rc};

use calsync::{
    auth::{Access, Credentials, Endpoint, Google, OauthClient, SCOPE, Vault},
    clock::Clock,
    http::{Client, Line, Pace},
    ical::{self, Reader},
    ident::{Mint, Recognised},
    model::{CalendarName, Href, Part},
    provider::google::{GoogleAccount, GoogleCalendar, Which},
    secrets::{Purpose, Sealer, Secret},
    state::{SignIn, State},
};
use jiff::{Timestamp, tz::TimeZone};

use super::{
    google::{ClientKind, FakeGoogle},
    owner,
    shore::Lies,
};

/// Whose desk it is; their own calendar has the same name.
pub(crate) const ME: &str = "me@example.org";
const CLIENT: &str = "client.apps.example.org";

/// Keeps the sign-in of a person at a Google, made with this client, as that of an account.
pub(crate) fn sign_in(
    vault: &Vault,
    account: &str,
    client: &str,
    (google, me): (&FakeGoogle, &str),
) {
    let refresh = Secret::new(google.refresh_token(client, me, SCOPE));
    let sign_in = SignIn {
        account: account.to_owned(),
        way: "browser".to_owned(),
        client: client.to_owned(),
        server: Endpoint::at(&google.endpoint()).name().to_owned(),
        scopes: SCOPE.to_owned(),
        since: Timestamp::UNIX_EPOCH,
        refused: None,
        address: None,
    };
    vault
        .put(&sign_in, &[(Purpose::Refresh, &refresh)])
        .unwrap();
}

/// A fake Google, an account at it that is signed in to, and one of its calendars.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) google: Rc<FakeGoogle>,
    vault: Vault,
    /// What somebody else goes by who looks at the same calendars.
    onlooker: Vault,
    /// What the account is called in the configuration.
    pub(crate) name: &'static str,
    /// Whose sign-in it is.
    me: String,
    /// Which calendar it is.
    pub(crate) id: String,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self::at(&Rc::new(FakeGoogle::start()), "work", ME)
    }

    /// Signed in to another account, or at a server that others use too. It is about the account's own calendar.
    pub(crate) fn at(google: &Rc<FakeGoogle>, name: &'static str, me: &str) -> Self {
        google.account(me);
        google.client(ClientKind::Desktop, CLIENT, "client-secret");
        let [vault, onlooker] = [7, 8].map(|seal| {
            let state = Rc::new(RefCell::new(State::in_memory().unwrap()));
            let vault = Vault::new(&state, &Sealer::new(&[seal; 32]));
            sign_in(&vault, name, CLIENT, (google, me));
            vault
        });
        Self {
            google: Rc::clone(google),
            vault,
            onlooker,
            name,
            me: me.to_owned(),
            id: me.to_owned(),
        }
    }

    /// Somebody signs in again.
    pub(crate) fn sign_in(&self) {
        sign_in(&self.vault, self.name, CLIENT, (&self.google, &self.me));
    }

    /// The same as somebody else sees it, whatever becomes of the sign-in of calsync.
    pub(crate) fn onlooker(&self) -> Self {
        Self {
            vault: self.onlooker.clone(),
            ..self.clone()
        }
    }

    /// The account's address.
    pub(crate) fn me(&self) -> &str {
        &self.me
    }

    /// Another calendar that the account has to do with.
    pub(crate) fn beside(&self, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            ..self.clone()
        }
    }

    /// A calendar of the same people, with nothing in it.
    pub(crate) fn fresh(&self) -> Self {
        let id = format!("fresh-{}", self.id);
        self.google.empty_twin(&self.id, &id);
        self.beside(&id)
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
        let access = Access::new(self.name, &google, &line, &self.vault);
        GoogleAccount::new(self.name, &endpoint, &line, &access)
    }

    /// A calendar, as a new run finds it.
    pub(crate) fn calendar(&self, id: &str, home: &TimeZone, clock: &Clock) -> GoogleCalendar {
        GoogleCalendar::new(&self.account(clock), Which::Id(id.to_owned()), home)
    }

    /// Puts an event there, as a person would who looks at Google's own pages.
    pub(crate) fn put(&self, id: &str, text: &str, home: &TimeZone) {
        let parts = ical::read(text.as_bytes(), Reader::new(&[], home)).unwrap();
        let [Part::Event { uid, event, .. }] = &parts[..] else {
            panic!("one event, not {parts:?}");
        };
        owner::enter(&self.google, &self.id, id, (uid, event), home);
    }

    /// All that may never change by our hand, as Google itself sees it: every event but blocks of ours, made for the
    /// calendar under one of these names, that nobody made a meeting of.
    pub(crate) fn own(&self, mint: &Mint, names: &[&CalendarName]) -> BTreeMap<Href, Lies> {
        let events = self.google.events(&self.id);
        let text = |event: &serde_json::Value, name: &str| event[name].as_str().map(str::to_owned);
        let block = |event: &serde_json::Value| {
            let id = text(event, "recurringEventId").or_else(|| text(event, "id"))?;
            let ours = |name: &&CalendarName| mint.recognise(&id, name) != Recognised::Foreign;
            let is_block = mint.recognise(&id, names[0]) != Recognised::Not;
            (is_block && names.iter().any(ours)).then_some(id)
        };
        let met = events.iter().filter(|event| !event["attendees"].is_null());
        let met: Vec<String> = met.filter_map(block).collect();
        let own = events
            .iter()
            .filter(|event| block(event).is_none_or(|id| met.contains(&id)));
        own.map(|event| {
            let lies = Lies {
                version: event["etag"].as_str().unwrap_or_default().into(),
                parts: Vec::new(),
                bytes: Some(event.to_string().into_bytes()),
            };
            (text(event, "id").unwrap_or_default().as_str().into(), lies)
        })
        .collect()
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Desk(..)")
    }
}
