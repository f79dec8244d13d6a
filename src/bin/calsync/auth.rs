//! `calsync auth`: signing in to accounts and out of them, and who is signed in. What a person has to do is printed; no secret is.

use std::{
    collections::BTreeSet,
    io::{self, BufRead as _, IsTerminal as _},
    path::Path,
    sync::Arc,
    thread,
};

use calsync::{
    auth::{self, Ask, Asked, Credentials, Left, Newcomer, Outcome, PASSWORD, Vault, Way, leave},
    clock::Clock,
    config::{
        Config,
        key::{self, KeyError},
    },
    http::{Client, Line, Pace},
    model::{agreeing, counted},
    secrets::Sealer,
    state::{CalendarRow, Lock, Sealed, SignIn, State},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::{
    args::{Args, AuthAdd, AuthCommand, AuthReseal},
    calendars::no_account,
    context::{Loaded, Opened, block_on, load, load_accounts},
    exit::{Exit, Failure},
    print,
    standing::{Signer, Standing, signer, testing},
    status::ago,
};

mod password;

pub(crate) fn run(args: &Args, command: &AuthCommand) -> Result<Exit, Failure> {
    match command {
        AuthCommand::Add(options) => add(args, options),
        AuthCommand::List { json } => list(args, *json),
        AuthCommand::Remove { account } => remove(args, account),
        AuthCommand::Reseal(options) => reseal(args, options),
    }
}

fn add(args: &Args, options: &AuthAdd) -> Result<Exit, Failure> {
    let loaded = load_accounts(args)?;
    let google = match account(&loaded.config, &options.account)? {
        Signer::Google(google) => google,
        Signer::Caldav(dav) => return password::add(&loaded, options, dav),
    };
    if options.password_stdin {
        return Err(Failure::Usage(format!(
            "account \"{}\" is at Google, which takes no password; leave out --password-stdin",
            options.account
        )));
    }
    let default = match google.credentials {
        Credentials::Service(_) => Way::ServiceAccount,
        Credentials::Client(_) => Way::Device,
    };
    let chosen = options.flow.map(Way::from);
    // Signing in takes a person minutes, and syncs go on meanwhile: the lock is not held.
    let opened = Opened::without_lock(&loaded)?;
    let newcomer = Newcomer {
        account: options.account.clone(),
        google: google.clone(),
        line: line(),
        vault: Vault::new(&opened.state, &opened.keys.sealer),
        others: others(&loaded.config, &options.account),
    };
    let before = opened.state.borrow().sign_in(&options.account)?;
    let mut way = chosen.unwrap_or(default);
    let mut outcome = block_on(newcomer.sign_in(way, asked(way, false)))??;
    if let Outcome::Closed(error) = &outcome
        && chosen.is_none()
        && io::stdin().is_terminal()
    {
        tracing::warn!("{error}. Going on with a browser");
        way = Way::Browser;
        outcome = block_on(newcomer.sign_in(way, asked(way, true)))??;
    }
    match &outcome {
        Outcome::In | Outcome::Unnamed(_) => {
            let after = opened.state.borrow().sign_in(&options.account)?;
            if let Outcome::Unnamed(why) = &outcome {
                let before = before.as_ref().and_then(|before| before.address.as_deref());
                tracing::warn!("{}", auth::words::unnamed(&options.account, before, why));
            }
            warn_of_another(&options.account, before, after.as_ref());
            print::out(&welcome(
                args,
                &loaded.config,
                &options.account,
                after.as_ref(),
            ))?;
            Ok(Exit::InStep)
        }
        Outcome::Closed(error) => Err(Failure::SignIn(error.clone())),
    }
}

/// The other accounts that somebody signs in to.
fn others(config: &Config, account: &str) -> Vec<String> {
    let others = config.accounts.keys().filter(|name| *name != account);
    others.cloned().collect()
}

/// Whoever signs in as somebody else than before should know what comes of it.
fn warn_of_another(account: &str, before: Option<SignIn>, after: Option<&SignIn>) {
    // A service account that was refused never let anybody in.
    let of_nobody =
        |sign_in: &SignIn| sign_in.way == Way::ServiceAccount.word() && sign_in.refused.is_some();
    let before = before.filter(|sign_in| !of_nobody(sign_in));
    let before = before.and_then(|sign_in| sign_in.address);
    let after = after.and_then(|sign_in| sign_in.address.as_ref());
    if let (Some(before), Some(after)) = (&before, after)
        && before != after
    {
        tracing::warn!(
            "account {account} was signed in to as {before} before, and is {after} now: the same ids may mean other calendars. \
             Blocks in those of {before} stay there, and that sign-in stays good until it is withdrawn at \
             https://myaccount.google.com/connections. If it was a mistake, sign in again as {before}"
        );
    }
}

/// That it went well, and what comes next.
fn welcome(args: &Args, config: &Config, account: &str, sign_in: Option<&SignIn>) -> String {
    let way = sign_in.map_or("", |sign_in| &sign_in.way);
    let whose = sign_in.and_then(|sign_in| sign_in.address.as_ref());
    let whose = whose.map(|address| format!(" as {address}"));
    let mut text = format!(
        "Signed in to account {account}{} ({way}).\n",
        whose.unwrap_or_default()
    );
    let program = args.program();
    let mut calendars = config.calendars.values();
    let next = match calendars.any(|calendar| calendar.account.as_deref() == Some(account)) {
        true => format!("Next: {program} check, then {program} sync --dry-run\n"),
        false => format!(
            "Next: {program} calendars {account} lists its calendars; add one to the configuration\n"
        ),
    };
    text.push_str(&next);
    text
}

fn line() -> Line {
    Line::new(&Client::new(&Clock::System), Pace::default())
}

/// The account of that name, if it is one to sign in to.
fn account<'a>(config: &'a Config, name: &str) -> Result<Signer<'a>, Failure> {
    if let Some(signer) = signer(config, name) {
        return Ok(signer);
    }
    match config.accounts.get(name) {
        Some(_) => Err(Failure::Usage(format!(
            "account \"{name}\" is a folder on this machine; nobody has to sign in to it"
        ))),
        None => Err(Failure::Usage(no_account(config, name))),
    }
}

