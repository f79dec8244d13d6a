//! Signing in, in every way and with every refusal.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::wire::{Answer, User, send};
use crate::support::google::{ClientKind, FULL, FakeGoogle, exchange::encode};

const ME: &str = "me@example.org";
const READ: &str = "https://www.googleapis.com/auth/calendar.readonly";
const URN: &str = "urn:ietf:params:oauth:grant-type:device_code";
const LEGACY: &str = "http://oauth.net/grant_type/device/1.0";
const DEAD: &str =
    r#"{"error":"invalid_grant","error_description":"Token has been expired or revoked."}"#;
const BAD: &str = r#"{"error":"invalid_grant","error_description":"Malformed auth code."}"#;
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn google() -> FakeGoogle {
    let fake = FakeGoogle::start();
    fake.account(ME);
    fake.client(ClientKind::Tv, "tv", "tv-secret");
    fake.client(ClientKind::Desktop, "desk", "desk-secret");
    fake.client(ClientKind::Deleted, "old", "old-secret");
    fake.client(
        ClientKind::Service,
        "robot@project.iam.gserviceaccount.com",
        "",
    );
    fake
}

fn query(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    pairs.join("&")
}

fn post(fake: &FakeGoogle, path: &str, fields: &[(&str, &str)]) -> Answer {
    let kind = ("content-type", "application/x-www-form-urlencoded");
    send(fake, "POST", path, &[kind], &query(fields)).unwrap()
}

fn device(fake: &FakeGoogle, client: &str, scope: &str) -> Answer {
    post(
        fake,
        "/device/code",
        &[("client_id", client), ("scope", scope)],
    )
}

fn poll(fake: &FakeGoogle, code: &Value) -> Answer {
    let code = code["device_code"].as_str().unwrap();
    let client = [("client_id", "tv"), ("client_secret", "tv-secret")];
    post(
        fake,
        "/token",
        &[
            client[0],
            client[1],
            ("grant_type", URN),
            ("device_code", code),
        ],
    )
}

fn refresh(fake: &FakeGoogle, token: &str) -> Answer {
    refresh_by(fake, ("tv", "tv-secret"), token)
}

fn refresh_by(fake: &FakeGoogle, (id, secret): (&str, &str), token: &str) -> Answer {
    let client = [("client_id", id), ("client_secret", secret)];
    post(
        fake,
        "/token",
        &[
            client[0],
            client[1],
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
        ],
    )
}

/// Whether an access token opens the calendar.
fn opens(fake: &FakeGoogle, token: &Value) -> bool {
    let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
    let answer = User { fake, bearer }.get("/calendars/primary");
    assert!([200, 401].contains(&answer.status), "{answer:?}");
    answer.status == 200
}

#[test]
fn a_device_waits_for_a_person_and_then_gets_tokens() {
    let fake = google();
    let code = device(&fake, "tv", FULL).ok();
    let names: Vec<_> = code
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        names,
        [
            "device_code",
            "expires_in",
            "interval",
            "user_code",
            "verification_url"
        ]
    );
    assert_eq!(
        (&code["expires_in"], &code["interval"]),
        (&json!(1800), &json!(5))
    );
    let pending =
        r#"{"error":"authorization_pending","error_description":"Precondition Required"}"#;
    poll(&fake, &code).is(428, pending);
    let user_code = code["user_code"].as_str().unwrap();
    assert_eq!(fake.user_codes(), [user_code]);
    fake.approve_device(user_code, ME);
    let tokens = poll(&fake, &code).ok();
    assert_eq!(
        (
            &tokens["scope"],
            &tokens["token_type"],
            &tokens["expires_in"]
        ),
        (&json!(FULL), &json!("Bearer"), &json!(3599))
    );
    assert!(opens(&fake, &tokens));
    assert_eq!(fake.granted_accounts(), [ME]);
    // A code is good once.
    poll(&fake, &code).is(400, BAD);
    let again = refresh(&fake, tokens["refresh_token"].as_str().unwrap()).ok();
    assert!(opens(&fake, &again) && again.get("refresh_token").is_none());
    assert_eq!(
        fake.counts(),
        [("calendars.get", 2), ("device.code", 1), ("token", 4)].into()
    );
}

