-- When a block is that repeats, so that somebody can be told on which days it stands; and how it was written, so that what somebody
-- took out of it is told from what else became of it meanwhile. This file is never edited once it is released.

ALTER TABLE blocks ADD COLUMN series TEXT;     -- as JSON, the event that it would be without any words; none of one that was not read since
ALTER TABLE links ADD COLUMN but_end BLOB;     -- of one that repeats, what was written but for occurrences taken out and where it ends
ALTER TABLE links ADD COLUMN ends TEXT;        -- the local start that the rule does not go beyond that was written; none without end
