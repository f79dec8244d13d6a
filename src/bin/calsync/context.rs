//! What the commands share: the configuration, the key, the state and the lock, opened in the right order.

use std::{cell::RefCell, collections::BTreeSet, path::PathBuf};

use calsync::{
    clock::Clock,
    config::{self, Config, key, paths},
    model::CalendarName,
    session::{Session, Settings, Stop},
    state::{Lock, State},
};

use crate::{args::Args, exit::Failure, progress::Bar};

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
    pub(crate) state: RefCell<State>,
    pub(crate) clock: Clock,
    pub(crate) stop: Stop,
    pub(crate) bar: Bar,
    /// The key was made just now.
    pub(crate) is_new: bool,
    _lock: Lock,
}

/// Reads the configuration that the flags name.
pub(crate) fn load(args: &Args) -> Result<Loaded, Failure> {
    let path = args.config.clone().unwrap_or_else(paths::default_config);
    let config = config::load(&path)?;
    let state = args.state.clone().unwrap_or_else(|| config.state.clone());
    Ok(Loaded { config, state })
}

impl Context {
    /// Takes the lock, then opens the state and the key.
    pub(crate) fn open(args: &Args) -> Result<Self, Failure> {
        let Loaded {
            config,
            state: path,
        } = load(args)?;
        let lock = Lock::take(&path)?;
        // The key is looked at before the state is made, so that a key that cannot be used leaves no trace.
        let is_new = key::find(&config.key_file)?.is_none();
        let state = State::open(&path)?;
        let mint = key::find_or_make(&config.key_file, state.is_claimed()?)?;
        state.claim(&mint.fingerprint())?;
        Ok(Self {
            settings: config.settings(mint),
            config,
            state: RefCell::new(state),
            clock: Clock::System,
            stop: Stop::default(),
            bar: Bar::new(!args.quiet && !args.wants_json()),
            is_new,
            _lock: lock,
        })
    }

    /// The session of a run.
    pub(crate) fn session(&self) -> Session<'_, calsync::provider::AnyProvider, Bar> {
        Session {
            seats: self.config.seats(&self.settings.mint, &self.clock),
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
            return Err(Failure::Usage(format!(
                "there is no calendar \"{unknown}\" in the configuration; there are: {}",
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
