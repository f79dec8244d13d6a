//! Servers that keep what they are given in a way of their own: what of that is still calsync's block, what somebody made of it,
//! and that a run ends whatever they do.

use std::fs;

use crate::support::{
    dav::{
        PASSWORD,
        cloud::{Cloud, Making, Manners, Stores},
    },
    program::{Home, is_block, meeting_at},
};

use super::program::configured;

const WORK: &str = "/alice/work/";

/// A folder, and a calendar at a server with these manners.
struct Keeper {
    home: Home,
    cloud: Cloud,
}

impl Keeper {
    fn new(stores: Stores) -> Self {
        let cloud = Cloud::start();
        cloud.renew(Manners {
            stores,
            ..Manners::default()
        });
        cloud.calendar(WORK);
        let command = format!("password_command = [\"echo\", \"{PASSWORD}\"]");
        let home = configured(&cloud.url(), &format!("id = \"{WORK}\""), &command);
        Self { home, cloud }
    }

    /// The blocks at the server: names and texts.
    fn blocks(&self) -> Vec<(String, String)> {
        let items = self.cloud.items(WORK).into_iter();
        let blocks = items.filter(|(name, _)| is_block(name));
        blocks.map(|(name, item)| (name, item.text)).collect()
    }

    /// The one block at the server.
    fn block(&self) -> (String, String) {
        let mut blocks = self.blocks();
        assert_eq!(blocks.len(), 1, "{blocks:?}");
        blocks.remove(0)
    }
}

#[test]
fn an_organiser_that_the_server_names_makes_no_meeting_of_a_block() {
    let keeper = Keeper::new(Stores::Organised);
    let home = &keeper.home;
    // Its event moves, and the block moves along, however often everything is read anew.
    for hour in 8..11 {
        home.put("home", "a.ics", meeting_at("a", 9, hour));
        home.sync();
        let (_, text) = keeper.block();
        assert!(text.contains("ORGANIZER"), "{text}");
        home.expect(0, &["sync", "--full"]).is_silent();
    }
    // Without its state calsync knows it again, and has nothing to write.
    home.lose_state();
    home.sync_idle();
    // Whoever is invited makes it theirs, on such a server as on any.
    let (name, text) = keeper.block();
    let guest = "BEGIN:VEVENT\r\nATTENDEE:mailto:bob@example.org";
    let meeting_of_it = text.replace("BEGIN:VEVENT", guest);
    keeper.cloud.put(WORK, &name, &meeting_of_it);
    home.sync();
    home.expect(0, &["reset", "--all", "--yes"]);
    assert_eq!(keeper.block(), (name.clone(), meeting_of_it));
    keeper.cloud.put(WORK, &name, &text);
    home.expect(0, &["reset", "--all", "--yes"]);
    assert_eq!(keeper.blocks(), []);
    keeper.cloud.asked();
}

#[test]
fn a_meeting_of_the_owner_alone_that_the_server_makes_of_a_block_is_still_the_block() {
    for stores in [
        Stores::Made(Making::OwnersMeeting),
        Stores::MadeSilently(Making::OwnersMeeting),
    ] {
        let keeper = Keeper::new(stores);
        let home = &keeper.home;
        home.configure_also("me = [\"alice@example.org\"]", "");
        // Its event moves, and the block moves along.
        for hour in 8..11 {
            home.put("home", "a.ics", meeting_at("a", 9, hour));
            home.sync();
            let (_, text) = keeper.block();
            assert!(text.contains(&format!("T{hour:02}0000Z")), "{text}");
            home.expect(0, &["sync", "--full"]).is_silent();
        }
        // Whoever else is in it makes it a meeting: as a guest, or as the one who invites.
        let (name, text) = keeper.block();
        for (line, with) in [
            (
                "BEGIN:VEVENT",
                "BEGIN:VEVENT\r\nATTENDEE:mailto:bob@example.org",
            ),
            ("ORGANIZER:mailto:alice", "ORGANIZER:mailto:bob"),
        ] {
            let theirs = text.replace(line, with);
            keeper.cloud.put(WORK, &name, &theirs);
            home.sync();
            home.expect(0, &["reset", "--all", "--yes"]);
            assert_eq!(keeper.blocks(), [(name.clone(), theirs)]);
        }
        keeper.cloud.put(WORK, &name, &text);
        home.sync();
        home.delete("home", "a.ics");
        home.sync();
        assert_eq!(keeper.blocks(), [], "it goes with its event");
        assert_eq!(home.blocks("home").len(), 0);
    }
}

