//! `calsync auth add` for an account with a password: asks for it without showing it, tries it, and only then keeps it.

use std::io::{self, BufRead as _};

use calsync::{
    auth::{Dav, PasswordLogin, Vault},
    clock::Clock,
    config::caldav_account,
    model::counted,
    provider::{Answer, ErrorKind, ProviderError},
    secrets::{Purpose, Secret},
};

use crate::{
    args::AuthAdd,
    context::{Loaded, Opened, block_on},
    exit::{Exit, Failure},
    hidden, print,
};

/// Signs in to such an account.
pub(super) fn add(loaded: &Loaded, options: &AuthAdd, dav: &Dav) -> Result<Exit, Failure> {
    let name = &options.account;
    if options.flow.is_some() {
        return Err(Failure::Usage(format!(
            "account \"{name}\" wants a password, and --flow is for Google; leave it out"
        )));
    }
    if dav.command.is_some() && options.password_stdin {
        return Err(Failure::Usage(format!(
            "account \"{name}\" has `password_command`; take that out of the configuration to keep a password instead"
        )));
    }
    let password = match (&dav.command, options.password_stdin) {
        (Some(_), _) => None,
        (None, true) => Some(piped()?),
        (None, false) => Some(typed(dav)?),
    };
    // A person takes a while to type, and syncs go on meanwhile: the lock is not held.
    let opened = Opened::without_lock(loaded)?;
    let vault = Vault::new(&opened.state, &opened.keys.sealer);
    let clock = Clock::System;
    let login = PasswordLogin::trying(name, dav, &vault, &clock, password.clone());
    let offers = block_on(count(name, dav, &login, &clock))?;
    // How it ends is the same as when a sync or a check meets the same.
    let offers = offers.map_err(Failure::Asked)?;
    let kept = match &password {
        None => "the password that `password_command` says is good; nothing had to be kept",
        Some(password) => {
            let sign_in = dav.sign_in(name, clock.now());
            let put = vault.put(&sign_in, &[(Purpose::Password, password)]);
            put.map_err(|error| Failure::System(format!("account {name}: {error}")))?;
            "password"
        }
    };
    let many = counted(offers, "calendar");
    print::out(&format!(
        "Signed in to account {name} ({kept}): {many} there.\n"
    ))?;
    Ok(Exit::InStep)
}

/// How many calendars the account offers: the proof that the password is good.
async fn count(name: &str, dav: &Dav, login: &PasswordLogin, clock: &Clock) -> Answer<usize> {
    let account = caldav_account(name, dav, login, clock).ok_or_else(|| {
        let words = format!("account {name}: `url` is no address");
        ProviderError::new(ErrorKind::Refused, words)
    })?;
    Ok(account.calendars().await?.len())
}

fn piped() -> Result<Secret, Failure> {
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    read.map_err(|error| Failure::System(format!("no password could be read: {error}")))?;
    filled(Secret::new(line.trim_end_matches(['\r', '\n'])))
}

fn typed(dav: &Dav) -> Result<Secret, Failure> {
    let prompt = format!("Password of {} at {}: ", dav.username, dav.server());
    let typed = hidden::ask(&prompt).map_err(|error| {
        Failure::Usage(format!(
            "there is no terminal to ask for the password on ({error}); pipe it in with --password-stdin"
        ))
    })?;
    typed.map_or_else(|| Err(Failure::Usage(NO_PASSWORD.to_owned())), filled)
}

const NO_PASSWORD: &str = "no password was given; nothing was kept";

fn filled(password: Secret) -> Result<Secret, Failure> {
    match password.is_empty() {
        true => Err(Failure::Usage(NO_PASSWORD.to_owned())),
        false => Ok(password),
    }
}
