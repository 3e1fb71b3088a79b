-- Actions that exclude each other, as answers to one question or as rows of one draw, have chances of no less than
-- none each, and of no more than one together.
WITH exclusive AS (
    SELECT decision_id AS actions, probability FROM decision_candidates
    UNION ALL
    SELECT choice_id, probability FROM decision_candidates WHERE choice_id IS NOT NULL
)

SELECT
    count(*) AS checked_count,
    count(*) FILTER (WHERE NOT coalesce(smallest >= 0 AND total <= 1 + $tolerance, false)) AS violation_count,
    max(total) AS worst_observed
FROM (SELECT sum(probability) AS total, min(probability) AS smallest FROM exclusive GROUP BY actions)
