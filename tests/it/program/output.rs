//! What the program says, to whom, in which form, and when it keeps quiet.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{Read as _, pipe},
    process::{Command, Stdio},
};

use calsync::config::paths::variable;
use serde_json::Value;

use crate::support::program::{Home, PROGRAM, Ran, day, meeting, skipped, write};

fn usual() -> Home {
    let home = Home::with(&["work", "home"]);
    home.put("work", "a.ics", meeting("a", 3));
    home
}

#[test]
fn status_before_the_first_sync_says_what_to_do() {
    let home = usual();
    let ran = home.expect(0, &["status"]);
    assert!(ran.stdout.contains("never synced"), "{ran:?}");
    assert!(ran.stdout.contains("calsync sync"), "{ran:?}");
    assert!(!home.state_file().exists(), "status makes no file");
    let status = home.expect(0, &["status", "--json"]).json();
    assert_eq!(status["runs"], Value::Array(Vec::new()));
    assert_eq!(status["calendars"][0]["last_success"], Value::Null);
}

#[test]
fn status_says_that_nothing_shows_anywhere() {
    let home = Home::with(&["home"]);
    let words = "no calendar shows in another";
    home.expect(3, &["sync"]).says(&[words]);
    home.expect(0, &["status"])
        .shows(&["Every sync ends with exit code 3: ", words]);
    let status = home.expect(0, &["status", "--json"]).json();
    assert!(
        status["error"].as_str().unwrap().contains(words),
        "{status}"
    );
}

#[test]
fn the_json_of_status_has_every_promised_key() {
    let home = usual();
    home.sync();
    let status = home.expect(0, &["status", "--json"]).json();
    assert_eq!(status["version"], 1);
    let calendars = status["calendars"].as_array().unwrap();
    assert_eq!(calendars.len(), 2);
    for calendar in calendars {
        for key in [
            "name",
            "role",
            "account",
            "last_success",
            "age_seconds",
            "events",
            "blocks",
            "result",
            "error",
        ] {
            assert!(calendar.get(key).is_some(), "{key}: {calendar}");
        }
        assert_eq!(calendar["result"], "ok");
        assert!(calendar["age_seconds"].as_i64().unwrap() < 600);
    }
    assert_eq!(calendars[0]["name"], "home");
    assert_eq!(
        (&calendars[0]["blocks"], &calendars[1]["events"]),
        (&1.into(), &1.into())
    );
    let run = &status["runs"][0];
    assert_eq!(
        (&run["command"], &run["result"], &run["created"]),
        (&"sync".into(), &"ok".into(), &1.into())
    );
    let text = home.expect(0, &["status"]).stdout;
    assert!(
        text.contains("in step just now") && text.contains("1 block\n"),
        "{text}"
    );
}

#[test]
fn status_does_not_wait_for_a_run() {
    let home = usual();
    home.sync();
    let lock = File::open(home.path(".local/state/calsync/state.db.lock")).unwrap();
    lock.lock().unwrap();
    let ran = home.expect(0, &["status"]);
    assert!(ran.stdout.contains("1 block\n"));
    assert_eq!(ran.stderr, "");
}

#[test]
fn status_still_names_a_calendar_that_left_the_configuration_with_blocks_in_it() {
    let home = usual();
    home.sync();
    let text = std::fs::read_to_string(home.config_file()).unwrap();
    home.configure(&text.replace(
        "calendars.home]\npath = \"~/cal/home\"",
        "calendars.club]\npath = \"~/cal/club\"",
    ));
    let ran = home.expect(0, &["status"]);
    assert!(ran.stdout.contains("not configured any more"), "{ran:?}");
    let words = "home is not in the configuration any more and still holds 1 block";
    home.expect(5, &["sync"]).says(&[words]);
    assert!(!home.expect(5, &["sync"]).stderr.contains(words));
}

#[test]
fn quiet_means_quiet_and_verbose_tells_more() {
    let home = usual();
    home.sync();
    home.put("work", "b.ics", meeting("b", 4));
    home.expect(0, &["sync", "-q"]).is_silent();
    assert_eq!(home.blocks("home").len(), 2);
    let told = home.expect(0, &["sync", "-v"]);
    assert!(
        told.stdout.contains("In step: 2 calendars, 2 blocks."),
        "{told:?}"
    );
    let more = home.expect(0, &["sync", "-vv"]);
    assert!(more.stderr.contains("DEBUG"), "{more:?}");
    home.expect(2, &["sync", "-q", "-v"]);
    write(&home.folder("work").join("bad.ics"), b"rubbish");
    let wrong = home.expect(5, &["sync", "-q"]);
    assert_eq!(wrong.stdout, "");
    wrong.says(&["bad.ics"]);
}

