//! Disks that are full or may not be written to.

use std::{fs, process::Command};

use crate::support::program::{
    Home, KEY, PROGRAM, Ran, event_with, files_in, meeting, set_mode, skipped, utc, write,
};

const COUNT: usize = 40;

/// A home with so many events at work, and one own file at home.
fn full_of_work() -> Home {
    let home = Home::with(&["work", "home"]);
    home.give_key(KEY);
    for number in 0..COUNT {
        let start = utc(1 + i32::try_from(number).unwrap(), "090000");
        let text = event_with(
            &format!("u{number}"),
            &format!("DTSTART:{start}\nDURATION:PT1H"),
        );
        home.put("work", &format!("{number}.ics"), text);
    }
    home.put("home", "own.ics", meeting("own", 200));
    home
}

/// Runs a script in which `mount` works and nobody outside sees it; nothing if this system does not allow that.
fn in_own_mounts(home: &Home, script: &str) -> Option<Ran> {
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-euc", "mount -t tmpfs none /mnt"]);
    home.surround(&mut command);
    if !command.output().is_ok_and(|output| output.status.success()) {
        skipped("`unshare -rm` does not work here, so there is no disk to fill");
        return None;
    }
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-uc", script, PROGRAM]);
    home.surround(&mut command);
    Some(Ran::of(command.output().unwrap()))
}

#[test]
fn a_limit_on_the_size_of_files_is_a_full_disk_and_not_the_end() {
    let home = full_of_work();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -f 64; exec \"$0\" sync", PROGRAM]);
    home.surround(&mut command);
    let ran = Ran::of(command.output().unwrap());
    assert_eq!(ran.code, 3, "{ran:?}");
    ran.says(&["the state file", "is the disk full?"]);
    home.sync();
    assert_eq!(home.blocks("home").len(), COUNT);
}

#[test]
fn a_full_disk_leaves_nothing_half_written_and_the_next_run_with_room_completes() {
    let home = full_of_work();
    let script = "
        mkdir out1 out2
        cp cal/home/own.ics own.ics
        mount -t tmpfs -o size=64k none cal/home && cp own.ics cal/home/ || exit 99
        $0 sync; echo code1=$?
        cp -a cal/home/. out1
        mount -o remount,size=4m cal/home || exit 99
        $0 sync; echo code2=$?
        $0 sync; echo code3=$?
        cp -a cal/home/. out2";
    let Some(ran) = in_own_mounts(&home, script) else {
        return;
    };
    for code in ["code1=5", "code2=0", "code3=0"] {
        assert!(ran.stdout.contains(code), "{ran:?}");
    }
    ran.says(&["No space left on device", "make room"]);
    let (first, second) = (files_in(&home.path("out1")), files_in(&home.path("out2")));
    assert!(
        first.len() > 1 && first.len() < COUNT + 1,
        "{}",
        first.len()
    );
    assert_eq!(second.len(), COUNT + 1);
    let own = fs::read(home.path("own.ics")).unwrap();
    for files in [&first, &second] {
        assert_eq!(files.get("own.ics"), Some(&own));
        for (name, bytes) in files {
            assert!(!name.starts_with('.'), "{name}");
            assert!(bytes.ends_with(b"END:VCALENDAR\r\n"), "{name}");
        }
    }
    assert!(
        first
            .iter()
            .all(|(name, bytes)| second.get(name) == Some(bytes))
    );
}

#[test]
fn a_full_disk_under_the_state_file_makes_no_duplicate() {
    let home = full_of_work();
    fs::create_dir_all(home.path(".local/state/calsync")).unwrap();
    // Small enough for the state to outgrow it, at several places in the run.
    for pages in [20, 30, 40, 50, 60, 80] {
        let script = format!(
            "rm -f cal/home/cs1*
            mount -t tmpfs -o size={}k none .local/state/calsync || exit 99
            $0 sync; echo code1=$?
            mount -o remount,size=8m .local/state/calsync || exit 99
            $0 sync; echo code2=$?
            $0 sync; echo code3=$?",
            4 * pages
        );
        let Some(ran) = in_own_mounts(&home, &script) else {
            return;
        };
        assert!(
            !ran.stdout.contains("code1=1\n") && !ran.stderr.contains("panicked"),
            "{ran:?}"
        );
        if !ran.stdout.contains("code1=0") {
            ran.says(&["full"]);
        }
        assert!(
            ran.stdout.contains("code2=0") && ran.stdout.contains("code3=0"),
            "{ran:?}"
        );
        assert_eq!(home.files("home").len(), COUNT + 1, "{pages}: {ran:?}");
    }
}

