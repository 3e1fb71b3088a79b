-- Messages that take a place: those of the past, and those of the plan.
-- Instants as microseconds since the epoch, so that a window is elapsed time and never calendar time.
CREATE TEMP TABLE sends AS
SELECT
    row_number() OVER () AS number,
    customer_id,
    channel,
    purpose,
    offer_id,
    cost_minor,
    sent_from,
    epoch_us(sent_from) AS from_us,
    epoch_us(sent_until) AS until_us,
    is_planned
FROM (
    SELECT customer_id, channel, purpose, offer_id, cost_minor, sent_from, sent_until, false AS is_planned
    FROM ledger
    UNION ALL
    SELECT
        customer_id,
        channel,
        purpose,
        offer_id,
        CAST(cost_amount * 100 AS BIGINT),
        not_before,
        not_after,
        true
    FROM plan
);
