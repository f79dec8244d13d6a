//! A client of hyper's for crates that bring requests of their own, and that connects to nobody: what is asked of it comes out
//! at the other end of a pipe in this process, for somebody to answer who keeps to this room's rules.

use std::{
    convert::Infallible,
    fmt,
    future::{Ready, ready},
    io,
    pin::Pin,
    task::{Context, Poll},
};

use http::{StatusCode, Uri};
use http_body_util::{BodyExt as _, Collected, Full};
use hyper::{
    body::{Bytes, Incoming},
    rt::{Read, ReadBufCursor, Write},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{Connected, Connection},
    },
    rt::{TokioExecutor, TokioIo},
};
use tokio::{
    io::{DuplexStream, duplex},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

/// How much a pipe holds before whoever writes has to wait.
const PIPE: usize = 16 << 10;

/// A client whose requests come out of a [`Bridge`].
pub type Guest = Client<Plug, String>;

/// The other end of a client for guests.
pub struct Bridge(UnboundedReceiver<DuplexStream>);

/// Connects a guest to the bridge, whatever address is asked for.
#[derive(Clone, Debug)]
pub struct Plug(UnboundedSender<DuplexStream>);

/// A connection to the bridge.
#[derive(Debug)]
pub struct Pipe(TokioIo<DuplexStream>);

/// A client, and where its requests come out.
pub fn bridge() -> (Guest, Bridge) {
    let (plug, calls) = unbounded_channel();
    let guest = Client::builder(TokioExecutor::new()).build(Plug(plug));
    (guest, Bridge(calls))
}

impl Bridge {
    /// Answers request after request, each given by its path and its body. Ends when nobody can ask any more.
    pub async fn serve(mut self, answer: impl AsyncFn(String, Bytes) -> (StatusCode, Bytes)) {
        let answer = &answer;
        while let Some(pipe) = self.0.recv().await {
            let service = service_fn(async move |request: http::Request<Incoming>| {
                let path = request.uri().path().to_owned();
                // Whoever asks is in this process: what is cut was given up.
                let body = request.into_body().collect().await;
                let body = body.map(Collected::to_bytes).unwrap_or_default();
                let (status, body) = answer(path, body).await;
                let mut response = http::Response::new(Full::new(body));
                *response.status_mut() = status;
                Ok::<_, Infallible>(response)
            });
            // One request to a connection, so that the next one is not kept waiting by one that idles.
            let mut server = http1::Builder::new();
            let served = server.keep_alive(false);
            drop(served.serve_connection(TokioIo::new(pipe), service).await);
        }
    }
}

impl fmt::Debug for Bridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bridge(..)")
    }
}

impl tower_service::Service<Uri> for Plug {
    type Response = Pipe;
    type Error = io::Error;
    type Future = Ready<io::Result<Pipe>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let (near, far) = duplex(PIPE);
        let sent = self.0.send(far);
        let gone = |_| io::ErrorKind::ConnectionRefused.into();
        ready(sent.map(|()| Pipe(TokioIo::new(near))).map_err(gone))
    }
}

impl Connection for Pipe {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl Write for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
