-- Messages to one person inside a rolling window, wherever inside their own windows they go out. Their
-- intervals [from, until + window) overlap in a point if and only if all can come within less than a window, and
-- the largest overlap lies where one of them starts. Only overlaps that a planned message takes part in count.
WITH scope AS (
    SELECT number, customer_id, from_us, until_us + $window_us AS until_us, is_planned
    FROM sends
    WHERE
        ($channel IS NULL OR channel = $channel)
        AND ($purpose IS NULL OR purpose IS NULL OR purpose = $purpose)
),

starts AS (
    SELECT planned.customer_id, planned.number, other.from_us AS at_us
    FROM scope AS planned
    INNER JOIN scope AS other ON planned.customer_id = other.customer_id
    WHERE planned.is_planned AND other.from_us >= planned.from_us AND other.from_us < planned.until_us
),

meetings AS (
    SELECT starts.customer_id, starts.number, starts.at_us, count(DISTINCT scope.number) AS message_count
    FROM starts
    INNER JOIN scope ON starts.customer_id = scope.customer_id
    WHERE scope.from_us <= starts.at_us AND starts.at_us < scope.until_us
    GROUP BY starts.customer_id, starts.number, starts.at_us
)

SELECT
    count(DISTINCT customer_id) AS checked_count,
    count(DISTINCT number) FILTER (WHERE message_count > $maximum) AS violation_count,
    max(message_count) AS worst_observed
FROM meetings
