-- At most one message per decision point, and one per send id.
SELECT
    count(*) AS checked_count,
    coalesce(sum(greatest(decision_count, send_count) - 1), 0) AS violation_count,
    max(greatest(decision_count, send_count)) AS worst_observed
FROM (
    SELECT
        count(*) OVER (PARTITION BY decision_id) AS decision_count,
        count(*) OVER (PARTITION BY send_id) AS send_count
    FROM plan
)
