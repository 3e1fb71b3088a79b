-- Windows lie between the end of the night's local day and the end of the next one, and inside the validity.
SELECT
    count(*) AS checked_count,
    count(*) FILTER (
        WHERE NOT coalesce(
            plan.not_before <= plan.not_after
            AND plan.not_before >= timezone($time_zone, CAST($night AS TIMESTAMP) + to_days(1))
            AND plan.not_after < timezone($time_zone, CAST($night AS TIMESTAMP) + to_days(2))
            AND plan.not_after <= candidates.valid_until,
            false
        )
    ) AS violation_count,
    NULL AS worst_observed
FROM plan
LEFT JOIN candidates ON plan.candidate_id = candidates.candidate_id
