-- First schema. Times are microseconds since 1970 in UTC; JSON is TEXT; hashes are hex TEXT.
-- Rowid tables throughout: wide rows in a WITHOUT ROWID tree with random keys were measured slow.

-- The database's clock. A view, because its expression is the one thing each database words its
-- own way; every query text stays the same.
CREATE VIEW db_clock AS SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER) AS micros;

CREATE TABLE lease (
    workspace    TEXT    NOT NULL PRIMARY KEY,
    holder       TEXT    NOT NULL,
    epoch        BIGINT  NOT NULL,
    ends         BIGINT  NOT NULL,
    section_hash TEXT    NOT NULL,
    revision     BIGINT  NOT NULL
);

CREATE TABLE incident (
    workspace TEXT    NOT NULL,
    id        TEXT    NOT NULL,
    number    BIGINT  NOT NULL,
    etag      TEXT    NOT NULL,
    modified  BIGINT  NOT NULL,
    seen      BIGINT  NOT NULL,
    body      TEXT    NOT NULL,
    PRIMARY KEY (workspace, id)
);

CREATE TABLE record (
    instance   TEXT    NOT NULL,
    table_name TEXT    NOT NULL,
    sys_id     TEXT    NOT NULL,
    number     TEXT    NOT NULL,
    mod_count  BIGINT  NOT NULL,
    updated_on BIGINT  NOT NULL,
    group_key  TEXT    NOT NULL,
    seen       BIGINT  NOT NULL,
    body       TEXT    NOT NULL,
    PRIMARY KEY (instance, table_name, sys_id)
);

CREATE TABLE link (
    id         INTEGER PRIMARY KEY,
    workspace  TEXT    NOT NULL,
    incident   TEXT    NOT NULL,
    instance   TEXT    NOT NULL,
    table_name TEXT    NOT NULL,
    sys_id     TEXT    NOT NULL,
    ordinal    BIGINT  NOT NULL,
    role       TEXT    NOT NULL CHECK (role IN ('primary', 'attached', 'merged', 'watched')),
    life       TEXT    NOT NULL CHECK (life IN ('creating', 'live', 'gone', 'unlinked')),
    in_filter  BOOLEAN NOT NULL,
    correlated BOOLEAN NOT NULL,
    closer     TEXT,
    created    BIGINT  NOT NULL,
    frozen     TEXT    NOT NULL,
    error      TEXT    NOT NULL,
    not_before BIGINT  NOT NULL,
    failures   BIGINT  NOT NULL,
    comments_seen BIGINT NOT NULL,
    unread     BOOLEAN NOT NULL,
    pending    BOOLEAN NOT NULL,
    UNIQUE (workspace, incident, ordinal)
);
CREATE UNIQUE INDEX link_one_primary ON link (instance, table_name, sys_id)
    WHERE role = 'primary' AND life IN ('creating', 'live') AND sys_id <> '';
CREATE INDEX link_record ON link (instance, table_name, sys_id);
CREATE INDEX link_creating ON link (workspace) WHERE life = 'creating';
CREATE INDEX link_pending ON link (workspace) WHERE pending;
CREATE INDEX link_failed ON link (workspace, not_before) WHERE error <> '';
CREATE INDEX link_uncorrelated ON link (workspace, instance, table_name)
    WHERE life = 'live' AND NOT correlated;

CREATE TABLE base (
    link               BIGINT  NOT NULL REFERENCES link (id),
    field              TEXT    NOT NULL,
    sentinel           TEXT    NOT NULL,
    servicenow         TEXT    NOT NULL,
    agreed             BIGINT  NOT NULL,
    sentinel_same      BIGINT  NOT NULL,
    sentinel_differs   BIGINT,
    servicenow_same    BIGINT  NOT NULL,
    servicenow_differs BIGINT,
    detached           BOOLEAN NOT NULL,
    conflict           TEXT,
    held               TEXT    NOT NULL,
    rule               TEXT    NOT NULL,
    PRIMARY KEY (link, field)
);
CREATE INDEX base_held ON base (link) WHERE held <> '';

CREATE TABLE entry (
    id            INTEGER PRIMARY KEY,
    link          BIGINT  NOT NULL REFERENCES link (id),
    origin        TEXT    NOT NULL,
    origin_id     TEXT    NOT NULL,
    author        TEXT    NOT NULL,
    at            BIGINT  NOT NULL,
    body          TEXT    NOT NULL,
    sentinel_id   TEXT    NOT NULL,
    to_sentinel   TEXT    NOT NULL,
    marker        TEXT    NOT NULL,
    journal_id    TEXT    NOT NULL,
    to_servicenow TEXT    NOT NULL,
    reason        TEXT    NOT NULL,
    UNIQUE (link, origin, origin_id)
);
CREATE INDEX entry_waiting ON entry (link)
    WHERE to_sentinel IN ('waiting', 'sending') OR to_servicenow IN ('waiting', 'sending');

