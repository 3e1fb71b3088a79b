-- Pieces of an offer given out in all. What the past gave out beyond its stock is not the plan's doing.
SELECT
    count(*) FILTER (WHERE is_planned) AS checked_count,
    least(greatest(count(*) - $maximum, 0), count(*) FILTER (WHERE is_planned)) AS violation_count,
    count(*) AS worst_observed
FROM sends
WHERE offer_id = $offer
