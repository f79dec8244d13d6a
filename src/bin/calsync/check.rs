//! `calsync check`: looks for problems and says what to do about each. Changes nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use calsync::{
    auth::VaultError,
    config::{
        Account, Config, Means, Place,
        key::{self, Keys},
    },
    fsx,
    model::{CalendarName, counted, shell_word},
    plan::filter::Asks,
    provider::{
        Answer, AnyProvider, Probe, Provider as _,
        caldav::CaldavAccount,
        local::{self, Folder, folders},
    },
    run::{Twin, alike, twins},
    session::Seat,
    state::{CalendarRow, State, StateError},
};

use crate::{
    args::Args,
    calendars::exit_for,
    context::{block_on, called_now, fitting_key, load, means_to_look, no_sign_ins, renamed},
    exit::{Exit, Failure, NO_ROUTES},
    print,
    standing::{Signer, Standing, signer, testing},
    status::{ago, left},
};

/// How many files of a calendar that cannot be read are named.
const TROUBLES_TOLD: u32 = 20;
/// How many events of a calendar that cannot be read are counted.
const TROUBLES_COUNTED: u32 = 10_000;

/// Something that was looked at.
struct Finding {
    what: String,
    found: Found,
}

/// What came of looking.
enum Found {
    /// It is as it should be.
    Fine,
    /// It works, and could be better.
    Unwise(String),
    /// It could not be looked at, because of something else that is wrong.
    Unseen(String),
    /// What is wrong and what to do.
    Wrong(Exit, String),
}

impl Finding {
    fn fine(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            found: Found::Fine,
        }
    }

    fn unwise(what: impl Into<String>, words: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            found: Found::Unwise(words.into()),
        }
    }

    fn unseen(what: impl Into<String>, words: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            found: Found::Unseen(words.into()),
        }
    }

    fn wrong(what: impl Into<String>, exit: Exit, words: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            found: Found::Wrong(exit, words.into()),
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let loaded = load(args)?;
    let config = &loaded.config;
    let mut findings = vec![check_config(config)];
    if config.routes.is_empty() {
        findings.push(Finding::wrong("rules", Exit::Config, NO_ROUTES));
    }
    findings.extend(idle(config));
    findings.extend(nobody(config));
    findings.extend(config.open_files.iter().map(|path| open_file(path)));
    let opened = State::open_to_read(&loaded.state);
    findings.push(check_key(
        config,
        opened.as_ref().ok().and_then(Option::as_ref),
    ));
    findings.push(check_state(&loaded.state, opened.as_ref()));
    let known = opened.ok().flatten();
    findings.extend(
        known
            .iter()
            .flat_map(|state| remembered(args, config, state)),
    );
    match means_to_look(&loaded) {
        Ok(means) => block_on(async {
            let proofs = prove(config, &means).await;
            // Behind a door that is closed nobody has to look at each calendar.
            let unseen = |account: &str| {
                let is_closed = matches!(proofs.get(account), Some(Err(_)));
                is_closed.then(|| format!("not looked at, because of account {account}"))
            };
            // What Google says of the calendars is known of their accounts afterwards.
            let mut calendars = Vec::new();
            // A command that says a password may ask somebody, so it is run once for both.
            let servers = config.caldav_accounts(&means);
            let mut seats = config.seats_at(&means, &servers);
            check_calendars(config, &mut seats, known.as_ref(), unseen, &mut calendars).await;
            check_accounts(config, &means, (proofs, servers), &mut findings).await;
            findings.extend(calendars);
        })?,
        // The key or the state cannot be used, which was told above; folders can be looked at all the same.
        Err(_) => {
            findings.extend(unseen_accounts(config, known.as_ref()));
            let means = no_sign_ins()?;
            let known = known.as_ref();
            let unseen = |name: &str| signer(config, name).map(|_| UNSEEN.to_owned());
            block_on(check_calendars(
                config,
                &mut config.seats(&means),
                known,
                unseen,
                &mut findings,
            ))?;
        }
    }
    drop_repeated(&mut findings);
    tell(args, &findings)
}

