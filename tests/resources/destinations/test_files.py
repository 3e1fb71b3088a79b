import json
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest

from pipelines.contracts.settings.destinations import FilesDestination
from resources.destinations.batches import BatchNameTakenError
from resources.destinations.files import FolderOfFiles
from resources.lake import files as durable

NIGHT = date(2024, 3, 1)


def messages(*numbers: int, channel: str = "email", address: str | None = None) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "send_id": f"{number:032x}",
                "customer_id": number,
                "channel": channel,
                "template_id": "hello",
                "offer_id": None,
                "not_before": datetime(2024, 3, 2, 5, tzinfo=UTC),
                "not_after": datetime(2024, 3, 2, 20, tzinfo=UTC),
                "purpose": "marketing",
                "programme": "spring",
                "address": address or f"person{number}@example.com",
            }
            for number in numbers
        ],
        schema_overrides={"offer_id": pl.String, "address": pl.String},
    )


def destination(root: Path, **settings: object) -> FolderOfFiles:
    given = {"kind": "files", "channels": ["email", "sms"], **settings}
    return FolderOfFiles("outgoing", FilesDestination.model_validate(given), root=root)


def hand_over(target: FolderOfFiles, rows: pl.DataFrame, confirm=lambda: None) -> dict[str, tuple]:
    answers = target.hand_over(rows, night=NIGHT, confirm=confirm)
    return {send_id: facts for send_id, *facts in answers.rows()}


def visible(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((root / "outgoing" / "2024-03-01").glob("*"))}


def ids(content: bytes) -> list[int]:
    return pl.read_csv(content)["customer_id"].to_list()


def test_a_batch_is_a_file_and_its_manifest(tmp_path):
    answers = hand_over(destination(tmp_path), messages(2, 1))
    assert answers == {f"{n:032x}": ["ACKED", None, "outgoing-email.csv"] for n in (1, 2)}
    files = visible(tmp_path)
    assert set(files) == {"outgoing-email.csv", "outgoing-email.csv.manifest.json"}
    assert files["outgoing-email.csv"].decode().splitlines()[:2] == [
        "send_id,customer_id,channel,template_id,offer_id,not_before,not_after,purpose,programme",
        (f"{1:032x},1,email,hello,,2024-03-02T05:00:00.000000Z,2024-03-02T20:00:00.000000Z,marketing,spring"),
    ]
    manifest = json.loads(files["outgoing-email.csv.manifest.json"])
    assert manifest["row_count"] == 2
    assert manifest["sha256"] == sha256(files["outgoing-email.csv"]).hexdigest()
    assert (manifest["night"], manifest["channel"]) == ("2024-03-01", "email")


def test_the_same_plan_again_changes_nothing(tmp_path):
    first = hand_over(destination(tmp_path), messages(1, 2))
    before = visible(tmp_path)
    assert hand_over(destination(tmp_path), messages(2, 1)) == first
    assert visible(tmp_path) == before


def test_further_rows_of_the_night_make_a_further_batch_of_their_own(tmp_path):
    hand_over(destination(tmp_path), messages(1, 2))
    first = visible(tmp_path)
    answers = hand_over(destination(tmp_path), messages(1, 2, 3))
    assert answers[f"{3:032x}"] == ["ACKED", None, "outgoing-email-2.csv"]
    assert answers[f"{1:032x}"] == ["ACKED", None, "outgoing-email.csv"]
    files = visible(tmp_path)
    assert ids(files["outgoing-email-2.csv"]) == [3]
    assert {name: files[name] for name in first} == first


def test_each_channel_has_a_batch(tmp_path):
    hand_over(destination(tmp_path), pl.concat([messages(1), messages(2, channel="sms")]))
    assert {"outgoing-email.csv", "outgoing-sms.csv"} < set(visible(tmp_path))


def test_a_batch_that_consumers_took_away_is_remembered(tmp_path):
    hand_over(destination(tmp_path), messages(1))
    for name in visible(tmp_path):
        (tmp_path / "outgoing" / "2024-03-01" / name).unlink()
    answers = hand_over(destination(tmp_path), messages(1, 2))
    assert answers[f"{1:032x}"][2] == "outgoing-email.csv"
    assert ids(visible(tmp_path)["outgoing-email-2.csv"]) == [2]


def test_a_changed_format_hands_nothing_over_twice(tmp_path):
    hand_over(destination(tmp_path), messages(1))
    hand_over(destination(tmp_path, format="parquet"), messages(1, 2))
    path = tmp_path / "outgoing" / "2024-03-01" / "outgoing-email-2.parquet"
    assert pl.read_parquet(path)["customer_id"].to_list() == [2]
    assert pl.read_parquet(path).schema["not_before"] == pl.Datetime("us", "UTC")


def test_nights_do_not_see_each_other(tmp_path):
    hand_over(destination(tmp_path), messages(1))
    target = destination(tmp_path)
    assert target.read_back(date(2024, 3, 2)).is_empty()
    assert target.read_back(NIGHT)["send_id"].to_list() == [f"{1:032x}"]


