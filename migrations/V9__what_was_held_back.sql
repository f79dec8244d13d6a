-- Blocks whose removal was refused because too many would have gone at once. This file is never edited once it is released.

ALTER TABLE links ADD COLUMN held_back INTEGER NOT NULL DEFAULT 0;   -- their events may be in what comes back damaged