fn check_config(config: &Config) -> Finding {
    Finding::fine(format!(
        "configuration {}: {}, {} of source and target",
        config.path.display(),
        counted(config.calendars.len(), "calendar"),
        counted(config.routes.len(), "pair")
    ))
}

/// The calendars that no rule speaks of, while others show somewhere.
fn idle(config: &Config) -> Vec<Finding> {
    let is_named = |name: &CalendarName| {
        let mut routes = config.routes.iter();
        routes.any(|route| route.source == *name || route.target == *name)
    };
    let idle = config.calendars.keys().filter(|name| !is_named(name));
    let words = "no rule shows it in another calendar, or another one in it";
    let found = |name| Finding::unwise(format!("calendar {name}"), words);
    match config.routes.is_empty() {
        true => Vec::new(),
        false => idle.map(found).collect(),
    }
}

/// The calendars of which rules ask for what their owner answers or organises, while nobody knows who that is.
fn nobody(config: &Config) -> Vec<Finding> {
    let usual = Asks::default();
    let mut asked = BTreeSet::new();
    for route in config.routes.iter().filter(|_| config.me.is_empty()) {
        let asks = &route.filter.asks;
        let account = config.calendars.get(&route.source);
        let account = account.and_then(|calendar| calendar.account.as_deref());
        let account = account.and_then(|account| config.accounts.get(account));
        // Google says who is meant.
        let is_known = matches!(account, Some(Account::Google(_)));
        if !is_known && (asks.answers != usual.answers || asks.mine.is_some()) {
            asked.insert(&route.source);
        }
    }
    let words = "a rule asks for your answers, or what you organise, which takes your mail addresses to know: set `me` at the top \
                 of the configuration";
    let found = |name: &CalendarName| Finding::unwise(format!("calendar {name}"), words);
    asked.into_iter().map(found).collect()
}

/// A file with the secret of an OAuth client or a password in it that others can read.
fn open_file(path: &Path) -> Finding {
    let words = format!(
        "it holds a password or the secret of an OAuth client and can be read by others; run: chmod 600 {}",
        path.display()
    );
    Finding::unwise(path.display().to_string(), words)
}

/// Of the same said twice, what is so now is enough.
fn drop_repeated(findings: &mut Vec<Finding>) {
    let wrong = |finding: &Finding| match &finding.found {
        Found::Wrong(_, words) => Some(words.clone()),
        _ => None,
    };
    let now: Vec<String> = findings.iter().filter_map(wrong).collect();
    let is_repeated = |finding: &Finding| match &finding.found {
        Found::Unwise(words) => {
            let before = words.strip_prefix(LAST_TIME);
            before.is_some_and(|before| now.iter().any(|now| before.ends_with(now)))
        }
        _ => false,
    };
    findings.retain(|finding| !is_repeated(finding));
}

/// What the words begin with that the last run left.
const LAST_TIME: &str = "at the last sync: ";

/// Prints what was found. The first thing that is wrong decides how the program ends; a configuration that cannot be used does
/// whenever it comes.
fn tell(args: &Args, findings: &[Finding]) -> Result<Exit, Failure> {
    let colour = print::colour(args, print::to_terminal());
    let mut exit = Exit::InStep;
    for Finding { what, found } in findings {
        let (sign, code, words) = match found {
            Found::Fine => ("ok", "32", String::new()),
            Found::Unwise(words) => ("??", "33", format!(": {words}")),
            Found::Unseen(words) => ("--", "33", format!(": {words}")),
            Found::Wrong(code, words) => {
                if exit == Exit::InStep || *code == Exit::Config {
                    exit = *code;
                }
                ("!!", "31", format!(": {words}"))
            }
        };
        if !args.quiet || matches!(found, Found::Wrong(..)) {
            let sign = print::paint(colour, code, sign);
            print::out(&format!("{sign}  {what}{}\n", args.hint(&words)))?;
        }
    }
    Ok(exit)
}

