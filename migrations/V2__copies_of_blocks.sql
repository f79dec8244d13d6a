-- A block may lie in a calendar more than once: a file that was copied. All places are known, so that none is left behind.

DROP INDEX blocks_by_resource;
ALTER TABLE blocks RENAME TO blocks_before;
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
    PRIMARY KEY (calendar, id, resource)
) STRICT, WITHOUT ROWID;
INSERT INTO blocks SELECT * FROM blocks_before;
DROP TABLE blocks_before;
CREATE INDEX blocks_by_resource ON blocks (resource);

-- What was read before this did not tell copies apart.
UPDATE calendars SET cursor = NULL, reading = '';
