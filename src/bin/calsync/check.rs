//! `calsync check`: looks for problems and says what to do about each. Changes nothing.

use std::path::Path;

use calsync::{
    auth::VaultError,
    config::{Config, Means},
    model::counted,
    provider::{Probe, Provider as _, google::GoogleAccount},
    session::Seat,
    state::{State, StateError},
};

use crate::{
    args::Args,
    calendars::exit_for,
    context::{Loaded, block_on, fitting_key, load, means_to_look, no_sign_ins},
    exit::{Exit, Failure},
    print,
    standing::{Standing, google_of, testing},
    status::ago,
};

/// How many files of a calendar that cannot be read are named.
const TROUBLES_TOLD: u32 = 20;

/// Something that was looked at.
struct Finding {
    what: String,
    /// What is wrong and what to do, if anything.
    wrong: Option<(Exit, String)>,
}

impl Finding {
    fn fine(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            wrong: None,
        }
    }

    fn wrong(what: impl Into<String>, exit: Exit, words: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            wrong: Some((exit, words.into())),
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let loaded = load(args)?;
    // A key or state that cannot be used is told below; folders can be looked at all the same.
    let means = means_to_look(&loaded).or_else(|_| no_sign_ins())?;
    let Loaded { config, state } = loaded;
    let mut findings = vec![Finding::fine(format!(
        "configuration {}: {}, {} of source and target",
        config.path.display(),
        counted(config.calendars.len(), "calendar"),
        counted(config.routes.len(), "pair")
    ))];
    if config.routes.is_empty() {
        let words = "no calendar shows in another; there must be a source and a target that differ";
        findings.push(Finding::wrong("rules", Exit::Config, words));
    }
    let opened = State::open_to_read(&state);
    findings.push(check_key(
        &config,
        opened.as_ref().ok().and_then(Option::as_ref),
    ));
    findings.push(check_state(&state, opened.as_ref()));
    let known = opened.ok().flatten();
    block_on(async {
        // What Google says of the calendars is known of their accounts afterwards.
        let mut calendars = Vec::new();
        check_calendars(&config, &means, known.as_ref(), &mut calendars).await;
        check_accounts(&config, &means, &mut findings).await;
        findings.extend(calendars);
    })?;
    let colour = print::colour(args, print::to_terminal());
    let mut exit = Exit::InStep;
    for Finding { what, wrong } in &findings {
        match wrong {
            None if args.quiet => {}
            None => print::out(&format!("{}  {what}\n", print::paint(colour, "32", "ok")))?,
            Some((code, words)) => {
                print::out(&format!(
                    "{}  {what}: {words}\n",
                    print::paint(colour, "31", "!!")
                ))?;
                exit = if exit == Exit::InStep || *code == Exit::Config {
                    *code
                } else {
                    exit
                };
            }
        }
    }
    Ok(exit)
}

fn check_key(config: &Config, state: Option<&State>) -> Finding {
    // What is wrong with the state itself is told where that is looked at.
    let known = state.and_then(|state| state.fact("key").ok().flatten());
    match fitting_key(&config.key_file, known.as_deref()) {
        Ok(Some(_)) => Finding::fine("key: readable by you alone"),
        Ok(None) => Finding::fine(format!(
            "key: the first sync makes {}",
            config.key_file.display()
        )),
        Err(failure) => Finding::wrong("key", failure.exit(), failure.to_string()),
    }
}

fn check_state(path: &Path, opened: Result<&Option<State>, &StateError>) -> Finding {
    let what = format!("state {}", path.display());
    let open = match opened {
        Ok(Some(state)) => state.open_intents(),
        Ok(None) => return Finding::fine(format!("{what}: the first sync makes it")),
        Err(error) => return Finding::wrong(what, Exit::Config, error.to_string()),
    };
    match open {
        Ok(0) => Finding::fine(format!("{what}: in order")),
        Ok(open) => Finding::fine(format!(
            "{what}: in order; the next run settles {} that a run cut short left open",
            counted(open, "operation")
        )),
        Err(error) => Finding::wrong(what, Exit::Config, error.to_string()),
    }
}

/// Whether each Google account is signed in to. One that has no calendars is asked for what it offers.
async fn check_accounts(config: &Config, means: &Means, findings: &mut Vec<Finding>) {
    for (name, account) in config.google_accounts(means) {
        let mut calendars = config.calendars.values();
        let is_used = calendars.any(|calendar| calendar.account.as_deref() == Some(name));
        findings.push(check_account(config, means, name, (!is_used).then_some(account)).await);
    }
}

async fn check_account(
    config: &Config,
    means: &Means,
    name: &str,
    ask: Option<GoogleAccount>,
) -> Finding {
    let what = format!("account {name}");
    let asked = match ask {
        Some(account) => account.calendars().await.map(drop),
        None => Ok(()),
    };
    let sign_in = match means.vault.sign_in(name) {
        Ok(sign_in) => sign_in,
        Err(VaultError::State(error)) => {
            return Finding::wrong(what, Exit::Config, error.to_string());
        }
        Err(error @ VaultError::Seal(_)) => {
            return Finding::wrong(what, Exit::Auth, error.to_string());
        }
    };
    if let Some(why) = sign_in.as_ref().and_then(testing) {
        return Finding::wrong(what, Exit::Auth, why);
    }
    if let Err(error) = asked {
        return Finding::wrong(what, exit_for(&error), error.message);
    }
    let standing = Standing::of(sign_in.as_ref(), google_of(config, name));
    if standing.needs_somebody() {
        let words = format!("{}; run: calsync auth add {name}", standing.words());
        return Finding::wrong(what, Exit::Auth, words);
    }
    let since = sign_in.map(|sign_in| {
        let now = means.clock.now();
        format!(", {}, {}", sign_in.way, ago(now, sign_in.since))
    });
    Finding::fine(format!(
        "{what}: {}{}",
        standing.words(),
        since.unwrap_or_default()
    ))
}

async fn check_calendars(
    config: &Config,
    means: &Means,
    state: Option<&State>,
    findings: &mut Vec<Finding>,
) {
    for (name, seat) in config.seats(means) {
        let Seat {
            mut provider,
            role,
            account,
            ..
        } = seat;
        let what = format!("calendar {name}");
        findings.push(match provider.probe().await {
            Err(error) => Finding::wrong(what, exit_for(&error), error.message),
            Ok(Probe {
                writable: false, ..
            }) if role.is_target() => {
                Finding::wrong(what, Exit::Partial, not_writable(config, &account))
            }
            Ok(Probe { resources, .. }) => {
                let count = resources.map(|n| counted(n, "file"));
                let count = count
                    .map(|files| format!(", {files} (events and blocks alike)"))
                    .unwrap_or_default();
                Finding::fine(format!("{what}: reachable{count}"))
            }
        });
        let troubles = state.and_then(|state| state.troubles(&name, TROUBLES_TOLD).ok());
        for (href, why) in troubles.unwrap_or_default() {
            let words = format!("could not be read by the last sync: {why}");
            let place = if provider.shows_places() {
                &href
            } else {
                "an event"
            };
            findings.push(Finding::wrong(
                format!("{name}: {place}"),
                Exit::Partial,
                words,
            ));
        }
    }
}

fn not_writable(config: &Config, account: &str) -> String {
    match google_of(config, account) {
        None => "it is not writable; make it so, or set role = \"source\"".to_owned(),
        Some(_) => format!(
            "account {account} may not write to it; ask its owner for \"Make changes to events\", or set role = \"source\""
        ),
    }
}
