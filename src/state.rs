//! The state file: observations, links, cursors, the journal and the history of runs. The only room that knows SQL.
//!
//! Nothing here says what to do; the plan is worked out anew in every run. Losing the file loses history, not blocks.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _};

use crate::fsx;

mod alike;
mod calendars;
mod disowned;
mod hideout;
mod journal;
mod lock;
mod look;
mod record;
mod renamed;
mod runs;
mod secrets;
mod snapshot;
mod words;

pub use calendars::{CalendarRow, Reading, RefusedAt};
pub use journal::{Intent, Settled, Written};
pub use lock::Lock;
pub use record::{Reader, Recorded};
pub use renamed::{Called, Followed, Renamed};
pub use runs::{RUNS_KEPT, RunRow, UNFINISHED};
pub use secrets::{Sealed, SignIn};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// The state of an installation.
#[derive(Debug)]
pub struct State {
    db: Connection,
}

/// Why the state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file cannot be opened.
    #[error("the state file {} cannot be opened: {why}; check the path and its permissions", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system or `SQLite` says.
        why: String,
    },
    /// It holds something else, or nothing that makes sense any more.
    #[error(
        "{} is not a state file of calsync, or it is damaged ({why}); move it away: the next run rebuilds it from the calendars, and \
         accounts have to be signed in to again (`calsync auth add ACCOUNT`), because the sign-ins are in it",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Another version of calsync made it.
    #[error(
        "the state file {} was made by a newer calsync (schema {found}, this one knows {known}); install that version, or use \
         another state file with --state", path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The schema of the file.
        found: i32,
        /// The newest schema this program knows.
        known: i32,
    },
    /// It could not be brought to this version.
    #[error(
        "the state file could not be brought up to date: {0}; is the disk full? Else move the file away: the next run \
         rebuilds it from the calendars, and accounts have to be signed in to again (`calsync auth add ACCOUNT`)"
    )]
    Migrate(String),
    /// It was made with another key.
    #[error(
        "the key does not fit the state file: the blocks it knows were made with another key. Bring the old key file back, \
         or point `key_file` at it. If this is the old one, and a newer one was made since: bring that back, run `calsync reset --all` \
         with it, then put the old one in place and move the state file away. Nothing was changed."
    )]
    Key,
    /// Another run is under way.
    #[error("another calsync run is under way on this state file; nothing was changed")]
    Busy,
    /// The folder cannot be used.
    #[error(
        "the folder {} for the state file cannot be used: {why}; make it writable, or name another state file with --state",
        path.display()
    )]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// The lock file cannot be used.
    #[error("the lock file {} cannot be used: {why}", path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// It may be read, and not written.
    #[error(
        "the state file cannot be written, or one of the two beside it cannot whose names end in -wal and -shm; make all of \
         them writable by their owner alone (chmod 600). Nothing was changed"
    )]
    ReadOnly,
    /// There is no room.
    #[error(
        "the disk is full: there is no room for the state file; make room, and the next run goes on"
    )]
    Full,
    /// `SQLite` failed.
    #[error(
        "the state file failed: {0}; is the disk full? If it is damaged, move it away: the next run rebuilds it from the \
         calendars, and accounts have to be signed in to again (`calsync auth add ACCOUNT`)"
    )]
    Sql(#[source] rusqlite::Error),
}

impl From<rusqlite::Error> for StateError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            // The lock file was deleted under a run that is under way.
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            Some(ErrorCode::DiskFull) => Self::Full,
            _ => Self::Sql(error),
        }
    }
}

/// What the state answers.
pub type Stated<T> = Result<T, StateError>;

impl State {
    /// Opens a state file, creating it or bringing it up to date as needed.
    pub fn open(path: &Path) -> Stated<Self> {
        let open = |why: String| StateError::Open {
            path: path.to_owned(),
            why,
        };
        if let Some(folder) = path.parent() {
            fsx::create_private_folder(folder).map_err(|e| open(e.to_string()))?;
        }
        drop(fsx::open_private(path).map_err(|e| open(e.to_string()))?);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(path, flags).map_err(|e| cannot_open(path, &e))?;
        Self::prepare(db).map_err(|error| match error {
            StateError::Sql(error) => cannot_open(path, &error),
            other => other,
        })
    }

