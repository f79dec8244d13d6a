//! A first run against a Google on this machine: 2,500 events to read and 1,000 blocks to write, beside a bare client that
//! sends the very same requests one after another and looks at no answer. Both against a fresh Google each time, in turns.
//!
//! `cargo bench --bench google`
#![expect(
    clippy::print_stdout,
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a bench prints, and ends where it cannot go on; the fake Google is part of the tests"
)]
#![allow(
    dead_code,
    unused_imports,
    reason = "the benches share a room and not all of it"
)]
#![allow(clippy::allow_attributes, reason = "see above")]

mod made;
mod measure;

#[path = "../tests/it/support"]
mod support {
    pub(crate) mod google;
}

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, sync::Arc, time::Duration};

use calsync::{
    auth::{Access, Credentials, Endpoint, Google, OauthClient, SCOPE, Vault},
    clock::Clock,
    http::{Client, Line, Pace},
    ident::Mint,
    plan::{Limits, Past, Route, Wording},
    provider::{
        AnyProvider,
        google::{GoogleAccount, GoogleCalendar, Which},
        memory::MemoryCalendar,
    },
    report::Report,
    run::{Goal, run},
    secrets::{Purpose, Sealer, Secret},
    session::{Nobody, Request, Role, Seat, Session, Settings, Stop},
    state::{Reading, SignIn, State},
};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper_util::{client::legacy, rt::TokioExecutor};
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use serde_json::json;

use support::google::{ClientKind, FakeGoogle, Record, exchange::encode};

const ME: &str = "me@example.org";
const CLIENT: &str = "client.apps.example.org";
/// How many events Google has.
const EVENTS: u32 = 2_500;
/// How many blocks are to be written.
const BLOCKS: u32 = 1_000;
/// How often each is measured.
const ROUNDS: usize = 5;

fn main() {
    if !measure::is_wanted() {
        return;
    }
    measure::head("cargo bench --bench google");
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let world = World::new();
        let (report, cost) = measure::in_process(|| world.run());
        assert!(report.is_clean(), "{:?}", report.errors);
        assert_eq!(report.created, u64::from(BLOCKS));
        measure::row(&format!("round {round}: calsync"), cost);
        ours.push(cost.wall);
        let requests = world.fake.requests();
        drop(world);
        let fake = google();
        let ((), cost) = measure::in_process(|| replay(&fake, &requests));
        let what = format!("round {round}: the same {} requests, bare", requests.len());
        measure::row(&what, cost);
        bare.push(cost.wall);
        assert_eq!(fake.counts()["events.insert"], requests.len() - 2);
    }
    let (ours, bare) = (middle(ours), middle(bare));
    println!(
        "\nIn the middle: calsync {:.0} ms, bare {:.0} ms: {:.2} times",
        ours.as_secs_f64() * 1e3,
        bare.as_secs_f64() * 1e3,
        ours.as_secs_f64() / bare.as_secs_f64()
    );
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// A Google with an account and all its events.
fn google() -> FakeGoogle {
    let fake = FakeGoogle::start_at(made::noon());
    fake.account(ME);
    fake.client(ClientKind::Desktop, CLIENT, "client-secret");
    let first = jiff::civil::date(2026, 11, 23).at(0, 0, 0, 0);
    for n in 0..EVENTS {
        let start = made::start(first, 300, n);
        let end = start.saturating_add(45.minutes());
        let mut event = json!({
            "id": format!("evt{n:08}"),
            "summary": "A meeting about something or other",
            "location": "The small room on the second floor",
            "description": "What everybody should have read before: the notes of last time.",
            "start": {"dateTime": format!("{start}+01:00"), "timeZone": "Europe/Berlin"},
            "end": {"dateTime": format!("{end}+01:00"), "timeZone": "Europe/Berlin"},
        });
        if made::repeats(n) {
            event["recurrence"] = json!(["RRULE:FREQ=WEEKLY;COUNT=30"]);
        }
        fake.put(ME, event);
    }
    fake
}

