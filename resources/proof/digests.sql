-- SplitMix64 as published (Steele, Lea and Flood 2014), in 128 bits so that products do not overflow.
CREATE TEMP MACRO wrap(number) AS CAST(number % 18446744073709551616::UHUGEINT AS UBIGINT);
CREATE TEMP MACRO times(number, factor) AS wrap(CAST(number AS UHUGEINT) * CAST(factor AS UHUGEINT));
CREATE TEMP MACRO stirred(number) AS wrap(CAST(number AS UHUGEINT) + 11400714819323198485::UHUGEINT);
CREATE TEMP MACRO once_mixed(number) AS times(xor(number, number >> 30), 13787848793156543929);
CREATE TEMP MACRO twice_mixed(number) AS times(xor(number, number >> 27), 10723151780598845931);
CREATE TEMP MACRO splitmix(number) AS
    xor(twice_mixed(once_mixed(stirred(number))), twice_mixed(once_mixed(stirred(number))) >> 31);
-- A signed id as the 64 bits it is stored in.
CREATE TEMP MACRO as_bits(id) AS
    CAST(CASE WHEN id < 0 THEN CAST(id AS HUGEINT) + 18446744073709551616::HUGEINT ELSE id END AS UBIGINT);
-- Ten-thousandth of all people that a person belongs to; the salt is a digest of the holdout's name.
CREATE TEMP MACRO holdout_bucket(id, salt) AS splitmix(xor(CAST(salt AS UBIGINT), as_bits(id))) % 10000;