/// The accounts, as the state file has them, when there is no key to ask with.
fn unseen_accounts(config: &Config, state: Option<&State>) -> Vec<Finding> {
    let sign_ins = state.and_then(|state| state.sign_ins().ok());
    let accounts = config.accounts.keys();
    let accounts = accounts.filter_map(|name| Some((name, signer(config, name)?)));
    let unseen = accounts.map(|(name, signer)| {
        let what = format!("account {name}");
        let Some(sign_ins) = &sign_ins else {
            return Finding::unseen(what, UNSEEN);
        };
        let sign_in = sign_ins.iter().find(|sign_in| sign_in.account == *name);
        let standing = Standing::of(sign_in, Some(signer));
        Finding::unseen(what, format!("{}; {UNSEEN}", standing.words()))
    });
    unseen.collect()
}

const UNSEEN: &str = "not looked at, because of the key or the state file";

fn check_key(config: &Config, state: Option<&State>) -> Finding {
    // What is wrong with the state itself is told where that is looked at.
    let known = state.and_then(|state| state.fact("key").ok().flatten());
    match fitting_key(&config.key_file, known.as_deref()) {
        Ok(Some(_)) => Finding::fine(match key::is_given() {
            false => format!("key {}: readable by you alone", config.key_file.display()),
            true => "key: given by the environment or by systemd".to_owned(),
        }),
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
        Ok(Some(state)) => state.look_through(path).and_then(|()| state.open_intents()),
        Ok(None) if !fsx::can_come(path) => {
            let words = "it cannot be made there; make its folder writable, or name another place with `state` or --state";
            return Finding::wrong(what, Exit::Config, words);
        }
        Ok(None) => return Finding::fine(format!("{what}: the first sync makes it")),
        Err(error) => return Finding::wrong(what, Exit::Config, error.to_string()),
    };
    match open {
        Ok(_) if !fsx::can_come(path) => {
            Finding::wrong(what, Exit::Config, "it, or its folder, may not be written")
        }
        Ok(0) => Finding::fine(format!("{what}: in order")),
        Ok(open) => Finding::fine(format!(
            "{what}: in order; the next run settles {} that a run cut short left open",
            counted(open, "operation")
        )),
        Err(error) => Finding::wrong(what, Exit::Config, error.to_string()),
    }
}

/// What the last run left to be settled by a person: what the guard holds back, and blocks where none are written any more.
fn remembered(args: &Args, config: &Config, state: &State) -> Vec<Finding> {
    let program = args.program();
    let renamed = renamed(config, state).unwrap_or_default();
    let found = |row: &CalendarRow| {
        let what = format!("calendar {}", row.name);
        if let Some(now) = renamed.get(&row.name) {
            return Some(Finding::fine(format!("{what} {}", called_now(now))));
        }
        let Some(calendar) = config.calendars.get(&row.name) else {
            let words = format!(
                "not configured any more; {} stood there when it was last read; {}",
                counted(row.blocks, "block"),
                left(&program, &row.name)
            );
            return (row.blocks > 0).then(|| Finding::unwise(what, words));
        };
        let role = calendar.role;
        if row.result.as_deref() == Some("refused") {
            let error = row
                .error
                .as_deref()
                .unwrap_or("the guard holds back what would go");
            let words = format!(
                "{LAST_TIME}{error}. See what would go: {program} sync --dry-run --allow-mass-delete; allow it \
                 once: {program} sync --allow-mass-delete"
            );
            return Some(Finding::wrong(what, Exit::Refused, words));
        }
        // Whether somebody is away or not signed in is looked at anew.
        let is_news = !matches!(row.result.as_deref(), Some("auth" | "away"));
        let failed = row.error.as_ref();
        let failed = failed.filter(|_| row.unreadable == 0 && is_news);
        if let Some(error) = failed {
            return Some(Finding::unwise(what, format!("{LAST_TIME}{error}")));
        }
        // What stands where a feed was before is told of with that.
        let may_hold = !matches!(calendar.place, Place::Feed(_));
        (!role.is_target() && may_hold && row.blocks > row.copies + row.taken)
            .then(|| Finding::unwise(what, blocks_in_source(&program, row)))
    };
    let rows = state.calendar_rows().unwrap_or_default();
    rows.iter().filter_map(found).collect()
}

