-- No local clock reads a quiet hour at any instant of a window. Quiet hours start and end on whole minutes,
-- so looking at every minute and at both ends misses none. A person without a zone counts as quiet.
WITH windows AS (
    SELECT send_times.time_zone, plan.not_before, plan.not_after, count(*) AS message_count
    FROM plan
    LEFT JOIN send_times ON plan.customer_id = send_times.customer_id
    GROUP BY ALL
),

instants AS (
    SELECT time_zone, not_before, not_after, not_after AS instant FROM windows
    UNION ALL
    SELECT
        time_zone,
        not_before,
        not_after,
        unnest(generate_series(not_before, least(not_after, not_before + to_days(3)), to_minutes(1)))
    FROM windows
),

quiet AS (
    SELECT DISTINCT time_zone, not_before, not_after
    FROM (SELECT *, CAST(timezone(time_zone, instant) AS TIME) AS reading FROM instants)
    WHERE CASE
        WHEN $quiet_start < $quiet_end THEN reading >= $quiet_start AND reading < $quiet_end
        ELSE reading >= $quiet_start OR reading < $quiet_end
    END
)

SELECT
    coalesce(sum(message_count), 0) AS checked_count,
    coalesce(
        sum(message_count) FILTER (WHERE windows.time_zone IS NULL OR quiet.not_before IS NOT NULL), 0
    ) AS violation_count,
    NULL AS worst_observed
FROM windows
LEFT JOIN quiet
    ON windows.time_zone = quiet.time_zone
    AND windows.not_before = quiet.not_before
    AND windows.not_after = quiet.not_after
