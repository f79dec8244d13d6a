//! A server that publishes one calendar, and says whatever a test wants it to say. It takes a request, answers, and hangs up.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

/// What the server says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub(crate) body: Vec<u8>,
    pub(crate) etag: Option<String>,
    pub(crate) modified: Option<String>,
    pub(crate) gzip: bool,
    /// In place of a calendar: the whole answer, as it goes over the wire.
    pub(crate) raw: Option<Vec<u8>>,
}

#[derive(Default)]
struct Desk {
    said: Said,
    /// The head of each request, in lower case.
    asked: Vec<String>,
    over: bool,
}

/// A server that runs until it is dropped.
pub(crate) struct FeedServer {
    address: SocketAddr,
    desk: Arc<Mutex<Desk>>,
    thread: Option<JoinHandle<()>>,
}

impl FeedServer {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let desk = Arc::new(Mutex::new(Desk::default()));
        let inside = Arc::clone(&desk);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if inside.lock().unwrap().over {
                    return;
                }
                answer(stream.unwrap(), &inside);
            }
        });
        Self {
            address,
            desk,
            thread: Some(thread),
        }
    }

    /// The address of the calendar, with a part that only its owner knows.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/private-s3cr3t/basic.ics", self.address)
    }

    pub(crate) fn say(&self, said: Said) {
        self.desk.lock().unwrap().said = said;
    }

    /// A calendar with these components, in this version.
    pub(crate) fn publish(&self, body: &str, etag: Option<&str>) {
        self.say(Said {
            body: body.as_bytes().to_vec(),
            etag: etag.map(str::to_owned),
            ..Said::default()
        });
    }

    /// An answer as it goes over the wire.
    pub(crate) fn say_raw(&self, head: &str, body: &str) {
        self.say(Said {
            raw: Some(format!("{head}\r\nconnection: close\r\n\r\n{body}").into()),
            ..Said::default()
        });
    }

    /// What was asked since this was last asked.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.desk.lock().unwrap().asked)
    }
}

impl Drop for FeedServer {
    fn drop(&mut self) {
        self.desk.lock().unwrap().over = true;
        // Somebody has to knock for it to look up.
        drop(TcpStream::connect(self.address));
        drop(self.thread.take().unwrap().join());
    }
}

fn answer(mut stream: TcpStream, desk: &Mutex<Desk>) {
    let mut head = String::new();
    for line in BufReader::new(&stream).lines() {
        let Ok(line) = line else { return };
        if line.is_empty() {
            break;
        }
        head.push_str(&line.to_ascii_lowercase());
        head.push('\n');
    }
    let mut desk = desk.lock().unwrap();
    let said = desk.said.clone();
    let bytes = said.raw.clone().unwrap_or_else(|| said.answer(&head));
    desk.asked.push(head);
    drop(desk);
    // Whoever asked may have hung up.
    drop(stream.write_all(&bytes));
}

impl Said {
    fn answer(&self, asked: &str) -> Vec<u8> {
        let marks = [
            ("etag", "if-none-match", &self.etag),
            ("last-modified", "if-modified-since", &self.modified),
        ];
        let mut head = String::from("connection: close\r\ncontent-type: text/calendar\r\n");
        let mut known = false;
        for (name, question, value) in marks {
            if let Some(value) = value {
                head.extend([name, ": ", value, "\r\n"]);
                known |= asked.contains(&format!("{question}: {}", value.to_ascii_lowercase()));
            }
        }
        if known {
            return format!("HTTP/1.1 304 Not Modified\r\n{head}\r\n").into();
        }
        let body = match self.gzip && asked.contains("gzip") {
            true => {
                head.push_str("content-encoding: gzip\r\n");
                crate::support::google::gzip(&self.body)
            }
            false => self.body.clone(),
        };
        let length = body.len();
        let mut bytes =
            format!("HTTP/1.1 200 OK\r\n{head}content-length: {length}\r\n\r\n").into_bytes();
        bytes.extend(body);
        bytes
    }
}
