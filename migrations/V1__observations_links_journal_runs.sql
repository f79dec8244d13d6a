-- What calendars said, what calsync wrote there, and what happened. Nothing in here says what to do: that is worked out anew
-- in every run. This file is never edited once it is released; a change is a new file.

-- Small facts about the installation, such as the fingerprint of the key that made the blocks.
CREATE TABLE facts (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- Every calendar that was ever in the configuration, and how far it has been read.
CREATE TABLE calendars (
    id           INTEGER PRIMARY KEY,
    name         TEXT NOT NULL UNIQUE,
    reading      TEXT NOT NULL DEFAULT '',    -- how it was read (place, owner, format): another way means reading anew
    cursor       TEXT,                        -- how far; none means from the beginning
    whole        INTEGER NOT NULL DEFAULT 0,  -- whether it was ever read to the end
    revision     INTEGER NOT NULL DEFAULT 0,  -- grows with every change seen in it
    events       INTEGER NOT NULL DEFAULT 0,  -- counted when they change, so that nobody has to count in every run
    blocks       INTEGER NOT NULL DEFAULT 0,
    unreadable   INTEGER NOT NULL DEFAULT 0,
    foreigns     INTEGER NOT NULL DEFAULT 0,
    last_attempt INTEGER,                     -- seconds since 1970
    last_success INTEGER,
    result       TEXT,
    error        TEXT
) STRICT;

-- One row for each file or object in a calendar, whatever is in it.
CREATE TABLE resources (
    id       INTEGER PRIMARY KEY,
    calendar INTEGER NOT NULL REFERENCES calendars (id) ON DELETE CASCADE,
    href     TEXT NOT NULL,
    version  TEXT NOT NULL,
    trouble  TEXT,                            -- why it could not be read, if so; its events are then as they last were
    foreigns INTEGER NOT NULL DEFAULT 0,      -- blocks of other installations in it
    UNIQUE (calendar, href)
) STRICT;

-- The events of sources as last seen: times and whether they are busy, never a word of theirs.
CREATE TABLE events (
    resource INTEGER NOT NULL REFERENCES resources (id) ON DELETE CASCADE,
    calendar INTEGER NOT NULL,
    uid      TEXT NOT NULL,
    body     TEXT,                            -- JSON; none if it was never readable
    first    INTEGER NOT NULL,                -- the time it can touch, in seconds since 1970
    last     INTEGER NOT NULL,
    trouble  TEXT,
    PRIMARY KEY (resource, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX events_by_uid ON events (calendar, uid);
CREATE INDEX events_by_time ON events (calendar, last, first);

-- Our blocks as last seen in targets.
CREATE TABLE blocks (
    calendar  INTEGER NOT NULL REFERENCES calendars (id) ON DELETE CASCADE,
    id        TEXT NOT NULL,
    resource  INTEGER NOT NULL REFERENCES resources (id) ON DELETE CASCADE,
    print     BLOB NOT NULL,                  -- what it shows
    hands_off INTEGER NOT NULL,               -- somebody made a meeting of it
    first     INTEGER NOT NULL,               -- when its (first) occurrence begins, and when that is over
    first_end INTEGER NOT NULL,
    repeats   INTEGER NOT NULL,
    last      INTEGER,                        -- when all of it is over; none: it repeats without end
    PRIMARY KEY (calendar, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX blocks_by_resource ON blocks (resource);

-- Which event a block was written for, and what was written: where both sides last agreed.
CREATE TABLE links (
    calendar   INTEGER NOT NULL REFERENCES calendars (id) ON DELETE CASCADE,
    stem       TEXT NOT NULL,                 -- the block's id without its generation
    source     TEXT NOT NULL,                 -- the name of the calendar it comes from
    uid        TEXT NOT NULL,
    occurrence TEXT NOT NULL,
    print      BLOB NOT NULL,                 -- what was written
    version    TEXT NOT NULL,                 -- the version that writing it made
    echo       BLOB,                          -- what the target shows of it, if it keeps it in other words
    PRIMARY KEY (calendar, stem)
) STRICT, WITHOUT ROWID;

-- A row exists only between asking a server and knowing its answer.
CREATE TABLE journal (
    calendar INTEGER NOT NULL REFERENCES calendars (id) ON DELETE CASCADE,
    block    TEXT NOT NULL,
    action   TEXT NOT NULL,
    started  INTEGER NOT NULL,
    PRIMARY KEY (calendar, block)
) STRICT, WITHOUT ROWID;

-- The last runs, for `calsync status`.
CREATE TABLE runs (
    id      INTEGER PRIMARY KEY,
    started INTEGER NOT NULL,
    seconds REAL NOT NULL,
    command TEXT NOT NULL,
    result  TEXT NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    failed  INTEGER NOT NULL,
    error   TEXT
) STRICT;
