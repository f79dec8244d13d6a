//! The keys of an account at a `CalDAV` server, and of its calendars. The certificates that they name are read here too.

use std::fs;

use super::{
    check::Checker,
    paths,
    table::{At, Table},
};
use crate::{
    auth::{self, Dav},
    http::{self, HttpErrorKind, Pace, Roots},
    provider::caldav::{Which, address::Address},
};

/// How fast iCloud may be asked: it limits early, and then for longer than it says.
const PACE_ICLOUD: Pace = Pace {
    per_minute: 240,
    burst: 60,
};
/// How fast others may be asked. It is one request at a time in any case; this is for servers that never say no.
const PACE: Pace = Pace {
    per_minute: 6_000,
    burst: 2_000,
};
/// What a shell would make more of than stands there.
const SHELL: &str = "'\"\\$`|&;<>*?()";

/// Reads the account from its table.
pub(super) fn account(checker: &Checker, table: &mut Table<'_>) -> Option<Dav> {
    let url = url(table);
    let username = table.text("username");
    if username.is_none() && !table.has("username") {
        table.mistake(table.at, "needs `username`, such as \"ada@example.com\"");
    }
    let wrong = |name: &At<String>| {
        let text = &name.value;
        text.trim().is_empty() || text.contains(':') || text.chars().any(char::is_control)
    };
    if let Some(username) = username.as_ref().filter(|name| wrong(name)) {
        let words = "`username` must not be empty and has no colon in it";
        table.mistake(username.at, words);
    }
    if table.has("password") {
        table.knows(&["password"]);
        table.mistake(table.at_of("password"), NO_PASSWORD);
    }
    let has_command = table.has("password_command");
    let command = command(table);
    let has_roots = table.has("ca_file");
    let roots = ca_file(checker, table);
    let per_minute = table.number("requests_per_minute", 1, 60_000);
    let url = url?;
    let usual = match Address::parse(&url).is_some_and(|at| is_icloud(at.host())) {
        true => PACE_ICLOUD,
        false => PACE,
    };
    let per_minute = per_minute.unwrap_or(usual.per_minute);
    let dav = Dav {
        url,
        username: username?.value.trim().to_owned(),
        command,
        roots,
        pace: Pace {
            per_minute,
            burst: usual.burst.min(per_minute),
        },
    };
    // What is there and wrong must not be taken for absent.
    let is_complete =
        (dav.command.is_some() || !has_command) && (dav.roots.is_some() || !has_roots);
    is_complete.then_some(dav)
}

const NO_PASSWORD: &str = "`password` has no place here, where others may read it: `calsync auth add ACCOUNT` asks for it and \
    keeps it encrypted, or `password_command` names a program that says it";

/// How a service that somebody took for a provider is configured, if it is known.
pub(super) fn service(provider: &str) -> Option<String> {
    let url = match provider.to_lowercase().as_str() {
        "icloud" | "apple" => "https://caldav.icloud.com",
        "fastmail" => "https://caldav.fastmail.com",
        "nextcloud" | "owncloud" => "https://cloud.example.org/remote.php/dav",
        "radicale" | "xandikos" | "baikal" | "baïkal" | "cyrus" | "sogo" | "zimbra" => {
            "https://dav.example.org"
        }
        _ => return None,
    };
    Some(format!(
        "; write provider = \"caldav\" with url = \"{url}\""
    ))
}

fn is_icloud(host: &str) -> bool {
    host == "icloud.com" || host.ends_with(".icloud.com")
}

fn url(table: &mut Table<'_>) -> Option<String> {
    let Some(written) = table.text("url") else {
        if !table.has("url") {
            let words = "needs `url`: the address of the CalDAV server, such as \"https://caldav.icloud.com\"";
            table.mistake(table.at, words);
        }
        return None;
    };
    match whole(written.value.trim()) {
        Ok(url) => Some(url),
        Err(words) => {
            table.mistake(written.at, words);
            None
        }
    }
}

/// The address as it is meant: a bare host means `https`. Or what is wrong with it, without any of it.
fn whole(written: &str) -> Result<String, &'static str> {
    let url = match written.contains("://") {
        true => written.to_owned(),
        false => format!("https://{written}"),
    };
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let host = rest.split('/').next().unwrap_or_default();
    if !["https", "http"].contains(&scheme.to_ascii_lowercase().as_str()) {
        return Err("`url` must begin with https://");
    }
    if host.contains('@') {
        return Err(
            "`url` must be without a user name in it: that goes under `username`, and `calsync auth add ACCOUNT` asks for the password",
        );
    }
    if rest.contains(['?', '#']) {
        return Err(
            "`url` must be without ? and #: the address of the server, and nothing that is asked of it",
        );
    }
    match http::allowed(&url).map_err(|error| error.kind) {
        Err(HttpErrorKind::Forbidden) => Err(
            "`url` must be https, or everybody on the way could read the password; http is for this machine alone, such as \
             \"http://127.0.0.1:5232\"",
        ),
        Ok(()) if auth::is_address(&url) && Address::parse(&url).is_some() => Ok(url),
        _ => Err(
            "`url` must be the address of the CalDAV server, such as \"https://cloud.example.org/remote.php/dav\"",
        ),
    }
}

