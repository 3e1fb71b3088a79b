-- Arithmetic of unsigned 64-bit words, through 128 bits.
CREATE TEMP MACRO cut(number) AS CAST(number % 18446744073709551616::UHUGEINT AS UBIGINT);
CREATE TEMP MACRO times(number, factor) AS cut(CAST(number AS UHUGEINT) * CAST(factor AS UHUGEINT));
