-- What people order about an incident and a record that no link ties yet.
CREATE TABLE link_order (
    id         INTEGER PRIMARY KEY,
    workspace  TEXT   NOT NULL,
    incident   TEXT   NOT NULL,
    instance   TEXT   NOT NULL,
    table_name TEXT   NOT NULL,
    sys_id     TEXT   NOT NULL,
    verb       TEXT   NOT NULL,
    shown      TEXT   NOT NULL,
    who        TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    state      TEXT   NOT NULL,
    result     TEXT   NOT NULL
);
CREATE INDEX link_order_pending ON link_order (workspace) WHERE state = 'pending';
