-- Which occurrences somebody took out of a block, in place of how many. This file is never edited once it is released.

ALTER TABLE blocks DROP COLUMN holes;
ALTER TABLE blocks ADD COLUMN taken_out TEXT;   -- the local starts at which nothing is, as JSON; none if there is no such

-- What a rule leaves so, and for which times of the event: once they are others, it is forgotten.
ALTER TABLE links ADD COLUMN left_out TEXT;     -- the local starts of what somebody took out, as JSON
ALTER TABLE links ADD COLUMN left_of BLOB;

-- What was read before this did not tell. It is read again, and compared with what it told.
UPDATE calendars SET cursor = NULL;
UPDATE resources SET version = '';

-- Whether what becomes of a block may be calsync's own doing, or a mishap, and is nothing to be left so.
ALTER TABLE links ADD COLUMN disowned INTEGER NOT NULL DEFAULT 0;

-- The holes that calsync wrote: what is taken out beside these, somebody took out.
ALTER TABLE links ADD COLUMN holes TEXT;

-- Most blocks show no words, and whoever asks for those that do need not go through all.
CREATE INDEX links_with_words ON links (source, uid) WHERE shows_words <> 0;
