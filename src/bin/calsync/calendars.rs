//! `calsync calendars`: what the accounts and folders offer.

use std::{
    fs,
    path::{Path, PathBuf},
};

use calsync::{
    config::{Account, Config, Means, Place},
    model::plain,
    provider::{
        Answer, Cursor, ErrorKind, Probe, Provider as _, ProviderError, caldav, google,
        local::{Folder, folders},
    },
    state::State,
};
use serde_json::json;

use crate::{
    args::{self, Args},
    context::{block_on, load_accounts, means_to_look},
    exit::{Exit, Failure},
    print,
};

/// A calendar that is there.
struct Offer {
    account: Option<String>,
    /// What to write as `id`, or the folder.
    id: String,
    /// What its provider calls it.
    title: Option<String>,
    /// Its name in the configuration, if it is there already.
    name: Option<String>,
    writable: bool,
    zone: Option<String>,
    files: Option<usize>,
    /// Where it really is, if it is a folder: several paths may lead there.
    folder: Option<PathBuf>,
}

/// What was found, and whether all of it could be reached.
struct Found {
    offers: Vec<Offer>,
    exit: Exit,
    /// Why something could not be reached, in the order in which it was tried.
    errors: Vec<String>,
}

impl Found {
    /// Tells that something cannot be reached; the first of these decides how the program ends.
    fn failed(&mut self, args: &Args, what: &str, error: &ProviderError) {
        let said = match error.message.starts_with(&format!("{what}: ")) {
            true => args.hint(&error.message),
            false => format!("{what}: {}", args.hint(&error.message)),
        };
        tracing::error!("{said}");
        self.errors.push(said);
        if self.exit == Exit::InStep {
            self.exit = exit_for(error);
        }
    }

    fn has(&self, folder: &Path) -> bool {
        let real = real(folder);
        let mut folders = self.offers.iter().filter_map(|o| o.folder.as_ref());
        folders.any(|folder| *folder == real)
    }
}

pub(crate) fn run(args: &Args, options: &args::Calendars) -> Result<Exit, Failure> {
    let loaded = load_accounts(args)?;
    let means = means_to_look(&loaded)?;
    let config = loaded.config;
    let wanted = options.account.as_ref();
    if let Some(account) = wanted.filter(|name| !config.accounts.contains_key(*name)) {
        return Err(Failure::Usage(no_account(&config, account)));
    }
    let mut found = Found {
        offers: Vec::new(),
        exit: Exit::InStep,
        errors: Vec::new(),
    };
    let state = State::open_to_read(&loaded.state)?;
    // Of a calendar that goes by a name the state knows what that meant last.
    let last = |name: &str| state.as_ref()?.last_cursor(&name.into()).ok()?;
    block_on(async {
        for name in config.accounts.keys() {
            if wanted.is_some_and(|wanted| wanted != name) {
                continue;
            }
            match of_account(&config, &means, name, last).await {
                Ok(offers) => found.offers.extend(offers),
                Err(error) => found.failed(args, &format!("account {name}"), &error),
            }
        }
        those_by_name(args, &config, &means, wanted, &mut found).await;
    })?;
    show(options.json, &config, &found)?;
    Ok(found.exit)
}

/// The real place of a folder, whatever path leads there.
fn real(folder: &Path) -> PathBuf {
    fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned())
}

/// That there is no account of this name, and which there are.
pub(crate) fn no_account(config: &Config, name: &str) -> String {
    let all: Vec<&str> = config.accounts.keys().map(String::as_str).collect();
    let known = match &all[..] {
        [] => "there are none".to_owned(),
        all => format!("there are: {}", all.join(", ")),
    };
    let calendar = config.calendars.get(name);
    let calendar = match calendar.map(|calendar| &calendar.account) {
        None => String::new(),
        Some(None) => format!(" (\"{name}\" is a calendar, of no account)"),
        Some(Some(account)) => format!(" (\"{name}\" is a calendar of account {account})"),
    };
    format!("there is no account \"{name}\" in the configuration{calendar}; {known}")
}

