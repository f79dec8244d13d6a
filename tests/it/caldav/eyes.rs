//! Independent eyes on what calsync writes to real servers: Python's caldav client reads it back, recurring-ical-events works
//! out what it shows, and vdirsyncer, which many people run beside it, finds nothing to complain about.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use calsync::clock::Clock;
use jiff::Timestamp;
use serde_json::Value;

use super::killed::Party;
use crate::{
    exact::{Busy, busy_of, compare, oracle},
    support::{
        dav::{ALICE, DavDesk, Kind, PASSWORD},
        program::{Files, files_in, is_block, meeting, meeting_at, weekly, write},
        python::python,
        shore::{Shore, temporary},
    },
};

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/dav")
}

/// A Python that has the other clients.
fn eyes() -> Option<PathBuf> {
    python("eyes", &here().join("eyes.txt"))
}

/// Shows all of the oracle's calendars at a server, each in one of its own, and lets the other client look at them.
fn is_shown_exactly(kind: Kind) {
    let (Some(python), Some(desk)) = (eyes(), DavDesk::new(kind)) else {
        return;
    };
    let oracle = oracle();
    let world = temporary();
    let clock = Clock::at(oracle.now());
    let mut places = BTreeMap::new();
    for name in oracle.calendars.keys() {
        let place = desk.fresh();
        places.insert(name.clone(), place.path.clone());
        let target = Shore::Dav(place).provider("t", &oracle.home, &clock);
        oracle.show(name, &world.path().join(name), target);
    }
    let utc = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut look = Command::new(python);
    look.arg(here().join("eyes.py"))
        .args(["--from", &utc(oracle.from), "--to", &utc(oracle.to)])
        .args(["--zone", oracle.home.iana_name().unwrap()])
        .args(["--me", &oracle.me[0], "--user", ALICE])
        .args(["--url", &desk.server.url()])
        .args(places.iter().map(|(name, path)| format!("{name}={path}")))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = look.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(PASSWORD.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    compare(&oracle, |name| -> Busy {
        let there = desk.server.names(&places[name]).len();
        assert_eq!(found[name]["events"], there, "{name}: all of it is seen");
        busy_of(&found[name])
    });
}

#[test]
fn another_client_sees_exactly_what_is_wanted_at_radicale() {
    is_shown_exactly(Kind::Radicale);
}

#[test]
fn another_client_sees_exactly_what_is_wanted_at_xandikos() {
    is_shown_exactly(Kind::Xandikos);
}

/// A folder that vdirsyncer keeps the same as a calendar at a server.
struct Copy {
    python: PathBuf,
    folder: tempfile::TempDir,
}

impl Copy {
    fn new(python: PathBuf, url: &str) -> Self {
        let folder = temporary();
        let path = folder.path().display();
        let config = format!(
            "[general]\nstatus_path = \"{path}/status\"\n\
             [pair both]\na = \"folder\"\nb = \"server\"\ncollections = null\n\
             [storage folder]\ntype = \"filesystem\"\npath = \"{path}/copy\"\nfileext = \".ics\"\n\
             [storage server]\ntype = \"caldav\"\nurl = \"{url}\"\nusername = \"{ALICE}\"\npassword = \"{PASSWORD}\"\n"
        );
        write(&folder.path().join("config"), config.as_bytes());
        std::fs::create_dir_all(folder.path().join("copy")).unwrap();
        let copy = Self { python, folder };
        copy.run(&["discover"]);
        copy
    }

    /// Runs vdirsyncer, which must find nothing to complain about. Says what it says.
    fn run(&self, args: &[&str]) -> String {
        let mut command = Command::new(self.python.with_file_name("vdirsyncer"));
        command
            .arg("--config")
            .arg(self.folder.path().join("config"));
        let output = command.args(args).stdin(Stdio::null()).output().unwrap();
        let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
        said.push_str(&String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "vdirsyncer {args:?}: {said}");
        // That one it says whenever it takes away at a server what somebody took away here.
        let told = said.replace("warning: Deleting an item with no etag.", "");
        let complains = ["error", "warning", "Ignoring", "conflict"];
        let complains = complains.iter().any(|word| told.contains(word));
        assert!(!complains, "vdirsyncer {args:?}: {said}");
        said
    }

    fn files(&self) -> Files {
        files_in(&self.folder.path().join("copy"))
    }

    /// Copies, and afterwards both sides hold the same things.
    fn follows(&self, party: &Party<'_>) {
        self.run(&["sync"]);
        let uids = |files: Files| {
            let uid = |bytes: &Vec<u8>| {
                let text = String::from_utf8_lossy(bytes).into_owned();
                let mut lines = text.lines();
                lines.find_map(|line| line.strip_prefix("UID:").map(str::to_owned))
            };
            let mut uids: Vec<_> = files.values().map(uid).collect();
            uids.sort();
            uids
        };
        assert_eq!(uids(self.files()), uids(party.at_server()));
        // Once more, and there is nothing left to do.
        let said = self.run(&["sync"]);
        assert!(
            !said.contains("Copying") && !said.contains("Deleting"),
            "{said}"
        );
    }
}

#[test]
fn vdirsyncer_finds_nothing_broken_before_and_after() {
    let (Some(python), Some(server)) = (eyes(), Kind::Radicale.shared()) else {
        return;
    };
    let party = Party::new(server, &server.url());
    let copy = Copy::new(python, &format!("{}{}", server.url(), party.path));
    party.put(true, "own.ics", &meeting("own", 3));
    copy.follows(&party);
    for i in 0..5 {
        let text = meeting_at(&format!("u{i}"), 2 + i, 10);
        party.put(false, &format!("{i}.ics"), &text);
    }
    party.put(false, "weekly.ics", &weekly("weekly", 1));
    party.home.sync();
    copy.follows(&party);
    assert_eq!(copy.files().len(), 7, "the person's own, and six blocks");

    // Changed, moved and taken away.
    party.put(false, "1.ics", &meeting_at("u1", 9, 15));
    party.take(false, "2.ics");
    party.home.sync();
    copy.follows(&party);
    // What vdirsyncer made of it is nothing that calsync would have to put right.
    party.home.sync().is_silent();

    // A block that is taken away in the copy comes back, there as well.
    let is_ours = |(name, _): &(&String, &Vec<u8>)| is_block(name);
    let files = copy.files();
    let block = files.iter().find(is_ours).unwrap().0;
    std::fs::remove_file(copy.folder.path().join("copy").join(block)).unwrap();
    copy.run(&["sync"]);
    assert!(!party.at_server().contains_key(block));
    party.home.sync();
    copy.follows(&party);
    assert_eq!(copy.files().len(), 6);

    party.home.expect(0, &["reset", "--all", "--yes"]);
    copy.follows(&party);
    assert_eq!(copy.files().len(), 1, "the person's own");
}
