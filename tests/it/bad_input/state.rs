//! State files that are newer, damaged, or no state files; and two runs at once.

use std::{fs, fs::File};

use rusqlite::{Connection, OpenFlags};

use crate::support::program::{Home, meeting, set_mode, write};

fn in_step() -> Home {
    let home = Home::with(&["work", "home"]);
    for number in 0..30 {
        home.put(
            "work",
            &format!("{number}.ics"),
            meeting(&format!("u{number}"), 1 + number),
        );
    }
    home.sync();
    home
}

/// The command fails with code 3 and these words, and neither state nor calendars change.
fn is_refused(home: &Home, words: &[&str]) {
    let (state, world) = (fs::read(home.state_file()).unwrap(), home.world());
    for args in [
        &["sync"][..],
        &["status"],
        &["reset", "--all", "--yes"],
        &["check"],
    ] {
        let ran = home.expect(3, args);
        for word in words {
            assert!(ran.all().contains(word), "no `{word}` in {ran:?}");
        }
        assert_eq!(fs::read(home.state_file()).unwrap(), state, "{args:?}");
        assert_eq!(home.world(), world);
    }
}

#[test]
fn a_state_file_of_a_newer_version_is_left_alone() {
    let home = in_step();
    let db =
        Connection::open_with_flags(home.state_file(), OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    db.execute_batch("INSERT INTO refinery_schema_history SELECT 99, 'later', applied_on, checksum FROM refinery_schema_history LIMIT 1")
        .unwrap();
    db.close().unwrap();
    is_refused(&home, &["newer calsync", "99"]);
}

#[test]
fn what_is_no_state_file_is_left_alone() {
    let home = in_step();
    home.lose_state();
    write(
        &home.state_file(),
        "this is a letter to my aunt\n".repeat(500).as_bytes(),
    );
    set_mode(&home.state_file(), 0o600);
    let place = home.state_file().display().to_string();
    is_refused(&home, &[&place, "not a database", "move it away"]);
    home.lose_state();
    home.sync_idle();
}

#[test]
fn somebody_elses_database_is_left_alone() {
    let home = in_step();
    home.lose_state();
    fs::create_dir_all(home.state_file().parent().unwrap()).unwrap();
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let db = Connection::open_with_flags(home.state_file(), flags).unwrap();
    db.execute_batch("CREATE TABLE songs (title TEXT); INSERT INTO songs VALUES ('Yesterday')")
        .unwrap();
    db.close().unwrap();
    is_refused(&home, &["not a state file of calsync"]);
}

#[test]
fn a_damaged_state_file_ends_in_words_and_can_be_moved_away() {
    let home = in_step();
    let mut bytes = fs::read(home.state_file()).unwrap();
    let end = bytes.len();
    bytes[4096..end].fill(0xA5);
    write(&home.state_file(), &bytes);
    let world = home.world();
    let ran = home.expect(3, &["sync"]);
    ran.says(&["state file", "move it away"]);
    assert_eq!(home.world(), world);
    home.lose_state();
    home.sync_idle();
}

#[test]
fn a_state_file_with_a_page_that_belongs_elsewhere_is_not_believed() {
    let home = in_step();
    let page = |table: &str| {
        let readable = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let db = Connection::open_with_flags(home.state_file(), readable).unwrap();
        let sql = "SELECT rootpage FROM sqlite_master WHERE name = ?1";
        let index = format!("sqlite_autoindex_{table}_1");
        let root: i64 = db.query_row(sql, [index], |row| row.get(0)).unwrap();
        let from = usize::try_from(root - 1).unwrap() * 4_096;
        from..from + 4_096
    };
    let (from, to) = (page("facts"), page("resources"));
    let mut bytes = fs::read(home.state_file()).unwrap();
    bytes.copy_within(from, to.start);
    write(&home.state_file(), &bytes);
    let (world, damaged) = (home.world(), ["state.db", "move it away"]);
    home.expect(3, &["sync"]).says(&damaged);
    home.expect(3, &["sync", "--full"]).says(&damaged);
    home.expect(3, &["reset", "--all", "--yes"]).says(&damaged);
    let told = home.expect(3, &["check"]).stdout;
    assert!(told.contains("move it away"), "{told}");
    assert_eq!(home.world(), world);
    home.lose_state();
    home.sync_idle();
}

/// Writes into the state behind its back.
fn falsify(home: &Home, sql: &str) {
    let db = Connection::open_with_flags(home.state_file(), OpenFlags::SQLITE_OPEN_READ_WRITE);
    let sql = format!("PRAGMA foreign_keys = OFF; {sql}");
    db.unwrap().execute_batch(&sql).unwrap();
}

#[test]
fn a_state_of_which_a_part_is_missing_is_not_believed() {
    let home = in_step();
    let world = home.world();
    falsify(&home, "DELETE FROM resources WHERE href = '7.ics'");
    home.expect(3, &["sync"])
        .says(&["state.db", "move it away"]);
    assert_eq!(home.world(), world);
}

#[test]
fn a_state_file_is_looked_through_only_if_somebody_else_may_have_written_it() {
    let home = in_step();
    let is_looked_through = || {
        let ran = home.expect(0, &["sync", "-vv"]);
        ran.stderr.contains("it is looked through")
    };
    assert!(!is_looked_through());
    home.put("work", "new.ics", meeting("new", 7));
    assert!(!is_looked_through());
    assert!(!is_looked_through(), "what the run before wrote is its own");
    let bytes = fs::read(home.state_file()).unwrap();
    write(&home.state_file(), &bytes);
    assert!(is_looked_through());
    assert!(!is_looked_through());
}

#[test]
fn a_folder_where_the_state_file_should_be_is_named() {
    let home = in_step();
    home.lose_state();
    fs::create_dir_all(home.state_file()).unwrap();
    let place = home.state_file().display().to_string();
    home.expect(3, &["sync"]).says(&[&place]);
}

#[test]
fn an_empty_state_file_is_a_new_one() {
    let home = in_step();
    home.lose_state();
    write(&home.state_file(), b"");
    home.sync_idle();
}

#[test]
fn a_second_run_at_the_same_time_says_so_and_changes_nothing() {
    let home = in_step();
    home.put("work", "new.ics", meeting("new", 3));
    let before = home.world();
    let lock = File::open(home.path(".local/state/calsync/state.db.lock")).unwrap();
    lock.lock().unwrap();
    for args in [
        &["sync"][..],
        &["reset", "--all", "--yes"],
        &["sync", "--dry-run"],
    ] {
        home.expect(7, args)
            .says(&["another calsync run is under way"]);
    }
    assert_eq!(home.expect(7, &["sync", "--json"]).json()["result"], "busy");
    home.expect(0, &["check"]);
    assert_eq!(home.world(), before);
    drop(lock);
    home.expect(0, &["sync"]);
    assert_eq!(home.blocks("home").len(), 31);
}

#[test]
fn the_lock_does_not_outlive_the_process_that_held_it() {
    let home = in_step();
    let mut child = home.spawn(&["sync", "--full"]);
    child.kill().unwrap();
    child.wait().unwrap();
    home.sync();
}

#[test]
fn a_link_to_the_state_file_has_no_lock_of_its_own() {
    let home = in_step();
    let link = home.path("link.db");
    std::os::unix::fs::symlink(home.state_file(), &link).unwrap();
    let lock = File::open(home.path(".local/state/calsync/state.db.lock")).unwrap();
    lock.lock().unwrap();
    home.expect(7, &["sync", "--state", &link.display().to_string()]);
    drop(lock);
    let nowhere = home.path("later.db");
    std::os::unix::fs::symlink(home.path("made-later.db"), &nowhere).unwrap();
    home.expect(0, &["sync", "--state", &nowhere.display().to_string()]);
    assert!(home.path("made-later.db.lock").exists());
}

#[test]
fn a_state_that_is_being_written_without_its_lock_is_busy() {
    let home = in_step();
    home.put("work", "new.ics", meeting("new", 3));
    let before = home.world();
    let db =
        Connection::open_with_flags(home.state_file(), OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    db.execute_batch("BEGIN EXCLUSIVE").unwrap();
    home.expect(7, &["sync"]);
    assert_eq!(home.world(), before);
}
