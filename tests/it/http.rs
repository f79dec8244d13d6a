//! The room that speaks HTTP, against a server on loopback that says exactly what a test wants it to say.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use calsync::{
    clock::Clock,
    http::{Client, HttpError, HttpErrorKind, Line, Method, Pace, Request, Response, header},
    provider::{ErrorKind, ProviderError},
};
use flate2::{Compression, write::GzEncoder};
use jiff::Timestamp;

/// Marks what no error may show.
const SECRET: &str = "zqx9secret";

/// What the server does with one connection.
enum Says {
    /// It answers, and hangs up.
    This(Vec<u8>),
    /// It says so much, and then nothing more until the client hangs up.
    Part(Vec<u8>),
}

struct Server {
    url: String,
    heard: Receiver<String>,
}

/// A server that treats one connection after another as told.
fn server(script: Vec<Says>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "http://{}/{SECRET}?key={SECRET}",
        listener.local_addr().unwrap()
    );
    let (tell, heard) = channel();
    thread::spawn(move || {
        for says in script {
            let Ok((mut stream, _)) = listener.accept() else {
                return;
            };
            let request = head_of(&mut stream);
            // The test may be over, and its client gone.
            let (Says::This(bytes) | Says::Part(bytes)) = &says;
            let sent = stream.write_all(bytes);
            if tell.send(request).is_err() || sent.is_err() {
                return;
            }
            if let Says::Part(_) = says {
                let _read_until_gone = stream.read(&mut [0; 1]);
            }
        }
    });
    Server { url, heard }
}

/// Reads a request to its end, and gives its head.
fn head_of(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0; 1];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n > 0) {
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1);
    let length = length.map_or(0, |rest| rest.lines().next().unwrap().parse().unwrap());
    stream.read_exact(&mut vec![0; length]).unwrap();
    head
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut bytes = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n"
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(work)
}

fn line(clock: &Clock) -> Line {
    Line::new(&Client::new(clock), Pace::default())
}

fn standing() -> Clock {
    Clock::at("2026-11-21T08:00:00Z".parse().unwrap())
}

fn secret_request(url: &str) -> Request {
    let bearer = format!("Bearer {SECRET}").parse().unwrap();
    let mut request = Request::new(Method::GET, url).with(header::AUTHORIZATION, bearer);
    request.body = SECRET.into();
    request
}

/// Asks a server of this script once.
fn ask(says: Says) -> Result<Response, HttpError> {
    let server = server(vec![says]);
    run(line(&standing()).send(secret_request(&server.url)))
}

/// Asks, and expects an error that keeps secrets.
fn fails(says: Says) -> HttpErrorKind {
    let error = ask(says).unwrap_err();
    keeps_secrets(&error);
    assert!(error.host.starts_with("127.0.0.1:"), "{error}");
    error.kind
}

fn keeps_secrets(error: &HttpError) {
    let told = format!("{error} {error:?} {:?}", ProviderError::from(error.clone()));
    assert!(!told.contains(SECRET), "{told}");
}

#[test]
fn an_answer_comes_back_as_it_is() {
    let server = server(vec![Says::This(answer(
        "418 Teapot",
        "ETag: \"1\"\r\n",
        b"{}",
    ))]);
    let line = line(&standing());
    let response = run(line.send(secret_request(&server.url))).unwrap();
    assert_eq!(
        (response.status.as_u16(), &*response.body),
        (418, &b"{}"[..])
    );
    assert_eq!(response.headers[header::ETAG], "\"1\"");
    assert_eq!(line.requests(), 1);
    let heard = server.heard.recv().unwrap();
    assert!(heard.starts_with(&format!("get /{SECRET}?key={SECRET} http/1.1")));
    assert!(heard.contains("accept-encoding: gzip\r\n"), "{heard}");
    let agent = format!(
        "user-agent: calsync/{} (gzip)\r\n",
        env!("CARGO_PKG_VERSION")
    );
    assert!(heard.contains(&agent), "{heard}");
}

#[test]
fn a_redirect_is_an_answer_and_not_followed() {
    let to = format!("Location: http://127.0.0.1:1/{SECRET}\r\n");
    let response = ask(Says::This(answer("302 Found", &to, b""))).unwrap();
    assert_eq!(response.status.as_u16(), 302);
}

