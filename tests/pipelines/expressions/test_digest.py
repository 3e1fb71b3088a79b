import hashlib

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.expressions.digest import bucket, digest, identifier, splitmix, text_digest, unit_interval


def test_splitmix_gives_the_published_sequence() -> None:
    # First outputs of SplitMix64 seeded with 0, as in the reference C code of Vigna (splitmix64.c).
    state, outputs = 0, []
    for _ in range(3):
        outputs.append(splitmix(state))
        state = (state + 0x9E3779B97F4A7C15) % 2**64
    assert outputs == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]


def test_text_digest_is_framed_blake2b() -> None:
    framed = (2).to_bytes(4, "big") + b"ab" + (1).to_bytes(4, "big") + b"c"
    assert text_digest("ab", "c") == int.from_bytes(hashlib.blake2b(framed, digest_size=8).digest(), "big")
    assert text_digest("ab", "c") != text_digest("a", "bc")


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20))
def test_digest_of_integers_equals_its_scalar_twin(values: list[int]) -> None:
    digested = pl.DataFrame({"value": values}).select(digest("use", pl.col("value")))["value"]
    assert digested.to_list() == [splitmix(text_digest("use") ^ (value % 2**64)) for value in values]


def test_digest_depends_on_salt_order_and_text() -> None:
    rows = pl.DataFrame({"a": [1, 2], "b": [2, 1], "name": ["x", "y"]})
    columns = rows.select(
        ab=digest("one", pl.col("a"), pl.col("b")),
        ba=digest("one", pl.col("b"), pl.col("a")),
        salted=digest("two", pl.col("a"), pl.col("b")),
        named=digest("one", pl.col("a"), pl.col("name")),
    )
    assert len({value for row in columns.rows() for value in row}) == 6  # ab and ba share two values
    assert columns["ab"].to_list() == columns["ba"].to_list()[::-1]


def test_doubling_the_bucket_count_splits_each_bucket_in_two() -> None:
    people = pl.DataFrame({"customer_id": range(5_000)})
    placed = people.select(few=bucket(pl.col("customer_id"), 8), many=bucket(pl.col("customer_id"), 16))
    assert placed.filter(pl.col("many") % 8 != pl.col("few")).is_empty()
    assert placed["few"].n_unique() == 8


def test_unit_interval_is_uniform_and_below_one() -> None:
    draws = pl.DataFrame({"id": range(100_000)}).select(u=unit_interval(digest("draw", pl.col("id"))))["u"]
    assert 0 <= draws.min() and draws.max() < 1
    assert draws.mean() == pytest.approx(0.5, abs=4 * (1 / 12) ** 0.5 / 100_000**0.5)


def test_identifiers_are_stable_distinct_and_hexadecimal() -> None:
    ids = pl.DataFrame({"id": range(10_000), "name": "x"}).select(
        i=identifier("use", pl.col("id"), pl.col("name"), pl.lit("constant"))
    )["i"]
    assert ids.n_unique() == 10_000
    assert ids.str.contains("^[0-9a-f]{32}$").all()
    high = splitmix(splitmix(splitmix(text_digest("use high")) ^ text_digest("x")) ^ text_digest("constant"))
    assert ids[0][:16] == f"{high:016x}"


def test_identifier_of_nothing_is_empty() -> None:
    nothing = pl.DataFrame(schema={"id": pl.Int64, "name": pl.String})
    assert nothing.select(i=identifier("use", pl.col("id"), pl.col("name"))).schema == {"i": pl.String}
