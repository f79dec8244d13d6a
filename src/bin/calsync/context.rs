//! What the commands share: the configuration, the key, the state and the lock, opened in the right order.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    path::{Path, PathBuf},
    rc::Rc,
};

use calsync::{
    auth::Vault,
    clock::Clock,
    config::{
        self, Account, Config, ConfigError, Means,
        key::{self, KeyError, Keys},
    },
    model::CalendarName,
    secrets::Sealer,
    session::{Session, Settings, Stop},
    state::{Lock, Renamed, State, StateError},
};

use crate::{args::Args, exit::Failure, log::ONCE, progress::Bar, status::left as left_words};

/// A configuration, and the state file that goes with it.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    pub(crate) state: PathBuf,
}

/// Everything that a run needs, with the lock held.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) config: Config,
    pub(crate) settings: Settings,
    pub(crate) state: Rc<RefCell<State>>,
    pub(crate) clock: Clock,
    means: Means,
    pub(crate) stop: Stop,
    pub(crate) bar: Bar,
    /// How calsync has to be called to find the same files.
    program: String,
    /// The key was made just now.
    pub(crate) is_new: bool,
    /// Last: it notes how the state was left.
    _lock: Lock,
}

/// The state and what comes of the key, fitting each other.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) state: Rc<RefCell<State>>,
    pub(crate) keys: Keys,
    /// The key was made just now.
    pub(crate) is_new: bool,
}

/// What to do with a key that was made just now.
pub(crate) fn made_key(key: &Path) -> String {
    format!(
        "Made the key {}. Keep a copy of it: without it calsync does not know its blocks again.",
        key.display()
    )
}

impl Opened {
    /// Opens both, for whoever holds the lock.
    fn locked(loaded: &Loaded) -> Result<Self, Failure> {
        let key_file = &loaded.config.key_file;
        // The key is looked at before the state is made, so that a key that cannot be used leaves no trace.
        let is_new = key::find(key_file)?.is_none();
        let state = State::open(&loaded.state)?;
        let keys = key::find_or_make(key_file, state.is_claimed()?)?;
        state.claim(&keys.mint.fingerprint())?;
        Ok(Self {
            state: Rc::new(RefCell::new(state)),
            keys,
            is_new,
        })
    }

    /// Opens both beside a run that may be under way.
    pub(crate) fn without_lock(loaded: &Loaded) -> Result<Self, Failure> {
        let _lock = lock_or_not(loaded)?;
        let opened = Self::locked(loaded)?;
        if opened.is_new {
            tracing::warn!(target: ONCE, "{}", made_key(&loaded.config.key_file));
        }
        Ok(opened)
    }

    /// Opens the state alone, beside a run that may be under way.
    pub(crate) fn state_without_lock(loaded: &Loaded) -> Result<Rc<RefCell<State>>, Failure> {
        let _lock = lock_or_not(loaded)?;
        Ok(Rc::new(RefCell::new(State::open(&loaded.state)?)))
    }
}