#[test]
fn packed_answers_are_unpacked() {
    let headers = "Content-Encoding: gzip\r\n";
    let text = "all work and no play ".repeat(5000);
    let packed = gzip(text.as_bytes());
    let response = ask(Says::This(answer("200 OK", headers, &packed))).unwrap();
    assert_eq!(response.body, text);
    assert!(!response.headers.contains_key(header::CONTENT_ENCODING));
    let empty = ask(Says::This(answer("304 Not Modified", headers, b""))).unwrap();
    assert!(empty.body.is_empty());
}

#[test]
fn what_is_packed_otherwise_or_badly_is_not_believed() {
    for (packing, body) in [
        ("br", &b"x"[..]),
        ("gzip", b"no gzip at all"),
        ("gzip, gzip", b"x"),
    ] {
        let headers = format!("Content-Encoding: {packing}\r\n");
        assert_eq!(
            fails(Says::This(answer("200 OK", &headers, body))),
            HttpErrorKind::Packing
        );
    }
    let packed = gzip(SECRET.repeat(100).as_bytes());
    let half = &packed[..packed.len() / 2];
    let headers = "Content-Encoding: gzip\r\n";
    assert_eq!(
        fails(Says::This(answer("200 OK", headers, half))),
        HttpErrorKind::Cut
    );
}

#[test]
fn a_body_that_is_too_large_is_refused_packed_or_not() {
    let max = 32 << 20;
    let large = vec![b'x'; max + 1];
    let told = answer("200 OK", "", &large);
    assert_eq!(
        fails(Says::Part(told[..200].to_vec())),
        HttpErrorKind::TooLarge(max)
    );
    let mut untold = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
    untold.extend_from_slice(&large);
    assert_eq!(fails(Says::This(untold)), HttpErrorKind::TooLarge(max));
    let packed = answer("200 OK", "Content-Encoding: gzip\r\n", &gzip(&large));
    assert!(packed.len() < max / 10);
    assert_eq!(fails(Says::This(packed)), HttpErrorKind::TooLarge(max));
    let fits = answer("200 OK", "", &large[1..]);
    assert_eq!(ask(Says::This(fits)).unwrap().body.len(), max);
}

#[test]
fn a_broken_connection_is_told_from_a_whole_answer() {
    let whole = answer("200 OK", "", b"0123456789");
    for length in [0, 12, whole.len() - 9, whole.len() - 1] {
        assert_eq!(
            fails(Says::This(whole[..length].to_vec())),
            HttpErrorKind::Cut,
            "{length}"
        );
    }
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n";
    assert_eq!(fails(Says::This(chunked.to_vec())), HttpErrorKind::Cut);
}

/// Lets time pass as soon as the server has heard the request, and says what came of it.
fn late(says: Says, passes: Duration) -> Result<Response, HttpError> {
    let Server { url, heard } = server(vec![says]);
    let clock = standing();
    let Clock::Set(hands) = &clock else {
        panic!("the clock stands")
    };
    let line = line(&clock);
    run(async {
        let asks = line.send(secret_request(&url));
        let waits = async {
            let heard = tokio::task::spawn_blocking(move || heard.recv());
            heard.await.unwrap().unwrap();
            hands.pass(passes);
        };
        futures_util::future::join(asks, waits).await.0
    })
}

#[test]
fn an_answer_that_does_not_come_is_not_waited_for_forever() {
    let mut begun = answer("200 OK", "", b"0123456789");
    begun.truncate(begun.len() - 5);
    for says in [vec![], begun] {
        let error = late(Says::Part(says), Duration::from_mins(1)).unwrap_err();
        keeps_secrets(&error);
        assert_eq!(error.kind, HttpErrorKind::TimedOut(Duration::from_mins(1)));
        assert_eq!(ProviderError::from(error).kind, ErrorKind::Retry(None));
    }
}

#[test]
fn a_slow_answer_is_an_answer() {
    let says = Says::This(answer("200 OK", "", b"here"));
    assert_eq!(late(says, Duration::from_secs(59)).unwrap().body, "here");
}