#[test]
fn a_disk_that_is_read_only_is_named_and_the_others_go_on() {
    let home = full_of_work();
    let script = "
        mount --bind cal/home cal/home && mount -o remount,bind,ro cal/home || exit 99
        $0 sync; echo code1=$?
        $0 sync; echo code2=$?";
    let Some(ran) = in_own_mounts(&home, script) else {
        return;
    };
    assert!(
        ran.stdout.contains("code1=5") && ran.stdout.contains("code2=5"),
        "{ran:?}"
    );
    ran.says(&[
        "home: the folder",
        "may not be written",
        "role = \"source\"",
    ]);
    assert_eq!(
        (home.blocks("work").len(), home.blocks("home").len()),
        (1, 0)
    );
    home.sync();
    assert_eq!(home.blocks("home").len(), COUNT);
}

#[test]
fn a_folder_that_may_not_be_written_to_is_named_and_the_others_go_on() {
    let home = full_of_work();
    set_mode(&home.folder("home"), 0o555);
    let Some(ran) = home.run_without_privileges(&["sync"]) else {
        return;
    };
    assert_eq!(ran.code, 5, "{ran:?}");
    ran.says(&["home: the folder", "make it writable"]);
    assert_eq!(
        (home.blocks("work").len(), home.blocks("home").len()),
        (1, 0)
    );
    let ran = home.run_without_privileges(&["check"]).unwrap();
    assert_eq!(ran.code, 5);
    assert!(
        ran.stdout.contains("calendar home: it is not writable"),
        "{ran:?}"
    );
    set_mode(&home.folder("home"), 0o755);
    home.sync();
    assert_eq!(home.blocks("home").len(), COUNT);
}

#[test]
fn a_folder_that_may_not_be_read_keeps_its_blocks() {
    let home = full_of_work();
    home.sync();
    let before = home.world();
    set_mode(&home.folder("work"), 0o000);
    let ran = home.run_without_privileges(&["sync"]);
    set_mode(&home.folder("work"), 0o755);
    let Some(ran) = ran else {
        return;
    };
    assert_eq!(ran.code, 5, "{ran:?}");
    ran.says(&["work: the folder", "may not be read"]);
    assert_eq!(home.world(), before);
    home.sync_idle();
}

#[test]
fn a_state_folder_that_may_not_be_written_to_is_named() {
    let home = full_of_work();
    write(&home.path("locked/keep"), b"");
    set_mode(&home.path("locked"), 0o555);
    let Some(ran) = home.run_without_privileges(&["sync", "--state", "locked/state.db"]) else {
        return;
    };
    assert_eq!(ran.code, 3, "{ran:?}");
    ran.says(&[
        "the folder locked for the state file",
        "ermission denied",
        "make it writable",
    ]);
    assert_eq!(home.blocks("home").len(), 0);
}

#[test]
fn a_key_that_did_not_fit_on_the_disk_is_made_by_the_next_run() {
    let home = full_of_work();
    fs::remove_file(home.key_file()).unwrap();
    let script = "
        printf 'key_file = \"%s/keys/key\"\\n' \"$PWD\" | cat - saved.toml > moved.toml
        mkdir keys && mount -t tmpfs -o size=4k none keys || exit 99
        head -c 4096 /dev/zero > keys/filler
        $0 --config moved.toml sync; echo code1=$?
        ls keys; rm keys/filler
        $0 --config moved.toml sync; echo code2=$?";
    fs::copy(home.config_file(), home.path("saved.toml")).unwrap();
    let Some(ran) = in_own_mounts(&home, script) else {
        return;
    };
    assert!(ran.stdout.contains("code1=3\nfiller\n"), "{ran:?}");
    assert!(ran.stdout.contains("code2=0"), "{ran:?}");
}

#[test]
fn status_reads_a_state_file_that_nobody_may_write() {
    let home = Home::with(&["work", "home"]);
    home.put("work", "a.ics", meeting("a", 3));
    let state = ["--state", "is it 100%/state.db"];
    home.expect(0, &[&["sync"][..], &state].concat());
    set_mode(&home.path("is it 100%/state.db"), 0o444);
    set_mode(&home.path("is it 100%"), 0o555);
    let ran = home.run_without_privileges(&[&["status"][..], &state].concat());
    set_mode(&home.path("is it 100%"), 0o755);
    if let Some(ran) = ran {
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.shows(&["in step"]);
    }
}
