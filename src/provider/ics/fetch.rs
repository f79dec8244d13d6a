//! Gets the text of a feed, if it is another than last time.

use std::{fs, io, io::Read as _, path::Path};

use bytes::Bytes;
use jiff::Timestamp;

use super::{Marks, Site};
use crate::{
    http::{
        self, HeaderName, HeaderValue, HttpError, HttpErrorKind, Line, Method, Request, Response,
        StatusCode, header, is_this_machine,
    },
    provider::{Answer, ErrorKind, ProviderError},
    secrets::Secret,
};

/// How often a feed may say that it is elsewhere.
const REDIRECTS_MAX: usize = 5;
/// How large a file may be; of what comes over a line, the room for HTTP takes no more either.
const FILE_MAX: u64 = 32 << 20;

/// What came of asking.
pub(super) enum Fetched {
    /// Nothing new.
    Unchanged,
    /// The text, and what to ask with next time.
    Body(Bytes, Marks),
}

/// The address that is really asked for one as people are given it: `webcal` means `https`, or `http` on this very machine.
/// Nothing if it is no address of the web.
pub(super) fn web_address(written: &str) -> Option<String> {
    let (scheme, rest) = written.trim().split_once("://")?;
    let is_here = || http::host(&format!("https://{rest}")).is_some_and(|h| is_this_machine(&h));
    match scheme.to_ascii_lowercase().as_str() {
        "https" | "webcals" => Some(format!("https://{rest}")),
        "webcal" if is_here() => Some(format!("http://{rest}")),
        "webcal" => Some(format!("https://{rest}")),
        "http" => Some(format!("http://{rest}")),
        _ => None,
    }
}

/// An address without the user and the password in it, and both of them if they are there and can be read.
pub(super) fn apart(url: &str) -> (String, Option<Secret>) {
    let server = server_of(url);
    let path = url.get(server.len()..).unwrap_or_default();
    let parts = server.rsplit_once('@');
    let parts = parts.and_then(|(login, host)| Some((login.split_once("://")?, host)));
    let Some(((scheme, login), host)) = parts else {
        return (url.to_owned(), None);
    };
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let login = decoded(user).zip(decoded(password));
    let login = login.map(|(user, password)| Secret::new([user, password].join(":")));
    (format!("{scheme}://{host}{path}"), login)
}

/// What is wrong with how the user and the password stand in an address, in words that hold nothing of it. An @ that comes late
/// may end a password with an unescaped sign in it, of which a piece would be taken for the server.
pub(super) fn misspelt(url: &str) -> Option<&'static str> {
    let server = server_of(url);
    let (_, authority) = server.split_once("://").unwrap_or_default();
    let path = url.get(server.len()..).unwrap_or_default();
    let has_login = server.contains('@');
    if path.contains('@') && authority.contains([':', '@']) {
        return Some(
            "`feed` has an @ behind its first /, ? or #. If these are in the password, write / as %2F, ? as %3F, # as %23 and @ as \
             %40; if the @ is part of the path, write it as %40",
        );
    }
    match has_login && apart(url).1.is_none() {
        true => Some(
            "`feed` has a % in its user name or password that begins no sign of UTF-8; write % itself as %25",
        ),
        false => None,
    }
}

/// An address as far as its path: which server, and who asks.
fn server_of(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    let rest = url.get(host..).unwrap_or_default();
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    url.get(..host + end).unwrap_or(url)
}

/// What stands in percent, as it is meant (RFC 3986 2.1).
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend(parts.next().unwrap_or_default().bytes());
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend(rest.bytes());
    }
    String::from_utf8(bytes).ok()
}

/// Asks the web, following where it points.
pub(super) async fn from_web(line: &Line, site: &Site, marks: Option<&Marks>) -> Answer<Fetched> {
    let mut url = site.url.clone();
    for _ in 0..=REDIRECTS_MAX {
        // The password is for the server that it was given for, and for no other that this one names.
        let is_there = server_of(&url) == server_of(&site.url);
        let login = site.login.as_ref().filter(|_| is_there);
        let asked = request(&url, login, marks)?;
        let response = line.send(asked).await.map_err(unreached)?;
        match response.status {
            StatusCode::NOT_MODIFIED => return Ok(Fetched::Unchanged),
            StatusCode::OK => return Ok(body(response, line.client().clock().now())),
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => {
                let location = response.headers.get(header::LOCATION);
                let location = location.and_then(|location| location.to_str().ok());
                let next = location.and_then(|location| elsewhere(&url, location));
                let next =
                    next.filter(|next| !url.starts_with("https:") || next.starts_with("https:"));
                url = next.ok_or_else(|| {
                    broken(format!(
                        "{} says that it is elsewhere, but not where, or not at an https address",
                        feed_at(&url)
                    ))
                })?;
            }
            StatusCode::UNAUTHORIZED if login.is_some() => {
                let words = format!(
                    "{} does not accept the user name and the password that stand in its address; correct them in `feed`",
                    feed_at(&url)
                );
                return Err(ProviderError::new(ErrorKind::Refused, words));
            }
            _ => return Err(refused(&url, &response, line)),
        }
    }
    Err(broken(format!(
        "{} points elsewhere more than {REDIRECTS_MAX} times",
        feed_at(&url)
    )))
}

