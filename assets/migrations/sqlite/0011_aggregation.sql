-- What a link has to do with a shared record: what its incident was, criterion by criterion, as short hashes with
-- spaces between; the incident that the record names, if that is another one; and whether its incident is closed
-- while the record stays open for others.
ALTER TABLE link ADD COLUMN group_keys TEXT NOT NULL DEFAULT '';
ALTER TABLE link ADD COLUMN group_host TEXT NOT NULL DEFAULT '';
ALTER TABLE link ADD COLUMN closed_alone BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX link_grouped ON link (workspace, id) WHERE group_keys <> '';
