-- Members of an excluded segment get nothing.
SELECT
    count(*) AS checked_count,
    count(*) FILTER (
        WHERE customer_id IN (
            SELECT customer_id
            FROM memberships
            WHERE segment = $segment AND entered_on <= $night AND (left_on IS NULL OR left_on > $night)
        )
    ) AS violation_count,
    NULL AS worst_observed
FROM plan
