-- Who signed in how, and the sealed secrets that this brought. This file is never edited once it is released.

-- One row for each account that somebody signed in to.
CREATE TABLE sign_ins (
    account TEXT PRIMARY KEY,
    way     TEXT NOT NULL,      -- device, browser, paste or service-account
    client  TEXT NOT NULL,      -- the OAuth client that it belongs to: with another one it is worth nothing
    server  TEXT NOT NULL,      -- whom it is shown to, and nobody else
    scopes  TEXT NOT NULL,      -- what was granted, with spaces between
    since   INTEGER NOT NULL,   -- seconds since 1970
    refused INTEGER             -- when the server first refused it, if it does: a person must sign in again
) STRICT, WITHOUT ROWID;

-- What only the bearer of the key can read.
CREATE TABLE secrets (
    account TEXT NOT NULL REFERENCES sign_ins (account) ON DELETE CASCADE,
    purpose TEXT NOT NULL,      -- refresh, access or password
    sealed  BLOB NOT NULL,      -- a byte for the way of sealing, the nonce, the sealed text with its tag
    PRIMARY KEY (account, purpose)
) STRICT, WITHOUT ROWID;
