-- Every planned message is one of tonight's candidates, unchanged.
SELECT
    count(*) AS checked_count,
    count(*) FILTER (WHERE candidates.candidate_id IS NULL) AS violation_count,
    NULL AS worst_observed
FROM plan
LEFT JOIN candidates ON
    plan.workspace_id = candidates.workspace_id
    AND plan.candidate_id = candidates.candidate_id
    AND plan.decision_id = candidates.decision_id
    AND plan.customer_id = candidates.customer_id
    AND plan.product = candidates.product
    AND plan.programme = candidates.programme
    AND plan.node_id = candidates.node_id
    AND plan.channel = candidates.channel
    AND plan.purpose = candidates.purpose
    AND plan.template_id = candidates.template_id
    AND plan.offer_id IS NOT DISTINCT FROM candidates.offer_id
    AND plan.priority_class = candidates.priority_class
    AND plan.cost_amount = candidates.cost_amount
    AND plan.value = candidates.value
    AND isfinite(candidates.value)
