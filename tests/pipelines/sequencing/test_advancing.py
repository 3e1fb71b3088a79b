"""Sequences night by night: small worlds, worked out by hand."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import dataframely as dy
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.contracts.candidates import Candidate
from pipelines.contracts.enrichment import CustomerValue
from pipelines.contracts.histories import Purchase
from pipelines.contracts.identity import CustomerLink
from pipelines.contracts.planning import Decision, PlannedMessage
from pipelines.contracts.segmentation import Membership
from pipelines.contracts.sequencing import Fatigue, SequenceState
from pipelines.contracts.settings.catalogue import Catalogue
from pipelines.contracts.settings.connector import ConnectorSettings
from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.contracts.settings.guardrails import Guardrails, Holdout
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.settings.personalization import PersonalizationSettings
from pipelines.contracts.settings.sequences import SequenceSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.sources import Erasure, Message
from pipelines.expressions.time import end_of_local_day
from pipelines.sequencing.advancing import SequencingInputs, advance_sequences
from pipelines.sequencing.fatigue import measure_fatigue

WORKSPACE = WorkspaceSettings(version=1, workspace="acme", time_zone="America/New_York", currency="USD")
CATALOGUE = Catalogue.model_validate(
    {
        "channels": {"email": {"cost": "0.05"}},
        "templates": {"miss_you": {"channel": "email"}, "gift": {"channel": "email"}},
        "offers": {"tenth": {"name": "10 % off", "discount_rate": 0.1, "margin_rate": 0.4}},
    }
)
WINBACK = {
    "name": "winback",
    "segment": "lapsed",
    "steps": [
        {"template": "miss_you", "valid_for": "2d"},
        {"template": "gift", "offer": "tenth", "after_days": 3, "valid_for": "2d"},
    ],
    "response_rate": 0.02,
}
DAY = date(2024, 3, 4)
Answer = tuple[str, str | None]


def night(number: int) -> date:
    return DAY + timedelta(days=number)


def as_of(number: int) -> datetime:
    return end_of_local_day(night(number), WORKSPACE.zone)


def frame(schema: type[dy.Schema], rows: list[dict[str, object]]) -> pl.LazyFrame:
    return pl.DataFrame(rows, schema=schema.create_empty().schema).lazy()


def members(*people: int, joined: date = DAY, left: date | None = None) -> pl.LazyFrame:
    return frame(
        Membership,
        [
            {
                "workspace_id": "acme",
                "customer_id": who,
                "segment": "lapsed",
                "entered_on": joined,
                "left_on": left,
            }
            for who in people
        ],
    )


LINKS = frame(
    CustomerLink,
    [
        {"workspace_id": "acme", "source": "main", "customer_ref": f"c{who}", "customer_id": who}
        for who in (1, 2, 3)
    ],
)


def orders(who: int, at: datetime) -> pl.LazyFrame:
    row = {
        "workspace_id": "acme",
        "order_id": "o",
        "customer_id": who,
        "ordered_at": at,
    }
    return frame(Purchase, [row]).with_columns(net_amount=pl.lit(10).cast(pl.Decimal(18, 2)))


def worth(people: Mapping[int, tuple[float, float]]) -> pl.LazyFrame:
    """Person → expected spend and expected orders in 28 days."""
    rows = [
        {
            "workspace_id": "acme",
            "customer_id": who,
            "expected_spend_28d": spend,
            "expected_orders_28d": count,
        }
        for who, (spend, count) in people.items()
    ]
    return frame(CustomerValue, rows)


def config(
    *sequences: Mapping[str, object], paused: frozenset[str] = frozenset(), holdout: Holdout | None = None
) -> NightConfig:
    settings = [SequenceSettings.model_validate(sequence) for sequence in sequences]
    return NightConfig(
        workspace=WORKSPACE,
        connector=ConnectorSettings(connections={}, sources={}),
        personalization=PersonalizationSettings(catalogue=CATALOGUE),
        guardrails=Guardrails(holdout=holdout or Holdout(universal=0.0)),
        sequences={sequence.name: sequence for sequence in settings},
        versions={f"sequences/{sequence.name}": 7 for sequence in settings},
        paused=paused,
    )


class World:
    """Runs nights one after the other, as the night's job does."""

    def __init__(self) -> None:
        self.state = SequenceState.create_empty()
        self.candidates = Candidate.create_empty()
        self.answers: dict[int, Answer] = {}
        # Person 1 is expected to spend 80 on four orders.
        self.value = worth({1: (80.0, 4.0)})

    def run(
        self,
        number: int,
        settings: NightConfig,
        memberships: pl.LazyFrame,
        *,
        bought: pl.LazyFrame | None = None,
        erasures: pl.LazyFrame | None = None,
        previous_night: date | None = None,
    ) -> None:
        decisions, plan = self._decided()
        before = self.state
        result = advance_sequences(
            SequencingInputs(
                previous_state=before.lazy(),
                decisions=decisions,
                plan=plan,
                memberships=memberships,
                purchases=Purchase.create_empty(lazy=True) if bought is None else bought,
                customer_links=LINKS,
                messages=Message.create_empty(lazy=True),
                past_messages=PlannedMessage.create_empty(lazy=True),
                value=self.value,
                **({} if erasures is None else {"erasures": erasures}),
            ),
            config=settings,
            night=night(number),
            as_of=as_of(number),
            previous_night=previous_night,
        )
        self.state = SequenceState.validate(result.sequence_state.collect())
        self.candidates = Candidate.validate(result.candidates.collect())
        self.answers = {}
        stays = ["sequence", "customer_id", "entered_on"]
        assert before.join(self.state, on=stays, how="anti").is_empty()

    def _decided(self) -> tuple[pl.LazyFrame, pl.LazyFrame]:
        decisions, plan = [], []
        for who, decision_id in self.candidates.select("customer_id", "decision_id").unique().iter_rows():
            if who in self.answers:
                outcome, rule = self.answers[who]
                decisions.append({"decision_id": decision_id, "outcome": outcome, "rule": rule})
                if outcome == "planned":
                    at = datetime(2024, 3, 5, 15, tzinfo=UTC)
                    plan.append({"decision_id": decision_id, "channel": "email", "not_before": at})
        return frame(Decision, decisions), frame(PlannedMessage, plan)

    def stay(self, who: int = 1) -> dict[str, object]:
        return self.state.sort("entered_on").filter(customer_id=who).row(-1, named=True)

    def asked(self) -> list[tuple[int, str]]:
        return sorted(self.candidates.select("customer_id", "node_id").iter_rows())


