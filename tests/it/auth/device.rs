//! Signing in with a code at a server that says strange things: nothing is waited for without end, or asked without pause.

use std::sync::Arc;

use calsync::{
    auth::{Ask, Asked, Outcome, Way},
    provider::{Answer, ErrorKind},
};
use serde_json::{Value, json};

use super::desk::{Desk, ME, run};
use crate::support::google::{Fault, When, errors, exchange::Reply};

/// Signs in, and says how many minutes the code was said to be good for.
fn sign_in(desk: &Desk) -> (Answer<Outcome>, Option<u64>) {
    let minutes = Arc::new(std::sync::Mutex::new(None));
    let told = Arc::clone(&minutes);
    let asked = Asked {
        tell: Arc::new(move |ask| {
            if let Ask::Code { minutes, .. } = ask {
                *told.lock().unwrap() = Some(*minutes);
            }
        }),
        pasted: None,
    };
    let outcome = run(desk.newcomer().sign_in(Way::Device, asked));
    let minutes = *minutes.lock().unwrap();
    (outcome, minutes)
}

#[test]
fn times_out_of_measure_are_brought_into_it() {
    for (life, minutes) in [
        (json!(1_000_000_000_000_i64), 60),
        (json!(1e300), 60),
        (json!("1800"), 30),
        (json!(1800.5), 30),
        (json!(0), 1),
        (json!(-1), 1),
        (json!(i64::MIN), 1),
        (json!("soon"), 60),
        (Value::Null, 60),
    ] {
        let desk = Desk::with("tv");
        desk.fake.behave(|b| b.auto_approve = Some(0));
        let told = life.clone();
        let says = Fault::alter(move |body| body["expires_in"] = told.clone());
        desk.fake.fault(When::call("device.code"), says);
        // How long the tokens last may be as strange.
        let told = life.clone();
        let says = Fault::alter(move |body| body["expires_in"] = told.clone());
        desk.fake.fault(When::call("token"), says);
        let (outcome, said) = sign_in(&desk);
        assert_eq!(outcome, Ok(Outcome::In), "{life}");
        // The clock of the machine may tick between two looks at it.
        assert!(
            said.is_some_and(|said| said == minutes || said + 1 == minutes),
            "{life}: {said:?}"
        );
    }
}

#[test]
fn a_server_is_asked_in_a_decent_pace_whatever_it_says() {
    for (interval, waited) in [(0, 15), (7, 21), (1_000_000, 180)] {
        let desk = Desk::with("tv");
        desk.fake.behave(|b| {
            b.auto_approve = Some(3);
            b.device_interval = interval;
        });
        let before = desk.clock.now();
        assert_eq!(sign_in(&desk).0, Ok(Outcome::In));
        // Three times in vain; the first question comes at once.
        let passed = desk.clock.now().duration_since(before).as_secs();
        assert_eq!(passed, waited, "{interval}");
    }
    let slow = Desk::with("tv");
    let once = When::call("token").first(2);
    slow.fake.fault(once, Fault::Answer(errors::slow_down()));
    slow.fake.behave(|b| b.auto_approve = Some(0));
    let before = slow.clock.now();
    assert_eq!(sign_in(&slow).0, Ok(Outcome::In));
    let passed = slow.clock.now().duration_since(before).as_secs();
    assert_eq!(passed, 10 + 15, "slower each time that is asked for");
    assert_eq!(slow.fake.granted_accounts(), [ME]);
}

#[test]
fn an_endless_answer_is_read_no_further_than_the_limit() {
    for call in ["device.code", "token"] {
        let desk = Desk::with("tv");
        let flood = Reply::html(200, &" ".repeat((32 << 20) + 1));
        desk.fake.fault(When::call(call), Fault::Answer(flood));
        let error = sign_in(&desk).0.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Broken);
        assert!(
            error.message.contains("account work") && error.message.contains("larger than 32 MiB"),
            "{error}"
        );
    }
}

#[test]
fn an_answer_that_is_no_token_is_none() {
    for body in [
        "<html>hi</html>",
        "null",
        "{}",
        "[1]",
        r#"{"access_token": 7}"#,
    ] {
        let desk = Desk::with("tv");
        let odd = Fault::Answer(Reply::html(200, body));
        desk.fake.fault(When::call("token"), odd);
        let error = sign_in(&desk).0.unwrap_err();
        assert!(error.message.contains("makes no sense"), "{body}: {error}");
    }
}

#[test]
fn a_token_that_no_request_can_carry_is_refused_at_once() {
    let desk = Desk::signed_in("tv");
    let evil = Fault::alter(|body| body["access_token"] = json!("ya29.a\r\nX-Evil: 1"));
    desk.fake.fault(When::call("token"), evil);
    let error = run(desk.access().bearer()).unwrap_err();
    assert!(error.message.contains("makes no sense"), "{error}");
}

#[test]
fn how_long_a_token_lasts_may_be_written_in_many_ways() {
    for (life, minutes) in [
        (json!("3599"), 55),
        (json!(3599.9), 55),
        (json!(1e18), 55),
        (json!(-5), 5),
        (json!("x"), 5),
        (Value::Null, 5),
    ] {
        let desk = Desk::signed_in("tv");
        let told = life.clone();
        let says = Fault::alter(move |body| body["expires_in"] = told.clone());
        desk.fake.fault(When::call("token"), says);
        run(desk.access().bearer()).unwrap();
        desk.advance(minutes);
        run(desk.access().bearer()).unwrap();
        assert_eq!(desk.asked(), 1, "{life}");
        desk.advance(6);
        run(desk.access().bearer()).unwrap();
        assert_eq!(desk.asked(), 2, "{life}");
    }
}
