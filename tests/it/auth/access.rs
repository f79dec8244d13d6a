//! Access tokens for runs: kept, renewed, refused, and never asked for in vain.

use calsync::{
    auth::{Access, Endpoint, SCOPE, Vault},
    provider::{Answer, ErrorKind, ProviderError},
    secrets::{Sealer, Secret},
};
use futures_util::future::join_all;
use std::time::Duration;

use super::desk::{Desk, ME, ROBOT, credentials, keeps_secrets, run, service};
use crate::support::google::{ClientKind, Fault, When, errors, exchange::Reply};

fn bearer(access: &Access) -> Answer<Secret> {
    run(access.bearer())
}

/// Asks for a token in vain.
fn fails(access: &Access) -> ProviderError {
    let error = bearer(access).unwrap_err();
    keeps_secrets(&format!("{error:?}"));
    assert!(error.message.starts_with("account work: "), "{error}");
    error
}

/// Whether Google takes a token.
fn is_good(desk: &Desk, token: &Secret) -> bool {
    use calsync::http::{Method, Request, StatusCode, header};
    let url = format!("{}/users/me/calendarList", desk.google.endpoint.calendar());
    let value = format!("Bearer {}", token.expose()).parse().unwrap();
    let request = Request::new(Method::GET, url).with(header::AUTHORIZATION, value);
    run(desk.line().send(request)).unwrap().status == StatusCode::OK
}

#[test]
fn a_run_every_five_minutes_renews_once_an_hour() {
    let desk = Desk::signed_in("tv");
    let mut asked = Vec::new();
    for _ in 0..24 {
        let token = bearer(&desk.access()).unwrap();
        assert!(is_good(&desk, &token));
        asked.push(desk.asked());
        desk.advance(5);
    }
    assert_eq!(asked.last(), Some(&2), "{asked:?}");
}

#[test]
fn a_token_with_less_than_two_minutes_left_is_renewed_first() {
    let desk = Desk::signed_in("tv");
    let access = desk.access();
    let first = bearer(&access).unwrap();
    desk.advance(57);
    assert!(bearer(&access).unwrap() == first);
    desk.advance(1);
    assert!(bearer(&access).unwrap() != first);
    assert_eq!(desk.asked(), 2);
}

#[test]
fn a_token_kept_by_a_clock_that_was_ahead_is_not_believed() {
    let desk = Desk::signed_in("tv");
    bearer(&desk.access()).unwrap();
    desk.advance(-600);
    bearer(&desk.access()).unwrap();
    assert_eq!(desk.asked(), 2);
}

#[test]
fn many_requests_at_once_renew_once() {
    let desk = Desk::signed_in("tv");
    let access = desk.access();
    let tokens = run(join_all((0..9).map(|_| access.bearer())));
    assert!(
        tokens
            .iter()
            .all(|token| *token == tokens[0] && token.is_ok())
    );
    assert_eq!(desk.asked(), 1);
}

#[test]
fn a_refused_token_is_renewed_and_a_second_refusal_needs_a_person() {
    let desk = Desk::signed_in("tv");
    let access = desk.access();
    let first = bearer(&access).unwrap();
    desk.fake.expire_access_tokens();
    access.refused(&first);
    let second = bearer(&access).unwrap();
    assert!(is_good(&desk, &second) && desk.asked() == 2);
    // Another request that went out with the first token comes back only now.
    access.refused(&first);
    assert!(bearer(&access).unwrap() == second);
    access.refused(&second);
    let error = fails(&access);
    assert_eq!(error.kind, ErrorKind::SignIn);
    assert!(error.message.contains("calsync auth add work"), "{error}");
    assert_eq!(desk.asked(), 2, "nothing more is asked in this run");
    assert_eq!(
        desk.sign_in().unwrap().refused,
        Some(desk.sign_in().unwrap().since)
    );
}

#[test]
fn refusals_hours_apart_are_not_counted_together() {
    let desk = Desk::signed_in("tv");
    let access = desk.access();
    let first = bearer(&access).unwrap();
    access.refused(&first);
    bearer(&access).unwrap();
    desk.advance(60);
    let third = bearer(&access).unwrap();
    access.refused(&third);
    assert!(bearer(&access).is_ok());
}

