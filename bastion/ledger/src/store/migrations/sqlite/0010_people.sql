-- People are told apart by issuer and subject. A name is one person's alone: that of the first who logged in with it.
CREATE TABLE names (
    name       TEXT   NOT NULL PRIMARY KEY,
    issuer     TEXT   NOT NULL,
    subject_id TEXT   NOT NULL,
    bound_at   BIGINT NOT NULL
);
CREATE INDEX names_person ON names (issuer, subject_id);

-- Whose a session is, and who did what an event is about. Unknown of some that are older than this.
ALTER TABLE sessions ADD COLUMN issuer TEXT;
ALTER TABLE sessions ADD COLUMN subject_id TEXT;
CREATE INDEX sessions_person ON sessions (issuer, subject_id, id);
ALTER TABLE audit ADD COLUMN issuer TEXT;
ALTER TABLE audit ADD COLUMN subject_id TEXT;

-- The audit log knows who logged in first with each name (SQLite takes the other columns from the row of the minimum).
INSERT INTO names (name, issuer, subject_id, bound_at)
SELECT user_name, issuer, subject_id, recorded_at FROM (
    SELECT user_name, json_extract(event, '$.issuer') AS issuer, json_extract(event, '$.subject') AS subject_id,
           recorded_at, MIN(seq)
    FROM audit WHERE kind = 'logged_in' AND user_name IS NOT NULL GROUP BY user_name
) WHERE issuer IS NOT NULL AND subject_id IS NOT NULL;

-- Sessions under a name that only one person ever logged in with are that person's; who owns the others is not known.
UPDATE sessions SET
    issuer = (SELECT issuer FROM names WHERE name = sessions.user_name),
    subject_id = (SELECT subject_id FROM names WHERE name = sessions.user_name)
WHERE user_name IN (
    SELECT user_name FROM audit WHERE kind = 'logged_in' GROUP BY user_name
    HAVING COUNT(DISTINCT json_extract(event, '$.issuer') || '#' || json_extract(event, '$.subject')) = 1
);

-- A login of before may go by somebody else's name, and what it keeps meanwhile was not encrypted: people log in again.
DELETE FROM logins;
DELETE FROM login_flows;
DELETE FROM certificates;
