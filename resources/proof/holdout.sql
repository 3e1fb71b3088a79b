-- Nobody who is held out gets a message: of one programme, or (without a programme) any marketing at all.
-- Whether someone is follows from SplitMix64 as published (Steele, Lea and Flood 2014) of their id under the
-- holdout's salt; products are taken in 128 bits and cut to 64.
WITH salted AS (
    SELECT xor(
        CAST($salt AS UBIGINT),
        -- A signed id as the 64 bits that it is stored in.
        CAST(
            CASE
                WHEN customer_id < 0 THEN CAST(customer_id AS HUGEINT) + 18446744073709551616::HUGEINT
                ELSE customer_id
            END AS UBIGINT
        )
    ) AS word
    FROM plan
    WHERE programme = $programme OR ($programme IS NULL AND priority_class = 'marketing')
),

stirred AS (SELECT cut(CAST(word AS UHUGEINT) + 11400714819323198485::UHUGEINT) AS word FROM salted),

once_mixed AS (SELECT times(xor(word, word >> 30), 13787848793156543929) AS word FROM stirred),

twice_mixed AS (SELECT times(xor(word, word >> 27), 10723151780598845931) AS word FROM once_mixed),

buckets AS (SELECT xor(word, word >> 31) % 10000 AS bucket FROM twice_mixed)

SELECT
    count(*) AS checked_count,
    count(*) FILTER (WHERE bucket < $buckets) AS violation_count,
    NULL AS worst_observed
FROM buckets
