//! A small calendar server on loopback that keeps what it is given, under as many addresses as a test wants, and into whose words
//! a test may put its own. Written without any code of calsync's.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use super::script::{Heard, Says, Script, found, went};

/// A server with calendars below `/alice/`.
pub(crate) struct Shelf {
    pub(crate) script: Script,
    books: Arc<Mutex<Books>>,
}

/// What a server holds.
#[derive(Default)]
pub(crate) struct Books {
    /// The folder that each address leads to, and what it is called.
    pub(crate) folders: BTreeMap<String, (String, String)>,
    /// By folder and name: the version and the text.
    pub(crate) items: BTreeMap<(String, String), (u64, String)>,
    /// What changed, in this order.
    pub(crate) log: Vec<(String, String)>,
    versions: u64,
    /// How a version is written.
    pub(crate) dress: Option<fn(u64) -> String>,
    /// Whether nobody may write.
    pub(crate) is_read_only: bool,
    /// Whether what is private is hidden from whoever asks, as Nextcloud does in a calendar that somebody shares.
    pub(crate) hides: bool,
}

impl Books {
    /// What lies under an address.
    fn at(&self, path: &str) -> Option<(String, String)> {
        let (folder, name) = path.rsplit_once('/')?;
        let (folder, _) = self.folders.get(&format!("{folder}/"))?;
        Some((folder.clone(), name.to_owned()))
    }

    /// Puts something there.
    pub(crate) fn put(&mut self, folder: &str, name: &str, text: impl Into<String>) {
        self.versions += 1;
        let at = (folder.to_owned(), name.to_owned());
        self.log.push(at.clone());
        self.items.insert(at, (self.versions, text.into()));
    }

    /// Gives everything another version, and tells nobody.
    pub(crate) fn touch(&mut self) {
        for (version, _) in self.items.values_mut() {
            self.versions += 1;
            *version = self.versions;
        }
    }

    /// What whoever asks gets to see there.
    fn seen(&self, at: &(String, String)) -> Option<&(u64, String)> {
        let item = self.items.get(at)?;
        (!self.hides || !item.1.contains("CLASS:PRIVATE")).then_some(item)
    }

    fn etag(&self, version: u64) -> String {
        self.dress
            .map_or_else(|| format!("\"v{version}\""), |dress| dress(version))
    }

    fn answer(&mut self, asked: &Heard) -> Says {
        let Some(at) = self.at(&asked.path) else {
            return match &*asked.method {
                "PROPFIND" => self.offers(&asked.path),
                _ => Says::status(404),
            };
        };
        match &*asked.method {
            "PROPFIND" => Says::many(&self.collection(&asked.path)),
            "REPORT" if asked.body.contains("sync-collection") => self.changes(&asked.path, asked),
            "REPORT" => self.several(&asked.path, asked),
            "GET" => match self.seen(&at) {
                Some((version, text)) => Says::status(200)
                    .with("ETag", self.etag(*version))
                    .body(text.clone()),
                None => Says::status(404),
            },
            "PUT" | "DELETE" if self.is_read_only => Says::status(403),
            "PUT" | "DELETE" => self.change(&at, asked),
            _ => Says::status(405),
        }
    }

    /// Where the calendars are, and which.
    fn offers(&self, path: &str) -> Says {
        match path {
            "/alice/" => Says::many(
                &self
                    .folders
                    .keys()
                    .map(|path| self.collection(path))
                    .collect::<String>(),
            ),
            path => Says::many(&found(
                path,
                "<c:calendar-home-set><d:href>/alice/</d:href></c:calendar-home-set>",
            )),
        }
    }

    fn collection(&self, path: &str) -> String {
        let right = if self.is_read_only { "read" } else { "all" };
        let name = self.folders.get(path).map_or("", |(_, name)| name);
        found(
            path,
            &format!(
                "<d:resourcetype><d:collection/><c:calendar/></d:resourcetype><d:displayname>{name}</d:displayname>\
                 <d:current-user-privilege-set><d:privilege><d:{right}/></d:privilege></d:current-user-privilege-set>"
            ),
        )
    }

