-- The tables of a bastion, as SQLite has them after version 30. Texts that are sorted or compared have the order of
-- their bytes, as there: pages of a listing follow one another in it, whatever the language of the database.

CREATE TABLE logins (
    token      TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    kind       TEXT   NOT NULL,
    subject    TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX logins_expires_at ON logins (expires_at);

CREATE TABLE login_flows (
    flow         TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    nonce        TEXT   NOT NULL,
    secret       TEXT   NOT NULL,
    redirect_uri TEXT   NOT NULL,
    kind         TEXT   NOT NULL,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX login_flows_expires_at ON login_flows (expires_at);

CREATE TABLE certificates (
    serial      BIGINT NOT NULL PRIMARY KEY,
    fingerprint TEXT   COLLATE "C" NOT NULL,
    subject     TEXT   NOT NULL,
    issued_at   BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    login       TEXT   COLLATE "C"
);
CREATE INDEX certificates_fingerprint ON certificates (fingerprint, issued_at);
CREATE INDEX certificates_expires_at ON certificates (expires_at);

CREATE TABLE names (
    name       TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    issuer     TEXT   COLLATE "C" NOT NULL,
    subject_id TEXT   COLLATE "C" NOT NULL,
    bound_at   BIGINT NOT NULL
);
CREATE INDEX names_person ON names (issuer, subject_id);

-- `id` is a UUIDv7: its text sorts by the time of the start.
CREATE TABLE sessions (
    id           TEXT    COLLATE "C" NOT NULL PRIMARY KEY,
    user_name    TEXT    COLLATE "C" NOT NULL,
    target       TEXT    COLLATE "C" NOT NULL,
    login        TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    command      TEXT,
    pty          BOOLEAN NOT NULL,
    source       TEXT    NOT NULL,
    started_at   BIGINT  NOT NULL,
    ended_at     BIGINT,
    ending       TEXT,
    output_bytes BIGINT  NOT NULL,
    issuer       TEXT    COLLATE "C",
    subject_id   TEXT    COLLATE "C"
);
CREATE INDEX sessions_user_name ON sessions (user_name, id);
CREATE INDEX sessions_target ON sessions (target, id);
CREATE INDEX sessions_running ON sessions (id) WHERE ended_at IS NULL;
CREATE INDEX sessions_person ON sessions (issuer, subject_id, id);

-- The last sequence number given out. Its row lock makes the order of numbers
-- the order of commits, so that a reader who pages never misses a late event.
CREATE TABLE audit_counter (
    name  TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO audit_counter (name, value) VALUES ('audit', 0);

-- `event` is the whole event; the other columns are copies to search by.
CREATE TABLE audit (
    seq         BIGINT NOT NULL PRIMARY KEY,
    recorded_at BIGINT NOT NULL,
    version     BIGINT NOT NULL,
    kind        TEXT   COLLATE "C" NOT NULL,
    user_name   TEXT   COLLATE "C",
    session     TEXT   COLLATE "C",
    event       TEXT   NOT NULL,
    issuer      TEXT,
    subject_id  TEXT
);
CREATE INDEX audit_user_name ON audit (user_name, seq);
CREATE INDEX audit_kind ON audit (kind, seq);
CREATE INDEX audit_session ON audit (session, seq);
CREATE INDEX audit_user_kind ON audit (user_name, kind, seq);

-- `revision` counts the changes: whoever writes says which one they read. `exact_text` holds the bytes of an act where
-- `exact_form` says so (1).
CREATE TABLE approvals (
    id             TEXT    COLLATE "C" NOT NULL PRIMARY KEY,
    revision       BIGINT  NOT NULL,
    kind           TEXT    NOT NULL,
    state          TEXT    COLLATE "C" NOT NULL,
    issuer         TEXT    COLLATE "C" NOT NULL,
    subject_id     TEXT    COLLATE "C" NOT NULL,
    requester      TEXT    NOT NULL,
    target         TEXT    NOT NULL,
    login          TEXT    NOT NULL,
    session        TEXT,
    rule           TEXT,
    exact_text     BYTEA   NOT NULL,
    commands       TEXT    NOT NULL,
    screen         TEXT,
    reason         TEXT,
    because        TEXT    NOT NULL,
    needed         TEXT    NOT NULL,
    lasting        BIGINT,
    source         TEXT    NOT NULL,
    created_at     BIGINT  NOT NULL,
    expires_at     BIGINT  NOT NULL,
    decided_at     BIGINT,
    scope          TEXT,
    standing_until BIGINT,
    remark         TEXT,
    exact_form     BIGINT
);
CREATE INDEX approvals_requester ON approvals (issuer, subject_id, id);
CREATE INDEX approvals_state ON approvals (state, id);

-- Whose members may vote: a copy of what `needed` says, to search by.
CREATE TABLE approval_groups (
    approval   TEXT COLLATE "C" NOT NULL REFERENCES approvals (id),
    group_name TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (approval, group_name)
);
CREATE INDEX approval_groups_group_name ON approval_groups (group_name, approval);

-- One vote a person: the key is who they are to their issuer, not their name.
CREATE TABLE approval_votes (
    approval   TEXT    COLLATE "C" NOT NULL REFERENCES approvals (id),
    place      BIGINT  NOT NULL,
    issuer     TEXT    COLLATE "C" NOT NULL,
    subject_id TEXT    COLLATE "C" NOT NULL,
    voter      TEXT    NOT NULL,
    entitled   BOOLEAN NOT NULL,
    approve    BOOLEAN NOT NULL,
    scope      TEXT    NOT NULL,
    comment    TEXT,
    cast_at    BIGINT  NOT NULL,
    PRIMARY KEY (approval, issuer, subject_id)
);

CREATE TABLE access_grants (
    approval   TEXT   COLLATE "C" NOT NULL PRIMARY KEY REFERENCES approvals (id),
    issuer     TEXT   NOT NULL,
    subject_id TEXT   NOT NULL,
    user_name  TEXT   NOT NULL,
    target     TEXT   NOT NULL,
    login      TEXT   NOT NULL,
    granted_at BIGINT NOT NULL,
    until      BIGINT NOT NULL,
    ended_at   BIGINT
);
CREATE INDEX access_grants_open ON access_grants (until) WHERE ended_at IS NULL;

-- A copy of another store into this one that was begun and is not complete (`bastion store copy`); otherwise empty.
CREATE TABLE store_copy (
    source TEXT COLLATE "C" NOT NULL PRIMARY KEY
);

-- Which bastion the database belongs to: whoever has its lock writes itself down here. One that lost the lock sees
-- here whether another had it since.
CREATE TABLE holder (
    place       BIGINT NOT NULL PRIMARY KEY CHECK (place = 1),
    owner       TEXT   NOT NULL,
    description TEXT   NOT NULL
);
