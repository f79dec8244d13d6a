//! Addresses of what a server keeps: which are the same, which one a relative one means, and whom a password may be shown to.
//! Pure.

use std::{fmt, net::IpAddr};

/// Where something is: a server, and a path there. Two that mean the same are equal, however servers spell them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// Scheme, host and port.
    origin: String,
    /// The path, decoded as far as its meaning stays the same.
    path: String,
}

impl fmt::Display for Address {
    /// In the one form that all spellings share, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.path)
    }
}

impl Address {
    /// Reads a whole address.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (host, path) = rest.split_at_checked(end)?;
        // Whoever may sign in is not for a server to say.
        let host = host.rsplit('@').next()?.to_ascii_lowercase();
        let usual = match &*scheme {
            "https" => ":443",
            "http" => ":80",
            _ => return None,
        };
        let host = host.strip_suffix(usual).unwrap_or(&host);
        (!host.is_empty()).then(|| Self {
            origin: format!("{scheme}://{host}"),
            path: canonical(path),
        })
    }

    /// What a server means by a reference in something that lies here.
    pub fn join(&self, href: &str) -> Option<Self> {
        let href = href.trim();
        if let Some(rest) = href.strip_prefix("//") {
            let (scheme, _) = self.origin.split_once("://")?;
            return Self::parse(&format!("{scheme}://{rest}"));
        }
        if is_whole(href) {
            return Self::parse(href);
        }
        let path = match href.starts_with('/') {
            true => canonical(href),
            false => {
                let folder = self.path.rfind('/').and_then(|at| self.path.get(..=at));
                format!("{}{}", folder.unwrap_or("/"), canonical_part(href))
            }
        };
        Some(self.at(path))
    }

    fn at(&self, path: String) -> Self {
        Self {
            origin: self.origin.clone(),
            path,
        }
    }

    /// The same, as that of something that holds others.
    #[must_use]
    pub fn as_folder(&self) -> Self {
        match self.path.ends_with('/') {
            true => self.clone(),
            false => self.at(format!("{}/", self.path)),
        }
    }

    /// The same, of what a person typed: a slash too many has no meaning.
    #[must_use]
    pub fn as_typed(&self) -> Self {
        let mut path = self.path.clone();
        while path.contains("//") {
            path = path.replace("//", "/");
        }
        self.at(path)
    }

    /// What lies in this folder under a name, or, if it begins with a slash, at that path.
    #[must_use]
    pub fn inside(&self, name: &str) -> Self {
        match name.starts_with('/') {
            true => self.at(name.to_owned()),
            false => self.at(format!("{}{name}", self.path)),
        }
    }

    /// What lies at a path of this server that no person chose.
    #[must_use]
    pub fn well_known(&self) -> Self {
        self.at("/.well-known/caldav".to_owned())
    }

    /// The name of something in this folder, if it lies there; else its whole path. Nothing for the folder itself.
    pub fn name_of(&self, other: &Self) -> Option<String> {
        let own = self.path.trim_end_matches('/');
        if other.path.trim_end_matches('/') == own {
            return None;
        }
        let inside = other.path.strip_prefix(&*self.path);
        Some(inside.unwrap_or(&other.path).to_owned())
    }

    /// Whether something lies right in this folder, as far as a server says: at this server, or at one of the same owner, which
    /// some services call by several names.
    pub fn holds(&self, other: &Self) -> bool {
        let is_here = self.origin == other.origin;
        let is_kin = || self.origin.starts_with("https://") && self.trusts(other);
        let name = other.path.strip_prefix(&*self.path);
        (is_here || is_kin()) && name.is_some_and(|name| !name.is_empty() && !name.contains('/'))
    }

    /// The address as it is asked for.
    pub fn url(&self) -> String {
        format!("{}{}", self.origin, self.uri())
    }

    /// The path as it stands in a request.
    pub fn uri(&self) -> String {
        encoded(&self.path)
    }

    /// How it is written in a configuration beside an account at `base`.
    pub fn id(&self, base: &Self) -> String {
        match self.origin == base.origin {
            true => self.path.clone(),
            false => format!("{}{}", self.origin, self.path),
        }
    }

    /// The path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The host, without its port.
    pub fn host(&self) -> &str {
        let host = self.host_and_port();
        match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => host,
        }
    }

    /// The host, with its port if that is not the usual one: for people.
    pub fn host_and_port(&self) -> &str {
        self.origin.split_once("://").map_or("", |(_, host)| host)
    }

    /// Whether a password that is meant for this server may be shown to that one: they belong to the same owner, as far as
    /// names tell, and nobody listens in.
    pub fn trusts(&self, other: &Self) -> bool {
        let is_safe = |it: &Self| it.origin.starts_with("https://");
        if self.origin == other.origin {
            return true;
        }
        let (mine, theirs) = (self.host(), other.host());
        // Without TLS nothing proves who listens at another port of this machine.
        if !is_safe(other) {
            return false;
        }
        mine == theirs || owner(mine).is_some_and(|site| Some(site) == owner(theirs))
    }
}

