//! The ways to sign in, each to its end and with everything that can come between.

use std::sync::{Arc, Mutex};

use calsync::{
    auth::{Ask, Asked, Credentials, OauthClient, Outcome, SCOPE, Way},
    clock::Clock,
    http::{Line, Method, Request, Response, StatusCode, header},
    provider::{Answer, ErrorKind, ProviderError},
    secrets::{Purpose, Secret},
};
use futures_util::future::{Either, join, select};
use jiff::SignedDuration;
use std::pin::pin;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::desk::{Desk, ME, keeps_secrets, run, service};
use crate::support::google::{Fault, When, errors, exchange::Reply};

/// What a person was told: the words, and the addresses to open.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

fn nobody_pastes(told: &Told) -> Asked {
    let told = told.clone();
    Asked {
        tell: Arc::new(move |ask| told.0.lock().unwrap().push(format!("{ask:?}"))),
        pasted: None,
    }
}

fn device(desk: &Desk, told: &Told) -> Answer<Outcome> {
    run(desk.newcomer().sign_in(Way::Device, nobody_pastes(told)))
}

fn is_signed_in(desk: &Desk, way: &str) {
    let sign_in = desk.sign_in().unwrap();
    assert_eq!((&*sign_in.way, &*sign_in.scopes), (way, SCOPE));
    let asked = desk.asked();
    run(desk.access().bearer()).unwrap();
    assert_eq!(desk.asked(), asked, "the first run needs no new token");
    desk.advance(60);
    run(desk.access().bearer()).unwrap();
    assert_eq!(desk.fake.granted_accounts(), [ME]);
}

fn fails(answer: Answer<Outcome>) -> ProviderError {
    let error = answer.unwrap_err();
    keeps_secrets(&format!("{error:?}"));
    assert!(error.message.starts_with("account work: "), "{error}");
    error
}

#[test]
fn a_code_typed_in_elsewhere_signs_in() {
    let desk = Desk::with("tv");
    desk.fake.behave(|b| b.auto_approve = Some(2));
    let told = Told::default();
    assert_eq!(device(&desk, &told).unwrap(), Outcome::In);
    let all = told.all();
    assert!(
        all.len() == 1 && all[0].contains("https://www.google.com/device"),
        "{all:?}"
    );
    assert!(all[0].contains("minutes: 30"), "{all:?}");
    keeps_secrets(&format!("{all:?}"));
    is_signed_in(&desk, "device");
}

#[test]
fn a_client_that_is_not_for_devices_closes_the_way_in_words() {
    for (client, reply, kind) in [
        ("desk", None, "TVs and Limited Input devices"),
        ("tv", Some(errors::invalid_scope(SCOPE)), "reach calendars"),
    ] {
        let desk = Desk::with(client);
        if let Some(reply) = reply {
            desk.fake
                .fault(When::call("device.code"), Fault::Answer(reply));
        }
        let Outcome::Closed(error) = device(&desk, &Told::default()).unwrap() else {
            panic!("{client} is let in")
        };
        assert_eq!(error.kind, ErrorKind::SignIn);
        for words in ["account work", kind, "Desktop app", "--flow paste"] {
            assert!(error.message.contains(words), "{error}");
        }
        assert_eq!(desk.sign_in(), None);
    }
}

#[test]
fn a_client_that_is_wrong_closes_no_way_and_says_what_is_wrong() {
    let error = fails(device(&Desk::with("nobody"), &Told::default()));
    assert_eq!(error.kind, ErrorKind::SignIn);
    assert!(
        error.message.contains("no OAuth client of this id"),
        "{error}"
    );
    let mut desk = Desk::with("tv");
    let wrong = OauthClient {
        id: "tv".to_owned(),
        secret: Secret::new("not-the-zqx9secret"),
    };
    desk.google.credentials = Credentials::Client(wrong);
    let told = Told::default();
    let error = fails(device(&desk, &told));
    assert_eq!(told.all().len(), 1, "a code is given without the secret");
    assert_eq!(error.kind, ErrorKind::SignIn);
    assert!(
        error.message.contains("`client_secret` is wrong"),
        "{error}"
    );
}