/// All keys in a JSON text.
fn keys(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                found.insert(key.clone());
                keys(value, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}

#[test]
fn the_readme_names_every_key_of_json() {
    let readme = include_str!("../../../README.md");
    let home = usual();
    home.configure_also("", "[[rules]]\nfrom = \"work\"\nto = \"home\"\n");
    let day = day(3).to_string();
    for args in [
        &["sync", "--dry-run", "--json"][..],
        &["sync", "--json"],
        &["status", "--json"],
        &["rules", "--json"],
        &["explain", "work", &day, "--json"],
        &["explain", "home", &day, "--json"],
        &["calendars", "--json"],
        &["auth", "list", "--json"],
    ] {
        let mut found = BTreeSet::new();
        keys(&home.expect(0, args).json(), &mut found);
        for key in found {
            assert!(readme.contains(&format!("`{key}`")), "`{key}` of {args:?}");
        }
    }
}

/// Runs a program on a terminal of its own, and prints what that shows when it is done.
const TERMINAL: &str = r#"
import fcntl, os, pty, struct, sys, termios
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    os.execv(sys.argv[1], sys.argv[1:])
told = b""
while True:
    try:
        piece = os.read(terminal, 4096)
    except OSError:
        break
    if not piece:
        break
    told += piece
os.waitpid(child, 0)
lines, row, column, at = [""], 0, 0, 0
text = told.decode()
while at < len(text):
    letter = text[at]
    if letter == "\x1b":
        end = at + 2
        while text[end].isdigit() or text[end] in ";?":
            end += 1
        number = text[at + 2:end]
        if text[end] == "K":
            lines[row] = "" if number == "2" else lines[row][:column]
        elif text[end] == "A":
            row = max(0, row - int(number or 1))
        elif text[end] == "B":
            row += int(number or 1)
        at = end
    elif letter == "\r":
        column = 0
    elif letter == "\n":
        row += 1
    else:
        if column == 100:
            row, column = row + 1, 0
            lines.append("")
        line = lines[row].ljust(column)
        lines[row] = line[:column] + letter + line[column + 1:]
        column += 1
    while len(lines) <= row:
        lines.append("")
    at += 1
print("\n".join(lines).rstrip())
"#;

#[test]
fn nothing_of_a_bar_is_left_on_a_terminal() {
    let home = Home::with(&["work", "home", "club"]);
    for i in 0..40 {
        home.put("work", &format!("{i}.ics"), meeting(&format!("u{i}"), 3));
    }
    for args in [&["sync"][..], &["reset", "--all", "--yes"]] {
        let mut python = Command::new("python3");
        home.surround(&mut python);
        python
            .env("PATH", variable("PATH").unwrap())
            .env("TERM", "xterm");
        python.args(["-c", TERMINAL, PROGRAM]).args(args);
        let Ok(done) = python.output() else {
            assert!(variable("CI").is_none(), "CI has Python 3");
            return skipped("Python 3 is needed for a terminal");
        };
        let shown = String::from_utf8(done.stdout).unwrap();
        assert!(shown.contains("home: "), "{shown}");
        for left in ["reading", "writing"] {
            assert!(!shown.contains(left), "{shown}");
        }
    }
}

#[test]
fn what_is_said_once_and_never_again_is_said_to_who_wants_quiet_too() {
    let home = usual();
    home.sync();
    home.configure_also("", "role = \"source\"");
    let told = home.expect(0, &["sync", "--quiet"]);
    told.says(&[
        "home is only a source now",
        "still holds 1 block",
        "calsync reset",
    ]);
    assert_eq!(told.stdout, "");
    home.expect(0, &["sync"]).is_silent();
}

#[test]
fn every_line_of_a_json_log_is_json() {
    let home = usual();
    write(&home.folder("work").join("bad.ics"), b"rubbish");
    let ran = home.expect(5, &["sync", "-vv", "--log-format", "json"]);
    assert!(ran.stderr.lines().count() > 2, "{ran:?}");
    let mut levels = Vec::new();
    for line in ran.stderr.lines() {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        levels.push(value["level"].as_str().unwrap().to_owned());
    }
    assert!(levels.iter().any(|level| level == "ERROR"));
    home.configure("nonsense");
    let ran = home.expect(3, &["sync", "--log-format", "json"]);
    assert!(
        ran.stderr
            .lines()
            .all(|line| serde_json::from_str::<Value>(line).is_ok()),
        "{ran:?}"
    );
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let home = usual();
    home.sync();
    for args in [
        &["status"][..],
        &["status", "--json"],
        &["sync", "-v"],
        &["check"],
        &["calendars"],
        &["generate", "man"],
        &["--help"],
        &["--version"],
    ] {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let output = home
            .command(args)
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let ran = Ran::of(output);
        assert_eq!((ran.code, &*ran.stderr), (0, ""), "{args:?}: {ran:?}");
    }
}

#[test]
fn a_log_reader_that_went_away_does_not_stop_a_sync() {
    let home = usual();
    write(&home.folder("work").join("bad.ics"), b"rubbish");
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let output = home
        .command(&["sync", "-vv"])
        .stderr(writer)
        .output()
        .unwrap();
    assert_eq!(Ran::of(output).code, 5);
    assert_eq!(home.blocks("home").len(), 1);
}

#[test]
fn a_full_disk_behind_stdout_does_not_stop_a_sync() {
    let home = usual();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = home.command(&["sync"]).stdout(full).output().unwrap();
    assert_eq!(home.blocks("home").len(), 1);
    let ran = Ran::of(output);
    assert_eq!(
        ran.code, 1,
        "whoever waits for the results has to know: {ran:?}"
    );
    ran.says(&["could not be written to stdout"]);
}

#[test]
fn completions_and_the_man_page_come_from_the_program() {
    let home = Home::bare();
    for (shell, mark) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef calsync"),
        ("fish", "complete -c calsync"),
    ] {
        let ran = home.expect(0, &["generate", "completions", shell]);
        assert!(ran.stdout.contains(mark), "{shell}");
        assert!(ran.stdout.contains("allow-mass-delete"), "{shell}");
        assert_eq!(ran.stderr, "");
    }
    let man = home.expect(0, &["generate", "man"]);
    assert!(
        man.stdout.contains(".TH calsync 1"),
        "{}",
        &man.stdout[..200]
    );
    home.expect(2, &["generate", "completions", "cmd"]);
    assert_eq!(
        std::fs::read_dir(home.root()).unwrap().count(),
        0,
        "nothing is left behind"
    );
}

