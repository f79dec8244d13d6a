//! Google's refusals: what calsync makes of each, and what it tells people to do.

use std::time::Duration;

use calsync::{
    http::StatusCode,
    provider::{
        ErrorKind,
        google::answer::{
            Doing::{self, Listing, Looking, Reading, Writing},
            Refusal, Whose,
        },
    },
};
use serde_json::json;

const WHOSE: Whose<'static> = Whose {
    account: "work",
    calendar: "team@example.org",
};

fn body(reason: &str) -> String {
    json!({"error": {"errors": [{"domain": "global", "reason": reason, "message": "xyzzy-secret"}],
        "code": 403, "message": "xyzzy-secret"}})
    .to_string()
}

fn refusal(status: u16, body: &str) -> Refusal {
    Refusal::read(StatusCode::from_u16(status).unwrap(), body.as_bytes())
}

const RETRY: ErrorKind = ErrorKind::Retry(None);

/// Status, reason, what was asked for; what calsync makes of it, and something of what it tells people.
const MEANINGS: [(u16, &str, Doing, ErrorKind, &str); 33] = [
    (
        403,
        "RATE_LIMIT_EXCEEDED",
        Writing,
        RETRY,
        "limits how fast",
    ),
    (
        403,
        "quotaExceeded",
        Reading,
        ErrorKind::Refused,
        "a later run reads it again",
    ),
    (403, "rateLimitExceeded", Reading, RETRY, "limits how fast"),
    (
        403,
        "userRateLimitExceeded",
        Writing,
        RETRY,
        "limits how fast",
    ),
    (429, "rateLimitExceeded", Writing, RETRY, "limits how fast"),
    (429, "", Reading, RETRY, "limits how fast"),
    (500, "backendError", Reading, RETRY, "500 backendError"),
    (502, "", Reading, RETRY, "502"),
    (503, "", Writing, RETRY, "503"),
    (504, "", Writing, RETRY, "504"),
    (409, "conflict", Writing, RETRY, "409 conflict"),
    (403, "quotaExceeded", Writing, ErrorKind::Refused, "used up"),
    (
        403,
        "accessNotConfigured",
        Reading,
        ErrorKind::Refused,
        "enable it at https://",
    ),
    (
        403,
        "insufficientPermissions",
        Reading,
        ErrorKind::SignIn,
        "calsync auth add work",
    ),
    (
        403,
        "admin_policy_enforced",
        Reading,
        ErrorKind::Refused,
        "administrator",
    ),
    (
        403,
        "domainPolicy",
        Writing,
        ErrorKind::Refused,
        "administrator",
    ),
    (
        403,
        "requiredAccessLevel",
        Writing,
        ErrorKind::Refused,
        "role = \"source\"",
    ),
    (
        403,
        "forbidden",
        Writing,
        ErrorKind::Refused,
        "role = \"source\"",
    ),
    (
        403,
        "forbiddenForNonOrganizer",
        Writing,
        ErrorKind::Refused,
        "role = \"source\"",
    ),
    (403, "forbidden", Reading, ErrorKind::Refused, "share it"),
    (
        401,
        "authError",
        Reading,
        ErrorKind::SignIn,
        "calsync auth add work",
    ),
    (
        404,
        "notFound",
        Reading,
        ErrorKind::Gone,
        "calsync calendars work",
    ),
    (
        404,
        "notFound",
        Looking,
        ErrorKind::Gone,
        "the event is gone",
    ),
    (
        410,
        "deleted",
        Writing,
        ErrorKind::Gone,
        "the event is gone",
    ),
    (404, "notFound", Listing, ErrorKind::Gone, "`endpoint`"),
    (409, "duplicate", Writing, ErrorKind::Exists, "taken"),
    (
        409,
        "duplicate",
        Listing,
        ErrorKind::Broken,
        "409 duplicate",
    ),
    (
        412,
        "conditionNotMet",
        Reading,
        ErrorKind::Broken,
        "412 conditionNotMet",
    ),
    (
        412,
        "conditionNotMet",
        Writing,
        ErrorKind::Conflict,
        "changed during the run",
    ),
    (400, "invalid", Writing, ErrorKind::Broken, "400 invalid"),
    (400, "no word; at all", Writing, ErrorKind::Broken, "(400)"),
    (501, "", Reading, ErrorKind::Broken, "501"),
    (302, "", Reading, ErrorKind::Broken, "302"),
];