def test_steps_follow_each_other_by_local_days_since_the_plan() -> None:
    world, settings = World(), config(WINBACK)
    world.run(0, settings, members(1))
    assert world.asked() == [(1, "step_1")]
    asked = world.candidates.row(0, named=True)
    # 0.02 responses of one order of 80 / 4 at the default margin of 0.3, less the cost.
    assert asked["value"] == pytest.approx(0.02 * 20 * 0.3 - 0.05)
    assert (asked["programme_version"], asked["uncertainty"]) == (7, 0.02)
    assert asked["valid_until"] == as_of(0) + timedelta(days=2)
    world.answers = {1: ("planned", None)}
    world.run(1, settings, members(1))
    # Planned on night 0, so the second step is due on night 3.
    assert (world.stay()["step_number"], world.stay()["due_on"], world.stay()["sent_count"]) == (
        2,
        night(3),
        1,
    )
    assert world.asked() == []
    world.run(2, settings, members(1))
    assert world.asked() == []
    world.run(3, settings, members(1))
    assert world.asked() == [(1, "step_2")]
    assert world.candidates["value"].to_list() == [pytest.approx(0.02 * 20 * (0.4 - 0.1) - 0.05)]
    world.answers = {1: ("planned", None)}
    world.run(4, settings, members(1))
    stay = world.stay()
    assert (stay["status"], stay["exit_reason"], stay["ended_on"]) == (
        "completed",
        "all_steps_done",
        night(4),
    )
    assert (stay["step_number"], stay["sent_count"], stay["pending_decision_id"]) == (2, 2, None)
    world.run(5, settings, members(1))
    assert world.state.height == 1


def _value_of_step(value: pl.LazyFrame, who: int) -> float:
    world = World()
    world.value = value
    world.run(0, config(WINBACK), members(who))
    return float(world.candidates["value"].item())


def test_a_response_is_one_order_however_often_someone_orders() -> None:
    often, seldom = worth({1: (200.0, 10.0)}), worth({1: (2.0, 0.1)})
    assert _value_of_step(often, 1) == pytest.approx(_value_of_step(seldom, 1))
    assert _value_of_step(often, 1) == pytest.approx(0.02 * 20 * 0.3 - 0.05)


