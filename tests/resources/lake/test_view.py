import shutil
from dataclasses import replace
from datetime import date

import dataframely as dy
import pytest

from resources.control.pointers import Pointers
from resources.lake.errors import ContractBrokenError, ContractChangedError, MissingVersionError
from resources.lake.store import Lake

FIRST, SECOND, THIRD = date(2025, 1, 1), date(2025, 1, 2), date(2025, 1, 3)


def test_missing_night_names_table_night_and_remedy(world) -> None:
    message = "scoring/scores has no version for the night 2025-01-02; run stage scoring of that night first"
    with pytest.raises(MissingVersionError, match=message):
        world.lake.scan(world.scores, world.night)
    with pytest.raises(MissingVersionError, match=message):
        world.lake.require(world.scores, world.night)
    assert world.lake.find(world.scores, world.night) is None


def test_latest_is_the_newest_earlier_night(world) -> None:
    world.publish({world.scores: world.score_rows(0.1)}, on=FIRST)
    world.publish({world.scores: world.score_rows(0.2)}, on=SECOND)
    latest = world.lake.scan_latest(world.scores, before=SECOND).collect()
    assert latest.equals(world.score_rows(0.1))
    found = world.lake.find_latest(world.scores, before=THIRD)
    assert found is not None
    assert found.partition == SECOND


def test_latest_before_the_first_night_is_typed_and_empty(world) -> None:
    world.publish({world.scores: world.score_rows(0.1)}, on=FIRST)
    empty = world.lake.scan_latest(world.scores, before=FIRST).collect()
    assert empty.equals(world.score_rows())
    assert empty.schema == world.score_rows().schema
    assert world.lake.find_latest(world.scores, before=FIRST) is None


def test_history_has_the_nights_from_since_up_to_until(world) -> None:
    for on, value in ((FIRST, 0.1), (SECOND, 0.2), (THIRD, 0.3)):
        world.publish({world.scores: world.score_rows(value)}, on=on)
    history = world.lake.scan_history(world.scores, since=FIRST, until=THIRD).collect()
    assert sorted(history["value"]) == [0.1, 0.2]


def test_history_without_nights_is_typed_and_empty(world) -> None:
    history = world.lake.scan_history(world.scores, since=FIRST, until=THIRD).collect()
    assert history.equals(world.score_rows())


def test_pinned_view_stays_at_its_instant(world) -> None:
    world.publish({world.scores: world.score_rows(0.1)})
    pinned = world.lake.pinned()
    world.publish({world.scores: world.score_rows(0.2)})
    world.publish({world.scores: world.score_rows(0.3)}, on=THIRD)
    assert pinned.scan(world.scores, world.night).collect().equals(world.score_rows(0.1))
    assert pinned.find(world.scores, THIRD) is None
    assert pinned.scan_latest(world.scores, before=date(2025, 2, 1)).collect().equals(world.score_rows(0.1))
    assert pinned.find_latest(world.scores, before=world.night) is None
    history = pinned.scan_history(world.scores, since=FIRST, until=date(2025, 2, 1)).collect()
    assert history.equals(world.score_rows(0.1))


def test_an_opened_version_outlives_its_successor(world) -> None:
    world.publish({world.scores: world.score_rows(0.1)})
    opened = world.lake.scan(world.scores, world.night)
    world.publish({world.scores: world.score_rows(0.2)})
    assert opened.collect().equals(world.score_rows(0.1))


def test_a_version_of_another_contract_is_refused(world) -> None:
    class WiderScore(world.scores.schema):  # type: ignore[name-defined]
        reason = dy.String(nullable=True)

    world.publish({world.scores: world.score_rows(0.1)})
    wider = replace(world.scores, schema=WiderScore)
    with pytest.raises(ContractChangedError, match=r"reason differ.*run the night 2025-01-02 again"):
        world.lake.scan(wider, world.night)