#[test]
fn in_a_folder_the_owner_as_the_only_one_invited_stays_a_sign_of_a_meeting() {
    let home = Home::with(&["work", "home"]);
    home.configure_also("me = [\"alice@example.org\"]", "");
    home.put("work", "a.ics", meeting_at("a", 9, 10));
    home.sync();
    let (name, bytes) = home.blocks("home").into_iter().next().unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let me = "BEGIN:VEVENT\r\nATTENDEE:mailto:alice@example.org";
    home.put("home", &name, text.replace("BEGIN:VEVENT", me));
    let before = home.blocks("home");
    home.delete("work", "a.ics");
    home.sync();
    home.expect(0, &["reset", "--all", "--yes"]);
    assert_eq!(home.blocks("home"), before);
}

#[test]
fn a_server_that_keeps_nothing_of_what_it_takes_is_told_of() {
    for stores in [
        Stores::Made(Making::Lost),
        Stores::MadeSilently(Making::Lost),
    ] {
        let keeper = Keeper::new(stores);
        let home = &keeper.home;
        for i in 0..3 {
            let text = meeting_at(&format!("u{i}"), 9, 10);
            home.put("home", &format!("{i}.ics"), text);
        }
        home.sync();
        for _ in 0..3 {
            home.expect(5, &["sync"])
                .says(&["work: ", "keeps nothing of them"]);
        }
        // As soon as it keeps something, all is well.
        keeper.cloud.set_stores(Stores::AsItIs);
        home.sync();
        assert_eq!(keeper.blocks().len(), 3);
        // A person who takes all of them away, again and again, gets them back without a word.
        for _ in 0..4 {
            for (name, _) in keeper.blocks() {
                keeper.cloud.take(WORK, &name);
            }
            home.sync();
            assert_eq!(keeper.blocks().len(), 3);
        }
        home.sync_idle();
    }
}

/// How a run went: its result, and how many blocks it changed.
fn ran(home: &Home, code: i32, args: &[&str]) -> (String, u64) {
    let report = home
        .expect(code, &[&["sync", "--json"], args].concat())
        .json();
    let result = report["result"].as_str().unwrap().to_owned();
    (result, report["updated"].as_u64().unwrap())
}

#[test]
fn a_version_that_comes_a_moment_after_writing_settles() {
    let keeper = Keeper::new(Stores::MadeLater(Making::Classless));
    let home = &keeper.home;
    home.put("home", "a.ics", meeting_at("a", 9, 10));
    home.sync();
    // It may be somebody's edit of that moment, until it comes out the same way again.
    assert_eq!(ran(home, 0, &[]), ("ok".to_owned(), 1));
    for args in [&[][..], &["--full"], &[]] {
        assert_eq!(ran(home, 0, args), ("ok".to_owned(), 0));
    }
    // An edit comes back as ever, with what the server makes of it.
    let (name, text) = keeper.block();
    let edited = text.replace("SUMMARY:Busy", "SUMMARY:Mine");
    keeper.cloud.put(WORK, &name, &edited);
    assert_eq!(ran(home, 0, &[]), ("ok".to_owned(), 1));
    assert_eq!(ran(home, 0, &[]), ("ok".to_owned(), 0));
    assert!(keeper.block().1.contains("SUMMARY:Busy"));
    keeper.cloud.asked();
}

#[test]
fn a_block_at_another_time_or_not_busy_is_written_again_and_not_for_ever() {
    for making in [Making::Later, Making::Free, Making::Cut] {
        for stores in [
            Stores::Made(making),
            Stores::MadeSilently(making),
            Stores::MadeLater(making),
        ] {
            let keeper = Keeper::new(stores);
            let home = &keeper.home;
            home.put("home", "a.ics", meeting_at("a", 9, 10));
            home.sync();
            // What is not in the version that was told when it was written may be somebody's doing once more.
            let again = 1 + usize::from(!matches!(stores, Stores::Made(_)));
            for _ in 0..again {
                assert_eq!(
                    ran(home, 0, &["--full"]),
                    ("ok".to_owned(), 1),
                    "{stores:?}"
                );
            }
            for args in [&["--full"][..], &[], &["--full"]] {
                assert_eq!(ran(home, 5, args), ("partial".to_owned(), 0), "{stores:?}");
            }
            let said = home.expect(5, &["sync"]).all();
            let times = said.matches("makes something else of 1 block").count();
            assert_eq!(times, 1, "{said}");
            // Once the server does as it is told, so does the block.
            let (name, _) = keeper.block();
            keeper.cloud.set_stores(Stores::AsItIs);
            home.put("home", "a.ics", meeting_at("a", 9, 11));
            home.sync();
            let (same, text) = keeper.block();
            assert!(text.contains("T110000") && same == name, "{text}");
            assert_eq!(ran(home, 0, &["--full"]), ("ok".to_owned(), 0));
        }
    }
}