@pytest.mark.parametrize(
    "own",
    [
        {},
        {2: (0.0, 0.0)},
        # What is left of orders long ago is rounding: 0.000001 / 0.00002 says nothing about an order.
        {2: (0.000001, 0.00002)},
    ],
)
def test_someone_with_no_order_to_judge_by_orders_as_everyone(own: Mapping[int, tuple[float, float]]) -> None:
    # Everyone together: (80 + 20) / (4 + 1).
    value = worth({1: (80.0, 4.0), 3: (20.0, 1.0), **own})
    assert _value_of_step(value, 2) == pytest.approx(0.02 * 20 * 0.3 - 0.05, abs=1e-6)


def test_an_order_is_judged_by_few_expected_ones_as_well() -> None:
    value = worth({1: (80.0, 4.0), 2: (0.005, 0.0001)})
    assert _value_of_step(value, 2) == pytest.approx(0.02 * 50 * 0.3 - 0.05)


@pytest.mark.parametrize("value", [{}, {1: (0.0, 0.0)}])
def test_where_nobody_ordered_a_message_brings_nothing(value: Mapping[int, tuple[float, float]]) -> None:
    assert _value_of_step(worth(value), 1) == pytest.approx(-0.05)


def test_all_members_enter_on_the_first_night_and_joiners_after() -> None:
    world, settings = World(), config(WINBACK)
    world.run(0, settings, members(1, joined=night(-5)))
    world.run(1, settings, pl.concat([members(1, 2, joined=night(-5)), members(3, joined=night(1))]))
    assert sorted(world.state["customer_id"]) == [1, 3]


def test_people_who_joined_in_a_missed_night_enter_with_the_next() -> None:
    world, settings = World(), config(WINBACK)
    world.run(0, settings, members(1))
    world.run(2, settings, pl.concat([members(1), members(2, joined=night(1))]), previous_night=night(0))
    assert sorted(world.state["customer_id"]) == [1, 2]


def test_a_lost_step_waits_with_its_decision_until_it_expires() -> None:
    world, settings = World(), config(WINBACK)
    world.run(0, settings, members(1))
    first = world.candidates["decision_id"].item()
    world.answers = {1: ("capacity", "capacity:email")}
    world.run(1, settings, members(1))
    assert world.candidates.select("decision_id", "waiting_nights").row(0) == (first, 1)
    world.answers = {1: ("capacity", "capacity:email")}
    world.run(2, settings, members(1))
    # Due at the end of day 0, valid for two days: over at the end of day 2. The next step counts from there.
    stay = world.stay()
    assert (stay["step_number"], stay["due_on"], stay["waiting_nights"], stay["sent_count"]) == (
        2,
        night(5),
        0,
        0,
    )
    assert world.asked() == []


@pytest.mark.parametrize(
    ("answer", "step_number", "sent"),
    [
        (("frequency_cap", "one_a_day"), 2, 0),
        (("kill_switch", "all"), 1, 0),
        (("holdout", "universal"), 2, 0),
        (("planned", None), 2, 1),
    ],
)
def test_a_lost_step_is_skipped_where_the_sequence_says_so(
    answer: Answer, step_number: int, sent: int
) -> None:
    world, settings = World(), config({**WINBACK, "on_loss": "skip"})
    world.run(0, settings, members(1))
    world.answers = {1: answer}
    world.run(1, settings, members(1))
    assert (world.stay()["step_number"], world.stay()["sent_count"]) == (step_number, sent)


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (("frequency_cap", "one_a_day"), "exited", "frequency_cap: one_a_day"),
        (("kill_switch", "all"), "active", None),
        (("holdout", "universal"), "active", None),
        (("planned", None), "active", None),
    ],
)
def test_a_lost_step_ends_the_stay_where_the_sequence_says_so(
    answer: Answer, status: str, reason: str | None
) -> None:
    world, settings = World(), config({**WINBACK, "on_loss": "exit"})
    world.run(0, settings, members(1))
    world.answers = {1: answer}
    world.run(1, settings, members(1))
    assert (world.stay()["status"], world.stay()["exit_reason"]) == (status, reason)
    if status == "exited":
        assert world.asked() == []
        assert (world.stay()["waiting_nights"], world.stay()["pending_decision_id"]) == (0, None)