#[test]
fn trouble_while_a_code_is_good_is_waited_out() {
    let desk = Desk::with("tv");
    desk.fake.behave(|b| b.auto_approve = Some(2));
    let troubles = [
        Fault::Answer(Reply::html(502, "<html>Bad Gateway</html>")),
        Fault::Close,
        Fault::Answer(errors::unavailable()),
        Fault::Answer(errors::slow_down()),
        Fault::Cut(10),
    ];
    for (turn, fault) in troubles.into_iter().enumerate() {
        desk.fake.fault(When::call("token").nth(turn + 1), fault);
    }
    assert_eq!(device(&desk, &Told::default()).unwrap(), Outcome::In);
    is_signed_in(&desk, "device");
}

#[test]
fn trouble_is_not_waited_out_longer_than_the_code_is_good() {
    let desk = Desk::with("tv");
    let (begun, away) = (desk.clock.now(), Fault::Answer(errors::unavailable()));
    desk.fake.fault(When::call("token"), away);
    let error = fails(device(&desk, &Told::default()));
    assert_eq!(error.kind, ErrorKind::Retry(None));
    for words in ["(503)", "the code has run out"] {
        assert!(error.message.contains(words), "{error}");
    }
    let waited = desk.clock.now().duration_since(begun);
    assert!(
        SignedDuration::from_mins(29) <= waited && waited <= SignedDuration::from_mins(40),
        "{waited}"
    );
    assert!(desk.asked() < 60, "ever less often: {}", desk.asked());
}

/// Signs in with a code that is answered in this way as soon as it is shown.
fn answered(desk: &Desk, answer: impl Fn(&Desk, &str)) -> Answer<Outcome> {
    let (tell, mut told) = unbounded_channel();
    let asked = Asked {
        tell: Arc::new(move |ask| {
            let Ask::Code { code, .. } = ask else {
                panic!("{ask:?}")
            };
            tell.send((*code).to_owned()).unwrap();
        }),
        pasted: None,
    };
    let newcomer = desk.newcomer();
    run(async {
        let person = async {
            if let Some(code) = told.recv().await {
                answer(desk, &code);
            }
        };
        join(newcomer.sign_in(Way::Device, asked), person).await.0
    })
}

#[test]
fn a_code_that_is_denied_or_too_old_says_so() {
    let desk = Desk::with("tv");
    let error = fails(answered(&desk, |desk, code| desk.fake.deny_device(code)));
    assert!(error.message.contains("access was refused"), "{error}");
    for as_invalid_grant in [false, true] {
        desk.fake
            .behave(|b| b.expired_device_code_is_an_invalid_grant = as_invalid_grant);
        let error = fails(answered(&desk, |desk, code| desk.fake.expire_device(code)));
        assert_eq!(error.kind, ErrorKind::SignIn);
        assert!(error.message.contains("not entered in time"), "{error}");
    }
    assert_eq!(desk.sign_in(), None);
}

#[test]
fn nobody_waits_longer_than_a_code_is_good_for() {
    let desk = Desk::with("tv");
    desk.fake.behave(|b| b.device_interval = 3600);
    let error = fails(answered(&desk, |desk, _| {
        let Clock::Set(hands) = &desk.clock else {
            panic!("the clock stands")
        };
        hands.pass(std::time::Duration::from_mins(30));
    }));
    // The question that was under way meanwhile never got an answer.
    assert!(error.message.contains("the code has run out"), "{error}");
}

#[test]
fn trouble_on_the_way_to_a_code_is_told() {
    for (fault, kind) in [
        (
            Fault::Answer(errors::too_many_device_codes()),
            ErrorKind::Retry(None),
        ),
        (Fault::Answer(errors::unavailable()), ErrorKind::Retry(None)),
        (Fault::Close, ErrorKind::Retry(None)),
        (Fault::Answer(errors::deleted_client()), ErrorKind::SignIn),
        (Fault::Answer(errors::admin_policy()), ErrorKind::SignIn),
    ] {
        let desk = Desk::with("tv");
        desk.fake.fault(When::call("device.code"), fault);
        let error = fails(device(&desk, &Told::default()));
        assert_eq!(error.kind, kind, "{error}");
        if matches!(error.kind, ErrorKind::Retry(_)) {
            let says = ["try again in some minutes", "127.0.0.1:"];
            let fits = says.iter().any(|words| error.message.contains(words));
            assert!(fits, "{error}");
        }
    }
}

