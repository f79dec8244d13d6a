//! `calsync calendars`: what the accounts and folders offer.

use std::path::Path;

use calsync::{
    config::{Account, Config, Means, Place},
    provider::{
        Answer, ErrorKind, Probe, Provider as _, ProviderError,
        google::{self, Which},
        local::{Folder, folders},
    },
};
use serde_json::json;

use crate::{
    args::{self, Args},
    context::{block_on, load, means_to_look},
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
}

pub(crate) fn run(args: &Args, options: &args::Calendars) -> Result<Exit, Failure> {
    let loaded = load(args)?;
    let means = means_to_look(&loaded)?;
    let config = loaded.config;
    let wanted = options.account.as_ref();
    if let Some(account) = wanted.filter(|name| !config.accounts.contains_key(*name)) {
        return Err(Failure::Usage(format!(
            "there is no account \"{account}\" in the configuration; {}",
            known(&config)
        )));
    }
    let (mut offers, mut exit) = (Vec::new(), Exit::InStep);
    block_on(async {
        for name in config.accounts.keys() {
            if wanted.is_some_and(|wanted| wanted != name) {
                continue;
            }
            match of_account(&config, &means, name).await {
                Ok(found) => offers.extend(found),
                Err(error) => {
                    tracing::error!("account {name}: {error}");
                    exit = exit_for(&error);
                }
            }
        }
        if wanted.is_none() {
            exit = configured(&config, &means, &mut offers)
                .await
                .unwrap_or(exit);
        }
    })?;
    show(options.json, &config, &offers)?;
    Ok(exit)
}

fn known(config: &Config) -> String {
    let all: Vec<&str> = config.accounts.keys().map(String::as_str).collect();
    match &all[..] {
        [] => "there are none".to_owned(),
        all => format!("there are: {}", all.join(", ")),
    }
}

/// How the program ends if that is what went wrong.
pub(crate) fn exit_for(error: &ProviderError) -> Exit {
    match error.kind {
        ErrorKind::SignIn => Exit::Auth,
        ErrorKind::Retry(_) => Exit::Away,
        _ => Exit::Partial,
    }
}

async fn of_account(config: &Config, means: &Means, name: &str) -> Answer<Vec<Offer>> {
    match config.accounts.get(name) {
        Some(Account::Local { path }) => local_offers(config, name, path),
        Some(Account::Google(_)) => google_offers(config, means, name).await,
        None => Ok(Vec::new()),
    }
}

fn local_offers(config: &Config, name: &str, path: &Path) -> Answer<Vec<Offer>> {
    let found = folders(path).map_err(|error| {
        let message = format!("{} cannot be listed: {error}", path.display());
        ProviderError::new(ErrorKind::Refused, message)
    })?;
    let offer = |folder: Folder| {
        let place = Place::Local(path.join(&folder.id));
        Offer {
            account: Some(name.to_owned()),
            id: folder.id,
            title: None,
            name: named(config, name, |there| *there == place),
            writable: folder.writable,
            zone: None,
            files: None,
        }
    };
    Ok(found.into_iter().map(offer).collect())
}

async fn google_offers(config: &Config, means: &Means, name: &str) -> Answer<Vec<Offer>> {
    let accounts = config.google_accounts(means);
    let Some(account) = accounts.get(name) else {
        return Ok(Vec::new());
    };
    let offer = |offer: google::Offer| {
        let is_it = |place: &Place| match place {
            Place::Google(Which::Id(id)) => *id == offer.id || (offer.primary && id == "primary"),
            Place::Google(Which::Name(name)) => *name == offer.name,
            Place::Local(_) => false,
        };
        Offer {
            account: Some(name.to_owned()),
            name: named(config, name, is_it),
            title: Some(offer.name.clone()),
            writable: offer.writable,
            zone: offer.zone.clone(),
            files: None,
            id: offer.id,
        }
    };
    Ok(account.calendars().await?.into_iter().map(offer).collect())
}

/// The name in the configuration of the account's calendar at this place.
fn named(config: &Config, account: &str, is_it: impl Fn(&Place) -> bool) -> Option<String> {
    let mut calendars = config.calendars.iter();
    calendars
        .find(|(_, c)| c.account.as_deref() == Some(account) && is_it(&c.place))
        .map(|(name, _)| name.to_string())
}

/// The calendars that are in the configuration by their place. An exit code if one cannot be reached.
async fn configured(config: &Config, means: &Means, offers: &mut Vec<Offer>) -> Option<Exit> {
    let mut exit = None;
    for (name, mut seat) in config.seats(means) {
        let calendar = config.calendars.get(&name);
        let Some(Place::Local(folder)) = calendar.filter(|c| c.account.is_none()).map(|c| &c.place)
        else {
            continue;
        };
        match seat.provider.probe().await {
            Ok(Probe {
                writable,
                resources,
            }) => offers.push(Offer {
                account: None,
                id: folder.display().to_string(),
                title: None,
                name: Some(name.to_string()),
                writable,
                zone: None,
                files: resources,
            }),
            Err(error) => {
                tracing::error!("{name}: {error}");
                exit = Some(exit_for(&error));
            }
        }
    }
    exit
}

fn show(json: bool, config: &Config, offers: &[Offer]) -> Result<(), Failure> {
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
        return print::out(&format!("{}\n", json!({"version": 1, "calendars": list})));
    }
    let titled = offers.iter().any(|offer| offer.title.is_some());
    let rows = offers.iter().map(|offer| {
        let name = offer.name.as_deref().unwrap_or("(not configured)");
        let writable = match offer.writable {
            true => "writable",
            false => "read-only",
        };
        let mut row = vec![
            name.to_owned(),
            offer.account.clone().unwrap_or_default(),
            offer.id.clone(),
        ];
        row.extend(titled.then(|| offer.title.clone().unwrap_or_default()));
        row.extend([writable.to_owned(), zone(offer)]);
        row
    });
    print::out(&print::columns(&rows.collect::<Vec<_>>()))
}
