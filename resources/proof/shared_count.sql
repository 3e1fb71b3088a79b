-- Messages of the plan that share a capacity.
SELECT
    count(*) AS checked_count,
    greatest(count(*) - $maximum, 0) AS violation_count,
    count(*) AS worst_observed
FROM plan
WHERE $channel IS NULL OR channel = $channel