/// How a person is told things, and may paste an address.
fn asked(way: Way, on_a_terminal: bool) -> Asked {
    let pastes = way == Way::Paste || on_a_terminal;
    Asked {
        tell: Arc::new(move |ask| {
            if let Err(error) = print::out(&words(ask, pastes)) {
                tracing::error!("{error}");
            }
        }),
        pasted: pastes.then(typed),
    }
}

/// The lines that somebody types or pipes in.
fn typed() -> UnboundedReceiver<String> {
    let (tell, told) = unbounded_channel();
    // A thread of its own, which nobody waits for: the browser may be faster, and the terminal never says another word.
    thread::spawn(move || {
        for line in io::stdin().lock().split(b'\n') {
            let Ok(line) = line else { return };
            // What is no text is no address either, and is answered like any other odd line.
            if tell
                .send(String::from_utf8_lossy(&line).into_owned())
                .is_err()
            {
                return;
            }
        }
    });
    told
}

const MISMATCH: &str = "If the page says redirect_uri_mismatch, the OAuth client is not of the type \"Desktop app\".\n";

fn words(ask: &Ask<'_>, pastes: bool) -> String {
    match ask {
        Ask::Code {
            address,
            code,
            minutes,
        } => format!(
            "On any device, open {address}\nand enter this code: {code}\nWaiting; the code is good for {}.\n",
            counted(*minutes, "minute")
        ),
        Ask::Page {
            address,
            port,
            minutes,
        } if pastes => format!(
            "Open this address in a browser, on this machine or any other:\n\n{address}\n\nAfterwards the browser goes on to \
             http://127.0.0.1:{port}/. From another machine it cannot get there: copy the address from its address bar, all of \
             it, and paste it here.\nOr, before you open the page, on the machine with the browser: ssh -L \
             {port}:127.0.0.1:{port} THIS_MACHINE\n{MISMATCH}Waiting, {minutes} minutes at the most.\n"
        ),
        Ask::Page {
            address, minutes, ..
        } => format!(
            "Open this address in a browser on this machine:\n\n{address}\n\n{MISMATCH}Waiting, {minutes} minutes at the most.\n"
        ),
        Ask::Again(words) => format!("{words}\n"),
    }
}

/// An account as `auth list` shows it.
struct Row {
    account: String,
    /// As whom.
    address: Option<String>,
    sign_in: Option<SignIn>,
    standing: Standing,
}

impl Row {
    fn json(&self, now: Timestamp) -> Value {
        let time = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let sign_in = self.sign_in.as_ref();
        json!({
            "account": self.account,
            "address": self.address,
            "way": sign_in.map(|s| s.way.as_str()),
            "scopes": sign_in.map(|s| s.scopes.split_whitespace().collect::<Vec<_>>()),
            "since": sign_in.map(|s| time(s.since)),
            "age_seconds": sign_in.map(|s| now.as_second() - s.since.as_second()),
            "refused_since": sign_in.and_then(|s| s.refused).map(time),
            "state": self.standing.word(),
        })
    }

