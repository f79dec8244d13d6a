//! `calsync init`: a few questions, and a configuration that was not there before. Whatever calsync would refuse is said before
//! anything is written.

use std::{
    fmt::Write as _,
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    path::Path,
};

use calsync::{
    config::{self, paths},
    fsx,
    model::zone,
};

use crate::{
    args::{self, Args},
    exit::{Exit, Failure},
    print,
};

/// What a person answered.
#[derive(Clone, Default)]
struct Answers {
    timezone: Option<String>,
    me: Vec<String>,
    calendars: Vec<(String, String)>,
    /// Where the state file is to be, if not where everybody looks.
    state: Option<String>,
}

pub(crate) fn run(args: &Args, options: &args::Init) -> Result<Exit, Failure> {
    let path = args.config_file()?;
    if path.exists() {
        let words = format!(
            "{} is there already, and `init` never writes over it; edit it, or name another file with --config",
            path.display()
        );
        return Err(Failure::Usage(words));
    }
    let given = Answers {
        state: args.state.as_deref().map(absolute_path),
        ..given(options)?
    };
    let answers = match given.calendars.is_empty() {
        true => ask(given, &path)?,
        false => {
            let given = Answers {
                timezone: given.timezone.or_else(system_zone),
                ..given
            };
            judge(&given, &path).map_err(Failure::Usage)?;
            for (_, folder) in &given.calendars {
                tell_if_missing(folder);
            }
            given
        }
    };
    if answers.calendars.is_empty() {
        let words = format!(
            "no calendar was named, so nothing was written; answer the questions, or name folders: {program} init \
             --calendar NAME=FOLDER --calendar NAME=FOLDER. Where none of your calendars is a folder, begin from the example: \
             {program} generate config > {}",
            path.display(),
            program = args.program()
        );
        return Err(Failure::Usage(words));
    }
    let text = template(&answers);
    fsx::create_private(&path, text.as_bytes()).map_err(|error| {
        Failure::System(format!("{} cannot be written: {error}", path.display()))
    })?;
    print::out(&next_steps(args, &path, &answers))?;
    Ok(Exit::InStep)
}

/// The answers from the flags.
fn given(options: &args::Init) -> Result<Answers, Failure> {
    let pair = |text: &String| match text.split_once('=') {
        Some((name, folder)) if !name.is_empty() && !folder.is_empty() => {
            Ok((name.to_owned(), absolute(folder)))
        }
        _ => Err(Failure::Usage(format!(
            "--calendar takes NAME=FOLDER, not \"{text}\""
        ))),
    };
    let calendars = options.calendars.iter().map(pair);
    let answers = Answers {
        timezone: options.timezone.clone(),
        me: options.me.clone(),
        calendars: calendars.collect::<Result<_, _>>()?,
        state: None,
    };
    if let Some(name) = &answers.timezone {
        check_zone(name).map_err(Failure::Usage)?;
    }
    check_addresses(&answers.me).map_err(Failure::Usage)?;
    Ok(answers)
}

/// What calsync would say to a configuration of these answers; nothing if it would take it.
fn judge(answers: &Answers, path: &Path) -> Result<(), String> {
    let names = answers.calendars.iter().map(|(name, _)| name);
    for (i, name) in names.clone().enumerate() {
        if names.clone().take(i).any(|before| before == name) {
            return Err(format!("there are two calendars by the name \"{name}\""));
        }
        config::check_name(name).map_err(|words| format!("\"{name}\": {words}"))?;
    }
    let mut folders = answers.calendars.iter().map(|(_, folder)| folder);
    if let Some(address) = folders.find(|folder| folder.contains("://")) {
        return Err(format!(
            "{address} is an address, and `init` asks for folders; a feed is added to the file afterwards: feed = \"{address}\""
        ));
    }
    let place = |folder: &str| paths::resolve(folder, Path::new(""));
    let mut folders = answers.calendars.iter().map(|(_, folder)| folder);
    if let Some(file) = folders.find(|f| place(f).is_some_and(|f| f.exists() && !f.is_dir())) {
        return Err(format!(
            "{file} is not a folder; a calendar is a folder of .ics files. One file is a feed, which is added to the \
             configuration afterwards: feed = \"{file}\""
        ));
    }
    match config::check(path, &template(answers)) {
        Ok(_) => Ok(()),
        Err(config::ConfigError::Mistakes { mistakes, .. }) => {
            let words: Vec<String> = mistakes.into_iter().map(|mistake| mistake.words).collect();
            Err(words.join("; "))
        }
        Err(error) => Err(error.to_string()),
    }
}

fn check_zone(name: &str) -> Result<(), String> {
    match zone::iana(name) {
        Some(_) => Ok(()),
        None => Err(format!(
            "\"{name}\" is not a zone of the IANA database, such as Europe/Berlin"
        )),
    }
}

fn check_addresses(addresses: &[String]) -> Result<(), String> {
    match addresses.iter().find(|text| !config::is_address(text)) {
        Some(wrong) => Err(format!(
            "\"{wrong}\" is not a mail address, such as ada@example.com"
        )),
        None => Ok(()),
    }
}

