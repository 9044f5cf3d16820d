-- The whole memory of Stackdeck. Every time is a number of milliseconds since 1970 (UTC). Ids that would let
-- their holder in are stored as SHA-256 hashes; what would let a reader act as a person is sealed
-- (src/store/seal.rs).

CREATE TABLE sessions (
    id_hash         BYTEA   NOT NULL PRIMARY KEY,
    user_id         BIGINT,
    created_at_ms   BIGINT  NOT NULL,
    last_seen_at_ms BIGINT  NOT NULL,
    expires_at_ms   BIGINT  NOT NULL,
    sealed          BYTEA   NOT NULL
);

CREATE INDEX sessions_by_end ON sessions (expires_at_ms);
CREATE INDEX sessions_by_activity ON sessions (last_seen_at_ms);
CREATE INDEX sessions_by_person ON sessions (user_id, created_at_ms);

-- `number` is the order of arrival, for rows of the same millisecond.
CREATE TABLE sign_ins (
    number          BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    state_hash      BYTEA   NOT NULL UNIQUE,
    browser_hash    BYTEA   NOT NULL,
    expires_at_ms   BIGINT  NOT NULL,
    sealed_verifier BYTEA,
    return_to       TEXT    NOT NULL,
    scopes          TEXT    NOT NULL
);

CREATE INDEX sign_ins_by_end ON sign_ins (expires_at_ms);
CREATE INDEX sign_ins_by_browser ON sign_ins (browser_hash, number);

CREATE TABLE redeploys (
    number                 BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id                     TEXT    NOT NULL UNIQUE,
    command                TEXT    NOT NULL,
    stack                  TEXT    NOT NULL,
    stack_name             TEXT    NOT NULL,
    environment            TEXT    NOT NULL,
    asked_by               BIGINT  NOT NULL,
    asked_by_name          TEXT    NOT NULL,
    options                TEXT    NOT NULL,
    known_before           TEXT    NOT NULL,
    batch                  TEXT,
    state                  TEXT    NOT NULL CHECK (state IN ('requested', 'sending', 'accepted', 'refused',
                               'unknown', 'lost', 'running', 'succeeded', 'failed', 'cancelled')),
    requested_at_ms        BIGINT  NOT NULL,
    not_before_ms          BIGINT  NOT NULL,
    owner                  TEXT,
    lease_until_ms         BIGINT,
    attempts               BIGINT  NOT NULL DEFAULT 0,
    sent_at_ms             BIGINT,
    answered_at_ms         BIGINT,
    queued                 BOOLEAN NOT NULL DEFAULT FALSE,
    action                 BIGINT,
    looks                  BIGINT  NOT NULL DEFAULT 0,
    next_look_at_ms        BIGINT,
    deployment             BIGINT,
    git_hash               TEXT,
    message                TEXT,
    cancel_requested_at_ms BIGINT,
    finished_at_ms         BIGINT,
    seen_at_ms             BIGINT,
    sealed_token           BYTEA,
    -- An end holds no token, whatever the program does.
    CHECK (state NOT IN ('refused', 'lost', 'succeeded', 'failed', 'cancelled')
        OR (sealed_token IS NULL AND finished_at_ms IS NOT NULL))
);

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
