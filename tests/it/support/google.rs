//! A Google for tests: sign-in and Calendar API v3 as a small server on loopback that keeps what it is told, and fails as it is
//! told. Written from what is known of the real one, without a Google client and without any code of calsync but its clock, so
//! that a mistake in those cannot hide. Must never leave 127.0.0.1.
//!
//! | room | holds |
//! | --- | --- |
//! | `server` | the socket, and faults on the wire |
//! | `exchange`, `gzip`, `fields` | requests and replies, packing, partial answers |
//! | `world` | all that is kept, and who answers what |
//! | `oauth` | clients, codes, tokens, the consent page |
//! | `events`, `listing`, `view` | writing and reading one, listing many, who sees what |
//! | `store`, `series` | events and their occurrences |
//! | `errors` | every refusal, word for word |
//! | `faults`, `journal`, `edit` | what tests switch, count, and do by hand |
//!
//! The server's clock stands still until a test moves it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use calsync::clock::Clock;
use jiff::{SignedDuration, Timestamp};

mod edit;
pub(crate) mod errors;
mod events;
pub(crate) mod exchange;
pub(crate) mod faults;
mod fields;
mod gzip;
mod journal;
mod listing;
mod oauth;
mod series;
pub(crate) mod server;
mod store;
mod view;
mod world;

pub(crate) use faults::{Fault, Gate, Weather, When};
pub(crate) use gzip::gzip;
pub(crate) use journal::{Mail, Record};
pub(crate) use oauth::ClientKind;
pub(crate) use world::Role;

use server::Server;
use world::World;

/// The scope for everything.
pub(crate) const FULL: &str = "https://www.googleapis.com/auth/calendar";

/// How the server behaves where Google is known to behave this way or that, or nobody knows.
#[derive(Clone, Debug)]
pub(crate) struct Behaviour {
    /// The sizes of the first pages of every listing; 0 for an empty one. After these, as large as asked for.
    pub(crate) pages: Vec<usize>,
    /// An update with `status: confirmed` brings a deleted event back. Otherwise it is forbidden.
    pub(crate) deleted_ids_can_be_revived: bool,
    /// A moved occurrence is listed too if its original begin lies in the window. Otherwise only where it is now counts,
    /// which is what the documentation says to the letter.
    pub(crate) window_follows_original_start: bool,
    /// Who sits at the browser.
    pub(crate) person: String,
    /// That person says no.
    pub(crate) consent_refused: bool,
    /// That person allows these scopes only.
    pub(crate) consent_only_to: Option<Vec<String>>,
    /// That person answers a device's code after it was asked for this many times in vain.
    pub(crate) auto_approve: Option<usize>,
    /// Seconds between two questions of a device.
    pub(crate) device_interval: u32,
    pub(crate) device_code_life: SignedDuration,
    /// What an expired device code is answered with is not known: `expired_token`, or this.
    pub(crate) expired_device_code_is_an_invalid_grant: bool,
    pub(crate) access_token_life: SignedDuration,
    /// Every refresh brings a new refresh token, and the old one dies.
    pub(crate) rotate_refresh_tokens: bool,
    /// How far the `Date` header is off.
    pub(crate) date_skew: SignedDuration,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            pages: Vec::new(),
            deleted_ids_can_be_revived: true,
            window_follows_original_start: false,
            person: String::new(),
            consent_refused: false,
            consent_only_to: None,
            auto_approve: None,
            device_interval: 5,
            device_code_life: SignedDuration::from_mins(30),
            expired_device_code_is_an_invalid_grant: false,
            access_token_life: SignedDuration::from_secs(3599),
            rotate_refresh_tokens: false,
            date_skew: SignedDuration::ZERO,
        }
    }
}

impl Behaviour {
    /// What of these scopes the person allows.
    fn granted(&self, asked: &[String]) -> Vec<String> {
        let allowed = |scope: &&String| {
            self.consent_only_to
                .as_ref()
                .is_none_or(|only| only.contains(scope))
        };
        asked.iter().filter(allowed).cloned().collect()
    }
}

impl std::fmt::Debug for FakeGoogle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FakeGoogle(..)")
    }
}

/// A running server. It stops when this is dropped.
pub(crate) struct FakeGoogle {
    world: Arc<Mutex<World>>,
    server: Server,
}

