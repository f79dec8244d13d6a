//! A `CalDAV` server in this process, which keeps what it is told, publishes feeds beside it, and fails as it is told. It is as
//! servers are: each has manners of its own. Written from the RFCs and from what real ones do, without any code of calsync's, so
//! that a mistake in that cannot hide. Must never leave 127.0.0.1.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use roxmltree::{Document, Node};

use super::{ALICE, PASSWORD};
use crate::support::{
    google::{
        Fault, Weather, When,
        exchange::{Reply, Request},
        faults::Faults,
        server::{Behind, Server},
    },
    rng::Rng,
};

const DAV: &str = "DAV:";
const CALDAV: &str = "urn:ietf:params:xml:ns:caldav";

/// A running server. It stops when this is dropped.
pub(crate) struct Cloud {
    keeps: Arc<Mutex<Keeps>>,
    server: Server,
}

/// What kind of server it is.
#[derive(Clone, Debug)]
pub(crate) struct Manners {
    pub(crate) tells: Tells,
    /// What it says to a token that it does not know any more: this status, and perhaps the condition that RFC 6578 wants.
    pub(crate) loses: (u16, bool),
    pub(crate) stores: Stores,
    /// What it says to an UID that is in use: nothing, if it takes it.
    pub(crate) taken: Option<(u16, &'static str)>,
    /// Whether the UID must be free in all calendars, or only in the one.
    pub(crate) taken_anywhere: bool,
    /// It says nothing at all of what it does not have, or does not care to tell at once.
    pub(crate) forgetful: bool,
    /// Its versions are marked as weak, and it knows them by that name alone.
    pub(crate) weak: bool,
    /// How many resources the first pages of what changed have; after these, all.
    pub(crate) pages: Vec<usize>,
}

/// How it tells what changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tells {
    /// By tokens, each new.
    Tokens,
    /// By tokens that are a digest of what is there.
    Digests,
    /// Not at all, but there is a tag that changes.
    Tags,
    /// Not at all.
    Nothing,
}

/// What it makes of what it is to store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stores {
    AsItIs,
    /// In words of its own, and says in which version.
    Reworded,
    /// In words of its own, and so says no version.
    RewordedSilently,
    /// With its owner as the organiser, and says in which version.
    Organised,
    /// Under a name of its own, by which it lists it, and finds it by the one that it was put under too.
    Elsewhere,
    /// As something else, and says in which version.
    Made(Making),
    /// As something else, and says no version.
    MadeSilently(Making),
    /// As something else, though not at once: the version that it says is not the one that it keeps.
    MadeLater(Making),
}

/// What a server makes of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Making {
    /// Without the class.
    Classless,
    /// Three hours later.
    Later,
    /// Not busy.
    Free,
    /// The first half.
    Cut,
    /// Under a UID of its own.
    Renamed,
    /// Under the same UID in capitals.
    Capital,
    /// With its owner as the organiser and as the one who is invited.
    OwnersMeeting,
    /// Nothing.
    Lost,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            tells: Tells::Tokens,
            loses: (403, true),
            stores: Stores::AsItIs,
            taken: None,
            taken_anywhere: false,
            forgetful: false,
            weak: false,
            pages: Vec::new(),
        }
    }
}

/// What lies in a calendar.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) version: u64,
    pub(crate) text: String,
}

/// What may be done with a calendar, at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum May {
    #[default]
    Write,
    Read,
    Nothing,
}

type Listed = BTreeMap<String, u64>;

#[derive(Debug, Default)]
struct Folder {
    items: BTreeMap<String, Item>,
    /// The names that things were put under, and those that they have.
    aliases: BTreeMap<String, String>,
    /// What was there when a token was given out.
    tokens: BTreeMap<String, Listed>,
    may: May,
}

#[derive(Default)]
struct Keeps {
    manners: Manners,
    folders: BTreeMap<String, Folder>,
    feeds: BTreeMap<String, Item>,
    versions: u64,
    faults: Faults,
    asked: Vec<String>,
    /// It failed when it was asked for everything, or for a page of that, so that one may take it for a server that cannot say
    /// what changed.
    is_doubted: bool,
    /// What was last to be changed.
    changing: String,
    /// What came that could have mailed somebody.
    mails: Vec<String>,
}

