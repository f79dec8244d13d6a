//! `calsync calendars`: what the accounts and folders offer.

use calsync::{
    clock::Clock,
    config::{Account, Config, Place},
    ident::Mint,
    provider::{Probe, Provider as _, local::folders},
};
use serde_json::json;

use crate::{
    args::{self, Args},
    context::{block_on, load},
    exit::{Exit, Failure},
    print,
};

/// A calendar that is there.
struct Offer {
    account: Option<String>,
    /// What to write as `id`, or the folder.
    id: String,
    /// Its name in the configuration, if it is there already.
    name: Option<String>,
    writable: bool,
    files: Option<usize>,
}

pub(crate) fn run(args: &Args, options: &args::Calendars) -> Result<Exit, Failure> {
    let config = load(args)?.config;
    if let Some(account) = options
        .account
        .as_ref()
        .filter(|name| !config.accounts.contains_key(*name))
    {
        let all: Vec<&str> = config.accounts.keys().map(String::as_str).collect();
        let known = if all.is_empty() {
            "there are none".to_owned()
        } else {
            format!("there are: {}", all.join(", "))
        };
        return Err(Failure::Usage(format!(
            "there is no account \"{account}\" in the configuration; {known}"
        )));
    }
    let (mut offers, mut exit) = (Vec::new(), Exit::InStep);
    for (name, account) in &config.accounts {
        if options.account.as_ref().is_none_or(|wanted| wanted == name) {
            match of_account(&config, name, account) {
                Ok(found) => offers.extend(found),
                Err(words) => {
                    tracing::error!("account {name}: {words}");
                    exit = Exit::Partial;
                }
            }
        }
    }
    if options.account.is_none() {
        exit = block_on(configured(&config, &mut offers))?.unwrap_or(exit);
    }
    show(options.json, &config, &offers)?;
    Ok(exit)
}

fn of_account(config: &Config, name: &str, account: &Account) -> Result<Vec<Offer>, String> {
    let Account::Local { path } = account;
    let found =
        folders(path).map_err(|error| format!("{} cannot be listed: {error}", path.display()))?;
    Ok(found
        .into_iter()
        .map(|folder| {
            let place = Place::Local(path.join(&folder.id));
            let mut calendars = config.calendars.iter();
            Offer {
                account: Some(name.to_owned()),
                id: folder.id,
                name: calendars
                    .find(|(_, c)| c.place == place)
                    .map(|(name, _)| name.to_string()),
                writable: folder.writable,
                files: None,
            }
        })
        .collect())
}

/// The calendars that are in the configuration by their place. An exit code if one cannot be reached.
async fn configured(config: &Config, offers: &mut Vec<Offer>) -> Option<Exit> {
    let mut exit = None;
    for (name, mut seat) in config.seats(&Mint::new(&[0; 32]), &Clock::System) {
        let Some(calendar) = config.calendars.get(&name).filter(|c| c.account.is_none()) else {
            continue;
        };
        let Place::Local(folder) = &calendar.place;
        match seat.provider.probe().await {
            Ok(Probe {
                writable,
                resources,
            }) => offers.push(Offer {
                account: None,
                id: folder.display().to_string(),
                name: Some(name.to_string()),
                writable,
                files: resources,
            }),
            Err(error) => {
                tracing::error!("{name}: {error}");
                exit = Some(Exit::Partial);
            }
        }
    }
    exit
}

fn show(json: bool, config: &Config, offers: &[Offer]) -> Result<(), Failure> {
    let zone = config.timezone.iana_name().unwrap_or("UTC");
    if json {
        let list: Vec<_> = offers
            .iter()
            .map(|offer| {
                json!({
                    "account": offer.account,
                    "id": offer.id,
                    "name": offer.name,
                    "writable": offer.writable,
                    "timezone": zone,
                    "files": offer.files,
                })
            })
            .collect();
        return print::out(&format!("{}\n", json!({"version": 1, "calendars": list})));
    }
    let rows = offers.iter().map(|offer| {
        vec![
            offer
                .name
                .clone()
                .unwrap_or_else(|| "(not configured)".to_owned()),
            offer.account.clone().unwrap_or_default(),
            offer.id.clone(),
            if offer.writable {
                "writable"
            } else {
                "read-only"
            }
            .to_owned(),
            zone.to_owned(),
        ]
    });
    print::out(&print::columns(&rows.collect::<Vec<_>>()))
}
