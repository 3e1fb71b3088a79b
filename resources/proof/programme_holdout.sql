-- Nobody in the holdout of a programme gets a message of it.
SELECT
    count(*) AS checked_count,
    count(*) FILTER (WHERE holdout_bucket(customer_id, $salt) < $buckets) AS violation_count,
    NULL AS worst_observed
FROM plan
WHERE programme = $programme
