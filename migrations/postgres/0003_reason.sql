-- A redeploy's reason, by name, apart from what Cloud 66 said of it; and the state `ended`: it ended, and Cloud 66
-- did not say how.
ALTER TABLE redeploys ADD COLUMN reason TEXT;
ALTER TABLE redeploys DROP CONSTRAINT redeploys_state_check;
ALTER TABLE redeploys ADD CONSTRAINT redeploys_state_check CHECK (state IN ('requested', 'sending', 'accepted',
    'refused', 'unknown', 'lost', 'running', 'succeeded', 'failed', 'cancelled', 'ended'));
ALTER TABLE redeploys DROP CONSTRAINT redeploys_check;
ALTER TABLE redeploys ADD CONSTRAINT redeploys_check CHECK (
    state NOT IN ('refused', 'lost', 'succeeded', 'failed', 'cancelled', 'ended')
    OR (sealed_token IS NULL AND finished_at_ms IS NOT NULL));

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