#[test]
fn half_a_consent_is_not_enough_in_any_way() {
    let readonly = "https://www.googleapis.com/auth/calendar.readonly";
    for (client, way) in [("tv", Way::Device), ("desk", Way::Browser)] {
        let desk = Desk::with(client);
        desk.fake.behave(|b| {
            b.auto_approve = Some(0);
            b.consent_only_to = Some(vec![readonly.to_owned()]);
        });
        let answer = match way {
            Way::Device => device(&desk, &Told::default()),
            _ => browse(&desk, way, |_, address| vec![address]),
        };
        let error = fails(answer);
        assert!(error.message.contains("not granted in full"), "{error}");
        assert_eq!(desk.sign_in(), None);
    }
}

async fn get(line: &Line, url: &str) -> Response {
    line.send(Request::new(Method::GET, url)).await.unwrap()
}

fn location(response: &Response) -> String {
    assert_eq!(response.status, StatusCode::FOUND);
    response.headers[header::LOCATION]
        .to_str()
        .unwrap()
        .to_owned()
}

/// Opens the page with a browser that then visits what the test makes of the address it is sent to.
fn browse(desk: &Desk, way: Way, visits: impl Fn(&Desk, String) -> Vec<String>) -> Answer<Outcome> {
    let (asked, mut pages, _) = asked();
    let newcomer = desk.newcomer();
    run(async {
        let line = desk.line();
        let person = async {
            let page = pages.recv().await.unwrap();
            let back = location(&get(&line, &page).await);
            for address in visits(desk, back) {
                let seen = get(&line, &address).await;
                let page = String::from_utf8_lossy(&seen.body);
                // How it ends is not known yet.
                let leads_back = page.contains("terminal") && !page.contains("needs");
                assert!(seen.status == StatusCode::NOT_FOUND || leads_back, "{page}");
            }
            std::future::pending::<()>().await;
        };
        match select(pin!(newcomer.sign_in(way, asked)), pin!(person)).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => panic!("the browser never ends"),
        }
    })
}

/// Somebody to ask, the pages that are to be opened, and a way to paste.
fn asked() -> (Asked, UnboundedReceiver<String>, UnboundedSender<String>) {
    let (tell, pages) = unbounded_channel();
    let (paste, pasted) = unbounded_channel();
    let asked = Asked {
        tell: Arc::new(move |ask| {
            if let Ask::Page { address, .. } = ask {
                tell.send((*address).to_owned()).unwrap();
            }
        }),
        pasted: Some(pasted),
    };
    (asked, pages, paste)
}

#[test]
fn a_browser_that_comes_back_signs_in() {
    let desk = Desk::with("desk");
    let outcome = browse(&desk, Way::Browser, |_, address| vec![address]).unwrap();
    assert_eq!(outcome, Outcome::In);
    is_signed_in(&desk, "browser");
}

#[test]
fn whoever_else_knocks_is_sent_away() {
    let desk = Desk::with("desk");
    let outcome = browse(&desk, Way::Browser, |_, address| {
        let (port, _) = address.split_once("/?").unwrap();
        let other_state = address.replace("state=", "state=x");
        vec![
            format!("{port}/favicon.ico"),
            format!("{port}/?code=4%2F0Aforged"),
            format!("{port}/?error=access_denied&state=forged"),
            other_state,
            address.clone(),
        ]
    });
    assert_eq!(outcome.unwrap(), Outcome::In);
}

