//! Passwords: how often one is shown to a server that refuses it, in which form, and how one is asked for on a terminal.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::unix::process::ExitStatusExt as _,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use calsync::{
    auth::{PasswordLogin, Vault},
    clock::Clock,
    config::caldav_account,
    provider::{Answer, ErrorKind, caldav::Offer},
};
use jiff::{SignedDuration, Timestamp};
use nix::{
    pty::openpty,
    sys::termios::{LocalFlags, tcgetattr},
};

use super::program::{configured, sign_in};
use crate::support::{
    dav::{
        PASSWORD, dav,
        script::{Heard, Says, Script, found},
        vault,
    },
    program::{Home, skipped, wait_until},
    shore::poll_out,
};

const HOME: &str = "<c:calendar-home-set><d:href>/c/</d:href></c:calendar-home-set>";

/// What a server says of an account that it lets in.
fn welcome(asked: &Heard) -> Says {
    match &*asked.path {
        "/" => Says::many(&found("/", HOME)),
        _ => Says::many(&found(
            "/c/work/",
            "<d:resourcetype><d:collection/><c:calendar/></d:resourcetype>",
        )),
    }
}

/// A server that lets in whoever shows anything, while it is open.
fn door() -> (Script, Arc<AtomicBool>) {
    let open = Arc::new(AtomicBool::new(false));
    let is_open = Arc::clone(&open);
    let script = Script::start(move |asked| match is_open.load(Ordering::SeqCst) {
        true => welcome(asked),
        false => Says::status(401).with("WWW-Authenticate", "Basic realm=\"x\""),
    });
    (script, open)
}

/// What a run finds that begins so many minutes after noon, with what earlier ones noted.
fn run_at(minutes: i64, url: &str, vault: &Vault, command: Option<&str>) -> Answer<Vec<Offer>> {
    let noon: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
    let clock = Clock::at(noon + SignedDuration::from_mins(minutes));
    let mut dav = dav(url);
    dav.command = command.map(|said| vec!["echo".to_owned(), said.to_owned()]);
    let login = PasswordLogin::new("server", &dav, vault, &clock);
    let account = caldav_account("server", &dav, &login, &clock).unwrap();
    poll_out(account.calendars())
}

#[test]
fn a_stored_password_that_was_refused_is_shown_once_an_hour() {
    let (script, open) = door();
    let url = script.url();
    let vault = vault(&dav(&url));
    // The first no may have been said in passing.
    for (minutes, asked) in [(-5, 1), (0, 1), (5, 0), (59, 0), (61, 1), (65, 0), (125, 1)] {
        let error = run_at(minutes, &url, &vault, None).unwrap_err();
        assert_eq!(error.kind, ErrorKind::SignIn);
        assert!(error.message.contains("once an hour"), "{error}");
        assert!(error.message.contains("calsync auth add server"), "{error}");
        assert_eq!(script.heard().len(), asked, "after {minutes} minutes");
    }
    assert!(vault.sign_in("server").unwrap().unwrap().refused.is_some());
    // The server takes it again: nobody has to do anything.
    open.store(true, Ordering::SeqCst);
    assert!(run_at(130, &url, &vault, None).is_err());
    assert_eq!(run_at(186, &url, &vault, None).unwrap().len(), 1);
    assert_eq!(vault.sign_in("server").unwrap().unwrap().refused, None);
    assert_eq!(run_at(187, &url, &vault, None).unwrap().len(), 1);
}

#[test]
fn a_no_that_was_said_in_passing_costs_one_run() {
    let (script, open) = door();
    let url = script.url();
    let vault = vault(&dav(&url));
    for minutes in [0, 5, 10] {
        open.store(minutes != 5, Ordering::SeqCst);
        assert_eq!(run_at(minutes, &url, &vault, None).is_ok(), minutes != 5);
    }
    assert_eq!(vault.sign_in("server").unwrap().unwrap().refused, None);
}

