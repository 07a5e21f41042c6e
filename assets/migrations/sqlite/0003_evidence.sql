-- What a link's record was told of alerts and entities: the number of alerts that was last read,
-- whether they are to be read, and short hashes of what was listed, with spaces between.
ALTER TABLE link ADD COLUMN alerts_read BIGINT NOT NULL DEFAULT 0;
ALTER TABLE link ADD COLUMN alerts_unread BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE link ADD COLUMN listed TEXT NOT NULL DEFAULT '';
CREATE INDEX link_alerts_unread ON link (workspace, id) WHERE alerts_unread;
