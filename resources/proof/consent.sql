-- Everyone in the plan may be contacted for the purpose on the channel; no verdict is no.
SELECT
    count(*) AS checked_count,
    count(*) FILTER (WHERE NOT coalesce(verdicts.is_allowed, false)) AS violation_count,
    NULL AS worst_observed
FROM plan
LEFT JOIN (
    SELECT customer_id, purpose, channel, bool_and(is_allowed) AS is_allowed
    FROM contactability
    GROUP BY customer_id, purpose, channel
) AS verdicts
    ON plan.customer_id = verdicts.customer_id
    AND plan.purpose = verdicts.purpose
    AND plan.channel = verdicts.channel
