-- Incidents by the number that people and merges name them by.
CREATE INDEX incident_number ON incident (workspace, number);
