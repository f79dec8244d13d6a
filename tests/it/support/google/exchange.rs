//! What goes over the wire, as values: a request taken apart, and a reply. Must never know what Google is.

use std::collections::BTreeMap;

use serde_json::Value;

/// A request, with the path as it was sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Still percent-encoded.
    pub(crate) path: String,
    /// Decoded, in the order in which it was sent.
    pub(crate) query: Vec<(String, String)>,
    /// By name in small letters.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Request {
    /// Splits a request target into path and query.
    pub(crate) fn new(method: &str, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: pairs(query),
            ..Self::default()
        }
    }

    /// The parts of the path, decoded one by one: a slash inside an id stays in the id.
    pub(crate) fn segments(&self) -> Vec<String> {
        let path = self.path.strip_prefix('/').unwrap_or(&self.path);
        path.split('/').map(|part| decode(part, false)).collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// A parameter of the query.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.params(name).into_iter().next()
    }

    /// All values of a parameter that may be repeated.
    pub(crate) fn params(&self, name: &str) -> Vec<&str> {
        let named = self.query.iter().filter(|(key, _)| key == name);
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// The body as a form.
    pub(crate) fn form(&self) -> BTreeMap<String, String> {
        pairs(&self.body).into_iter().collect()
    }

    /// The body as JSON, if it is that.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.body).ok()
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        let kind = "application/json; charset=UTF-8";
        Self {
            body: body.to_string().into_bytes(),
            ..Self::empty(status)
        }
        .with("content-type", kind)
    }

    pub(crate) fn html(status: u16, body: &str) -> Self {
        Self {
            body: body.as_bytes().to_vec(),
            ..Self::empty(status)
        }
        .with("content-type", "text/html; charset=UTF-8")
    }

    /// With this header, and no other of its name.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// `a=b&c=d`, decoded.
fn pairs(text: &str) -> Vec<(String, String)> {
    let parts = text.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            (decode(key, true), decode(value, true))
        })
        .collect()
}

/// Undoes percent-encoding; in forms and queries a plus is a space.
fn decode(text: &str, plus_is_space: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = tail
            .get(..2)
            .filter(|_| first == b'%')
            .and_then(|two| std::str::from_utf8(two).ok())
            .and_then(|two| u8::from_str_radix(two, 16).ok());
        rest = if code.is_some() { &tail[2..] } else { tail };
        bytes.push(match (code, first) {
            (Some(code), _) => code,
            (None, b'+') if plus_is_space => b' ',
            (None, other) => other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Percent-encodes all but what is safe everywhere.
pub(crate) fn encode(text: &str) -> String {
    let safe = |b: &u8| b.is_ascii_alphanumeric() || b"-._~".contains(b);
    text.bytes()
        .map(|b| match safe(&b) {
            true => char::from(b).to_string(),
            false => format!("%{b:02X}"),
        })
        .collect()
}