#[test]
fn another_word_of_a_command_is_shown_at_once() {
    let (script, _) = door();
    let url = script.url();
    let vault = vault(&dav(&url));
    for (minutes, word, asked) in [
        (0, "one", 1),
        (1, "one", 1),
        (5, "one", 0),
        (10, "two", 1),
        (11, "two", 1),
        (15, "two", 0),
        (72, "two", 1),
    ] {
        let error = run_at(minutes, &url, &vault, Some(word)).unwrap_err();
        assert!(error.message.contains("`password_command`"), "{error}");
        assert_eq!(
            script.heard().len(),
            asked,
            "{word} after {minutes} minutes"
        );
    }
}

#[test]
fn no_command_shows_a_refused_password_again_but_auth_add() {
    let (script, open) = door();
    let command = format!("password_command = [\"echo\", \"{PASSWORD}\"]");
    let home = configured(&script.url(), "id = \"/c/work/\"", &command);
    home.expect(4, &["sync"])
        .says(&["by the next run, and then once an hour"]);
    home.expect(4, &["sync"]).says(&["again once an hour"]);
    assert_eq!(script.heard().len(), 2);
    for args in [
        &["sync"][..],
        &["check"],
        &["calendars"],
        &["sync", "--full"],
    ] {
        home.expect(4, args);
    }
    assert!(script.heard().is_empty());
    home.expect(4, &["auth", "add", "cloud"]);
    open.store(true, Ordering::SeqCst);
    home.expect(0, &["auth", "add", "cloud"]);
    home.expect(0, &["check"]);
    let state = std::fs::read(home.state_file()).unwrap();
    let is_in = |word: &str| state.windows(word.len()).any(|w| w == word.as_bytes());
    assert!(!is_in(PASSWORD));
}

#[test]
fn check_asks_a_command_for_the_password_and_forgets_old_news() {
    let (script, open) = door();
    let id = "id = \"/c/work/\"";
    let home = configured(&script.url(), id, "password_command = \"/no/such/program\"");
    home.expect(4, &["sync"]);
    let checked = home.expect(4, &["check"]).stdout;
    assert!(
        checked.contains("!!  account cloud: `password_command` cannot be run"),
        "{checked}"
    );
    assert!(!checked.contains("at the last sync"), "{checked}");
    let config = std::fs::read_to_string(home.config_file()).unwrap();
    home.configure(&config.replace("/no/such/program", "echo secret"));
    open.store(true, Ordering::SeqCst);
    let checked = home.expect(0, &["check"]).stdout;
    assert!(!checked.contains("cannot be run"), "{checked}");
    let listed = home.expect(0, &["auth", "list", "--json"]).json();
    let account = &listed["accounts"][0];
    assert_eq!(
        (&account["state"], &account["address"]),
        (&"command".into(), &"alice".into())
    );
    let removed = home.expect(0, &["auth", "remove", "cloud"]).stdout;
    assert!(removed.contains("nothing to forget"), "{removed}");
}

#[test]
fn who_is_away_or_refuses_is_said_of_the_account_and_of_no_other_calendar() {
    let (script, _) = door();
    let away = Script::start(|_| Says::status(503).with("Retry-After", "3600"));
    for (url, code, words) in [
        (script.url(), 4, "does not accept `username` alice"),
        (away.url(), 8, "maintenance"),
        (
            "http://127.0.0.1:1".to_owned(),
            8,
            "127.0.0.1:1: it cannot be reached",
        ),
    ] {
        let command = format!("password_command = [\"echo\", \"{PASSWORD}\"]");
        let home = configured(&url, "id = \"/c/work/\"", &command);
        home.configure_also(
            "",
            "[calendars.xtra]\naccount = \"cloud\"\nid = \"/c/xtra/\"",
        );
        let ran = home.expect(code, &["sync"]);
        let said: Vec<&str> = ran
            .stderr
            .lines()
            .filter(|line| line.contains(words))
            .collect();
        assert!(
            matches!(said[..], [line] if line.contains("account cloud (calendars work, xtra): ")),
            "{ran:?}"
        );
        assert!(
            !ran.stderr.contains("/c/work/") && !ran.stderr.contains("/c/xtra/"),
            "{ran:?}"
        );
        home.expect(code, &["check"]);
    }
}

