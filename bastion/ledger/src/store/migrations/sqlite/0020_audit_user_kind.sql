-- Events of one kind about one person are read in their order, and not picked out of all that are about either.
CREATE INDEX audit_user_kind ON audit (user_name, kind, seq);
