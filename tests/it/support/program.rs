//! The program as a person runs it: the real binary, a home folder of its own, an empty environment.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::Duration,
};

use calsync::clock::Clock;
use jiff::{ToSpan as _, civil::Date, tz::TimeZone};
use serde_json::Value;
use tempfile::TempDir;

use super::google::{ClientKind, FakeGoogle};

/// Whose the account is at a Google that tests start for the program.
pub(crate) const ME: &str = "me@example.org";

/// The files of a folder, by name.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_calsync");
/// A key, for installations that share one or that are compared byte for byte.
pub(crate) const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// A home folder with a configuration, calendar folders and whatever else a test puts there.
#[derive(Debug)]
pub(crate) struct Home {
    dir: TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit code; -1 if a signal ended it.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    /// A home with these calendars, each a folder in `~/cal`, and no rules.
    pub(crate) fn with(calendars: &[&str]) -> Self {
        Self::bare().having(calendars)
    }

    /// The same where writing costs least, for tests that run the program very often.
    pub(crate) fn in_memory(calendars: &[&str]) -> Self {
        let dir = super::shore::temporary();
        Self { dir }.having(calendars)
    }

    fn having(self, calendars: &[&str]) -> Self {
        let home = self;
        let mut config = String::from("timezone = \"Europe/Berlin\"\n");
        fs::create_dir_all(home.path("cal")).unwrap();
        for name in calendars {
            fs::create_dir_all(home.folder(name)).unwrap();
            config.push_str(
                &format_args!("[calendars.{name}]\npath = \"~/cal/{name}\"\n").to_string(),
            );
        }
        home.configure(&config);
        home
    }

    /// A home with this folder, an account of this Google's person, and their calendar by this name; nobody is signed in yet.
    pub(crate) fn with_google(
        fake: &FakeGoogle,
        folder: &str,
        calendar: &str,
        rules: &str,
    ) -> Self {
        fake.account(ME);
        fake.client(ClientKind::Tv, "tv", "tv-secret");
        fake.behave(|google| {
            google.auto_approve = Some(0);
            ME.clone_into(&mut google.person);
        });
        let home = Self::with(&[folder]);
        home.configure_also(
            "",
            &format!(
                "[accounts.mine]\nprovider = \"google\"\nclient_id = \"tv\"\nclient_secret = \"tv-secret\"\n\
                 endpoint = \"{}\"\n[calendars.{calendar}]\naccount = \"mine\"\nid = \"primary\"\n{rules}",
                fake.endpoint()
            ),
        );
        home
    }

    /// A home with nothing in it.
    pub(crate) fn bare() -> Self {
        Self {
            dir: TempDir::with_prefix("calsync-").unwrap(),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    /// A path inside the home.
    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.root().join(inside)
    }

    pub(crate) fn folder(&self, calendar: &str) -> PathBuf {
        self.path("cal").join(calendar)
    }

    pub(crate) fn config_file(&self) -> PathBuf {
        self.path(".config/calsync/config.toml")
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.path(".config/calsync/key")
    }

    pub(crate) fn state_file(&self) -> PathBuf {
        self.path(".local/state/calsync/state.db")
    }

    /// Writes the configuration.
    pub(crate) fn configure(&self, text: &str) {
        write(&self.config_file(), text.as_bytes());
    }

    /// Adds lines to the configuration; top-level keys go before all tables.
    pub(crate) fn configure_also(&self, before: &str, after: &str) {
        let text = fs::read_to_string(self.config_file()).unwrap();
        self.configure(&format!("{before}\n{text}\n{after}\n"));
    }

    /// Writes a key file as the program would.
    pub(crate) fn give_key(&self, key: &str) {
        write(&self.key_file(), format!("{key}\n").as_bytes());
        set_mode(&self.key_file(), 0o600);
    }

    /// Writes a file into a calendar.
    pub(crate) fn put(&self, calendar: &str, file: &str, content: impl AsRef<[u8]>) {
        write(&self.folder(calendar).join(file), content.as_ref());
    }

    pub(crate) fn delete(&self, calendar: &str, file: &str) {
        fs::remove_file(self.folder(calendar).join(file)).unwrap();
    }

    /// Removes the state file with all that belongs to it.
    pub(crate) fn lose_state(&self) {
        fs::remove_dir_all(self.path(".local/state/calsync")).unwrap();
    }

    /// Everything in a calendar's folder.
    pub(crate) fn files(&self, calendar: &str) -> Files {
        files_in(&self.folder(calendar))
    }

    /// Our blocks in a calendar, by file name.
    pub(crate) fn blocks(&self, calendar: &str) -> Files {
        let mut files = self.files(calendar);
        files.retain(|name, _| is_block(name));
        files
    }

    /// Everything in all calendars: `work/a.ics` and so on.
    pub(crate) fn world(&self) -> Files {
        let mut all = Files::new();
        for entry in fs::read_dir(self.path("cal")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let files = self.files(&name).into_iter();
            all.extend(files.map(|(file, bytes)| (format!("{name}/{file}"), bytes)));
        }
        all
    }

    /// The command, not yet run.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(args);
        self.surround(&mut command);
        command
    }

