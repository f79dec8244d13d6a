//! `calsync auth` as a person and a script run it, and that nothing it does shows a secret.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Child, Stdio},
};

use serde_json::Value;

use super::desk::{CLIENT_SECRET, ME, ROBOT, google, keeps_secrets, write_service_key};
use crate::support::{
    google::{FakeGoogle, Fault, Gate, When, errors},
    program::{Home, KEY, Ran, files_in, meeting, set_mode},
};

/// A home with a Google account that uses this client, and two folders.
pub(super) fn home(fake: &FakeGoogle, client: &str) -> Home {
    let home = Home::with(&["one", "two"]);
    let account = match client {
        ROBOT => {
            write_service_key(&home.path("service.json"));
            "service_account_file = \"~/service.json\"".to_owned()
        }
        _ => format!("client_id = \"{client}\"\nclient_secret = \"{CLIENT_SECRET}\""),
    };
    home.configure_also(
        "",
        &format!(
            "[accounts.work]\nprovider = \"google\"\n{account}\nendpoint = \"{}\"",
            fake.endpoint()
        ),
    );
    home
}

/// A Google where a person types in every code, and a home that signed in there.
pub(super) fn signed_in() -> (FakeGoogle, Home) {
    let fake = google();
    fake.behave(|b| b.auto_approve = Some(0));
    let home = home(&fake, "tv");
    home.expect(0, &["auth", "add", "work", "--flow", "device"]);
    (fake, home)
}

pub(super) fn state_of(home: &Home) -> Value {
    home.expect(0, &["auth", "list", "--json"]).json()["accounts"][0].clone()
}

#[test]
fn a_code_is_printed_without_a_terminal_and_waited_for() {
    let fake = google();
    // The program asks at once whether the code was entered; it hears nothing before that is so.
    let gate = Gate::new();
    fake.fault(When::call("token"), Fault::Hold(gate.clone()));
    let home = home(&fake, "tv");
    let mut child = home.spawn(&["auth", "add", "work", "--flow", "device"]);
    let mut told = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    while fake.user_codes().is_empty() || !text.contains(&fake.user_codes()[0]) {
        assert!(told.read_line(&mut text).unwrap() > 0, "{text}");
    }
    assert!(text.contains("https://www.google.com/device"), "{text}");
    gate.wait_for(1);
    assert!(child.try_wait().unwrap().is_none(), "it waits");
    fake.approve_device(&fake.user_codes()[0], ME);
    gate.open();
    told.read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(text.contains("Signed in to account work"), "{text}");
    assert_eq!(fake.granted_accounts(), [ME]);
}

#[test]
fn the_list_says_who_is_signed_in_how_and_since_when() {
    let fake = google();
    let home = home(&fake, "tv");
    let row = state_of(&home);
    assert_eq!(
        (&row["state"], &row["way"]),
        (&"missing".into(), &Value::Null)
    );
    let text = home.expect(0, &["auth", "list"]).stdout;
    assert!(text.contains("nobody is signed in"), "{text}");
    fake.behave(|b| b.auto_approve = Some(0));
    home.expect(0, &["auth", "add", "work"]);
    let row = state_of(&home);
    assert_eq!(
        (&row["state"], &row["way"]),
        (&"ok".into(), &"device".into())
    );
    assert_eq!(row["scopes"][0], "https://www.googleapis.com/auth/calendar");
    assert!(row["age_seconds"].as_i64().unwrap() < 600);
    let text = home.expect(0, &["auth", "list"]).stdout;
    assert!(
        text.contains(&format!(
            "work  signed in  {ME}  device  calendar  just now"
        )),
        "{text}"
    );
    let config = fs::read_to_string(home.config_file()).unwrap();
    home.configure(&config.replace("\"tv\"", "\"desk\""));
    assert_eq!(state_of(&home)["state"], "other_client");
    home.configure(config.split("[accounts").next().unwrap());
    assert_eq!(state_of(&home)["state"], "removed");
    home.expect(0, &["auth", "remove", "work"]);
    assert_eq!(home.expect(0, &["auth", "list"]).stdout.lines().count(), 1);
    assert!(fake.granted_accounts().is_empty());
}

