-- No message of one side less than the distance from one of the other side to the same recipient, wherever inside
-- their windows they go out. A past message of unknown tags may be on every side that names tags.
WITH sides AS (
    SELECT
        number,
        CASE WHEN $is_household THEN home_id ELSE customer_id END AS recipient,
        from_us,
        until_us,
        is_planned,
        coalesce(list_contains($one_programmes::VARCHAR[], programme), false)
        OR coalesce(list_has_any(string_split(tags, ','), $one_tags::VARCHAR[]), len($one_tags::VARCHAR[]) > 0)
            AS is_one,
        coalesce(list_contains($other_programmes::VARCHAR[], programme), false)
        OR coalesce(list_has_any(string_split(tags, ','), $other_tags::VARCHAR[]), len($other_tags::VARCHAR[]) > 0)
            AS is_other
    FROM sends
),

pairs AS (
    SELECT
        planned.number,
        planned.recipient,
        greatest(other.from_us - planned.until_us, planned.from_us - other.until_us, 0) AS distance_us
    FROM sides AS planned
    INNER JOIN sides AS other
        ON planned.recipient = other.recipient
        AND planned.number <> other.number
        AND ((planned.is_one AND other.is_other) OR (planned.is_other AND other.is_one))
    WHERE planned.is_planned
)

SELECT
    (SELECT count(*) FROM sides WHERE is_planned AND (is_one OR is_other)) AS checked_count,
    count(DISTINCT number) FILTER (WHERE distance_us < $within_us) AS violation_count,
    NULL AS worst_observed
FROM pairs
