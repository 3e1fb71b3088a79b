from datetime import date

import polars as pl

from pipelines.contracts.segmentation import Membership, SegmentSize
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.segmentation.sizes import measure_sizes

SHOP = WorkspaceSettings(version=1, workspace="shop", time_zone="UTC", currency="USD")
BEFORE, NIGHT = date(2024, 1, 1), date(2024, 1, 2)


def _sizes(segments: tuple[str, ...], *stays: tuple[int, str, date, date | None]) -> list[tuple[object, ...]]:
    schema = {name: column.dtype for name, column in Membership.columns().items()}
    memberships = pl.LazyFrame([("shop", *stay) for stay in stays], schema=schema, orient="row")
    sizes = measure_sizes(memberships, segments=segments, workspace=SHOP, night=NIGHT).collect()
    return SegmentSize.validate(sizes.sort("segment")).rows()


def test_sizes_count_members_and_tonights_movement():
    stays = [
        (1, "a", BEFORE, None),
        (2, "a", NIGHT, None),
        (3, "a", BEFORE, NIGHT),
        (4, "a", BEFORE, BEFORE),
        (4, "a", NIGHT, None),
        (5, "b", BEFORE, NIGHT),
    ]
    assert _sizes(("a", "b"), *stays) == [("shop", "a", 3, 2, 1), ("shop", "b", 0, 0, 1)]


def test_every_configured_segment_has_a_size_and_no_other():
    assert _sizes(("empty",), (1, "removed", BEFORE, NIGHT)) == [("shop", "empty", 0, 0, 0)]


def test_without_segments_there_are_no_sizes():
    assert _sizes(()) == []
