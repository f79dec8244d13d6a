//! `calsync generate`: completions and the man page, from the one definition of the flags, and the example configuration.

use clap::CommandFactory as _;

use crate::{
    args::{self, Args, Generated},
    exit::{Exit, Failure},
    man, print,
};

/// Every key of the configuration, explained.
const EXAMPLE: &str = include_str!("../../../config.example.toml");

pub(crate) fn run(options: &args::Generate) -> Result<Exit, Failure> {
    let mut command = Args::command();
    let mut bytes = Vec::new();
    match &options.what {
        Generated::Completions { shell } => {
            clap_complete::generate(*shell, &mut command, "calsync", &mut bytes);
        }
        Generated::Config => bytes.extend_from_slice(EXAMPLE.as_bytes()),
        Generated::Man => bytes = man::page(&command)?,
    }
    print::out(&String::from_utf8_lossy(&bytes))?;
    Ok(Exit::InStep)
}
