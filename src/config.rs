//! The configuration, checked and complete: what the program works with after every mistake has been told.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use jiff::tz::TimeZone;

use crate::{
    auth::{Dav, Google},
    ident::Mint,
    model::{CalendarName, Interest, counted},
    plan::{Limits, Past, Route},
    provider::{caldav::Which as DavWhich, google::Which, ics::Origin},
    session::{Role, Settings},
};

mod caldav;
mod check;
mod feed;
mod google;
pub mod key;
pub mod paths;
mod reach;
mod rules;
mod syntax;
mod table;

pub use check::{check, check_name, is_address, load, load_accounts};
pub use reach::{Means, caldav_account};
pub use table::Mistake;

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it was read from.
    pub path: PathBuf,
    /// The zone of days and floating times.
    pub timezone: TimeZone,
    /// The state file; nothing if nobody knows where, because there is no home folder.
    pub state: Option<PathBuf>,
    /// The key file.
    pub key_file: PathBuf,
    /// The owner's mail addresses, in lower case.
    pub me: Vec<String>,
    /// How many days back blocks are kept in step.
    pub past_days: u32,
    /// How many days ahead.
    pub future_days: u32,
    /// What becomes of blocks that are over before that.
    pub past: Past,
    /// How much one run may do.
    pub limits: Limits,
    /// The accounts, by name.
    pub accounts: BTreeMap<String, Account>,
    /// The calendars, by name.
    pub calendars: BTreeMap<CalendarName, Calendar>,
    /// Which source shows in which target.
    pub routes: Vec<Route>,
    /// What the rules look for in the words of which calendar's events.
    pub interests: BTreeMap<CalendarName, Interest>,
    /// Files with a secret in them, of an OAuth client or a feed, that others can read.
    pub open_files: Vec<PathBuf>,
}

/// An account: a place that holds several calendars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// A folder whose folders are calendars.
    Local {
        /// The folder.
        path: PathBuf,
    },
    /// A Google account.
    Google(Google),
    /// An account at a `CalDAV` server.
    Caldav(Dav),
}

/// A calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// The account it belongs to, if it does.
    pub account: Option<String>,
    /// Where it is.
    pub place: Place,
    /// What it may be.
    pub role: Role,
}

/// Where a calendar is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a folder of `.ics` files.
    Local(PathBuf),
    /// At Google, in the account that the calendar belongs to.
    Google(Which),
    /// At a `CalDAV` server, in the account that the calendar belongs to.
    Caldav(DavWhich),
    /// Published by somebody, to be read only.
    Feed(Origin),
}

/// Why there is no configuration to work with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no file.
    #[error("there is no configuration at {}; `calsync{} init` writes one, or name another with --config", .0.display(), flag_for(.0))]
    Missing(PathBuf),
    /// Nobody knows where things are.
    #[error(
        "the variable HOME is not set, so nobody knows where calsync's files are; set it, or name them with --config and --state"
    )]
    NoHome,
    /// The file cannot be read.
    #[error("the configuration {} cannot be read: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: std::io::Error,
    },
    /// It has mistakes.
    #[error("{}", mistakes_text(path, mistakes))]
    Mistakes {
        /// The file.
        path: PathBuf,
        /// All of them, in order.
        mistakes: Vec<Mistake>,
    },
}

fn mistakes_text(path: &Path, mistakes: &[Mistake]) -> String {
    let many = counted(mistakes.len(), "mistake");
    let mut text = format!("{many} in the configuration; nothing was done");
    for mistake in mistakes {
        text.push_str("\n  ");
        text.push_str(&mistake.at(path));
    }
    text
}

/// The flag that names a configuration, if it is not where everybody looks.
fn flag_for(path: &Path) -> String {
    match paths::default_config() {
        Some(default) if default == path => String::new(),
        _ => format!(" --config {}", path.display()),
    }
}

impl Mistake {
    /// The mistake and where it is.
    fn at(&self, path: &Path) -> String {
        format!("{}:{}: {}", path.display(), self.line, self.words)
    }
}

impl ConfigError {
    /// What is wrong, a sentence for each mistake.
    pub fn sentences(&self) -> Vec<String> {
        match self {
            Self::Mistakes { path, mistakes } => mistakes.iter().map(|m| m.at(path)).collect(),
            other => vec![other.to_string()],
        }
    }
}

impl Config {
    /// What a run does, as configured here.
    pub fn settings(&self, mint: Mint) -> Settings {
        Settings {
            routes: self.routes.clone(),
            past_days: self.past_days,
            future_days: self.future_days,
            past: self.past,
            home: self.timezone.clone(),
            limits: self.limits,
            mint,
        }
    }
}
