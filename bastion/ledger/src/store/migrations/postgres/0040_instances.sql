-- The bastions that share this database. Times are milliseconds of the server's clock. Whoever has `taken_by` clears up
-- after one whose lease has run out, and removes its row then.
CREATE TABLE instances (
    id          TEXT    COLLATE "C" NOT NULL PRIMARY KEY,
    description TEXT    NOT NULL,
    keys        TEXT    NOT NULL,
    started_at  BIGINT  NOT NULL,
    renewed_at  BIGINT  NOT NULL,
    lease_until BIGINT  NOT NULL,
    draining    BOOLEAN NOT NULL,
    taken_by    TEXT    COLLATE "C"
);

-- Which of them a session runs at, or a request waits at.
ALTER TABLE sessions ADD COLUMN instance TEXT COLLATE "C";
CREATE INDEX sessions_instance ON sessions (instance, id);
ALTER TABLE approvals ADD COLUMN instance TEXT COLLATE "C";

-- How many logins may still be begun from a network, in thousandths, at that time.
CREATE TABLE login_starts (
    network TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    left_thousandths BIGINT NOT NULL,
    counted_at BIGINT NOT NULL
);
