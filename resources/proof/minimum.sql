-- People who get a message of a segment or programme: as many as must, or exactly as many as the plan reports
-- beside the size that it could not meet.
WITH asked AS (
    SELECT CAST(CASE
        WHEN $count IS NOT NULL THEN $count
        WHEN $segment IS NOT NULL THEN (
            SELECT (count(DISTINCT customer_id)::HUGEINT * $share_part + $share_whole - 1) // $share_whole
            FROM memberships
            WHERE segment = $segment AND entered_on <= $night AND (left_on IS NULL OR left_on > $night)
        )
        ELSE (
            SELECT (count(DISTINCT customer_id)::HUGEINT * $share_part + $share_whole - 1) // $share_whole
            FROM candidates
            WHERE programme = $programme
        )
    END AS BIGINT) AS size
),

reached AS (
    SELECT count(DISTINCT customer_id) AS size
    FROM plan
    WHERE
        ($programme IS NULL OR programme = $programme)
        AND (
            $segment IS NULL
            OR customer_id IN (
                SELECT customer_id
                FROM memberships
                WHERE segment = $segment AND entered_on <= $night AND (left_on IS NULL OR left_on > $night)
            )
        )
)

SELECT
    asked.size AS checked_count,
    CASE
        WHEN reached.size >= asked.size THEN 0
        WHEN EXISTS (
            FROM limit_prices
            WHERE
                limit_name = $name
                AND limit_value = asked.size
                AND used_value = reached.size
                AND relaxation = asked.size - reached.size
        ) THEN 0
        ELSE asked.size - reached.size
    END AS violation_count,
    reached.size AS worst_observed
FROM asked, reached
