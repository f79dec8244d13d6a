//! The command line, defined once: help, completions and the man page all come from here.

use std::path::PathBuf;

use calsync::{
    auth::Way,
    config::{ConfigError, paths},
    model::shell_word,
};
use clap::{ArgAction, ArgGroup, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::exit::{self, Failure};

/// Keep several calendars free of double bookings: what is busy in one shows as busy in all others
#[derive(Debug, Parser)]
#[command(name = "calsync", version, about, after_help = exit::TABLE)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help = "The configuration [default: ~/.config/calsync/config.toml] [env: CALSYNC_CONFIG]"
    )]
    pub(crate) config: Option<PathBuf>,
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help = "The state file, whatever the configuration says [env: CALSYNC_STATE]"
    )]
    pub(crate) state: Option<PathBuf>,
    /// Say more; twice for details
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Say only what went wrong
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Write logs in this form, to stderr
    #[arg(long, global = true, value_name = "FORM", default_value = "text")]
    pub(crate) log_format: LogFormat,
    /// Use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a configuration, asking a few questions
    Init(Init),
    /// Sign in to accounts and out of them
    #[command(subcommand)]
    Auth(AuthCommand),
    /// List what the accounts and folders offer
    Calendars(Calendars),
    /// Make every calendar show what keeps you busy in the others
    Sync(Sync),
    /// Remove the blocks that calsync made, and nothing else
    Reset(Reset),
    /// Show where things stand, without touching any calendar
    Status(Status),
    /// Look for problems with the configuration, the key, the state file and every calendar
    Check,
    /// Show which calendar shows in which other one, and what of it
    Rules(Rules),
    /// Tell why you are blocked on a day, or why not
    Explain(Explain),
    /// Print shell completions, an example configuration or the man page
    Generate(Generate),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Init {
    /// A calendar and its folder of .ics files, in place of being asked; can be repeated
    #[arg(long = "calendar", value_name = "NAME=FOLDER")]
    pub(crate) calendars: Vec<String>,
    /// The time zone, in place of being asked
    #[arg(long, value_name = "ZONE")]
    pub(crate) timezone: Option<String>,
    /// Your mail address, in place of being asked; can be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) me: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Rules {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Explain {
    /// The calendar: where its own events show, and what shows in it of others
    pub(crate) calendar: String,
    /// The day: a date such as 2026-11-23, or today, tomorrow or yesterday
    #[arg(default_value = "today")]
    pub(crate) date: String,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuthCommand {
    /// Sign in to an account of the configuration; where it takes a password, try it and keep it
    Add(AuthAdd),
    /// Show who is signed in to what, how, and since when
    List {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Forget a sign-in or a password; at Google, withdraw it for every machine that uses the same OAuth client
    Remove {
        /// The account
        account: String,
    },
    /// Seal the stored secrets with a new key
    ///
    /// Move the old key file aside first; the new key is the one that the configuration names, made if there is none.
    /// Sign-ins stay good. What does not move is the blocks: their ids are made with the key, so under a new one they count as
    /// another installation's and are never touched. Remove them with `calsync reset --all` while the old key is in place; the
    /// first sync under the new key writes them anew.
    Reseal(AuthReseal),
}

#[derive(Debug, clap::Args)]
pub(crate) struct AuthAdd {
    /// The account
    pub(crate) account: String,
    /// At Google: how [default: device, then browser if the OAuth client is not for devices; service-account if one is configured]
    #[arg(long, value_name = "WAY")]
    pub(crate) flow: Option<Flow>,
    /// Read the password from standard input, in place of asking for it: the first line, spaces and all
    #[arg(long, conflicts_with = "flow")]
    pub(crate) password_stdin: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct AuthReseal {
    /// The key that the secrets are sealed with now
    #[arg(long, value_name = "FILE")]
    pub(crate) old_key_file: PathBuf,
    /// Go on although blocks made with the old key would be left behind
    #[arg(long)]
    pub(crate) leave_blocks: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Flow {
    /// Type in a code on any other device
    Device,
    /// Use a browser on this machine
    Browser,
    /// Use a browser anywhere, and paste the address it ends at
    Paste,
    /// Use the key file of a service account
    ServiceAccount,
}

impl From<Flow> for Way {
    fn from(flow: Flow) -> Self {
        match flow {
            Flow::Device => Self::Device,
            Flow::Browser => Self::Browser,
            Flow::Paste => Self::Paste,
            Flow::ServiceAccount => Self::ServiceAccount,
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Calendars {
    /// List only what this account offers
    pub(crate) account: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Sync {
    /// Show what would be done, and write to no calendar
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Read every calendar anew, rather than what changed
    #[arg(long)]
    pub(crate) full: bool,
    /// Write only to this calendar; can be repeated
    #[arg(long = "calendar", value_name = "NAME")]
    pub(crate) calendars: Vec<String>,
    /// Allow this one run to remove as many blocks as it likes
    #[arg(long)]
    pub(crate) allow_mass_delete: bool,
    /// Wait a random time first, of so many seconds at the most: for cron, so that not all hosts ask at the same moment
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=3600))]
    pub(crate) jitter: u32,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
#[command(
    group = ArgGroup::new("which").required(true).args(["calendars", "all"]),
    override_usage = "calsync reset <--calendar <NAME>...|--all> [--dry-run] [--yes] [--json]\n       calsync reset --calendar <NAME>... --forget"
)]
pub(crate) struct Reset {
    /// Remove the blocks in this calendar; can be repeated
    #[arg(long = "calendar", value_name = "NAME")]
    pub(crate) calendars: Vec<String>,
    /// Remove the blocks in all calendars
    #[arg(long)]
    pub(crate) all: bool,
    /// Remove nothing: with --calendar alone, forget a calendar that left the configuration; its blocks stay where they are
    #[arg(long, requires = "calendars", conflicts_with_all = ["all", "dry_run", "json"])]
    pub(crate) forget: bool,
    /// Show what would be removed, and remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Status {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Generate {
    #[command(subcommand)]
    pub(crate) what: Generated,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Generated {
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print an example configuration that explains every key
    Config,
    /// Print the man page
    Man,
}

impl Args {
    /// The command line, and what the environment says where it says nothing. An empty variable counts as none.
    pub(crate) fn given() -> Self {
        let mut args = Self::parse();
        let from = |name: &str| paths::variable(name).map(PathBuf::from);
        args.config = args.config.or_else(|| from(paths::CONFIG_VARIABLE));
        args.state = args.state.or_else(|| from(paths::STATE_VARIABLE));
        args
    }

    /// Where the configuration is.
    pub(crate) fn config_file(&self) -> Result<PathBuf, Failure> {
        let file = self.config.clone().or_else(paths::default_config);
        file.ok_or_else(|| ConfigError::NoHome.into())
    }

    /// How calsync has to be called to find the same files: what a hint that names a command begins with.
    pub(crate) fn program(&self) -> String {
        let files = [("--config", &self.config), ("--state", &self.state)];
        let mut words = vec!["calsync".to_owned()];
        for (flag, file) in files {
            if let Some(file) = file {
                words.extend([flag.to_owned(), shell_word(&file.display().to_string())]);
            }
        }
        words.join(" ")
    }

    /// A text from the library whose hints call calsync with the files that this call was given.
    pub(crate) fn hint(&self, text: &str) -> String {
        let program = self.program();
        let mut text = text.to_owned();
        if program == "calsync" {
            return text;
        }
        for command in ["auth", "calendars", "check", "reset", "sync"] {
            for end in [' ', '`'] {
                let short = format!("calsync {command}{end}");
                text = text.replace(&short, &format!("{program} {command}{end}"));
            }
        }
        text
    }

    /// Whether nothing is to be written.
    pub(crate) fn is_dry_run(&self) -> bool {
        match &self.command {
            Command::Sync(options) => options.dry_run,
            Command::Reset(options) => options.dry_run,
            _ => false,
        }
    }

    /// Whether results go to a program rather than a person.
    pub(crate) fn wants_json(&self) -> bool {
        match &self.command {
            Command::Auth(AuthCommand::List { json }) => *json,
            Command::Calendars(options) => options.json,
            Command::Sync(options) => options.json,
            Command::Reset(options) => options.json,
            Command::Status(options) => options.json,
            Command::Rules(options) => options.json,
            Command::Explain(options) => options.json,
            Command::Init(_) | Command::Auth(_) | Command::Check | Command::Generate(_) => false,
        }
    }
}

impl Command {
    /// The command's name.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Init(_) => "init",
            Self::Auth(_) => "auth",
            Self::Calendars(_) => "calendars",
            Self::Sync(_) => "sync",
            Self::Reset(_) => "reset",
            Self::Status(_) => "status",
            Self::Check => "check",
            Self::Rules(_) => "rules",
            Self::Explain(_) => "explain",
            Self::Generate(_) => "generate",
        }
    }
}
