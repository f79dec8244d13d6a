//! Signing in on a terminal, where somebody can be asked to go another way, and what only a terminal is shown.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Stdio},
};

use nix::pty::{Winsize, openpty};

use super::{
    desk::{CLIENT_SECRET, ME, google},
    program::{home, open, signed_in, state_of},
};
use crate::support::{
    google::{FakeGoogle, Fault, When, errors},
    program::{Home, meeting},
};

/// Starts `auth add work` on a terminal.
fn on_a_terminal(home: &Home) -> (Child, fs::File) {
    let terminal = openpty(None, None).unwrap();
    let mut command = home.command(&["auth", "add", "work"]);
    command.stdin(Stdio::from(terminal.slave));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    (command.spawn().unwrap(), fs::File::from(terminal.master))
}

/// Somebody opens the page that they are shown, and their browser comes back.
fn signs_in_with_a_browser(fake: &FakeGoogle, home: &Home) -> (String, String) {
    let (mut child, _terminal) = on_a_terminal(home);
    let mut told = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    while !text.contains("Waiting, 15 minutes") {
        assert!(told.read_line(&mut text).unwrap() > 0, "{text}");
    }
    let mut lines = text.lines();
    let page = lines.find(|line| line.starts_with("http://127.0.0.1"));
    let back = open(fake, page.unwrap());
    let port = back.strip_prefix("http://").unwrap().split('/').next();
    let mut browser = TcpStream::connect(port.unwrap()).unwrap();
    let (_, target) = back.split_once(port.unwrap()).unwrap();
    write!(browser, "GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    told.read_to_string(&mut text).unwrap();
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.success(), "{said}");
    (text, said)
}

#[test]
fn on_a_terminal_a_way_with_codes_that_is_closed_goes_on_with_a_browser() {
    // The client is not of the type for codes; or Google closes that way for calendars, as it may any day.
    let of_codes = "TVs and Limited Input devices";
    for (refusal, words) in [
        (None, of_codes),
        (Some(errors::wrong_client_type()), of_codes),
        (Some(errors::invalid_scope("calendar")), "(invalid_scope)"),
    ] {
        let fake = google();
        let home = home(&fake, "desk");
        if let Some(refusal) = refusal {
            fake.fault(When::call("device.code"), Fault::Answer(refusal));
        }
        let (text, said) = signs_in_with_a_browser(&fake, &home);
        for words in [
            words,
            "a client of the type \"Desktop app\"",
            "Going on with a browser",
        ] {
            assert!(said.contains(words), "no `{words}` in {said}");
        }
        assert!(text.contains("Signed in to account work"), "{text}");
        assert_eq!(state_of(&home)["way"], "browser");
    }
}

#[test]
fn on_a_terminal_a_wrong_client_does_not_go_on_with_a_browser() {
    let fake = google();
    for client in ["nobody", "tv"] {
        let home = home(&fake, client);
        let text = fs::read_to_string(home.config_file()).unwrap();
        home.configure(&text.replace(CLIENT_SECRET, "GOCSPX-another"));
        let (mut child, _terminal) = on_a_terminal(&home);
        let mut told = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        while lines.read_line(&mut told).unwrap() > 0 {
            // It would wait for a browser that nobody opens.
            if told.contains("o/oauth2") {
                child.kill().unwrap();
            }
        }
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(4), "{said}");
        assert!(said.contains("client"), "{said}");
        assert!(
            !told.contains("o/oauth2") && !said.contains("Going on"),
            "{told}{said}"
        );
    }
}

/// What a command shows on a terminal: its results, or what it says beside them.
fn shown_by(home: &Home, args: &[&str], beside: bool) -> String {
    let size = Winsize {
        ws_row: 40,
        ws_col: 120,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let terminal = openpty(&size, None).unwrap();
    let mut command = home.command(args);
    command.env("TERM", "xterm");
    match beside {
        true => command
            .stderr(Stdio::from(terminal.slave))
            .stdout(Stdio::null()),
        false => command
            .stdout(Stdio::from(terminal.slave))
            .stderr(Stdio::null()),
    };
    let mut child = command.spawn().unwrap();
    // Its end of the terminal is open here too, and would never be closed.
    drop(command);
    let (mut shown, mut chunk) = (Vec::new(), [0; 4096]);
    let mut terminal = fs::File::from(terminal.master);
    // A terminal that nobody is at any more ends with an error.
    while let Ok(count @ 1..) = terminal.read(&mut chunk) {
        shown.extend(&chunk[..count]);
    }
    assert!(child.wait().unwrap().success());
    String::from_utf8(shown).unwrap()
}

#[test]
fn on_a_terminal_the_list_of_sign_ins_has_headings() {
    let (_fake, home) = signed_in();
    let shown = shown_by(&home, &["auth", "list"], false);
    let lines: Vec<Vec<&str>> = shown
        .lines()
        .map(|line| {
            line.split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .collect()
        })
        .collect();
    assert_eq!(
        lines,
        [
            ["ACCOUNT", "STATE", "ADDRESS", "WAY", "SCOPES", "SINCE"],
            ["work", "signed in", ME, "device", "calendar", "just now"],
        ]
    );
    let piped = home.expect(0, &["auth", "list"]).stdout;
    assert!(!piped.contains("ACCOUNT"), "{piped}");
}

#[test]
fn on_a_terminal_long_work_shows_how_far_it_is() {
    let (_fake, home) = signed_in();
    let calendar = "[calendars.team]\naccount = \"work\"\nid = \"primary\"";
    home.configure_also("", calendar);
    for number in 1..40 {
        home.put(
            "one",
            &format!("{number}.ics"),
            meeting(&format!("e{number}"), number),
        );
    }
    let shown = shown_by(&home, &["sync"], true);
    assert!(
        shown.contains("reading team") && shown.contains("writing "),
        "{shown:?}"
    );
    assert!(
        shown.contains("/78"),
        "39 events in two calendars: {shown:?}"
    );
    let again = shown_by(&home, &["sync", "--quiet"], true);
    assert!(!again.contains("reading"), "{again:?}");
}

#[test]
fn one_minute_is_called_that() {
    let fake = google();
    fake.behave(|b| {
        b.auto_approve = Some(0);
        b.device_code_life = jiff::SignedDuration::from_mins(1);
    });
    let told = home(&fake, "tv").expect(0, &["auth", "add", "work"]).stdout;
    assert!(told.contains("the code is good for 1 minute.\n"), "{told}");
}
