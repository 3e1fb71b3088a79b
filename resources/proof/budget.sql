-- Money of the plan and, for a monthly budget, of the past messages of the local month that pays for the plan.
WITH spent AS (
    SELECT
        coalesce(sum(cost_minor) FILTER (WHERE is_planned), 0) AS planned_minor,
        coalesce(sum(cost_minor), 0) AS total_minor,
        count(*) FILTER (WHERE is_planned) AS planned_count
    FROM sends
    WHERE
        ($channel IS NULL OR channel = $channel)
        AND ($programme IS NULL OR programme = $programme)
        AND (
            is_planned
            OR (
                $is_monthly
                AND date_trunc('month', timezone($time_zone, sent_from))
                = date_trunc('month', CAST($night AS TIMESTAMP) + to_days(1))
            )
        )
)

SELECT
    planned_count AS checked_count,
    CAST(total_minor > $maximum_minor AND planned_minor > 0 AS BIGINT) AS violation_count,
    total_minor / 100.0 AS worst_observed
FROM spent