/// What to do about blocks in a calendar that is no target: only what calsync wrote there can it take away.
fn blocks_in_source(program: &str, row: &CalendarRow) -> String {
    format!(
        "it still holds {} from when it was a target; take that away with: {program} reset --calendar {}",
        counted(row.blocks.saturating_sub(row.copies + row.taken), "block"),
        shell_word(&row.name)
    )
}

/// A calendar that is read from another place than before, by another `path` or as another person, and has blocks in the former one.
fn moved(
    config: &Config,
    name: &CalendarName,
    provider: &AnyProvider,
    state: &State,
) -> Option<Finding> {
    let left = state.was_left_behind(name).ok()?;
    let (count, former) = left.or_else(|| will_be_left(config, name, provider, state))?;
    let words = format!(
        "it is read from another place than before ({former}), where {} stood; if that is a mistake, put the former place back, or sign \
         in as before. If not: put it back, run calsync reset --calendar {}, and change it again",
        counted(count, "block"),
        shell_word(name)
    );
    Some(Finding::unwise(format!("calendar {name}"), words))
}

/// How many blocks the next run leaves behind because the configuration has another place for a calendar now, and where.
fn will_be_left(
    config: &Config,
    name: &CalendarName,
    provider: &AnyProvider,
    state: &State,
) -> Option<(u64, String)> {
    let calendar = config.calendars.get(name)?;
    if !matches!(calendar.place, Place::Local(_) | Place::Feed(_)) {
        return None;
    }
    let former = state.place_of(name).ok()??;
    let row = state.calendar_row(name).ok()??;
    let count = row.blocks.saturating_sub(row.copies + row.taken);
    // A folder that has another name now is looked after under that.
    let is_known = config.calendars.values().any(|other| match &other.place {
        Place::Local(folder) => local::identity(folder).as_ref() == Some(&former),
        Place::Google(_) | Place::Caldav(_) | Place::Feed(_) => false,
    });
    let is_left = provider.identity().as_ref() != Some(&former) && local::is_there(&former);
    (count > 0 && is_left && !is_known).then_some((count, former))
}

/// Blocks in a calendar that no run touches: where, if places may be told.
fn left_alone(
    config: &Config,
    name: &CalendarName,
    provider: &AnyProvider,
    state: &State,
) -> Option<Finding> {
    let row = state.calendar_row(name).ok()??;
    let kinds = [
        (row.copies, "copied or moved here from another calendar"),
        (row.taken, "somebody's own by now"),
        (
            row.foreign,
            "of another installation or name (if this calendar had another name once, give it that name again and sync)",
        ),
    ];
    let kinds = kinds.iter().filter(|(count, _)| *count > 0);
    let kinds: Vec<String> = kinds
        .map(|(count, words)| format!("{} {words}", counted(*count, "block")))
        .collect();
    let places = keys_of(config, state)
        .filter(|_| provider.shows_places())
        .and_then(|keys| {
            let others = config.calendars.keys();
            let most = usize::try_from(TROUBLES_TOLD).unwrap_or(usize::MAX);
            state.left_alone_at(name, &keys.mint, others, most).ok()
        })
        .unwrap_or_default();
    let places: Vec<String> = places.into_iter().collect();
    let which = match places.is_empty() {
        true => String::new(),
        false => format!(": {}", places.join(", ")),
    };
    (!kinds.is_empty()).then(|| {
        let words = format!(
            "{}; no run and no reset touches that: what is not wanted is to be removed by hand{which}",
            kinds.join(", ")
        );
        Finding::unwise(format!("calendar {name}"), words)
    })
}