#[test]
fn a_device_may_spell_its_grant_the_old_way() {
    let fake = google();
    fake.behave(|b| b.auto_approve = Some(2));
    let code = device(&fake, "tv", FULL).ok();
    let name = code["device_code"].as_str().unwrap();
    let old = |field: &str| {
        let client = [("client_id", "tv"), ("client_secret", "tv-secret")];
        post(
            &fake,
            "/token",
            &[client[0], client[1], ("grant_type", LEGACY), (field, name)],
        )
    };
    assert_eq!(old("device_code").status, 400);
    assert_eq!(
        [old("code").status, old("code").status, old("code").status],
        [428, 428, 200]
    );
}

#[test]
fn a_device_is_refused_word_for_word() {
    let fake = google();
    let events = "https://www.googleapis.com/auth/calendar.events";
    let scope = r#"{"error":"invalid_scope","error_description":"Invalid device flow scope: https://www.googleapis.com/auth/calendar.events"}"#;
    device(&fake, "tv", &format!("{READ} {events}")).is(400, scope);
    let kind = r#"{"error":"invalid_client","error_description":"Only clients of type 'TVs and Limited Input devices' can use the OAuth 2.0 flow for TV and Limited-Input Device Applications. Please create and use an appropriate client."}"#;
    device(&fake, "desk", FULL).is(401, kind);
    let unknown =
        r#"{"error":"invalid_client","error_description":"The OAuth client was not found."}"#;
    device(&fake, "nobody", FULL).is(401, unknown);
    let deleted =
        r#"{"error":"deleted_client","error_description":"The OAuth client was deleted."}"#;
    device(&fake, "old", FULL).is(401, deleted);
    let code = device(&fake, "tv", FULL).ok();
    fake.deny_device(code["user_code"].as_str().unwrap());
    poll(&fake, &code).is(
        403,
        r#"{"error":"access_denied","error_description":"Forbidden"}"#,
    );
}

#[test]
fn a_device_code_expires_by_the_servers_clock_or_by_hand() {
    let fake = google();
    let codes = [
        device(&fake, "tv", FULL).ok(),
        device(&fake, "tv", FULL).ok(),
    ];
    fake.expire_device(codes[0]["user_code"].as_str().unwrap());
    assert_eq!(poll(&fake, &codes[0]).json()["error"], "expired_token");
    assert_eq!(poll(&fake, &codes[1]).status, 428);
    fake.advance(SignedDuration::from_mins(31));
    assert_eq!(poll(&fake, &codes[1]).json()["error"], "expired_token");
    fake.behave(|b| b.expired_device_code_is_an_invalid_grant = true);
    poll(&fake, &codes[1]).is(400, BAD);
}