/// The lock, so that two do not make or renew the state at once; or none, if a run holds it, which has done that already.
fn lock_or_not(loaded: &Loaded) -> Result<Option<Lock>, Failure> {
    match Lock::take(&loaded.state) {
        Ok(lock) => Ok(Some(lock)),
        Err(StateError::Busy) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What it takes to look at calendars, beside a run that may be under way, and without leaving a trace if there was no run yet.
pub(crate) fn means_to_look(loaded: &Loaded) -> Result<Means, Failure> {
    let mut accounts = loaded.config.accounts.values();
    if accounts.all(|account| matches!(account, Account::Local { .. })) {
        return no_sign_ins();
    }
    let claimed = match State::open_to_read(&loaded.state)? {
        Some(state) => state.fact("key")?,
        None => None,
    };
    let keys = fitting_key(&loaded.config.key_file, claimed.as_deref())?;
    let (Some(keys), Ok(true)) = (keys, loaded.state.try_exists()) else {
        return no_sign_ins();
    };
    let state = Opened::state_without_lock(loaded)?;
    Ok(Means {
        tag: keys.mint.fingerprint(),
        vault: Vault::new(&state, &keys.sealer),
        clock: Clock::System,
    })
}

/// What it takes to look at calendars that need no sign-in.
pub(crate) fn no_sign_ins() -> Result<Means, Failure> {
    let state = Rc::new(RefCell::new(State::in_memory()?));
    Ok(Means {
        tag: String::new(),
        vault: Vault::new(&state, &Sealer::new(&[0; 32])),
        clock: Clock::System,
    })
}

/// The calendars that have another name in the configuration now than in the state, as far as that shows without asking anybody.
pub(crate) fn renamed(config: &Config, state: &State) -> Result<Renamed, Failure> {
    let seats = config.seats(&no_sign_ins()?);
    Ok(state.renamed(seats.iter().map(|(name, seat)| seat.called(name)))?)
}

/// That the next sync follows a calendar to its new name.
pub(crate) fn called_now(name: &str) -> String {
    format!("is called {name} now: it is read from the same place, and the next sync follows")
}

/// Reads the configuration that the flags name.
pub(crate) fn load(args: &Args) -> Result<Loaded, Failure> {
    loaded(args, config::load(&args.config_file()?)?)
}

/// The same for what is done with accounts, whatever is wrong with calendars.
pub(crate) fn load_accounts(args: &Args) -> Result<Loaded, Failure> {
    loaded(args, config::load_accounts(&args.config_file()?)?)
}

fn loaded(args: &Args, config: Config) -> Result<Loaded, Failure> {
    let state = args.state.clone().or_else(|| config.state.clone());
    let state = state.ok_or(ConfigError::NoHome)?;
    Ok(Loaded { config, state })
}

/// The key at hand, if there is one and it is the one that the state was made with.
pub(crate) fn fitting_key(key_file: &Path, known: Option<&str>) -> Result<Option<Keys>, Failure> {
    match (key::find(key_file)?, known) {
        (None, Some(_)) => Err(KeyError::Gone(key_file.to_owned()).into()),
        (Some(keys), Some(known)) if keys.mint.fingerprint() != known => {
            Err(StateError::Key.into())
        }
        (keys, _) => Ok(keys),
    }
}

impl Context {
    /// Reads the configuration, takes the lock, then opens the state and the key.
    pub(crate) fn open(args: &Args) -> Result<Self, Failure> {
        Self::of(args, load(args)?)
    }

    /// The same with a configuration that was read.
    pub(crate) fn of(args: &Args, loaded: Loaded) -> Result<Self, Failure> {
        let mut lock = Lock::take(&loaded.state)?;
        let Opened {
            state,
            keys,
            is_new,
        } = Opened::locked(&loaded)?;
        lock.make_sure(&state.borrow())?;
        let config = loaded.config;
        let clock = Clock::System;
        Ok(Self {
            means: Means {
                tag: keys.mint.fingerprint(),
                vault: Vault::new(&state, &keys.sealer),
                clock: clock.clone(),
            },
            settings: config.settings(keys.mint),
            config,
            state,
            clock,
            stop: Stop::default(),
            bar: Bar::new(!args.quiet && !args.wants_json()),
            program: args.program(),
            is_new,
            _lock: lock,
        })
    }

    /// The session of a run.
    pub(crate) fn session(&self) -> Session<'_, calsync::provider::AnyProvider, Bar> {
        Session {
            seats: self.config.seats(&self.means),
            state: &self.state,
            settings: &self.settings,
            clock: &self.clock,
            watch: &self.bar,
            stop: &self.stop,
        }
    }

    /// The calendars that were named, if all of them exist.
    pub(crate) fn named(&self, names: &[String]) -> Result<BTreeSet<CalendarName>, Failure> {
        let known = |name: &String| self.config.calendars.contains_key(name.as_str());
        if let Some(unknown) = names.iter().find(|name| !known(name)) {
            let all: Vec<&str> = self.config.calendars.keys().map(|name| &**name).collect();
            let rows = self.state.borrow().calendar_rows()?;
            let mut left = rows.iter().filter(|row| row.blocks > 0);
            let more = match left.any(|row| *row.name == **unknown) {
                true => format!("; {}", left_words(&self.program, unknown)),
                false => String::new(),
            };
            return Err(Failure::Usage(format!(
                "there is no calendar \"{unknown}\" in the configuration; there are: {}{more}",
                all.join(", ")
            )));
        }
        Ok(names.iter().map(|name| name.as_str().into()).collect())
    }
}

/// Runs a future on a runtime of this one thread.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime =
        runtime.map_err(|error| Failure::System(format!("the runtime does not start: {error}")))?;
    Ok(runtime.block_on(work))
}