#[test]
fn help_shows_the_exit_codes() {
    let home = Home::bare();
    let help = home.expect(0, &["--help"]).stdout;
    for code in 0..=8 {
        assert!(help.contains(&format!("\n  {code}  ")), "{code}: {help}");
    }
    for command in [
        "init",
        "calendars",
        "sync",
        "reset",
        "status",
        "check",
        "generate",
    ] {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
        home.expect(0, &[command, "--help"]);
    }
    home.expect(2, &[]);
    home.expect(2, &["snyc"]).says(&["sync"]);
    home.expect(2, &["sync", "--dryrun"]).says(&["--dry-run"]);
}

#[test]
fn colour_is_for_terminals_unless_it_is_asked_for() {
    let home = usual();
    home.sync();
    let coloured = |args: &[&str], no_color: Option<&str>| {
        let mut command = home.command(args);
        if let Some(value) = no_color {
            command.env("NO_COLOR", value);
        }
        let ran = Ran::of(command.output().unwrap());
        assert_eq!(ran.code, 0);
        ran.all().contains('\x1b')
    };
    assert!(!coloured(&["status"], None));
    assert!(!coloured(&["status", "--color", "never"], None));
    assert!(coloured(&["status", "--color", "always"], None));
    // A flag is nearer than a variable.
    assert!(coloured(&["status", "--color", "always"], Some("1")));
    assert!(!coloured(&["status"], Some("1")));
    assert!(!coloured(&["sync", "-vv", "--color", "never"], None));
    assert!(coloured(&["sync", "-vv", "--color", "always"], None));
}

#[test]
fn check_says_what_to_do() {
    let home = usual();
    let fine = home.expect(0, &["check"]);
    assert!(fine.stdout.contains("the first sync makes"), "{fine:?}");
    assert!(
        !home.key_file().exists() && !home.state_file().exists(),
        "check changes nothing"
    );
    home.sync();
    home.expect(0, &["check"]);
    std::fs::rename(home.folder("home"), home.path("cal/elsewhere")).unwrap();
    let wrong = home.expect(5, &["check"]);
    assert!(
        wrong.stdout.contains("calendar home: the folder"),
        "{wrong:?}"
    );
    home.give_key(&"7".repeat(64));
    let wrong = home.expect(3, &["check"]);
    assert!(wrong.stdout.contains("key does not fit"), "{wrong:?}");
}

