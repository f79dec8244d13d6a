//! The keys of a `CalDAV` account and of its calendars, and every mistake that can be made with them.

use calsync::config::Account;

use crate::support::program::{Home, write};

fn configure(home: &Home, account: &str, calendar: &str) {
    write(&home.path("empty.pem"), b"zqx9secret");
    home.configure(&format!(
        "timezone = \"UTC\"\n[accounts.cloud]\nprovider = \"caldav\"\n{account}\n\
         [calendars.a]\naccount = \"cloud\"\n{calendar}\n[calendars.b]\npath = \"b\"\n"
    ));
}

const FINE: &str = "url = \"https://e.org/dav\"\nusername = \"ada\"";

/// Lines of the account and of the calendar, and something of what is said about them.
const MISTAKES: [(&str, &str, &str); 25] = [
    ("username = \"a\"", "id = \"/a/\"", "needs `url`"),
    (
        "url = \"https://e.org\"",
        "id = \"/a/\"",
        "needs `username`",
    ),
    (
        "url = \"http://e.org\"\nusername = \"a\"",
        "id = \"/a/\"",
        "http is for this machine alone",
    ),
    (
        "url = \"https://ada@e.org\"\nusername = \"a\"",
        "id = \"/a/\"",
        "without a user name in it",
    ),
    (
        "url = \"https://e.org/?a=b\"\nusername = \"a\"",
        "id = \"/a/\"",
        "without ? and #",
    ),
    (
        "url = \"caldav://e.org\"\nusername = \"a\"",
        "id = \"/a/\"",
        "`url` must begin with https://",
    ),
    (
        "url = \"ada:zqx9secret@e.org\"\nusername = \"a\"",
        "id = \"/a/\"",
        "that goes under `username`",
    ),
    (
        "url = \"the server\"\nusername = \"a\"",
        "id = \"/a/\"",
        "`url` must be the address",
    ),
    (
        "url = \"\"\nusername = \"a\"",
        "id = \"/a/\"",
        "`url` must be the address",
    ),
    (
        "",
        "id = \"https://example.net/a/\"",
        "another host than `url` of [accounts.cloud]",
    ),
    (
        "url = \"http://127.0.0.1:1\"\nusername = \"a\"",
        "id = \"http://localhost:1/a/\"",
        "another host than `url`",
    ),
    (
        "url = \"http://127.0.0.1:1\"\nusername = \"a\"",
        "id = \"http://127.0.0.1:2/a/\"",
        "another host than `url`",
    ),
    (
        "url = \"https://e.org\"\nusername = \"a:b\"",
        "id = \"/a/\"",
        "no colon",
    ),
    (
        "password = \"zqx9secret\"",
        "id = \"/a/\"",
        "`calsync auth add ACCOUNT` asks for it",
    ),
    (
        "password_command = \"pass show 'my calendar'\"",
        "id = \"/a/\"",
        "without a shell",
    ),
    (
        "password_command = \"cat x | head\"",
        "id = \"/a/\"",
        "without a shell",
    ),
    (
        "password_command = \" \"",
        "id = \"/a/\"",
        "must not be empty",
    ),
    ("password_command = []", "id = \"/a/\"", "must not be empty"),
    ("ca_file = \"~/none.pem\"", "id = \"/a/\"", "cannot be read"),
    (
        "ca_file = \"~/empty.pem\"",
        "id = \"/a/\"",
        "holds no certificate",
    ),
    ("requests_per_minute = 0", "id = \"/a/\"", "from 1 to 60000"),
    ("", "id = \"work\"", "must be the path of the calendar"),
    ("", "id = \"//e.org/a\"", "must be the path of the calendar"),
    ("", "", "needs `id` beside `account`"),
    ("", "id = \"/a/\"\nname = \"A\"", "both `id` and `name`"),
];

#[test]
fn every_mistake_is_told() {
    for (account, calendar, words) in MISTAKES {
        let home = Home::bare();
        let is_whole = account.contains("url") || account.contains("username = \"a\"");
        let account = match is_whole {
            true => account.to_owned(),
            false => format!("{FINE}\n{account}"),
        };
        configure(&home, &account, calendar);
        let ran = home.expect(3, &["status"]);
        assert!(ran.stderr.contains(words), "{account} {calendar}: {ran:?}");
        assert!(!ran.all().contains("zqx9secret"), "{ran:?}");
    }
}

#[test]
fn all_that_is_right_is_taken() {
    for account in [
        "password_command = \"pass show cloud/ada\"",
        "password_command = [\"sh\", \"-c\", \"echo 'a b' | tail\"]",
        "requests_per_minute = 60000",
    ] {
        for calendar in [
            "id = \"/ada/work/\"",
            "id = \"https://p42.e.org/ada/work/\"",
            "name = \"Work\"",
        ] {
            let home = Home::bare();
            configure(&home, &format!("{FINE}\n{account}"), calendar);
            home.expect(0, &["status"]);
        }
    }
}

#[test]
fn a_bare_host_means_https() {
    let home = Home::bare();
    for (url, server) in [
        ("dav.example.org", "https://dav.example.org"),
        ("127.0.0.1:1/dav/", "https://127.0.0.1:1"),
        ("localhost", "https://localhost"),
    ] {
        let account = format!("url = \"{url}\"\nusername = \"ada\"");
        configure(&home, &account, "name = \"Work\"");
        let config = calsync::config::load(&home.config_file()).unwrap();
        let Some(Account::Caldav(dav)) = config.accounts.get("cloud") else {
            panic!("{url}");
        };
        assert_eq!(dav.server(), server, "{url}");
    }
}

#[test]
fn a_service_is_no_provider_and_its_address_is_told() {
    for (provider, words) in [
        ("icloud", "url = \"https://caldav.icloud.com\""),
        ("Fastmail", "url = \"https://caldav.fastmail.com\""),
        ("nextcloud", "provider = \"caldav\" with url = "),
        ("CalDAV", "did you mean `caldav`?"),
    ] {
        let home = Home::bare();
        home.configure(&format!(
            "timezone = \"UTC\"\n[accounts.cloud]\nprovider = \"{provider}\"\nurl = \"x\"\n[calendars.b]\npath = \"b\"\n"
        ));
        home.expect(3, &["auth", "list"]).says(&[words]);
    }
    let home = Home::bare();
    home.configure("timezone = \"UTC\"\n[accounts.cloud]\n[calendars.b]\npath = \"b\"\n");
    let ran = home.expect(3, &["auth", "list"]);
    ran.says(&["\"local\", \"google\" or \"caldav\""]);
}

#[test]
fn one_calendar_under_two_names_is_a_mistake() {
    let home = Home::bare();
    configure(
        &home,
        FINE,
        "id = \"/ada/caf%C3%A9/\"\n[calendars.c]\naccount = \"cloud\"\nid = \"/ada/café\"",
    );
    let ran = home.expect(3, &["status"]);
    ran.says(&["[calendars.c] is the same calendar as [calendars.a]"]);
}
