//! XML to ask with, and what the answers say. Pure. What a server could not say of something is as if it had said nothing;
//! whatever is not a DAV server's answer is nonsense, and nothing of it is believed.
//!
//! The requests are few and fixed, so they are written out. libdav has them too, but not what comes back: it takes what a
//! server says it does not know for what it says, stops at a listing that was cut, and knows a lost sync token by one of its
//! many answers only. roxmltree reads the answers: it resolves namespaces and refuses document types, and with them all
//! tricks with entities.

use roxmltree::{Document, Node};

use super::bounds::is_bounded;

const DAV: &str = "DAV:";
const CALDAV: &str = "urn:ietf:params:xml:ns:caldav";
const CALSERVER: &str = "http://calendarserver.org/ns/";
/// What begins every request.
const SPACES: &str = "xmlns:d=\"DAV:\" xmlns:c=\"urn:ietf:params:xml:ns:caldav\" xmlns:s=\"http://calendarserver.org/ns/\"";

/// An answer that is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Nonsense {
    /// A page for people.
    #[error("a web page came, and not a calendar server's answer")]
    Page,
    /// Something that is made to keep whoever reads it busy.
    #[error("the answer has too many attributes in one element, or is nested too deep")]
    Endless,
    /// Something else.
    #[error("the answer makes no sense")]
    Other,
}

/// What a server says about several of its resources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Multistatus {
    /// Each of them.
    pub members: Vec<Member>,
    /// How far that goes.
    pub token: Option<String>,
}

/// What a server says about one of its resources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    /// Where it is, as the server spells it.
    pub href: String,
    /// How asking for it went, if that was not said of each property.
    pub status: Option<u16>,
    /// How asking for its properties went, if not one of them was told.
    pub untold: Option<u16>,
    /// What it is like.
    pub props: Props,
}

/// Properties, as far as the server has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Props {
    /// Its version.
    pub etag: Option<String>,
    /// What is in it.
    pub data: Option<String>,
    /// Whether it holds others.
    pub is_folder: bool,
    /// Whether it is a calendar.
    pub is_calendar: bool,
    /// What people call it.
    pub name: Option<String>,
    /// What may be in it, if that is limited.
    pub components: Option<Vec<String>>,
    /// What may be done with it.
    pub privileges: Option<Vec<String>>,
    /// Its zone, by name or as a calendar that holds it.
    pub zone: Option<String>,
    /// Changes with everything in it.
    pub tag: Option<String>,
    /// Who is signed in.
    pub principal: Option<String>,
    /// Where the calendars of somebody are.
    pub homes: Vec<String>,
}

/// Why a server refused, if it says so in XML.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// The condition that was not met.
    pub name: String,
    /// What is in the way.
    pub href: Option<String>,
}

impl Props {
    /// Whether events can be in it.
    pub fn takes_events(&self) -> bool {
        let components = self.components.iter().flatten();
        let takes = |name: &String| name.eq_ignore_ascii_case("VEVENT");
        self.is_calendar && (self.components.is_none() || components.clone().any(takes))
    }

    /// Whether blocks can be written to it. A server that says nothing is asked when it comes to it.
    pub fn is_writable(&self) -> bool {
        let allows = |name: &String| matches!(&**name, "all" | "write" | "bind" | "write-content");
        let privileges = self.privileges.as_ref();
        privileges.is_none_or(|found| found.iter().any(allows))
    }
}

/// Asks for properties.
pub fn propfind(props: &[&str]) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><d:propfind {SPACES}>{}</d:propfind>",
        prop(props)
    )
}

/// Asks what changed since a token; for everything if there is none. Never for a part: some servers lose the rest. And never for
/// what is in it, which would save the first run a request for each fifty: not every server tells that here, and an answer would
/// be as large as the calendar, so that a large one could not be read at all.
pub fn sync(token: Option<&str>) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><d:sync-collection {SPACES}><d:sync-token>{}</d:sync-token>\
         <d:sync-level>1</d:sync-level>{}</d:sync-collection>",
        escaped(token.unwrap_or_default()),
        prop(&["d:getetag"])
    )
}

/// Asks for properties of some resources, or for what is in them.
pub fn multiget(paths: &[String], props: &[&str]) -> String {
    let hrefs: Vec<String> = paths
        .iter()
        .map(|path| format!("<d:href>{}</d:href>", escaped(path)))
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><c:calendar-multiget {SPACES}>{}{}</c:calendar-multiget>",
        prop(props),
        hrefs.concat()
    )
}

fn prop(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("<{name}/>")).collect();
    format!("<d:prop>{}</d:prop>", names.concat())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Reads what a server says of several resources.
pub fn multistatus(body: &[u8]) -> Result<Multistatus, Nonsense> {
    let text = text_of(body);
    let document = parsed(&text)?;
    let root = document.root_element();
    if !is(root, DAV, "multistatus") {
        return Err(nonsense(&text));
    }
    let mut found = Multistatus::default();
    for child in root.children() {
        if is(child, DAV, "sync-token") {
            found.token = Some(words(child)).filter(|token| !token.is_empty());
        } else if is(child, DAV, "response") {
            found.members.extend(members(child));
        }
    }
    Ok(found)
}