/// What somebody showed: nothing, the password, or a proof for this nonce.
fn shown(asked: &Heard) -> String {
    let nonce = asked.head.split_once("nonce=\"").map(|(_, rest)| rest);
    let nonce = nonce.and_then(|rest| rest.split('"').next());
    match nonce {
        Some(nonce) => nonce.to_owned(),
        None if asked.head.to_lowercase().contains("authorization: basic") => "basic".to_owned(),
        None => "nothing".to_owned(),
    }
}

/// A server that takes proofs for this nonce alone.
fn wants_proof(nonce: &'static str) -> Script {
    Script::start(move |asked| match shown(asked) == nonce {
        true => welcome(asked),
        false => Says::status(401).with(
            "WWW-Authenticate",
            format!("Digest realm=\"r\", nonce=\"{nonce}\", qop=\"auth\""),
        ),
    })
}

#[test]
fn a_server_that_wants_digest_is_shown_no_password_in_later_runs() {
    let script = wants_proof("n1");
    let vault = vault(&dav(&script.url()));
    let run = |script: &Script| {
        run_at(0, &script.url(), &vault, Some(PASSWORD)).unwrap();
        script.heard().iter().map(shown).collect::<Vec<_>>()
    };
    assert_eq!(run(&script), ["basic", "n1", "n1"]);
    assert_eq!(run(&script), ["n1", "n1"]);
}

#[test]
fn a_nonce_that_a_server_forgot_is_no_wrong_password() {
    let nonce = Arc::new(AtomicBool::new(false));
    let is_new = Arc::clone(&nonce);
    let script = Script::start(move |asked| {
        let nonce = if is_new.load(Ordering::SeqCst) {
            "n2"
        } else {
            "n1"
        };
        match shown(asked) == nonce {
            true => welcome(asked),
            false => Says::status(401).with(
                "WWW-Authenticate",
                format!("Digest realm=\"r\", nonce=\"{nonce}\", qop=\"auth\""),
            ),
        }
    });
    let vault = vault(&dav(&script.url()));
    let run = || {
        run_at(0, &script.url(), &vault, None).unwrap();
        script.heard().iter().map(shown).collect::<Vec<_>>()
    };
    run();
    nonce.store(true, Ordering::SeqCst);
    assert_eq!(run(), ["n1", "n2", "n2"]);
    assert_eq!(run(), ["n2", "n2"]);
}

#[test]
fn a_server_that_wants_no_digest_any_more_is_shown_no_password_until_somebody_signs_in_again() {
    let basic = Arc::new(AtomicBool::new(false));
    let is_basic = Arc::clone(&basic);
    let script = Script::start(move |asked| {
        let (wanted, says) = match is_basic.load(Ordering::SeqCst) {
            true => ("basic", "Basic realm=\"r\""),
            false => ("n1", "Digest realm=\"r\", nonce=\"n1\""),
        };
        match shown(asked) == wanted {
            true => welcome(asked),
            false => Says::status(401).with("WWW-Authenticate", says),
        }
    });
    let home = configured(&script.url(), "id = \"/c/work/\"", "");
    let heard = || script.heard().iter().map(shown).collect::<Vec<_>>();
    assert_eq!(sign_in(&home, PASSWORD).code, 0);
    home.expect(0, &["calendars", "cloud"]);
    heard();
    basic.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        let ran = home.expect(4, &["calendars", "cloud"]);
        ran.says(&["Digest", "was not shown", "calsync auth add cloud"]);
        assert_eq!(heard(), ["n1"]);
    }
    home.expect(4, &["sync"]);
    home.expect(0, &["auth", "list"])
        .shows(&["refused by the server"]);
    heard();
    assert_eq!(sign_in(&home, PASSWORD).code, 0);
    assert_eq!(heard(), ["nothing", "basic", "basic"]);
    home.expect(0, &["calendars", "cloud"]);
    assert_eq!(heard(), ["basic", "basic"]);
}

