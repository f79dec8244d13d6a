//! What the codes of OAuth, and refused passwords, mean for a person, and what to do about each. Pure.

use super::{Dav, Endpoint, SCOPE};

/// Whether a text is a code, and not something that should not be repeated.
pub fn is_code(text: &str) -> bool {
    let fits = |c: u8| c.is_ascii_lowercase() || c == b'_';
    (1..=40).contains(&text.len()) && text.bytes().all(fits)
}

/// Whether a code stands for something that passes by itself.
pub fn is_passing(code: &str) -> bool {
    matches!(
        code,
        "slow_down"
            | "rate_limit_exceeded"
            | "temporarily_unavailable"
            | "server_error"
            | "internal_failure"
    )
}

/// Whether a code is about the OAuth client rather than about whoever signed in.
pub fn is_about_the_client(code: &str) -> bool {
    matches!(
        code,
        "invalid_client"
            | "unauthorized_client"
            | "deleted_client"
            | "disabled_client"
            | "invalid_scope"
            | "invalid_request"
            | "unsupported_grant_type"
    )
}

/// A question that is only worth asking if calsync was told where Google is.
pub fn at_endpoint(endpoint: &Endpoint) -> &'static str {
    match endpoint.is_own() {
        true => "",
        false => ". Is `endpoint` right?",
    }
}

/// Google knows no client of this id.
pub const UNKNOWN_CLIENT: &str = "Google knows no OAuth client of this id; compare `client_id` (or the client file) with the \
                                  Google Cloud console, under Clients";

/// This client cannot sign in with a code, and what can.
pub fn closed(code: &str) -> String {
    let elsewhere = "a client of the type \"Desktop app\" signs in with a browser: --flow browser on this machine, or --flow \
                     paste from another";
    match code {
        "invalid_scope" => format!(
            "Google does not let anybody reach calendars with a code here ({code}); {elsewhere}"
        ),
        _ => format!(
            "Google does not let this OAuth client sign in with a code ({code}). That takes a client of the type \"TVs and \
             Limited Input devices\"; {elsewhere}"
        ),
    }
}

/// What a code means, and what to do now.
pub fn of(code: &str, account: &str) -> String {
    let again = format!("run: calsync auth add {account}");
    match code {
        "invalid_grant" => format!(
            "Google does not accept the stored sign-in any more. It was withdrawn, or not used for six months, or replaced by \
             newer ones; or the OAuth client's consent screen is in \"Testing\", where every sign-in dies after seven days: \
             publish it (\"In production\"), then {again}"
        ),
        "invalid_rapt" => format!(
            "the organisation wants people to sign in again every now and then; {again}, and ask its administrator to exempt \
             the app from session control"
        ),
        "invalid_client" => format!(
            "Google does not take the OAuth client: `client_secret` is wrong, or there is no client of this `client_id`. Compare \
             them (or the client file) with the Google Cloud console, under Clients, and correct the configuration; a sign-in \
             made before stays good, for a new one {again}"
        ),
        "unauthorized_client" => format!(
            "the OAuth client is not of the type for this way of signing in; {again} with --flow browser, or make a client of the \
             right type"
        ),
        "deleted_client" | "disabled_client" => format!(
            "the OAuth client was deleted or disabled in the Google Cloud console (Google deletes those that are unused for \
             six months); make a new one, put it into the configuration, then {again}"
        ),
        "invalid_scope" => format!(
            "this OAuth client may not ask for calendars in this way; {again} --flow browser, with a client of the type \
             \"Desktop app\""
        ),
        "access_denied" => format!(
            "access was refused on Google's page; {again} and allow it. If nobody refused it: while the consent screen is in \
             \"Testing\", only the test users listed there are let in"
        ),
        "expired_token" => format!("the code was not entered in time; {again}"),
        "admin_policy_enforced" => "the administrator of the organisation does not allow this app; ask for the OAuth client's \
             id to be trusted under Security > API controls in the admin console"
            .to_owned(),
        "org_internal" => "the OAuth client is for the members of its organisation alone; sign in as one of them, or set the \
             consent screen's user type to \"External\""
            .to_owned(),
        "redirect_uri_mismatch" => REDIRECT.to_owned(),
        other => format!("Google refuses the sign-in ({other}); {again}"),
    }
}

const REDIRECT: &str = "this OAuth client cannot send the browser back to this machine; make one of the type \"Desktop app\"";

/// What a code means when a service account is told it.
pub fn of_service(code: &str, account: &str) -> String {
    match code {
        "invalid_grant" => "Google does not accept the service account's signature: was its key deleted in the Google Cloud \
             console, is this machine's clock right, and is `subject` a user of the organisation?"
            .to_owned(),
        "unauthorized_client" | "access_denied" => format!(
            "the service account may not act for `subject`: in the admin console, under Security > API controls > Domain-wide \
             delegation, add its client id with the scope {SCOPE}"
        ),
        "invalid_client" | "deleted_client" | "disabled_client" => {
            "Google does not know this service account any more; make one anew, and download its key file".to_owned()
        }
        other => of(other, account),
    }
}

