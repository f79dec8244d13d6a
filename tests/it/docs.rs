//! What the documents say is what the program does.

use std::{collections::BTreeSet, fs, io::Write as _, path::Path, process::Stdio};

use crate::support::{
    dav::{ALICE, Kind, PASSWORD},
    program::{Home, Ran, meeting, write},
};

fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Every key that a configuration may have, by table. A new key is added here and in the example.
const KEYS: [(&str, &[&str]); 8] = [
    ("", &["timezone", "me", "state", "key_file"]),
    ("[window]", &["past_days", "future_days", "past"]),
    ("[guard]", &["removals_percent"]),
    ("[limits]", &["operations", "run_minutes"]),
    (
        "[accounts.",
        &[
            "provider",
            "path",
            "client_id",
            "client_secret",
            "client_file",
            "service_account_file",
            "subject",
            "endpoint",
            "requests_per_minute",
            "url",
            "username",
            "password_command",
            "ca_file",
        ],
    ),
    (
        "[calendars.",
        &["account", "id", "name", "path", "feed", "role"],
    ),
    ("[hub]", &["main", "clients", "colours", "title"]),
    (
        "[[rules]]",
        &[
            "from",
            "to",
            "show",
            "title",
            "location",
            "notes",
            "show_private",
            "visibility",
            "appear_as",
            "colour",
            "category",
            "remind",
            "deleted",
            "moved",
            "all_day",
            "shortest",
            "longest",
            "days",
            "hours",
            "edge",
            "zone",
            "kinds",
            "not_kinds",
            "answers",
            "not_answers",
            "shown_as",
            "not_shown_as",
            "titles",
            "not_titles",
            "categories",
            "not_categories",
            "private",
            "organiser_is_me",
            "has_guests",
            "before",
            "after",
            "travel",
            "round",
            "merge",
            "notice",
        ],
    ),
];

#[test]
fn the_example_configuration_shows_every_key_in_its_table() {
    let text = document("config.example.toml");
    let mut shown: BTreeSet<(String, String)> = BTreeSet::new();
    let mut table = String::new();
    for line in text.lines() {
        // A key that is only shown as a comment counts.
        let line = line.trim_start_matches(['#', ' ']);
        if line.starts_with('[') {
            line.clone_into(&mut table);
        } else if let Some((key, _)) = line.split_once(" = ") {
            shown.insert((table.clone(), key.trim().to_owned()));
        }
    }
    for (table, keys) in KEYS {
        for key in keys {
            let found = shown.iter().any(|(at, name)| {
                name == key
                    && if table.is_empty() {
                        at.is_empty()
                    } else {
                        at.starts_with(table)
                    }
            });
            assert!(
                found,
                "config.example.toml does not show `{key}` under `{table}`: {shown:?}"
            );
        }
    }
}

#[test]
fn the_example_configuration_loads_as_it_is() {
    let home = Home::bare();
    home.configure(&document("config.example.toml"));
    let ran = home.expect(0, &["status"]);
    assert!(ran.stdout.contains("never synced"), "{ran:?}");
    // `~` in it is the home of whoever runs it, so nothing but the folders and a sign-in is missing.
    let check = home.expect(4, &["check"]);
    assert!(check.stdout.contains("is not there"), "{check:?}");
    assert!(!check.stdout.contains("mistake"), "{check:?}");
}

/// The pages about services.
fn pages() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut pages: Vec<String> = names.map(|name| format!("docs/{name}")).collect();
    pages.sort();
    pages
}

/// What a document shows in a language, without what it is indented by.
fn shown(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}");
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim_start() != fence {
            continue;
        }
        let indent = line.len() - fence.len();
        let inside = lines
            .by_ref()
            .take_while(|line| line.trim() != "```")
            .map(|line| line.get(indent..).unwrap_or_default());
        found.push(inside.collect::<Vec<_>>().join("\n") + "\n");
    }
    found
}

/// The configuration that a page shows, which comes first.
fn pasted(page: &str) -> String {
    shown(&document(page), "toml").swap_remove(0)
}

