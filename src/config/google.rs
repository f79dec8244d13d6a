//! The keys of a Google account. What the files they name hold is read here too, and never quoted.

use std::fs;

use serde::{Deserialize, de::IgnoredAny};

use super::{
    check::Checker,
    paths,
    table::{At, Table},
};
use crate::{
    auth::{Credentials, Endpoint, Google, OauthClient, ServiceAccount},
    http::{self, Pace},
    secrets::Secret,
};

/// The keys that say as what calsync shows itself.
const CREDENTIALS: [&str; 4] = [
    "client_id",
    "client_secret",
    "client_file",
    "service_account_file",
];

/// Reads the account from its table.
pub(super) fn account(checker: &Checker, table: &mut Table<'_>) -> Option<Google> {
    table.knows(&CREDENTIALS);
    let endpoint = endpoint(table);
    let service = table.has("service_account_file");
    let client = ["client_id", "client_secret", "client_file"].map(|key| table.has(key));
    if service && client.contains(&true) {
        let words = "has both `service_account_file` and a client of its own; keep one";
        table.mistake(table.at, words);
    }
    let subject = table.text("subject");
    if let Some(subject) = subject.as_ref().filter(|_| !service) {
        table.mistake(subject.at, "`subject` goes with `service_account_file`");
    }
    let credentials = match service {
        true => service_account(checker, table, subject).map(Credentials::Service),
        false => oauth_client(checker, table).map(Credentials::Client),
    };
    let usual = Pace::default();
    let per_minute = table.number("requests_per_minute", 1, 6000);
    let per_minute = per_minute.unwrap_or(usual.per_minute);
    Some(Google {
        endpoint: endpoint?,
        credentials: credentials?,
        pace: Pace {
            per_minute,
            burst: usual.burst.min(per_minute),
        },
    })
}

fn endpoint(table: &mut Table<'_>) -> Option<Endpoint> {
    let Some(written) = table.text("endpoint") else {
        return (!table.has("endpoint")).then(Endpoint::default);
    };
    let base = written.value.trim_end_matches('/');
    let rest = base.split_once("://").map_or("", |(_, rest)| rest);
    let whole = rest.is_empty() || rest.contains(['/', '?', '#', '@']);
    if whole || http::allowed(base).is_err() {
        let words = "`endpoint` must be a scheme and a host and nothing else, such as \"https://proxy.example.org\"; http is \
            for this machine alone, such as \"http://127.0.0.1:8080\"";
        table.mistake(written.at, words);
        return None;
    }
    Some(Endpoint::at(base))
}

fn service_account(
    checker: &Checker,
    table: &mut Table<'_>,
    subject: Option<At<String>>,
) -> Option<ServiceAccount> {
    let at = table.at_of("service_account_file");
    let path = checker.path(table, "service_account_file")?;
    match ServiceAccount::read(&path, subject.map(|subject| subject.value)) {
        Ok(service) => Some(service),
        Err(error) => {
            let words = format!("`service_account_file`: {} {error}", path.display());
            table.mistake(at, &words);
            None
        }
    }
}

/// The client, from the table, from a file, or from the environment.
fn oauth_client(checker: &Checker, table: &mut Table<'_>) -> Option<OauthClient> {
    let at = table.at_of("client_file");
    let written = [table.text("client_id"), table.text("client_secret")];
    let has_parts = table.has("client_id") || table.has("client_secret");
    if table.has("client_file") {
        let path = checker.path(table, "client_file");
        if has_parts {
            table.mistake(at, "has both `client_file` and `client_id`; keep one");
            return None;
        }
        let path = path?;
        let read = fs::read(&path).map_err(|error| format!("cannot be read: {error}"));
        return match read.and_then(|text| client_in(&text).map_err(str::to_owned)) {
            Ok(client) => {
                checker.holds_secret(&path);
                Some(client)
            }
            Err(words) => {
                let words = format!("`client_file`: {} {words}", path.display());
                table.mistake(at, &words);
                None
            }
        };
    }
    let is_odd = ["client_id", "client_secret"]
        .iter()
        .zip(&written)
        .any(|(key, text)| text.is_none() && table.has(key));
    let variables = [paths::CLIENT_ID_VARIABLE, paths::CLIENT_SECRET_VARIABLE];
    let [id, secret] = match has_parts {
        true => written.map(|part| part.map(|part| part.value)),
        false => variables.map(paths::variable),
    };
    let filled = |part: Option<String>| part.map(|p| p.trim().to_owned()).filter(|p| !p.is_empty());
    let (id, secret) = (filled(id), filled(secret));
    if let (Some(id), Some(secret)) = (&id, &secret) {
        if has_parts {
            checker.holds_secret(&checker.file);
        }
        return Some(OauthClient {
            id: id.clone(),
            secret: Secret::new(secret.clone()),
        });
    }
    // One that is no text was told already.
    if !is_odd {
        table.mistake(
            table.at,
            &missing(has_parts, id.is_some(), secret.is_some()),
        );
    }
    None
}

/// What is missing of a client.
fn missing(written: bool, has_id: bool, has_secret: bool) -> String {
    let names = match written {
        true => ["client_id", "client_secret"],
        false => [paths::CLIENT_ID_VARIABLE, paths::CLIENT_SECRET_VARIABLE],
    };
    let [id, secret] = names;
    match (has_id, has_secret) {
        (true, false) => format!(
            "has `{id}` but no `{secret}`; the Google Cloud console shows it when the client is made, or makes a new one"
        ),
        (false, true) => format!("has `{secret}` but no `{id}`; add it"),
        _ => format!(
            "needs `client_id` and `client_secret`, or `client_file`, or `service_account_file`, or the variables {} and {}",
            paths::CLIENT_ID_VARIABLE,
            paths::CLIENT_SECRET_VARIABLE
        ),
    }
}

/// The client in a file as the Google Cloud console gives it.
fn client_in(text: &[u8]) -> Result<OauthClient, &'static str> {
    #[derive(Deserialize)]
    struct File {
        installed: Option<Client>,
        web: Option<IgnoredAny>,
        r#type: Option<String>,
    }
    #[derive(Deserialize)]
    struct Client {
        client_id: Option<String>,
        client_secret: Option<Secret>,
    }
    let file = serde_json::from_slice::<File>(text).map_err(|_| STRANGE)?;
    if file.r#type.as_deref() == Some("service_account") {
        return Err("is the key of a service account; name it in `service_account_file`");
    }
    if file.web.is_some() {
        return Err(
            "is of a client of the type \"Web application\", with which nobody can sign in from a terminal; make one of the \
             type \"TVs and Limited Input devices\" or \"Desktop app\"",
        );
    }
    let Client {
        client_id,
        client_secret,
    } = file.installed.ok_or(STRANGE)?;
    let id = client_id.filter(|id| !id.is_empty());
    let secret = client_secret.filter(|secret| !secret.is_empty());
    Ok(OauthClient {
        id: id.ok_or("has no client id; download it again")?,
        secret: secret.ok_or(
            "has no client secret: Google shows it only when it is made; add a secret to the client in the Google Cloud console \
             and download the file then",
        )?,
    })
}

const STRANGE: &str =
    "is not the JSON of an OAuth client; download it in the Google Cloud console, under Clients";
