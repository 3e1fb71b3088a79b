-- Nobody in the universal holdout gets marketing.
SELECT
    count(*) AS checked_count,
    count(*) FILTER (WHERE holdout_bucket(customer_id, $salt) < $buckets) AS violation_count,
    NULL AS worst_observed
FROM plan
WHERE priority_class = 'marketing'