/// The answers from the terminal, or from whatever is piped in, line by line; what the flags gave is not asked.
fn ask(given: Answers, path: &Path) -> Result<Answers, Failure> {
    let mut answers = given;
    if answers.timezone.is_none() {
        answers.timezone = Some(ask_timezone()?);
    }
    if answers.me.is_empty() {
        answers.me = ask_addresses()?;
    }
    loop {
        let number = answers.calendars.len() + 1;
        let name = question(&format!(
            "Name of calendar {number}, such as work (empty: that is all): "
        ))?;
        if name.is_empty() {
            return Ok(answers);
        }
        if name.contains(['=', '/', '~', '@']) {
            again(format!(
                "\"{name}\" is no name such as \"work\"; where the calendar is comes next"
            ))?;
            continue;
        }
        if let Err(words) = config::check_name(&name) {
            again(words)?;
            continue;
        }
        let folder = question(&format!("Folder of .ics files for \"{name}\": "))?;
        if folder.is_empty() {
            again(format!("\"{name}\" needs a folder"))?;
            continue;
        }
        let mut more = answers.clone();
        more.calendars.push((name, absolute(&folder)));
        match judge(&more, path) {
            Ok(()) => {
                tell_if_missing(&absolute(&folder));
                answers = more;
            }
            Err(words) => again(words)?,
        }
    }
}

/// The system's own zone, if that can be told: cron and a terminal may have others, and days begin in one.
fn system_zone() -> Option<String> {
    let system = jiff::tz::TimeZone::system();
    let name = system.iana_name()?;
    check_zone(name).is_ok().then(|| name.to_owned())
}

fn ask_timezone() -> Result<String, Failure> {
    let system = system_zone().unwrap_or_else(|| "UTC".to_owned());
    loop {
        let answer = question(&format!("Your time zone [{system}]: "))?;
        let name = match answer.is_empty() {
            true => system.clone(),
            false => answer,
        };
        match check_zone(&name) {
            Ok(()) => return Ok(name),
            Err(words) => again(words)?,
        }
    }
}

fn ask_addresses() -> Result<Vec<String>, Failure> {
    loop {
        let words = "Your mail addresses, with commas between them, so that what you declined does not block (empty: none): ";
        let answer = question(words)?;
        let parts = answer.split([',', ' ']).map(str::trim);
        let addresses: Vec<String> = parts
            .filter(|address| !address.is_empty())
            .map(str::to_owned)
            .collect();
        match check_addresses(&addresses) {
            Ok(()) => return Ok(addresses),
            Err(words) => again(words)?,
        }
    }
}

/// A person who made a mistake is told and asked again; a script is told, and that is all.
fn again(words: String) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::Usage(words));
    }
    say(&format!("{words}\n"));
    Ok(())
}

fn tell_if_missing(folder: &str) {
    let is_there = paths::resolve(folder, Path::new("")).is_some_and(|path| path.is_dir());
    if !is_there {
        say(&format!(
            "{folder} is not there yet; make it before the first sync.\n"
        ));
    }
}

/// A folder as it is meant from here, wherever the configuration will lie.
fn absolute(folder: &str) -> String {
    if folder.starts_with('~') || folder.contains("://") {
        return folder.to_owned();
    }
    absolute_path(Path::new(folder))
}

fn absolute_path(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute.display().to_string()
}

fn say(words: &str) {
    let mut stderr = io::stderr();
    // If nobody can be told, the answers still count.
    if stderr
        .write_all(words.as_bytes())
        .and_then(|()| stderr.flush())
        .is_err()
    {
        tracing::debug!("stderr is closed");
    }
}

fn question(words: &str) -> Result<String, Failure> {
    if io::stdin().is_terminal() {
        say(words);
    }
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| Failure::System(format!("no answer could be read: {error}")))?;
    Ok(answer.trim().to_owned())
}

fn template(answers: &Answers) -> String {
    let mut text = String::from(
        "# calsync: what is busy in one calendar shows as busy in all others.\n# Every key is explained in what `calsync generate config` prints.\n\n",
    );
    let mut line = |line: &str| writeln!(text, "{line}").expect("writing to a string never fails");
    if let Some(timezone) = &answers.timezone {
        line(&format!("timezone = {}", quoted(timezone)));
    }
    if !answers.me.is_empty() {
        let list: Vec<String> = answers.me.iter().map(|address| quoted(address)).collect();
        line(&format!("me = [{}]", list.join(", ")));
    }
    if let Some(state) = &answers.state {
        line(&format!("state = {}", quoted(state)));
    }
    for (name, folder) in &answers.calendars {
        line("");
        line(&format!("[calendars.{}]", quoted(name)));
        line(&format!("path = {}", quoted(folder)));
    }
    text.push_str(ELSEWHERE);
    text
}

/// How calendars elsewhere are added later.
const ELSEWHERE: &str = "\n# Calendars at Google, iCloud, Fastmail, Nextcloud and other CalDAV servers, and feeds are added here too: the README\n\
    # shows how, under \"Google\" and \"CalDAV and feeds\".\n";

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text is always JSON, and JSON's texts are TOML's")
}

fn next_steps(args: &Args, path: &Path, answers: &Answers) -> String {
    let program = args.program();
    let second = match &answers.calendars[..] {
        [_] => {
            "\nA second calendar is needed before anything can show anywhere: add it to that file, as the first one is written.\n"
        }
        _ => "",
    };
    let zone = match &answers.timezone {
        Some(zone) => format!("Time zone: {zone}\n"),
        None => String::new(),
    };
    format!(
        "Wrote {}.\n{zone}{second}\nNext:\n  {program} check            # is everything in order?\n  {program} sync --dry-run   # what would be blocked where?\n  {program} sync             # do it\n\nCalendars at Google, at CalDAV servers (iCloud, Fastmail, Nextcloud) and feeds are added in that file too; the README shows how.\n",
        path.display()
    )
}
