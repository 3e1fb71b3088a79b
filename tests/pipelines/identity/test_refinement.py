"""Average linkage: worked by hand, and the shortcut agrees with the full linkage."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.settings.identity import IdentitySettings
from pipelines.identity.refinement import refine_pairs

SETTINGS = IdentitySettings()


def kept(*pairs, settings=SETTINGS):
    frame = pl.DataFrame(
        pairs, schema={"record": pl.Int64, "other": pl.Int64, "weight": pl.Float64}, orient="row"
    )
    return sorted(refine_pairs(frame, settings).select("record", "other").rows())


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ((), []),
        (((1, 0, -2.0),), [(1, 0)]),
        # (-2 - 4) / 2 = -3, which is the cut: stays
        (((1, 0, 5.0), (2, 1, -2.0)), [(1, 0), (2, 1)]),
        # two sure pairs with one bridge: (-1 - 3 * 4) / 4 = -3.25 < -3: the bridge goes
        (((1, 0, 9.0), (3, 2, 9.0), (2, 1, -1.0)), [(1, 0), (3, 2)]),
        # (1 - 12) / 4 = -2.75: the bridge holds
        (((1, 0, 9.0), (3, 2, 9.0), (2, 1, 1.0)), [(1, 0), (2, 1), (3, 2)]),
        # both bridges of two pairs: (-1 - 1 - 8) / 4 = -2.5
        (
            ((1, 0, 9.0), (3, 2, 9.0), (2, 1, -1.0), (3, 0, -1.0)),
            [(1, 0), (2, 1), (3, 0), (3, 2)],
        ),
    ],
)
def test_a_chain_of_likely_pairs_is_cut_where_the_average_is_low(pairs, expected):
    assert kept(*pairs) == expected


def full_linkage(pairs, settings):
    """Oracle: every average computed anew at every step."""
    weights = {frozenset(pair[:2]): pair[2] for pair in pairs}
    parts = [{member} for member in sorted({end for pair in weights for end in pair})]

    def average(left, right):
        absent = settings.absent_pair_weight
        values = [weights.get(frozenset((a, b)), absent) for a in left for b in right]
        return sum(values) / len(values)

    while len(parts) > 1:
        best = max(
            ((average(a, b), -min(a), -min(b)) for i, a in enumerate(parts) for b in parts[i + 1 :]),
        )
        if best[0] < settings.cut_weight:
            break
        left = next(part for part in parts if min(part) == -best[1])
        right = next(part for part in parts if min(part) == -best[2])
        parts = sorted([*(p for p in parts if p not in (left, right)), left | right], key=min)
    return sorted(pair[:2] for pair in pairs if any({*pair[:2]} <= part for part in parts))


@given(
    st.dictionaries(
        st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda pair: pair[0] > pair[1]),
        st.integers(-2, 9).map(float),
        max_size=14,
    )
)
def test_the_linkage_is_that_of_the_definition(weights):
    pairs = [(*pair, weight) for pair, weight in weights.items()]
    assert kept(*pairs) == full_linkage(pairs, SETTINGS)


def test_the_order_of_pairs_does_not_matter():
    pairs = [(1, 0, 9.0), (3, 2, 9.0), (2, 1, -1.0), (4, 3, 0.0), (5, 4, 0.0)]
    assert kept(*pairs) == kept(*pairs[::-1])
