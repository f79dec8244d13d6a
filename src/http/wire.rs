//! Connections: one client for servers, with TLS, and one for stand-ins on this machine, without.

use std::{cell::OnceCell, error::Error, fmt, io, net::IpAddr, time::Duration};

use http::{HeaderValue, Uri, header, uri::Scheme};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, Error as ClientError, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::CertificateError;

use super::{HttpError, HttpErrorKind, Request, roots::Roots};

/// How long connecting may take.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// Servers of Google's pack answers only for a client that says it twice.
const USER_AGENT: &str = concat!("calsync/", env!("CARGO_PKG_VERSION"), " (gzip)");

/// The connections, made when they are first needed.
#[derive(Default)]
pub(super) struct Wire {
    /// Whom to trust beside those whom this machine trusts.
    roots: Option<Roots>,
    plain: OnceCell<Client<HttpConnector, Full<Bytes>>>,
    tls: OnceCell<Client<HttpsConnector<HttpConnector>, Full<Bytes>>>,
}

/// A request that may go out.
pub(super) struct Ready {
    request: hyper::Request<Full<Bytes>>,
    plain: bool,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire(..)")
    }
}

impl Ready {
    pub(super) fn shown(&self) -> String {
        shown(self.request.uri())
    }
}

impl Wire {
    pub(super) fn trusting(roots: &Roots) -> Self {
        Self {
            roots: Some(roots.clone()),
            ..Self::default()
        }
    }

    /// Sends a request, and waits for the head of its answer.
    pub(super) async fn ask(
        &self,
        ready: Ready,
    ) -> Result<hyper::Response<Incoming>, HttpErrorKind> {
        let answer = if ready.plain {
            let make = || Client::builder(TokioExecutor::new()).build(tcp());
            self.plain.get_or_init(make).request(ready.request)
        } else {
            self.tls()?.request(ready.request)
        };
        answer.await.map_err(|error| kind(&error))
    }

    fn tls(&self) -> Result<&Client<HttpsConnector<HttpConnector>, Full<Bytes>>, HttpErrorKind> {
        if let Some(client) = self.tls.get() {
            return Ok(client);
        }
        let connector = match &self.roots {
            None => connector()?,
            Some(roots) => trusting(roots.config()?),
        };
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(self.tls.get_or_init(|| client))
    }
}

fn tcp() -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.set_connect_timeout(Some(CONNECT_MAX));
    tcp.set_nodelay(true);
    tcp.enforce_http(false);
    tcp
}

fn connector() -> Result<HttpsConnector<HttpConnector>, HttpErrorKind> {
    let provider = rustls::crypto::ring::default_provider();
    let builder = HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(provider)
        .map_err(|error| {
            HttpErrorKind::Tls(format!(
                "this machine has no certificates to check it with: {error}; install ca-certificates"
            ))
        })?;
    // `allow` has looked at the scheme already, for every request.
    let builder = builder.https_or_http().enable_http1().enable_http2();
    Ok(builder.wrap_connector(tcp()))
}

fn trusting(config: rustls::ClientConfig) -> HttpsConnector<HttpConnector> {
    let builder = HttpsConnectorBuilder::new().with_tls_config(config);
    let builder = builder.https_or_http().enable_http1().enable_http2();
    builder.wrap_connector(tcp())
}

/// Looks at a request before it goes anywhere, and adds what every request says.
pub(super) fn prepare(request: Request) -> Result<Ready, HttpError> {
    let (uri, plain) = allow(&request.url)?;
    let mut ready = hyper::Request::new(Full::new(request.body));
    *ready.method_mut() = request.method;
    *ready.uri_mut() = uri;
    let headers = ready.headers_mut();
    for (name, value) in request.headers {
        headers.append(name, value);
    }
    let usual = [
        (header::USER_AGENT, USER_AGENT),
        (header::ACCEPT_ENCODING, "gzip"),
    ];
    for (name, value) in usual {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    Ok(Ready {
        request: ready,
        plain,
    })
}

/// An address, if it may be spoken to, and whether that is without TLS.
pub(super) fn allow(url: &str) -> Result<(Uri, bool), HttpError> {
    let wrong = |host, kind| Err(HttpError { host, kind });
    let Ok(uri) = url.parse::<Uri>() else {
        return wrong(String::new(), HttpErrorKind::Address);
    };
    let name = host(&uri);
    if name.is_empty() {
        return wrong(name, HttpErrorKind::Address);
    }
    match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => Ok((uri, false)),
        Some(scheme) if *scheme == Scheme::HTTP && is_this_machine(&name) => Ok((uri, true)),
        _ => wrong(name, HttpErrorKind::Forbidden),
    }
}

fn host(uri: &Uri) -> String {
    uri.host().unwrap_or_default().to_owned()
}

/// The host and, if it is not the usual one, the port: two servers of one host are told apart.
pub(super) fn shown(uri: &Uri) -> String {
    let host = host(uri);
    let is_usual = |port: &u16| match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => *port == 443,
        _ => *port == 80,
    };
    match uri.port_u16().filter(|port| !is_usual(port)) {
        Some(port) if !host.is_empty() => format!("{host}:{port}"),
        _ => host,
    }
}

/// Whether a host is the machine that this runs on.
pub fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = address
        .parse()
        .is_ok_and(|address: IpAddr| address.is_loopback());
    loopback || host.eq_ignore_ascii_case("localhost")
}

fn kind(error: &ClientError) -> HttpErrorKind {
    let mut words = String::new();
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(error) = of_tls(error) {
            return match error {
                rustls::Error::InvalidMessage(_) => HttpErrorKind::NoTls,
                error => HttpErrorKind::Tls(untrusted(error)),
            };
        }
        // The innermost says best what the system said.
        words = error.to_string();
        next = error.source();
    }
    if error.is_connect() {
        HttpErrorKind::Unreachable(words)
    } else {
        HttpErrorKind::Cut
    }
}

/// What TLS has against a server, if that is the error. It may be wrapped as an error of input or output.
fn of_tls<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(error);
    }
    let inner = error.downcast_ref::<io::Error>()?.get_ref()?;
    of_tls(inner)
}

/// The same in words, for what people meet.
fn untrusted(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(wrong) = error else {
        return error.to_string();
    };
    let words = match wrong {
        CertificateError::UnknownIssuer => {
            "nobody whom this machine trusts has signed its certificate"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has run out"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet; is this machine's clock right?"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name"
        }
        // A certificate that is its own authority, as `openssl req -x509` makes it.
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "its certificate signed itself"
        }
        _ => return error.to_string(),
    };
    words.to_owned()
}