#[test]
fn whoever_can_paste_nothing_any_more_is_told_so() {
    let desk = Desk::with("desk");
    let told = Told::default();
    let (paste, pasted) = unbounded_channel();
    drop(paste);
    let asked = Asked {
        pasted: Some(pasted),
        ..nobody_pastes(&told)
    };
    let newcomer = desk.newcomer();
    run(async {
        let hears = async {
            let is_told = || told.all().concat().contains("Nothing can be pasted here");
            while !is_told() {
                tokio::task::yield_now().await;
            }
        };
        let waits = newcomer.sign_in(Way::Paste, asked);
        if let Either::Left(_) = select(pin!(waits), pin!(hears)).await {
            panic!("a browser may still come");
        }
    });
}

#[test]
fn a_refused_consent_ends_the_waiting() {
    let desk = Desk::with("desk");
    desk.fake.behave(|b| b.consent_refused = true);
    let error = fails(browse(&desk, Way::Browser, |_, address| vec![address]));
    assert_eq!(error.kind, ErrorKind::SignIn);
    assert!(error.message.contains("access was refused"), "{error}");
}

#[test]
fn a_code_from_the_page_that_is_too_old_says_so() {
    let desk = Desk::with("desk");
    let error = fails(browse(&desk, Way::Browser, |desk, address| {
        desk.fake.advance(SignedDuration::from_hours(1));
        vec![address]
    }));
    assert!(
        error.message.contains("good once, and for a few minutes"),
        "{error}"
    );
}

#[test]
fn nobody_waits_for_a_browser_forever() {
    let desk = Desk::with("desk");
    let error = fails(browse(&desk, Way::Browser, |desk, _| {
        let Clock::Set(hands) = &desk.clock else {
            panic!("the clock stands")
        };
        hands.pass(std::time::Duration::from_mins(15));
        Vec::new()
    }));
    assert!(error.message.contains("nobody came back"), "{error}");
}

#[test]
fn an_address_that_is_carried_over_signs_in() {
    let desk = Desk::with("desk");
    let (asked, mut pages, paste) = asked();
    let newcomer = desk.newcomer();
    let outcome = run(async {
        let line = desk.line();
        let person = async {
            let page = pages.recv().await.unwrap();
            let back = location(&get(&line, &page).await);
            for text in [
                "",
                "what?",
                "http://127.0.0.1:1/?code=x&state=y",
                &format!("  {back} "),
            ] {
                paste.send(text.to_owned()).unwrap();
            }
        };
        join(newcomer.sign_in(Way::Paste, asked), person).await.0
    });
    assert_eq!(outcome.unwrap(), Outcome::In);
    is_signed_in(&desk, "paste");
}

#[test]
fn a_service_account_signs_in_by_itself_and_in_no_other_way() {
    let mut desk = Desk::with("tv");
    desk.google.credentials = service(None);
    let sign_in = |desk: &Desk, way| {
        run(desk
            .newcomer()
            .sign_in(way, nobody_pastes(&Told::default())))
    };
    assert_eq!(sign_in(&desk, Way::ServiceAccount).unwrap(), Outcome::In);
    assert_eq!(desk.sign_in().unwrap().way, "service-account");
    for way in [Way::Device, Way::Browser, Way::Paste] {
        let error = fails(sign_in(&desk, way));
        assert!(error.message.contains("--flow service-account"), "{error}");
    }
    let person = Desk::with("tv");
    let error = fails(sign_in(&person, Way::ServiceAccount));
    assert!(error.message.contains("service_account_file"), "{error}");
}

#[test]
fn signing_in_again_replaces_the_old_sign_in() {
    let desk = Desk::signed_in("tv");
    desk.fake.revoke_all(ME);
    run(desk.access().bearer()).unwrap_err();
    assert!(desk.sign_in().unwrap().refused.is_some());
    desk.fake.behave(|b| b.auto_approve = Some(0));
    assert_eq!(device(&desk, &Told::default()).unwrap(), Outcome::In);
    is_signed_in(&desk, "device");
    let refresh: Secret = desk
        .vault()
        .open("work", Purpose::Refresh)
        .unwrap()
        .unwrap();
    assert!(refresh.expose().starts_with("1//0"));
}