/// A calendar at Google, one in memory whose events are to be shown there, and a state file.
struct World {
    fake: FakeGoogle,
    own: MemoryCalendar,
    state: Rc<RefCell<State>>,
    vault: Vault,
    clock: Clock,
    settings: Settings,
    _place: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let fake = google();
        let own = MemoryCalendar::new();
        for n in 0..BLOCKS {
            own.put_event(&made::uid("own", n), made::event(10 * n));
        }
        let place = tempfile::tempdir().unwrap();
        let state = State::open(&place.path().join("state.db")).unwrap();
        let state = Rc::new(RefCell::new(state));
        let vault = Vault::new(&state, &Sealer::new(&[7; 32]));
        let refresh = Secret::new(fake.refresh_token(CLIENT, ME, SCOPE));
        let sign_in = SignIn {
            account: "work".to_owned(),
            way: "browser".to_owned(),
            client: CLIENT.to_owned(),
            server: Endpoint::at(&fake.endpoint()).name().to_owned(),
            scopes: SCOPE.to_owned(),
            since: Timestamp::UNIX_EPOCH,
            refused: None,
            address: None,
        };
        vault
            .put(&sign_in, &[(Purpose::Refresh, &refresh)])
            .unwrap();
        Self {
            fake,
            own,
            state,
            vault,
            clock: Clock::at(made::noon()),
            settings: Settings {
                routes: vec![Route {
                    source: "home".into(),
                    target: "work".into(),
                    filter: Arc::default(),
                    wording: Wording::busy("Busy"),
                    respect: calsync::plan::Respect::default(),
                }],
                past_days: 30,
                future_days: 365,
                past: Past::default(),
                home: TimeZone::get("Europe/Berlin").unwrap(),
                limits: Limits::default(),
                mint: Mint::new(&[7; 32]),
            },
            _place: place,
        }
    }

    /// As the program does it, but for the pace.
    fn run(&self) -> Report {
        let pace = Pace {
            per_minute: 1_000_000,
            burst: 1_000_000,
        };
        let line = Line::new(&Client::new(&self.clock), pace);
        let endpoint = Endpoint::at(&self.fake.endpoint());
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
        let account = GoogleAccount::new("work", &endpoint, &line, &access);
        let which = Which::Id(ME.to_owned());
        let calendar = GoogleCalendar::new(&account, which, &self.settings.home);
        let seat = |provider, account: &str| Seat {
            provider,
            reading: Reading("bench".to_owned()),
            account: account.to_owned(),
            role: Role::Both,
        };
        let mut session = Session {
            seats: BTreeMap::from([
                (
                    "home".into(),
                    seat(AnyProvider::Memory(self.own.clone()), ""),
                ),
                ("work".into(), seat(AnyProvider::Google(calendar), "work")),
            ]),
            state: &self.state,
            settings: &self.settings,
            clock: &self.clock,
            watch: &Nobody,
            stop: &Stop::default(),
        };
        block_on(run(&mut session, Goal::InStep, Request::default())).unwrap()
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(work)
}

/// Sends the same requests to another Google, one after another, and reads the answers to their ends.
fn replay(fake: &FakeGoogle, requests: &[Record]) {
    // Tokens are the one thing that the other Google has its own of.
    let bearer = format!("Bearer {}", fake.access_token(ME, SCOPE));
    let refresh = fake.refresh_token(CLIENT, ME, SCOPE);
    let form = format!(
        "client_id={CLIENT}&client_secret=client-secret&refresh_token={}&grant_type=refresh_token",
        encode(&refresh)
    );
    let mut tcp = legacy::connect::HttpConnector::new();
    tcp.set_nodelay(true);
    let client: legacy::Client<_, Full<Bytes>> =
        legacy::Client::builder(TokioExecutor::new()).build(tcp);
    block_on(async {
        for Record { call, request, .. } in requests {
            let query: Vec<String> = request
                .query
                .iter()
                .map(|(name, value)| format!("{name}={}", encode(value)))
                .collect();
            let url = format!("{}{}?{}", fake.endpoint(), request.path, query.join("&"));
            let mut sent = hyper::Request::builder()
                .method(request.method.as_str())
                .uri(url);
            for (name, value) in &request.headers {
                sent = match name.as_str() {
                    "host" | "content-length" => sent,
                    "authorization" => sent.header(name, &bearer),
                    _ => sent.header(name, value),
                };
            }
            let body = match *call {
                "token" => form.clone(),
                _ => request.body.clone(),
            };
            let answer = client.request(sent.body(Full::from(body)).unwrap()).await;
            let answer = answer.unwrap();
            assert!(answer.status().is_success(), "{call}: {}", answer.status());
            answer.into_body().collect().await.unwrap();
        }
    });
}
