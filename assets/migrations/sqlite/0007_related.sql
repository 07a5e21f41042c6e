-- Rows beside a link's record: what stands there and what is still to be found or made, as JSON; empty
-- for nothing. And whether something is still to be.
ALTER TABLE link ADD COLUMN related TEXT NOT NULL DEFAULT '';
ALTER TABLE link ADD COLUMN related_waiting BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX link_related_waiting ON link (workspace, id) WHERE related_waiting;
