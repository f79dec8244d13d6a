-- When the rule of a block is, whatever occurrences of it are left out. This file is never edited once it is released.

ALTER TABLE links ADD COLUMN course BLOB;  -- none where an older calsync wrote it, which compared occurrence by occurrence

-- What may have been a mishap is few links of many, if any.
CREATE INDEX links_disowned ON links (calendar) WHERE disowned <> 0;