/// Reads why a server refused.
pub fn condition(body: &[u8]) -> Option<Condition> {
    let text = text_of(body);
    let document = parsed(&text).ok()?;
    let root = document.root_element();
    if !is(root, DAV, "error") {
        return None;
    }
    let mut told = root.children().filter(Node::is_element);
    let first = told.find(|node| !is(*node, DAV, "responsedescription"))?;
    let href = first.descendants().find(|node| is(*node, DAV, "href"));
    Some(Condition {
        name: first.tag_name().name().to_owned(),
        href: href.map(words).filter(|href| !href.is_empty()),
    })
}

/// The text of an answer, without what XML has no place for: one character that does not belong there must not hide
/// everything else.
fn text_of(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let fits = |c: char| c >= ' ' || matches!(c, '\t' | '\n' | '\r');
    let fits = |c: char| fits(c) && !matches!(c, '\u{fffe}' | '\u{ffff}');
    text.chars()
        .map(|c| if fits(c) { c } else { ' ' })
        .collect()
}

fn parsed(text: &str) -> Result<Document<'_>, Nonsense> {
    if !is_bounded(text) {
        return Err(match nonsense(text) {
            Nonsense::Page => Nonsense::Page,
            _ => Nonsense::Endless,
        });
    }
    Document::parse(text).map_err(|_| nonsense(text))
}

/// What kind of nonsense a text is.
fn nonsense(text: &str) -> Nonsense {
    let start: String = text.chars().take(512).collect();
    let start = start.to_ascii_lowercase();
    match start.contains("<!doctype html") || start.contains("<html") {
        true => Nonsense::Page,
        false => Nonsense::Other,
    }
}

fn is(node: Node<'_, '_>, space: &str, name: &str) -> bool {
    node.has_tag_name((space, name))
}

/// All text in an element, without the space around it.
fn words(node: Node<'_, '_>) -> String {
    let pieces = node.descendants().filter(Node::is_text);
    let text: String = pieces.filter_map(|piece| piece.text()).collect();
    text.trim().to_owned()
}

/// Several resources may share one answer, if all it says is how it went.
fn members(response: Node<'_, '_>) -> Vec<Member> {
    let child = |name| response.children().find(|node| is(*node, DAV, name));
    let status = child("status").and_then(|node| code(&words(node)));
    let mut props = Props::default();
    let (mut is_told, mut untold) = (false, None);
    for propstat in response.children().filter(|n| is(*n, DAV, "propstat")) {
        let said = propstat.children().find(|node| is(*node, DAV, "status"));
        // What is said under any other status is what the server does not have, or will not tell.
        match said.and_then(|node| code(&words(node))) {
            None | Some(200) => {
                let inner = propstat.children().filter(|n| is(*n, DAV, "prop"));
                inner.for_each(|prop| props.read(prop));
                is_told = true;
            }
            failure => untold = untold.max(failure),
        }
    }
    let hrefs = response.children().filter(|node| is(*node, DAV, "href"));
    hrefs
        .map(|href| Member {
            href: words(href),
            status,
            untold: untold.filter(|_| !is_told),
            props: props.clone(),
        })
        .collect()
}

/// The number in a line such as `HTTP/1.1 404 Not Found`.
fn code(line: &str) -> Option<u16> {
    line.split_whitespace().nth(1)?.parse().ok()
}

impl Props {
    fn read(&mut self, prop: Node<'_, '_>) {
        for node in prop.children().filter(Node::is_element) {
            let name = node.tag_name();
            let filled = || Some(words(node)).filter(|text| !text.is_empty());
            match (name.namespace().unwrap_or_default(), name.name()) {
                (DAV, "getetag") => self.etag = filled(),
                (DAV, "displayname") => self.name = filled(),
                (DAV, "resourcetype") => {
                    let has = |space, name| node.children().any(|kind| is(kind, space, name));
                    self.is_folder = has(DAV, "collection");
                    self.is_calendar = has(CALDAV, "calendar");
                }
                (DAV, "current-user-privilege-set") => {
                    let all = node.children().filter(|node| is(*node, DAV, "privilege"));
                    let names = all.flat_map(|node| node.children().filter(Node::is_element));
                    let names = names.map(|node| node.tag_name().name().to_owned());
                    self.privileges = Some(names.collect());
                }
                (DAV, "current-user-principal" | "principal-URL") => {
                    self.principal = hrefs(node).pop().or(self.principal.take());
                }
                (CALDAV, "calendar-home-set") => self.homes = hrefs(node),
                (CALDAV, "calendar-data") => self.data = filled(),
                (CALDAV, "calendar-timezone" | "calendar-timezone-id") => {
                    self.zone = self.zone.take().or_else(filled);
                }
                (CALDAV, "supported-calendar-component-set") => {
                    let all = node.children().filter(|node| is(*node, CALDAV, "comp"));
                    let names = all.filter_map(|node| node.attribute("name"));
                    self.components = Some(names.map(str::to_owned).collect());
                }
                (CALSERVER, "getctag") => self.tag = filled(),
                _ => {}
            }
        }
    }
}

