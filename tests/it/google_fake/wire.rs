//! A client as small as can be: it sends what it is told and believes nothing. One connection for each request.

use std::{
    collections::BTreeMap,
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use serde_json::Value;

use crate::support::google::{FULL, FakeGoogle};

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
    /// Whether the body is all that was announced.
    pub(super) whole: bool,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        assert!(self.whole, "{self:?}");
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The answer to a request that must go well.
    pub(super) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }

    /// This status with this body, to the letter.
    pub(super) fn is(&self, status: u16, body: &str) {
        let expected: Value = serde_json::from_str(body).unwrap();
        assert_eq!((self.status, self.json()), (status, expected));
    }

    /// The first reason of a calendar's error.
    pub(super) fn reason(&self) -> (u16, String) {
        let body = self.json();
        let reason = body["error"]["errors"][0]["reason"].as_str().unwrap();
        (self.status, reason.to_owned())
    }
}

/// Sends a request; none if the connection was closed without an answer.
pub(super) fn send(
    fake: &FakeGoogle,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Option<Answer> {
    let endpoint = fake.endpoint();
    let host = endpoint.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_mins(1)))
        .unwrap();
    let mut head = format!(
        "{method} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    stream
        .write_all(format!("{head}\r\n{body}").as_bytes())
        .unwrap();
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error}"),
    }
    (!bytes.is_empty()).then(|| parse(&bytes))
}

fn parse(bytes: &[u8]) -> Answer {
    let end = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let headers: BTreeMap<_, _> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let rest = &bytes[end + 4..];
    let (body, whole) = match headers.get("content-length") {
        Some(length) => (
            rest.to_vec(),
            rest.len() == length.parse::<usize>().unwrap(),
        ),
        None if headers.contains_key("transfer-encoding") => unchunk(rest),
        None => (rest.to_vec(), true),
    };
    Answer {
        status,
        headers,
        body,
        whole,
    }
}

fn unchunk(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            return (body, true);
        }
        body.extend(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 4 + size..];
    }
    (body, false)
}

/// An account that uses the calendar API.
pub(super) struct User<'a> {
    pub(super) fake: &'a FakeGoogle,
    pub(super) bearer: String,
}

impl<'a> User<'a> {
    pub(super) fn of(fake: &'a FakeGoogle, account: &str) -> Self {
        Self::with_scope(fake, account, FULL)
    }

    pub(super) fn with_scope(fake: &'a FakeGoogle, account: &str, scope: &str) -> Self {
        let bearer = format!("Bearer {}", fake.access_token(account, scope));
        Self { fake, bearer }
    }

    /// A request to anything below `/calendar/v3`, with more headers.
    pub(super) fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Option<Answer> {
        let mut all = vec![("authorization", self.bearer.as_str())];
        all.extend(headers);
        send(
            self.fake,
            method,
            &format!("/calendar/v3{target}"),
            &all,
            body,
        )
    }

    pub(super) fn ask(&self, method: &str, target: &str, body: &str) -> Answer {
        self.send(method, target, &[], body).expect("an answer")
    }

    pub(super) fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, "")
    }

    pub(super) fn delete(&self, target: &str) -> Answer {
        self.ask("DELETE", target, "")
    }

    pub(super) fn post(&self, target: &str, body: &Value) -> Answer {
        self.ask("POST", target, &body.to_string())
    }

    pub(super) fn put(&self, target: &str, body: &Value) -> Answer {
        self.ask("PUT", target, &body.to_string())
    }

    pub(super) fn patch(&self, target: &str, body: &Value) -> Answer {
        self.ask("PATCH", target, &body.to_string())
    }
}