#[test]
fn signing_out_forgets_and_withdraws() {
    let (fake, home) = signed_in();
    let text = home.expect(0, &["auth", "remove", "work"]).stdout;
    assert!(text.contains("withdrawn at Google"), "{text}");
    assert!(fake.granted_accounts().is_empty());
    assert_eq!(state_of(&home)["state"], "missing");
    let text = home.expect(0, &["auth", "remove", "work"]).stdout;
    assert!(text.contains("Nobody was signed in"), "{text}");
    home.expect(2, &["auth", "remove", "nobody"]);
}

#[test]
fn signing_out_forgets_also_when_nothing_can_be_withdrawn() {
    let faults = [Fault::Close, Fault::Answer(errors::unavailable())];
    for fault in faults {
        let (fake, home) = signed_in();
        fake.fault(When::call("revoke"), fault);
        let ran = home.expect(5, &["auth", "remove", "work"]);
        ran.says(&["could not be withdrawn", "myaccount.google.com"]);
        assert_eq!(state_of(&home)["state"], "missing");
    }
    let (fake, home) = signed_in();
    fs::remove_file(home.key_file()).unwrap();
    home.expect(5, &["auth", "remove", "work"])
        .says(&["could not be withdrawn", "key", "is gone"]);
    assert_eq!(state_of(&home)["state"], "missing");
    assert_eq!(fake.counts().get("revoke"), None);
    let (_fake, home) = signed_in();
    home.give_key("garbage");
    home.expect(5, &["auth", "remove", "work"])
        .says(&["could not be withdrawn", "does not hold a key"]);
}

#[test]
fn signing_out_waits_for_a_key_that_is_only_open_to_others() {
    let (fake, home) = signed_in();
    set_mode(&home.key_file(), 0o644);
    home.expect(3, &["auth", "remove", "work"])
        .says(&["chmod 600"]);
    assert_eq!(state_of(&home)["state"], "ok");
    set_mode(&home.key_file(), 0o600);
    home.expect(0, &["auth", "remove", "work"]);
    assert!(fake.granted_accounts().is_empty());
    home.expect(4, &["check"]);
    let checked = home.run(&["check"]).stdout;
    assert!(!checked.contains(" yet"), "{checked}");
    assert!(!checked.contains("account work: account work"), "{checked}");
}

#[test]
fn check_does_not_judge_a_sign_in_that_it_cannot_see() {
    let (_fake, home) = signed_in();
    home.configure_also(
        "",
        "[calendars.three]\naccount = \"work\"\nid = \"primary\"",
    );
    let unseen = |words: &str| {
        let checked = home.expect(3, &["check"]).stdout;
        assert!(checked.contains(words), "{checked}");
        for line in [
            "--  account work: signed in; not looked at",
            "--  calendar three: not looked at",
            "ok  calendar one: reachable",
        ] {
            assert!(checked.contains(line), "{checked}");
        }
        assert!(!checked.contains("auth add"), "{checked}");
        assert_eq!(checked.matches("!!").count(), 1, "{checked}");
        home.expect(3, &["calendars", "work"]).says(&[words]);
    };
    let key = fs::read_to_string(home.key_file()).unwrap();
    set_mode(&home.key_file(), 0o644);
    unseen("chmod 600");
    home.give_key("garbage");
    unseen("does not hold a key");
    home.give_key(KEY);
    unseen("does not fit");
    fs::remove_file(home.key_file()).unwrap();
    unseen("is gone");
    home.give_key(key.trim());
    home.expect(0, &["check"]);
}

#[test]
fn check_warns_of_a_client_secret_that_others_can_read() {
    let (_fake, home) = signed_in();
    let checked = home.expect(0, &["check"]).stdout;
    assert!(
        checked.contains("secret of an OAuth client and can be read by others"),
        "{checked}"
    );
    set_mode(&home.config_file(), 0o600);
    let checked = home.expect(0, &["check"]).stdout;
    assert!(!checked.contains("read by others"), "{checked}");
}

