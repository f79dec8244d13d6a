//! Whose account it is that was signed in to: its address, which is the id of its own calendar too. Not to know it is no error.

use serde::Deserialize;

use super::{Endpoint, words};
use crate::{
    http::{HeaderValue, Line, Method, Request, Response, StatusCode, header},
    provider::{
        ErrorKind, ProviderError,
        google::answer::{Doing, Refusal, Whose},
    },
    secrets::Secret,
};

#[derive(Deserialize)]
struct Entry {
    kind: String,
    id: String,
}

/// Asks for the address of the account that a token speaks for; if the server does not say, why, in words for people.
pub(super) async fn ask(
    line: &Line,
    endpoint: &Endpoint,
    account: &str,
    token: &Secret,
) -> Result<String, String> {
    let url = format!(
        "{}/users/me/calendarList/primary?fields=kind%2Cid",
        endpoint.calendar()
    );
    let bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose()));
    let mut bearer = bearer.map_err(|_| "its token cannot be sent".to_owned())?;
    bearer.set_sensitive(true);
    let request = Request::new(Method::GET, url).with(header::AUTHORIZATION, bearer);
    let answer = line.send(request).await;
    let answer = answer.map_err(|error| ProviderError::from(error).message)?;
    if answer.status != StatusCode::OK {
        return Err(why(account, &answer));
    }
    let entry: Option<Entry> = serde_json::from_slice(&answer.body).ok();
    let is_address = |id: &str| id.contains('@') && !id.contains(char::is_control);
    let entry = entry.filter(|e| e.kind == "calendar#calendarListEntry" && is_address(&e.id));
    entry.map(|entry| entry.id.to_lowercase()).ok_or_else(|| {
        let at = words::at_endpoint(endpoint);
        format!("the answer is not in the form that Google describes{at}")
    })
}

/// Why a server did not say it.
fn why(account: &str, answer: &Response) -> String {
    let calendar = "";
    let refusal = Refusal::read(answer.status, &answer.body);
    let error = refusal.error(Whose { account, calendar }, Doing::Listing, None);
    match error.kind {
        ErrorKind::Retry(_) => format!("Google cannot answer now ({})", answer.status.as_u16()),
        _ => {
            let label = format!("account {account}: ");
            let words = error.message.strip_prefix(&label);
            words.unwrap_or(&error.message).to_owned()
        }
    }
}