#[test]
fn what_is_moved_or_taken_away_at_a_server_is_left_so_where_the_rule_says_so() {
    for (rule, is_left) in [
        ("", false),
        ("deleted = \"respect\"\nmoved = \"respect\"", true),
    ] {
        let keeper = Keeper::new(Stores::AsItIs);
        let home = &keeper.home;
        let rule = format!("[[rules]]\nfrom = \"home\"\nto = \"work\"\n{rule}\n");
        home.configure_also("", &rule);
        home.put("home", "a.ics", meeting_at("a", 9, 10));
        home.sync();
        let (name, right) = keeper.block();
        let later = right.replace("T10", "T13").replace("T11", "T14");
        keeper.cloud.put(WORK, &name, &later);
        home.sync();
        let should = if is_left { &later } else { &right };
        assert_eq!(timeless(&keeper.block().1), timeless(should));
        home.sync_idle();
        keeper.cloud.take(WORK, &name);
        home.sync();
        assert_eq!(keeper.blocks().is_empty(), is_left);
        home.sync_idle();
    }
}

#[test]
fn what_is_over_goes_from_a_server_where_the_window_says_so() {
    for (past, left) in [("keep", 2), ("delete", 1)] {
        let keeper = Keeper::new(Stores::AsItIs);
        let home = &keeper.home;
        let window = |days: u32, past: &str| {
            let text = fs::read_to_string(home.config_file()).unwrap();
            let text = text.split("[window]").next().unwrap().to_owned();
            home.configure(&format!(
                "{text}[window]\npast_days = {days}\npast = \"{past}\"\n"
            ));
        };
        window(9, "keep");
        home.put("home", "a.ics", meeting_at("a", -5, 10));
        home.put("home", "b.ics", meeting_at("b", 5, 10));
        home.sync();
        assert_eq!(keeper.blocks().len(), 2);
        window(2, past);
        home.run(&["sync"]);
        assert_eq!(keeper.blocks().len(), left);
        home.sync_idle();
    }
}

#[test]
fn the_same_edit_twice_is_no_servers_doing() {
    let keeper = Keeper::new(Stores::AsItIs);
    keeper.home.put("home", "a.ics", meeting_at("a", 9, 10));
    keeper.home.sync();
    let (_, right) = keeper.block();
    for _ in 0..2 {
        let (name, text) = keeper.block();
        let later = text.replace("T10", "T13").replace("T11", "T14");
        keeper.cloud.put(WORK, &name, &later);
        assert_eq!(ran(&keeper.home, 0, &[]), ("ok".to_owned(), 1));
        assert_eq!(timeless(&keeper.block().1), timeless(&right));
    }
}

#[test]
fn what_a_server_keeps_in_other_words_at_the_same_time_is_left_at_once() {
    for stores in [
        Stores::Made(Making::Classless),
        Stores::MadeSilently(Making::Classless),
    ] {
        let keeper = Keeper::new(stores);
        keeper.home.put("home", "a.ics", meeting_at("a", 9, 10));
        keeper.home.sync();
        for args in [&[][..], &["--full"], &[]] {
            assert_eq!(ran(&keeper.home, 0, args), ("ok".to_owned(), 0));
        }
    }
}

#[test]
fn a_block_that_was_stored_cut_short_is_put_right_or_removed() {
    for is_wanted in [true, false] {
        let keeper = Keeper::new(Stores::Made(Making::Cut));
        let home = &keeper.home;
        home.put("home", "a.ics", meeting_at("a", 9, 10));
        home.sync();
        let (name, cut) = keeper.block();
        assert!(!cut.contains("END:VCALENDAR"), "{cut}");
        keeper.cloud.set_stores(Stores::AsItIs);
        if !is_wanted {
            home.delete("home", "a.ics");
        }
        home.expect(0, &["sync", "--full"]);
        match is_wanted {
            true => {
                let (same, text) = keeper.block();
                assert!(
                    same == name && text.ends_with("END:VCALENDAR\r\n"),
                    "{text}"
                );
            }
            false => assert_eq!(keeper.blocks(), []),
        }
        home.sync_idle();
    }
}

