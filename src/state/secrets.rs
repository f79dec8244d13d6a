//! Who signed in how, and the secrets that this brought: sealed, as this room gets and gives them.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};

use super::{State, Stated};
use crate::secrets::Purpose;

/// How an account is signed in to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// The account.
    pub account: String,
    /// In which way it was done.
    pub way: String,
    /// The OAuth client that it belongs to.
    pub client: String,
    /// The server that it is for.
    pub server: String,
    /// What was granted, with spaces between.
    pub scopes: String,
    /// When.
    pub since: Timestamp,
    /// Since when the server refuses it, if it does.
    pub refused: Option<Timestamp>,
    /// Whose account it is, if the server said so.
    pub address: Option<String>,
}

/// A sealed secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Whose it is.
    pub account: String,
    /// What it is for, as it was stored.
    pub purpose: String,
    /// The sealed bytes.
    pub bytes: Vec<u8>,
}

const COLUMNS: &str = "account, way, client, server, scopes, since, refused, address";

impl State {
    /// How an account is signed in to, if it is.
    pub fn sign_in(&self, account: &str) -> Stated<Option<SignIn>> {
        let sql = format!("SELECT {COLUMNS} FROM sign_ins WHERE account = ?1");
        let mut query = self.db.prepare_cached(&sql)?;
        Ok(query.query_row([account], read).optional()?)
    }

    /// All accounts that somebody signed in to.
    pub fn sign_ins(&self) -> Stated<Vec<SignIn>> {
        // A state that is only looked at may be older than these tables.
        let columns: Vec<String> = self
            .db
            .prepare_cached("SELECT name FROM pragma_table_info('sign_ins')")?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        if columns.is_empty() {
            return Ok(Vec::new());
        }
        let known = match columns.iter().any(|column| column == "address") {
            true => COLUMNS.to_owned(),
            false => COLUMNS.replace("address", "NULL"),
        };
        let sql = format!("SELECT {known} FROM sign_ins ORDER BY account");
        let mut query = self.db.prepare_cached(&sql)?;
        let rows = query.query_map([], read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Remembers a sign-in with its secrets, in place of whatever was known of the account.
    pub fn put_sign_in(&mut self, new: &SignIn, secrets: &[(Purpose, Vec<u8>)]) -> Stated<()> {
        let tx = self.db.transaction()?;
        tx.prepare_cached("DELETE FROM sign_ins WHERE account = ?1")?
            .execute([&new.account])?;
        let sql =
            "INSERT INTO sign_ins (account, way, client, server, scopes, since, refused, address)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        tx.prepare_cached(sql)?.execute(params![
            new.account,
            new.way,
            new.client,
            new.server,
            new.scopes,
            new.since.as_second(),
            new.refused.map(Timestamp::as_second),
            new.address,
        ])?;
        for (purpose, sealed) in secrets {
            tx.prepare_cached("INSERT INTO secrets VALUES (?1, ?2, ?3)")?
                .execute(params![new.account, purpose.word(), sealed])?;
        }
        tx.commit()?;
        Ok(())
    }

    /// Forgets how an account was signed in to, with its secrets. Whether there was anything to forget.
    pub fn drop_sign_in(&self, account: &str) -> Stated<bool> {
        let sql = "DELETE FROM sign_ins WHERE account = ?1";
        Ok(self.db.prepare_cached(sql)?.execute([account])? > 0)
    }

    /// A sealed secret of an account.
    pub fn secret(&self, account: &str, purpose: Purpose) -> Stated<Option<Vec<u8>>> {
        let sql = "SELECT sealed FROM secrets WHERE account = ?1 AND purpose = ?2";
        let mut query = self.db.prepare_cached(sql)?;
        let row = query.query_row([account, purpose.word()], |row| row.get(0));
        Ok(row.optional()?)
    }

    /// Puts a secret that came out of this sign-in beside it, unless somebody signed in anew meanwhile.
    pub fn put_secret(&self, of: &SignIn, purpose: Purpose, sealed: &[u8]) -> Stated<()> {
        let sql = "INSERT INTO secrets
            SELECT account, ?4, ?5 FROM sign_ins WHERE account = ?1 AND since = ?2 AND client = ?3
            ON CONFLICT (account, purpose) DO UPDATE SET sealed = excluded.sealed";
        self.db.prepare_cached(sql)?.execute(params![
            of.account,
            of.since.as_second(),
            of.client,
            purpose.word(),
            sealed
        ])?;
        Ok(())
    }

    /// Notes since when the server refuses a sign-in, or that it does not, unless somebody signed in anew meanwhile.
    pub fn note_refusal(&self, of: &SignIn, refused: Option<Timestamp>) -> Stated<()> {
        let sql =
            "UPDATE sign_ins SET refused = ?4 WHERE account = ?1 AND since = ?2 AND client = ?3";
        self.db.prepare_cached(sql)?.execute(params![
            of.account,
            of.since.as_second(),
            of.client,
            refused.map(Timestamp::as_second),
        ])?;
        Ok(())
    }

    /// Notes whose account a sign-in turned out to be for, unless somebody signed in anew meanwhile.
    pub fn note_address(&self, of: &SignIn, address: &str) -> Stated<()> {
        let sql =
            "UPDATE sign_ins SET address = ?4 WHERE account = ?1 AND since = ?2 AND client = ?3";
        let since = of.since.as_second();
        self.db
            .prepare_cached(sql)?
            .execute(params![of.account, since, of.client, address])?;
        Ok(())
    }

    /// All sealed secrets.
    pub fn sealed(&self) -> Stated<Vec<Sealed>> {
        let sql = "SELECT account, purpose, sealed FROM secrets ORDER BY account, purpose";
        let mut query = self.db.prepare_cached(sql)?;
        let rows = query.query_map([], |row| {
            Ok(Sealed {
                account: row.get(0)?,
                purpose: row.get(1)?,
                bytes: row.get(2)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Hands the state over to another key: the secrets as that key sealed them, and nothing that the old key told about
    /// calendars. They are read anew.
    pub fn hand_over(&mut self, secrets: &[Sealed], fingerprint: &str) -> Stated<()> {
        let tx = self.db.transaction()?;
        for Sealed {
            account,
            purpose,
            bytes,
        } in secrets
        {
            let sql = "UPDATE secrets SET sealed = ?3 WHERE account = ?1 AND purpose = ?2";
            tx.prepare_cached(sql)?
                .execute(params![account, purpose, bytes])?;
        }
        tx.execute("DELETE FROM calendars", [])?;
        tx.execute("DELETE FROM facts WHERE name <> 'key'", [])?;
        let sql = "UPDATE facts SET value = ?1 WHERE name = 'key'";
        tx.execute(sql, [fingerprint])?;
        tx.commit()?;
        Ok(())
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<SignIn> {
    let time = |seconds: i64| Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    Ok(SignIn {
        account: row.get(0)?,
        way: row.get(1)?,
        client: row.get(2)?,
        server: row.get(3)?,
        scopes: row.get(4)?,
        since: time(row.get(5)?),
        refused: row.get::<_, Option<i64>>(6)?.map(time),
        address: row.get(7)?,
    })
}
