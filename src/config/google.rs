//! The keys of a Google account. What the files they name hold is read here too, and never quoted.

use std::fs;

use serde::Deserialize;

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

/// Reads the account from its table.
pub(super) fn account(checker: &Checker, table: &mut Table<'_>) -> Option<Google> {
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
            Ok(client) => Some(client),
            Err(words) => {
                let words = format!("`client_file`: {} {words}", path.display());
                table.mistake(at, &words);
                None
            }
        };
    }
    let variables = [paths::CLIENT_ID_VARIABLE, paths::CLIENT_SECRET_VARIABLE];
    let [id, secret] = match has_parts {
        true => written.map(|part| part.map(|part| part.value)),
        false => variables.map(paths::variable),
    };
    let filled = |part: Option<String>| part.map(|p| p.trim().to_owned()).filter(|p| !p.is_empty());
    match (filled(id), filled(secret)) {
        (Some(id), Some(secret)) => Some(OauthClient {
            id,
            secret: Secret::new(secret),
        }),
        _ => {
            let words = format!(
                "needs `client_id` and `client_secret`, or `client_file`, or `service_account_file`, or the variables {} and {}",
                paths::CLIENT_ID_VARIABLE,
                paths::CLIENT_SECRET_VARIABLE
            );
            table.mistake(table.at, &words);
            None
        }
    }
}

/// The client in a file as the Google Cloud console gives it.
fn client_in(text: &[u8]) -> Result<OauthClient, &'static str> {
    #[derive(Deserialize)]
    struct File {
        #[serde(alias = "web")]
        installed: Client,
    }
    #[derive(Deserialize)]
    struct Client {
        client_id: String,
        client_secret: Secret,
    }
    #[derive(Deserialize)]
    struct Kind {
        r#type: String,
    }
    let Ok(File { installed }) = serde_json::from_slice::<File>(text) else {
        let kind = serde_json::from_slice::<Kind>(text);
        return Err(
            match kind.is_ok_and(|kind| kind.r#type == "service_account") {
                true => "is the key of a service account; name it in `service_account_file`",
                false => {
                    "is not the JSON of an OAuth client; download it in the Google Cloud console, under Clients"
                }
            },
        );
    };
    if installed.client_id.is_empty() || installed.client_secret.is_empty() {
        return Err("has no client id or no client secret; download it again");
    }
    Ok(OauthClient {
        id: installed.client_id,
        secret: installed.client_secret,
    })
}
