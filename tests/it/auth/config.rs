//! The keys of a Google account, and every mistake that can be made with them.

use std::fs;

use super::desk::write_service_key;
use crate::support::program::{Home, Ran, set_mode, write};

/// Where the account's lines begin.
const LINE: usize = 3;

fn home() -> Home {
    let home = Home::bare();
    write(
        &home.path("installed.json"),
        br#"{"installed":{"client_id":"tv","client_secret":"GOCSPX-zqx9secret"}}"#,
    );
    write(
        &home.path("web.json"),
        br#"{"web":{"client_id":"w","client_secret":"GOCSPX-zqx9secret","redirect_uris":[]}}"#,
    );
    write(
        &home.path("bare.json"),
        br#"{"installed":{"client_id":"tv"}}"#,
    );
    write(&home.path("odd.json"), br#"{"zqx9secret":1}"#);
    write_service_key(&home.path("service.json"));
    write_service_key(&home.path("open.json"));
    set_mode(&home.path("open.json"), 0o640);
    let text = fs::read_to_string(home.path("service.json")).unwrap();
    let odd = text.replace("PRIVATE KEY-----\\nM", "PRIVATE KEY-----\\nzqx9secret");
    assert_ne!(odd, text);
    write(&home.path("odd-key.json"), odd.as_bytes());
    set_mode(&home.path("odd-key.json"), 0o600);
    home
}

fn configure(home: &Home, account: &str) {
    home.configure(&format!(
        "timezone = \"UTC\"\n[accounts.work]\n{account}\nprovider = \"google\"\n\
         [calendars.a]\npath = \"a\"\n[calendars.b]\npath = \"b\"\n"
    ));
}

/// A mistake is told with its line, and shows no secret.
fn is_wrong(account: &str, line: usize, words: &str) {
    let home = home();
    configure(&home, account);
    let ran = home.expect(3, &["auth", "list"]);
    let place = format!("config.toml:{line}:");
    let mistake = ran.stderr.lines().find(|text| text.contains(&place));
    let mistake = mistake.unwrap_or_else(|| panic!("no {place} in {ran:?}"));
    assert!(mistake.contains(words), "{ran:?}");
    assert!(!ran.all().contains("zqx9secret"), "{ran:?}");
}

#[test]
fn every_mistake_is_told_with_its_line() {
    for (account, line, words) in [
        ("", LINE - 1, "needs `client_id` and `client_secret`"),
        (
            "client_id = \"x\"",
            LINE - 1,
            "has `client_id` but no `client_secret`",
        ),
        (
            "client_secret = \"zqx9secret\"",
            LINE - 1,
            "has `client_secret` but no `client_id`",
        ),
        (
            "client_id = \" \"\nclient_secret = \"y\"",
            LINE - 1,
            "no `client_id`",
        ),
        (
            "client_id = 5\nclient_secret = \"y\"",
            LINE,
            "must be a text",
        ),
        ("client_file = \"~/none.json\"", LINE, "cannot be read"),
        (
            "client_file = \"~/odd.json\"",
            LINE,
            "is not the JSON of an OAuth client",
        ),
        (
            "client_file = \"~/service.json\"",
            LINE,
            "name it in `service_account_file`",
        ),
        (
            "client_id = \"x\"\nclient_file = \"~/installed.json\"",
            LINE + 1,
            "keep one",
        ),
    ] {
        is_wrong(account, line, words);
    }
}

#[test]
fn every_mistake_with_other_ways_in_is_told_with_its_line() {
    for (account, line, words) in [
        (
            "service_account_file = \"~/none.json\"",
            LINE,
            "cannot be read",
        ),
        (
            "service_account_file = \"~/installed.json\"",
            LINE,
            "name it in `client_file`",
        ),
        ("service_account_file = \"~/open.json\"", LINE, "chmod 600"),
        (
            "service_account_file = \"~/odd-key.json\"",
            LINE,
            "cannot be used",
        ),
        (
            "subject = \"a@b.c\"\nclient_file = \"~/installed.json\"",
            LINE,
            "goes with `service_account_file`",
        ),
        (
            "service_account_file = \"~/service.json\"\nclient_id = \"x\"",
            LINE - 1,
            "keep one",
        ),
        ("clientid = \"x\"", LINE, "did you mean `client_id`?"),
        ("clientfile = \"x\"", LINE, "did you mean `client_file`?"),
        ("client_file = \"~/web.json\"", LINE, "\"Web application\""),
        (
            "client_file = \"~/bare.json\"",
            LINE,
            "has no client secret",
        ),
    ] {
        is_wrong(account, line, words);
    }
}

#[test]
fn an_endpoint_is_a_server_and_nothing_else() {
    let client = "client_id = \"x\"\nclient_secret = \"y\"";
    for endpoint in [
        "http://example.org",
        "ftp://127.0.0.1",
        "127.0.0.1:80",
        "https://",
        "https://example.org/path",
        "https://example.org?x=1",
        "https://me:zqx9secret@example.org",
    ] {
        let account = format!("{client}\nendpoint = \"{endpoint}\"");
        is_wrong(&account, LINE + 2, "`endpoint` must be a scheme and a host");
    }
}

/// One mistake in an account is one mistake, whatever hangs on it.
#[test]
fn a_mistake_in_an_account_makes_none_elsewhere() {
    let client = "client_id = \"x\"\nclient_secret = \"y\"";
    for (account, words) in [
        (
            "provider = \"google\"\nclient_id = \"x\"",
            "no `client_secret`",
        ),
        (
            &*format!("provider = \"google\"\n{client}\nclientfile = \"x\""),
            "`client_file`",
        ),
        (
            &*format!("provider = \"Google\"\n{client}"),
            "did you mean `google`?",
        ),
        (client, "needs `provider`"),
        (
            &*format!("provider = \"google\"\n{client}\nendpoint = \"x\""),
            "`endpoint` must be",
        ),
        (
            "provider = \"google\"\nclient_id = \"x\"\nservice_account_file = \"~/service.json\"",
            "keep one",
        ),
        ("provider = 5", "must be a text"),
    ] {
        let home = home();
        home.configure(&format!(
            "timezone = \"UTC\"\n[accounts.work]\n{account}\n[calendars.a]\naccount = \"work\"\nid = \"primary\"\n\
             [calendars.b]\npath = \"b\"\n[calendars.c]\naccount = \"work\"\nname = \"Team\"\n\
             [[rules]]\nfrom = [\"a\", \"c\"]\nto = [\"b\"]\n"
        ));
        let ran = home.expect(3, &["status"]);
        ran.says(&["1 mistake in the configuration", words]);
        // It has a shape of its own where a list was asked for.
        let list = home.expect(3, &["auth", "list", "--json"]).json();
        assert_eq!(list["accounts"], serde_json::json!([]));
        assert!(list["error"].as_str().unwrap().contains(words), "{list}");
        assert_eq!(list["errors"].as_array().unwrap().len(), 1, "{list}");
        assert!(list.get("calendars").is_none(), "{list}");
    }
}

fn list(ran: &Ran) -> Vec<String> {
    let accounts = ran.json()["accounts"].clone();
    let rows = accounts.as_array().unwrap().iter();
    rows.map(|row| {
        format!(
            "{} {}",
            row["account"].as_str().unwrap(),
            row["state"].as_str().unwrap()
        )
    })
    .collect()
}

#[test]
fn each_way_to_name_a_client_works() {
    let home = home();
    for account in [
        "client_id = \"x\"\nclient_secret = \"y\"",
        "client_file = \"~/installed.json\"",
        "client_file = \"../../installed.json\"",
        "service_account_file = \"~/service.json\"",
        "service_account_file = \"~/service.json\"\nsubject = \"a@b.c\"",
        "client_file = \"~/installed.json\"\nendpoint = \"http://[::1]:80/\"",
        "client_file = \"~/installed.json\"\nendpoint = \"https://proxy.example.org:8443\"",
    ] {
        configure(&home, account);
        let ran = home.expect(0, &["auth", "list", "--json"]);
        // Nobody has to sign in to a service account, so none is missing.
        let state = match account.starts_with("service") {
            true => "work unused",
            false => "work missing",
        };
        assert_eq!(list(&ran), [state], "{account}");
    }
}

#[test]
fn the_environment_may_name_the_client() {
    let home = home();
    configure(&home, "");
    let mut command = home.command(&["auth", "list", "--json"]);
    command.env("CALSYNC_GOOGLE_CLIENT_ID", "x");
    assert_eq!(
        Ran::of(command.output().unwrap()).code,
        3,
        "an id alone is not enough"
    );
    command.env("CALSYNC_GOOGLE_CLIENT_SECRET", "y");
    assert_eq!(list(&Ran::of(command.output().unwrap())), ["work missing"]);
}