/// How the program ends if that is what went wrong.
pub(crate) fn exit_for(error: &ProviderError) -> Exit {
    match error.kind {
        ErrorKind::SignIn => Exit::Auth,
        ErrorKind::Retry(_) => Exit::Away,
        _ => Exit::Partial,
    }
}

async fn of_account(
    config: &Config,
    means: &Means,
    name: &str,
    last: impl Fn(&str) -> Option<Cursor>,
) -> Answer<Vec<Offer>> {
    match config.accounts.get(name) {
        Some(Account::Local { path }) => local_offers(config, name, path),
        Some(Account::Google(_)) => google_offers(config, means, name, last).await,
        Some(Account::Caldav(_)) => caldav_offers(config, means, name, last).await,
        None => Ok(Vec::new()),
    }
}

fn local_offers(config: &Config, name: &str, path: &Path) -> Answer<Vec<Offer>> {
    let found = folders(path).map_err(|error| {
        let message = format!("{} cannot be listed: {error}", path.display());
        ProviderError::new(ErrorKind::Refused, message)
    })?;
    let offer = |folder: Folder| {
        let real = real(&path.join(&folder.id));
        Offer {
            account: Some(name.to_owned()),
            id: folder.id,
            title: None,
            name: folder_name(config, &real),
            writable: folder.writable,
            zone: None,
            files: folder.files,
            folder: Some(real),
        }
    };
    Ok(found.into_iter().map(offer).collect())
}

async fn google_offers(
    config: &Config,
    means: &Means,
    name: &str,
    last: impl Fn(&str) -> Option<Cursor>,
) -> Answer<Vec<Offer>> {
    let accounts = config.google_accounts(means);
    let Some(account) = accounts.get(name) else {
        return Ok(Vec::new());
    };
    let offers = account.calendars().await?;
    let meant = meant(config, name, |calendar, place| match place {
        Place::Google(which) => account.which_of(&offers, which, last(calendar).as_ref()),
        Place::Local(_) | Place::Caldav(_) | Place::Feed(_) => None,
    });
    let offer = |offer: &google::Offer| Offer {
        title: Some(offer.name.clone()),
        writable: offer.writable,
        zone: offer.zone.clone(),
        ..at_server(name, name_of(&meant, offer), &offer.id)
    };
    Ok(offers.iter().map(offer).collect())
}

async fn caldav_offers(
    config: &Config,
    means: &Means,
    name: &str,
    last: impl Fn(&str) -> Option<Cursor>,
) -> Answer<Vec<Offer>> {
    let accounts = config.caldav_accounts(means);
    let Some(account) = accounts.get(name) else {
        return Ok(Vec::new());
    };
    let offers = account.calendars().await?;
    let meant = meant(config, name, |calendar, place| match place {
        Place::Caldav(which) => account.which_of(&offers, which, last(calendar).as_ref()),
        Place::Local(_) | Place::Google(_) | Place::Feed(_) => None,
    });
    let offer = |offer: &caldav::Offer| Offer {
        title: Some(offer.name.clone()),
        writable: offer.writable,
        zone: offer.zone.clone(),
        ..at_server(name, name_of(&meant, offer), &offer.id)
    };
    Ok(offers.iter().map(offer).collect())
}

/// A calendar of an account at a server, of which nothing is said but its id.
fn at_server(account: &str, name: Option<String>, id: &str) -> Offer {
    Offer {
        account: Some(account.to_owned()),
        id: id.to_owned(),
        title: None,
        name,
        writable: false,
        zone: None,
        files: None,
        folder: None,
    }
}

/// What the calendars of an account mean among those that it offers, by their names in the configuration.
fn meant<'a, O>(
    config: &Config,
    account: &str,
    which: impl Fn(&str, &Place) -> Option<&'a O>,
) -> Vec<(String, &'a O)> {
    let calendars = config.calendars.iter();
    let calendars = calendars.filter(|(_, c)| c.account.as_deref() == Some(account));
    calendars
        .filter_map(|(name, calendar)| Some((name.to_string(), which(name, &calendar.place)?)))
        .collect()
}

