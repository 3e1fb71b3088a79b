-- Messages to one recipient inside a window, wherever inside their own windows they go out. In a rolling window
-- their intervals [from, until + window) overlap in a point if and only if all can come within less than a
-- window; by the calendar, if all can come in one period; over a lifetime, always. The largest overlap lies where
-- one of the intervals starts. Only overlaps that a planned message takes part in count.
WITH scope AS (
    SELECT
        number,
        CASE WHEN $is_household THEN home_id ELSE customer_id END AS recipient,
        CASE
            WHEN $span = 'rolling' THEN from_us
            WHEN $span = 'lifetime' THEN 0
            ELSE epoch_us(date_trunc(
                $period,
                timezone(CASE WHEN $is_office THEN $time_zone ELSE coalesce(time_zone, $time_zone) END, sent_from)
            ))
        END AS from_point,
        CASE
            WHEN $span = 'rolling' THEN until_us + $window_us
            WHEN $span = 'lifetime' THEN 1
            ELSE 1 + epoch_us(date_trunc(
                $period,
                timezone(CASE WHEN $is_office THEN $time_zone ELSE coalesce(time_zone, $time_zone) END, sent_until)
            ))
        END AS until_point,
        is_planned
    FROM sends
    WHERE
        ($channel IS NULL OR channel = $channel)
        AND ($purpose IS NULL OR purpose IS NULL OR purpose = $purpose)
        AND ($tag IS NULL OR tags IS NULL OR list_contains(string_split(tags, ','), $tag))
),

starts AS (
    SELECT planned.recipient, planned.number, other.from_point AS point
    FROM scope AS planned
    INNER JOIN scope AS other ON planned.recipient = other.recipient
    WHERE
        planned.is_planned
        AND other.from_point >= planned.from_point
        AND other.from_point < planned.until_point
    UNION
    SELECT recipient, number, from_point FROM scope WHERE is_planned
),

meetings AS (
    SELECT starts.recipient, starts.number, starts.point, count(DISTINCT scope.number) AS message_count
    FROM starts
    INNER JOIN scope ON starts.recipient = scope.recipient
    WHERE scope.from_point <= starts.point AND starts.point < scope.until_point
    GROUP BY starts.recipient, starts.number, starts.point
)

SELECT
    count(DISTINCT recipient) AS checked_count,
    count(DISTINCT number) FILTER (WHERE message_count > $maximum) AS violation_count,
    max(message_count) AS worst_observed
FROM meetings