fn hrefs(node: Node<'_, '_>) -> Vec<String> {
    let hrefs = node.children().filter(|node| is(*node, DAV, "href"));
    hrefs.map(words).filter(|href| !href.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = r#"<?xml version="1.0"?>
        <multistatus xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">
          <response><href> /a/b%20c.ics </href>
            <propstat><prop><getetag>"1"</getetag></prop><status>HTTP/1.1 200 OK</status></propstat>
            <propstat><prop><getetag/><displayname>no</displayname></prop><status>HTTP/1.1 404 Not Found</status></propstat>
          </response>
          <response><href>/a/gone.ics</href><href>/a/gone2.ics</href><status>HTTP/1.1 404 Not Found</status></response>
          <sync-token>http://x/1?a&amp;b</sync-token>
        </multistatus>"#;

    #[test]
    fn a_listing_says_what_changed_and_what_is_gone() {
        let found = multistatus(LISTING.as_bytes()).unwrap();
        let told: Vec<_> = found
            .members
            .iter()
            .map(|m| (&*m.href, m.status, m.props.etag.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                ("/a/b%20c.ics", None, Some("\"1\"")),
                ("/a/gone.ics", Some(404), None),
                ("/a/gone2.ics", Some(404), None)
            ]
        );
        assert_eq!(found.members[0].props.name, None, "it was not found");
        assert_eq!(found.token.as_deref(), Some("http://x/1?a&b"));
    }

    #[test]
    fn one_wrong_character_does_not_hide_the_rest() {
        let text = "<multistatus xmlns='DAV:'><response><href>/a</href><propstat><prop><displayname>a\u{1}\u{b}b</displayname></prop>\
                    <status>HTTP/1.1 200 OK</status></propstat></response></multistatus>";
        let mut bytes = text.as_bytes().to_vec();
        assert_eq!(
            multistatus(&bytes).unwrap().members[0]
                .props
                .name
                .as_deref(),
            Some("a  b")
        );
        let at = bytes.iter().position(|b| *b == 1).unwrap();
        bytes[at] = 0xff;
        assert!(multistatus(&bytes).is_ok());
    }

    #[test]
    fn pages_and_tricks_are_nonsense() {
        let page = b"<!DOCTYPE html><html><body>Sign in</body></html>";
        assert_eq!(multistatus(page), Err(Nonsense::Page));
        for text in [
            "",
            "{}",
            "<a/>",
            "<multistatus/>",
            "<multistatus xmlns='DAV:'>",
            "<!DOCTYPE m [<!ENTITY a 'b'>]><multistatus xmlns='DAV:'>&a;</multistatus>",
        ] {
            assert_eq!(multistatus(text.as_bytes()), Err(Nonsense::Other), "{text}");
        }
    }

    #[test]
    fn what_would_keep_the_parser_busy_is_refused() {
        let attributes: Vec<String> = (0..200).map(|i| format!(" a{i}='b'")).collect();
        let attributes = attributes.concat();
        let deep = format!("{}{}", "<a>".repeat(300), "</a>".repeat(300));
        for inside in [format!("<a{attributes}/>"), deep] {
            let text = format!("<multistatus xmlns='DAV:'>{inside}</multistatus>");
            assert!(Document::parse(&text).is_ok(), "it would be parsed");
            assert_eq!(multistatus(text.as_bytes()), Err(Nonsense::Endless));
        }
    }

    #[test]
    fn what_is_asked_for_cannot_leave_its_place() {
        let text = sync(Some("</d:sync-token><d:limit/>&"));
        assert!(text.contains("&lt;/d:sync-token&gt;&lt;d:limit/&gt;&amp;</d:sync-token>"));
        let paths = ["/a&b<c.ics".to_owned()];
        assert!(multiget(&paths, &["d:getetag"]).contains("<d:href>/a&amp;b&lt;c.ics</d:href>"));
        for text in [
            text,
            multiget(&paths, &["d:getetag"]),
            propfind(&["d:getetag"]),
        ] {
            assert!(Document::parse(&text).is_ok(), "{text}");
        }
    }

    #[test]
    fn conditions_are_read_with_what_is_in_the_way() {
        let body = b"<e:error xmlns:e='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><e:responsedescription>x</e:responsedescription>\
                     <c:no-uid-conflict><e:href>/a/b.ics</e:href></c:no-uid-conflict></e:error>";
        let found = condition(body).unwrap();
        assert_eq!(found.name, "no-uid-conflict");
        assert_eq!(found.href.as_deref(), Some("/a/b.ics"));
        assert_eq!(condition(b"no"), None);
    }
}
