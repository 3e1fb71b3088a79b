-- The end of the night that the planner used is the end of its local day.
SELECT
    1 AS checked_count,
    CAST(timezone($time_zone, CAST($night AS TIMESTAMP) + to_days(1)) <> $as_of AS BIGINT) AS violation_count,
    NULL AS worst_observed
