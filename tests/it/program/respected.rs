//! What somebody does to a block: undone, or left so, as the rule says.

use std::fs;

use serde_json::json;

use crate::support::{
    google::FakeGoogle,
    program::{Home, ME, day, meeting, meeting_at, utc, weekly},
};

const RULE: &str = "[[rules]]\nfrom = \"work\"\nto = \"home\"\n";

/// A calendar with a meeting and a weekly one that show in another one by this rule.
fn in_step(rule: &str) -> Home {
    let home = Home::with(&["work", "home"]);
    home.configure_also("", &format!("{RULE}{rule}"));
    home.put("work", "one.ics", meeting("one", 3));
    home.put("work", "weekly.ics", weekly("weekly", 4));
    home.sync();
    assert_eq!(home.blocks("home").len(), 2);
    home
}

/// The block that repeats, or the one that does not.
fn block(home: &Home, repeats: bool) -> (String, String) {
    let mut blocks = home
        .blocks("home")
        .into_iter()
        .map(|(name, bytes)| (name, String::from_utf8(bytes).unwrap()));
    blocks
        .find(|(_, text)| text.contains("RRULE") == repeats)
        .unwrap()
}

/// Whether what this does to the blocks is there after the next runs.
fn stays(home: &Home, does: impl Fn(&Home)) -> bool {
    does(home);
    let after = home.blocks("home");
    home.sync();
    home.sync_idle();
    home.blocks("home") == after
}

fn take_away(home: &Home) {
    home.delete("home", &block(home, false).0);
}

fn take_one_out(home: &Home) {
    let (name, text) = block(home, true);
    let line = format!("EXDATE:{}\r\nSUMMARY", utc(11, "090000"));
    home.put("home", &name, text.replacen("SUMMARY", &line, 1));
}

fn move_it(home: &Home) {
    let (name, text) = block(home, false);
    home.put(
        "home",
        &name,
        text.replace("T090000Z", "T080000Z")
            .replace("T100000Z", "T090000Z"),
    );
}

fn cut_it_short(home: &Home) {
    let (name, text) = block(home, true);
    home.put(
        "home",
        &name,
        text.replace("FREQ=WEEKLY", "FREQ=WEEKLY;COUNT=2"),
    );
}

fn make_it_shorter(home: &Home) {
    let (name, text) = block(home, false);
    let (from, to) = (utc(3, "100000"), utc(3, "090100"));
    home.put("home", &name, text.replace(&from, &to));
}

fn call_it_otherwise(home: &Home) {
    let (name, text) = block(home, false);
    home.put("home", &name, text.replace("Busy", "Mine"));
}

/// What somebody does to blocks.
type Doing = fn(&Home);

#[test]
fn what_somebody_does_to_a_block_is_undone_unless_the_rule_leaves_it_so() {
    let (deleted, moved) = ("deleted = \"respect\"", "moved = \"respect\"");
    let cases: [(&str, Doing, bool); 15] = [
        ("", take_away, false),
        ("", take_one_out, false),
        ("", move_it, false),
        (deleted, take_away, true),
        (deleted, take_one_out, true),
        (deleted, move_it, false),
        (deleted, call_it_otherwise, false),
        (moved, take_away, false),
        (moved, take_one_out, false),
        (moved, cut_it_short, false),
        (moved, make_it_shorter, false),
        (deleted, cut_it_short, false),
        (moved, move_it, true),
        (moved, call_it_otherwise, false),
        (
            "deleted = \"restore\"\nmoved = \"restore\"",
            take_away,
            false,
        ),
    ];
    for (rule, does, left) in cases {
        let home = in_step(rule);
        assert_eq!(stays(&home, does), left, "{rule}");
        // Once the event changes, its block shows what it is now.
        home.put("work", "one.ics", meeting_at("one", 5, 12));
        let before = home.files("work");
        home.put("work", "weekly.ics", weekly("weekly", 5));
        home.sync();
        assert_eq!(home.blocks("home").len(), 2, "{rule}");
        assert!(block(&home, false).1.contains(&utc(5, "120000")));
        assert!(!block(&home, true).1.contains("EXDATE"));
        assert_ne!(home.files("work"), before);
    }
}

#[test]
fn a_hole_that_somebody_fills_is_dug_again() {
    let home = in_step("deleted = \"respect\"");
    let hole = format!("EXDATE:{}\nSUMMARY", utc(11, "090000"));
    home.put(
        "work",
        "weekly.ics",
        weekly("weekly", 4).replace("SUMMARY", &hole),
    );
    home.sync();
    let (name, text) = block(&home, true);
    assert!(text.contains("EXDATE"));
    let filled: String = text
        .split_inclusive('\n')
        .filter(|line| !line.starts_with("EXDATE"))
        .collect();
    home.put("home", &name, filled);
    home.sync();
    assert!(block(&home, true).1.contains("EXDATE"));
}

#[test]
fn what_is_left_so_is_told_and_ends_with_the_rule_or_the_state() {
    let home = in_step("deleted = \"respect\"");
    assert!(stays(&home, take_away));
    let date = day(3).to_string();
    home.expect(0, &["explain", "work", &date])
        .shows(&["leaves that so (`deleted`, `moved`)"]);
    let told = home.expect(0, &["explain", "work", &date, "--json"]).json();
    assert!(told.to_string().contains("left_so"), "{told}");
    home.expect(0, &["rules"]).shows(&["deleted = respect"]);
    let text = fs::read_to_string(home.config_file()).unwrap();
    // What the rule says of blocks brings none back.
    home.configure(&format!("{text}colour = \"sage\"\n"));
    home.sync();
    assert_eq!(home.blocks("home").len(), 1);
    home.configure(&text.replace("\"respect\"", "\"restore\""));
    home.sync();
    assert_eq!(home.blocks("home").len(), 2);
    home.configure(&text);
    assert!(stays(&home, take_away));
    home.lose_state();
    home.sync();
    assert_eq!(home.blocks("home").len(), 2);
    home.configure(&text.replace("\"respect\"", "\"respekt\""));
    home.expect(3, &["check"])
        .says(&["did you mean `respect`?"]);
}

#[test]
fn what_somebody_takes_away_at_google_stays_away_if_the_rule_leaves_it_so() {
    for (rule, left) in [("", false), ("deleted = \"respect\"", true)] {
        let fake = FakeGoogle::start();
        let home = Home::with_google(&fake, "work", "home", &format!("{RULE}{rule}"));
        home.expect(0, &["auth", "add", "mine"]);
        home.put("work", "one.ics", meeting("one", 3));
        home.put("work", "weekly.ics", weekly("weekly", 4));
        home.sync();
        let ids = |repeats: bool| {
            let events = fake.events(ME);
            let of = events.iter().filter(|event| {
                event["recurrence"].is_array() == repeats && event["recurringEventId"].is_null()
            });
            of.map(|event| event["id"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        let (single, series) = (ids(false), ids(true));
        fake.cancel(ME, &single[0]);
        let at = format!("{}T09:00:00Z", day(11));
        let gone = fake.instance_id(ME, &series[0], &json!({"dateTime": at}));
        fake.cancel(ME, &gone);
        for _ in 0..2 {
            home.sync();
            home.sync_idle();
            assert_eq!(ids(false).is_empty(), left, "{rule}");
            assert_eq!(ids(true) == series, left, "{rule}");
            // The same by a listing of everything.
            home.expect(0, &["sync", "--full"]);
        }
    }
}
