//! Runs that are stopped in the middle: the next one ends where an undisturbed one would.

use std::{
    collections::BTreeMap,
    fs,
    process::{Child, Output},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::program::{
    Home, KEY, event_with, is_block, meeting, meeting_at, wait_until, weekly,
};

/// What a home shows, without the times of writing.
fn picture(home: &Home) -> BTreeMap<String, String> {
    let timeless = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with("DTSTAMP"));
        lines.collect::<Vec<_>>().join("\n")
    };
    home.world()
        .into_iter()
        .map(|(name, bytes)| (name, timeless(bytes)))
        .collect()
}

fn signal(child: &Child, signal: Signal) {
    let id = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    // A process that has ended by itself in this moment is fine, too.
    kill_process(id, signal).unwrap();
}

fn count_blocks(home: &Home) -> usize {
    let names = fs::read_dir(home.folder("home")).unwrap();
    names
        .filter(|entry| is_block(&entry.as_ref().unwrap().file_name().to_string_lossy()))
        .count()
}

/// A home with so many events at work.
fn busy_home(events: i32) -> Home {
    let home = Home::with(&["work", "home"]);
    home.give_key(KEY);
    for number in 0..events {
        home.put(
            "work",
            &format!("{number}.ics"),
            meeting(&format!("u{number}"), 1 + number % 300),
        );
    }
    home.put("work", "weekly.ics", weekly("weekly", 2));
    home.put("home", "own.ics", meeting("own", 5));
    home
}

/// The picture of a home with the same events that nobody ever disturbed.
fn undisturbed(home: &Home) -> BTreeMap<String, String> {
    let calm = Home::with(&["work", "home"]);
    calm.give_key(KEY);
    for (path, bytes) in home.world() {
        let (calendar, file) = path.split_once('/').unwrap();
        if !is_block(file) && !file.starts_with('.') {
            calm.put(calendar, file, bytes);
        }
    }
    calm.sync();
    picture(&calm)
}

#[test]
fn a_run_that_is_asked_to_stop_ends_after_the_operation_at_hand_and_the_next_goes_on() {
    for kind in [Signal::TERM, Signal::INT] {
        let home = busy_home(700);
        let child = home.spawn(&["sync", "--json"]);
        wait_until("the first block", || count_blocks(&home) > 0);
        signal(&child, kind);
        let Output {
            status,
            stdout,
            stderr,
        } = child.wait_with_output().unwrap();
        let (stdout, stderr) = (
            String::from_utf8(stdout).unwrap(),
            String::from_utf8(stderr).unwrap(),
        );
        let done = count_blocks(&home);
        assert_eq!(status.code(), Some(5), "{done} blocks: {stderr}");
        assert!(done < 701, "the signal came while there was work left");
        assert!(
            stderr.contains("stopping after the operation at hand"),
            "{stderr}"
        );
        let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(report["result"], "partial");
        let sum = |key: &str| usize::try_from(report[key].as_u64().unwrap()).unwrap();
        assert_eq!(sum("created") + sum("failed"), 701 + 1, "{stdout}");
        home.expect(0, &["sync"]);
        assert_eq!(count_blocks(&home), 701);
        home.sync_idle();
        assert_eq!(picture(&home), undisturbed(&home));
    }
}

