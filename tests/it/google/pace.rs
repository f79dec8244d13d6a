//! How fast an account is asked, as configured; and that its calendars take turns.

use std::{cell::RefCell, rc::Rc};

use calsync::{
    auth::Vault,
    clock::Clock,
    config::{Means, load},
    secrets::Sealer,
    state::State,
};

use crate::support::{
    desk::sign_in,
    google::{ClientKind, FakeGoogle, Fault, Gate, When},
    program::{Home, wait_until},
    shore::poll_out,
};

const ME: &str = "me@example.org";
const BOSS: &str = "boss@example.org";

/// A Google with two people, and a home with an account of each; the first has two calendars.
fn world(extra: &str) -> (FakeGoogle, Home) {
    let fake = FakeGoogle::start();
    for person in [ME, BOSS] {
        fake.account(person);
    }
    fake.calendar("team@example.org", "Team", "Europe/Berlin", ME);
    fake.client(ClientKind::Tv, "tv", "tv-secret");
    let home = Home::with(&["home"]);
    let account = |name: &str| {
        format!(
            "[accounts.{name}]\nprovider = \"google\"\nclient_id = \"tv\"\nclient_secret = \"tv-secret\"\n\
             endpoint = \"{}\"\n{extra}\n",
            fake.endpoint()
        )
    };
    let calendar = |name: &str, account: &str, id: &str| {
        format!("[calendars.{name}]\naccount = \"{account}\"\nid = \"{id}\"\n")
    };
    home.configure_also(
        "",
        &[
            account("mine"),
            account("other"),
            calendar("a", "mine", ME),
            calendar("b", "mine", "team@example.org"),
            calendar("c", "other", BOSS),
        ]
        .concat(),
    );
    (fake, home)
}

/// How long so many questions take by a clock that only moves when somebody waits.
fn seconds_for(questions: usize, extra: &str) -> i64 {
    let (fake, home) = world(extra);
    let config = load(&home.config_file()).unwrap();
    let clock = Clock::at(fake.now());
    let state = Rc::new(RefCell::new(State::in_memory().unwrap()));
    let vault = Vault::new(&state, &Sealer::new(&[7; 32]));
    sign_in(&vault, "mine", "tv", (&fake, ME));
    let means = Means {
        tag: String::new(),
        vault,
        clock: clock.clone(),
    };
    let account = config.google_accounts(&means).remove("mine").unwrap();
    // The first one asks for a token, too.
    for _ in 1..questions {
        poll_out(account.calendars()).unwrap();
    }
    assert_eq!(fake.requests().len(), questions);
    clock.now().as_second() - fake.now().as_second()
}

#[test]
fn an_account_is_asked_as_often_as_configured_and_no_more() {
    assert_eq!(
        seconds_for(30, "requests_per_minute = 30"),
        0,
        "a few at once"
    );
    assert_eq!(seconds_for(40, "requests_per_minute = 30"), 20);
    assert_eq!(seconds_for(140, "requests_per_minute = 480"), 10);
    assert_eq!(seconds_for(140, ""), 10, "480 is the default");
}

#[test]
fn the_calendars_of_an_account_take_turns_and_the_accounts_do_not_wait_for_each_other() {
    let (fake, home) = world("");
    fake.behave(|google| {
        google.auto_approve = Some(0);
        google.device_interval = 0;
    });
    for (name, person) in [("mine", ME), ("other", BOSS)] {
        fake.behave(|google| person.clone_into(&mut google.person));
        home.expect(0, &["auth", "add", name]);
    }
    fake.forget();
    let gate = Gate::new();
    let first = When::call("events.list").and(|request| request.path.contains("me%40"));
    fake.fault(first, Fault::Hold(gate.clone()));
    let mut run = home.spawn(&["sync"]);
    gate.wait_for(1);
    let asked = |id: &str| {
        let requests = fake.requests();
        requests
            .iter()
            .any(|record| record.request.path.contains(id) && record.status.is_some())
    };
    wait_until("the other account's answer", || asked("boss%40"));
    assert!(!asked("team%40"), "one after another");
    gate.open();
    assert!(run.wait().unwrap().success());
    assert!(asked("team%40"));
}