/// Whether the sign-ins at Google are still good: an access token may live longer than what it came from.
async fn prove(config: &Config, means: &Means) -> BTreeMap<String, Answer<()>> {
    let mut proofs = BTreeMap::new();
    for (name, account) in config.google_accounts(means) {
        proofs.insert(name.to_owned(), account.prove().await);
    }
    proofs
}

/// Whether each account is signed in to. One that has no calendars is asked for what it offers.
async fn check_accounts(
    config: &Config,
    means: &Means,
    (mut proofs, servers): (BTreeMap<String, Answer<()>>, BTreeMap<&str, CaldavAccount>),
    findings: &mut Vec<Finding>,
) {
    let is_used = |name: &str| {
        let mut calendars = config.calendars.values();
        calendars.any(|calendar| calendar.account.as_deref() == Some(name))
    };
    for (name, account) in config.google_accounts(means) {
        let asked = match proofs.remove(name).unwrap_or(Ok(())) {
            Ok(()) if !is_used(name) => account.calendars().await.map(drop),
            proof => proof,
        };
        findings.push(check_account(config, means, name, asked));
    }
    for (name, account) in servers {
        let asked = match is_used(name) {
            // Its calendars were asked for just now, which noted whether the password is good.
            true => account.ready().await,
            false => account.calendars().await.map(drop),
        };
        findings.push(check_account(config, means, name, asked));
    }
}

fn check_account(config: &Config, means: &Means, name: &str, asked: Answer<()>) -> Finding {
    let what = format!("account {name}");
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
        let words = error.message.strip_prefix(&format!("{what}: "));
        let words = words.unwrap_or(&error.message);
        return Finding::wrong(what, exit_for(&error), words);
    }
    let standing = Standing::of(sign_in.as_ref(), signer(config, name));
    if standing.needs_somebody() {
        let words = format!("{}; run: calsync auth add {name}", standing.words());
        return Finding::wrong(what, Exit::Auth, words);
    }
    let since = sign_in.map(|sign_in| {
        let now = means.clock.now();
        let whose = sign_in.address.map(|address| format!(" as {address}"));
        let whose = whose.unwrap_or_default();
        format!("{whose}, {}, {}", sign_in.way, ago(now, sign_in.since))
    });
    Finding::fine(format!(
        "{what}: {}{}",
        standing.words(),
        since.unwrap_or_default()
    ))
}

