//! An account at a `CalDAV` server: its requests, where its calendars are, and what they are called. Never knows what is in a
//! calendar, and shows the password to nobody but the server that was configured and its kin.

use std::{cell::RefCell, rc::Rc};

use super::{
    Which,
    address::Address,
    answer::{Doing, Refusal, Whose, error},
    xml::{self, Member, Multistatus, Nonsense},
};
use crate::{
    auth::{Dav, PasswordLogin},
    http::{
        self, HeaderName, HeaderValue, HttpError, HttpErrorKind, Line, Method, Request, Response,
        StatusCode, header,
    },
    ical::{lines, resolve},
    model::Zone,
    provider::{Answer, ErrorKind, ProviderError},
};

/// How often a server may send a request elsewhere.
const REDIRECTS_MAX: usize = 5;
/// How many places of calendars one account may have.
const HOMES_MAX: usize = 20;
/// What is wanted of something that may be a calendar.
const OFFER: [&str; 7] = [
    "d:resourcetype",
    "d:displayname",
    "d:current-user-privilege-set",
    "d:current-user-principal",
    "c:supported-calendar-component-set",
    "c:calendar-timezone",
    "c:calendar-home-set",
];

/// An account at a `CalDAV` server, shared by all its calendars.
#[derive(Clone, Debug)]
pub struct CaldavAccount {
    pub(super) name: Rc<str>,
    /// Where to begin.
    pub(super) base: Address,
    pub(super) line: Line,
    login: PasswordLogin,
    /// What was found out in this run.
    offers: Rc<RefCell<Option<Vec<Offer>>>>,
}

/// A calendar that an account offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What to write as `id`.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Whether blocks can be written to it.
    pub writable: bool,
    /// Its time zone.
    pub zone: Option<String>,
    /// Where it is.
    pub(super) address: Address,
}

/// What is asked of a server.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    method: Method,
    pub(super) at: Address,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Vec<u8>,
}

