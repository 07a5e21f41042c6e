-- Our latest writes of a field to and fro, as JSON: `[{"to": "sentinel", "at": microseconds}]`. A field
-- that goes to and fro without end is frozen.
ALTER TABLE base ADD COLUMN crossings TEXT NOT NULL DEFAULT '[]';
