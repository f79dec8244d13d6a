//! The socket: a thread with a small runtime that takes requests in and lets faults happen on the wire. Must never decide what
//! an answer says.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    task::{Context, Poll},
    thread::JoinHandle,
};

use futures_util::future::select;
use http_body_util::BodyExt as _;
use hyper::{
    Response,
    body::{Body, Bytes, Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{oneshot, watch},
};

use super::{
    exchange::{Reply, Request},
    faults::Fault,
    gzip::pack,
};

/// Whoever is behind the socket, and decides what an answer says.
pub(crate) trait Behind: Send + 'static {
    /// Notes a request; answers its number, and what goes wrong with it.
    fn begin(&mut self, request: &Request) -> (usize, Option<Fault>);

    /// Does what is asked.
    fn answer(&mut self, request: &Request) -> Reply;

    /// Notes how the request of this number is answered, and adds what every answer says.
    fn finish(&mut self, number: usize, reply: Reply) -> Reply;
}

/// A server that runs until it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// How many connections are open.
    open: watch::Sender<usize>,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(world: Arc<Mutex<impl Behind>>) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let open = watch::Sender::new(0);
        let count = open.clone();
        let thread = std::thread::Builder::new().name("fake-server".to_owned());
        let thread = thread.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_io()
                .build();
            runtime.unwrap().block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                // Nothing ever comes through: the other end is dropped.
                drop(select(pin!(accept(listener, world, count)), stopped).await);
            });
        });
        Self {
            address,
            open,
            stop: Some(stop),
            thread: Some(thread.unwrap()),
        }
    }
}

impl Server {
    /// Waits until nobody is connected, and so all that was ever sent has been dealt with.
    pub(crate) async fn idle(&self) {
        // Whoever connected before this is answered, or at least known of, before this is.
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let knock = b"GET / HTTP/1.1\r\nhost: fake\r\nconnection: close\r\n\r\n";
        stream.write_all(knock).await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.unwrap();
        drop(stream);
        let mut open = self.open.subscribe();
        open.wait_for(|open| *open == 0).await.map(drop).unwrap();
    }
}

impl Drop for Server {
    /// Ends the thread, and with it every connection, also those that wait at a gate.
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            // A second panic while a test fails would hide the first.
            assert!(
                ended.is_ok() || std::thread::panicking(),
                "the fake server broke"
            );
        }
    }
}

async fn accept(listener: TcpListener, world: Arc<Mutex<impl Behind>>, open: watch::Sender<usize>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        // Small answers go out at once, so that a measured run measures the client.
        stream.set_nodelay(true).unwrap();
        let world = Arc::clone(&world);
        open.send_modify(|open| *open += 1);
        let open = open.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| serve(request, Arc::clone(&world)));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // A connection that ends badly is what faults are about; clients tell of it.
            drop(connection.await);
            open.send_modify(|open| *open -= 1);
        });
    }
}

/// Why a connection is closed without an answer.
fn hang_up() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

async fn serve(
    request: hyper::Request<Incoming>,
    world: Arc<Mutex<impl Behind>>,
) -> io::Result<Response<Sent>> {
    let request = read(request).await?;
    let (number, fault) = world.lock().unwrap().begin(&request);
    let held = match &fault {
        Some(Fault::Hold(gate)) => Some(gate.clone()),
        _ => None,
    };
    if let Some(gate) = &held {
        gate.pass().await;
    }
    let (mut reply, fault) = match fault {
        Some(Fault::Close) => return Err(hang_up()),
        Some(Fault::Answer(reply)) => (reply, None),
        other => (world.lock().unwrap().answer(&request), other),
    };
    reply = world.lock().unwrap().finish(number, reply);
    if let Some(gate) = held {
        gate.note_done();
    }
    let mut cut = None;
    match fault {
        Some(Fault::LoseAnswer) => return Err(hang_up()),
        Some(Fault::HoldAnswer(gate)) => gate.pass().await,
        Some(Fault::Cut(after)) => cut = Some((after, true)),
        Some(Fault::CutChunked(after)) => cut = Some((after, false)),
        Some(Fault::Alter(change)) => {
            let mut body = serde_json::from_slice(&reply.body).expect("only JSON can be altered");
            change(&mut body);
            reply.body = body.to_string().into_bytes();
        }
        Some(Fault::Header(name, value)) => reply = reply.with(&name, &value),
        _ => {}
    }
    Ok(respond(pack(&request, reply), cut))
}

async fn read(request: hyper::Request<Incoming>) -> io::Result<Request> {
    let (head, body) = request.into_parts();
    let target = head
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let mut read = Request::new(head.method.as_str(), target);
    for (name, value) in &head.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        read.headers.insert(name.as_str().to_owned(), value);
    }
    let body = body.collect().await.map_err(io::Error::other)?;
    read.body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    Ok(read)
}

fn respond(reply: Reply, cut: Option<(usize, bool)>) -> Response<Sent> {
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    let whole = reply.body.len();
    let mut body = reply.body;
    if let Some((after, announced)) = cut {
        assert!(
            after < whole,
            "a body of {whole} bytes cannot be cut after {after}"
        );
        body.truncate(after);
        if announced {
            response = response.header("content-length", whole);
        }
    }
    let sent = Sent {
        left: Some(body.into()),
        cut: cut.map(|_| Turns::default()),
    };
    response.body(sent).unwrap()
}

/// A body that may break off.
struct Sent {
    left: Option<Bytes>,
    cut: Option<Turns>,
}

/// How often the connection was given time to send what it has.
#[derive(Default)]
struct Turns(u8);

impl Body for Sent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(bytes) = self.left.take().filter(|bytes| !bytes.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match &mut self.cut {
            None => Poll::Ready(None),
            Some(Turns(3)) => Poll::Ready(Some(Err(hang_up()))),
            // What was sent so far has to leave before the end comes, or nothing of it arrives.
            Some(Turns(turns)) => {
                *turns += 1;
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.cut.is_none() && self.left.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.cut {
            None => SizeHint::with_exact(
                self.left
                    .as_ref()
                    .map_or(0, |left| u64::try_from(left.len()).unwrap()),
            ),
            Some(_) => SizeHint::new(),
        }
    }
}