#[test]
fn what_is_cut_short_where_somebody_is_invited_is_left_alone() {
    let keeper = Keeper::new(Stores::AsItIs);
    let home = &keeper.home;
    home.put("home", "a.ics", meeting_at("a", 9, 10));
    home.sync();
    let (name, text) = keeper.block();
    let (begin, _) = text.split_once("SUMMARY").unwrap();
    let theirs = format!("{begin}ATT\r\n ENDEE:mailto:bob@example.org\r\nSUMM");
    keeper.cloud.put(WORK, &name, &theirs);
    home.expect(5, &["sync"]);
    home.run(&["reset", "--all", "--yes"]);
    let left = keeper.blocks();
    assert!(left.contains(&(name, theirs)), "{left:?}");
}

#[test]
fn the_same_edit_in_a_folder_comes_back_however_often() {
    let home = Home::with(&["work", "home"]);
    home.put("work", "a.ics", meeting_at("a", 9, 10));
    home.sync();
    let (name, bytes) = home.blocks("home").into_iter().next().unwrap();
    let text = String::from_utf8(bytes).unwrap();
    for edited in [
        text.replace("SUMMARY:Busy", "SUMMARY:Mine"),
        text.replace("T10", "T13").replace("T11", "T14"),
        text.replace("TRANSP:OPAQUE", "TRANSP:TRANSPARENT"),
    ] {
        for _ in 0..4 {
            home.put("home", &name, &edited);
            assert_eq!(ran(&home, 0, &[]), ("ok".to_owned(), 1));
        }
    }
}

#[test]
fn what_is_written_is_read_once_whatever_version_the_server_says_it_has() {
    for making in [Making::Later, Making::Free, Making::Cut] {
        let keeper = Keeper::new(Stores::Made(making));
        keeper.home.put("home", "a.ics", meeting_at("a", 9, 10));
        keeper.home.sync();
        // Written again, in case it was somebody's edit, and then told in words.
        assert_eq!(ran(&keeper.home, 0, &[]), ("ok".to_owned(), 1));
        for _ in 0..2 {
            assert_eq!(ran(&keeper.home, 5, &[]), ("partial".to_owned(), 0));
        }
        let said = keeper.home.expect(5, &["sync"]).all();
        assert!(said.contains("makes something else of 1 block"), "{said}");
    }
}

#[test]
fn reading_what_was_written_costs_one_request_for_all_of_it_and_once() {
    let keeper = Keeper::new(Stores::AsItIs);
    let requests = |code: i32| {
        let report = keeper.home.expect(code, &["sync", "--json"]).json();
        report["requests"].as_u64().unwrap()
    };
    keeper.home.put("home", "a.ics", meeting_at("a", 9, 10));
    keeper.home.sync();
    requests(0);
    for i in 0..60 {
        let text = meeting_at(&format!("u{i}"), 2, 10);
        keeper.home.put("home", &format!("{i}.ics"), text);
    }
    assert_eq!(requests(0), 1 + 60, "a write each, and no read with it");
    assert_eq!(requests(0), 2, "all of it at once");
    assert_eq!(requests(0), 1, "and never again");
}

/// Ways in which a server keeps a block that is not known again by its UID.
const RENAMING: [Stores; 4] = [
    Stores::Made(Making::Renamed),
    Stores::Made(Making::Capital),
    Stores::MadeSilently(Making::Renamed),
    Stores::MadeSilently(Making::Capital),
];

#[test]
fn a_server_that_gives_blocks_another_uid_is_told_of_and_gets_no_more_of_them() {
    for stores in RENAMING {
        let keeper = Keeper::new(stores);
        let home = &keeper.home;
        for i in 0..3 {
            home.put(
                "home",
                &format!("{i}.ics"),
                meeting_at(&format!("u{i}"), 9, 10),
            );
        }
        home.run(&["sync"]);
        let written = keeper.blocks().len();
        // Without a version each block is looked at once it is written, so that the first one tells.
        let is_silent = matches!(stores, Stores::MadeSilently(_));
        assert_eq!(written, if is_silent { 1 } else { 3 });
        for args in [&["sync"][..], &["sync"], &["sync", "--full"], &["sync"]] {
            let ran = home.expect(5, args);
            ran.says(&[
                "another UID",
                "cannot be a target",
                "calsync reset --calendar work",
            ]);
            assert_eq!(keeper.blocks().len(), written, "{stores:?}");
            assert_eq!(home.blocks("home").len(), 0, "{stores:?}: no echo");
        }
        // Nor when its event goes, or a new one comes.
        home.delete("home", "0.ics");
        home.put("home", "new.ics", meeting_at("new", 8, 10));
        home.expect(5, &["sync"]);
        assert_eq!(keeper.blocks().len(), written);
        // What is known to be as it was written can be taken away, and nothing else.
        keeper.cloud.put(WORK, "own.ics", &meeting_at("own", 9, 15));
        home.expect(0, &["reset", "--all", "--yes"]);
        assert_eq!(keeper.blocks(), [], "{stores:?}");
        assert!(keeper.cloud.items(WORK).contains_key("own.ics"));
        keeper.cloud.asked();
    }
}

