//! What Google says when it says no, word for word. Where the words are not known for sure, the function says so.

use serde_json::{Value, json};

use super::exchange::Reply;

/// An error of the sign-in endpoints.
pub(crate) fn oauth(status: u16, error: &str, description: &str) -> Reply {
    Reply::json(
        status,
        &json!({"error": error, "error_description": description}),
    )
}

pub(crate) fn invalid_scope(scope: &str) -> Reply {
    let what = format!("Invalid device flow scope: {scope}");
    oauth(400, "invalid_scope", &what)
}

pub(crate) fn wrong_client_type() -> Reply {
    oauth(
        401,
        "invalid_client",
        "Only clients of type 'TVs and Limited Input devices' can use the OAuth 2.0 flow for TV and Limited-Input Device \
         Applications. Please create and use an appropriate client.",
    )
}

pub(crate) fn unknown_client() -> Reply {
    oauth(401, "invalid_client", "The OAuth client was not found.")
}

pub(crate) fn deleted_client() -> Reply {
    oauth(401, "deleted_client", "The OAuth client was deleted.")
}

/// The words are not known for sure.
pub(crate) fn wrong_secret() -> Reply {
    oauth(
        401,
        "invalid_client",
        "The provided client secret is invalid.",
    )
}

pub(crate) fn pending() -> Reply {
    oauth(428, "authorization_pending", "Precondition Required")
}

pub(crate) fn slow_down() -> Reply {
    oauth(403, "slow_down", "Forbidden")
}

pub(crate) fn access_denied() -> Reply {
    oauth(403, "access_denied", "Forbidden")
}

/// Too many device codes were asked for. This one has no `error`.
pub(crate) fn too_many_device_codes() -> Reply {
    Reply::json(403, &json!({"error_code": "rate_limit_exceeded"}))
}

pub(crate) fn dead_grant() -> Reply {
    oauth(400, "invalid_grant", "Token has been expired or revoked.")
}

/// A grant that this client never had.
pub(crate) fn foreign_grant() -> Reply {
    oauth(400, "invalid_grant", "Bad Request")
}

/// A code that is unknown or was used already. The words are not known for sure.
pub(crate) fn bad_code() -> Reply {
    oauth(400, "invalid_grant", "Malformed auth code.")
}

/// The words are not known for sure.
pub(crate) fn expired_code() -> Reply {
    oauth(400, "expired_token", "Token has expired.")
}

/// The words are not known for sure.
pub(crate) fn admin_policy() -> Reply {
    oauth(
        400,
        "admin_policy_enforced",
        "Access to this app is blocked by an administrator.",
    )
}

/// The words are not known for sure.
pub(crate) fn org_internal() -> Reply {
    oauth(
        403,
        "org_internal",
        "This app is internal to another organization.",
    )
}

/// An error of the calendar, with everything that its first entry holds beside reason and message.
fn calendar_with(
    code: u16,
    domain: &str,
    reason: &str,
    message: &str,
    place: Option<(&str, &str)>,
) -> Reply {
    let mut entry = json!({"domain": domain, "reason": reason, "message": message});
    if let Some((kind, name)) = place {
        entry["locationType"] = kind.into();
        entry["location"] = name.into();
    }
    Reply::json(
        code,
        &json!({"error": {"errors": [entry], "code": code, "message": message}}),
    )
}

/// An error of the calendar.
pub(crate) fn calendar(code: u16, domain: &str, reason: &str, message: &str) -> Reply {
    calendar_with(code, domain, reason, message, None)
}

/// A request that makes no sense. Which words Google has for it is mostly not known for sure.
pub(crate) fn invalid(message: &str) -> Reply {
    calendar(400, "global", "invalid", message)
}

/// Something is missing. The words are not known for sure.
pub(crate) fn required(message: &str) -> Reply {
    calendar(400, "global", "required", message)
}

pub(crate) fn stale_sequence() -> Reply {
    invalid(
        "Invalid sequence value. The specified sequence number is below the current sequence number of the resource. \
         Re-fetch the resource and use its sequence number on the following request.",
    )
}

pub(crate) fn time_range_empty() -> Reply {
    calendar_with(
        400,
        "calendar",
        "timeRangeEmpty",
        "The specified time range is empty.",
        Some(("parameter", "timeMax")),
    )
}

