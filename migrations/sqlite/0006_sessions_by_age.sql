-- Sessions that began under a longer lifetime than today's are found by their beginning.
CREATE INDEX sessions_by_age ON sessions (created_at_ms);