impl FakeGoogle {
    /// A server whose clock stands at the present.
    pub(crate) fn start() -> Self {
        Self::start_at(Clock::System.now())
    }

    pub(crate) fn start_at(now: Timestamp) -> Self {
        let world = Arc::new(Mutex::new(World::new(now)));
        let server = Server::start(Arc::clone(&world));
        Self { world, server }
    }

    /// Forgets everything, as if the server had just started.
    pub(crate) fn renew(&self, now: Timestamp) {
        *self.world() = World::new(now);
    }

    /// Waits until nobody is connected any more, and all that was ever asked has been dealt with.
    pub(crate) async fn idle(&self) {
        self.server.idle().await;
    }

    /// What replaces the scheme and host of every Google URL.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Everything that the server keeps.
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Changes how the server behaves.
    pub(crate) fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.world().behaviour);
    }

    /// The server's time.
    pub(crate) fn now(&self) -> Timestamp {
        self.world().now
    }

    /// Moves the server's clock on.
    pub(crate) fn advance(&self, time: SignedDuration) {
        self.world().now += time;
    }

    /// Makes requests go wrong. Of the faults that fit a request, the one that was set first wins.
    pub(crate) fn fault(&self, when: When, fault: Fault) {
        self.world().faults.set(when, fault);
    }

    /// Lets requests go wrong as the weather has it.
    pub(crate) fn weather(&self, weather: Weather) {
        self.world().faults.set_weather(weather);
    }

    /// Nothing goes wrong any more.
    pub(crate) fn clear_faults(&self) {
        self.world().faults.clear();
    }

    /// Every request so far.
    pub(crate) fn requests(&self) -> Vec<Record> {
        self.world().journal.records.clone()
    }

    /// How many requests there were of each method of the API.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, usize> {
        self.world().journal.counts()
    }

    /// Everybody whom Google would have mailed.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.world().journal.mails.clone()
    }

    /// Forgets requests and mails, so that a test counts from here.
    pub(crate) fn forget(&self) {
        self.world().journal = journal::Journal::default();
    }
}

/// Signing in.
impl FakeGoogle {
    /// Makes an OAuth client, as a person does in the Google Cloud console; or changes one.
    pub(crate) fn client(&self, kind: ClientKind, id: &str, secret: &str) {
        self.world().oauth.register(kind, id, secret);
    }

    /// The codes that devices show and that nobody answered yet.
    pub(crate) fn user_codes(&self) -> Vec<String> {
        self.world().oauth.user_codes()
    }

    /// A person types a device's code, and allows it.
    pub(crate) fn approve_device(&self, user_code: &str, account: &str) {
        self.world().oauth.approve(user_code, account);
    }

    /// A person types a device's code, and refuses.
    pub(crate) fn deny_device(&self, user_code: &str) {
        self.world().oauth.deny(user_code);
    }

    /// Nobody typed a device's code in time.
    pub(crate) fn expire_device(&self, user_code: &str) {
        self.world().oauth.expire_device(user_code);
    }

    /// All access tokens are over, whatever was said of how long they live.
    pub(crate) fn expire_access_tokens(&self) {
        self.world().oauth.expire_access();
    }

    /// A person takes back all that they ever allowed: every token is dead.
    pub(crate) fn revoke_all(&self, account: &str) {
        self.world().oauth.revoke_account(account);
    }

    /// The accounts that hold refresh tokens, each as often as it holds one.
    pub(crate) fn granted_accounts(&self) -> Vec<String> {
        self.world().oauth.granted_accounts()
    }

    /// For whom service accounts asked, one entry a request.
    pub(crate) fn subjects(&self) -> Vec<Option<String>> {
        self.world().oauth.subjects.clone()
    }

    /// An access token, for tests that are not about signing in.
    pub(crate) fn access_token(&self, account: &str, scope: &str) -> String {
        let world = &mut *self.world();
        let around = oauth::Surroundings {
            now: world.now,
            behaviour: &world.behaviour,
        };
        world.oauth.hand_out(account, scope, around)
    }

    /// A refresh token, as a sign-in of long ago left it.
    pub(crate) fn refresh_token(&self, client: &str, account: &str, scope: &str) -> String {
        let world = &mut *self.world();
        let around = oauth::Surroundings {
            now: world.now,
            behaviour: &world.behaviour,
        };
        world.oauth.hand_out_refresh(client, account, scope, around)
    }
}