    fn cells(&self, now: Timestamp) -> Vec<String> {
        let address = self.address.clone();
        let Some(sign_in) = &self.sign_in else {
            let cells = [self.account.clone(), self.standing.words().to_owned()];
            return cells.into_iter().chain(address).collect();
        };
        let short = |scope: &str| scope.rsplit('/').next().unwrap_or_default().to_owned();
        let scopes: Vec<String> = sign_in.scopes.split_whitespace().map(short).collect();
        let again = match self.standing.needs_somebody() {
            true => ": sign in again",
            false => "",
        };
        vec![
            self.account.clone(),
            format!("{}{again}", self.standing.words()),
            address.unwrap_or_default(),
            sign_in.way.clone(),
            scopes.join(" "),
            ago(now, sign_in.since),
        ]
    }
}

/// As whom somebody is signed in, as far as that is known.
fn signed_in_as(sign_in: Option<&SignIn>, signer: Option<Signer<'_>>) -> Option<String> {
    match (sign_in, signer) {
        (Some(sign_in), _) if sign_in.way == PASSWORD => Some(sign_in.client.clone()),
        (Some(sign_in), _) => sign_in.address.clone(),
        (None, Some(Signer::Caldav(dav))) if dav.command.is_some() => Some(dav.username.clone()),
        (None, _) => None,
    }
}

fn list(args: &Args, json: bool) -> Result<Exit, Failure> {
    let Loaded { config, state } = load_accounts(args)?;
    let sign_ins = match State::open_to_read(&state)? {
        Some(state) => state.sign_ins()?,
        None => Vec::new(),
    };
    let named = config
        .accounts
        .keys()
        .filter(|name| signer(&config, name).is_some());
    let mut names: BTreeSet<String> = named.cloned().collect();
    names.extend(sign_ins.iter().map(|sign_in| sign_in.account.clone()));
    let rows: Vec<Row> = names
        .into_iter()
        .map(|account| {
            let sign_in = sign_ins.iter().find(|s| s.account == account).cloned();
            let signer = signer(&config, &account);
            Row {
                address: signed_in_as(sign_in.as_ref(), signer),
                standing: Standing::of(sign_in.as_ref(), signer),
                sign_in,
                account,
            }
        })
        .collect();
    let now = Clock::System.now();
    if json {
        let accounts: Vec<Value> = rows.iter().map(|row| row.json(now)).collect();
        print::out(&format!(
            "{}\n",
            json!({"version": 1, "accounts": accounts, "error": null, "errors": []})
        ))?;
    } else if rows.is_empty() {
        print::out("No account needs anybody to sign in.\n")?;
    } else {
        let heads = ["ACCOUNT", "STATE", "ADDRESS", "WAY", "SCOPES", "SINCE"];
        let heads = heads.map(str::to_owned).to_vec();
        let head = print::to_terminal().then_some(heads);
        let rows_of_cells = rows.iter().map(|row| row.cells(now));
        let cells: Vec<_> = head.into_iter().chain(rows_of_cells).collect();
        let mut text = print::columns(&cells);
        for row in &rows {
            if let Some(why) = row.sign_in.as_ref().and_then(testing) {
                text.push_str(&format_args!("account {}: {why}\n", row.account).to_string());
            }
        }
        print::out(&text)?;
    }
    Ok(Exit::InStep)
}

fn remove(args: &Args, account: &str) -> Result<Exit, Failure> {
    let loaded = load(args)?;
    // Forgetting works without the right key too; then nothing can be taken back. With a key that is only open to others it
    // would be a pity: that is mended in a moment.
    let (sealer, no_key) = match key::find(&loaded.config.key_file) {
        Ok(Some(keys)) => (keys.sealer, None),
        Ok(None) => {
            let gone = KeyError::Gone(loaded.config.key_file.clone());
            (Sealer::new(&[0; 32]), Some(gone))
        }
        Err(error @ (KeyError::Malformed(_) | KeyError::Gone(_))) => {
            (Sealer::new(&[0; 32]), Some(error))
        }
        Err(error) => return Err(error.into()),
    };
    let state = Opened::state_without_lock(&loaded)?;
    let left = block_on(leave(account, &line(), &Vault::new(&state, &sealer)))?;
    let (exit, words) = match left.map_err(|error| Failure::System(error.to_string()))? {
        Left::Nothing => {
            let words = match self::account(&loaded.config, account)? {
                Signer::Caldav(dav) if dav.command.is_some() => format!(
                    "There is nothing to forget: `password_command` says the password of account {account}."
                ),
                _ => format!("Nobody was signed in to account {account}."),
            };
            (Exit::InStep, words)
        }
        Left::Forgotten => (Exit::InStep, format!("Forgot account {account}.")),
        Left::Revoked => (
            Exit::InStep,
            format!("Signed out of account {account}: forgotten here, and withdrawn at Google."),
        ),
        Left::NotRevoked(why) => {
            let why = match no_key {
                Some(KeyError::Gone(file)) => format!("the key file {} is gone", file.display()),
                Some(error) => error.to_string(),
                None => why,
            };
            tracing::error!(
                "account {account}: forgotten here, but it could not be withdrawn at Google ({why}); withdraw it at \
                 https://myaccount.google.com/connections"
            );
            (Exit::Partial, format!("Forgot account {account}."))
        }
    };
    print::out(&format!(
        "{words} Blocks that stand in its calendars stay there.\n"
    ))?;
    Ok(exit)
}

