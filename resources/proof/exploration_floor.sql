-- Whatever was drawn from had its share of exploring: spread evenly over all actions of the choice and no message.
-- Of a decision that was drawn, no eligible action was left out, and a choice is about one person.
WITH rows_of_draws AS (
    SELECT
        drawn.choice_id,
        drawn.is_eligible,
        candidates.is_adaptive,
        drawn.probability,
        count(*) OVER (PARTITION BY drawn.choice_id) AS action_count,
        min(drawn.customer_id) OVER (PARTITION BY drawn.choice_id)
        = max(drawn.customer_id) OVER (PARTITION BY drawn.choice_id) AS is_one_person
    FROM decision_candidates AS drawn
    LEFT JOIN candidates ON drawn.candidate_id = candidates.candidate_id
    WHERE drawn.choice_id IS NOT NULL
),

forgotten AS (
    SELECT count(*) AS action_count
    FROM decision_candidates AS left_out
    INNER JOIN candidates ON left_out.candidate_id = candidates.candidate_id
    WHERE
        left_out.choice_id IS NULL
        AND left_out.is_eligible
        AND candidates.is_adaptive
        AND left_out.decision_id IN (SELECT decision_id FROM decision_candidates WHERE choice_id IS NOT NULL)
)

SELECT
    count(*) AS checked_count,
    count(*) FILTER (
        WHERE NOT coalesce(
            is_eligible
            AND is_adaptive
            AND is_one_person
            AND probability >= $exploration / (action_count + 1) - $tolerance,
            false
        )
    ) + (SELECT action_count FROM forgotten) AS violation_count,
    min(probability) AS worst_observed
FROM rows_of_draws