#[test]
fn a_server_that_cannot_be_reached_is_named() {
    let (home, endpoint) = {
        let fake = google();
        (home(&fake, "tv"), fake.endpoint())
    };
    // Nobody listens there any more.
    let ran = home.expect(8, &["auth", "add", "work"]);
    ran.says(&[
        "account work: ",
        endpoint
            .trim_start_matches("http://")
            .split(':')
            .next()
            .unwrap(),
    ]);
}

#[test]
fn a_client_of_the_wrong_type_needs_a_person_and_says_which_type() {
    let fake = google();
    let home = home(&fake, "desk");
    for args in [
        &["auth", "add", "work"][..],
        &["auth", "add", "work", "--flow", "device"],
    ] {
        let ran = home.expect(4, args);
        ran.says(&[
            "account work",
            "TVs and Limited Input devices",
            "--flow paste",
        ]);
        assert!(ran.stdout.is_empty(), "{ran:?}");
    }
    assert_eq!(state_of(&home)["state"], "missing");
}

#[test]
fn each_failure_has_its_exit_code() {
    let fake = google();
    let home = home(&fake, "tv");
    for (args, code) in [
        (&["auth", "add", "nobody"][..], 2),
        (&["auth", "add", "work", "--flow", "service-account"], 2),
        (&["auth", "add", "work", "--flow", "telepathy"], 2),
        (&["auth"], 2),
        (&["auth", "reseal"], 2),
        (&["auth", "reseal", "--old-key-file", "none"], 2),
    ] {
        home.expect(code, args);
    }
    fake.fault(When::call("device.code"), Fault::Close);
    home.expect(8, &["auth", "add", "work"]);
    fake.clear_faults();
    fake.fault(When::call("token"), Fault::Answer(errors::access_denied()));
    home.expect(4, &["auth", "add", "work"])
        .says(&["access was refused"]);
}

/// Starts a sign-in that pastes, and gives what it printed up to the page's address, and that address.
fn pasting(home: &Home, more: &[&str]) -> (Child, String, String) {
    let mut command =
        home.command(&[&["auth", "add", "work", "--flow", "paste", "-vvv"], more].concat());
    command.env("RUST_LOG", "trace");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut told = BufReader::new(child.stdout.as_mut().unwrap());
    let mut text = String::new();
    while !text.contains("Waiting, 15 minutes") {
        assert!(told.read_line(&mut text).unwrap() > 0, "{text}");
    }
    let page = text
        .lines()
        .find(|line| line.starts_with("http://127.0.0.1"));
    let page = page.unwrap().to_owned();
    (child, text, page)
}

/// Opens the page, and gives the address that the browser is sent to.
pub(super) fn open(fake: &FakeGoogle, page: &str) -> String {
    let target = page.strip_prefix(&fake.endpoint()).unwrap();
    let mut stream =
        std::net::TcpStream::connect(fake.endpoint().trim_start_matches("http://")).unwrap();
    write!(
        stream,
        "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let line = answer
        .lines()
        .find(|line| line.to_ascii_lowercase().starts_with("location: "));
    line.unwrap_or_else(|| panic!("{answer}"))[10..].to_owned()
}

#[test]
fn a_pasted_address_signs_in_from_another_machine() {
    let fake = google();
    let home = home(&fake, "desk");
    let (mut child, text, page) = pasting(&home, &[]);
    assert!(
        text.contains("ssh -L ") && text.contains("redirect_uri_mismatch"),
        "{text}"
    );
    let back = open(&fake, &page);
    let mut stdin = child.stdin.take().unwrap();
    stdin
        .write_all(&[b"nonsense \xff\n", back.as_bytes(), b"\n"].concat())
        .unwrap();
    // The pipe stays open, as a terminal does; nobody waits for its end.
    let mut more = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut more)
        .unwrap();
    let mut errors = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut errors)
        .unwrap();
    assert!(child.wait().unwrap().success(), "{more} {errors}");
    drop(stdin);
    assert!(
        more.contains("not the address") && more.contains("Signed in"),
        "{more}"
    );
    keeps_secrets(&format!("{text}{more}{errors}"));
    assert_eq!(state_of(&home)["way"], "paste");
}

