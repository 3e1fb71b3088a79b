-- Where an action is forced on a decision that has it, nothing else goes out. Of several the latest counts.
WITH forced AS (
    SELECT
        candidates.decision_id,
        candidates.candidate_id,
        dense_rank() OVER (
            PARTITION BY candidates.decision_id
            ORDER BY overrides.started_at DESC, overrides.override_id DESC
        ) AS age_rank
    FROM candidates
    INNER JOIN overrides ON
        candidates.customer_id = overrides.customer_id
        AND (overrides.product IS NULL OR overrides.product = candidates.product)
        AND (overrides.programme IS NULL OR overrides.programme = candidates.programme)
        AND (overrides.channel IS NULL OR overrides.channel = candidates.channel)
        AND (overrides.action_channel IS NULL OR overrides.action_channel = candidates.channel)
        AND (overrides.action_template_id IS NULL OR overrides.action_template_id = candidates.template_id)
        AND (overrides.action_offer_id IS NULL OR overrides.action_offer_id = candidates.offer_id)
    WHERE overrides.kind = 'force_action'
)

SELECT
    count(*) AS checked_count,
    count(*) FILTER (
        WHERE candidate_id NOT IN (
            SELECT forced.candidate_id
            FROM forced
            WHERE forced.decision_id = plan.decision_id AND forced.age_rank = 1
        )
    ) AS violation_count,
    NULL AS worst_observed
FROM plan
WHERE decision_id IN (SELECT forced.decision_id FROM forced)
