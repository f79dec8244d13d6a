-- Whose account it is that somebody signed in to. This file is never edited once it is released.

-- The address of the account, which is the id of its own calendar too; none if the server did not say.
ALTER TABLE sign_ins ADD COLUMN address TEXT;
