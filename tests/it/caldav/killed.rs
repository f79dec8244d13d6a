//! *Restart*, with the program itself and a real server: the program is killed at any moment, or the server is. The next run
//! ends in the world of an installation that nobody ever disturbed, with nothing lost and nothing twice.
//!
//! `CALSYNC_KILLS` says how often the program is killed, `CALSYNC_SEED` repeats what happened.

use std::{collections::BTreeMap, process::Child, thread, time::Duration};

use calsync::config::paths::variable;

use crate::support::{
    dav::{
        DavServer, Kind, PASSWORD,
        ferry::{Ferry, Halt, Moment},
    },
    program::{Files, Home, KEY, Ran, files_in, is_block, meeting_at, wait_until, weekly},
    rng::Rng,
};

/// How often the program is killed by default.
const KILLS: u64 = 200;
/// How many worlds that happens in, side by side.
const LANES: u64 = 2;
/// How many events each of the two calendars begins with.
const EVENTS: u64 = 12;

/// An installation with a folder and a calendar at a server.
pub(super) struct Party<'a> {
    pub(super) home: Home,
    server: &'a DavServer,
    pub(super) path: String,
}

impl<'a> Party<'a> {
    /// One that reaches the server by this address. All have the same key, so that their blocks have the same ids.
    pub(super) fn new(server: &'a DavServer, url: &str) -> Self {
        let path = server.make_any();
        let home = Home::in_memory(&["home"]);
        home.give_key(KEY);
        home.configure_also(
            "",
            &format!(
                "[accounts.cloud]\nprovider = \"caldav\"\nurl = \"{url}\"\nusername = \"alice\"\n\
                 password_command = [\"echo\", \"{PASSWORD}\"]\n\
                 [calendars.work]\naccount = \"cloud\"\nid = \"{path}\"\n"
            ),
        );
        Self { home, server, path }
    }

    /// Puts something into the calendar at the server, or into the folder.
    pub(super) fn put(&self, at_server: bool, name: &str, text: &str) {
        match at_server {
            true => self.server.put(&format!("{}{name}", self.path), text),
            false => self.home.put("home", name, text),
        }
    }

    pub(super) fn take(&self, at_server: bool, name: &str) {
        match at_server {
            true => self.server.delete(&format!("{}{name}", self.path)),
            false => self.home.delete("home", name),
        }
    }

    /// What lies in the calendar at the server, as the server keeps it.
    pub(super) fn at_server(&self) -> Files {
        let mut files = files_in(&self.server.folder_of(&self.path));
        files.retain(|name, _| !name.starts_with('.'));
        files
    }

    /// All that is in both calendars, without the times of writing.
    fn picture(&self) -> BTreeMap<String, String> {
        let named = |place: &str, files: Files| {
            let place = place.to_owned();
            let files = files.into_iter();
            files.map(move |(name, bytes)| (format!("{place}/{name}"), timeless(&bytes)))
        };
        let at_home = named("home", self.home.files("home"));
        named("work", self.at_server()).chain(at_home).collect()
    }

    /// The names of the blocks in one of the calendars.
    fn blocks(&self, at_server: bool) -> Vec<String> {
        let files = match at_server {
            true => self.at_server(),
            false => self.home.files("home"),
        };
        files.into_keys().filter(|name| is_block(name)).collect()
    }

    /// The next run puts everything right, and the one after it finds nothing to do.
    fn ends_like(&self, calm: &Self, context: &str) {
        self.home.sync();
        assert_eq!(self.picture(), calm.picture(), "{context}");
    }

    fn settles(&self) {
        let before = self.picture();
        self.home.sync().is_silent();
        assert_eq!(before, self.picture());
    }
}

fn timeless(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().filter(|line| !line.starts_with("DTSTAMP"));
    lines.collect::<Vec<_>>().join("\n")
}

/// What people put into their calendars and take out again, the same in every installation.
struct Owner {
    /// What is where, by the calendar it is in.
    events: BTreeMap<String, bool>,
    made: u64,
}

