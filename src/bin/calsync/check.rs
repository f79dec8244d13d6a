//! `calsync check`: looks for problems and says what to do about each. Changes nothing.

use calsync::{
    config::{Config, Means, key},
    ident::Mint,
    provider::{ErrorKind, Probe, Provider as _},
    session::Seat,
    state::{State, StateError},
};

use crate::{
    args::Args,
    context::{Loaded, block_on, load, means_to_look, no_sign_ins},
    exit::{Exit, Failure},
    print,
};

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
        "configuration {}: {} calendars, {} pairs of source and target",
        config.path.display(),
        config.calendars.len(),
        config.routes.len()
    ))];
    if config.routes.is_empty() {
        let words = "no calendar shows in another; there must be a source and a target that differ";
        findings.push(Finding::wrong("rules", Exit::Config, words));
    }
    let mint = check_key(&config, &mut findings);
    check_state(&state, mint.as_ref(), &mut findings);
    block_on(check_calendars(&config, &means, &mut findings))?;
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

fn check_key(config: &Config, findings: &mut Vec<Finding>) -> Option<Mint> {
    match key::find(&config.key_file) {
        Ok(Some(keys)) => {
            findings.push(Finding::fine("key: readable by you alone"));
            Some(keys.mint)
        }
        Ok(None) => {
            findings.push(Finding::fine(format!(
                "key: the first sync makes {}",
                config.key_file.display()
            )));
            None
        }
        Err(error) => {
            findings.push(Finding::wrong("key", Exit::Config, error.to_string()));
            None
        }
    }
}

fn check_state(path: &std::path::Path, mint: Option<&Mint>, findings: &mut Vec<Finding>) {
    let what = format!("state {}", path.display());
    let checked = State::open_to_read(path).and_then(|state| {
        let Some(state) = state else {
            return Ok("the first sync makes it".to_owned());
        };
        match (state.fact("key")?, mint) {
            (Some(known), Some(mint)) if known != mint.fingerprint() => {
                return Err(StateError::Key);
            }
            (Some(_), None) => return Err(StateError::Key),
            _ => {}
        }
        Ok(match state.open_intents()? {
            0 => "in order".to_owned(),
            n => format!(
                "in order; {n} operations of a run that was cut short are settled by the next one"
            ),
        })
    });
    findings.push(match checked {
        Ok(words) => Finding::fine(format!("{what}: {words}")),
        Err(error) => Finding::wrong(what, Exit::Config, error.to_string()),
    });
}

async fn check_calendars(config: &Config, means: &Means, findings: &mut Vec<Finding>) {
    let seats = config.seats(means);
    for (
        name,
        Seat {
            mut provider, role, ..
        },
    ) in seats
    {
        let what = format!("calendar {name}");
        findings.push(match provider.probe().await {
            Err(error) => {
                let exit = match error.kind {
                    ErrorKind::SignIn => Exit::Auth,
                    ErrorKind::Retry(_) => Exit::Away,
                    _ => Exit::Partial,
                };
                Finding::wrong(what, exit, error.message)
            }
            Ok(Probe {
                writable: false, ..
            }) if role.is_target() => {
                let words = "it is not writable; make it so, or set role = \"source\"";
                Finding::wrong(what, Exit::Partial, words)
            }
            Ok(Probe { resources, .. }) => {
                let count = resources
                    .map(|n| format!(", {n} files"))
                    .unwrap_or_default();
                Finding::fine(format!("{what}: reachable{count}"))
            }
        });
    }
}