/// A server that was not reached. One whose certificate nobody knows may be the person's own.
fn unreached(trouble: HttpError) -> ProviderError {
    let advice = match trouble.kind {
        HttpErrorKind::Tls(_) => http::OWN_SERVER,
        _ => "",
    };
    let ProviderError { kind, message } = trouble.into();
    ProviderError::new(kind, format!("{message}{advice}"))
}

fn request(url: &str, login: Option<&Secret>, marks: Option<&Marks>) -> Answer<Request> {
    let accept = HeaderValue::from_static("text/calendar, */*;q=0.5");
    let mut request = Request::new(Method::GET, url).with(header::ACCEPT, accept);
    if let Some(login) = login {
        let pair = data_encoding::BASE64.encode(login.expose().as_bytes());
        let value = HeaderValue::from_str(&format!("Basic {pair}"));
        let mut value = value.map_err(|_| broken(format!("{} cannot be asked", feed_at(url))))?;
        value.set_sensitive(true);
        request = request.with(header::AUTHORIZATION, value);
    }
    let mut add = |name: HeaderName, value: Option<&String>| {
        let value = value.and_then(|value| HeaderValue::from_str(value).ok());
        request.headers.extend(value.map(|value| (name, value)));
    };
    add(
        header::IF_NONE_MATCH,
        marks.and_then(|marks| marks.etag.as_ref()),
    );
    add(
        header::IF_MODIFIED_SINCE,
        marks.and_then(|marks| marks.modified.as_ref()),
    );
    Ok(request)
}

