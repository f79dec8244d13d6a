//! The man page: one, with a section for each command, all of it from the definition of the flags.

use clap::{Arg, ArgAction, Command};
use clap_mangen::Man;

use crate::{exit, exit::Failure};

/// The variables that calsync reads.
const VARIABLES: [(&str, &str); 9] = [
    (
        "CALSYNC_CONFIG",
        "the configuration, if there is no --config",
    ),
    ("CALSYNC_STATE", "the state file, if there is no --state"),
    (
        "CALSYNC_KEY",
        "the key itself, 64 hexadecimal digits, in place of the key file",
    ),
    (
        "CALSYNC_GOOGLE_CLIENT_ID",
        "the id of the OAuth client for Google, if the configuration has none",
    ),
    ("CALSYNC_GOOGLE_CLIENT_SECRET", "what goes with it"),
    (
        "CREDENTIALS_DIRECTORY",
        "set by systemd; a key is looked for in calsync-key there",
    ),
    (
        "NO_COLOR",
        "if set, no colour, unless --color says otherwise",
    ),
    ("XDG_CONFIG_HOME", "in place of ~/.config"),
    ("XDG_STATE_HOME", "in place of ~/.local/state"),
];

/// The files that calsync reads and writes.
const FILES: [(&str, &str); 3] = [
    ("~/.config/calsync/config.toml", "the configuration"),
    (
        "~/.config/calsync/key",
        "the key that proves which blocks are calsync's; keep a copy",
    ),
    (
        "~/.local/state/calsync/state.db",
        "what calsync remembers, sign-ins included; if it is lost, sign in again, and the next run rebuilds the rest",
    ),
];

/// The page, in the language of man.
pub(crate) fn page(command: &Command) -> Result<Vec<u8>, Failure> {
    // What is common to all commands, without the table that `--help` ends with: it has a section of its own here.
    let man = Man::new(command.clone().after_help(""));
    let mut page = Vec::new();
    let failed = |error| Failure::System(format!("the man page cannot be made: {error}"));
    man.render_title(&mut page).map_err(failed)?;
    man.render_name_section(&mut page).map_err(failed)?;
    page.extend(synopsis(command).into_bytes());
    man.render_description_section(&mut page).map_err(failed)?;
    page.extend(b".SH COMMANDS\n");
    for (words, leaf) in leaves(command, command.get_name()) {
        page.extend(section(&words, leaf, failed)?);
    }
    man.render_options_section(&mut page).map_err(failed)?;
    page.extend(list("ENVIRONMENT", &VARIABLES).into_bytes());
    page.extend(list("FILES", &FILES).into_bytes());
    page.extend(exit_status().into_bytes());
    Ok(page)
}

/// The commands that do something, with the words that call them.
fn leaves<'c>(command: &'c Command, words: &str) -> Vec<(String, &'c Command)> {
    if !command.has_subcommands() {
        return vec![(words.to_owned(), command)];
    }
    let subcommands = command.get_subcommands();
    subcommands
        .flat_map(|sub| leaves(sub, &format!("{words} {}", sub.get_name())))
        .collect()
}

/// Every command on a line of its own, with its flags and what they take.
fn synopsis(command: &Command) -> String {
    let mut text = ".SH SYNOPSIS\n".to_owned();
    for (words, leaf) in leaves(command, command.get_name()) {
        text.push_str(&usage(&words, leaf));
        text.push_str(".br\n");
    }
    text
}

fn usage(words: &str, command: &Command) -> String {
    let arguments: Vec<String> = command.get_arguments().map(argument).collect();
    let all = [&[bold(words)], &arguments[..]].concat();
    format!("{}\n", all.join(" "))
}

/// An argument as it is typed: `[--calendar NAME]...`.
fn argument(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    let takes = arg.get_action().takes_values();
    let values = names.iter().filter(|_| takes);
    let values = values.map(|name| format!("\\fI{}\\fR", escaped(name)));
    let flag = arg.get_long().map(|long| bold(&format!("--{long}")));
    let words: Vec<String> = flag.into_iter().chain(values).collect();
    let text = words.join(" ");
    let more = if matches!(arg.get_action(), ArgAction::Append) {
        "..."
    } else {
        ""
    };
    match arg.is_required_set() {
        true => format!("{text}{more}"),
        false => format!("[{text}]{more}"),
    }
}

fn section(
    words: &str,
    command: &Command,
    failed: impl Fn(std::io::Error) -> Failure,
) -> Result<Vec<u8>, Failure> {
    let about = command.get_long_about().or_else(|| command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    let mut text = format!(".SS \"{}\"\n{}", escaped(words), usage(words, command));
    text.push_str(".sp\n");
    text.push_str(&format_args!("{}.\n", escaped(about.trim_end_matches('.'))).to_string());
    let mut options = Vec::new();
    if command.get_arguments().next().is_some() {
        // Without its own heading: this is part of the command's section.
        let man = Man::new(command.clone().disable_help_flag(true));
        man.render_options_section(&mut options).map_err(failed)?;
    }
    let options = String::from_utf8_lossy(&options);
    let options = options.lines().filter(|line| !line.starts_with(".SH"));
    for line in options {
        text.push_str(line);
        text.push('\n');
    }
    Ok(text.into_bytes())
}

fn list(title: &str, rows: &[(&str, &str)]) -> String {
    let mut text = format!(".SH {title}\n");
    for (term, words) in rows {
        text.push_str(&format_args!(".TP\n{}\n{}\n", bold(term), escaped(words)).to_string());
    }
    text
}

fn exit_status() -> String {
    let rows = exit::TABLE
        .lines()
        .filter_map(|line| line.trim().split_once("  "));
    list("\"EXIT STATUS\"", &rows.collect::<Vec<_>>())
}

fn bold(text: &str) -> String {
    format!("\\fB{}\\fR", escaped(text))
}

/// A text that man takes as it is.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('-', "\\-");
    match text.starts_with(['.', '\'']) {
        true => format!("\\&{text}"),
        false => text,
    }
}