def test_workspaces_do_not_see_each_other(world) -> None:
    world.publish({world.scores: world.score_rows(0.1)})
    elsewhere = Lake(
        world.root / "lake",
        "other",
        pointers=Pointers(world.engine, "other"),
        leases=world.leases,
        keys=world.keys,
    )
    assert elsewhere.find(world.scores, world.night) is None
    with (
        pytest.raises(ContractBrokenError, match=r"workspace_id\|this_workspace: 1"),
        elsewhere.writing("scoring", world.night, run_id="run", config_hash="c") as writer,
    ):
        writer.stage(world.scores, world.score_rows(0.1))


def _publish_totals_from_scores(world, on: date):
    """A table that is made from the scores of its night."""
    with world.lake.writing("totalling", on, run_id="run", config_hash="config") as writer:
        count = world.lake.scan(world.scores, on).collect().height
        version = writer.stage(world.totals, world.total_rows(people=count))
        writer.publish()
    return version


def _append_scores(world, rows, *, on: date, to) -> None:
    with world.lake.writing("scoring", on, run_id="run", config_hash="config") as writer:
        writer.append(world.scores, rows, to=to)
        writer.publish()


def test_added_since_has_the_rows_that_were_appended(world) -> None:
    everyone = world.score_rows(0.1, 0.2, 0.3)
    [first] = world.publish({world.scores: everyone.head(2)}, on=FIRST)
    made = _publish_totals_from_scores(world, FIRST)
    _append_scores(world, everyone.tail(1), on=SECOND, to=first)
    added = world.lake.scan_added_since(world.scores, SECOND, of=made)
    assert added is not None
    assert added.collect().equals(everyone.tail(1))


def test_added_since_is_typed_and_empty_when_nothing_was_appended(world) -> None:
    world.publish({world.scores: world.score_rows(0.1)}, on=FIRST)
    made = _publish_totals_from_scores(world, FIRST)
    added = world.lake.scan_added_since(world.scores, FIRST, of=made)
    assert added is not None
    assert added.collect().equals(world.score_rows())


def test_added_since_is_unknown_when_rows_changed(world) -> None:
    world.publish({world.scores: world.score_rows(0.1)}, on=FIRST)
    made = _publish_totals_from_scores(world, FIRST)
    world.publish({world.scores: world.score_rows(0.9, 0.2)}, on=SECOND)
    assert world.lake.scan_added_since(world.scores, SECOND, of=made) is None


def test_made_from_is_the_version_of_that_time(world) -> None:
    world.publish({world.scores: world.score_rows(0.1)}, on=FIRST)
    made = _publish_totals_from_scores(world, FIRST)
    world.publish({world.scores: world.score_rows(0.9)}, on=FIRST)
    source = world.lake.scan_made_from(world.scores, of=made)
    assert source is not None
    assert source.collect().equals(world.score_rows(0.1))


def test_made_from_is_unknown_for_what_was_not_read_or_is_gone(world) -> None:
    [scores] = world.publish({world.scores: world.score_rows(0.1)}, on=FIRST)
    made = _publish_totals_from_scores(world, FIRST)
    assert world.lake.scan_made_from(world.visits, of=made) is None
    world.publish({world.scores: world.score_rows(0.1)}, on=SECOND)
    shutil.rmtree(scores.folder)
    assert world.lake.scan_made_from(world.scores, of=made) is None
    assert world.lake.scan_added_since(world.scores, SECOND, of=made) is None


def test_versions_of_a_night_stay_readable_after_they_are_superseded(world) -> None:
    for value in (0.1, 0.2):
        world.publish({world.scores: world.score_rows(value)})
    world.publish({world.scores: world.score_rows(0.3)}, on=THIRD)
    first, second = world.lake.versions(world.scores, world.night)
    assert world.lake.require(world.scores, world.night) == second
    assert world.lake.scan_version(world.scores, first).collect().equals(world.score_rows(0.1))
    assert world.lake.scan_version(world.scores, second).collect().equals(world.score_rows(0.2))
    assert world.lake.versions(world.scores, FIRST) == []


def test_versions_come_in_the_order_of_their_epochs(world) -> None:
    for number in range(11):
        world.publish({world.scores: world.score_rows(number / 100)})
    values = [
        world.lake.scan_version(world.scores, version).collect()["value"].item()
        for version in world.lake.versions(world.scores, world.night)
    ]
    assert values == [number / 100 for number in range(11)]
