//! `calsync init`: a few questions, and a configuration that was not there before.

use std::{
    fmt::Write as _,
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
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
struct Answers {
    timezone: Option<String>,
    me: Vec<String>,
    calendars: Vec<(String, String)>,
}

pub(crate) fn run(args: &Args, options: &args::Init) -> Result<Exit, Failure> {
    let path = args.config.clone().unwrap_or_else(paths::default_config);
    if path.exists() {
        let words = format!(
            "{} is there already, and `init` never writes over it; edit it, or name another file with --config",
            path.display()
        );
        return Err(Failure::Usage(words));
    }
    let answers = if options.calendars.is_empty() {
        ask()?
    } else {
        given(options)?
    };
    if answers.calendars.is_empty() {
        return Err(Failure::Usage(
            "no calendar was named, so nothing was written".to_owned(),
        ));
    }
    let text = template(&answers);
    fsx::create_private(&path, text.as_bytes()).map_err(|error| {
        Failure::System(format!("{} cannot be written: {error}", path.display()))
    })?;
    let loaded = config::load(&path);
    print::out(&next_steps(args, &path))?;
    loaded?;
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
    let timezone = options.timezone.clone();
    if let Some(name) = timezone.as_ref().filter(|name| zone::iana(name).is_none()) {
        return Err(Failure::Usage(format!(
            "\"{name}\" is not a zone of the IANA database, such as Europe/Berlin"
        )));
    }
    Ok(Answers {
        timezone,
        me: options.me.clone(),
        calendars: options
            .calendars
            .iter()
            .map(pair)
            .collect::<Result<_, _>>()?,
    })
}

/// The answers from the terminal, or from whatever is piped in, line by line.
fn ask() -> Result<Answers, Failure> {
    let system = jiff::tz::TimeZone::system();
    let system = system.iana_name().unwrap_or("UTC").to_owned();
    let timezone = loop {
        let answer = question(&format!("Your time zone [{system}]: "))?;
        let name = if answer.is_empty() {
            system.clone()
        } else {
            answer
        };
        if zone::iana(&name).is_some() {
            break name;
        }
        say(&format!(
            "\"{name}\" is not a zone of the IANA database, such as Europe/Berlin.\n"
        ));
    };
    let me =
        question("Your mail addresses, so that what you declined does not block (empty: none): ")?;
    let addresses = me
        .split([',', ' '])
        .map(str::trim)
        .filter(|address| !address.is_empty());
    let mut calendars = Vec::new();
    loop {
        let name = question(&format!(
            "Name of calendar {} (empty: that is all): ",
            calendars.len() + 1
        ))?;
        if name.is_empty() {
            break;
        }
        let folder = question(&format!("Folder of .ics files for \"{name}\": "))?;
        if folder.is_empty() {
            break;
        }
        if !paths::resolve(&folder, Path::new("")).is_dir() {
            say(&format!(
                "{folder} is not there yet; make it before the first sync.\n"
            ));
        }
        calendars.push((name, absolute(&folder)));
    }
    Ok(Answers {
        timezone: Some(timezone),
        me: addresses.map(str::to_owned).collect(),
        calendars,
    })
}

/// A folder as it is meant from here, wherever the configuration will lie.
fn absolute(folder: &str) -> String {
    if folder.starts_with('~') {
        return folder.to_owned();
    }
    let path = std::path::absolute(folder).unwrap_or_else(|_| PathBuf::from(folder));
    path.display().to_string()
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
        "# calsync: what is busy in one calendar shows as busy in all others.\n# Every key is explained in calsync's example configuration.\n\n",
    );
    let mut line = |line: &str| writeln!(text, "{line}").expect("writing to a string never fails");
    if let Some(timezone) = &answers.timezone {
        line(&format!("timezone = {}", quoted(timezone)));
    }
    if !answers.me.is_empty() {
        let list: Vec<String> = answers.me.iter().map(|address| quoted(address)).collect();
        line(&format!("me = [{}]", list.join(", ")));
    }
    for (name, folder) in &answers.calendars {
        line("");
        line(&format!("[calendars.{}]", quoted(name)));
        line(&format!("path = {}", quoted(folder)));
    }
    text
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text is always JSON, and JSON's texts are TOML's")
}

fn next_steps(args: &Args, path: &Path) -> String {
    let flag = match &args.config {
        Some(path) => format!(" --config {}", path.display()),
        None => String::new(),
    };
    format!(
        "Wrote {}.\n\nNext:\n  calsync{flag} check            # is everything in order?\n  calsync{flag} sync --dry-run   # what would be blocked where?\n  calsync{flag} sync             # do it\n",
        path.display()
    )
}