/// The value of a key in a configuration, as it is written there.
fn value<'a>(config: &'a str, key: &str) -> Option<&'a str> {
    let before = format!("{key} = ");
    let mut lines = config.lines();
    let written = lines.find_map(|line| line.strip_prefix(&before))?;
    written.split('"').nth(1)
}

#[test]
fn there_is_a_page_for_each_service_and_the_readme_leads_to_it() {
    let readme = document("README.md");
    let pages = pages();
    assert_eq!(
        pages,
        ["fastmail", "icloud", "nextcloud", "own-server"].map(|name| format!("docs/{name}.md"))
    );
    for page in pages {
        assert!(readme.contains(&format!("]({page})")), "{page}");
    }
}

#[test]
fn the_configuration_of_a_page_loads_as_it_is() {
    for page in pages() {
        let home = Home::bare();
        home.configure(&pasted(&page));
        let ran = home.expect(0, &["status"]);
        assert!(ran.stdout.contains("never synced"), "{page}: {ran:?}");
        // Nothing but the folder and the sign-in is missing.
        let check = home.expect(4, &["check"]);
        assert!(!check.all().contains("mistake"), "{page}: {check:?}");
        assert!(
            check.stdout.contains("calsync auth add"),
            "{page}: {check:?}"
        );
    }
}

#[test]
fn what_a_page_shows_for_an_account_belongs_there() {
    let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let mut keys = 0;
    for page in pages() {
        let mut all = shown(&document(&page), "toml");
        let whole = all.remove(0);
        for key in all {
            let home = Home::bare();
            let pem = home.path(".config/calsync/server.pem");
            write(&pem, certificate.cert.pem().as_bytes());
            let account = "provider = \"caldav\"\n";
            home.configure(&whole.replace(account, &format!("{account}{key}")));
            home.expect(0, &["status"]);
            home.configure(&format!("{key}{whole}"));
            home.expect(3, &["status"]);
            keys += 1;
        }
    }
    assert_eq!(keys, 2);
}

/// Does what a page says, with a server on this machine in the place of the service.
fn follow(page: &str) {
    let Some(server) = Kind::Radicale.shared() else {
        return;
    };
    let text = document(page);
    let config = pasted(page);
    let name = match value(&config, "id") {
        Some(id) => id.trim_matches('/').rsplit('/').next().unwrap(),
        None => value(&config, "name").unwrap(),
    };
    let path = server.make(name);
    let owner = value(&config, "username").unwrap();
    let here = config
        .replace(value(&config, "url").unwrap(), &server.url())
        .replace(
            &format!("username = \"{owner}\""),
            &format!("username = \"{ALICE}\""),
        )
        .replace(&format!("\"/{owner}/"), &format!("\"/{ALICE}/"));
    let home = Home::bare();
    home.configure(&here);
    write(
        &home.path("calendars/work/a.ics"),
        meeting("a", 1).as_bytes(),
    );
    let said = shown(&text, "sh");
    let commands: Vec<&str> = said[0].lines().collect();
    assert_eq!(commands.len(), 5, "{page}: {commands:?}");
    for command in commands {
        let words: Vec<&str> = command
            .split('#')
            .next()
            .unwrap()
            .split_whitespace()
            .collect();
        let ran = match words[..] {
            ["calsync", "auth", "add", account] => sign_in(&home, account),
            ["calsync", ..] => home.run(&words[1..]),
            _ => panic!("{page}: {command}"),
        };
        assert_eq!(ran.code, 0, "{page}: {command}: {ran:?}");
    }
    assert_eq!(server.names(&path).len(), 1, "{page}");
}

