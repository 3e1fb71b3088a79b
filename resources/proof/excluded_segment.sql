-- Members of an excluded segment get nothing, unless a person forced them in.
SELECT
    count(*) AS checked_count,
    count(*) FILTER (
        WHERE customer_id IN (
            SELECT customer_id
            FROM memberships
            WHERE segment = $segment AND entered_on <= $night AND (left_on IS NULL OR left_on > $night)
        )
        AND NOT EXISTS (
            SELECT 1
            FROM overrides
            WHERE
                overrides.kind IN ('force_in', 'force_action')
                AND overrides.customer_id = plan.customer_id
                AND (overrides.product IS NULL OR overrides.product = plan.product)
                AND (overrides.programme IS NULL OR overrides.programme = plan.programme)
                AND (overrides.channel IS NULL OR overrides.channel = plan.channel)
                AND (overrides.action_channel IS NULL OR overrides.action_channel = plan.channel)
                AND (overrides.action_template_id IS NULL OR overrides.action_template_id = plan.template_id)
                AND (overrides.action_offer_id IS NULL OR overrides.action_offer_id = plan.offer_id)
        )
    ) AS violation_count,
    NULL AS worst_observed
FROM plan