CREATE TABLE intent (
    id        INTEGER PRIMARY KEY,
    workspace TEXT    NOT NULL,
    link      BIGINT  NOT NULL REFERENCES link (id),
    kind      TEXT    NOT NULL,
    body      TEXT    NOT NULL,
    body_hash TEXT    NOT NULL,
    state     TEXT    NOT NULL,
    attempts  BIGINT  NOT NULL,
    created   BIGINT  NOT NULL,
    sent      BIGINT,
    command   BIGINT,
    outcome   TEXT    NOT NULL
);
CREATE INDEX intent_open ON intent (workspace, link) WHERE state IN ('planned', 'in_flight', 'unknown');
CREATE INDEX intent_unsettled ON intent (link)
    WHERE state IN ('planned', 'in_flight', 'unknown', 'parked');

CREATE TABLE cursor (
    workspace TEXT   NOT NULL,
    name      TEXT   NOT NULL,
    position  BIGINT NOT NULL,
    moved     BIGINT NOT NULL,
    PRIMARY KEY (workspace, name)
);

CREATE TABLE capability (
    owner TEXT   NOT NULL,
    name  TEXT   NOT NULL,
    value TEXT   NOT NULL,
    at    BIGINT NOT NULL,
    PRIMARY KEY (owner, name)
);

-- What people write: three tables of their own, so that grants can refuse each alone.
CREATE TABLE command (
    id        INTEGER PRIMARY KEY,
    workspace TEXT   NOT NULL,
    link      BIGINT NOT NULL REFERENCES link (id),
    verb      TEXT   NOT NULL,
    shown     TEXT   NOT NULL,
    who       TEXT   NOT NULL,
    at        BIGINT NOT NULL,
    state     TEXT   NOT NULL,
    result    TEXT   NOT NULL
);
CREATE INDEX command_pending ON command (workspace) WHERE state = 'pending';
CREATE INDEX command_link ON command (link);

CREATE TABLE control (
    id        INTEGER PRIMARY KEY,
    workspace TEXT    NOT NULL,
    verb      TEXT    NOT NULL,
    who       TEXT    NOT NULL,
    at        BIGINT  NOT NULL,
    done      BOOLEAN NOT NULL
);
CREATE INDEX control_pending ON control (workspace) WHERE NOT done;

CREATE TABLE mapping_version (
    number BIGINT NOT NULL PRIMARY KEY,
    parent BIGINT NOT NULL,
    author TEXT   NOT NULL,
    reason TEXT   NOT NULL,
    at     BIGINT NOT NULL,
    body   TEXT   NOT NULL
);

CREATE TABLE audit (
    chain        TEXT   NOT NULL,
    seq          BIGINT NOT NULL,
    at           BIGINT NOT NULL,
    who          TEXT   NOT NULL,
    act          TEXT   NOT NULL,
    link         BIGINT,
    subject      TEXT   NOT NULL,
    side         TEXT   NOT NULL,
    what         TEXT   NOT NULL,
    value_before TEXT   NOT NULL,
    value_after  TEXT   NOT NULL,
    why          TEXT   NOT NULL,
    intent       BIGINT,
    prev         TEXT   NOT NULL,
    hash         TEXT   NOT NULL,
    PRIMARY KEY (chain, seq)
);
CREATE INDEX audit_link ON audit (link) WHERE link IS NOT NULL;

-- What watchers read; written by the lease holder alone.
CREATE TABLE published_link (
    link            INTEGER PRIMARY KEY REFERENCES link (id),
    workspace       TEXT   NOT NULL,
    epoch           BIGINT NOT NULL,
    revision        BIGINT NOT NULL,
    incident        TEXT   NOT NULL,
    incident_number BIGINT NOT NULL,
    record_number   TEXT   NOT NULL,
    body            TEXT   NOT NULL
);
CREATE INDEX published_link_revision ON published_link (workspace, epoch, revision);
CREATE INDEX published_link_incident ON published_link (incident);
CREATE INDEX published_link_number ON published_link (workspace, incident_number);
CREATE INDEX published_link_record ON published_link (record_number);

CREATE TABLE published_lane (
    workspace TEXT   NOT NULL,
    side      TEXT   NOT NULL,
    epoch     BIGINT NOT NULL,
    revision  BIGINT NOT NULL,
    body      TEXT   NOT NULL,
    PRIMARY KEY (workspace, side)
);

CREATE TABLE published_workspace (
    workspace TEXT   NOT NULL PRIMARY KEY,
    epoch     BIGINT NOT NULL,
    revision  BIGINT NOT NULL,
    body      TEXT   NOT NULL
);

-- AUTOINCREMENT: a watcher resumes behind a number, so a pruned one must never come again.
CREATE TABLE event (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace TEXT   NOT NULL,
    at        BIGINT NOT NULL,
    body      TEXT   NOT NULL
);

-- What an instance told us about its people and choice lists ("user" is a reserved word).
CREATE TABLE desk_user (
    instance  TEXT    NOT NULL,
    sys_id    TEXT    NOT NULL,
    user_name TEXT    NOT NULL,
    name      TEXT    NOT NULL,
    email     TEXT    NOT NULL,
    active    BOOLEAN NOT NULL,
    PRIMARY KEY (instance, sys_id)
);

CREATE TABLE choice (
    instance   TEXT    NOT NULL,
    table_name TEXT    NOT NULL,
    place      BIGINT  NOT NULL,
    element    TEXT    NOT NULL,
    value      TEXT    NOT NULL,
    label      TEXT    NOT NULL,
    inactive   BOOLEAN NOT NULL,
    PRIMARY KEY (instance, table_name, place)
);