/// Asks for consent; answers where the browser is sent, as its parameters.
fn consent(fake: &FakeGoogle, changes: &[(&str, &str)]) -> Result<Vec<(String, String)>, u16> {
    let mut fields = vec![
        ("client_id", "desk"),
        ("redirect_uri", "http://127.0.0.1:5555/back"),
        ("response_type", "code"),
        ("scope", FULL),
        ("state", "a&b"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    fields.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    fields.extend(changes);
    let answer = send(
        fake,
        "GET",
        &format!("/o/oauth2/v2/auth?{}", query(&fields)),
        &[],
        "",
    )
    .unwrap();
    if answer.status != 302 {
        return Err(answer.status);
    }
    let (place, query) = answer.headers["location"].split_once('?').unwrap();
    assert_eq!(place, "http://127.0.0.1:5555/back");
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap());
    Ok(pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

fn exchange(fake: &FakeGoogle, code: &str, redirect: &str, verifier: Option<&str>) -> Answer {
    // The code comes out of a URL, and is not encoded again.
    let mut body = query(&[
        ("client_id", "desk"),
        ("client_secret", "desk-secret"),
        ("grant_type", "authorization_code"),
        ("redirect_uri", redirect),
    ]);
    body.push_str("&code=");
    body.push_str(code);
    if let Some(verifier) = verifier {
        body.push_str("&code_verifier=");
        body.push_str(verifier);
    }
    send(fake, "POST", "/token", &[], &body).unwrap()
}

fn code_of(fake: &FakeGoogle) -> String {
    let back = consent(fake, &[]).unwrap();
    assert_eq!(back[0], ("state".to_owned(), "a%26b".to_owned()));
    assert_eq!((&*back[1].0, &*back[2].0), ("code", "scope"));
    back[1].1.clone()
}

#[test]
fn a_browser_gives_a_code_that_only_the_one_who_asked_can_use() {
    let fake = google();
    let here = "http://127.0.0.1:5555/back";
    let tokens = exchange(&fake, &code_of(&fake), here, Some(VERIFIER)).ok();
    assert!(opens(&fake, &tokens) && tokens["refresh_token"].is_string());
    let used = code_of(&fake);
    exchange(&fake, &used, here, Some(VERIFIER)).ok();
    exchange(&fake, &used, here, Some(VERIFIER)).is(400, BAD);
    let elsewhere = r#"{"error":"redirect_uri_mismatch","error_description":"Bad Request"}"#;
    exchange(
        &fake,
        &code_of(&fake),
        "http://127.0.0.1:5556/back",
        Some(VERIFIER),
    )
    .is(400, elsewhere);
    let missing = r#"{"error":"invalid_grant","error_description":"Missing code verifier."}"#;
    exchange(&fake, &code_of(&fake), here, None).is(400, missing);
    let wrong = r#"{"error":"invalid_grant","error_description":"Invalid code verifier."}"#;
    exchange(
        &fake,
        &code_of(&fake),
        here,
        Some(&VERIFIER.replace('d', "e")),
    )
    .is(400, wrong);
    let late = code_of(&fake);
    fake.advance(SignedDuration::from_mins(11));
    assert_eq!(
        exchange(&fake, &late, here, Some(VERIFIER)).json()["error"],
        "invalid_grant"
    );
}

#[test]
fn the_consent_page_checks_what_it_is_asked() {
    let fake = google();
    let refused = [
        (("client_id", "nobody"), 401),
        (("client_id", "old"), 401),
        (("client_id", "tv"), 400),
        (("redirect_uri", "https://example.org/"), 400),
        (("redirect_uri", "http://127.0.0.1.example.org/"), 400),
        (("redirect_uri", "urn:ietf:wg:oauth:2.0:oob"), 400),
        (("response_type", "token"), 400),
        (("code_challenge_method", "plain"), 400),
        (("scope", ""), 400),
    ];
    for (change, status) in refused {
        assert_eq!(consent(&fake, &[change]), Err(status), "{change:?}");
    }
    fake.behave(|b| b.consent_refused = true);
    let back = consent(&fake, &[]).unwrap();
    let no = [("error", "access_denied"), ("state", "a%26b")];
    assert_eq!(
        back,
        no.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[test]
fn a_person_may_allow_less_than_was_asked() {
    let fake = google();
    fake.behave(|b| b.consent_only_to = Some(vec![READ.to_owned()]));
    let back = consent(&fake, &[("scope", &format!("{FULL} {READ}"))]).unwrap();
    let tokens = exchange(
        &fake,
        &back[1].1,
        "http://127.0.0.1:5555/back",
        Some(VERIFIER),
    )
    .ok();
    assert_eq!(tokens["scope"], READ);
}

#[test]
fn access_tokens_end_by_the_servers_clock_or_by_hand() {
    let fake = google();
    let token = fake.refresh_token("tv", ME, FULL);
    let first = refresh(&fake, &token).ok();
    fake.advance(SignedDuration::from_secs(3598));
    assert!(opens(&fake, &first));
    fake.advance(SignedDuration::from_secs(1));
    assert!(!opens(&fake, &first));
    let second = refresh(&fake, &token).ok();
    assert!(opens(&fake, &second));
    fake.expire_access_tokens();
    assert!(!opens(&fake, &second));
    fake.behave(|b| b.access_token_life = SignedDuration::from_secs(10));
    assert_eq!(refresh(&fake, &token).ok()["expires_in"], 10);
}

#[test]
fn refresh_tokens_die_when_revoked_replaced_or_too_many() {
    let fake = google();
    let token = fake.refresh_token("tv", ME, FULL);
    let access = refresh(&fake, &token).ok();
    refresh_by(&fake, ("desk", "desk-secret"), &token).is(
        400,
        r#"{"error":"invalid_grant","error_description":"Bad Request"}"#,
    );
    assert_eq!(
        refresh_by(&fake, ("tv", "wrong"), &token).json()["error"],
        "invalid_client"
    );
    assert_eq!(
        post(
            &fake,
            "/revoke",
            &[("token", access["access_token"].as_str().unwrap())]
        )
        .status,
        200
    );
    refresh(&fake, &token).is(400, DEAD);
    assert!(!opens(&fake, &access));
    assert_eq!(post(&fake, "/revoke", &[("token", &token)]).status, 400);

    let token = fake.refresh_token("tv", ME, FULL);
    fake.behave(|b| b.rotate_refresh_tokens = true);
    let renewed = refresh(&fake, &token).ok()["refresh_token"]
        .as_str()
        .unwrap()
        .to_owned();
    refresh(&fake, &token).is(400, DEAD);
    fake.behave(|b| b.rotate_refresh_tokens = false);
    refresh(&fake, &renewed).ok();
    fake.revoke_all(ME);
    refresh(&fake, &renewed).is(400, DEAD);

    let oldest = fake.refresh_token("tv", ME, FULL);
    let second = fake.refresh_token("tv", ME, FULL);
    for _ in 0..99 {
        fake.refresh_token("tv", ME, FULL);
    }
    refresh(&fake, &oldest).is(400, DEAD);
    refresh(&fake, &second).ok();
}

fn assertion(claims: &Value) -> String {
    let encode = |text: &str| data_encoding::BASE64URL_NOPAD.encode(text.as_bytes());
    let header = json!({"alg": "RS256", "typ": "JWT"}).to_string();
    format!(
        "{}.{}.{}",
        encode(&header),
        encode(&claims.to_string()),
        encode("signed")
    )
}

#[test]
fn a_service_account_speaks_for_itself_or_for_a_subject() {
    let fake = google();
    let robot = "robot@project.iam.gserviceaccount.com";
    let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let ask = |claims: &Value| post(&fake, "/token", &[grant, ("assertion", &assertion(claims))]);
    let claims = |iss: &str| json!({"iss": iss, "scope": FULL, "aud": "https://oauth2.googleapis.com/token", "iat": 1000, "exp": 4600});
    let mut for_me = claims(robot);
    for_me["sub"] = ME.into();
    assert!(opens(&fake, &ask(&for_me).ok()));
    ask(&claims(robot)).ok();
    assert_eq!(fake.subjects(), [Some(ME.to_owned()), None]);
    let mut long = claims(robot);
    long["exp"] = 9999.into();
    let wrong = [claims("other@example.org"), long, json!({"iss": robot})];
    for claims in wrong {
        let answer = ask(&claims);
        assert_eq!(
            (answer.status, &answer.json()["error"]),
            (400, &json!("invalid_grant"))
        );
    }
    let broken = post(&fake, "/token", &[grant, ("assertion", "a.b")]);
    assert_eq!(broken.status, 400);
    assert_eq!(
        post(&fake, "/token", &[("grant_type", "password")]).json()["error"],
        "unsupported_grant_type"
    );
}