#[test]
fn a_dead_sign_in_says_what_to_do_until_somebody_does_it() {
    let desk = Desk::signed_in("tv");
    desk.fake.revoke_all(ME);
    let access = desk.access();
    let error = fails(&access);
    assert_eq!(error.kind, ErrorKind::SignIn);
    for words in ["\"Testing\"", "seven days", "calsync auth add work"] {
        assert!(error.message.contains(words), "{error}");
    }
    assert_eq!(fails(&access), error);
    assert_eq!(desk.asked(), 1, "a dead token is shown once a run");
    let noted = desk.sign_in().unwrap().refused;
    assert!(noted.is_some());
    desk.advance(5);
    fails(&desk.access());
    assert_eq!(
        desk.sign_in().unwrap().refused,
        noted,
        "since when, not when last"
    );
    desk.give(&desk.fake.refresh_token("tv", ME, SCOPE));
    bearer(&desk.access()).unwrap();
    assert_eq!(desk.sign_in().unwrap().refused, None);
}

#[test]
fn a_false_alarm_is_taken_back() {
    let desk = Desk::signed_in("tv");
    let dead = Fault::Answer(errors::dead_grant());
    desk.fake.fault(When::call("token").first(1), dead);
    fails(&desk.access());
    assert!(desk.sign_in().unwrap().refused.is_some());
    bearer(&desk.access()).unwrap();
    assert_eq!(desk.sign_in().unwrap().refused, None);
}

#[test]
fn trouble_at_the_server_is_for_another_try() {
    let faults = [
        Fault::Answer(errors::backend_error()),
        Fault::Answer(errors::unavailable()),
        Fault::Answer(Reply::html(502, "<html>Bad Gateway</html>")),
        Fault::Answer(errors::oauth(400, "temporarily_unavailable", "later")),
        Fault::Answer(errors::slow_down()),
        Fault::Close,
        Fault::LoseAnswer,
        Fault::Cut(20),
    ];
    for fault in faults {
        let desk = Desk::signed_in("tv");
        desk.fake.fault(When::call("token").first(1), fault);
        let access = desk.access();
        let error = fails(&access);
        assert_eq!(error.kind, ErrorKind::Retry(None), "{error}");
        assert!(bearer(&access).is_ok());
        assert_eq!(desk.sign_in().unwrap().refused, None);
    }
    let desk = Desk::signed_in("tv");
    let limit = Fault::Answer(errors::too_many_requests(Some("30")));
    desk.fake.fault(When::call("token").first(1), limit);
    let after = Some(Duration::from_secs(30));
    assert_eq!(fails(&desk.access()).kind, ErrorKind::Retry(after));
}

#[test]
fn an_answer_that_makes_no_sense_is_not_believed() {
    for reply in [
        Reply::html(200, "<html>Welcome to the hotel</html>"),
        Reply::json(200, &serde_json::json!({})),
        Reply::json(200, &serde_json::json!({"access_token": ""})),
        Reply::json(400, &serde_json::json!({"error": "zqx9secret is WRONG"})),
        // What was sent and comes back is no word of the server's.
        Reply::json(400, &serde_json::json!({"error": "refresh_token"})),
        Reply::empty(302).with("location", "http://127.0.0.1:1/zqx9secret"),
    ] {
        let desk = Desk::signed_in("tv");
        desk.fake.fault(When::call("token"), Fault::Answer(reply));
        assert_eq!(fails(&desk.access()).kind, ErrorKind::Broken);
        assert_eq!(desk.sign_in().unwrap().refused, None);
    }
}

/// What every code means for a person: the table of the words.
#[test]
fn each_refusal_has_words_of_its_own() {
    let odd = |code| errors::oauth(400, code, "Bad Request");
    for (reply, words) in [
        (errors::dead_grant(), "does not accept the stored sign-in"),
        (
            errors::foreign_grant(),
            "does not accept the stored sign-in",
        ),
        (errors::unknown_client(), "does not take the OAuth client"),
        (errors::wrong_secret(), "`client_secret` is wrong"),
        (errors::deleted_client(), "was deleted or disabled"),
        (errors::admin_policy(), "administrator of the organisation"),
        (
            errors::org_internal(),
            "for the members of its organisation",
        ),
        (odd("invalid_rapt"), "sign in again every now and then"),
        (odd("never_heard_of"), "never_heard_of"),
    ] {
        let desk = Desk::signed_in("tv");
        desk.fake.fault(When::call("token"), Fault::Answer(reply));
        let error = fails(&desk.access());
        assert_eq!(error.kind, ErrorKind::SignIn, "{error}");
        assert!(error.message.contains(words), "{error}");
        // What is wrong with the client is not wrong with the sign-in.
        let is_client = words.contains("client") || words.contains("was deleted");
        assert_eq!(
            desk.sign_in().unwrap().refused.is_none(),
            is_client,
            "{error}"
        );
    }
}

