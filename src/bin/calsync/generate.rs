//! `calsync generate`: completions and the man page, from the one definition of the flags.

use clap::CommandFactory as _;

use crate::{
    args::{self, Args, Generated},
    exit::{Exit, Failure},
    man, print,
};

pub(crate) fn run(options: &args::Generate) -> Result<Exit, Failure> {
    let mut command = Args::command();
    let mut bytes = Vec::new();
    match &options.what {
        Generated::Completions { shell } => {
            clap_complete::generate(*shell, &mut command, "calsync", &mut bytes);
        }
        Generated::Man => bytes = man::page(&command)?,
    }
    print::out(&String::from_utf8_lossy(&bytes))?;
    Ok(Exit::InStep)
}
