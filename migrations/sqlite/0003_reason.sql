-- A redeploy's reason, by name, apart from what Cloud 66 said of it; and the state `ended`: it ended, and Cloud 66
-- did not say how.
-- SQLite changes a CHECK by a new table.
CREATE TABLE redeploys_next (
    number                 INTEGER NOT NULL PRIMARY KEY,
    id                     TEXT    NOT NULL UNIQUE,
    command                TEXT    NOT NULL,
    stack                  TEXT    NOT NULL,
    stack_name             TEXT    NOT NULL,
    environment            TEXT    NOT NULL,
    asked_by               INTEGER NOT NULL,
    asked_by_name          TEXT    NOT NULL,
    options                TEXT    NOT NULL,
    known_before           TEXT    NOT NULL,
    batch                  TEXT,
    state                  TEXT    NOT NULL CHECK (state IN ('requested', 'sending', 'accepted', 'refused',
                               'unknown', 'lost', 'running', 'succeeded', 'failed', 'cancelled', 'ended')),
    requested_at_ms        INTEGER NOT NULL,
    not_before_ms          INTEGER NOT NULL,
    owner                  TEXT,
    lease_until_ms         INTEGER,
    attempts               INTEGER NOT NULL DEFAULT 0,
    sent_at_ms             INTEGER,
    answered_at_ms         INTEGER,
    queued                 INTEGER NOT NULL DEFAULT 0,
    action                 INTEGER,
    looks                  INTEGER NOT NULL DEFAULT 0,
    next_look_at_ms        INTEGER,
    deployment             INTEGER,
    git_hash               TEXT,
    reason                 TEXT,
    message                TEXT,
    cancel_requested_at_ms INTEGER,
    finished_at_ms         INTEGER,
    seen_at_ms             INTEGER,
    sealed_token           BLOB,
    -- An end holds no token, whatever the program does.
    CHECK (state NOT IN ('refused', 'lost', 'succeeded', 'failed', 'cancelled', 'ended')
        OR (sealed_token IS NULL AND finished_at_ms IS NOT NULL))
) STRICT;

INSERT INTO redeploys_next (
    number, id, command, stack, stack_name, environment, asked_by, asked_by_name, options,
    known_before, batch, state, requested_at_ms, not_before_ms, owner, lease_until_ms, attempts,
    sent_at_ms, answered_at_ms, queued, action, looks, next_look_at_ms, deployment, git_hash,
    message, cancel_requested_at_ms, finished_at_ms, seen_at_ms, sealed_token)
SELECT
    number, id, command, stack, stack_name, environment, asked_by, asked_by_name, options,
    known_before, batch, state, requested_at_ms, not_before_ms, owner, lease_until_ms, attempts,
    sent_at_ms, answered_at_ms, queued, action, looks, next_look_at_ms, deployment, git_hash,
    message, cancel_requested_at_ms, finished_at_ms, seen_at_ms, sealed_token
FROM redeploys;
DROP TABLE redeploys;
ALTER TABLE redeploys_next RENAME TO redeploys;

-- A stack has at most one redeploy of which nobody knows yet whether Cloud 66 has it.
CREATE UNIQUE INDEX redeploys_one_unanswered ON redeploys (stack)
    WHERE state IN ('requested', 'sending', 'unknown');
CREATE INDEX redeploys_to_send ON redeploys (number) WHERE state = 'requested';
CREATE INDEX redeploys_being_sent ON redeploys (lease_until_ms) WHERE state = 'sending';
CREATE INDEX redeploys_to_look_at ON redeploys (next_look_at_ms)
    WHERE state IN ('unknown', 'accepted', 'running');
CREATE INDEX redeploys_with_token ON redeploys (requested_at_ms) WHERE sealed_token IS NOT NULL;
CREATE INDEX redeploys_by_stack ON redeploys (stack, number);
CREATE INDEX redeploys_by_person ON redeploys (asked_by, number);
CREATE INDEX redeploys_by_batch ON redeploys (batch) WHERE batch IS NOT NULL;
CREATE INDEX redeploys_unseen ON redeploys (asked_by, number)
    WHERE finished_at_ms IS NOT NULL AND seen_at_ms IS NULL;
