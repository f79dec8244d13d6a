//! From the file as typed to a configuration that means something; every mistake is told, each with its line.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use jiff::tz::TimeZone;
use toml::de::DeTable;

use super::{
    Account, Calendar, Config, ConfigError, Place, caldav, feed, google, paths, rules, syntax,
    table::{At, Mistakes, Table, nearest, no_zone},
};
use crate::{
    model::{CalendarName, zone},
    plan::{Limits, Past},
    provider::google::Which,
    session::Role,
};

/// The providers of accounts.
const PROVIDERS: [&str; 3] = ["local", "google", "caldav"];

/// What a configuration is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// All of it.
    Everything,
    /// The accounts alone, which say what there is to write about calendars.
    Accounts,
}

/// Reads and checks a configuration. Relative paths in it are relative to its folder.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    check(path, &text_of(path)?)
}

/// The same for what is done with accounts alone. If there are any, nothing is said of calendars: what is wrong with one of them
/// may be what their accounts are asked for. Such a calendar is left out.
pub fn load_accounts(path: &Path) -> Result<Config, ConfigError> {
    check_for(path, &text_of(path)?, Purpose::Accounts)
}

fn text_of(path: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(path).map_err(|why| match why.kind() {
        io::ErrorKind::NotFound => ConfigError::Missing(path.to_owned()),
        _ => ConfigError::Unreadable {
            path: path.to_owned(),
            why,
        },
    })
}

/// Checks the text of a configuration that lies, or is going to lie, at this path.
pub fn check(path: &Path, text: &str) -> Result<Config, ConfigError> {
    check_for(path, text, Purpose::Everything)
}

fn check_for(path: &Path, text: &str, purpose: Purpose) -> Result<Config, ConfigError> {
    let mistakes = Mistakes::in_text(text);
    let (document, errors) = DeTable::parse_recoverable(text);
    for (at, words) in syntax::mistakes(text, &errors) {
        mistakes.add(at, format!("not TOML here: {words}"));
    }
    if !errors.is_empty() {
        // What the text means is only guessed then, and mistakes found in a guess are none.
        return Err(ConfigError::Mistakes {
            path: path.to_owned(),
            mistakes: mistakes.into_sorted(),
        });
    }
    let folder = absolute(path.parent().unwrap_or(Path::new("")));
    let checker = Checker {
        folder,
        file: path.to_owned(),
        purpose,
        open_files: RefCell::default(),
        mistakes: mistakes.clone(),
    };
    let config = checker.config(path, Table::new(document.get_ref(), "", 0, &mistakes));
    let mistakes = mistakes.into_sorted();
    match config {
        Some(config) if mistakes.is_empty() => Ok(config),
        _ => Err(ConfigError::Mistakes {
            path: path.to_owned(),
            mistakes,
        }),
    }
}

fn absolute(folder: &Path) -> PathBuf {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
}

pub(super) struct Checker {
    /// The folder of the configuration.
    pub(super) folder: PathBuf,
    /// The configuration itself.
    pub(super) file: PathBuf,
    purpose: Purpose,
    /// Files with a secret in them that others can read.
    open_files: RefCell<BTreeSet<PathBuf>>,
    mistakes: Mistakes,
}

impl Checker {
    fn config(&self, path: &Path, mut root: Table<'_>) -> Option<Config> {
        let timezone = self.timezone(&mut root);
        let state = self.path(&mut root, "state").or_else(paths::default_state);
        let key_file = self.path(&mut root, "key_file").or_else(paths::default_key);
        if key_file.is_none() && !root.has("key_file") && !paths::key_is_given() {
            let words = "`key_file` is missing, and the variable HOME is not set, so nobody knows where the key is; set one of them";
            self.mistakes.add(0, words);
        }
        let me = root.texts("me").unwrap_or_default();
        for address in me.iter().filter(|address| !is_address(&address.value)) {
            root.mistake(
                address.at,
                "`me` must list mail addresses, such as \"ada@example.com\"",
            );
        }
        let (past_days, future_days, past) = window(root.table("window"));
        let limits = limits(root.table("guard"), root.table("limits"));
        let accounts = self.accounts(&mut root);
        let told = self.mistakes.count();
        let calendars = self.calendars(&mut root, &accounts);
        let home = timezone.clone().unwrap_or(TimeZone::UTC);
        let rules = rules::rules(&mut root, &calendars, &home);
        if self.purpose == Purpose::Accounts && !accounts.is_empty() {
            self.mistakes.forget_after(told);
        }
        root.finish();
        Some(Config {
            path: path.to_owned(),
            timezone: timezone?,
            state,
            key_file: key_file.unwrap_or_default(),
            me: me
                .into_iter()
                .map(|address| address.value.trim().to_ascii_lowercase())
                .collect(),
            past_days,
            future_days,
            past,
            limits,
            accounts,
            calendars: calendars
                .into_iter()
                .map(|(name, at)| (name, at.value))
                .collect(),
            routes: rules.routes,
            interests: rules.interests,
            open_files: self.open_files.take().into_iter().collect(),
        })
    }