#[test]
fn a_service_account_signs_in_without_being_asked() {
    let fake = google();
    let home = home(&fake, ROBOT);
    home.expect(0, &["auth", "add", "work"]);
    assert_eq!(state_of(&home)["way"], "service-account");
    home.expect(2, &["auth", "add", "work", "--flow", "device"])
        .says(&["--flow service-account"]);
    let text = home.expect(0, &["auth", "remove", "work"]).stdout;
    assert!(text.contains("Forgot account work"), "{text}");
    assert_eq!(fake.counts().get("revoke"), None);
}

#[test]
fn a_service_account_that_was_never_let_in_counts_as_refused_and_as_nobody() {
    let fake = google();
    let home = home(&fake, ROBOT);
    let refusal = errors::oauth(401, "unauthorized_client", "not delegated");
    fake.fault(When::call("token"), Fault::Answer(refusal));
    home.expect(4, &["auth", "add", "work"])
        .says(&["may not act for `subject`"]);
    assert_eq!(state_of(&home)["state"], "refused");
    fake.clear_faults();
    let text = fs::read_to_string(home.config_file()).unwrap();
    home.configure(&text.replace(
        "provider = \"google\"",
        "provider = \"google\"\nsubject = \"ada@example.org\"",
    ));
    let ran = home.expect(0, &["auth", "add", "work"]);
    assert!(!ran.stderr.contains("was signed in to as"), "{ran:?}");
    assert_eq!(state_of(&home)["state"], "ok");
}

#[test]
fn secrets_move_to_a_new_key_and_blocks_do_not() {
    let (fake, home) = signed_in();
    home.put("one", "a.ics", meeting("a", 3));
    home.sync();
    let old = home.path("old-key");
    fs::rename(home.key_file(), &old).unwrap();
    let reseal = ["auth", "reseal", "--old-key-file", "old-key"];
    home.expect(2, &reseal).says(&[
        "1 block was made",
        "calsync reset --all",
        "Nothing was changed",
    ]);
    assert!(!home.key_file().exists());
    home.give_key(KEY);
    home.expect(
        2,
        &["auth", "reseal", "--old-key-file", ".config/calsync/key"],
    )
    .says(&["is not the key"]);
    fs::copy(&old, home.key_file()).unwrap();
    home.expect(2, &reseal).says(&["are the same key"]);
    fs::rename(&old, home.key_file()).unwrap();
    home.expect(0, &["reset", "--all", "--yes"]);
    fs::rename(home.key_file(), &old).unwrap();
    let text = home.expect(0, &reseal).stdout;
    assert!(text.contains("Sealed 2 secrets"), "{text}");
    assert_eq!(state_of(&home)["state"], "ok");
    fs::remove_file(&old).unwrap();
    home.sync();
    assert_eq!(home.blocks("two").len(), 1);
    home.sync_idle();
    // The refresh token opens: it can be withdrawn.
    home.expect(0, &["auth", "remove", "work"]);
    assert!(fake.granted_accounts().is_empty());
}

#[test]
fn resealing_does_not_send_round_in_circles_for_a_copied_block() {
    let (_fake, home) = signed_in();
    home.put("one", "a.ics", meeting("a", 3));
    home.sync();
    let (name, bytes) = home.blocks("two").into_iter().next().unwrap();
    home.put("one", &name, bytes);
    home.sync();
    home.expect(0, &["reset", "--all", "--yes"])
        .says(&["one: 1 block copied or moved here"]);
    fs::rename(home.key_file(), home.path("old-key")).unwrap();
    let reseal = ["auth", "reseal", "--old-key-file", "old-key"];
    let ran = home.expect(2, &reseal);
    ran.says(&["1 block", "remove it by hand", "--leave-blocks"]);
    assert!(!ran.stderr.contains("reset --all"), "{ran:?}");
    home.expect(0, &[&reseal[..], &["--leave-blocks"]].concat());
}