def test_a_step_falls_back_on_other_templates_in_their_order() -> None:
    steps = [{"template": "miss_you", "fallbacks": ["gift"]}]
    world, settings = World(), config({**WINBACK, "steps": steps, "on_loss": "fallback", "priority": 0})
    world.run(0, settings, members(1))
    asked = world.candidates.sort("template_id")
    assert asked["template_id"].to_list() == ["gift", "miss_you"]
    # There is no priority below none.
    assert asked["priority"].to_list() == [0, 0]
    assert asked["decision_id"].n_unique() == 1
    world.answers = {1: ("capacity", "capacity:email")}
    world.run(1, settings, members(1))
    assert (world.stay()["waiting_nights"], world.asked()) == (1, [(1, "step_1"), (1, "step_1")])


def test_no_answer_waits_even_where_losing_means_skipping() -> None:
    world, settings = World(), config({**WINBACK, "on_loss": "skip"})
    world.run(0, settings, members(1))
    world.run(1, settings, members(1))
    assert (world.stay()["step_number"], world.stay()["waiting_nights"]) == (1, 1)


def test_a_step_without_delay_follows_the_next_night() -> None:
    steps = [{"template": "miss_you"}, {"template": "gift"}]
    world, settings = World(), config({**WINBACK, "steps": steps})
    world.run(0, settings, members(1))
    world.answers = {1: ("planned", None)}
    world.run(1, settings, members(1))
    assert world.asked() == [(1, "step_2")]


def test_a_first_step_can_be_delayed() -> None:
    world, settings = World(), config({**WINBACK, "steps": [{"template": "gift", "after_days": 2}]})
    world.run(0, settings, members(1))
    assert world.asked() == []
    world.run(1, settings, members(1))
    assert world.asked() == []
    world.run(2, settings, members(1))
    assert world.asked() == [(1, "step_1")]


def test_a_message_that_is_never_valid_is_never_asked_for() -> None:
    world, settings = World(), config({**WINBACK, "steps": [{"template": "gift", "valid_for": "0d"}]})
    world.run(0, settings, members(1))
    assert world.asked() == []
    assert world.stay()["status"] == "completed"


@pytest.mark.parametrize(
    ("ordered_at", "has_stopped"),
    [(as_of(0) - timedelta(microseconds=1), False), (as_of(0), True), (as_of(1), False)],
)
def test_an_order_after_entry_stops_the_sequence(*, ordered_at: datetime, has_stopped: bool) -> None:
    world, settings = World(), config(WINBACK)
    world.run(0, settings, members(1))
    world.run(1, settings, members(1), bought=orders(1, ordered_at))
    assert (world.stay()["exit_reason"] == "ordered") is has_stopped
    assert (world.asked() == []) is has_stopped


def test_orders_and_leaving_stop_only_where_the_sequence_says_so() -> None:
    for settings, reason in (
        (config({**WINBACK, "stop_on_order": False}), None),
        (config({**WINBACK, "stop_on_order": False, "stop_on_leave": True}), "left_segment"),
    ):
        world = World()
        world.run(0, settings, members(1))
        world.run(1, settings, members(1, left=night(1)), bought=orders(1, as_of(0)))
        assert world.stay()["exit_reason"] == reason


def test_reentry_waits_for_the_pause_after_the_end() -> None:
    settings = config({**WINBACK, "steps": WINBACK["steps"][:1], "reentry_after_days": 3})
    world = World()
    world.run(0, settings, members(1))
    world.answers = {1: ("planned", None)}
    world.run(1, settings, members(1))
    for number in (2, 3):
        world.run(number, settings, members(1))
        assert world.state.height == 1
    world.run(4, settings, members(1))
    assert world.state["entered_on"].sort().to_list() == [night(0), night(4)]
    assert world.asked() == [(1, "step_1")]
    # One stay at a time.
    world.run(5, settings, members(1))
    assert world.state.height == 2


def test_without_reentry_nobody_comes_back() -> None:
    settings = config({**WINBACK, "stop_on_leave": True})
    world = World()
    world.run(0, settings, members(1))
    world.run(1, settings, members(1, left=night(1)))
    world.run(2, settings, pl.concat([members(1, left=night(1)), members(1, joined=night(2))]))
    assert world.state.height == 1


def test_a_paused_sequence_keeps_everyone_where_they_are() -> None:
    world, settings = World(), config(WINBACK)
    held = config({**WINBACK, "stop_on_leave": True}, paused=frozenset({"winback"}))
    world.run(0, settings, members(1, 2))
    before = world.state
    world.answers = {1: ("capacity", "capacity:email")}
    world.run(1, held, members(3, joined=night(1)), bought=orders(2, as_of(0)))
    assert_frame_equal(world.state, before, check_row_order=False)
    assert world.asked() == []