    /// Remembers a file with a secret in it, if others can read it.
    pub(super) fn holds_secret(&self, file: &Path) {
        use std::os::unix::fs::PermissionsExt as _;
        if fs::metadata(file).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0) {
            self.open_files.borrow_mut().insert(file.to_owned());
        }
    }

    /// Remembers the configuration itself, if there is a password in it and others can read it.
    pub(super) fn holds_password(&self, it: bool) {
        if it {
            self.holds_secret(&self.file);
        }
    }

    fn timezone(&self, root: &mut Table<'_>) -> Option<TimeZone> {
        let Some(name) = root.text("timezone") else {
            let system = TimeZone::system();
            let known = system.iana_name().and_then(zone::iana);
            if known.is_none() {
                let words = "`timezone` is missing and the system's own cannot be told; add one, such as timezone = \"Europe/Berlin\"";
                self.mistakes.add(0, words);
            }
            return known;
        };
        let found = zone::iana(&name.value);
        if found.is_none() {
            self.mistakes.add(name.at, no_zone("timezone", &name.value));
        }
        found
    }

    pub(super) fn path(&self, table: &mut Table<'_>, key: &'static str) -> Option<PathBuf> {
        let written = table.text(key)?;
        if written.value.trim().is_empty() {
            table.mistake(written.at, &format!("`{key}` must not be empty"));
            return None;
        }
        if written.value.contains("://") {
            let words = format!(
                "`{key}` names something on this machine; an address of a calendar is a `feed`"
            );
            table.mistake(written.at, &words);
            return None;
        }
        let path = paths::resolve(&written.value, &self.folder);
        if path.is_none() {
            let words = format!("`{key}` begins with ~, and the variable HOME is not set");
            table.mistake(written.at, &words);
        }
        path
    }

    fn accounts(&self, root: &mut Table<'_>) -> BTreeMap<String, Account> {
        let mut accounts = BTreeMap::new();
        for (name, mut table) in root.named("accounts") {
            let provider = table.text("provider");
            match provider.as_ref().map(|p| p.value.as_str()) {
                Some("local") => {
                    if let Some(path) = self.path(&mut table, "path") {
                        accounts.insert(name.value, Account::Local { path });
                    } else if !table.has("path") {
                        table.mistake(
                            table.at,
                            "needs `path`: the folder whose folders are calendars",
                        );
                    }
                }
                Some("google") => {
                    if let Some(found) = google::account(self, &mut table) {
                        accounts.insert(name.value, Account::Google(found));
                    }
                }
                Some("caldav") => {
                    if let Some(found) = caldav::account(self, &mut table) {
                        accounts.insert(name.value, Account::Caldav(found));
                    }
                }
                Some(other) => {
                    let at = provider.as_ref().map_or(table.at, |p| p.at);
                    let near = caldav::service(other)
                        .unwrap_or_else(|| nearest(&other.to_lowercase(), PROVIDERS.into_iter()));
                    table.mistake(at, &format!("`provider` \"{other}\" is not one that this version knows: \"local\", \"google\", \"caldav\"{near}"));
                    continue;
                }
                None => {
                    if !table.has("provider") {
                        let words = "needs `provider`: \"local\", \"google\" or \"caldav\"";
                        table.mistake(table.at, words);
                    }
                    // Nobody knows which other keys belong here.
                    continue;
                }
            }
            table.finish();
        }
        accounts
    }

    fn calendars(
        &self,
        root: &mut Table<'_>,
        accounts: &BTreeMap<String, Account>,
    ) -> BTreeMap<CalendarName, At<Calendar>> {
        let mut calendars = BTreeMap::new();
        let named = root.names_in("accounts");
        let mut places: BTreeMap<String, String> = BTreeMap::new();
        for (name, mut table) in root.named("calendars") {
            if let Err(words) = check_name(&name.value) {
                table.mistake(name.at, &words);
            }
            let role = role(&mut table);
            if let Some((account, place)) = self.place(&mut table, accounts, &named) {
                let role = match place {
                    Place::Feed(_) => feed::role(&table, role),
                    _ => role,
                };
                let what = told_apart(account.as_deref(), &place);
                if let Some(other) = places.insert(what, name.value.clone()) {
                    table.mistake(
                        name.at,
                        &format!("is the same calendar as [calendars.{other}]"),
                    );
                }
                let calendar = Calendar {
                    account,
                    place,
                    role,
                };
                let at = At {
                    value: calendar,
                    at: name.at,
                };
                calendars.insert(name.value.as_str().into(), at);
            }
            table.finish();
        }
        if calendars.is_empty() && !root.has("calendars") {
            self.mistakes.add(0, "there are no calendars; add at least two, such as [calendars.home] with path = \"~/calendars/home\"");
        }
        calendars
    }

    fn place(
        &self,
        table: &mut Table<'_>,
        accounts: &BTreeMap<String, Account>,
        named: &BTreeSet<String>,
    ) -> Option<(Option<String>, Place)> {
        let path = self.path(table, "path");
        let feed = table.text("feed");
        let account = table.text("account");
        let id = table.text("id");
        let called = table.text("name");
        if let Some(feed) = &feed
            && (table.has("path") || account.is_some())
        {
            table.mistake(feed.at, "has `feed` beside `path` or `account`; keep one");
        }
        let Some(account) = account else {
            if path.is_none() && feed.is_none() && !table.has("path") && !table.has("feed") {
                table.mistake(
                    table.at,
                    "needs `path` (a folder of .ics files), `feed` (an address), or `account` and `id`",
                );
            }
            if let Some(id) = id {
                table.mistake(id.at, "`id` goes with `account`");
            }
            if let Some(called) = called {
                table.mistake(called.at, "`name` goes with `account`");
            }
            let place = match (path, feed) {
                (Some(path), _) => Place::Local(path),
                (None, feed) => feed::place(self, table, &feed?)?,
            };
            return Some((None, place));
        };
        if path.is_some() {
            table.mistake(account.at, "has both `account` and `path`; keep one");
        }
        let place = match accounts.get(&account.value) {
            Some(Account::Local { path }) => {
                if let Some(called) = called {
                    table.mistake(called.at, "in a folder a calendar goes by its `id` alone");
                }
                folder(table, &account, path, id)
            }
            Some(Account::Google(_)) => at_google(table, &account, id, called),
            Some(Account::Caldav(dav)) => {
                caldav::calendar(table, (&account, dav), id, called).map(Place::Caldav)
            }
            // It is there, and what is wrong with it is told there.
            None if named.contains(&account.value) => None,
            None => {
                let near = nearest(&account.value, named.iter().map(String::as_str));
                let words = format!(
                    "`account` \"{}\" is not under [accounts]{near}",
                    account.value
                );
                table.mistake(account.at, &words);
                None
            }
        };
        Some((Some(account.value), place?))
    }
}

