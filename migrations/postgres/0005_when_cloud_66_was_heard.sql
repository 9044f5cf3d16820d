-- When Cloud 66 last answered a question about a redeploy, when one last stayed without an answer, and how long the work
-- took by Cloud 66's own times. What ended before this step says nothing of that.
ALTER TABLE redeploys ADD COLUMN heard_at_ms  BIGINT;
ALTER TABLE redeploys ADD COLUMN missed_at_ms BIGINT;
ALTER TABLE redeploys ADD COLUMN took_ms      BIGINT;