def test_nothing_to_hand_over_leaves_no_file(tmp_path):
    assert hand_over(destination(tmp_path), messages(1).head(0)) == {}
    assert visible(tmp_path) == {}


def test_addresses_stay_out_unless_asked_for(tmp_path):
    hand_over(destination(tmp_path), messages(1))
    assert b"person1@example.com" not in visible(tmp_path)["outgoing-email.csv"]


def test_addresses_are_for_the_owner_only(tmp_path):
    hand_over(destination(tmp_path, with_addresses=True), messages(1))
    path = tmp_path / "outgoing" / "2024-03-01" / "outgoing-email.csv"
    assert path.read_text().splitlines()[1].endswith(",person1@example.com")
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("address", "format", "answer"),
    [
        ("=cmd@example.com", "csv", ["REJECTED", "unsafe_address", None]),
        ("=cmd@example.com", "parquet", ["ACKED", None, "outgoing-email.parquet"]),
        ("+15551234567", "csv", ["ACKED", None, "outgoing-email.csv"]),
    ],
)
def test_an_address_is_refused_rather_than_altered(tmp_path, address, format, answer):  # noqa: A002
    target = destination(tmp_path, with_addresses=True, format=format)
    assert hand_over(target, messages(1, address=address)) == {f"{1:032x}": answer}


def test_a_message_without_an_address_is_rejected_alone(tmp_path):
    rows = messages(1, 2).with_columns(address=pl.when(pl.col("customer_id") == 2).then("address"))
    answers = hand_over(destination(tmp_path, with_addresses=True), rows)
    assert [answers[f"{n:032x}"][:2] for n in (1, 2)] == [["REJECTED", "no_address"], ["ACKED", None]]
    assert ids(visible(tmp_path)["outgoing-email.csv"]) == [2]


STEPS = ("write_bytes", "link_new", "sync_folder", "remove_file", "make_folder")


class Crash(BaseException):
    """As sudden as a kill: nothing may catch it."""


def crash_after(monkeypatch, limit: int) -> list[str]:
    """Let the given number of file system steps happen, then crash before the next one."""
    done: list[str] = []
    for name in STEPS:
        original = getattr(durable, name)

        def step(*args, name=name, original=original):
            if len(done) == limit:
                raise Crash
            done.append(name)
            return original(*args)

        monkeypatch.setattr(durable, name, step)
    return done


def released(root: Path) -> list[int]:
    """What a consumer that obeys the manifests has, checking each file against its manifest."""
    found = []
    for name, content in visible(root).items():
        if name.endswith(".manifest.json"):
            manifest = json.loads(content)
            batch = (root / "outgoing" / "2024-03-01" / manifest["batch"]).read_bytes()
            assert sha256(batch).hexdigest() == manifest["sha256"]
            found += ids(batch)
    return sorted(found)


def count_steps(root: Path, monkeypatch) -> int:
    with monkeypatch.context() as patch:
        done = crash_after(patch, -1)
        hand_over(destination(root), messages(1, 2))
    return len(done)


def test_a_crash_at_any_step_loses_and_doubles_nothing(tmp_path, monkeypatch):
    steps = count_steps(tmp_path / "undisturbed", monkeypatch)
    assert steps > 15
    for limit in range(steps):
        root = tmp_path / str(limit)
        with monkeypatch.context() as patch:
            crash_after(patch, limit)
            with pytest.raises(Crash):
                hand_over(destination(root), messages(1, 2))
        assert released(root) in ([], [1, 2])
        # Until the rerun, person 2 withdraws: what was not released must not leave with them.
        was_released = released(root) == [1, 2]
        hand_over(destination(root), messages(1))
        assert released(root) == ([1, 2] if was_released else [1])
        hand_over(destination(root), messages(1, 3))
        assert released(root) == ([1, 2, 3] if was_released else [1, 3])
        if was_released:
            assert visible(tmp_path / "undisturbed").items() <= visible(root).items()


def test_a_lost_lease_stops_the_batch_before_it_is_visible(tmp_path):
    def refuse() -> None:
        raise RuntimeError("the lease is over")

    with pytest.raises(RuntimeError):
        hand_over(destination(tmp_path), messages(1), refuse)
    assert visible(tmp_path) == {}


def test_a_run_that_was_overtaken_overwrites_nothing(tmp_path):
    """The lease is lost between the first confirmation and the data file; another run delivers meanwhile."""
    calls = []

    def overtaken() -> None:
        calls.append(1)
        if len(calls) == 2:
            hand_over(destination(tmp_path), messages(9))

    with pytest.raises(BatchNameTakenError, match=r"outgoing-email\.csv\.manifest\.json"):
        hand_over(destination(tmp_path), messages(1), overtaken)
    assert released(tmp_path) == [9]