pub(crate) fn invalid_credentials() -> Reply {
    calendar_with(
        401,
        "global",
        "authError",
        "Invalid Credentials",
        Some(("header", "Authorization")),
    )
}

/// One of the limits that are answered with 403: `userRateLimitExceeded`, `rateLimitExceeded` or `quotaExceeded`.
pub(crate) fn usage_limit(reason: &str) -> Reply {
    let message = match reason {
        "userRateLimitExceeded" => "User Rate Limit Exceeded",
        "rateLimitExceeded" => "Rate Limit Exceeded",
        "quotaExceeded" => "Calendar usage limits exceeded.",
        other => panic!("`{other}` is no usage limit"),
    };
    calendar(403, "usageLimits", reason, message)
}

/// The limit that is answered with 429, perhaps with a time to wait.
pub(crate) fn too_many_requests(retry_after: Option<&str>) -> Reply {
    let reply = calendar(
        429,
        "usageLimits",
        "rateLimitExceeded",
        "Rate Limit Exceeded",
    );
    match retry_after {
        Some(time) => reply.with("retry-after", time),
        None => reply,
    }
}

/// The words are not known for sure.
pub(crate) fn read_only() -> Reply {
    calendar(
        403,
        "calendar",
        "requiredAccessLevel",
        "You need to have writer access to this calendar.",
    )
}

pub(crate) fn forbidden() -> Reply {
    calendar(403, "global", "forbidden", "Forbidden")
}

pub(crate) fn not_the_organizer() -> Reply {
    calendar(
        403,
        "calendar",
        "forbiddenForNonOrganizer",
        "Shared properties can only be changed by the organizer of the event.",
    )
}

/// The shape is not known for sure.
pub(crate) fn insufficient_scope() -> Reply {
    let message = "Request had insufficient authentication scopes.";
    with_status(&calendar(403, "global", "insufficientPermissions", message))
}

/// The Calendar API was never switched on for the project. The words are not known for sure.
pub(crate) fn api_not_enabled() -> Reply {
    let message = "Google Calendar API has not been used in project 123456789 before or it is disabled. Enable it by \
                   visiting https://console.developers.google.com/apis/api/calendar-json.googleapis.com/overview?project=123456789 \
                   then retry.";
    with_status(&calendar(
        403,
        "usageLimits",
        "accessNotConfigured",
        message,
    ))
}

fn with_status(reply: &Reply) -> Reply {
    let mut body: Value = serde_json::from_slice(&reply.body).unwrap();
    body["error"]["status"] = "PERMISSION_DENIED".into();
    Reply::json(reply.status, &body)
}

pub(crate) fn not_found() -> Reply {
    calendar(404, "global", "notFound", "Not Found")
}

pub(crate) fn duplicate() -> Reply {
    calendar(
        409,
        "global",
        "duplicate",
        "The requested identifier already exists.",
    )
}

pub(crate) fn conflict() -> Reply {
    calendar(409, "global", "conflict", "Conflict")
}

pub(crate) fn full_sync_required() -> Reply {
    calendar_with(
        410,
        "calendar",
        "fullSyncRequired",
        "Sync token is no longer valid, a full sync is required.",
        Some(("parameter", "syncToken")),
    )
}

pub(crate) fn updated_min_too_long_ago() -> Reply {
    calendar_with(
        410,
        "calendar",
        "updatedMinTooLongAgo",
        "The requested minimum modification time lies too far in the past.",
        Some(("parameter", "updatedMin")),
    )
}

pub(crate) fn deleted() -> Reply {
    calendar(410, "global", "deleted", "Resource has been deleted")
}

pub(crate) fn condition_not_met() -> Reply {
    calendar_with(
        412,
        "global",
        "conditionNotMet",
        "Precondition Failed",
        Some(("header", "If-Match")),
    )
}

pub(crate) fn backend_error() -> Reply {
    calendar(500, "global", "backendError", "Backend Error")
}

/// What a proxy in front of Google says.
pub(crate) fn unavailable() -> Reply {
    Reply::html(
        503,
        "<!DOCTYPE html><html lang=en><title>Error 503 (Service Unavailable)!!1</title></html>",
    )
}