    /// The environment that cron gives: nearly none.
    pub(crate) fn surround(&self, command: &mut Command) {
        command
            .env_clear()
            .env("HOME", self.root())
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .current_dir(self.root())
            .stdin(Stdio::null());
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    /// Runs a command that must end with this code.
    pub(crate) fn expect(&self, code: i32, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code, code, "calsync {args:?}: {ran:?}");
        ran
    }

    /// Syncs, which must go well.
    pub(crate) fn sync(&self) -> Ran {
        self.expect(0, &["sync"])
    }

    /// Syncs, which must go well and change nothing, and must not say a word either.
    pub(crate) fn sync_idle(&self) {
        let before = self.world();
        self.sync().is_silent();
        assert_eq!(before, self.world());
    }

    /// Runs a command that file permissions apply to, even if the tests are run by root; nothing if that cannot be had.
    pub(crate) fn run_without_privileges(&self, args: &[&str]) -> Option<Ran> {
        if !rustix::process::geteuid().is_root() {
            return Some(self.run(args));
        }
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set=-all", "--inh-caps=-all"]);
        let mut probe = Command::new("setpriv");
        probe.args(["--bounding-set=-all", "--inh-caps=-all", "true"]);
        self.surround(&mut probe);
        if !probe.output().is_ok_and(|output| output.status.success()) {
            skipped("this is root, and `setpriv` cannot drop what root may do");
            return None;
        }
        command.arg(PROGRAM).args(args);
        self.surround(&mut command);
        Some(Ran::of(command.output().unwrap()))
    }

    /// Starts a command and leaves it running.
    pub(crate) fn spawn(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The one JSON object on stdout.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.stdout.matches('\n').count(), 1, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    pub(crate) fn is_silent(&self) {
        assert_eq!((&*self.stdout, &*self.stderr), ("", ""));
    }

    /// All of these are said on stderr.
    pub(crate) fn says(&self, words: &[&str]) -> &Self {
        for word in words {
            assert!(self.stderr.contains(word), "no `{word}` in {self:?}");
        }
        self
    }

    /// All of these are said on stdout.
    pub(crate) fn shows(&self, words: &[&str]) -> &Self {
        for word in words {
            assert!(self.stdout.contains(word), "no `{word}` in {self:?}");
        }
        self
    }

    /// Both streams together.
    pub(crate) fn all(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }
}

/// Writes a file, and the folders it needs.
pub(crate) fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o644);
    options.open(path).unwrap().write_all(bytes).unwrap();
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The regular files in a folder, hidden ones too; those that vanish meanwhile are left out.
pub(crate) fn files_in(folder: &Path) -> Files {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .filter_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            match fs::read(entry.path()) {
                Ok(bytes) => Some((name, bytes)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => panic!("{name}: {error}"),
            }
        })
        .collect()
}

/// Whether a file's name is that of a block.
pub(crate) fn is_block(name: &str) -> bool {
    name.starts_with("cs1") && Path::new(name).extension().is_some_and(|e| e == "ics")
}

/// Says that a check cannot be made here, so that everybody sees it: the test runner hides what is printed the usual way.
pub(crate) fn skipped(why: &str) {
    io::stderr()
        .write_all(format!("SKIPPED: {why}\n").as_bytes())
        .unwrap();
}

/// Waits until something can be observed, within bounds.
pub(crate) fn wait_until(what: &str, mut seen: impl FnMut() -> bool) {
    for _ in 0..30_000 {
        if seen() {
            return;
        }
        thread::park_timeout(Duration::from_millis(1));
    }
    panic!("waited in vain for {what}");
}

/// The date so many days from today.
pub(crate) fn day(from_today: i32) -> Date {
    let now = Clock::System.now().to_zoned(TimeZone::UTC);
    now.date().checked_add(from_today.days()).unwrap()
}

/// A time of day so many days from today, as iCalendar writes it in UTC.
pub(crate) fn utc(from_today: i32, time: &str) -> String {
    format!("{}T{time}Z", day(from_today).strftime("%Y%m%d"))
}

/// A calendar file around some components.
pub(crate) fn calendar(components: &str) -> String {
    let body = components
        .trim()
        .replace("\r\n", "\n")
        .replace('\n', "\r\n");
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//test//EN\r\n{body}\r\nEND:VCALENDAR\r\n"
    )
}

/// One event with any properties.
pub(crate) fn event_with(uid: &str, properties: &str) -> String {
    calendar(&format!(
        "BEGIN:VEVENT\nUID:{uid}\nDTSTAMP:20260101T000000Z\n{}\nEND:VEVENT",
        properties.trim()
    ))
}

/// A meeting of an hour, so many days from today, at 9:00 UTC.
pub(crate) fn meeting(uid: &str, from_today: i32) -> String {
    meeting_at(uid, from_today, 9)
}

/// A meeting of an hour.
pub(crate) fn meeting_at(uid: &str, from_today: i32, hour: u8) -> String {
    let start = utc(from_today, &format!("{hour:02}0000"));
    let end = utc(from_today, &format!("{:02}0000", hour + 1));
    event_with(
        uid,
        &format!("DTSTART:{start}\nDTEND:{end}\nSUMMARY:Meeting"),
    )
}

/// A weekly meeting without end.
pub(crate) fn weekly(uid: &str, from_today: i32) -> String {
    let start = utc(from_today, "090000");
    event_with(
        uid,
        &format!("DTSTART:{start}\nDURATION:PT1H\nRRULE:FREQ=WEEKLY\nSUMMARY:Weekly"),
    )
}