def test_what_was_planned_before_a_pause_is_not_asked_for_again() -> None:
    world, settings = World(), config(WINBACK)
    world.run(0, settings, members(1))
    world.answers = {1: ("planned", None)}
    world.run(1, config(WINBACK, paused=frozenset({"winback"})), members(1))
    assert (world.stay()["step_number"], world.stay()["sent_count"]) == (2, 1)
    world.run(2, settings, members(1))
    assert world.asked() == []


def test_erased_people_leave_and_do_not_come_back() -> None:
    row = {"workspace_id": "acme", "request_id": "r", "source": "main", "customer_ref": "c1"}
    gone = frame(Erasure, [{**row, "requested_at": as_of(0)}])
    world = World()
    world.run(0, config(WINBACK), members(1), erasures=gone)
    assert world.asked() == [(1, "step_1")]
    world.run(1, config(WINBACK, paused=frozenset({"winback"})), members(1), erasures=gone)
    assert (world.stay()["status"], world.stay()["exit_reason"]) == ("exited", "erased")
    world.run(2, config({**WINBACK, "name": "other"}), members(1), erasures=gone)
    assert world.state.height == 1


def test_people_in_a_removed_step_or_sequence_leave() -> None:
    world = World()
    world.run(0, config(WINBACK), members(1))
    world.answers = {1: ("planned", None)}
    world.run(1, config(WINBACK), members(1))
    shorter = config({**WINBACK, "steps": WINBACK["steps"][:1]})
    state = world.state
    world.run(2, shorter, members(1))
    assert world.stay()["exit_reason"] == "step_removed"
    world.state = state
    world.run(2, config(), members(1))
    assert (world.stay()["exit_reason"], world.stay()["ended_on"]) == ("sequence_removed", night(2))


def test_ghosts_are_asked_for_and_walk_on() -> None:
    world, settings = World(), config(WINBACK, holdout=Holdout(universal=0.0, programmes={"winback": 1.0}))
    world.run(0, settings, members(1))
    assert world.stay()["is_ghost"] is True
    assert world.asked() == [(1, "step_1")]


def message(who: int, at: datetime, message_id: str) -> dict[str, object]:
    return {
        "workspace_id": "acme",
        "message_id": message_id,
        "customer_ref": f"c{who}",
        "source": "main",
        "channel": "email",
        "sent_at": at,
    }


def planned(who: int, at: datetime, send_id: str) -> dict[str, object]:
    return {
        "workspace_id": "acme",
        "send_id": send_id,
        "customer_id": who,
        "channel": "email",
        "not_before": at,
    }


def fatigue(messages: list[dict[str, object]], plan: list[dict[str, object]]) -> pl.DataFrame:
    measured = measure_fatigue(
        frame(Message, messages),
        frame(PlannedMessage, plan),
        LINKS,
        settings=EnrichmentSettings(fatigue_half_life_days=14),
        as_of=as_of(0),
    )
    return Fatigue.validate(measured.collect()).sort("customer_id")


def test_fatigue_halves_every_half_life() -> None:
    end = as_of(0)
    measured = fatigue(
        [message(1, end - timedelta(days=14), "a"), message(1, end - timedelta(days=28), "b")],
        [planned(1, end - timedelta(days=42), "c")],
    )
    assert measured["decayed_exposure"].to_list() == [pytest.approx(0.5 + 0.25 + 0.125)]
    # 28 days ago is still within 28 days, 42 days ago is not.
    assert measured["contact_count_28d"].to_list() == [2]
    assert measured["last_contact_at"].to_list() == [end - timedelta(days=14)]


def test_fatigue_forgets_rested_people_and_does_not_know_the_future() -> None:
    end = as_of(0)
    assert fatigue([message(1, end - timedelta(days=29), "a"), message(2, end, "b")], []).is_empty()


def test_an_own_message_that_comes_back_counts_once() -> None:
    sent_at = as_of(0) - timedelta(days=1)
    assert fatigue([message(1, sent_at, "s")], [planned(1, sent_at, "s")])["contact_count_28d"].to_list() == [
        1
    ]


def test_fatigue_is_the_same_for_shuffled_messages() -> None:
    rows = [message(1, as_of(0) - timedelta(hours=7 * number + 1), str(number)) for number in range(50)]
    assert fatigue(rows, []).equals(fatigue(rows[::-1], []))