#[test]
fn a_new_refresh_token_replaces_the_old_one() {
    let desk = Desk::signed_in("tv");
    desk.fake.behave(|b| b.rotate_refresh_tokens = true);
    for _ in 0..3 {
        assert!(bearer(&desk.access()).is_ok());
        desk.advance(60);
    }
    assert_eq!(desk.asked(), 3);
}

#[test]
fn an_empty_refresh_token_is_no_new_one() {
    for empty in ["", " \n"] {
        let desk = Desk::signed_in("tv");
        let token = Fault::alter(move |granted| granted["refresh_token"] = empty.into());
        desk.fake.fault(When::call("token"), token);
        for _ in 0..3 {
            assert!(bearer(&desk.access()).is_ok(), "{empty:?}");
            desk.advance(60);
        }
        assert_eq!(desk.asked(), 3);
    }
}

#[test]
fn a_sign_in_is_shown_to_nobody_but_whom_it_was_made_for() {
    let mut desk = Desk::signed_in("tv");
    desk.google.credentials = credentials("desk");
    let error = fails(&desk.access());
    assert_eq!(error.kind, ErrorKind::SignIn);
    assert!(error.message.contains("another OAuth client"), "{error}");
    desk.google.credentials = credentials("tv");
    let other = super::desk::google();
    desk.google.endpoint = Endpoint::at(&other.endpoint());
    assert_eq!(fails(&desk.access()).kind, ErrorKind::SignIn);
    assert_eq!((desk.asked(), other.requests().len()), (0, 0));
}

#[test]
fn who_never_signed_in_is_told_how() {
    let desk = Desk::with("tv");
    let error = fails(&desk.access());
    assert_eq!(error.kind, ErrorKind::SignIn);
    assert!(error.message.contains("calsync auth add work"), "{error}");
    assert_eq!(desk.asked(), 0);
}

#[test]
fn what_another_key_sealed_stays_closed() {
    let desk = Desk::signed_in("tv");
    let vault = Vault::new(&desk.state, &Sealer::new(&[8; 32]));
    let access = Access::new("work", &desk.google, &desk.line(), &vault);
    let error = fails(&access);
    assert_eq!(error.kind, ErrorKind::SignIn);
    assert!(error.message.contains("another key"), "{error}");
    assert_eq!(desk.asked(), 0);
}

#[test]
fn less_than_was_asked_for_is_not_enough() {
    let desk = Desk::with("tv");
    let readonly = "https://www.googleapis.com/auth/calendar.readonly";
    desk.give(&desk.fake.refresh_token("tv", ME, readonly));
    let error = fails(&desk.access());
    assert_eq!(error.kind, ErrorKind::SignIn);
    assert!(error.message.contains("not granted in full"), "{error}");
}

#[test]
fn a_service_account_needs_nobody() {
    let mut desk = Desk::with("tv");
    desk.google.credentials = service(Some("boss@example.org"));
    let token = bearer(&desk.access()).unwrap();
    assert!(!token.is_empty());
    bearer(&desk.access()).unwrap();
    assert_eq!(desk.asked(), 1, "its token is kept too");
    assert_eq!(desk.fake.subjects(), [Some("boss@example.org".to_owned())]);
    let sign_in = desk.sign_in().unwrap();
    assert_eq!(sign_in.way, "service-account");
    assert_eq!(sign_in.client, format!("{ROBOT} for boss@example.org"));
    desk.google.credentials = service(None);
    bearer(&desk.access()).unwrap();
    assert_eq!(
        desk.asked(),
        2,
        "a token for one person is not used for another"
    );
    desk.fake.client(ClientKind::Tv, ROBOT, "");
    desk.advance(60);
    let error = fails(&desk.access());
    assert!(
        error.message.contains("service account's signature"),
        "{error}"
    );
}

#[test]
fn a_newer_sign_in_is_not_overwritten_by_a_run_under_way() {
    let desk = Desk::signed_in("tv");
    desk.fake.behave(|b| b.rotate_refresh_tokens = true);
    let old = desk.vault().sign_in("work").unwrap().unwrap();
    desk.advance(1);
    desk.give("1//0new");
    let stale = Secret::new("1//0stale");
    desk.vault()
        .add(&old, calsync::secrets::Purpose::Refresh, &stale)
        .unwrap();
    let kept = desk
        .vault()
        .open("work", calsync::secrets::Purpose::Refresh);
    assert_eq!(kept.unwrap().unwrap().expose(), "1//0new");
    desk.vault()
        .note_refusal(&old, Some(desk.clock.now()))
        .unwrap();
    assert_eq!(desk.sign_in().unwrap().refused, None);
}
