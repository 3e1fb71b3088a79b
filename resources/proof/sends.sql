-- Messages that take a place: those of the past, and those of the plan.
-- Instants as microseconds since the epoch, so that a window is elapsed time and never calendar time.
-- A household is known by the smallest id in it, and who is in none by their own. Purpose and tags of a past
-- message are null when unknown; a planned one always has a purpose, and no tags when it has none.
CREATE TEMP TABLE sends AS
SELECT
    row_number() OVER () AS number,
    messages.customer_id,
    coalesce(homes.home_id, messages.customer_id) AS home_id,
    messages.programme,
    messages.channel,
    messages.purpose,
    messages.tags,
    messages.offer_id,
    messages.cost_minor,
    messages.sent_from,
    messages.sent_until,
    epoch_us(messages.sent_from) AS from_us,
    epoch_us(messages.sent_until) AS until_us,
    zones.time_zone,
    messages.is_planned
FROM (
    SELECT
        customer_id,
        programme,
        channel,
        purpose,
        tags,
        offer_id,
        cost_minor,
        sent_from,
        sent_until,
        false AS is_planned
    FROM ledger
    UNION ALL
    SELECT
        customer_id,
        programme,
        channel,
        purpose,
        coalesce(tags, ''),
        offer_id,
        CAST(cost_amount * 100 AS BIGINT),
        not_before,
        not_after,
        true
    FROM plan
) AS messages
LEFT JOIN (
    SELECT customer_id, min(customer_id) OVER (PARTITION BY household_id) AS home_id FROM households
) AS homes
    ON messages.customer_id = homes.customer_id
LEFT JOIN (SELECT customer_id, max(time_zone) AS time_zone FROM send_times GROUP BY customer_id) AS zones
    ON messages.customer_id = zones.customer_id;