/// The program that says the password. No shell takes part, so a text with anything in it that one would understand is a
/// mistake rather than a surprise.
fn command(table: &mut Table<'_>) -> Option<Vec<String>> {
    let is_list = table.is_list("password_command");
    let at = table.at_of("password_command");
    let written = table.texts("password_command")?;
    let mut words: Vec<String> = written.into_iter().map(|word| word.value).collect();
    if !is_list {
        let text = words.concat();
        if text.contains(|c| SHELL.contains(c)) {
            let words = "`password_command` is run without a shell: write it as a list, such as [\"pass\", \"show\", \"my calendar\"], \
                or put what needs a shell into a script";
            table.mistake(at, words);
            return None;
        }
        words = text.split_whitespace().map(str::to_owned).collect();
    }
    let Some(program) = words.first_mut().filter(|word| !word.is_empty()) else {
        table.mistake(at, "`password_command` must not be empty");
        return None;
    };
    if program.starts_with("~/") {
        let Some(path) = paths::resolve(program, std::path::Path::new("")) else {
            let words = "`password_command` begins with ~, and the variable HOME is not set";
            table.mistake(at, words);
            return None;
        };
        *program = path.display().to_string();
    }
    Some(words)
}

/// The certificates that a person trusts here beside the machine's.
pub(super) fn ca_file(checker: &Checker, table: &mut Table<'_>) -> Option<Roots> {
    let at = table.at_of("ca_file");
    let path = checker.path(table, "ca_file")?;
    let read = fs::read(&path).map_err(|error| format!("cannot be read: {error}"));
    match read.and_then(|pem| Roots::read(&pem).map_err(str::to_owned)) {
        Ok(roots) => Some(roots),
        Err(words) => {
            table.mistake(at, &format!("`ca_file`: {} {words}", path.display()));
            None
        }
    }
}

/// A calendar in such an account.
pub(super) fn calendar(
    table: &Table<'_>,
    (account, dav): (&At<String>, &Dav),
    id: Option<At<String>>,
    called: Option<At<String>>,
) -> Option<Which> {
    match (id, called) {
        (Some(id), None) if is_place(&id.value) && !is_trusted(dav, &id.value) => {
            let words = format!(
                "`id` is at another host than `url` of [accounts.{}], which the password is for; write the path alone, as \
                 `calsync calendars` lists it",
                account.value
            );
            table.mistake(id.at, &words);
            None
        }
        (Some(id), None) if is_place(&id.value) => Some(Which::Id(id.value)),
        (Some(id), None) => {
            let words = "`id` must be the path of the calendar, such as \"/ada/work/\", as `calsync calendars` lists it";
            table.mistake(id.at, words);
            None
        }
        (None, Some(name)) if !name.value.trim().is_empty() => Some(Which::Name(name.value)),
        (Some(_), Some(called)) => {
            table.mistake(called.at, "has both `id` and `name`; keep one");
            None
        }
        _ => {
            let words = "needs `id` beside `account`, such as id = \"/ada/work/\", or `name`; `calsync calendars` lists both";
            table.mistake(account.at, words);
            None
        }
    }
}

fn is_place(id: &str) -> bool {
    (id.starts_with('/') && !id.starts_with("//")) || auth::is_address(id)
}

/// Whether a calendar is where the password of its account may be shown.
fn is_trusted(dav: &Dav, id: &str) -> bool {
    let base = Address::parse(&dav.url);
    base.is_some_and(|base| base.join(id).is_some_and(|at| base.trusts(&at)))
}

/// What is the same for calendars that are the same.
pub(super) fn told_apart(account: &str, which: &Which) -> String {
    match which {
        Which::Id(id) => {
            let base = Address::parse("https://example.org/");
            let at = base.and_then(|base| base.join(id));
            let at = at.map_or(id.clone(), |at| at.as_typed().as_folder().url());
            format!("caldav {account} id {at}")
        }
        Which::Name(name) => format!("caldav {account} name {name}"),
    }
}
