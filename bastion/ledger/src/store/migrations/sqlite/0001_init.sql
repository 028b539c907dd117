-- Portable between SQLite and PostgreSQL: times are milliseconds since the
-- epoch, hashes are lower-case hex, structured values are JSON text.

CREATE TABLE logins (
    token      TEXT   NOT NULL PRIMARY KEY,
    kind       TEXT   NOT NULL,
    subject    TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX logins_expires_at ON logins (expires_at);

CREATE TABLE login_flows (
    flow         TEXT   NOT NULL PRIMARY KEY,
    nonce        TEXT   NOT NULL,
    secret       TEXT   NOT NULL,
    redirect_uri TEXT   NOT NULL,
    kind         TEXT   NOT NULL,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX login_flows_expires_at ON login_flows (expires_at);

CREATE TABLE certificates (
    serial      BIGINT NOT NULL PRIMARY KEY,
    fingerprint TEXT   NOT NULL,
    subject     TEXT   NOT NULL,
    issued_at   BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL
);
CREATE INDEX certificates_fingerprint ON certificates (fingerprint, issued_at);
CREATE INDEX certificates_expires_at ON certificates (expires_at);

-- `id` is a UUIDv7: its text sorts by the time of the start.
CREATE TABLE sessions (
    id           TEXT    NOT NULL PRIMARY KEY,
    user_name    TEXT    NOT NULL,
    target       TEXT    NOT NULL,
    login        TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    command      TEXT,
    pty          BOOLEAN NOT NULL,
    source       TEXT    NOT NULL,
    started_at   BIGINT  NOT NULL,
    ended_at     BIGINT,
    ending       TEXT,
    output_bytes BIGINT  NOT NULL
);
CREATE INDEX sessions_user_name ON sessions (user_name, id);
CREATE INDEX sessions_target ON sessions (target, id);
CREATE INDEX sessions_running ON sessions (id) WHERE ended_at IS NULL;

-- The last sequence number given out. Its row lock makes the order of numbers
-- the order of commits, so that a reader who pages never misses a late event.
CREATE TABLE audit_counter (
    name  TEXT   NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO audit_counter (name, value) VALUES ('audit', 0);

-- `event` is the whole event; the columns before it are copies to search by.
CREATE TABLE audit (
    seq         BIGINT NOT NULL PRIMARY KEY,
    recorded_at BIGINT NOT NULL,
    version     BIGINT NOT NULL,
    kind        TEXT   NOT NULL,
    user_name   TEXT,
    session     TEXT,
    event       TEXT   NOT NULL
);
CREATE INDEX audit_user_name ON audit (user_name, seq);
CREATE INDEX audit_kind ON audit (kind, seq);
CREATE INDEX audit_session ON audit (session, seq);