#[test]
fn signing_in_shows_a_server_that_wants_digest_no_password_at_all() {
    let script = wants_proof("n1");
    let home = configured(&script.url(), "id = \"/c/work/\"", "");
    assert_eq!(sign_in(&home, PASSWORD).code, 0);
    home.expect(0, &["calendars", "cloud"]);
    let all: Vec<String> = script.heard().iter().map(shown).collect();
    assert_eq!(all, ["nothing", "n1", "n1", "n1", "n1"]);
}

/// `auth add cloud` with a terminal of its own, as far as the question; nothing if that cannot be had here.
fn asking(home: &Home) -> Option<(Child, File)> {
    let terminal = openpty(None, None).unwrap();
    let add = home.command(&["auth", "add", "cloud"]);
    let mut command = Command::new("setsid");
    command
        .arg("--ctty")
        .arg(add.get_program())
        .args(add.get_args());
    home.surround(&mut command);
    command.stdin(Stdio::from(terminal.slave));
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let Ok(child) = command.spawn() else {
        skipped("there is no setsid");
        return None;
    };
    drop(command);
    let mut terminal = File::from(terminal.master);
    read_until(&mut terminal, "Password of alice at http://127.0.0.1:1: ");
    Some((child, terminal))
}

fn read_until(terminal: &mut File, words: &str) {
    let (mut told, mut chunk) = (String::new(), [0; 1024]);
    while !told.contains(words) {
        let count = terminal.read(&mut chunk).unwrap();
        told.push_str(&String::from_utf8_lossy(&chunk[..count]));
    }
}

fn shows(terminal: &File) -> bool {
    let modes = tcgetattr(terminal).unwrap().local_flags;
    modes.contains(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::ISIG)
}

#[test]
fn a_terminal_shows_again_what_is_typed_whatever_ends_the_question() {
    let home = configured("http://127.0.0.1:1", "name = \"Work\"", "");
    for (signal, typed) in [(2, Some("\u{3}")), (15, None), (1, None), (3, None)] {
        let Some((mut child, mut terminal)) = asking(&home) else {
            return;
        };
        assert!(!shows(&terminal));
        match typed {
            Some(typed) => terminal.write_all(typed.as_bytes()).unwrap(),
            None => kill(&child, &signal.to_string()),
        }
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(signal));
        assert!(shows(&terminal), "after signal {signal}");
    }
}

fn kill(child: &Child, signal: &str) {
    let (signal, pid) = (format!("-{signal}"), child.id().to_string());
    let status = Command::new("kill").args([signal, pid]).status();
    assert!(status.unwrap().success());
}

#[test]
fn a_question_that_is_stopped_is_asked_again_when_the_program_goes_on() {
    let home = configured("http://127.0.0.1:1", "name = \"Work\"", "");
    let Some((mut child, mut terminal)) = asking(&home) else {
        return;
    };
    kill(&child, "TSTP");
    wait_until("the program to stop", || {
        let pid = child.id().to_string();
        let state = Command::new("ps")
            .args(["-o", "stat=", "-p", &pid])
            .output();
        String::from_utf8(state.unwrap().stdout)
            .unwrap()
            .starts_with('T')
    });
    assert!(shows(&terminal));
    kill(&child, "CONT");
    read_until(&mut terminal, "Password of alice");
    assert!(!shows(&terminal));
    terminal.write_all(b"secret\n").unwrap();
    // There is nobody at that address.
    assert_eq!(child.wait().unwrap().code(), Some(8));
    assert!(shows(&terminal));
}

#[test]
fn a_question_that_is_not_answered_says_so_and_keeps_nothing() {
    let home = configured("http://127.0.0.1:1", "name = \"Work\"", "");
    for typed in ["\u{4}", "\n"] {
        let Some((child, mut terminal)) = asking(&home) else {
            return;
        };
        terminal.write_all(typed.as_bytes()).unwrap();
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(2), "{said}");
        assert!(
            said.contains("no password was given; nothing was kept"),
            "{said}"
        );
        assert!(shows(&terminal));
    }
}
