-- That somebody ended a block's series early, or moved a block, and how to tell that from other edits. This file is never edited once it is released.

ALTER TABLE blocks ADD COLUMN but_end BLOB;    -- what it shows but for occurrences taken out and where it ends; none of one that was not read since
ALTER TABLE blocks ADD COLUMN ends TEXT;       -- the local start that its rule does not go beyond; none without end
ALTER TABLE links ADD COLUMN left_after TEXT;  -- the local start after which somebody ended it, and the rule leaves that so
ALTER TABLE links ADD COLUMN left_at TEXT;     -- as JSON, the time that somebody moved it to, and the rule leaves that so
ALTER TABLE blocks ADD COLUMN words BLOB;      -- the fingerprint of what it says in words; none of one that was not read since