/// A folder in an account that is a folder of folders.
fn folder(
    table: &Table<'_>,
    account: &At<String>,
    path: &Path,
    id: Option<At<String>>,
) -> Option<Place> {
    let Some(id) = id else {
        table.mistake(
            account.at,
            "needs `id` beside `account`, as `calsync calendars` lists it",
        );
        return None;
    };
    if id.value.is_empty() || id.value.contains('/') || id.value.starts_with('.') {
        table.mistake(
            id.at,
            "`id` must be the name of a folder inside the account's",
        );
        return None;
    }
    Some(Place::Local(path.join(&id.value)))
}

/// A calendar in a Google account.
fn at_google(
    table: &Table<'_>,
    account: &At<String>,
    id: Option<At<String>>,
    called: Option<At<String>>,
) -> Option<Place> {
    let which = match (id, called) {
        (Some(id), None) if is_almost_primary(&id.value) => {
            let words = "there is no such `id`; did you mean `primary`?";
            table.mistake(id.at, words);
            return None;
        }
        (Some(id), None) if !id.value.trim().is_empty() => Which::Id(id.value),
        (None, Some(name)) if !name.value.trim().is_empty() => Which::Name(name.value),
        (Some(_), Some(called)) => {
            table.mistake(called.at, "has both `id` and `name`; keep one");
            return None;
        }
        _ => {
            let words = "needs `id` beside `account`, such as id = \"primary\", or `name`; `calsync calendars` lists both";
            table.mistake(account.at, words);
            return None;
        }
    };
    Some(Place::Google(which))
}

