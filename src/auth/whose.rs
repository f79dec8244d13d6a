//! Whose account it is that was signed in to: its address, which is the id of its own calendar too. Not to know it is no error.

use serde::Deserialize;

use super::Endpoint;
use crate::{
    http::{HeaderValue, Line, Method, Request, StatusCode, header},
    secrets::Secret,
};

#[derive(Deserialize)]
struct Entry {
    kind: String,
    id: String,
}

/// Asks for the address of the account that a token speaks for; nothing if the server does not say.
pub(super) async fn ask(line: &Line, endpoint: &Endpoint, token: &Secret) -> Option<String> {
    let url = format!(
        "{}/users/me/calendarList/primary?fields=kind%2Cid",
        endpoint.calendar()
    );
    let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose())).ok()?;
    bearer.set_sensitive(true);
    let request = Request::new(Method::GET, url).with(header::AUTHORIZATION, bearer);
    let answer = line.send(request).await.ok()?;
    if answer.status != StatusCode::OK {
        return None;
    }
    let entry: Entry = serde_json::from_slice(&answer.body).ok()?;
    let is_address = entry.id.contains('@') && !entry.id.contains(char::is_control);
    let is_meant = entry.kind == "calendar#calendarListEntry" && is_address;
    is_meant.then(|| entry.id.to_lowercase())
}