fn body(response: Response, now: Timestamp) -> Fetched {
    let said = |name: HeaderName| {
        let value = response.headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let marks = Marks {
        etag: said(header::ETAG),
        modified: said(header::LAST_MODIFIED),
        sent: now.as_second(),
        ..Marks::of(&response.body)
    };
    Fetched::Body(response.body, marks)
}

/// Where a redirect leads (RFC 9110 10.2.2): a whole address, or one in relation to where it was found.
fn elsewhere(url: &str, location: &str) -> Option<String> {
    let location = location.trim();
    if location.contains("://") {
        // Whoever may sign in is not for a server to say.
        return web_address(location).map(|url| apart(&url).0);
    }
    let (scheme, rest) = url.split_once("://")?;
    if location.starts_with("//") {
        return Some(format!("{scheme}:{location}"));
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(end)?;
    if location.starts_with('/') {
        return Some(format!("{scheme}://{host}{location}"));
    }
    let path = path.split(['?', '#']).next()?;
    let folder = path
        .rfind('/')
        .and_then(|at| path.get(..=at))
        .unwrap_or("/");
    Some(format!("{scheme}://{host}{folder}{location}"))
}

fn refused(url: &str, response: &Response, line: &Line) -> ProviderError {
    let status = response.status;
    let feed = feed_at(url);
    let number = status.as_u16();
    let retry = || ErrorKind::Retry(response.retry_after(line.client().clock().now()));
    let (kind, words) = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => (
            ErrorKind::Refused,
            format!(
                "{feed} is not open to everybody ({number}); look for the calendar's secret address, and put that into the \
                 configuration, or the user name and the password into the address: https://USER:PASSWORD@..."
            ),
        ),
        StatusCode::NOT_FOUND | StatusCode::GONE => (
            ErrorKind::Gone,
            format!("{feed} is not there ({number}); look up its address anew"),
        ),
        StatusCode::TOO_MANY_REQUESTS => (
            retry(),
            format!("{feed} is asked too often (429); the next run asks again"),
        ),
        status if status.is_server_error() => (
            retry(),
            format!("{feed} is in trouble ({number}); the next run asks again"),
        ),
        _ => (
            ErrorKind::Broken,
            format!("{feed} answers with status {number}, and not with a calendar"),
        ),
    };
    ProviderError::new(kind, words)
}

/// A feed in messages.
pub(super) fn feed_at(url: &str) -> String {
    let host = http::shown(url);
    format!("the feed at {}", host.as_deref().unwrap_or("that address"))
}

fn broken(words: String) -> ProviderError {
    ProviderError::new(ErrorKind::Broken, words)
}

/// Reads a file whole.
pub(super) fn from_file(path: &Path) -> Answer<Fetched> {
    let failed = |error: &io::Error| {
        let (kind, words) = match error.kind() {
            io::ErrorKind::NotFound if holds_a_host(path) => (
                ErrorKind::Gone,
                "is not there; if an address is meant, begin it with https://".to_owned(),
            ),
            io::ErrorKind::NotFound => (ErrorKind::Gone, "is not there".to_owned()),
            _ => (ErrorKind::Broken, format!("cannot be read: {error}")),
        };
        ProviderError::new(kind, format!("{} {words}", path.display()))
    };
    let mut body = Vec::new();
    // Opening a pipe would wait for whoever writes to it.
    if !fs::metadata(path).map_err(|e| failed(&e))?.is_file() {
        return Err(broken(format!("{} is not a file", path.display())));
    }
    let file = fs::File::open(path).map_err(|e| failed(&e))?;
    file.take(FILE_MAX + 1)
        .read_to_end(&mut body)
        .map_err(|e| failed(&e))?;
    if u64::try_from(body.len()).is_ok_and(|len| len > FILE_MAX) {
        let words = format!("{} is larger than {} MiB", path.display(), FILE_MAX >> 20);
        return Err(broken(words));
    }
    let marks = Marks::of(&body);
    Ok(Fetched::Body(body.into(), marks))
}

/// Whether a part of a path could be the name of a host.
fn holds_a_host(path: &Path) -> bool {
    let folders = path.parent().into_iter().flat_map(Path::components);
    let mut names = folders.filter_map(|part| part.as_os_str().to_str());
    names.any(|name| {
        let (before, last) = name.rsplit_once('.').unwrap_or_default();
        !before.is_empty() && last.len() > 1 && last.bytes().all(|b| b.is_ascii_alphabetic())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_leads_where_it_says() {
        let from = "https://a.example/x/y.ics?k=1";
        for (location, to) in [
            ("https://b.example/z", "https://b.example/z"),
            ("webcal://b.example/z", "https://b.example/z"),
            ("//b.example/z", "https://b.example/z"),
            ("/z.ics", "https://a.example/z.ics"),
            ("z.ics", "https://a.example/x/z.ics"),
        ] {
            assert_eq!(elsewhere(from, location).as_deref(), Some(to), "{location}");
        }
        assert_eq!(elsewhere(from, "ftp://b.example/z"), None);
        assert_eq!(
            elsewhere("https://a.example", "z").as_deref(),
            Some("https://a.example/z")
        );
    }

    #[test]
    fn who_may_sign_in_is_no_part_of_the_address() {
        for (written, url, login) in [
            ("https://e.org/x", "https://e.org/x", None),
            ("https://e.org/a@b", "https://e.org/a@b", None),
            (
                "https://u:p@e.org:1/x?k",
                "https://e.org:1/x?k",
                Some("u:p"),
            ),
            (
                "https://u%40e.org:p%3A%C3%A9@q@e.org",
                "https://e.org",
                Some("u@e.org:p:é@q"),
            ),
            ("https://u@e.org/", "https://e.org/", Some("u:")),
        ] {
            let (found, secret) = apart(written);
            assert_eq!(found, url);
            assert_eq!(secret.as_ref().map(Secret::expose), login);
        }
        for location in ["https://u:p@f.org/y", "https://u:100%@f.org/y"] {
            let next = elsewhere("https://e.org/x", location);
            assert_eq!(next.as_deref(), Some("https://f.org/y"));
        }
    }

    #[test]
    fn webcal_means_https() {
        assert_eq!(
            web_address("WEBCAL://a.example/c.ics").as_deref(),
            Some("https://a.example/c.ics")
        );
        assert_eq!(
            web_address("webcal://127.0.0.1:8080/c.ics").as_deref(),
            Some("http://127.0.0.1:8080/c.ics")
        );
        assert_eq!(web_address("~/c.ics"), None);
        assert_eq!(web_address("file:///c.ics"), None);
    }
}
