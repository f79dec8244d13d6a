-- What tells one kind of edit of a block from another. This file is never edited once it is released.

ALTER TABLE blocks ADD COLUMN words BLOB;   -- what it says and how long and often it is, whenever that is
ALTER TABLE blocks ADD COLUMN whole BLOB;   -- what it shows, with no occurrence taken out
ALTER TABLE blocks ADD COLUMN holes INTEGER NOT NULL DEFAULT 0;   -- how many are taken out

-- What was read before this did not tell.
UPDATE calendars SET cursor = NULL, reading = '';

-- Whether words of the event are in what was written.
ALTER TABLE links ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
ALTER TABLE links ADD COLUMN oddly INTEGER NOT NULL DEFAULT 0;   -- how often it was seen like that