/// What can be set right from outside.
impl Cloud {
    pub(crate) fn start() -> Self {
        let keeps = Arc::new(Mutex::new(Keeps::default()));
        let server = Server::start(Arc::clone(&keeps));
        Self { keeps, server }
    }

    fn keeps(&self) -> MutexGuard<'_, Keeps> {
        self.keeps.lock().unwrap()
    }

    /// Forgets everything, and has these manners from now on.
    pub(crate) fn renew(&self, manners: Manners) {
        *self.keeps() = Keeps {
            manners,
            ..Keeps::default()
        };
    }

    /// Whether each question for what changed can be one request.
    pub(crate) fn is_trusted(&self) -> bool {
        let keeps = self.keeps();
        let tells = keeps.manners.tells;
        matches!(tells, Tells::Tokens | Tells::Digests) && !keeps.is_doubted
    }

    /// Whether it keeps of what it is to store no more than the beginning, so that it has to be looked at again each time.
    pub(crate) fn cuts_short(&self) -> bool {
        let stores = self.keeps().manners.stores;
        matches!(
            stores,
            Stores::Made(Making::Cut)
                | Stores::MadeSilently(Making::Cut)
                | Stores::MadeLater(Making::Cut)
        )
    }

    /// Whether it leaves some of what it is asked for together untold.
    pub(crate) fn is_forgetful(&self) -> bool {
        self.keeps().manners.forgetful
    }

    pub(crate) fn set_pages(&self, pages: &[usize]) {
        self.keeps().manners.pages = pages.to_vec();
    }

    pub(crate) fn set_stores(&self, stores: Stores) {
        self.keeps().manners.stores = stores;
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Waits until nobody is connected any more, and all that was ever asked has been dealt with.
    pub(crate) async fn idle(&self) {
        self.server.idle().await;
    }

    pub(crate) fn fault(&self, when: When, fault: Fault) {
        self.keeps().faults.set(when, fault);
    }

    pub(crate) fn weather(&self, weather: Weather) {
        self.keeps().faults.set_weather(weather);
    }

    pub(crate) fn clear_faults(&self) {
        self.keeps().faults.clear();
    }

    /// What was asked since this was last asked, in words.
    pub(crate) fn asked(&self) -> Vec<String> {
        let keeps = &mut *self.keeps();
        assert!(keeps.mails.is_empty(), "nobody is ever mailed");
        std::mem::take(&mut keeps.asked)
    }

    /// A new calendar, or an empty one in place of the old.
    pub(crate) fn calendar(&self, path: &str) {
        let folder = Folder::default();
        self.keeps().folders.insert(path.to_owned(), folder);
    }

    pub(crate) fn set_may(&self, path: &str, may: May) {
        self.keeps().folder(path).may = may;
    }

    /// The server forgets every token that it gave out.
    pub(crate) fn lose_tokens(&self, path: &str) {
        self.keeps().folder(path).tokens.clear();
    }

    pub(crate) fn put(&self, path: &str, name: &str, text: &str) {
        let keeps = &mut *self.keeps();
        let version = keeps.version(text);
        let text = text.to_owned();
        let item = Item { version, text };
        keeps.folder(path).items.insert(name.to_owned(), item);
    }

    pub(crate) fn take(&self, path: &str, name: &str) {
        self.keeps().folder(path).items.remove(name);
    }

    /// A person lays hands on what was last to be changed, whatever that is: takes it away, writes over it, or makes a
    /// meeting of it.
    pub(crate) fn meddle_with_asked(&self, rng: &mut Rng) {
        let asked = self.keeps().changing.clone();
        let (path, name) = apart(&asked);
        let there = self.items(path).remove(name).map(|item| item.text);
        let theirs = |text: &str| text.replace("SUMMARY:Busy", "SUMMARY:Dentist");
        match (there, rng.below(3)) {
            (Some(_), 0) => self.take(path, name),
            (Some(text), 1) => self.put(path, name, &theirs(&text)),
            (Some(text), _) => {
                let people = "BEGIN:VEVENT\r\nATTENDEE:mailto:guest@example.org";
                self.put(path, name, &text.replace("BEGIN:VEVENT", people));
            }
            (None, _) => {}
        }
    }

    /// All that is in a calendar.
    pub(crate) fn items(&self, path: &str) -> BTreeMap<String, Item> {
        self.keeps().folder(path).items.clone()
    }

    pub(crate) fn publish(&self, path: &str, text: &str) {
        let keeps = &mut *self.keeps();
        keeps.versions += 1;
        let version = keeps.versions;
        let text = text.to_owned();
        keeps.feeds.insert(path.to_owned(), Item { version, text });
    }
}

