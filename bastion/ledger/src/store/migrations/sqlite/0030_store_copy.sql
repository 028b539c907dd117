-- A copy of another store into this one that was begun and is not complete (`bastion store copy`); otherwise empty.
CREATE TABLE store_copy (
    source TEXT NOT NULL PRIMARY KEY
);