#[test]
fn a_key_changed_without_resealing_is_refused() {
    let (_fake, home) = signed_in();
    home.give_key(KEY);
    home.expect(3, &["auth", "add", "work"])
        .says(&["key does not fit"]);
    fs::remove_file(home.key_file()).unwrap();
    home.expect(3, &["auth", "add", "work"]).says(&["is gone"]);
}

#[test]
fn signing_in_does_not_wait_for_a_run_and_does_not_stop_one() {
    let fake = google();
    let home = home(&fake, "tv");
    home.sync();
    let lock = fs::File::open(home.path(".local/state/calsync/state.db.lock")).unwrap();
    lock.lock().unwrap();
    fake.behave(|b| b.auto_approve = Some(0));
    home.expect(0, &["auth", "add", "work"]);
    home.expect(7, &["sync"]);
    drop(lock);
    assert_eq!(state_of(&home)["state"], "ok");
}

#[test]
fn no_secret_is_ever_shown() {
    for form in ["text", "json"] {
        let fake = google();
        fake.behave(|b| b.auto_approve = Some(0));
        let home = home(&fake, "tv");
        let mut shown = String::new();
        let mut note = |args: &[&str]| {
            let mut all = vec!["-vvv", "--log-format", form];
            all.extend(args);
            let mut command = home.command(&all);
            command.env("RUST_LOG", "trace");
            shown.push_str(&Ran::of(command.output().unwrap()).all());
        };
        note(&["auth", "add", "work", "--flow", "device"]);
        note(&["auth", "list"]);
        note(&["auth", "list", "--json"]);
        note(&["check"]);
        note(&["sync", "--json"]);
        let key = fs::read_to_string(home.key_file()).unwrap();
        for (name, bytes) in files_in(home.state_file().parent().unwrap()) {
            let text = String::from_utf8_lossy(&bytes);
            keeps_secrets(&format!("{name}: {text}"));
            assert!(!text.contains(key.trim()), "{name}");
        }
        for (call, fault) in [
            ("token", Fault::Answer(errors::wrong_secret())),
            ("token", Fault::Answer(errors::access_denied())),
            ("device.code", Fault::Answer(errors::unavailable())),
            ("device.code", Fault::Cut(60)),
            ("device.code", Fault::Close),
        ] {
            fake.clear_faults();
            fake.fault(When::call(call), fault);
            note(&["auth", "add", "work", "--flow", "device"]);
        }
        fake.clear_faults();
        fake.fault(When::call("revoke"), Fault::Close);
        note(&["auth", "remove", "work"]);
        note(&["status", "--json"]);
        keeps_secrets(&shown);
        assert!(!shown.contains(key.trim()));
        assert!(
            shown.contains("Signed in") && shown.contains("could not be withdrawn"),
            "{shown}"
        );
    }
}

#[test]
fn no_secret_is_shown_when_a_token_does_not_arrive() {
    for form in ["text", "json"] {
        for fault in [
            Fault::Answer(errors::unavailable()),
            Fault::Cut(60),
            Fault::Close,
        ] {
            let fake = google();
            let home = home(&fake, "desk");
            let (mut child, text, page) = pasting(&home, &["--log-format", form]);
            let back = open(&fake, &page);
            fake.fault(When::call("token"), fault);
            let mut stdin = child.stdin.take().unwrap();
            stdin.write_all(format!("{back}\n").as_bytes()).unwrap();
            drop(stdin);
            let ran = Ran::of(child.wait_with_output().unwrap());
            assert_ne!(ran.code, 0, "{ran:?}");
            assert!(fake.counts()["token"] > 0);
            keeps_secrets(&format!("{text}{}", ran.all()));
        }
    }
}