fn sign_in(home: &Home, account: &str) -> Ran {
    let mut command = home.command(&["auth", "add", account, "--password-stdin"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(PASSWORD.as_bytes()).unwrap();
    drop(stdin);
    Ran::of(child.wait_with_output().unwrap())
}

#[test]
fn the_page_about_icloud_leads_to_blocks() {
    follow("docs/icloud.md");
}

#[test]
fn the_page_about_fastmail_leads_to_blocks() {
    follow("docs/fastmail.md");
}

#[test]
fn the_page_about_nextcloud_leads_to_blocks() {
    follow("docs/nextcloud.md");
}

#[test]
fn the_page_about_your_own_server_leads_to_blocks() {
    follow("docs/own-server.md");
}

/// The commands in a document that run calsync, without what stands before and after its arguments.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        let line = line.split(" # ").next().unwrap_or_default();
        let inline = line.split('`').skip(1).step_by(2);
        let candidates: Vec<&str> = if fenced { vec![line] } else { inline.collect() };
        for candidate in candidates {
            let after = candidate
                .split_once("calsync ")
                .map(|(before, after)| (before.trim(), after));
            // Not the name of a file or folder that ends in calsync, and not a usage line with [OPTIONS].
            let Some((before, after)) = after else {
                continue;
            };
            if after.contains(['[', '(', '<'])
                || before.ends_with(['/', '.', '"'])
                || !(fenced || before.is_empty())
            {
                continue;
            }
            let words = after
                .split_whitespace()
                .take_while(|word| !matches!(*word, "2>>" | ">" | ">>" | "|" | "&&" | ";" | "\\|"));
            found.push(
                words
                    .map(|word| word.trim_matches(['"', '\'']).to_owned())
                    .collect(),
            );
        }
    }
    found
}

/// Whether the program understands a command; `--help` at its end keeps it from being run.
fn is_understood(home: &Home, words: &[String]) -> bool {
    let mut args: Vec<&str> = words.iter().map(String::as_str).collect();
    // Words in capitals stand for something.
    for word in &mut args {
        if word.len() > 2 && word.chars().all(|c| c.is_ascii_uppercase()) {
            *word = if *word == "SHELL" { "bash" } else { "home" };
        }
    }
    args.push("--help");
    let ran = home.run(&args);
    ran.code == 0 && ran.stdout.contains("Usage: calsync")
}

#[test]
fn every_command_in_the_documents_is_understood() {
    let home = Home::bare();
    let pages = pages();
    let mut documents = vec![
        ("README.md", 6),
        ("crontab.example", 2),
        ("examples/demo/README.md", 0),
    ];
    documents.extend(pages.iter().map(|page| (page.as_str(), 5)));
    for (name, least) in documents {
        let text = document(name);
        let text = if name == "crontab.example" {
            let lines = text.lines().map(|line| line.trim_start_matches(['#', ' ']));
            let jobs = lines.filter(|line| {
                line.starts_with(|c: char| c == '*' || c == '@' || c.is_ascii_digit())
            });
            format!("```\n{}\n```\n", jobs.collect::<Vec<_>>().join("\n"))
        } else {
            text.replace("cargo run --release -- ", "calsync ")
        };
        let commands = commands(&text);
        assert!(commands.len() >= least, "{name}: {commands:?}");
        for words in commands {
            assert!(
                is_understood(&home, &words),
                "{name}: calsync {}",
                words.join(" ")
            );
        }
    }
    let nonsense = ["sync", "--no-such-flag"].map(str::to_owned);
    assert!(!is_understood(&home, &nonsense), "the check can fail");
}

#[test]
fn every_example_is_a_configuration_that_works() {
    let home = Home::bare();
    let readme = document("README.md");
    for (name, rules) in [
        ("two-google-accounts", 6),
        ("family", 10),
        ("consultant", 12),
        ("freelancer", 4),
    ] {
        let path = format!("examples/{name}.toml");
        assert!(readme.contains(&format!("({path})")), "{path}");
        let place = concat!(env!("CARGO_MANIFEST_DIR"), "/").to_owned() + &path;
        let shown = home
            .expect(0, &["--config", &place, "rules", "--json"])
            .json();
        assert_eq!(shown["rules"].as_array().unwrap().len(), rules, "{path}");
    }
}

