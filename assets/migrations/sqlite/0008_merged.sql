-- What was merged into an incident, asked whenever one gets its record.
CREATE INDEX link_merged ON link (workspace) WHERE role = 'merged';
