-- The login under which a certificate was issued: the Kubernetes front takes a certificate only while it stands.
ALTER TABLE certificates ADD COLUMN login TEXT;