#[test]
fn every_flag_is_in_the_readme() {
    let home = Home::bare();
    let readme = document("README.md");
    for command in [
        "init",
        "auth add",
        "auth list",
        "auth remove",
        "auth reseal",
        "calendars",
        "sync",
        "reset",
        "status",
        "check",
    ] {
        let words: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let help = home.expect(0, &words).stdout;
        assert!(readme.contains(&format!("calsync {command}")), "{command}");
        for word in help
            .split([' ', '\n', ','])
            .filter(|word| word.starts_with("--"))
        {
            // These are known by their short names.
            let word = word.trim_end_matches(['.', '`']);
            let told = matches!(word, "--help" | "--verbose" | "--quiet") || readme.contains(word);
            assert!(told, "README.md does not mention `{word}` of `{command}`");
        }
    }
}

#[test]
fn no_line_of_the_readme_is_wider_than_a_screen() {
    let others = ["README.md", "CONTRIBUTING.md"].map(str::to_owned);
    for name in others.into_iter().chain(pages()) {
        let text = document(&name);
        let wide = text.lines().find(|line| line.chars().count() > 125);
        assert_eq!(wide, None, "{name}");
    }
}

#[test]
fn the_man_page_has_every_command_flag_variable_and_exit_code() {
    let home = Home::bare();
    let page = home
        .expect(0, &["generate", "man"])
        .stdout
        .replace("\\-", "-");
    for title in [
        "SYNOPSIS",
        "COMMANDS",
        "OPTIONS",
        "ENVIRONMENT",
        "FILES",
        "\"EXIT STATUS\"",
    ] {
        assert!(page.contains(&format!("\n.SH {title}\n")), "{title}");
    }
    for command in [
        "init",
        "auth add",
        "calendars",
        "sync",
        "reset",
        "status",
        "check",
    ] {
        let (_, section) = page
            .split_once(&format!(".SS \"calsync {command}\""))
            .unwrap();
        let section = section.split("\n.S").next().unwrap();
        let words: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let help = home.expect(0, &words).stdout;
        let common = [
            "--help",
            "--config",
            "--state",
            "--verbose",
            "--quiet",
            "--log-format",
            "--color",
        ];
        for flag in help
            .split([' ', '\n', ','])
            .filter(|word| word.starts_with("--"))
        {
            let flag = flag.trim_end_matches('.');
            let place = if common.contains(&flag) {
                &page
            } else {
                section
            };
            assert!(
                place.contains(&format!("fB{flag}")),
                "{command}: {flag}: {section}"
            );
        }
    }
    assert!(
        page.contains("[\\fB--calendar\\fR \\fINAME\\fR]..."),
        "{page}"
    );
    for variable in ["CALSYNC_CONFIG", "CALSYNC_STATE", "CALSYNC_KEY", "NO_COLOR"] {
        assert!(page.contains(variable), "{variable}");
    }
    let (_, codes) = page.split_once("EXIT STATUS").unwrap();
    assert_eq!(codes.matches("\n.TP\n").count(), 9);
}

#[test]
fn the_exit_codes_in_the_readme_are_those_of_help() {
    let help = Home::bare().expect(0, &["--help"]).stdout;
    let (_, table) = help.split_once("Exit codes:\n").unwrap();
    let told: Vec<(String, String)> = table
        .lines()
        .filter_map(|line| {
            let (code, words) = line.trim().split_once("  ")?;
            Some((code.to_owned(), words.to_owned()))
        })
        .collect();
    assert_eq!(told.len(), 9);
    let readme = document("README.md");
    let rows: Vec<(String, String)> = readme
        .lines()
        .filter_map(|line| {
            let mut cells = line.trim().strip_prefix('|')?.split('|').map(str::trim);
            let code = cells
                .next()
                .filter(|cell| cell.len() == 1 && cell.chars().all(|c| c.is_ascii_digit()))?;
            Some((code.to_owned(), cells.next()?.to_owned()))
        })
        .collect();
    assert_eq!(rows, told);
}
