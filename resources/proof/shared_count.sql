-- Messages of the plan that share a capacity.
SELECT
    count(*) AS checked_count,
    greatest(count(*) - $maximum, 0) AS violation_count,
    count(*) AS worst_observed
FROM plan
WHERE
    ($channel IS NULL OR channel = $channel)
    AND ($purpose IS NULL OR purpose = $purpose)
    AND ($programme IS NULL OR programme = $programme)
    AND ($tag IS NULL OR list_contains(string_split(coalesce(tags, ''), ','), $tag))
