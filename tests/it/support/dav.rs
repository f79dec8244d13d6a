//! Real `CalDAV` servers on loopback: Radicale and Xandikos, started when a test first needs them, gone with the process.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt, fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    rc::Rc,
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU16, AtomicU64, Ordering},
    },
};

use calsync::{
    auth::{Dav, PasswordLogin, Vault},
    clock::Clock,
    config::caldav_account,
    http::Pace,
    provider::caldav::{CaldavAccount, CaldavCalendar, Which},
    secrets::{Purpose, Sealer, Secret},
    state::State,
};
use jiff::{Timestamp, tz::TimeZone};
use tempfile::TempDir;

use super::{program::wait_until, python::python, shore::temporary};

pub(crate) mod cloud;
pub(crate) mod ferry;
pub(crate) mod house;
pub(crate) mod place;
pub(crate) mod script;
pub(crate) mod shelf;
pub(crate) mod witness;

/// Whoever owns the calendars.
pub(crate) const ALICE: &str = "alice";
pub(crate) const PASSWORD: &str = "open-sesame-7xq";
/// How often a server is started anew because somebody else took its port.
const STARTS_MAX: usize = 5;

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Radicale,
    Xandikos,
}

/// A server that runs.
pub(crate) struct DavServer {
    kind: Kind,
    port: u16,
    folder: TempDir,
    python: PathBuf,
    /// While its standard input is open, it lives.
    child: Mutex<Child>,
}

impl fmt::Debug for DavServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DavServer({:?} at {})", self.kind, self.port)
    }
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Radicale => "radicale",
            Self::Xandikos => "xandikos",
        }
    }

    /// The server of this kind that all tests of this process share; nothing if it cannot be had here.
    pub(crate) fn shared(self) -> Option<&'static DavServer> {
        static RADICALE: OnceLock<Option<DavServer>> = OnceLock::new();
        static XANDIKOS: OnceLock<Option<DavServer>> = OnceLock::new();
        let place = match self {
            Self::Radicale => &RADICALE,
            Self::Xandikos => &XANDIKOS,
        };
        place.get_or_init(|| DavServer::start(self, None)).as_ref()
    }
}

fn requirements() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/dav/requirements.txt")
}

impl DavServer {
    /// Starts one, with TLS if there is a certificate for it, with its key.
    pub(crate) fn start(kind: Kind, tls: Option<(&str, &str)>) -> Option<Self> {
        let python = python("dav", &requirements())?;
        let folder = temporary();
        if let Some((certificate, key)) = tls {
            super::program::write(
                &folder.path().join("certificate.pem"),
                certificate.as_bytes(),
            );
            super::program::write(&folder.path().join("key.pem"), key.as_bytes());
        }
        for _ in 0..STARTS_MAX {
            let port = free_port();
            if let Some(child) = launch(&python, kind, folder.path(), port) {
                return Some(Self {
                    kind,
                    port,
                    folder,
                    python,
                    child: Mutex::new(child),
                });
            }
        }
        let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        panic!("{kind:?} does not start:\n{log}");
    }