#[test]
fn blocks_with_another_uid_are_no_events_either_when_the_state_is_lost() {
    for stores in RENAMING {
        let keeper = Keeper::new(stores);
        let home = &keeper.home;
        home.put("home", "a.ics", meeting_at("a", 9, 10));
        home.run(&["sync"]);
        home.lose_state();
        for _ in 0..3 {
            home.expect(5, &["sync"]).says(&["another UID"]);
            assert_eq!((keeper.blocks().len(), home.blocks("home").len()), (1, 0));
        }
        // Nobody remembers that it is as it was written.
        home.run(&["reset", "--all", "--yes"]);
        assert_eq!(keeper.blocks().len(), 1, "{stores:?}");
        keeper.cloud.asked();
    }
}

#[test]
fn what_a_person_puts_at_a_blocks_place_is_theirs_and_an_event() {
    let keeper = Keeper::new(Stores::AsItIs);
    let home = &keeper.home;
    home.put("home", "a.ics", meeting_at("a", 9, 10));
    home.sync();
    let (name, _) = keeper.block();
    let theirs = meeting_at("theirs", 9, 10);
    keeper.cloud.put(WORK, &name, &theirs);
    for _ in 0..2 {
        home.sync();
    }
    assert_eq!(home.blocks("home").len(), 1, "it shows elsewhere");
    assert_eq!(keeper.blocks().len(), 2, "and the block is beside it");
    home.expect(0, &["reset", "--all", "--yes"]);
    assert_eq!(keeper.block(), (name, theirs));
    keeper.cloud.asked();
}

#[test]
fn an_edit_or_a_meeting_made_of_a_block_with_another_uid_is_left_alone() {
    for (line, with) in [
        ("SUMMARY:Busy", "SUMMARY:Mine"),
        (
            "BEGIN:VEVENT",
            "BEGIN:VEVENT\r\nATTENDEE:mailto:bob@example.org",
        ),
    ] {
        let keeper = Keeper::new(Stores::Made(Making::Renamed));
        let home = &keeper.home;
        home.put("home", "a.ics", meeting_at("a", 9, 10));
        home.sync();
        home.expect(5, &["sync"]);
        let (name, text) = keeper.block();
        let theirs = text.replace(line, with);
        keeper.cloud.put(WORK, &name, &theirs);
        home.run(&["sync"]);
        home.run(&["reset", "--all", "--yes"]);
        assert!(keeper.blocks().contains(&(name, theirs)), "{line}");
        assert_eq!(home.blocks("home").len(), 0);
    }
}

#[test]
fn what_was_written_is_not_asked_for_one_by_one() {
    let keeper = Keeper::new(Stores::AsItIs);
    keeper.cloud.renew(Manners {
        forgetful: true,
        ..Manners::default()
    });
    keeper.cloud.calendar(WORK);
    for i in 0..30 {
        let text = meeting_at(&format!("u{i}"), 2, 10);
        keeper.home.put("home", &format!("{i}.ics"), text);
    }
    keeper.home.sync();
    keeper.cloud.asked();
    for requests in [2, 1] {
        keeper.home.sync_idle();
        assert_eq!(keeper.cloud.asked().len(), requests);
    }
}

#[test]
fn a_block_that_a_server_lists_under_a_name_of_its_own_is_one_block() {
    let keeper = Keeper::new(Stores::Elsewhere);
    let home = &keeper.home;
    let standing = || keeper.cloud.items(WORK).len();
    for hour in 8..11 {
        home.put("home", "a.ics", meeting_at("a", 9, hour));
        home.put("home", "b.ics", meeting_at("b", 12, hour));
        home.expect(0, &["sync"]);
        assert_eq!(standing(), 2);
        for args in [&["sync"][..], &["sync", "--full"], &["sync"]] {
            home.expect(0, args).is_silent();
            assert_eq!(standing(), 2, "{hour}: {args:?}");
        }
    }
    home.lose_state();
    home.sync_idle();
    home.delete("home", "a.ics");
    home.expect(0, &["sync"]);
    assert_eq!(standing(), 1);
    home.expect(0, &["reset", "--all", "--yes"]);
    assert_eq!(standing(), 0);
}

/// A block but for when it was written.
fn timeless(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with("DTSTAMP"));
    lines.collect()
}
