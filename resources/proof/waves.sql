-- Nobody of a wave that the calendar has not reached, or that is held because too many of the people who were
-- messaged in the waves before it, or before one ahead of it, have left. A person's wave is drawn by SplitMix64 as published (Steele, Lea and
-- Flood 2014) of their id under the campaign's salt.
WITH salted AS (
    SELECT DISTINCT
        customer_id,
        xor(
            CAST($salt AS UBIGINT),
            CAST(
                CASE
                    WHEN customer_id < 0 THEN CAST(customer_id AS HUGEINT) + 18446744073709551616::HUGEINT
                    ELSE customer_id
                END AS UBIGINT
            )
        ) AS word
    FROM sends
    WHERE programme = $programme
),

stirred AS (
    SELECT customer_id, cut(CAST(word AS UHUGEINT) + 11400714819323198485::UHUGEINT) AS word FROM salted
),

once_mixed AS (SELECT customer_id, times(xor(word, word >> 30), 13787848793156543929) AS word FROM stirred),

twice_mixed AS (SELECT customer_id, times(xor(word, word >> 27), 10723151780598845931) AS word FROM once_mixed),

people AS (
    SELECT
        customer_id,
        len(list_filter($bounds::BIGINT[], lambda bound: bound <= xor(word, word >> 31) % 10000)) AS wave
    FROM twice_mixed
),

reached AS (
    SELECT people.wave, sends.customer_id, bool_or(coalesce(gone.is_gone, false)) AS is_gone
    FROM sends
    INNER JOIN people ON sends.customer_id = people.customer_id
    LEFT JOIN (
        SELECT customer_id, purpose, channel, bool_or(reason IN ('withdrawn', 'denied', 'suppressed')) AS is_gone
        FROM contactability
        GROUP BY customer_id, purpose, channel
    ) AS gone
        ON sends.customer_id = gone.customer_id
        AND sends.purpose = gone.purpose
        AND sends.channel = gone.channel
    WHERE
        sends.programme = $programme
        AND NOT sends.is_planned
        AND sends.sent_from >= timezone($time_zone, CAST($starts_on AS TIMESTAMP))
    GROUP BY people.wave, sends.customer_id
),

numbered AS (SELECT unnest(range(0, len($bounds::BIGINT[]) + 1)) AS wave),

judged AS (
    SELECT
        numbered.wave,
        coalesce(
            count(reached.customer_id) FILTER (WHERE reached.is_gone) > $rate * count(reached.customer_id), false
        ) AS is_stopped
    FROM numbered
    LEFT JOIN reached ON reached.wave < numbered.wave
    GROUP BY numbered.wave
),

verdicts AS (
    SELECT
        wave,
        wave < CASE
            WHEN CAST($night AS DATE) + 1 < $starts_on THEN 0
            ELSE 1 + date_diff('day', $starts_on, CAST($night AS DATE) + 1) // $nights_per_wave
        END
        AND NOT bool_or(is_stopped) OVER (ORDER BY wave) AS may_go
    FROM judged
)

SELECT
    count(*) AS checked_count,
    count(*) FILTER (WHERE NOT coalesce(verdicts.may_go, false)) AS violation_count,
    max(people.wave + 1) AS worst_observed
FROM plan
INNER JOIN people ON plan.customer_id = people.customer_id
LEFT JOIN verdicts ON people.wave = verdicts.wave
WHERE plan.programme = $programme
