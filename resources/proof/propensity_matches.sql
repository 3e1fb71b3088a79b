-- The chance of what was decided is the one that its candidate carries: without a message, what all of them leave.
-- Where a repair changed the choice, the chance is not claimed to be right, and not looked at.
WITH chances AS (
    SELECT decision_id, sum(probability) AS total
    FROM decision_candidates
    GROUP BY decision_id
),

claims AS (
    SELECT
        decisions.propensity,
        CASE
            WHEN decisions.chosen_candidate_id IS NULL THEN greatest(1 - chances.total, 0)
            ELSE chosen.probability
        END AS probability
    FROM decisions
    LEFT JOIN chances ON decisions.decision_id = chances.decision_id
    LEFT JOIN decision_candidates AS chosen
        ON decisions.decision_id = chosen.decision_id AND decisions.chosen_candidate_id = chosen.candidate_id
    WHERE decisions.is_propensity_valid
)

SELECT
    count(*) AS checked_count,
    count(*) FILTER (
        WHERE NOT coalesce(abs(propensity - probability) <= $tolerance, false)
    ) AS violation_count,
    max(abs(propensity - probability)) AS worst_observed
FROM claims
