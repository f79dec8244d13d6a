//! Stands between calsync and a server that hangs up after each answer, and notes what is asked.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// Passes on what is said, and notes the first line of each request.
#[derive(Clone, Debug)]
pub(crate) struct Witness {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Witness {
    /// Stands before a server on this machine.
    pub(crate) fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&heard);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let notes = Arc::clone(&notes);
                thread::spawn(move || pass(client, server, &notes));
            }
        });
        Self { port, heard }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The methods that were asked since the last time this was asked.
    pub(crate) fn methods(&self) -> Vec<String> {
        let heard = std::mem::take(&mut *self.heard.lock().unwrap());
        let method = |line: &String| line.split(' ').next().unwrap().to_owned();
        heard.iter().map(method).collect()
    }
}

fn pass(mut client: TcpStream, server: u16, notes: &Mutex<Vec<String>>) {
    let Ok(mut upstream) = TcpStream::connect(("127.0.0.1", server)) else {
        return;
    };
    let (Ok(mut back_from), Ok(mut back_to)) = (upstream.try_clone(), client.try_clone()) else {
        return;
    };
    let answers = thread::spawn(move || {
        let _all = std::io::copy(&mut back_from, &mut back_to);
        let _closed = back_to.shutdown(Shutdown::Both);
    });
    let mut buffer = [0; 16 << 10];
    let mut head = Vec::new();
    let mut noted = false;
    while let Ok(length @ 1..) = client.read(&mut buffer) {
        head.extend_from_slice(&buffer[..length]);
        // The server takes one request for each connection.
        if let Some(end) = head.iter().position(|b| *b == b'\r').filter(|_| !noted) {
            noted = true;
            let line = String::from_utf8_lossy(&head[..end]).into_owned();
            notes.lock().unwrap().push(line);
        }
        if upstream.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _closed = upstream.shutdown(Shutdown::Write);
    let _ended = answers.join();
}
