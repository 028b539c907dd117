-- Which of several bastions on one database a session runs at, or a request waits at. Nobody shares a file: here it stays
-- empty, or tells of a database that this one was copied from.
ALTER TABLE sessions ADD COLUMN instance TEXT;
CREATE INDEX sessions_instance ON sessions (instance, id);
ALTER TABLE approvals ADD COLUMN instance TEXT;

-- How many logins may still be begun from a network, in thousandths, at that time.
CREATE TABLE login_starts (
    network TEXT   NOT NULL PRIMARY KEY,
    left_thousandths BIGINT NOT NULL,
    counted_at BIGINT NOT NULL
);