/// The domain that somebody registered; a number has none.
fn owner(host: &str) -> Option<&str> {
    let number = host.trim_start_matches('[').trim_end_matches(']');
    if number.parse::<IpAddr>().is_ok() {
        return None;
    }
    psl::domain_str(host)
}

fn is_whole(href: &str) -> bool {
    let scheme = href.split_once("://").map_or("", |(scheme, _)| scheme);
    !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// A path in the one form that all spellings of it share.
pub fn canonical(path: &str) -> String {
    let path = canonical_part(path);
    match path.starts_with('/') {
        true => path,
        false => format!("/{path}"),
    }
}

/// Decodes what stands in percent, save what would mean something else then: a slash, a percent sign, and what is no text.
fn canonical_part(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        match (first, escape(rest)) {
            (b'%', Some((b'/' | b'%' | 0..=31 | 127.., after))) => {
                let kept = rest.get(..rest.len() - after.len()).unwrap_or_default();
                bytes.extend(kept.to_ascii_uppercase());
                rest = after;
            }
            (b'%', Some((byte, after))) => {
                bytes.push(byte);
                rest = after;
            }
            (b'%', None) => {
                bytes.extend(b"%25");
                rest = tail;
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    decoded_words(&text)
}

/// The byte that an escape at the beginning means, and what comes after it.
fn escape(text: &[u8]) -> Option<(u8, &[u8])> {
    let [b'%', high, low, rest @ ..] = text else {
        return None;
    };
    let digit = |c: &u8| {
        char::from(*c)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    Some((digit(high)? << 4 | digit(low)?, rest))
}

/// Decodes runs of escapes that are text beyond ASCII.
fn decoded_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let (before, run) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(before);
        let mut bytes = Vec::new();
        let mut after = run.as_bytes();
        while let Some((byte @ 128.., next)) = escape(after) {
            bytes.push(byte);
            after = next;
        }
        let length = run.len() - after.len();
        let (spelled, next) = run.split_at_checked(length).unwrap_or((run, ""));
        match str::from_utf8(&bytes) {
            Ok(word) if !word.is_empty() => out.push_str(word),
            _ if length > 0 => out.push_str(spelled),
            _ => out.push('%'),
        }
        rest = if length > 0 {
            next
        } else {
            run.get(1..).unwrap_or_default()
        };
    }
    out.push_str(rest);
    out
}

/// A canonical path as it stands in a request: escapes that were left in it stay as they are.
fn encoded(path: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(path.len());
    let bytes = path.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        let is_escape = byte == b'%' && bytes.get(at..).and_then(escape).is_some();
        if byte.is_ascii_alphanumeric() || b"-._~/@!$&'()*+,;=:".contains(&byte) || is_escape {
            out.push(char::from(byte));
            continue;
        }
        out.push('%');
        for half in [byte >> 4, byte & 15] {
            let digit = DIGITS.get(usize::from(half));
            out.extend(digit.map(|digit| char::from(*digit)));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    #[test]
    fn however_it_is_spelled_it_is_the_same_address() {
        for (one, other) in [
            ("https://Example.org:443/a%40b/", "HTTPS://example.org/a@b/"),
            ("http://127.0.0.1:80/x", "http://127.0.0.1/x"),
            (
                "https://e.org/caf%c3%a9%20x.ics",
                "https://e.org/café x.ics",
            ),
            ("https://e.org/a%2fb", "https://e.org/a%2Fb"),
            ("https://e.org", "https://e.org/"),
        ] {
            assert_eq!(at(one), at(other), "{one}");
        }
        assert_ne!(at("https://e.org/a%2Fb"), at("https://e.org/a/b"));
        assert_ne!(at("https://e.org/a%2541"), at("https://e.org/aA"));
        assert!(Address::parse("ftp://e.org/").is_none());
        assert!(Address::parse("/a/").is_none());
    }

    #[test]
    fn what_is_asked_for_means_what_the_server_said() {
        for (written, uri) in [
            ("https://e.org/a%2Fb%25c.ics", "/a%2Fb%25c.ics"),
            ("https://e.org/caf%C3%A9%20x.ics", "/caf%C3%A9%20x.ics"),
            ("https://e.org/%FF.ics", "/%FF.ics"),
            ("https://e.org/100%.ics", "/100%25.ics"),
            ("https://e.org/a\"<b>.ics", "/a%22%3Cb%3E.ics"),
            ("https://e.org/a%2541", "/a%2541"),
            ("https://e.org/%0D%0Ax", "/%0D%0Ax"),
            ("https://e.org/%E2%82x", "/%E2%82x"),
        ] {
            assert_eq!(at(written).uri(), uri, "{written}");
            assert_eq!(at(&at(written).url()), at(written), "{written}");
        }
    }

    #[test]
    fn references_are_read_from_where_they_stand() {
        let base = at("https://e.org/dav/cal/");
        for (href, url) in [
            ("x.ics", "https://e.org/dav/cal/x.ics"),
            ("/x.ics", "https://e.org/x.ics"),
            ("https://p7.e.org/y/", "https://p7.e.org/y/"),
            ("//p7.e.org/y/", "https://p7.e.org/y/"),
        ] {
            assert_eq!(base.join(href).unwrap().url(), url);
        }
        let name = |href: &str| base.name_of(&base.join(href).unwrap());
        assert_eq!(name("/dav/cal/a%20b.ics").as_deref(), Some("a b.ics"));
        assert_eq!(name("/dav/cal/"), None);
        assert_eq!(name("/dav/cal"), None);
        assert_eq!(name("/other/a.ics").as_deref(), Some("/other/a.ics"));
        assert_eq!(
            base.inside("a b.ics").url(),
            "https://e.org/dav/cal/a%20b.ics"
        );
        assert_eq!(
            base.inside("/other/a.ics").url(),
            "https://e.org/other/a.ics"
        );
    }

    #[test]
    fn a_password_stays_with_those_it_is_meant_for() {
        let trusts = |one: &str, other: &str| at(one).trusts(&at(other));
        assert!(trusts(
            "https://caldav.icloud.com",
            "https://p42-caldav.icloud.com:443/1/"
        ));
        assert!(trusts(
            "https://caldav.fastmail.com",
            "https://d1.caldav.fastmail.com"
        ));
        assert!(trusts("https://posteo.de", "https://posteo.de:8443/"));
        assert!(trusts("http://127.0.0.1:1", "http://127.0.0.1:1/x/"));
        for (one, other) in [
            ("https://caldav.icloud.com", "https://icloud.com.evil.org"),
            ("https://a.example.org", "http://a.example.org"),
            ("https://alice.co.uk", "https://mallory.co.uk"),
            ("https://alice.duckdns.org", "https://mallory.duckdns.org"),
            ("https://10.0.0.1", "https://10.1.0.1"),
            ("http://127.0.0.1:1", "http://localhost:1"),
            ("http://127.0.0.1:1", "http://127.0.0.1:2"),
            ("https://com", "https://evil.com"),
        ] {
            assert!(!trusts(one, other), "{one} {other}");
        }
    }
}
