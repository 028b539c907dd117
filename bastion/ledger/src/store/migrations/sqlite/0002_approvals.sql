-- Approvals: what somebody asked for, the votes on it, and the access that came of it.

-- `revision` counts the changes: whoever writes says which one they read.
CREATE TABLE approvals (
    id             TEXT    NOT NULL PRIMARY KEY,
    revision       BIGINT  NOT NULL,
    kind           TEXT    NOT NULL,
    state          TEXT    NOT NULL,
    issuer         TEXT    NOT NULL,
    subject_id     TEXT    NOT NULL,
    requester      TEXT    NOT NULL,
    target         TEXT    NOT NULL,
    login          TEXT    NOT NULL,
    session        TEXT,
    rule           TEXT,
    exact_text     BLOB    NOT NULL,
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
    remark         TEXT
);
CREATE INDEX approvals_requester ON approvals (issuer, subject_id, id);
CREATE INDEX approvals_state ON approvals (state, id);

-- Whose members may vote: a copy of what `needed` says, to search by.
CREATE TABLE approval_groups (
    approval   TEXT NOT NULL REFERENCES approvals (id),
    group_name TEXT NOT NULL,
    PRIMARY KEY (approval, group_name)
);
CREATE INDEX approval_groups_group_name ON approval_groups (group_name, approval);

-- One vote a person: the key is who they are to their issuer, not their name.
CREATE TABLE approval_votes (
    approval   TEXT    NOT NULL REFERENCES approvals (id),
    place      BIGINT  NOT NULL,
    issuer     TEXT    NOT NULL,
    subject_id TEXT    NOT NULL,
    voter      TEXT    NOT NULL,
    entitled   BOOLEAN NOT NULL,
    approve    BOOLEAN NOT NULL,
    scope      TEXT    NOT NULL,
    comment    TEXT,
    cast_at    BIGINT  NOT NULL,
    PRIMARY KEY (approval, issuer, subject_id)
);

CREATE TABLE access_grants (
    approval   TEXT   NOT NULL PRIMARY KEY REFERENCES approvals (id),
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