    /// A state that lives in memory, for examples and tests.
    pub fn in_memory() -> Stated<Self> {
        Self::prepare(Connection::open_in_memory()?)
    }

    /// Opens a state file only to look at it. Nothing if there is none yet.
    pub fn open_to_read(path: &Path) -> Stated<Option<Self>> {
        if !path.try_exists().unwrap_or(false) {
            return Ok(None);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let look = |name: &Path, flags| {
            let db = Connection::open_with_flags(name, flags)?;
            db.busy_timeout(Duration::from_secs(2))?;
            Ok((schema(&db)?, db))
        };
        let opened = look(path, flags).or_else(|error: rusqlite::Error| match at_rest(path) {
            Some(name) => look(&name, flags | OpenFlags::SQLITE_OPEN_URI),
            // A run that was killed left it half written. Whoever may write takes that back, as the next run would.
            None if error.sqlite_error_code() == Some(ErrorCode::ReadOnly) => {
                let writes = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                schema(&Connection::open_with_flags(path, writes)?)?;
                look(path, flags)
            }
            None => Err(error),
        });
        let (found, db) = opened.map_err(|error| cannot_open(path, &error))?;
        match found {
            0 => Ok(None),
            found if found > newest() => Err(StateError::Newer {
                path: path.to_owned(),
                found,
                known: newest(),
            }),
            _ => Ok(Some(Self { db })),
        }
    }

    fn prepare(mut db: Connection) -> Stated<Self> {
        db.busy_timeout(Duration::from_secs(5))?;
        let found = schema(&db)?;
        if found > newest() {
            return Err(StateError::Newer {
                path: db.path().unwrap_or_default().into(),
                found,
                known: newest(),
            });
        }
        db.pragma_update(None, "journal_mode", "WAL")?;
        // With a write-ahead log this survives the program's death at any point; a power cut may lose the last writes,
        // which the next run finds out by looking.
        db.pragma_update(None, "synchronous", "NORMAL")?;
        db.pragma_update(None, "foreign_keys", true)?;
        // What is forgotten is not left lying in the file: a secret, or words that a rule showed once.
        db.pragma_update(None, "secure_delete", true)?;
        if found < newest() {
            // Tables and the note that they are there come in one transaction: a run that is cut short leaves neither.
            let runner = embedded::migrations::runner().set_grouped(true);
            let report = runner.run(&mut db);
            report.map_err(|error| StateError::Migrate(reason(&error)))?;
        }
        db.set_prepared_statement_cache_capacity(64);
        let state = Self { db };
        if state.is_unfinished()? {
            // Whoever died while it wrote has not counted what it wrote.
            state.recount_all()?;
        }
        Ok(state)
    }

    /// Looks through all of the file, for whoever has reason to doubt it: a page that belongs elsewhere may read like any other.
    pub fn look_through(&self, path: &Path) -> Stated<()> {
        let sql = "PRAGMA integrity_check(1)";
        let found: String = self
            .db
            .query_row(sql, [], |row| row.get(0))
            .map_err(|error| cannot_open(path, &error))?;
        // Pages of different moments may each be in order.
        let is_torn = self.db.prepare("PRAGMA foreign_key_check")?.exists([]);
        let why = match is_torn.map_err(|error| cannot_open(path, &error))? {
            _ if found != "ok" => found,
            true => "some of it speaks of what is not in it".to_owned(),
            false => return Ok(()),
        };
        Err(StateError::Damaged {
            path: path.to_owned(),
            why,
        })
    }

    /// Makes sure that the state belongs to the bearer of this key; the first key to come is the one.
    pub fn claim(&self, fingerprint: &str) -> Stated<()> {
        match self.fact("key")? {
            Some(known) if known == fingerprint => Ok(()),
            Some(_) if self.is_bound()? => Err(StateError::Key),
            // Nothing in it was made or sealed with the other one; what was read with it may have other blocks in it.
            Some(_) => {
                let sql = "UPDATE calendars SET cursor = NULL, reading = ''";
                self.db.execute(sql, [])?;
                self.set_fact("key", fingerprint)
            }
            None => self.set_fact("key", fingerprint),
        }
    }

    /// Whether anything in the state is of use with one key alone.
    fn is_bound(&self) -> Stated<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM links) OR EXISTS (SELECT 1 FROM blocks)
            OR EXISTS (SELECT 1 FROM journal) OR EXISTS (SELECT 1 FROM secrets)";
        Ok(self.db.query_row(sql, [], |row| row.get(0))?)
    }

    /// Whether some key has claimed the state.
    pub fn is_claimed(&self) -> Stated<bool> {
        Ok(self.fact("key")?.is_some())
    }

    /// A small fact about the installation.
    pub fn fact(&self, name: &str) -> Stated<Option<String>> {
        let mut query = self
            .db
            .prepare_cached("SELECT value FROM facts WHERE name = ?1")?;
        Ok(query.query_row([name], |row| row.get(0)).optional()?)
    }

    /// Remembers a small fact.
    pub fn set_fact(&self, name: &str, value: &str) -> Stated<()> {
        let sql = "INSERT INTO facts VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2";
        self.db.prepare_cached(sql)?.execute([name, value])?;
        Ok(())
    }

    /// Forgets a small fact.
    pub fn drop_fact(&self, name: &str) -> Stated<()> {
        self.db
            .prepare_cached("DELETE FROM facts WHERE name = ?1")?
            .execute([name])?;
        Ok(())
    }
}