#[test]
fn only_https_leaves_this_machine() {
    let clock = standing();
    let line = line(&clock);
    let refused = |url: &str| run(line.send(secret_request(url))).unwrap_err();
    for url in [
        "http://example.org/zqx9secret",
        "http://127.0.0.1.example.org/zqx9secret",
        "http://localhost.example.org/zqx9secret",
        "http://128.0.0.1/zqx9secret",
        "http://127.0.0.1@example.org/zqx9secret",
        "ftp://127.0.0.1/zqx9secret",
        "file:///zqx9secret",
        "//example.org/zqx9secret",
        "example.org",
        "",
    ] {
        let error = refused(url);
        let kinds = [HttpErrorKind::Forbidden, HttpErrorKind::Address];
        assert!(kinds.contains(&error.kind), "{url}: {error:?}");
        keeps_secrets(&error);
        assert_eq!(ProviderError::from(error).kind, ErrorKind::Broken);
    }
    assert_eq!(line.requests(), 0);
}

#[test]
fn a_server_that_is_not_there_may_be_back_later() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/{SECRET}", listener.local_addr().unwrap());
    drop(listener);
    let error = run(line(&standing()).send(secret_request(&url))).unwrap_err();
    keeps_secrets(&error);
    assert!(error.to_string().contains("refused"), "{error}");
    assert_eq!(ProviderError::from(error).kind, ErrorKind::Retry(None));
}

#[test]
fn who_speaks_no_tls_is_not_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/{SECRET}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .unwrap();
        let _read_until_gone = stream.read(&mut [0; 4096]);
    });
    let error = run(line(&standing()).send(secret_request(&url))).unwrap_err();
    keeps_secrets(&error);
    assert_eq!(error.kind, HttpErrorKind::NoTls);
    assert_eq!(ProviderError::from(error).kind, ErrorKind::Broken);
}

#[test]
fn an_account_is_asked_at_its_pace_and_each_has_its_own() {
    let clock = standing();
    let begin = clock.now();
    let client = Client::new(&clock);
    let pace = Pace {
        per_minute: 60,
        burst: 2,
    };
    let lines = [Line::new(&client, pace), Line::new(&client, pace)];
    let ok = || Says::This(answer("200 OK", "", b""));
    let server = server((0..7).map(|_| ok()).collect());
    run(async {
        for _ in 0..5 {
            lines[0].send(secret_request(&server.url)).await.unwrap();
        }
        assert_eq!(clock.now().duration_since(begin).as_secs(), 3);
        for _ in 0..2 {
            lines[1]
                .clone()
                .send(secret_request(&server.url))
                .await
                .unwrap();
        }
    });
    assert_eq!(clock.now().duration_since(begin).as_secs(), 3);
    assert_eq!((lines[0].requests(), lines[1].requests()), (5, 2));
}

#[test]
fn a_server_says_when_to_come_back_in_two_ways() {
    let now: Timestamp = "2026-11-21T08:00:00Z".parse().unwrap();
    let waits = |value: &str| {
        let headers = format!("Retry-After: {value}\r\n");
        let response = ask(Says::This(answer("429 Too Many", &headers, b""))).unwrap();
        response.retry_after(now).map(|wait| wait.as_secs())
    };
    assert_eq!(waits("120"), Some(120));
    assert_eq!(waits("Sat, 21 Nov 2026 08:01:30 GMT"), Some(90));
    assert_eq!(waits("Sat, 21 Nov 2026 07:00:00 GMT"), Some(0));
    // Longer than any number holds is longer than anybody waits.
    assert!(waits("99999999999999999999999").is_some_and(|wait| wait > 86_400));
    assert_eq!(waits("soon"), None);
    assert_eq!(waits("-5"), None);
    let silent = ask(Says::This(answer("429 Too Many", "", b""))).unwrap();
    assert_eq!(silent.retry_after(now), None);
}

#[test]
fn requests_and_answers_do_not_show_what_is_in_them() {
    let server = server(vec![Says::This(answer("200 OK", "", SECRET.as_bytes()))]);
    let request = secret_request(&server.url);
    let told = format!("{request:?}");
    let response = run(line(&standing()).send(request)).unwrap();
    let told = format!("{told} {response:?}");
    assert!(!told.contains(SECRET), "{told}");
}
