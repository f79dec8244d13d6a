//! Stands between calsync and a server that hangs up after each answer, carries each request over whole, and stops at the
//! one that a test names: before it reaches the server, when it is done but not answered, or when it is answered.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
};

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The server has not heard of it.
    Before,
    /// It is done, and nobody was told.
    Done,
    /// It is answered.
    Answered,
}

/// Where a ferry stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Halt {
    /// At the request of this number, counted from one.
    pub(crate) nth: usize,
    pub(crate) moment: Moment,
}

/// What becomes of the request at which a ferry stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Waits,
    Goes,
    Sinks,
}

#[derive(Debug)]
struct Log {
    halt: Option<Halt>,
    seen: usize,
    stopped: bool,
    fate: Fate,
    /// How many requests are on their way.
    under_way: usize,
}

/// Carries requests over, and stops where it is told to.
#[derive(Clone, Debug)]
pub(crate) struct Ferry {
    port: u16,
    log: Arc<(Mutex<Log>, Condvar)>,
}

impl Ferry {
    /// Stands before a server on this machine.
    pub(crate) fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let log = Log {
            halt: None,
            seen: 0,
            stopped: false,
            fate: Fate::Goes,
            under_way: 0,
        };
        let ferry = Self {
            port: listener.local_addr().unwrap().port(),
            log: Arc::new((Mutex::new(log), Condvar::new())),
        };
        let worker = ferry.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                worker.change(|log| log.under_way += 1);
                let worker = worker.clone();
                thread::spawn(move || {
                    // Either end may be gone: that is what this is about.
                    let _carried = worker.carry(client, server);
                    worker.change(|log| log.under_way -= 1);
                });
            }
        });
        ferry
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// From now on requests are counted, and this one is where it stops; or none.
    pub(crate) fn halt(&self, halt: Option<Halt>) {
        self.change(|log| {
            log.halt = halt;
            log.seen = 0;
            log.stopped = false;
            log.fate = Fate::Waits;
        });
    }

    pub(crate) fn has_stopped(&self) -> bool {
        self.log.0.lock().unwrap().stopped
    }

    /// The request at which it stopped goes on its way.
    pub(crate) fn go_on(&self) {
        self.change(|log| log.fate = Fate::Goes);
    }

    /// The request at which it stopped gets no further.
    pub(crate) fn sink(&self) {
        self.change(|log| log.fate = Fate::Sinks);
    }

    /// Whether nothing is on its way.
    pub(crate) fn is_quiet(&self) -> bool {
        self.log.0.lock().unwrap().under_way == 0
    }

    fn change(&self, change: impl FnOnce(&mut Log)) {
        change(&mut self.log.0.lock().unwrap());
        self.log.1.notify_all();
    }

    fn carry(&self, mut client: TcpStream, server: u16) -> Option<()> {
        let request = request(&mut client)?;
        let number = {
            let mut log = self.log.0.lock().unwrap();
            log.seen += 1;
            log.seen
        };
        self.pass(number, Moment::Before)?;
        let mut upstream = TcpStream::connect(("127.0.0.1", server)).ok()?;
        upstream.write_all(&request).ok()?;
        let mut answer = Vec::new();
        // A server that dies here says what it says until then.
        let read = upstream.read_to_end(&mut answer);
        self.pass(number, Moment::Done)?;
        read.ok()?;
        client.write_all(&answer).ok()?;
        client.shutdown(Shutdown::Both).ok()?;
        self.pass(number, Moment::Answered)
    }

    /// Waits, if this is where it is to stop; nothing if the request gets no further.
    fn pass(&self, number: usize, moment: Moment) -> Option<()> {
        let here = Halt {
            nth: number,
            moment,
        };
        let mut log = self.log.0.lock().unwrap();
        if log.halt != Some(here) || log.fate != Fate::Waits {
            return Some(());
        }
        log.stopped = true;
        let waits = |log: &mut Log| log.fate == Fate::Waits;
        let log = self.log.1.wait_while(log, waits).unwrap();
        (log.fate == Fate::Goes).then_some(())
    }
}

/// A whole request; nothing if whoever sends it is gone before its end.
fn request(client: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 << 10];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let mut lines = head.lines();
            let length = lines.find_map(|line| line.strip_prefix("content-length:"));
            let length = length.map_or(0, |length| length.trim().parse().unwrap());
            if bytes.len() >= end + 4 + length {
                return Some(bytes);
            }
        }
        match client.read(&mut buffer) {
            Ok(length @ 1..) => bytes.extend_from_slice(&buffer[..length]),
            _ => return None,
        }
    }
}
