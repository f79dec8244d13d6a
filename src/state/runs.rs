//! The history of runs, bounded.

use jiff::Timestamp;
use rusqlite::params;

use super::{State, Stated};

/// How many runs are remembered: a day of them, five minutes apart.
pub const RUNS_KEPT: u32 = 288;

/// How a run went that has not ended, or was killed.
pub const UNFINISHED: &str = "unfinished";

/// One run, as `status` shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    /// When it began.
    pub started: Timestamp,
    /// How long it took.
    pub seconds: f64,
    /// `sync` or `reset`.
    pub command: String,
    /// How it went, in the word of `--json`.
    pub result: String,
    /// Blocks created.
    pub created: u64,
    /// Blocks updated.
    pub updated: u64,
    /// Blocks deleted.
    pub deleted: u64,
    /// Operations that failed.
    pub failed: u64,
    /// What was wrong, if anything.
    pub error: Option<String>,
}

impl RunRow {
    /// Whether anything was done in it, or went wrong.
    pub fn tells(&self) -> bool {
        self.created + self.updated + self.deleted > 0 || self.result != "ok"
    }
}

impl State {
    /// Remembers that a run begins to write: should it be killed, that is what stays of it.
    pub fn note_begin(&self, started: Timestamp, command: &str) -> Stated<()> {
        let sql = "INSERT INTO runs (started, seconds, command, result, created, updated, deleted, failed)
            VALUES (?1, 0, ?2, ?3, 0, 0, 0, 0)";
        let row = params![started.as_second(), command, UNFINISHED];
        self.db.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    /// Whether the last run that began to write did not come to its end, as far as anybody knows.
    pub(super) fn is_unfinished(&self) -> Stated<bool> {
        let sql = "SELECT 1 FROM runs WHERE id = (SELECT max(id) FROM runs) AND result = ?1";
        Ok(self.db.prepare_cached(sql)?.exists([UNFINISHED])?)
    }

    /// Remembers a run, and forgets the oldest beyond the bound.
    pub fn note_run(&self, run: &RunRow) -> Stated<()> {
        let sql = "DELETE FROM runs WHERE id =
            (SELECT max(id) FROM runs WHERE result = ?1 AND started = ?2)";
        let row = params![UNFINISHED, run.started.as_second()];
        self.db.prepare_cached(sql)?.execute(row)?;
        let sql = "INSERT INTO runs (started, seconds, command, result, created, updated, deleted, failed, error)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        self.db.prepare_cached(sql)?.execute(params![
            run.started.as_second(),
            run.seconds,
            run.command,
            run.result,
            count(run.created),
            count(run.updated),
            count(run.deleted),
            count(run.failed),
            run.error,
        ])?;
        let sql = "DELETE FROM runs WHERE id <= (SELECT max(id) FROM runs) - ?1";
        self.db.prepare_cached(sql)?.execute([RUNS_KEPT])?;
        Ok(())
    }

    /// The latest runs, the last one first.
    pub fn runs(&self, limit: u32) -> Stated<Vec<RunRow>> {
        let sql =
            "SELECT started, seconds, command, result, created, updated, deleted, failed, error
            FROM runs ORDER BY id DESC LIMIT ?1";
        let mut query = self.db.prepare(sql)?;
        let rows = query.query_map([limit], |row| {
            let count = |column| {
                row.get::<_, i64>(column)
                    .map(|n| u64::try_from(n).unwrap_or(0))
            };
            Ok(RunRow {
                started: Timestamp::from_second(row.get(0)?).unwrap_or(Timestamp::UNIX_EPOCH),
                seconds: row.get(1)?,
                command: row.get(2)?,
                result: row.get(3)?,
                created: count(4)?,
                updated: count(5)?,
                deleted: count(6)?,
                failed: count(7)?,
                error: row.get(8)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}
