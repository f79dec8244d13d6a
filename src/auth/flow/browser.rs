//! A browser, here or elsewhere. Afterwards it is sent to a port of this machine: it gets there by itself, through a tunnel, or
//! a person carries over the address that it could not reach.

use std::{io, pin::pin, time::Duration};

use futures_util::{
    future::{Either, select},
    stream::{FuturesUnordered, StreamExt as _},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc::UnboundedReceiver,
};

use super::{
    Ask, Asked, Newcomer, Outcome, Tell,
    consent::{Brought, Consent},
};
use crate::{
    auth::{
        OauthClient, Way,
        token::{self, Refusal},
        words,
    },
    clock::Clock,
    http::StatusCode,
    provider::{Answer, ErrorKind},
    secrets::Secret,
};

/// How long a person may take.
const PERSON_MAX: Duration = Duration::from_mins(15);
/// How long a browser may take to say what it wants, and how much it may say.
const REQUEST_MAX: (Duration, usize) = (Duration::from_secs(10), 16 << 10);

/// Signs in with a browser.
pub(super) async fn run(
    new: &Newcomer,
    client: &OauthClient,
    way: Way,
    asked: Asked,
) -> Answer<Outcome> {
    let Asked { tell, pasted } = asked;
    let closed = |error: io::Error| {
        let words = format!("no port of this machine can be opened for the browser: {error}");
        new.error(ErrorKind::Broken, &words)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(closed)?;
    let port = listener.local_addr().map_err(closed)?.port();
    let consent = Consent::new(format!("http://127.0.0.1:{port}/"));
    let consent = consent.ok_or_else(|| {
        new.error(
            ErrorKind::Broken,
            "the system gives no random numbers, so nobody can sign in safely",
        )
    })?;
    let address = consent.address(&new.google.endpoint, client);
    tell(&Ask::Page {
        address: &address,
        port,
        minutes: PERSON_MAX.as_secs() / 60,
    });
    let visits = pin!(visits(new.clock(), &listener, &consent));
    let pastes = pin!(pastes(pasted, &consent, &tell));
    let comes = select(visits, pastes);
    let come = new.clock().limit(PERSON_MAX, comes).await;
    let Some(Either::Left((brought, _)) | Either::Right((brought, _))) = come else {
        let words = "nobody came back from Google's page in time; start again";
        return Err(new.error(ErrorKind::SignIn, words));
    };
    let code = match brought {
        Ok(code) => code,
        Err(code) if words::is_code(&code) => return Err(new.refused(Refusal::No(code))),
        Err(_) => return Err(new.refused(Refusal::Odd(StatusCode::BAD_REQUEST))),
    };
    exchange(new, client, way, &consent, &code).await
}

async fn exchange(
    new: &Newcomer,
    client: &OauthClient,
    way: Way,
    consent: &Consent,
    code: &Secret,
) -> Answer<Outcome> {
    let form = [
        ("client_id", client.id.as_str()),
        ("client_secret", client.secret.expose()),
        ("code", code.expose()),
        ("code_verifier", consent.verifier.expose()),
        ("redirect_uri", &consent.redirect),
        ("grant_type", "authorization_code"),
    ];
    let granted = match token::ask(&new.line, &new.google.endpoint.token(), &form).await {
        Ok(granted) => granted,
        // It is the code that is too old, or was used twice; nothing is stored yet that could have died.
        Err(Refusal::No(code)) if code == "invalid_grant" => {
            let words = "Google does not take what its page gave: it is good once, and for a few minutes; start again";
            return Err(new.error(ErrorKind::SignIn, words));
        }
        Err(refusal) => return Err(new.refused(refusal)),
    };
    new.keep(way, &granted).await
}

/// What the person pastes, until it is the right thing. If nothing more can come, the browser may still come by itself.
async fn pastes(
    pasted: Option<UnboundedReceiver<String>>,
    consent: &Consent,
    tell: &Tell,
) -> Result<Secret, String> {
    let Some(mut pasted) = pasted else {
        return std::future::pending().await;
    };
    while let Some(line) = pasted.recv().await {
        match consent.read(&line) {
            Brought::Code(code) => return Ok(code),
            Brought::No(code) => return Err(code),
            Brought::Stranger if line.trim().is_empty() => {}
            Brought::Stranger => tell(&Ask::Again(
                "That is not the address from this sign-in. Copy all of it from the browser's address bar; it begins with \
                 http://127.0.0.1",
            )),
        }
    }
    tell(&Ask::Again(
        "Nothing can be pasted here any more. What is left is the way by ssh, or to begin anew on a terminal.",
    ));
    std::future::pending().await
}

/// Waits for the browser. Whoever else comes is sent away, and keeps nobody from coming.
async fn visits(
    clock: &Clock,
    listener: &TcpListener,
    consent: &Consent,
) -> Result<Secret, String> {
    let mut visits = FuturesUnordered::new();
    loop {
        let visit = async {
            match visits.is_empty() {
                true => std::future::pending().await,
                false => visits.next().await.flatten(),
            }
        };
        match select(pin!(listener.accept()), pin!(visit)).await {
            Either::Left((Ok((stream, _)), _)) => {
                visits.push(async move {
                    let visit = clock.limit(REQUEST_MAX.0, receive(stream, consent));
                    visit.await.flatten()
                });
            }
            Either::Left((Err(error), _)) => {
                tracing::debug!(%error, "a browser could not connect");
                clock.sleep(Duration::from_millis(100)).await;
            }
            Either::Right((Some(Brought::Code(code)), _)) => return Ok(code),
            Either::Right((Some(Brought::No(code)), _)) => return Err(code),
            Either::Right((_, _)) => {}
        }
    }
}

/// Reads what a browser wants, and answers it.
async fn receive(mut stream: TcpStream, consent: &Consent) -> Option<Brought> {
    let mut head = Vec::new();
    let mut chunk = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let count = stream.read(&mut chunk).await.ok().filter(|n| *n > 0)?;
        head.extend_from_slice(chunk.get(..count)?);
        if head.len() > REQUEST_MAX.1 {
            return None;
        }
    }
    let head = String::from_utf8_lossy(&head);
    let mut words = head.split_ascii_whitespace();
    let (method, target) = (words.next()?, words.next()?);
    let brought = match method {
        "GET" if target.starts_with("/?") => consent.read(target),
        _ => Brought::Stranger,
    };
    let (status, page) = match &brought {
        Brought::Code(_) => (
            "200 OK",
            "The terminal of calsync says what comes of this. You can close this page.",
        ),
        Brought::No(_) => (
            "200 OK",
            "calsync was not let in; its terminal says what to do. You can close this page.",
        ),
        Brought::Stranger => ("404 Not Found", "There is nothing here."),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         Referrer-Policy: no-referrer\r\nConnection: close\r\n\r\n{page}\n",
        page.len() + 1
    );
    if stream.write_all(answer.as_bytes()).await.is_err() {
        tracing::debug!("a browser left before it was answered");
    }
    Some(brought)
}