    fn changes(&self, path: &str, asked: &Heard) -> Says {
        let (folder, _) = &self.folders[path];
        let since = asked.body.split("http://t/").nth(1);
        let since = since.and_then(|rest| rest.split('<').next()?.parse().ok());
        let all = self
            .items
            .keys()
            .filter(|at| since.is_none() && self.seen(at).is_some());
        let new = self.log.iter().skip(since.unwrap_or(usize::MAX));
        let mut told: Vec<_> = all.chain(new).filter(|(at, _)| at == folder).collect();
        told.sort();
        told.dedup();
        let each = told.into_iter().map(|at| {
            let href = format!("{path}{}", at.1);
            match self.seen(at) {
                Some((version, _)) => found(
                    &href,
                    &format!("<d:getetag>{}</d:getetag>", self.etag(*version)),
                ),
                None => went(&href, 404),
            }
        });
        let token = format!("<d:sync-token>http://t/{}</d:sync-token>", self.log.len());
        Says::many(&(each.collect::<String>() + &token))
    }

    fn several(&self, path: &str, asked: &Heard) -> Says {
        let hrefs = asked.body.split("<d:href>").skip(1);
        let hrefs = hrefs.filter_map(|text| text.split("</d:href>").next());
        let each = hrefs.map(|href| {
            let name = href.strip_prefix(path).unwrap_or(href).to_owned();
            match self.seen(&(self.folders[path].0.clone(), name)) {
                Some((version, text)) => found(
                    href,
                    &format!(
                        "<d:getetag>{}</d:getetag><c:calendar-data><![CDATA[{text}]]></c:calendar-data>",
                        self.etag(*version)
                    ),
                ),
                None => went(href, 404),
            }
        });
        Says::many(&each.collect::<String>())
    }

    fn change(&mut self, at: &(String, String), asked: &Heard) -> Says {
        let there = self.seen(at).map(|(version, _)| self.etag(*version));
        if there.is_none() && self.items.contains_key(at) {
            let text = "Calendar object with uid already exists in this calendar collection.";
            return Says::status(400).body(text.to_owned());
        }
        let header = |name: &str| {
            let mut lines = asked.head.lines();
            lines.find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name)
                    .then(|| value.trim().to_owned())
            })
        };
        let is_wanted = match header("if-match") {
            Some(wanted) => there == Some(wanted),
            None => there.is_none() && header("if-none-match").as_deref() == Some("*"),
        };
        if !is_wanted {
            return Says::status(412);
        }
        if asked.method == "DELETE" {
            self.items.remove(at);
            self.log.push(at.clone());
            return Says::status(204);
        }
        self.put(&at.0, &at.1, asked.body.clone());
        Says::status(201).with("ETag", self.etag(self.versions))
    }
}

impl Shelf {
    /// A server with one calendar, at `/alice/work/`, called Work.
    pub(crate) fn start() -> Self {
        Self::saying(|_, says| says)
    }

    /// The same, with this made of each of its answers.
    pub(crate) fn saying(word: impl Fn(&Heard, Says) -> Says + Send + 'static) -> Self {
        let books: Arc<Mutex<Books>> = Arc::default();
        let kept = Arc::clone(&books);
        let script = Script::start(move |asked| word(asked, kept.lock().unwrap().answer(asked)));
        let shelf = Self { script, books };
        shelf.call("/alice/work/", "work", "Work");
        shelf
    }

    /// Lets an address lead to a folder, by this name.
    pub(crate) fn call(&self, path: &str, folder: &str, name: &str) {
        let called = (folder.to_owned(), name.to_owned());
        self.books(|books| books.folders.insert(path.to_owned(), called));
    }

    pub(crate) fn books<T>(&self, with: impl FnOnce(&mut Books) -> T) -> T {
        with(&mut self.books.lock().unwrap())
    }

    /// The texts in a folder, by name.
    pub(crate) fn texts(&self, folder: &str) -> BTreeMap<String, String> {
        self.books(|books| {
            let items = books.items.iter().filter(|((at, _), _)| at == folder);
            items
                .map(|((_, name), (_, text))| (name.clone(), text.clone()))
                .collect()
        })
    }

    /// How many requests of these methods there were since the last time anybody asked.
    pub(crate) fn asked(&self, methods: &[&str]) -> usize {
        let heard = self.script.heard();
        let is_it = |heard: &&Heard| methods.contains(&&*heard.method);
        heard.iter().filter(is_it).count()
    }
}
