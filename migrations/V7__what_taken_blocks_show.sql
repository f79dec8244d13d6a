-- When a block that somebody made a meeting of is busy, so that it is known whether it still shows what is wanted. This file is
-- never edited once it is released.

ALTER TABLE blocks ADD COLUMN times BLOB;   -- occurrence by occurrence; none if it is not all busy, or nobody's but calsync's

-- What was read before this did not tell.
UPDATE calendars SET cursor = NULL, reading = '';
