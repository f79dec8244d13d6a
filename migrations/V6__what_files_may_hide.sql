-- What a file that is damaged may hide. This file is never edited once it is released.

ALTER TABLE resources ADD COLUMN signs INTEGER NOT NULL DEFAULT 0;   -- how many places in it look damaged
ALTER TABLE events ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;     -- it was seen elsewhere, and may be in here now

-- What could not be read before this did not tell which events it names.
UPDATE resources SET version = '' WHERE trouble IS NOT NULL;
