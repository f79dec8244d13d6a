//! Exit codes: the one table, and what leads to each.

use std::{fmt, path::PathBuf, process::ExitCode};

use calsync::{
    config::{ConfigError, key::KeyError},
    provider::{ErrorKind, ProviderError},
    report::Verdict,
    state::StateError,
};

use crate::calendars::exit_for;

/// The table as `--help` shows it.
pub(crate) const TABLE: &str = "Exit codes:
  0  in step
  1  a bug in calsync, or the system fails it
  2  wrong usage
  3  the configuration, the key or the state file cannot be used
  4  a person must sign in
  5  partly done; the next run continues
  6  refused by the guard against mass removal
  7  another run is under way
  8  servers unreachable or limiting; nothing was written";

/// What is wrong with a configuration by which there is nothing to do.
pub(crate) const NO_ROUTES: &str =
    "no calendar shows in another; there must be a source and a target that differ";

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    InStep,
    Bug,
    Usage,
    Config,
    Auth,
    Partial,
    Refused,
    Busy,
    Away,
}

impl Exit {
    /// What a script sees.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::InStep => 0,
            Self::Bug => 1,
            Self::Usage => 2,
            Self::Config => 3,
            Self::Auth => 4,
            Self::Partial => 5,
            Self::Refused => 6,
            Self::Busy => 7,
            Self::Away => 8,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Ok => Self::InStep,
            Verdict::Away => Self::Away,
            Verdict::Partial => Self::Partial,
            Verdict::Auth => Self::Auth,
            Verdict::Refused => Self::Refused,
            Verdict::Busy => Self::Busy,
            Verdict::Config => Self::Config,
        }
    }
}

/// Why a command came to nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    Config(ConfigError),
    Key(KeyError),
    State(StateError),
    /// Nobody could be signed in.
    SignIn(ProviderError),
    /// A server was asked, and this came of it.
    Asked(ProviderError),
    /// What the person typed cannot be done, and what can.
    Usage(String),
    /// Somebody stopped it before it was done.
    Stopped(String),
    /// By the configuration, no calendar shows in another.
    Idle(PathBuf),
    /// The system does not let us.
    System(String),
}

impl Failure {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::State(StateError::Busy) => Exit::Busy,
            Self::Config(_) | Self::Key(_) | Self::State(_) | Self::Idle(_) => Exit::Config,
            Self::SignIn(error) => match error.kind {
                ErrorKind::SignIn => Exit::Auth,
                ErrorKind::Refused => Exit::Usage,
                _ => Exit::Away,
            },
            Self::Asked(error) => exit_for(error),
            Self::Usage(_) => Exit::Usage,
            Self::Stopped(_) => Exit::Partial,
            Self::System(_) => Exit::Bug,
        }
    }

    /// The same in the word of `--json`.
    pub(crate) fn verdict(&self) -> Verdict {
        match self.exit() {
            Exit::Busy => Verdict::Busy,
            Exit::Partial => Verdict::Partial,
            Exit::Auth => Verdict::Auth,
            Exit::Away => Verdict::Away,
            _ => Verdict::Config,
        }
    }

    /// What is wrong, a sentence for each mistake.
    pub(crate) fn sentences(&self) -> Vec<String> {
        match self {
            Self::Config(error) => error.sentences(),
            other => vec![other.to_string()],
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Key(error) => error.fmt(f),
            Self::State(error) => error.fmt(f),
            Self::SignIn(error) | Self::Asked(error) => error.fmt(f),
            Self::Idle(path) => write!(f, "{}: {NO_ROUTES}; nothing was done", path.display()),
            Self::Usage(words) | Self::Stopped(words) | Self::System(words) => f.write_str(words),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

impl From<ProviderError> for Failure {
    fn from(error: ProviderError) -> Self {
        Self::SignIn(error)
    }
}
