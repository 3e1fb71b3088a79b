from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from pipelines.contracts.settings.destinations import DestinationsFile
from resources.control.database import open_control
from resources.control.leases import Leases, StaleEpochError
from resources.control.outbox import Outbox
from resources.destinations.dispatching import (
    Dispatcher,
    UnexpectedMessageError,
    open_destinations,
    routes,
)

NIGHT = date(2024, 3, 1)
SETTINGS = DestinationsFile.model_validate(
    {
        "destinations": {
            "letters": {"kind": "files", "channels": ["post"], "path": "letters"},
            "online": {"kind": "files", "channels": ["email", "sms"]},
        }
    }
)


def plan(*numbers: int, channel: str = "email") -> pl.DataFrame:
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
            }
            for number in numbers
        ],
        schema_overrides={"offer_id": pl.String},
    )


class World:
    """Control database and folders of one workspace; every `run` is a new process as far as they can tell."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(exist_ok=True)
        engine = open_control(f"sqlite:///{root / 'control.sqlite'}")
        self.outbox = Outbox(engine, "acme")
        self.leases = Leases(engine)
        self.lease = None

    def run(self, destinations=None) -> Dispatcher:
        if self.lease is not None:
            self.leases.release(self.lease)
        self.lease = self.leases.acquire("delivery of acme", "a run")
        lease = self.lease
        return Dispatcher(
            self.outbox,
            destinations=destinations or open_destinations(SETTINGS, root=self.root),
            channels=routes(SETTINGS),
            night=NIGHT,
            lease=lease,
            confirm=lambda: self.leases.renew(lease),
        )

    def statuses(self) -> dict[int, str]:
        return {row.customer_id: row.status.value for row in self.outbox.rows(NIGHT)}

    def delivered(self) -> list[int]:
        files = [
            path for path in self.root.glob("*/2024-03-01/*.csv") if Path(f"{path}.manifest.json").exists()
        ]
        return sorted(number for path in files for number in pl.read_csv(path)["customer_id"])


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def dispatch(dispatcher: Dispatcher, messages: pl.DataFrame) -> None:
    dispatcher.enqueue(messages)
    dispatcher.settle()
    dispatcher.hand_over(messages.join(dispatcher.waiting(), on="send_id", how="semi"))


def test_messages_go_to_the_destination_of_their_channel(world):
    dispatcher = world.run()
    dispatch(dispatcher, pl.concat([plan(1), plan(2, channel="post"), plan(3, channel="sms")]))
    assert dispatcher.log().select(
        "customer_id", "destination", "status", "batch", "attempt_count"
    ).rows() == [
        (1, "online", "ACKED", "online-email.csv", 1),
        (2, "letters", "ACKED", "letters-post.csv", 1),
        (3, "online", "ACKED", "online-sms.csv", 1),
    ]


def test_a_night_that_is_run_again_hands_nothing_over_twice(world):
    dispatch(world.run(), plan(1, 2))
    log = world.run().log()
    dispatch(world.run(), plan(1, 2))
    assert world.run().log().equals(log)
    assert world.delivered() == [1, 2]


def test_a_night_that_is_planned_again_hands_over_only_what_is_new(world):
    dispatch(world.run(), plan(1))
    dispatch(world.run(), plan(1, 2))
    assert world.delivered() == [1, 2]
    assert [row.batch for row in world.outbox.rows(NIGHT)] == ["online-email.csv", "online-email-2.csv"]


def test_withheld_messages_stay_with_their_reason(world):
    dispatcher = world.run()
    dispatcher.enqueue(plan(1, 2, 3))
    withheld = {
        "send_id": [f"{2:032x}", f"{3:032x}"],
        "status": ["CANCELLED", "EXPIRED"],
        "reason": ["withdrawn", "window_passed"],
    }
    dispatcher.withhold(pl.DataFrame(withheld))
    dispatcher.hand_over(plan(1))
    assert dispatcher.log().select("status", "reason").rows() == [
        ("ACKED", None),
        ("CANCELLED", "withdrawn"),
        ("EXPIRED", "window_passed"),
    ]
    assert world.delivered() == [1]


def test_a_channel_without_destination_is_cancelled_and_accounted_for(world):
    dispatcher = world.run()
    dispatch(dispatcher, pl.concat([plan(1), plan(2, channel="push")]))
    assert dispatcher.log().select("customer_id", "destination", "status", "reason").rows() == [
        (1, "online", "ACKED", None),
        (2, "none", "CANCELLED", "no_destination"),
    ]


@pytest.mark.parametrize("handed", [plan(1), plan(1, 2, 3)])
def test_nothing_leaves_when_the_outbox_and_the_judged_messages_differ(world, handed):
    dispatcher = world.run()
    dispatcher.enqueue(plan(1, 2))
    with pytest.raises(UnexpectedMessageError, match="online: 2 messages wait in the outbox"):
        dispatcher.hand_over(handed)
    assert world.delivered() == []
    assert set(world.statuses().values()) == {"PLANNED"}


def test_a_lost_lease_hands_nothing_over(world):
    dispatcher = world.run()
    dispatcher.enqueue(plan(1))
    world.run()
    with pytest.raises(StaleEpochError):
        dispatcher.hand_over(plan(1))
    assert world.delivered() == []


class Crash(BaseException):
    """As sudden as a kill."""


STEPS = ("claim", "move", "reclaim", "enqueue")


def interrupt(monkeypatch, limit: int, *, before: bool) -> list[str]:
    """Crash at a change of the outbox: right before it, or right after."""
    done: list[str] = []
    for name in STEPS:
        original = getattr(Outbox, name)

        def step(*args, name=name, original=original, **facts):
            if before and len(done) == limit:
                raise Crash
            answer = original(*args, **facts)
            if not before and len(done) == limit:
                raise Crash
            done.append(name)
            return answer

        monkeypatch.setattr(Outbox, name, step)
    return done


@pytest.mark.parametrize("before", [True, False])
def test_a_crash_at_any_change_of_the_outbox_gives_the_same_log(tmp_path, monkeypatch, before):
    messages = pl.concat([plan(1, 2), plan(3, channel="post")])
    undisturbed = World(tmp_path / "undisturbed")
    with monkeypatch.context() as patch:
        done = interrupt(patch, -1, before=before)
        dispatch(undisturbed.run(), messages)
    expected = undisturbed.run().log().drop("attempt_count")
    assert len(done) == 7  # enqueue, then claim, sent and acknowledged for each destination
    for limit in range(len(done)):
        world = World(tmp_path / f"{limit}")
        with monkeypatch.context() as patch:
            interrupt(patch, limit, before=before)
            with pytest.raises(Crash):
                dispatch(world.run(), messages)
        dispatch(world.run(), messages)
        assert world.run().log().drop("attempt_count").equals(expected)
        assert world.delivered() == [1, 2, 3]


def test_what_was_claimed_and_not_sent_is_judged_again(world, monkeypatch):
    messages = plan(1, 2)
    with monkeypatch.context() as patch:
        interrupt(patch, 1, before=False)
        with pytest.raises(Crash):
            dispatch(world.run(), messages)
    assert world.statuses() == {1: "CLAIMED", 2: "CLAIMED"}
    dispatcher = world.run()
    dispatcher.enqueue(messages)
    dispatcher.settle()
    assert dispatcher.waiting()["send_id"].to_list() == [f"{1:032x}", f"{2:032x}"]


class Unsure:
    """A destination that answers nothing certain about one message and refuses another."""

    def hand_over(self, messages, *, night, confirm):
        confirm()
        assert night == NIGHT
        answers = {1: ("UNKNOWN", "timeout"), 2: ("REJECTED", "no_address"), 3: ("ACKED", None)}
        rows = [(row["send_id"], *answers[row["customer_id"]], "call-1") for row in messages.to_dicts()]
        return pl.DataFrame(rows, schema=["send_id", "status", "reason", "batch"], orient="row")

    def read_back(self, night):
        raise AssertionError(f"nothing of {night} was left behind")


def test_other_answers_are_recorded_as_they_are(world):
    dispatcher = world.run({"online": Unsure()})
    dispatch(dispatcher, plan(1, 2, 3))
    assert dispatcher.log().select("status", "reason").rows() == [
        ("UNKNOWN", "timeout"),
        ("REJECTED", "no_address"),
        ("ACKED", None),
    ]
