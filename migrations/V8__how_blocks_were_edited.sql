-- What tells one kind of edit of a block from another. This file is never edited once it is released.

ALTER TABLE blocks ADD COLUMN but_start BLOB;   -- what it shows but for when it begins
ALTER TABLE blocks ADD COLUMN but_holes BLOB;   -- what it shows but for the occurrences that are taken out
ALTER TABLE blocks ADD COLUMN holes INTEGER NOT NULL DEFAULT 0;   -- how many are taken out

-- What was read before this did not tell.
UPDATE calendars SET cursor = NULL, reading = '';

-- Whether words of the event are in what was written.
ALTER TABLE links ADD COLUMN shows_words INTEGER NOT NULL DEFAULT 0;
ALTER TABLE links ADD COLUMN oddly INTEGER NOT NULL DEFAULT 0;   -- how often it was seen as `odd` says
CREATE INDEX links_by_source ON links (calendar, source);