async fn check_calendars(
    config: &Config,
    seats: &mut BTreeMap<CalendarName, Seat<AnyProvider>>,
    state: Option<&State>,
    unseen: impl Fn(&str) -> Option<String>,
    findings: &mut Vec<Finding>,
) {
    for (name, seat) in &mut *seats {
        let Seat {
            provider,
            role,
            account,
            ..
        } = seat;
        let what = format!("calendar {name}");
        if let Some(why) = unseen(account) {
            findings.push(Finding::unseen(what, why));
            continue;
        }
        let last = state.and_then(|state| state.last_cursor(name).ok()?);
        if let Some(last) = &last {
            provider.recall(last);
        }
        let probed = provider.probe().await;
        let advice = provider.advice();
        findings.push(match probed {
            Err(error) => Finding::wrong(what, exit_for(&error), error.message),
            Ok(Probe {
                writable: false, ..
            }) if role.is_target() => {
                Finding::wrong(what, Exit::Partial, not_writable(config, account))
            }
            Ok(_) if role.is_target() && provider.in_doubt().is_some() => {
                let error = provider.in_doubt().map(|error| error.message);
                Finding::wrong(what, Exit::Partial, error.unwrap_or_default())
            }
            Ok(Probe {
                resources: Some(0), ..
            }) if holds_calendars(config, name) => Finding::unwise(
                what,
                "no .ics file lies there, but in the folders inside it; if these are calendars, name each of them, or make an \
                 account of the folder",
            ),
            Ok(_) if advice.is_some() => Finding::unwise(what, advice.unwrap_or_default()),
            Ok(Probe { resources, .. }) => {
                let count = resources.map(|n| counted(n, "file"));
                let count = count
                    .map(|files| format!(", {files} (events and blocks alike)"))
                    .unwrap_or_default();
                Finding::fine(format!("{what}: reachable{count}"))
            }
        });
        findings.extend(unreadable(name, provider, state));
        findings.extend(state.and_then(|state| left_alone(config, name, provider, state)));
        findings.extend(state.and_then(|state| moved(config, name, provider, state)));
    }
    for twin in same_calendars(config, state, seats) {
        let what = format!("calendar {}", twin.name);
        findings.push(Finding::wrong(what, Exit::Config, twin.to_string()));
    }
}

/// What the last sync could not read in a calendar: each place where places may be told, else how many for each reason.
fn unreadable(name: &CalendarName, provider: &AnyProvider, state: Option<&State>) -> Vec<Finding> {
    let (shows, most) = match provider.shows_places() {
        true => (true, TROUBLES_TOLD),
        false => (false, TROUBLES_COUNTED),
    };
    let troubles = state.and_then(|state| state.troubles(name, most).ok());
    let mut told: BTreeMap<(String, String), usize> = BTreeMap::new();
    for (href, why) in troubles.unwrap_or_default() {
        let place = if shows { href.clone() } else { String::new() };
        *told.entry((place, why)).or_default() += 1;
    }
    let found = |((place, why), count): ((String, String), usize)| {
        let what = match (shows, count) {
            (true, _) => place,
            (false, 1) => "an event".to_owned(),
            (false, count) => counted(count, "event"),
        };
        let words = format!("could not be read by the last sync: {why}");
        Finding::wrong(format!("{name}: {what}"), Exit::Partial, words)
    };
    told.into_iter().map(found).collect()
}

/// The key, if it is there and is the one that the state belongs to.
fn keys_of(config: &Config, state: &State) -> Option<Keys> {
    let claimed = state.fact("key").ok()?;
    fitting_key(&config.key_file, claimed.as_deref()).ok()?
}

/// The calendars that are one, by where they are, or by what stood in them when they were last read.
fn same_calendars(
    config: &Config,
    state: Option<&State>,
    seats: &BTreeMap<CalendarName, Seat<AnyProvider>>,
) -> Vec<Twin> {
    let mut same = twins(seats);
    let keys = state.and_then(|state| keys_of(config, state));
    if let (Some(state), Some(keys)) = (state, keys) {
        same.extend(alike(seats, state, &keys.mint, |_| true).unwrap_or_default());
    }
    same
}

/// Whether a calendar's folder rather is a folder of calendars.
fn holds_calendars(config: &Config, name: &CalendarName) -> bool {
    let Some(Place::Local(path)) = config.calendars.get(name).map(|calendar| &calendar.place)
    else {
        return false;
    };
    let holds_events = |folder: Folder| folder.files.is_some_and(|files| files > 0);
    folders(path).is_ok_and(|found| found.into_iter().any(holds_events))
}

fn not_writable(config: &Config, account: &str) -> String {
    let right = match signer(config, account) {
        None => return "it is not writable; make it so, or set role = \"source\"".to_owned(),
        Some(Signer::Google(_)) => "\"Make changes to events\"",
        Some(Signer::Caldav(_)) => "the right to edit",
    };
    format!(
        "account {account} may not write to it; ask its owner for {right}, or set role = \"source\""
    )
}