/// Whether somebody wrote the one word that Google takes for an id as Google does not take it.
fn is_almost_primary(id: &str) -> bool {
    id != "primary" && id.trim().eq_ignore_ascii_case("primary")
}

/// What is the same for calendars that are the same.
fn told_apart(account: Option<&str>, place: &Place) -> String {
    let account = account.unwrap_or_default();
    match place {
        Place::Local(folder) => {
            let real = fs::canonicalize(folder).unwrap_or_else(|_| folder.clone());
            format!("folder {}", real.display())
        }
        Place::Feed(origin) => format!("feed {}", origin.print()),
        Place::Google(Which::Id(id)) => format!("google {account} id {id}"),
        Place::Google(Which::Name(name)) => format!("google {account} name {name}"),
        Place::Caldav(which) => caldav::told_apart(account, which),
    }
}

/// How many days back and ahead, and what becomes of what is over before that.
fn window(table: Option<Table<'_>>) -> (u32, u32, Past) {
    let Some(mut table) = table else {
        return (30, 365, Past::default());
    };
    let back = table.number("past_days", 0, 3650).unwrap_or(30);
    let ahead = table.number("future_days", 1, 3650).unwrap_or(365);
    let words = [("keep", Past::Keep), ("delete", Past::Delete)];
    let past = rules::choice(&mut table, "past", &words).unwrap_or_default();
    table.finish();
    (back, ahead, past)
}

fn limits(guard: Option<Table<'_>>, limits: Option<Table<'_>>) -> Limits {
    let mut found = Limits::default();
    if let Some(mut table) = guard {
        let percent = table.number("removals_percent", 0, 100);
        found.removals_percent = percent
            .and_then(|p| u8::try_from(p).ok())
            .unwrap_or(found.removals_percent);
        table.finish();
    }
    if let Some(mut table) = limits {
        let operations = table.number("operations", 1, 1_000_000);
        found.operations = operations
            .and_then(|n| usize::try_from(n).ok())
            .unwrap_or(found.operations);
        found.run_minutes = table
            .number("run_minutes", 1, 1440)
            .unwrap_or(found.run_minutes);
        table.finish();
    }
    found
}

/// Whether a text can be a mail address: something, an @, something.
pub fn is_address(text: &str) -> bool {
    let parts = text.trim().split_once('@');
    let is_odd = |c: char| c.is_whitespace() || "<>\"'(),:;".contains(c);
    let is_word = |part: &str| !part.is_empty() && !part.contains(is_odd);
    parts.is_some_and(|(name, host)| is_word(name) && is_word(host))
}

/// A calendar's name stands in flags, reports and file names. What is wrong with this one, if anything.
pub fn check_name(name: &str) -> Result<(), String> {
    let fits = !name.is_empty()
        && name.chars().count() <= 64
        && !name.chars().any(|c| c.is_control() || c == '"')
        && name.trim() == name
        && !name.starts_with('-');
    match fits {
        true => Ok(()),
        false => Err("a calendar's name has 1 to 64 characters, no quotes, and neither begins nor ends with a space".to_owned()),
    }
}

fn role(table: &mut Table<'_>) -> Role {
    let Some(written) = table.text("role") else {
        return Role::Both;
    };
    let roles = [Role::Both, Role::Source, Role::Target];
    let found = roles.into_iter().find(|role| role.word() == written.value);
    if found.is_none() {
        let near = nearest(&written.value, roles.iter().map(|role| role.word()));
        table.mistake(
            written.at,
            &format!(
                "`role` must be \"both\", \"source\" or \"target\", not \"{}\"{near}",
                written.value
            ),
        );
    }
    found.unwrap_or_default()
}