impl fmt::Debug for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cloud(..)")
    }
}

impl Behind for Keeps {
    fn begin(&mut self, request: &Request) -> (usize, Option<Fault>) {
        // Whoever only wants to know whether the server is up is none of calsync's.
        let is_ours = request.path != "/";
        let call = call(request);
        if is_ours {
            self.asked.push(format!("{call} {}", request.path));
        }
        if is_change(request) {
            self.changing.clone_from(&request.path);
        }
        let fault = is_ours.then(|| self.faults.strike(call, request));
        let fault = fault.flatten();
        self.is_doubted |= matches!(call, "sync" | "token") && fault.is_some();
        (0, fault)
    }

    fn answer(&mut self, request: &Request) -> Reply {
        self.dispatch(request).unwrap_or_else(|refusal| refusal)
    }

    fn finish(&mut self, _number: usize, reply: Reply) -> Reply {
        reply
    }
}

/// What is asked, in a word.
pub(crate) fn call(request: &Request) -> &'static str {
    match &*request.method {
        "GET" if request.path.starts_with("/feeds/") => "feed",
        "GET" => "get",
        "PUT" => "put",
        "DELETE" => "delete",
        "REPORT" if request.body.contains("sync-token/>") => "sync",
        "REPORT" if request.body.contains("<d:sync-token></d:sync-token>") => "sync",
        "REPORT" if request.body.contains("sync-collection") => "token",
        "REPORT" => "multiget",
        "PROPFIND" => "props",
        _ => "unknown",
    }
}

/// Whether a request changes or removes what is there.
pub(crate) fn is_change(request: &Request) -> bool {
    request.method == "PUT" || request.method == "DELETE"
}

/// A path, as the calendar and the name in it.
fn apart(path: &str) -> (&str, &str) {
    path.split_at(path.rfind('/').map_or(0, |at| at + 1))
}

/// A refusal in the words of RFC 4918.
pub(crate) fn condition(status: u16, name: &str, more: &str) -> Reply {
    let body = format!(
        "<?xml version=\"1.0\"?><d:error xmlns:d=\"DAV:\" xmlns:c=\"{CALDAV}\"><{name}>{more}</{name}></d:error>"
    );
    xml(status, body)
}

/// A refusal in words that only a person can read, and long enough to break off in the middle.
pub(crate) fn plain(status: u16) -> Reply {
    let body = "The server is sorry, and will not say any more about why it does not do this.";
    let reply = Reply {
        body: body.into(),
        ..Reply::empty(status)
    };
    reply.with("content-type", "text/plain")
}

fn xml(status: u16, body: String) -> Reply {
    let reply = Reply {
        body: body.into_bytes(),
        ..Reply::empty(status)
    };
    reply.with("content-type", "application/xml; charset=utf-8")
}

/// A multistatus of these responses, and what comes after them.
fn multistatus(inside: &str) -> Reply {
    let body = format!(
        "<?xml version=\"1.0\"?><d:multistatus xmlns:d=\"DAV:\" xmlns:c=\"{CALDAV}\" \
         xmlns:s=\"http://calendarserver.org/ns/\">{inside}</d:multistatus>"
    );
    xml(207, body)
}

fn found(href: &str, props: &str) -> String {
    format!(
        "<d:response><d:href>{href}</d:href><d:propstat><d:prop>{props}</d:prop><d:status>HTTP/1.1 200 OK</d:status>\
         </d:propstat></d:response>"
    )
}

fn went(href: &str, status: u16) -> String {
    format!(
        "<d:response><d:href>{href}</d:href><d:status>HTTP/1.1 {status} X</d:status></d:response>"
    )
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('\r', "&#13;")
}

/// All texts of the elements of this name.
fn texts(document: &Document<'_>, space: &str, name: &str) -> Vec<String> {
    let is_it = |node: &Node<'_, '_>| node.has_tag_name((space, name));
    let all = document.descendants().filter(is_it);
    all.map(|node| node.text().unwrap_or_default().trim().to_owned())
        .collect()
}

fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The UID in a text.
fn uid(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("UID:"))
}

/// The same in other words.
fn reworded(text: &str) -> String {
    let lines = text.split("\r\n").map(|line| match line {
        "BEGIN:VEVENT" => "BEGIN:VEVENT\r\nX-SERVER-SAW:yes".to_owned(),
        line if line.starts_with("PRODID") => "PRODID:-//A server//EN".to_owned(),
        line => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\r\n")
}

/// The same with its owner as the organiser.
fn organised(text: &str) -> String {
    let owner = "BEGIN:VEVENT\r\nORGANIZER;CN=Alice:mailto:alice@example.org\r\n";
    text.replace("BEGIN:VEVENT\r\n", owner)
}

impl Making {
    fn of(self, text: &str) -> String {
        match self {
            Self::Classless => text.replace("CLASS:PRIVATE\r\n", ""),
            Self::Later => text.replace("T10", "T13").replace("T11", "T14"),
            Self::Free => text.replace("TRANSP:OPAQUE", "TRANSP:TRANSPARENT"),
            Self::Cut => text[..text.len() / 2].to_owned(),
            Self::Renamed => text.replace("UID:cs1", "UID:server-cs1"),
            Self::Capital => uid(text).map_or_else(String::new, |uid| {
                text.replace(uid, &uid.to_ascii_uppercase())
            }),
            Self::OwnersMeeting => text.replace(
                "END:VEVENT",
                "ORGANIZER:mailto:alice@example.org\r\nATTENDEE;PARTSTAT=ACCEPTED:mailto:alice@example.org\r\nEND:VEVENT",
            ),
            Self::Lost => String::new(),
        }
    }
}

/// A feed, if it is another than the one that is known.
fn published(feed: &Item, request: &Request) -> Reply {
    let etag = format!("\"f{}\"", feed.version);
    if request.header("if-none-match") == Some(&etag) {
        return Reply::empty(304).with("etag", &etag);
    }
    let reply = Reply {
        body: feed.text.clone().into_bytes(),
        ..Reply::empty(200)
    };
    reply
        .with("content-type", "text/calendar")
        .with("etag", &etag)
}

impl Folder {
    /// What something is called that was put under this name.
    fn real<'a>(&'a self, name: &'a str) -> &'a str {
        self.aliases.get(name).map_or(name, String::as_str)
    }

    fn item(&self, name: &str) -> Option<&Item> {
        self.items.get(self.real(name))
    }

    fn listed(&self) -> Listed {
        let items = self.items.iter();
        items
            .map(|(name, item)| (name.clone(), item.version))
            .collect()
    }
}

impl Keeps {
    fn folder(&mut self, path: &str) -> &mut Folder {
        self.folders.get_mut(path).expect("a calendar")
    }

    /// The version of what is to be stored: no two are the same, or the same text has the same one.
    fn version(&mut self, text: &str) -> u64 {
        self.versions += 1;
        match self.manners.tells {
            Tells::Digests => digest(text),
            _ => self.versions,
        }
    }

    fn etag(&self, version: u64) -> String {
        match self.manners.weak {
            true => format!("W/\"v{version}\""),
            false => format!("\"v{version}\""),
        }
    }

    fn dispatch(&mut self, request: &Request) -> Result<Reply, Reply> {
        if let Some(feed) = self.feeds.get(&request.path) {
            return Ok(published(feed, request));
        }
        let login = data_encoding::BASE64.encode(format!("{ALICE}:{PASSWORD}").as_bytes());
        if request.header("authorization") != Some(&format!("Basic {login}")) {
            return Err(plain(401).with("www-authenticate", "Basic realm=\"cloud\""));
        }
        let (path, name) = apart(&request.path);
        let folder = self.folders.get(path);
        let may = folder.ok_or_else(|| plain(404))?.may;
        match may {
            May::Nothing => return Err(plain(404)),
            May::Read if is_change(request) => return Err(condition(403, "d:need-privileges", "")),
            May::Read | May::Write => {}
        }
        match call(request) {
            "props" => Ok(self.props(path, request)),
            "sync" | "token" => self.changes(path, request),
            "multiget" => Ok(self.several(path, request)),
            "get" => self.one(path, name),
            "put" => self.store(path, name, request),
            "delete" => self.remove(path, name, request),
            _ => Err(plain(405)),
        }
    }

    /// What the calendar is like, and what is in it.
    fn props(&self, path: &str, request: &Request) -> Reply {
        let folder = &self.folders[path];
        let privilege = match folder.may {
            May::Write => "<d:privilege><d:all/></d:privilege>",
            _ => "<d:privilege><d:read/></d:privilege>",
        };
        let tag = match self.manners.tells {
            Tells::Nothing => String::new(),
            _ => format!(
                "<s:getctag>t{}</s:getctag>",
                digest(&format!("{:?}", folder.listed()))
            ),
        };
        let own = format!(
            "<d:resourcetype><d:collection/><c:calendar/></d:resourcetype>\
             <d:current-user-privilege-set>{privilege}</d:current-user-privilege-set>{tag}"
        );
        let mut all = found(path, &own);
        if request.header("depth") == Some("1") {
            for (name, version) in folder.listed() {
                all.push_str(&self.versioned(path, &name, version));
            }
        }
        multistatus(&all)
    }

    fn versioned(&self, path: &str, name: &str, version: u64) -> String {
        let etag = escaped(&self.etag(version));
        let props = format!("<d:getetag>{etag}</d:getetag><d:resourcetype/>");
        found(&format!("{path}{name}"), &props)
    }

    /// What changed since a token, as much as fits on a page.
    fn changes(&mut self, path: &str, request: &Request) -> Result<Reply, Reply> {
        if matches!(self.manners.tells, Tells::Tags | Tells::Nothing) {
            return Err(condition(403, "d:supported-report", ""));
        }
        let document = Document::parse(&request.body).map_err(|_| plain(400))?;
        let since = texts(&document, DAV, "sync-token").pop();
        let since = since.filter(|token| !token.is_empty());
        let now = self.folders[path].listed();
        let before = match since {
            None => Listed::new(),
            Some(token) => match self.folders[path].tokens.get(&token) {
                Some(before) => before.clone(),
                None => match self.manners.loses {
                    (status, true) => {
                        return Err(condition(status, "d:valid-sync-token", ""));
                    }
                    (status, false) => return Err(plain(status)),
                },
            },
        };
        let names: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
        let differ = names
            .into_iter()
            .filter(|name| before.get(*name) != now.get(*name));
        let most = match self.manners.pages.is_empty() {
            true => usize::MAX,
            false => self.manners.pages.remove(0).max(1),
        };
        let mut differ: Vec<String> = differ.cloned().collect();
        let cut = differ.len() > most;
        differ.truncate(most);
        let (mut all, mut reached) = (String::new(), before);
        for name in differ {
            if let Some(version) = now.get(&name) {
                all.push_str(&self.versioned(path, &name, *version));
                reached.insert(name, *version);
            } else {
                all.push_str(&went(&format!("{path}{name}"), 404));
                reached.remove(&name);
            }
        }
        if cut {
            all.push_str(&went(path, 507));
        }
        let token = self.token(&reached);
        let told = format!("<d:sync-token>{token}</d:sync-token>");
        self.folder(path).tokens.insert(token, reached);
        Ok(multistatus(&(all + &told)))
    }

    fn token(&mut self, reached: &Listed) -> String {
        match self.manners.tells {
            Tells::Digests => format!("{:016x}", digest(&format!("{reached:?}"))),
            _ => {
                self.versions += 1;
                format!("http://cloud.example.org/sync/{}", self.versions)
            }
        }
    }

    fn several(&self, path: &str, request: &Request) -> Reply {
        let Ok(document) = Document::parse(&request.body) else {
            return plain(400);
        };
        let folder = &self.folders[path];
        let mut all = String::new();
        for (i, href) in texts(&document, DAV, "href").into_iter().enumerate() {
            let name = href.strip_prefix(path).unwrap_or_default();
            match folder.item(name) {
                _ if self.manners.forgetful && i % 3 == 1 => {}
                None if self.manners.forgetful => {}
                None => all.push_str(&went(&href, 404)),
                Some(item) => {
                    let etag = escaped(&self.etag(item.version));
                    // Few servers write the ends of lines in a way that XML keeps.
                    let text = escaped(&item.text.replace('\r', ""));
                    let props = format!(
                        "<d:getetag>{etag}</d:getetag><c:calendar-data>{text}</c:calendar-data>"
                    );
                    all.push_str(&found(&href, &props));
                }
            }
        }
        multistatus(&all)
    }

    fn one(&self, path: &str, name: &str) -> Result<Reply, Reply> {
        let item = self.folders[path].item(name);
        let item = item.ok_or_else(|| plain(404))?;
        let reply = Reply {
            body: item.text.clone().into_bytes(),
            ..Reply::empty(200)
        };
        let reply = reply.with("content-type", "text/calendar");
        Ok(reply.with("etag", &self.etag(item.version)))
    }

    /// Whether what is there is what the request wants it to be.
    fn as_wanted(&self, path: &str, name: &str, request: &Request) -> Result<(), Reply> {
        let there = self.folders[path].item(name);
        let there = there.map(|item| self.etag(item.version));
        let wanted = request.header("if-match").map(str::to_owned);
        let wrong = match (wanted, request.header("if-none-match")) {
            (Some(wanted), _) => there != Some(wanted),
            (None, Some("*")) => there.is_some(),
            // Nobody may write over what they did not see.
            (None, _) => panic!("{} without a condition", request.method),
        };
        match wrong {
            true => Err(condition(412, "d:precondition-failed", "")),
            false => Ok(()),
        }
    }

    fn store(&mut self, path: &str, name: &str, request: &Request) -> Result<Reply, Reply> {
        let text = &request.body;
        let mails = ["ATTENDEE", "ORGANIZER", "METHOD", "ACTION:EMAIL"];
        if mails.iter().any(|word| text.contains(word)) {
            self.mails.push(text.clone());
        }
        self.as_wanted(path, name, request)?;
        let is_new = self.folders[path].item(name).is_none();
        // What a person copied to where such a server would not let it be does not hinder anybody.
        if let Some((status, condition_name)) = self.manners.taken.filter(|_| is_new)
            && let Some(other) = self.holder(path, name, uid(text))
        {
            let href = format!("<d:href>{other}</d:href>");
            return Err(condition(status, condition_name, &href));
        }
        let text = match self.manners.stores {
            Stores::AsItIs | Stores::Elsewhere => text.clone(),
            Stores::Organised => organised(text),
            Stores::Made(what) | Stores::MadeSilently(what) | Stores::MadeLater(what) => {
                what.of(text)
            }
            Stores::Reworded | Stores::RewordedSilently => reworded(text),
        };
        let said = self.version(&text);
        let version = match self.manners.stores {
            Stores::MadeLater(_) => self.version(&text),
            _ => said,
        };
        let item = Item { version, text };
        if is_new && self.manners.stores == Stores::Elsewhere {
            let own = format!("AAMk{version}.EML");
            let folder = self.folder(path);
            folder.aliases.insert(name.to_owned(), own);
        }
        if !item.text.is_empty() {
            let name = self.folders[path].real(name).to_owned();
            self.folder(path).items.insert(name, item);
        }
        let reply = Reply::empty(if is_new { 201 } else { 204 });
        Ok(match self.manners.stores {
            Stores::RewordedSilently | Stores::MadeSilently(_) => reply,
            _ => reply.with("etag", &self.etag(said)),
        })
    }

    /// Where else an UID is in use.
    fn holder(&self, path: &str, name: &str, wanted: Option<&str>) -> Option<String> {
        // Another person's calendars are another world.
        let owner = |path: &str| path.split('/').nth(1).map(str::to_owned);
        let anywhere = self.manners.taken_anywhere;
        let is_near = |other: &str| other == path || (anywhere && owner(other) == owner(path));
        let mut folders = self.folders.iter().filter(|(other, _)| is_near(other));
        folders.find_map(|(folder, kept)| {
            let mut items = kept.items.iter();
            let (other, _) = items.find(|(other, item)| {
                (folder != path || *other != name) && uid(&item.text) == wanted
            })?;
            Some(format!("{folder}{other}"))
        })
    }

    fn remove(&mut self, path: &str, name: &str, request: &Request) -> Result<Reply, Reply> {
        if self.folders[path].item(name).is_none() {
            return Err(plain(404));
        }
        self.as_wanted(path, name, request)?;
        let name = self.folders[path].real(name).to_owned();
        self.folder(path).items.remove(&name);
        Ok(Reply::empty(204))
    }
}
