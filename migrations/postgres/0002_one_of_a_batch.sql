-- Of redeploys that were asked for together, one at a time is on its way to Cloud 66.
CREATE UNIQUE INDEX redeploys_one_of_batch ON redeploys (batch) WHERE state = 'sending' AND batch IS NOT NULL;
