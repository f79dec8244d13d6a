-- When a block is that repeats, so that somebody can be told on which days it stands. This file is never edited once it is released.

ALTER TABLE blocks ADD COLUMN series TEXT;     -- as JSON, the event that it would be without any words; none of one that was not read since