    /// Ends it as a power cut would, whatever it is at.
    pub(crate) fn kill(&self) {
        let mut child = self.child.lock().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Starts it once more after that, where it was and with what it kept.
    pub(crate) fn start_again(&self) {
        let started = launch(&self.python, self.kind, self.folder.path(), self.port);
        *self.child.lock().unwrap() = started.expect("a server that starts again");
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The folder in which Radicale keeps a calendar.
    pub(crate) fn folder_of(&self, calendar: &str) -> PathBuf {
        let root = self.folder.path().join("collections/collection-root");
        root.join(calendar.trim_matches('/'))
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the person's calendars are.
    pub(crate) fn home(&self) -> &'static str {
        match self.kind {
            Kind::Radicale => "/alice/",
            Kind::Xandikos => "/alice/calendars/",
        }
    }

    /// Makes a calendar, as any other program would, and says at which path.
    pub(crate) fn make(&self, name: &str) -> String {
        let path = format!("{}{name}/", self.home());
        let body = format!(
            "<c:mkcalendar xmlns:d=\"DAV:\" xmlns:c=\"urn:ietf:params:xml:ns:caldav\"><d:set><d:prop>\
             <d:displayname>{name}</d:displayname><c:supported-calendar-component-set><c:comp name=\"VEVENT\"/>\
             </c:supported-calendar-component-set></d:prop></d:set></c:mkcalendar>"
        );
        let (status, answer) =
            self.ask("MKCALENDAR", &path, "Content-Type: application/xml", &body);
        assert_eq!(status, 201, "{answer}");
        path
    }

    /// Makes a calendar that no other test has.
    pub(crate) fn make_any(&self) -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        self.make(&format!("c{}-{count}", std::process::id()))
    }

    pub(crate) fn put(&self, path: &str, text: &str) {
        let (status, answer) = self.ask("PUT", path, "Content-Type: text/calendar", text);
        assert!((200..300).contains(&status), "{status} {answer}");
    }

    pub(crate) fn delete(&self, path: &str) {
        let (status, answer) = self.ask("DELETE", path, "X-Test: 1", "");
        assert!((200..300).contains(&status), "{status} {answer}");
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        self.ask("GET", path, "X-Test: 1", "")
    }

    /// The names of all that is in a calendar.
    pub(crate) fn names(&self, calendar: &str) -> Vec<String> {
        let ask = "<propfind xmlns=\"DAV:\"><prop><getetag/></prop></propfind>";
        let (status, answer) = self.ask(
            "PROPFIND",
            calendar,
            "Depth: 1\r\nContent-Type: text/xml",
            ask,
        );
        assert_eq!(status, 207);
        let hrefs = answer.split("href>").filter(|text| text.starts_with('/'));
        let names = hrefs.filter_map(|text| text.split('<').next()?.strip_prefix(calendar));
        let mut names: Vec<String> = names
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        names.sort();
        names
    }

    /// What lies in a calendar, by name.
    pub(crate) fn all(&self, calendar: &str) -> BTreeMap<String, String> {
        let names = self.names(calendar).into_iter();
        names
            .map(|name| {
                let (_, text) = self.get(&format!("{calendar}{name}"));
                (name, text)
            })
            .collect()
    }

    /// Asks as another program would, and says what came: the status, and everything after the headers.
    pub(crate) fn ask(&self, method: &str, path: &str, header: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let login = data_encoding::BASE64.encode(format!("{ALICE}:{PASSWORD}").as_bytes());
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{}\r\nAuthorization: Basic {login}\r\nConnection: close\r\n\
             Content-Length: {}\r\n{header}\r\n\r\n{body}",
            self.port,
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        (status, body.to_owned())
    }
}

/// A port that nobody listens at, that no other test of this process gets, and that no connection is ever given by itself: the
/// server keeps it while it is down, too.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u32 = 20_000;
    const COUNT: u32 = 12_000;
    loop {
        let nth = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let start = std::process::id().wrapping_mul(97);
        let port = u16::try_from(FIRST + start.wrapping_add(nth) % COUNT).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Starts one and waits until it answers; nothing if somebody else has its port.
fn launch(python: &Path, kind: Kind, folder: &Path, port: u16) -> Option<Child> {
    let serve = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/dav/serve.py");
    let log = || fs::File::create(folder.join("log")).unwrap();
    let mut command = Command::new(python);
    command.arg(serve).arg(kind.word()).arg(folder);
    command.arg(port.to_string());
    command.stdin(Stdio::piped()).stdout(log()).stderr(log());
    let mut child = command.spawn().unwrap();
    let mut is_up = false;
    wait_until("a calendar server to start or to fail", || {
        is_up = TcpStream::connect(("127.0.0.1", port)).is_ok();
        is_up || child.try_wait().unwrap().is_some()
    });
    (is_up && child.try_wait().unwrap().is_none()).then_some(child)
}

/// An account at a server, with its password kept, and one of its calendars.
#[derive(Clone, Debug)]
pub(crate) struct DavDesk {
    pub(crate) server: &'static DavServer,
    pub(crate) path: String,
}

impl DavDesk {
    /// With an empty calendar; nothing if the server cannot be had here.
    pub(crate) fn new(kind: Kind) -> Option<Self> {
        kind.shared().map(|server| Self {
            server,
            path: server.make_any(),
        })
    }

    pub(crate) fn fresh(&self) -> Self {
        Self {
            server: self.server,
            path: self.server.make_any(),
        }
    }

    pub(crate) fn calendar(&self, home: &TimeZone, clock: &Clock) -> CaldavCalendar {
        let account = account(&self.server.url(), clock);
        CaldavCalendar::new(&account, Which::Id(self.path.clone()), &[], home)
    }
}

/// How an account is configured that no test has to wait for.
pub(crate) fn dav(url: &str) -> Dav {
    Dav {
        url: url.to_owned(),
        username: ALICE.to_owned(),
        command: None,
        roots: None,
        pace: Pace {
            per_minute: 1_000_000,
            burst: 1_000_000,
        },
    }
}

/// An account, as a new run finds it.
pub(crate) fn account(url: &str, clock: &Clock) -> CaldavAccount {
    account_of(&dav(url), clock)
}

pub(crate) fn account_of(dav: &Dav, clock: &Clock) -> CaldavAccount {
    let vault = vault(dav);
    let login = PasswordLogin::new("server", dav, &vault, clock);
    caldav_account("server", dav, &login, clock).unwrap()
}

/// A vault that holds the password.
pub(crate) fn vault(dav: &Dav) -> Vault {
    let state = Rc::new(RefCell::new(State::in_memory().unwrap()));
    let vault = Vault::new(&state, &Sealer::new(&[7; 32]));
    let sign_in = dav.sign_in("server", Timestamp::UNIX_EPOCH);
    let password = Secret::new(PASSWORD);
    vault
        .put(&sign_in, &[(Purpose::Password, &password)])
        .unwrap();
    vault
}