#[test]
fn a_run_that_waits_for_its_time_holds_no_lock_and_can_be_stopped() {
    let home = busy_home(3);
    let child = home.spawn(&["sync", "--jitter", "3600"]);
    // While it waits another run does the work. The dice may come up with no time at all to wait, about once in a million.
    let ran = home.run(&["sync"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    signal(&child, Signal::TERM);
    let ended = child.wait_with_output().unwrap();
    assert!(matches!(ended.status.code(), Some(5) | None), "{ended:?}");
    home.expect(0, &["sync", "--jitter", "0"]).is_silent();
    home.expect(2, &["sync", "--jitter", "3601"]);
}

#[test]
fn a_run_that_is_told_twice_to_stop_stops_at_once() {
    let home = busy_home(700);
    let child = home.spawn(&["sync"]);
    wait_until("the first block", || count_blocks(&home) > 0);
    signal(&child, Signal::TERM);
    signal(&child, Signal::INT);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(5));
    home.expect(0, &["sync"]);
    assert_eq!(picture(&home), undisturbed(&home));
}

#[test]
fn a_run_that_is_told_twice_to_stop_while_it_plans_stops_at_once() {
    let home = Home::with(&["work", "home"]);
    home.give_key(KEY);
    let many = 150;
    for number in 0..many {
        // Long to think about: every hour of two years, and none of them written as a rule.
        let event = format!(
            "DTSTART;TZID=Europe/Berlin:20200101T00{:02}00\nDURATION:PT1M\nRRULE:FREQ=HOURLY\nRDATE:20200101T003000Z",
            number % 60
        );
        home.put(
            "work",
            &format!("{number}.ics"),
            event_with(&format!("u{number}"), &event),
        );
    }
    let child = home.spawn(&["sync"]);
    let has_read = || {
        let status = home.run(&["status", "--json"]);
        status.code == 0 && status.json()["calendars"][1]["events"] == many
    };
    wait_until("all events to be read", has_read);
    signal(&child, Signal::TERM);
    signal(&child, Signal::INT);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    assert!(output.stderr.is_empty(), "nobody was awake: {output:?}");
    assert_eq!(count_blocks(&home), 0);
}

/// A small generator (splitmix64), so that a failure can be repeated from its seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (x ^ (x >> 31)) % sides
    }
}

/// Lets a run go on for a random while, or until it has written a random number of blocks, and kills it.
fn kill_somewhere(home: &Home, dice: &mut Dice) -> bool {
    let before = count_blocks(home);
    let mut child = home.spawn(&["sync"]);
    let (by_count, limit) = (dice.roll(2) == 0, dice.roll(60));
    for looked in 0.. {
        let done = u64::try_from(count_blocks(home).abs_diff(before)).unwrap();
        let reached = if by_count {
            done > limit || looked > 20_000
        } else {
            looked >= limit
        };
        if reached || child.try_wait().unwrap().is_some() {
            break;
        }
        thread::park_timeout(Duration::from_micros(200));
    }
    let cut = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait_with_output().unwrap();
    cut
}

#[test]
fn a_run_killed_forty_times_anywhere_ends_in_the_right_world() {
    let seed = u64::from(std::process::id());
    let mut dice = Dice(seed);
    let home = busy_home(150);
    let mut cut = 0;
    for round in 0..40_i32 {
        cut += i32::from(kill_somewhere(&home, &mut dice));
        // The world moves on meanwhile: something new, something changed, something gone, and a block is deleted by hand.
        let pick = |dice: &mut Dice| format!("{}.ics", dice.roll(150));
        home.put(
            "work",
            &format!("new{round}.ics"),
            meeting_at(&format!("new{round}"), 3 + round, 20),
        );
        let name = pick(&mut dice);
        let uid = format!("u{}", name.trim_end_matches(".ics"));
        home.put("work", &name, meeting_at(&uid, 7 + round, 13));
        for folder in ["work", "home"] {
            let blocks = home.blocks(folder);
            let gone = if folder == "work" {
                Some(pick(&mut dice))
            } else {
                blocks.into_keys().next()
            };
            let path = home.folder(folder).join(gone.unwrap_or_default());
            if path.is_file() {
                fs::remove_file(path).unwrap();
            }
        }
    }
    assert!(cut >= 10, "only {cut} of 40 runs were cut short");
    home.expect(0, &["sync"]);
    home.sync_idle();
    assert_eq!(picture(&home), undisturbed(&home), "seed {seed}");
    let check = home.expect(0, &["check"]);
    assert!(check.stdout.contains("state.db: in order\n"), "{check:?}");
}

#[test]
fn a_reset_that_is_killed_goes_on_the_next_time() {
    let home = busy_home(400);
    let own = home.world();
    home.sync();
    let child = home.spawn(&["reset", "--all", "--yes"]);
    wait_until("the first block to go", || count_blocks(&home) < 401);
    signal(&child, Signal::KILL);
    child.wait_with_output().unwrap();
    home.expect(0, &["reset", "--all", "--yes"]);
    assert_eq!(home.world(), own);
}
