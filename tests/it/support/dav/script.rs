//! A server on loopback that answers as a test says: for what real ones never do when one wants it.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// What was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) method: String,
    pub(crate) path: String,
    /// All headers, as they came.
    pub(crate) head: String,
    pub(crate) body: String,
}

/// What is answered: a status, headers, a body.
#[derive(Clone, Debug)]
pub(crate) struct Says {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Says {
    pub(crate) fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<String>) -> Self {
        self.body = body.into();
        self
    }

    /// A multistatus with these responses, and what comes after them.
    pub(crate) fn many(inside: &str) -> Self {
        Self::status(207).body(format!(
            "<?xml version=\"1.0\"?><d:multistatus xmlns:d=\"DAV:\" xmlns:c=\"urn:ietf:params:xml:ns:caldav\" \
             xmlns:s=\"http://calendarserver.org/ns/\">{inside}</d:multistatus>"
        ))
    }
}

/// What is said of one resource: properties that it has.
pub(crate) fn found(href: &str, props: &str) -> String {
    format!(
        "<d:response><d:href>{href}</d:href><d:propstat><d:prop>{props}</d:prop><d:status>HTTP/1.1 200 OK</d:status>\
         </d:propstat></d:response>"
    )
}

/// What is said of one resource: how asking for it went.
pub(crate) fn went(href: &str, status: u16) -> String {
    format!(
        "<d:response><d:href>{href}</d:href><d:status>HTTP/1.1 {status} X</d:status></d:response>"
    )
}

/// A server that answers as it is told.
#[derive(Debug)]
pub(crate) struct Script {
    port: u16,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Script {
    pub(crate) fn start(answer: impl Fn(&Heard) -> Says + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&heard);
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let Some(asked) = read(&mut stream) else {
                    continue;
                };
                let says = answer(&asked);
                notes.lock().unwrap().push(asked);
                // The client may be gone.
                let _sent = stream.write_all(&bytes(&says));
            }
        });
        Self { port, heard }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What was asked since the last time this was asked.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }

    /// The same, as methods and paths.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |heard: &Heard| format!("{} {}", heard.method, heard.path);
        self.heard().iter().map(line).collect()
    }
}

fn read(stream: &mut TcpStream) -> Option<Heard> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 << 10];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                let is_it = name.eq_ignore_ascii_case("content-length");
                is_it.then(|| value.trim().parse::<usize>().ok())?
            });
            if body.len() >= length.unwrap_or(0) {
                let mut words = head.split(' ');
                return Some(Heard {
                    method: words.next()?.to_owned(),
                    path: words.next()?.to_owned(),
                    head: head.to_owned(),
                    body: body.to_owned(),
                });
            }
        }
        match stream.read(&mut buffer) {
            Ok(length @ 1..) => bytes.extend_from_slice(&buffer[..length]),
            _ => return None,
        }
    }
}

fn bytes(says: &Says) -> Vec<u8> {
    let headers: Vec<String> = says
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    // 204 and 304 have no body, and no length of one.
    let length = match says.status {
        204 | 304 => String::new(),
        _ => format!("Content-Length: {}\r\n", says.body.len()),
    };
    format!(
        "HTTP/1.1 {} X\r\n{length}Connection: close\r\n{}\r\n{}",
        says.status,
        headers.concat(),
        says.body
    )
    .into_bytes()
}