fn name_of<O: PartialEq>(meant: &[(String, &O)], offer: &O) -> Option<String> {
    let mut named = meant.iter().filter(|(_, meant)| *meant == offer);
    named.next().map(|(name, _)| name.clone())
}

/// The name in the configuration of the calendar in this folder, named by its path or as one of an account.
fn folder_name(config: &Config, real_folder: &Path) -> Option<String> {
    let mut calendars = config.calendars.iter();
    let is_it = |place: &Place| matches!(place, Place::Local(path) if real(path) == real_folder);
    calendars
        .find(|(_, calendar)| is_it(&calendar.place))
        .map(|(name, _)| name.to_string())
}

/// The calendars of the configuration that no account has offered: folders named by their path, feeds, and what is not there.
async fn those_by_name(
    args: &Args,
    config: &Config,
    means: &Means,
    wanted: Option<&String>,
    found: &mut Found,
) {
    for (name, mut seat) in config.seats(means) {
        let Some(calendar) = config.calendars.get(&name) else {
            continue;
        };
        let (id, folder) = match &calendar.place {
            Place::Local(folder) => (folder.display().to_string(), Some(folder)),
            Place::Feed(origin) => (origin.to_string(), None),
            Place::Google(_) | Place::Caldav(_) => continue,
        };
        let is_wanted = wanted.is_none() || calendar.account.as_ref() == wanted;
        if !is_wanted || folder.is_some_and(|folder| found.has(folder)) {
            continue;
        }
        match seat.provider.probe().await {
            Ok(Probe {
                writable,
                resources,
            }) => found.offers.push(Offer {
                account: calendar.account.clone(),
                id,
                title: None,
                name: Some(name.to_string()),
                writable,
                zone: None,
                files: resources,
                folder: folder.map(|folder| real(folder)),
            }),
            Err(error) => found.failed(args, &name, &error),
        }
    }
}

fn show(json: bool, config: &Config, found: &Found) -> Result<(), Failure> {
    let Found { offers, errors, .. } = found;
    let home = config.timezone.iana_name().unwrap_or("UTC");
    let zone = |offer: &Offer| offer.zone.clone().unwrap_or_else(|| home.to_owned());
    if json {
        let list: Vec<_> = offers
            .iter()
            .map(|offer| {
                json!({
                    "account": offer.account,
                    "id": offer.id,
                    "title": offer.title,
                    "name": offer.name,
                    "writable": offer.writable,
                    "timezone": zone(offer),
                    "files": offer.files,
                })
            })
            .collect();
        return print::out(&format!(
            "{}\n",
            json!({"version": 1, "calendars": list, "error": errors.first(), "errors": errors})
        ));
    }
    let titled = offers.iter().any(|offer| offer.title.is_some());
    let mut head = vec!["CALENDAR", "ACCOUNT", "ID OR FOLDER"];
    head.extend(titled.then_some("NAME"));
    head.extend(["ACCESS", "TIME ZONE"]);
    let head = [head.into_iter().map(str::to_owned).collect()];
    let rows = offers.iter().map(|offer| {
        let name = offer.name.as_deref().unwrap_or("(not configured)");
        let writable = match offer.writable {
            true => "writable",
            false => "read-only",
        };
        // Whoever shares a calendar with somebody chooses what it is called, and where a terminal would be sent by that.
        let mut row = vec![
            name.to_owned(),
            offer.account.clone().unwrap_or_default(),
            plain(&offer.id),
        ];
        row.extend(titled.then(|| plain(offer.title.as_deref().unwrap_or_default())));
        row.extend([writable.to_owned(), plain(&zone(offer))]);
        row
    });
    let table: Vec<Vec<String>> = head.into_iter().chain(rows).collect();
    print::out(&print::columns(&table))
}