impl Owner {
    fn new(parties: &[&Party<'_>], rng: &mut Rng) -> Self {
        let mut owner = Self {
            events: BTreeMap::new(),
            made: 0,
        };
        for at_server in [false, true] {
            for _ in 0..EVENTS {
                owner.adds(parties, at_server, rng);
            }
        }
        owner
    }

    fn adds(&mut self, parties: &[&Party<'_>], at_server: bool, rng: &mut Rng) {
        self.made += 1;
        let name = format!("event{}.ics", self.made);
        Self::says(parties, at_server, &name, rng);
        self.events.insert(name, at_server);
    }

    /// The event, newly thought of.
    fn says(parties: &[&Party<'_>], at_server: bool, name: &str, rng: &mut Rng) {
        let day = i32::try_from(rng.within(1, 200)).unwrap();
        let uid = name.trim_end_matches(".ics");
        let text = match rng.below(6) {
            0 => weekly(uid, day),
            _ => meeting_at(uid, day, u8::try_from(rng.within(6, 20)).unwrap()),
        };
        for party in parties {
            party.put(at_server, name, &text);
        }
    }

    /// A few things are new, some are different, some are gone.
    fn lives_on(&mut self, parties: &[&Party<'_>], rng: &mut Rng) {
        for _ in 0..rng.within(3, 8) {
            let known = self.events.iter().map(|(name, at)| (name.clone(), *at));
            if let Some((name, at_server)) = rng.one(known.collect()) {
                Self::says(parties, at_server, &name, rng);
            }
        }
        for at_server in [false, true] {
            for _ in 0..rng.within(1, 2) {
                self.adds(parties, at_server, rng);
            }
            let here = self.events.iter().filter(|(_, at)| **at == at_server);
            let here: Vec<String> = here.map(|(name, _)| name.clone()).collect();
            let many = u64::try_from(here.len()).unwrap();
            if let Some(name) = rng.one(here).filter(|_| many >= EVENTS) {
                for party in parties {
                    party.take(at_server, &name);
                }
                self.events.remove(&name);
            }
        }
    }
}

/// Somebody takes away a block, or writes over it.
fn meddle(party: &Party<'_>, rng: &mut Rng) {
    let at_server = rng.chance(50);
    let Some(name) = rng.one(party.blocks(at_server)) else {
        return;
    };
    if rng.chance(50) {
        return party.take(at_server, &name);
    }
    let files = match at_server {
        true => party.at_server(),
        false => party.home.files("home"),
    };
    // The very same again, each time right after it was written, would be how the server keeps it.
    let mine = format!("SUMMARY:Mine {}", rng.next());
    let text = String::from_utf8_lossy(&files[&name]).replace("SUMMARY:Busy", &mine);
    party.put(at_server, &name, &text);
}

/// Starts the program and kills it: while one of its requests is at the server, or after a while. Says whether it was still
/// at work.
fn kill_somewhere(party: &Party<'_>, ferry: &Ferry, rng: &mut Rng) -> bool {
    let command: &[&str] = match rng.chance(15) {
        true => &["reset", "--all", "--yes"],
        false => &["sync"],
    };
    let halt = rng.chance(70).then(|| Halt {
        nth: usize::try_from(rng.within(1, 14)).unwrap(),
        moment: *rng.pick(&[Moment::Before, Moment::Done, Moment::Answered]),
    });
    ferry.halt(halt);
    let patience = match halt {
        Some(_) => u64::MAX,
        None => rng.below(400),
    };
    let mut child = party.home.spawn(command);
    for looked in 0_u64.. {
        if ferry.has_stopped() || looked >= patience || has_ended(&mut child) {
            break;
        }
        thread::park_timeout(Duration::from_micros(200));
    }
    let cut = !has_ended(&mut child);
    child.kill().unwrap();
    child.wait_with_output().unwrap();
    ferry.sink();
    // What is at the server already is dealt with before anybody looks again.
    wait_until("the last request", || ferry.is_quiet());
    ferry.halt(None);
    cut
}

fn has_ended(child: &mut Child) -> bool {
    child.try_wait().unwrap().is_some()
}

/// Kills the program so many times in one world. Says how often it was still at work.
fn live(server: &DavServer, seed: u64, kills: u64) -> u64 {
    let mut rng = Rng::new(seed);
    let ferry = Ferry::before(server.port());
    let disturbed = Party::new(server, &ferry.url());
    let calm = Party::new(server, &server.url());
    let both = [&disturbed, &calm];
    let mut owner = Owner::new(&both, &mut rng);
    let mut cut = 0;
    for kill in 0..kills {
        if kill > 0 {
            owner.lives_on(&both, &mut rng);
            meddle(&disturbed, &mut rng);
        }
        if kill > 0 && rng.chance(10) {
            disturbed.home.lose_state();
        }
        cut += u64::from(kill_somewhere(&disturbed, &ferry, &mut rng));
        calm.home.sync();
        let context = format!("after kill {kill}; CALSYNC_SEED={seed} repeats it");
        disturbed.ends_like(&calm, &context);
        if kill % 10 == 0 {
            disturbed.settles();
        }
    }
    let check = disturbed.home.expect(0, &["check"]);
    assert!(check.stdout.contains("state.db: in order\n"), "{check:?}");
    disturbed.home.expect(0, &["reset", "--all", "--yes"]);
    for at_server in [false, true] {
        assert_eq!(disturbed.blocks(at_server), [""; 0], "seed {seed}");
    }
    cut
}

fn number(name: &str) -> Option<u64> {
    variable(name).map(|text| text.parse().expect("a number"))
}

#[test]
fn a_run_killed_anywhere_beside_a_real_server_ends_right_the_next_time() {
    let Some(server) = Kind::Radicale.shared() else {
        return;
    };
    let kills = number("CALSYNC_KILLS").unwrap_or(KILLS);
    let first = number("CALSYNC_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    let each = kills.div_ceil(LANES);
    let cut: u64 = thread::scope(|scope| {
        let mut lanes = Vec::new();
        for lane in 0..LANES {
            lanes.push(scope.spawn(move || live(server, first + lane, each)));
        }
        lanes.into_iter().map(|lane| lane.join().unwrap()).sum()
    });
    assert!(
        cut * 2 > each * LANES,
        "only {cut} of {} runs were cut short; seed {first}",
        each * LANES
    );
}

/// When a server is killed, and whether it comes back while the run goes on.
#[derive(Clone, Copy, Debug)]
struct Outage {
    halt: Halt,
    /// It is at the very request when it is killed.
    at_work: bool,
    comes_back: bool,
    /// Whether all was in step before.
    first_run: bool,
}

/// Kills the server in the middle of a run, and starts it again.
fn endure(outage: Outage, seed: u64) {
    let server = DavServer::start(Kind::Radicale, None).unwrap();
    let mut rng = Rng::new(seed);
    let ferry = Ferry::before(server.port());
    let disturbed = Party::new(&server, &ferry.url());
    let calm = Party::new(&server, &server.url());
    let both = [&disturbed, &calm];
    let mut owner = Owner::new(&both, &mut rng);
    if !outage.first_run {
        disturbed.home.sync();
        owner.lives_on(&both, &mut rng);
        // So much to write that the run is still at it.
        for _ in 0..8 {
            owner.adds(&both, false, &mut rng);
        }
    }
    let before = disturbed.picture();
    ferry.halt(Some(outage.halt));
    let mut child = disturbed.home.spawn(&["sync"]);
    wait_until("the request", || {
        ferry.has_stopped() || has_ended(&mut child)
    });
    assert!(
        ferry.has_stopped(),
        "{outage:?} comes too late; CALSYNC_SEED={seed} repeats it"
    );
    if outage.at_work {
        ferry.go_on();
        thread::park_timeout(Duration::from_micros(rng.below(6_000)));
    }
    server.kill();
    if outage.comes_back {
        server.start_again();
    }
    ferry.go_on();
    let ran = Ran::of(child.wait_with_output().unwrap());
    let wrote = disturbed.picture() != before;
    let mut is_done = false;
    match ran.code {
        // It came back, or it died when everything was done: then nothing is left for the next run.
        0 => is_done = true,
        // The folder at least was read.
        5 => {}
        8 => assert!(!wrote, "{outage:?}: {ran:?}"),
        _ => panic!("{outage:?}: {ran:?}"),
    }
    if !outage.comes_back {
        server.start_again();
    }
    wait_until("the last request", || ferry.is_quiet());
    if is_done {
        disturbed.settles();
    }
    calm.home.sync();
    let context = format!("after {outage:?}; CALSYNC_SEED={seed} repeats it");
    disturbed.ends_like(&calm, &context);
    disturbed.settles();
}

#[test]
fn a_server_killed_in_the_middle_of_a_run_costs_nothing_but_time() {
    if Kind::Radicale.shared().is_none() {
        return;
    }
    let seed = number("CALSYNC_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    let outage = |nth, moment, first_run| Outage {
        halt: Halt { nth, moment },
        at_work: false,
        comes_back: false,
        first_run,
    };
    let outages = [
        outage(1, Moment::Before, true),
        outage(3, Moment::Done, true),
        outage(8, Moment::Before, true),
        outage(7, Moment::Done, false),
        outage(6, Moment::Answered, false),
        Outage {
            comes_back: true,
            ..outage(9, Moment::Before, true)
        },
        Outage {
            at_work: true,
            ..outage(5, Moment::Before, false)
        },
        Outage {
            at_work: true,
            comes_back: true,
            ..outage(6, Moment::Before, true)
        },
    ];
    thread::scope(|scope| {
        for outage in outages {
            scope.spawn(move || endure(outage, seed));
        }
    });
}