/// Nobody signed in.
pub fn missing(account: &str) -> String {
    format!("account {account}: nobody is signed in; run: calsync auth add {account}")
}

/// Somebody signed in to a second account.
pub fn somebody_twice(account: &str, other: &str, address: &str) -> String {
    format!(
        "account {account}: it was {address} who signed in, and account {other} is signed in to as {address} already; blocks \
         would be written twice, so nothing was kept. Run calsync auth add {account} again as somebody else (\"Use another \
         account\" on Google's page, or a private window); or keep one of the two accounts in the configuration, which may \
         have any number of calendars"
    )
}

/// Somebody signed in, and nobody knows who.
pub fn unnamed(account: &str, before: Option<&str>, why: &str) -> String {
    let before = before.map(|before| format!(", who was {before} before"));
    format!(
        "account {account}: it could not be learnt who signed in{}: {why}. The sign-in is kept, but nobody knows whether it is \
         the right person's, or that of one who is signed in to another account already. When that is mended, run calsync \
         auth add {account} again, which says who it is",
        before.unwrap_or_default()
    )
}

/// Somebody signed in in the place of another one, and nobody knows who.
pub fn not_replaced(account: &str, before: &str, why: &str) -> String {
    format!(
        "account {account}: it could not be learnt who signed in: {why}. Nothing was changed, since it may be somebody else \
         than {before}, who stays signed in. When that is mended, run calsync auth add {account} again"
    )
}

/// The sign-in belongs to another client or server.
pub fn other_client(account: &str) -> String {
    format!(
        "account {account}: the stored sign-in was made with another OAuth client (or for another `endpoint`) than the one \
         configured now; bring that one back, or run: calsync auth add {account}"
    )
}

/// Less was granted than was asked for.
pub fn too_little(account: &str) -> String {
    format!(
        "account {account}: access to the calendars was not granted in full; run: calsync auth add {account}, and leave the \
         box for seeing and editing calendars ticked"
    )
}

/// The server takes not even fresh tokens.
pub fn not_even_fresh(account: &str) -> String {
    format!(
        "account {account}: Google refuses even a fresh access token; run: calsync auth add {account}"
    )
}

/// Nobody gave a password.
pub fn no_password(account: &str) -> String {
    format!(
        "account {account}: nobody has given its password yet; run: calsync auth add {account}, or set `password_command`"
    )
}

/// The stored password is another one's.
pub fn other_server(account: &str) -> String {
    format!(
        "account {account}: the stored password was given for another `username` or server than the one configured now; \
         bring that one back, or run: calsync auth add {account}"
    )
}

/// The server lets nobody in with a password.
pub fn no_password_wanted(account: &str) -> String {
    format!(
        "account {account}: the server lets nobody in with a user name and a password, only in ways that calsync does not \
         know; Google's calendars go by provider = \"google\""
    )
}

/// The server wants to be shown the password itself, after it was content with a proof.
pub fn proof_no_longer_wanted(account: &str) -> String {
    format!(
        "account {account}: the server wants the password itself now (Basic), and so far a proof of it was enough (Digest), so \
         that somebody else may be asking; it was not shown. If the server was changed like that, run: calsync auth add {account}"
    )
}

/// The password is not the right one, and which one would be.
pub fn wrong_password(account: &str, dav: &Dav) -> String {
    let host = dav.server().to_ascii_lowercase();
    let host = host.rsplit("://").next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    let is_at = |site: &str| host == site || host.ends_with(&format!(".{site}"));
    let hint = if is_at("icloud.com") {
        "iCloud wants an app-specific password here, not that of the Apple Account: make one at https://account.apple.com under \
         \"App-Specific Passwords\" (they all end when that password is changed)"
    } else if is_at("fastmail.com") {
        "Fastmail wants an app password here: make one at https://app.fastmail.com/settings/security, for calendars, and \
         `username` is the whole address"
    } else if is_at("yahoo.com") || is_at("gmx.net") || is_at("web.de") || is_at("mailbox.org") {
        "this service may want an app password here: make one in its settings, under security"
    } else {
        "with two-factor sign-in (Nextcloud has it too), an app password is needed, made in the server's own settings"
    };
    let now = match dav.command {
        None => format!("run: calsync auth add {account}"),
        Some(_) => "correct what `password_command` says".to_owned(),
    };
    format!(
        "account {account}: the server does not accept `username` {} with its password; {hint}. Then {now}",
        dav.username
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_words_that_say_what_to_do() {
        let codes = [
            "invalid_grant",
            "invalid_rapt",
            "invalid_client",
            "deleted_client",
            "invalid_scope",
            "access_denied",
            "expired_token",
            "never_heard_of",
        ];
        for code in codes {
            assert!(of(code, "work").contains("calsync auth add work"), "{code}");
        }
        assert!(of("invalid_grant", "work").contains("seven days"));
        assert!(of("never_heard_of", "work").contains("never_heard_of"));
    }

    #[test]
    fn what_is_no_code_is_not_repeated() {
        assert!(is_code("invalid_grant"));
        for text in ["", "1//token", "ya29.token", "Not a code", &"x".repeat(41)] {
            assert!(!is_code(text), "{text}");
        }
    }
}
