-- Until when a side's last change had happened that went into the base: the other side may show
-- later that it had moved before.
ALTER TABLE base ADD COLUMN sentinel_last BIGINT NOT NULL DEFAULT 0;
ALTER TABLE base ADD COLUMN servicenow_last BIGINT NOT NULL DEFAULT 0;

-- A comment of ours moved the incident to a version that nobody has read: its comments are read
-- again with the next full sweep.
ALTER TABLE link ADD COLUMN comments_unsure BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX link_unsure ON link (workspace) WHERE comments_unsure;
