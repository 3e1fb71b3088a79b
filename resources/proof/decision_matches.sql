-- Plan and decisions tell the same story: a message for every decision to send, and for no other.
SELECT
    count(*) AS checked_count,
    count(*) FILTER (
        WHERE plan.candidate_id IS DISTINCT FROM chosen.chosen_candidate_id
        OR plan.customer_id IS DISTINCT FROM chosen.customer_id
    ) AS violation_count,
    NULL AS worst_observed
FROM plan
FULL JOIN (
    SELECT decision_id, chosen_candidate_id, customer_id FROM decisions WHERE chosen_candidate_id IS NOT NULL
) AS chosen
    ON plan.decision_id = chosen.decision_id