/// Why a file cannot be opened: because of what is in it, or because of what the system says.
/// The name of a state file that nobody can be writing to, since its disk or folder lets nobody, with nothing in its log. `SQLite`
/// otherwise wants to make files beside the one that it reads.
fn at_rest(path: &Path) -> Option<PathBuf> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let is_logged = fs::metadata(log).is_ok_and(|meta| meta.len() > 0);
    let name = std::path::absolute(path).ok()?;
    let name = name
        .to_str()?
        .replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23");
    (!is_logged && !fsx::can_come(path)).then(|| format!("file:{name}?immutable=1").into())
}

fn cannot_open(path: &Path, error: &rusqlite::Error) -> StateError {
    let (path, why) = (path.to_owned(), error.to_string());
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            StateError::Damaged { path, why }
        }
        Some(ErrorCode::DiskFull) => StateError::Full,
        _ => StateError::Open { path, why },
    }
}

/// The words of the innermost error, without the SQL that it quotes.
fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    if let Some(rusqlite::Error::SqlInputError { msg, .. }) = error.downcast_ref() {
        return msg.clone();
    }
    error.source().map_or_else(|| error.to_string(), reason)
}

/// The newest schema that this program knows.
fn newest() -> i32 {
    let migrations = embedded::migrations::runner();
    let versions = migrations
        .get_migrations()
        .iter()
        .map(refinery::Migration::version);
    versions.max().unwrap_or(0)
}

/// The schema of a state file; 0 for a new one.
fn schema(db: &Connection) -> rusqlite::Result<i32> {
    let sql = "SELECT count(*) FROM sqlite_master WHERE name = 'refinery_schema_history'";
    let made: i32 = db.query_row(sql, [], |row| row.get(0))?;
    if made == 0 {
        let strange: i32 =
            db.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
        return match strange {
            0 => Ok(0),
            // A file of somebody else's is neither filled with our tables nor read as an empty state.
            _ => Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_NOTADB),
                Some("another program's tables are in it".to_owned()),
            )),
        };
    }
    let sql = "SELECT coalesce(max(version), 0) FROM refinery_schema_history";
    db.query_row(sql, [], |row| row.get(0))
}