#[test]
fn output_larger_than_a_pipe_arrives_whole() {
    let home = Home::with(&["work", "home"]);
    for number in 0..600 {
        home.put(
            "work",
            &format!("{number}.ics"),
            meeting(&format!("u{number}"), 1 + number % 300),
        );
    }
    let mut child = home.spawn(&["sync", "--dry-run", "--json"]);
    let mut text = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert!(child.wait().unwrap().success());
    assert!(text.len() > 64 * 1024);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["operations"].as_array().unwrap().len(), 600);
}

#[test]
fn calendars_are_listed_once_with_the_names_they_go_by() {
    let home = Home::bare();
    home.configure(
        "timezone = \"Europe/Berlin\"\n[accounts.disk]\nprovider = \"local\"\npath = \"~/cal\"\n\
         [calendars.work]\naccount = \"disk\"\nid = \"work\"\n[calendars.home]\npath = \"~/cal/private\"\n\
         [calendars.far]\npath = \"~/elsewhere\"\n",
    );
    for folder in ["cal/work", "cal/private", "cal/other", "elsewhere"] {
        std::fs::create_dir_all(home.path(folder)).unwrap();
    }
    let listed = home.expect(0, &["calendars", "--json"]).json();
    let rows = listed["calendars"].as_array().unwrap();
    let names: Vec<&Value> = rows.iter().map(|row| &row["name"]).collect();
    let name = |name: &str| Value::from(name);
    assert_eq!(
        names,
        [&Value::Null, &name("home"), &name("work"), &name("far")]
    );
    let text = home.expect(0, &["calendars"]).stdout;
    assert!(text.starts_with("CALENDAR "), "{text}");
    assert_eq!(text.matches("private").count(), 1, "{text}");
    assert!(text.contains("(not configured)"), "{text}");
    assert!(
        !home
            .expect(0, &["calendars", "disk"])
            .stdout
            .contains("elsewhere")
    );
    std::fs::remove_dir(home.path("cal/work")).unwrap();
    let ran = home.expect(5, &["calendars"]);
    ran.says(&["work: the folder", "cal/work is not there"]);
    home.expect(5, &["calendars", "disk"]);
}

#[test]
fn help_is_a_command_too() {
    let home = Home::bare();
    assert_eq!(
        home.expect(0, &["help"]).stdout,
        home.expect(0, &["--help"]).stdout
    );
    let sync = home.expect(0, &["help", "sync"]).stdout;
    assert!(sync.contains("--allow-mass-delete"), "{sync}");
    let init = home.expect(0, &["init", "--help"]).stdout;
    assert!(!init.contains("Read this configuration"), "{init}");
}

#[test]
fn an_empty_variable_counts_as_none() {
    let home = usual();
    let mut command = home.command(&["sync"]);
    command.env("CALSYNC_CONFIG", "").env("CALSYNC_STATE", "");
    let ran = Ran::of(command.output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(home.state_file().exists());
    home.expect(2, &["sync", "--config", ""]);
}

#[test]
fn without_a_home_folder_that_is_what_is_said() {
    let home = usual();
    let without = |args: &[&str]| {
        let mut command = home.command(args);
        command.env_remove("HOME");
        Ran::of(command.output().unwrap())
    };
    for command in ["sync", "init", "status"] {
        let ran = without(&[command]);
        assert_eq!(ran.code, 3, "{ran:?}");
        ran.says(&["HOME is not set", "--config"]);
    }
    let config = home.config_file();
    let ran = without(&["sync", "--config", config.to_str().unwrap()]);
    assert_eq!(ran.code, 3);
    ran.says(&["`path` begins with ~", "HOME", "`key_file` is missing"]);
    let folders = format!(
        "timezone = \"UTC\"\nkey_file = \"key\"\n[calendars.a]\npath = \"{0}/cal/work\"\n[calendars.b]\npath = \"{0}/cal/home\"\n",
        home.root().display()
    );
    home.configure(&folders);
    without(&["sync", "--config", config.to_str().unwrap()]).says(&["HOME", "--state"]);
    let ran = without(&[
        "sync",
        "--config",
        config.to_str().unwrap(),
        "--state",
        "s.db",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
}
