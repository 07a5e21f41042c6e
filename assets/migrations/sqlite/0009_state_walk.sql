-- How far a record was taken toward a state that it did not take at once, as JSON: the state that is wanted,
-- the state on the way that is being written, the write that did not stick last.
ALTER TABLE base ADD COLUMN walk TEXT;
