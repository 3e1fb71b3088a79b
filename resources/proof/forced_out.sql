-- Nobody gets what a person forced them out of.
SELECT
    count(*) AS checked_count,
    count(*) FILTER (
        WHERE EXISTS (
            SELECT 1
            FROM overrides
            WHERE
                overrides.kind = 'force_out'
                AND overrides.customer_id = plan.customer_id
                AND (overrides.product IS NULL OR overrides.product = plan.product)
                AND (overrides.programme IS NULL OR overrides.programme = plan.programme)
                AND (overrides.channel IS NULL OR overrides.channel = plan.channel)
        )
    ) AS violation_count,
    NULL AS worst_observed
FROM plan