CREATE INDEX redeploys_by_end ON redeploys (finished_at_ms) WHERE finished_at_ms IS NOT NULL;
-- Of redeploys that were asked for together, one at a time is on its way to Cloud 66.
CREATE UNIQUE INDEX redeploys_one_of_batch ON redeploys (batch) WHERE state = 'sending' AND batch IS NOT NULL;

-- What used to stand as a sentence of this program in `message` gets its name.
UPDATE redeploys SET reason = 'no-record', message = NULL
    WHERE state = 'lost' AND message = 'Cloud 66 has no record of it. Check the stack before you try again.';
UPDATE redeploys SET reason = 'old-api', message = NULL
    WHERE state = 'lost' AND message = 'Cloud 66 did not answer, and with version 2 of its API nobody can ask whether it has the request. Look at the stack before you try again.';
UPDATE redeploys SET reason = 'not-said', message = NULL
    WHERE state = 'lost' AND message = 'Cloud 66 did not answer, and does not say which requests it has. Look at the stack before you try again.';
UPDATE redeploys SET reason = 'not-asked', message = NULL
    WHERE state = 'lost' AND message = 'Cloud 66 did not answer, and could not be asked for an hour whether it has the request. Look at the stack before you try again.';
UPDATE redeploys SET reason = 'no-sign-in', message = NULL
    WHERE state = 'lost' AND message = 'Cloud 66 did not answer, and this app no longer holds a sign-in with which to ask. Look at the stack before you try again.';
UPDATE redeploys SET reason = 'unreachable', message = NULL
    WHERE state = 'refused' AND message = 'Cloud 66 could not be reached. Nothing was sent.';
UPDATE redeploys SET reason = 'too-late', message = NULL
    WHERE state = 'refused' AND message = 'This waited for too long, and nothing was sent. Ask again if it is still wanted.';
UPDATE redeploys SET reason = 'no-token', message = NULL
    WHERE state = 'refused' AND message = 'Nothing was sent: Stackdeck’s secret was changed after this was asked for, so the access it came with can no longer be used. Ask again.';
UPDATE redeploys SET reason = 'signed-out', message = NULL
    WHERE state = 'refused' AND message = 'Cloud 66 signed you out. Nothing was started. Sign in again to continue.';
UPDATE redeploys SET reason = 'trial-over', message = NULL
    WHERE state = 'refused' AND message = 'Cloud 66 says the trial for this account has ended. Nothing was started.';
UPDATE redeploys SET reason = 'gone', message = NULL
    WHERE state = 'refused' AND message = 'This stack is not there any more, or you lost access to it. Nothing was started.';
UPDATE redeploys SET reason = 'throttled', message = NULL
    WHERE state = 'refused' AND message = 'You have used this hour''s Cloud 66 requests. Nothing was started.';
UPDATE redeploys SET reason = 'not-implemented', message = NULL
    WHERE state = 'refused' AND message = 'Cloud 66 does not offer this. Nothing was started.';
UPDATE redeploys SET reason = 'forbidden', message = NULL
    WHERE state = 'refused' AND message LIKE 'Your Cloud 66 role cannot deploy %Nothing was started.';
UPDATE redeploys SET reason = 'conflict', message = nullif(substr(message, 65), '')
    WHERE state = 'refused' AND message LIKE 'Cloud 66 is busy with this stack. Nothing was started.%';
UPDATE redeploys SET reason = 'rejected', message = nullif(substr(message, 49), '')
    WHERE state = 'refused' AND message LIKE 'Cloud 66 refused. Nothing was started.%';
UPDATE redeploys SET reason = 'no-sign-in', message = NULL
    WHERE state IN ('accepted', 'running') AND message LIKE 'This app no longer holds a sign-in with which to ask.%';
UPDATE redeploys SET reason = 'access-lost', message = NULL
    WHERE state IN ('accepted', 'running') AND message LIKE 'Cloud 66 no longer lets this sign-in see the stack.%';
UPDATE redeploys SET reason = 'no-end-told', message = NULL
    WHERE state IN ('accepted', 'running') AND message LIKE 'Cloud 66 did not say how it ended within six hours.%';