fn reseal(args: &Args, options: &AuthReseal) -> Result<Exit, Failure> {
    let loaded = load(args)?;
    let _lock = Lock::take(&loaded.state)?;
    let old = old_keys(&options.old_key_file)?;
    let Some(state) = State::open_to_read(&loaded.state)? else {
        return Err(Failure::Usage(
            "there is no state file yet, so nothing is sealed".to_owned(),
        ));
    };
    if state.fact("key")?.as_ref() != Some(&old.mint.fingerprint()) {
        return Err(Failure::Usage(format!(
            "{} is not the key that the state file was sealed with; nothing was changed",
            options.old_key_file.display()
        )));
    }
    if let Some(current) = key::find(&loaded.config.key_file)?
        && current.mint.fingerprint() == old.mint.fingerprint()
    {
        return Err(Failure::Usage(format!(
            "{} and the key in use ({}) are the same key, so there is nothing to do. Move the old one aside, and a new one is \
             made in its place; or put one there. Nothing was changed",
            options.old_key_file.display(),
            loaded.config.key_file.display()
        )));
    }
    let rows = state.calendar_rows()?;
    if !options.leave_blocks
        && let Some(words) = in_the_way(args, &rows)
    {
        return Err(Failure::Usage(words));
    }
    drop(state);
    let mut state = State::open(&loaded.state)?;
    let sealed = state.sealed()?;
    let new = key::find_or_make(&loaded.config.key_file, false)?;
    let resealed: Result<Vec<Sealed>, _> = sealed
        .iter()
        .map(|secret| {
            let bytes = new.sealer.take_over(
                &old.sealer,
                &secret.account,
                &secret.purpose,
                &secret.bytes,
            )?;
            Ok(Sealed {
                bytes,
                ..secret.clone()
            })
        })
        .collect();
    let resealed =
        resealed.map_err(|error: calsync::secrets::SealError| Failure::Usage(error.to_string()))?;
    state.hand_over(&resealed, &new.mint.fingerprint())?;
    let blocks: u64 = rows.iter().map(|row| row.blocks).sum();
    let old = match blocks {
        0 => "then the old key can go".to_owned(),
        _ => format!(
            "keep the old key: {} made with it {}, and no other key can tell them from somebody's events",
            counted(blocks, "block"),
            agreeing(blocks, "is left", "are left")
        ),
    };
    print::out(&format!(
        "Sealed {} with the new key. The next sync reads all calendars anew; {old}.\n",
        counted(resealed.len(), "secret")
    ))?;
    Ok(Exit::InStep)
}

/// The blocks that the new key would not know again, if there are any, and what to do about them.
fn in_the_way(args: &Args, rows: &[CalendarRow]) -> Option<String> {
    let blocks: u64 = rows.iter().map(|row| row.blocks).sum();
    let left_alone: u64 = rows.iter().map(|row| row.copies + row.taken).sum();
    let program = args.program();
    if blocks == 0 {
        return None;
    }
    if blocks <= left_alone {
        return Some(format!(
            "what is left of the old key's blocks, {}, was copied by somebody or became somebody's own, and no reset removes it: \
             remove it by hand (`{program} status` says in which calendar), or add --leave-blocks. Nothing was changed",
            counted(blocks, "block")
        ));
    }
    let (were, them) = match blocks {
        1 => ("was", "it"),
        _ => ("were", "them"),
    };
    Some(format!(
        "{} {were} made with the old key, and with the new one calsync would take {them} for another installation's. With the old \
         key in place, run `{program} reset --all` first; or add --leave-blocks and remove {them} by hand. Nothing was changed",
        counted(blocks, "block")
    ))
}

fn old_keys(path: &Path) -> Result<key::Keys, Failure> {
    key::read(path)?
        .ok_or_else(|| Failure::Usage(format!("there is no key file {}", path.display())))
}
