-- What a target makes of a block when it stores it, found out by looking after each write. This file is never edited once it is
-- released.

ALTER TABLE links ADD COLUMN times BLOB;                          -- when it was written to be, occurrence by occurrence
ALTER TABLE links ADD COLUMN looked INTEGER NOT NULL DEFAULT 1;   -- whether the calendar was read since it was written
ALTER TABLE links ADD COLUMN odd BLOB;                            -- what stood there at the first look, if nobody knows yet who did that
ALTER TABLE links ADD COLUMN otherwise BLOB;                      -- what the target makes of it each time, though it is not what is wanted
CREATE INDEX links_unlooked ON links (calendar) WHERE looked = 0;
