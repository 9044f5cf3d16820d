-- Which Cloud 66 a row belongs to: empty in rows of versions that did not write it, until the next start names it.
ALTER TABLE sessions ADD COLUMN origin TEXT NOT NULL DEFAULT '';
ALTER TABLE sign_ins ADD COLUMN origin TEXT NOT NULL DEFAULT '';
ALTER TABLE redeploys ADD COLUMN origin TEXT NOT NULL DEFAULT '';

-- A stack has at most one redeploy of which nobody knows yet whether Cloud 66 has it. Stacks of two Cloud 66s are two.
DROP INDEX redeploys_one_unanswered;
CREATE UNIQUE INDEX redeploys_one_unanswered ON redeploys (origin, stack)
    WHERE state IN ('requested', 'sending', 'unknown');

-- Between which starts of the program a row was asked for, so that an old intention is not taken for an order: see
-- src/store/ledger/epoch.rs.
CREATE TABLE epochs (
    only_one    INTEGER NOT NULL PRIMARY KEY CHECK (only_one = 1),
    number      INTEGER NOT NULL,
    -- The first one since the database was last found to be another than before.
    whole_since INTEGER NOT NULL,
    began_at_ms INTEGER NOT NULL,
    -- What tells this database from a copy of it; empty before the first start.
    place       TEXT    NOT NULL
) STRICT;
INSERT INTO epochs (only_one, number, whole_since, began_at_ms, place) VALUES (1, 1, 1, 0, '');
ALTER TABLE redeploys ADD COLUMN epoch INTEGER NOT NULL DEFAULT 1;

-- A requested row has a next look as well where Cloud 66 is asked before it may be sent.
DROP INDEX redeploys_to_look_at;
CREATE INDEX redeploys_to_look_at ON redeploys (next_look_at_ms)
    WHERE state IN ('requested', 'unknown', 'accepted', 'running');
