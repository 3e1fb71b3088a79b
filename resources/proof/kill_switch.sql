-- Nothing that is switched off or paused is planned.
SELECT
    count(*) AS checked_count,
    count(*) FILTER (
        WHERE $is_all
        OR channel IN (SELECT unnest($channels::VARCHAR[]))
        OR product IN (SELECT unnest($products::VARCHAR[]))
        OR programme IN (SELECT unnest($programmes::VARCHAR[]))
    ) AS violation_count,
    NULL AS worst_observed
FROM plan