impl Ask {
    pub(super) fn new(method: Method, at: &Address) -> Self {
        Self {
            method,
            at: at.clone(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Asks in XML, about this resource alone or about all that it holds.
    pub(super) fn xml(method: &'static str, at: &Address, depth: &'static str, body: &str) -> Self {
        let method = Method::from_bytes(method.as_bytes()).unwrap_or(Method::GET);
        let mut ask = Self::new(method, at);
        let depth = HeaderValue::from_static(depth);
        ask.headers.push((HeaderName::from_static("depth"), depth));
        ask.content("application/xml; charset=utf-8", body.as_bytes())
    }

    pub(super) fn content(mut self, kind: &'static str, body: &[u8]) -> Self {
        let kind = HeaderValue::from_static(kind);
        self.headers.push((header::CONTENT_TYPE, kind));
        self.body = body.to_vec();
        self
    }

    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        // A version that cannot be sent is of something that nobody saw: the request then says so, and is refused.
        let value = HeaderValue::from_str(value);
        let value = value.unwrap_or(HeaderValue::from_static("\"unseen\""));
        self.headers.push((name, value));
        self
    }

    /// Whether it may be asked anywhere else as well.
    fn may_move(&self) -> bool {
        !matches!(self.method, Method::PUT | Method::DELETE)
    }
}

impl CaldavAccount {
    /// An account, by its name in the configuration. Nothing if its address is none.
    pub fn new(name: &str, dav: &Dav, line: &Line, login: &PasswordLogin) -> Option<Self> {
        Some(Self {
            name: name.into(),
            base: Address::parse(&dav.url)?,
            line: line.clone(),
            login: login.clone(),
            offers: Rc::default(),
        })
    }

    /// The calendars that the account offers, in the order of their names.
    pub async fn calendars(&self) -> Answer<Vec<Offer>> {
        if let Some(offers) = &*self.offers.borrow() {
            return Ok(offers.clone());
        }
        let mut offers = self.find().await?;
        offers.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        offers.dedup_by(|a, b| a.address == b.address);
        self.offers.replace(Some(offers.clone()));
        Ok(offers)
    }

    /// Whether there is a password to sign in with, and none that was refused a moment ago. Asks no server.
    pub async fn ready(&self) -> Answer<()> {
        self.login.ready().await
    }

    /// Where the calendar is that a configuration means by an id.
    pub(super) fn at(&self, id: &str) -> Option<Address> {
        Some(self.base.join(id)?.as_typed().as_folder())
    }

    /// Whether it is the calendar that a configuration means.
    pub fn is_it(&self, offer: &Offer, which: &Which) -> bool {
        match which {
            Which::Name(name) => *name == offer.name,
            Which::Id(id) => self.at(id).as_ref() == Some(&offer.address),
        }
    }

    /// Looks where the calendars are, as RFC 6764 says: at the address itself, then at the one that every server has.
    async fn find(&self) -> Answer<Vec<Offer>> {
        let mut offers = Vec::new();
        let mut failed = None;
        for start in [self.base.clone(), self.base.well_known()] {
            let told = match self.props(&start, "0").await {
                Ok(told) => told,
                Err(error) if matches!(error.kind, ErrorKind::Retry(_) | ErrorKind::SignIn) => {
                    return Err(error);
                }
                Err(error) => {
                    failed = failed.or(Some(error));
                    continue;
                }
            };
            let homes = self.homes(&told).await?;
            for home in &homes {
                let (at, found) = self.props(home, "1").await?;
                offers.extend(found.iter().filter_map(|member| self.offer(&at, member)));
            }
            if !homes.is_empty() {
                return Ok(offers);
            }
            // A server that knows nothing of homes may still show what lies at the address.
            let (at, found) = self.props(&told.0, "1").await?;
            offers.extend(found.iter().filter_map(|member| self.offer(&at, member)));
            if !offers.is_empty() {
                return Ok(offers);
            }
        }
        Err(failed.unwrap_or_else(|| self.error(ErrorKind::Gone, NO_HOME)))
    }

    /// Where the calendars of whoever is signed in are.
    async fn homes(&self, (at, told): &(Address, Vec<Member>)) -> Answer<Vec<Address>> {
        let Some(props) = told.first().map(|member| &member.props) else {
            return Ok(Vec::new());
        };
        let join = |at: &Address, hrefs: &[String]| {
            let homes = hrefs.iter().filter_map(|href| at.join(href));
            homes.take(HOMES_MAX).map(|home| home.as_folder()).collect()
        };
        let principal = props.principal.as_ref().and_then(|href| at.join(href));
        if !props.homes.is_empty() {
            return Ok(join(at, &props.homes));
        }
        let Some(principal) = principal else {
            return Ok(Vec::new());
        };
        let (at, told) = self.props(&principal, "0").await?;
        let homes = told.first().map(|member| &*member.props.homes);
        Ok(join(&at, homes.unwrap_or_default()))
    }

    /// What lies at an address, and where that turned out to be.
    async fn props(&self, at: &Address, depth: &'static str) -> Answer<(Address, Vec<Member>)> {
        let ask = Ask::xml("PROPFIND", at, depth, &xml::propfind(&OFFER));
        let (at, response) = self.ask_around(ask, self.whose("")).await?;
        let found = self.multistatus(&response, self.whose(""), Doing::Finding)?;
        Ok((at, found.members))
    }

    fn offer(&self, home: &Address, member: &Member) -> Option<Offer> {
        let address = home.join(&member.href)?.as_folder();
        let props = &member.props;
        if !props.takes_events() {
            return None;
        }
        let id = address.id(&self.base);
        let last = address.path().trim_end_matches('/').rsplit('/').next();
        Some(Offer {
            name: props
                .name
                .clone()
                .unwrap_or_else(|| last.unwrap_or_default().to_owned()),
            writable: props.is_writable(),
            zone: props.zone.as_deref().and_then(zone),
            id,
            address,
        })
    }

    /// Sends a request in the account's name. If the server sends it elsewhere, it goes there, as far as that may be. Says where
    /// it was answered in the end.
    pub(super) async fn ask_around(
        &self,
        mut ask: Ask,
        whose: Whose<'_>,
    ) -> Answer<(Address, Response)> {
        for _ in 0..=REDIRECTS_MAX {
            let response = self.ask_here(&ask, whose).await?;
            let next = redirected(&ask, &response).filter(|_| ask.may_move());
            let Some(next) = next else {
                return Ok((ask.at, response));
            };
            ask.at = next;
        }
        Err(error(
            whose,
            ErrorKind::Broken,
            "the server sends calsync round in circles; correct `url`",
        ))
    }

    async fn ask_here(&self, ask: &Ask, whose: Whose<'_>) -> Answer<Response> {
        if !self.base.trusts(&ask.at) {
            let words = format!(
                "the server sends calsync to {}, which need not belong to its owner, so the password stays here; if it is \
                 right, give that address as `url`",
                ask.at.host()
            );
            return Err(error(whose, ErrorKind::Broken, &words));
        }
        loop {
            let value = self.login.header(&ask.method, &ask.at.uri()).await?;
            let mut request = Request::new(ask.method.clone(), ask.at.url());
            request.headers.clone_from(&ask.headers);
            let value = value.map(|value| (header::AUTHORIZATION, value));
            request.headers.extend(value);
            request.body = ask.body.clone().into();
            let sent = self.line.send(request).await;
            let response = sent.map_err(|error| unreached(ask, whose, error))?;
            if response.status == StatusCode::UNAUTHORIZED {
                let refused = self.login.refused(&response);
                refused.map_err(|trouble| match trouble.kind {
                    ErrorKind::Refused => error(whose, ErrorKind::Refused, KEPT_OUT),
                    _ => trouble,
                })?;
            } else if self.login.accepted(&response) {
                return Ok(response);
            }
        }
    }

    /// What a server says of several resources, if it does.
    pub(super) fn multistatus(
        &self,
        response: &Response,
        whose: Whose<'_>,
        doing: Doing,
    ) -> Answer<Multistatus> {
        if response.status != StatusCode::MULTI_STATUS {
            return Err(self.refused(response, whose, doing));
        }
        let found = xml::multistatus(&response.body);
        found.map_err(|nonsense| senseless(whose, nonsense))
    }

    /// What a response that is no success means.
    pub(super) fn refused(
        &self,
        response: &Response,
        whose: Whose<'_>,
        doing: Doing,
    ) -> ProviderError {
        if response.status.is_success() && xml::multistatus(&response.body) == Err(Nonsense::Page) {
            return senseless(whose, Nonsense::Page);
        }
        self.meant(&Refusal::read(response), response, whose, doing)
    }

    /// What a refusal means that came with a response.
    pub(super) fn meant(
        &self,
        refusal: &Refusal,
        response: &Response,
        whose: Whose<'_>,
        doing: Doing,
    ) -> ProviderError {
        let wait = response.retry_after(self.line.client().clock().now());
        refusal.error(whose, doing, wait)
    }

    pub(super) fn whose<'a>(&'a self, calendar: &'a str) -> Whose<'a> {
        Whose {
            account: &self.name,
            calendar,
            host: self.base.host_and_port(),
        }
    }

    fn error(&self, kind: ErrorKind, words: &str) -> ProviderError {
        let words = words.replace("{account}", &self.name);
        error(self.whose(""), kind, &words)
    }
}

const KEPT_OUT: &str = "the server takes the password elsewhere, and not here (401); is the calendar still shared with this \
                        account? Correct `id`, or take it out of the configuration";

const NO_HOME: &str = "the server answers, but says nowhere where the calendars are; `url` must be the address of the CalDAV \
                       server, such as the service's help names, not of a web page";

/// Where a server sends a request on to.
fn redirected(ask: &Ask, response: &Response) -> Option<Address> {
    if !matches!(response.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let next = response.headers.get(header::LOCATION)?.to_str().ok()?;
    ask.at.join(next)
}

/// A zone's name, from its name or from a calendar that holds it.
fn zone(text: &str) -> Option<String> {
    let name = match text.contains("BEGIN:") {
        false => text.trim().to_owned(),
        true => {
            let text = lines::read(text.as_bytes()).ok()?;
            let mut all = text.calendars.iter().flat_map(|c| &c.children);
            let zone = all.find(|child| child.name == "VTIMEZONE")?;
            zone.value("TZID")?.to_owned()
        }
    };
    match resolve::known(&name) {
        Some(Zone::Named(zone)) => zone.iana_name().map(str::to_owned),
        _ => None,
    }
}

/// A request without an answer. That the server was not reached is no single calendar's trouble; what it sent may be. One whose
/// certificate nobody knows may be the person's own.
fn unreached(ask: &Ask, whose: Whose<'_>, trouble: HttpError) -> ProviderError {
    let is_plain = ask.at.url().starts_with("http:");
    let whose = match trouble.kind {
        HttpErrorKind::TooLarge(_) | HttpErrorKind::Packing => whose,
        _ => whose.of_account(),
    };
    let advice = match trouble.kind {
        HttpErrorKind::Tls(_) => http::OWN_SERVER,
        HttpErrorKind::Cut if is_plain => ". If it speaks https, `url` must begin with that",
        _ => "",
    };
    let ProviderError { kind, message } = trouble.into();
    error(whose, kind, &format!("{message}{advice}"))
}

/// An answer that makes no sense.
pub(super) fn senseless(whose: Whose<'_>, nonsense: Nonsense) -> ProviderError {
    let advice = match nonsense {
        Nonsense::Page => {
            "`url` must be the address of the CalDAV server, which the service's help names"
        }
        Nonsense::Endless | Nonsense::Other => {
            "nothing of it is believed. Is `url` right, and nothing in between that answers itself?"
        }
    };
    error(whose, ErrorKind::Broken, &format!("{nonsense}; {advice}"))
}