#[test]
fn every_refusal_has_a_meaning_and_says_what_to_do() {
    for (status, reason, doing, kind, words) in MEANINGS {
        let error = refusal(status, &body(reason)).error(WHOSE, doing, None);
        let message = &error.message;
        assert_eq!(error.kind, kind, "{status} {reason}: {message}");
        assert!(message.contains(words), "{status} {reason}: {message}");
        let of_account = message.starts_with("account work: ");
        let of_calendar = message.starts_with("account work, calendar team@example.org: ");
        assert!(of_account != of_calendar, "{message}");
        if doing == Listing
            || status != 409 && matches!(kind, ErrorKind::Retry(_) | ErrorKind::SignIn)
        {
            assert!(of_account, "of no calendar alone: {message}");
        }
        if matches!(kind, ErrorKind::Gone | ErrorKind::Conflict) && doing != Listing {
            assert!(of_calendar, "{message}");
        }
        assert!(
            !message.contains("xyzzy") && !message.contains('{'),
            "{message}"
        );
    }
}

#[test]
fn a_time_to_wait_is_kept() {
    let wait = Some(Duration::from_secs(30));
    let error = refusal(429, &body("rateLimitExceeded")).error(WHOSE, Reading, wait);
    assert_eq!(error.kind, ErrorKind::Retry(wait));
    let error = refusal(403, &body("quotaExceeded")).error(WHOSE, Writing, wait);
    assert_eq!(error.kind, ErrorKind::Refused, "it may take hours");
}

#[test]
fn a_refusal_need_not_be_json() {
    for body in [
        "",
        "<html>503</html>",
        "[]",
        r#"{"error":"invalid_grant"}"#,
        r#"{"error":{"errors":7}}"#,
    ] {
        let error = refusal(503, body).error(WHOSE, Reading, None);
        assert_eq!(error.kind, ErrorKind::Retry(None), "{body}");
    }
}

#[test]
fn nothing_is_missing_in_words_that_are_not_googles() {
    for text in [
        "",
        "<html>404</html>",
        "[]",
        r#"{"error":"not_found"}"#,
        r#"{"message":"x"}"#,
    ] {
        for status in [404, 410] {
            for doing in [Reading, Looking, Writing, Listing] {
                let refusal = refusal(status, text);
                assert!(!refusal.is_missing() && !refusal.is_about_event());
                let error = refusal.error(WHOSE, doing, None);
                assert_eq!(error.kind, ErrorKind::Broken, "{text}");
                assert!(error.message.contains("nothing in between"), "{error}");
            }
            let told = refusal(status, &body("notFound"));
            assert!(told.is_missing());
        }
    }
}

#[test]
fn a_sequence_that_is_too_low_is_an_edit_in_between() {
    let body = json!({"error": {"errors": [{"domain": "global", "reason": "invalid"}], "code": 400,
        "message": "Invalid sequence value. The specified sequence number is below the current sequence number."}});
    let error = refusal(400, &body.to_string()).error(WHOSE, Writing, None);
    assert_eq!(error.kind, ErrorKind::Conflict);
}

#[test]
fn a_reason_that_nobody_knows_is_kept() {
    for (reason, doing, is_kept) in [
        ("somethingNew", Reading, true),
        ("somethingNew", Writing, true),
        ("forbidden", Reading, false),
        ("not a word; xyzzy-secret", Reading, false),
    ] {
        let error = refusal(403, &body(reason)).error(WHOSE, doing, None);
        assert_eq!(
            error.message.contains("(403 somethingNew)"),
            is_kept,
            "{error}"
        );
        assert!(!error.message.contains("xyzzy"), "{error}");
    }
}

#[test]
fn only_an_address_of_googles_own_console_is_repeated() {
    let told = |message: &str| {
        let body = json!({"error": {"errors": [{"reason": "accessNotConfigured"}], "code": 403, "message": message}});
        refusal(403, &body.to_string())
            .error(WHOSE, Reading, None)
            .message
    };
    let project = "https://console.developers.google.com/apis/api/x/overview?project=1";
    assert!(
        told(&format!("Visit {project}. Then retry.")).contains(&format!("at {project}, wait"))
    );
    for message in [
        "https://evil.example/?xyzzy",
        "https://console.cloud.google.com.evil.example/xyzzy",
        "https://console.cloud.google.com/\u{1b}[31mxyzzy",
        "http://console.cloud.google.com/xyzzy",
    ] {
        let message = told(message);
        assert!(!message.contains("xyzzy"), "{message}");
        assert!(message.contains("at https://console.cloud.google.com/apis/library/"));
    }
}
