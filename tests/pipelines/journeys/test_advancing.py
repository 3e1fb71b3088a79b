"""Journeys night by night: small worlds, worked out by hand."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import dataframely as dy
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.contracts.candidates import Candidate
from pipelines.contracts.histories import Purchase
from pipelines.contracts.identity import CustomerLink
from pipelines.contracts.journeys import Enrolment, Transition
from pipelines.contracts.planning import Decision, PlannedMessage
from pipelines.contracts.segmentation import Membership, SegmentSize
from pipelines.contracts.settings.catalogue import Catalogue
from pipelines.contracts.settings.connector import ConnectorSettings
from pipelines.contracts.settings.guardrails import Guardrails, Holdout
from pipelines.contracts.settings.journeys import JourneySettings
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.settings.personalization import PersonalizationSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.sources import Erasure
from pipelines.expressions.time import end_of_local_day
from pipelines.journeys.advancing import JourneyInputs, JourneyNight, advance_journeys

WORKSPACE = WorkspaceSettings(version=1, workspace="acme", time_zone="America/New_York", currency="USD")
CATALOGUE = Catalogue.model_validate(
    {
        "channels": {"email": {"cost": "0.05"}, "sms": {"cost": "0.10"}},
        "templates": {"hello": {"channel": "email"}, "nudge": {"channel": "sms", "purpose": "news"}},
        "offers": {"tenth": {"name": "10 % off", "discount_rate": 0.1, "margin_rate": 0.4}},
    }
)
WELCOME = {
    "name": "welcome",
    "entry": {"segment": "newcomers", "initial": "include"},
    "nodes": [
        {"id": "greet", "message": {"template": "hello", "valid_for": "3d"}},
        {"id": "pause", "wait_for": "2d"},
        {
            "id": "remind",
            "message": {"template": "nudge", "offer": "tenth", "valid_for": "1d", "on_loss": "skip"},
        },
        {"id": "done", "exit": "walked_through"},
    ],
    "response_rate": 0.02,
}
MONDAY = date(2024, 3, 4)
Answer = tuple[str, str | None]


def frame(schema: type[dy.Schema], rows: list[dict[str, object]]) -> pl.LazyFrame:
    return pl.DataFrame(rows, schema=schema.create_empty().schema).lazy()


def members(
    *people: int, joined: date = MONDAY, left: date | None = None, segment: str = "newcomers"
) -> pl.LazyFrame:
    return frame(
        Membership,
        [
            {
                "workspace_id": "acme",
                "customer_id": who,
                "segment": segment,
                "entered_on": joined,
                "left_on": left,
            }
            for who in people
        ],
    )


def links(*people: int) -> pl.LazyFrame:
    return frame(
        CustomerLink,
        [
            {"workspace_id": "acme", "source": "main", "customer_ref": f"c{who}", "customer_id": who}
            for who in people
        ],
    )


def order(who: int, at: datetime, amount: str = "10.00") -> dict[str, object]:
    return {
        "workspace_id": "acme",
        "order_id": f"{who}-{at}",
        "customer_id": who,
        "ordered_at": at,
        "net_amount": amount,
    }


def orders(*rows: dict[str, object]) -> pl.LazyFrame:
    schema = {**Purchase.create_empty().schema, "net_amount": pl.String}
    return (
        pl.DataFrame(list(rows), schema=schema)
        .with_columns(pl.col("net_amount").cast(pl.Decimal(18, 2)))
        .lazy()
    )


def config(
    *journeys: Mapping[str, object],
    paused: frozenset[str] = frozenset(),
    holdout: Holdout | None = None,
    version: int = 1,
) -> NightConfig:
    settings = [JourneySettings.model_validate(journey) for journey in journeys]
    return NightConfig(
        workspace=WORKSPACE,
        connector=ConnectorSettings(connections={}, sources={}),
        personalization=PersonalizationSettings(catalogue=CATALOGUE),
        guardrails=Guardrails(holdout=holdout or Holdout(universal=0.0)),
        journeys={journey.name: journey for journey in settings},
        versions={f"journeys/{journey.name}": version for journey in settings},
        paused=paused,
    )


class World:
    """Runs nights one after the other, as the night's job does."""

    def __init__(self) -> None:
        self.enrolments = Enrolment.create_empty()
        self.candidates = Candidate.create_empty()
        self.transitions = Transition.create_empty()
        self.answers: dict[int, Answer] = {}
        self.known = {"newcomers"}

    def run(
        self,
        night: date,
        settings: NightConfig,
        *,
        memberships: pl.LazyFrame | None = None,
        bought: pl.LazyFrame | None = None,
        erasures: pl.LazyFrame | None = None,
        previous_night: date | None = None,
    ) -> pl.DataFrame:
        """One night; returns its transitions as (customer, from, to, reason), in order."""
        decisions, plan = self._decided()
        before = self.enrolments
        result: JourneyNight = advance_journeys(
            JourneyInputs(
                previous_enrolments=before.lazy(),
                decisions=decisions,
                plan=plan,
                memberships=members() if memberships is None else memberships,
                previous_sizes=frame(
                    SegmentSize, [{"workspace_id": "acme", "segment": name} for name in self.known]
                ),
                purchases=orders() if bought is None else bought,
                customer_links=links(1, 2, 3),
                erasures=Erasure.create_empty(lazy=True) if erasures is None else erasures,
            ),
            config=settings,
            night=night,
            as_of=end_of_local_day(night, WORKSPACE.zone),
            previous_night=previous_night,
        )
        self.enrolments = Enrolment.validate(result.enrolments.collect())
        self.candidates = Candidate.validate(result.candidates.collect())
        self.transitions = Transition.validate(result.transitions.collect())
        self.answers = {}
        assert_nobody_is_lost(before, self.enrolments, self.transitions)
        return self.transitions.sort("customer_id", "enrolment_id", "step_number").select(
            "customer_id", "from_node_id", "to_node_id", "reason"
        )

    def _decided(self) -> tuple[pl.LazyFrame, pl.LazyFrame]:
        """Last night's decisions: for people without an answer, planning said nothing."""
        decisions, plan = [], []
        asked = self.candidates.unique("decision_id").select("customer_id", "decision_id", "channel")
        for who, decision_id, channel in asked.iter_rows():
            if who not in self.answers:
                continue
            outcome, rule = self.answers[who]
            decisions.append({"decision_id": decision_id, "outcome": outcome, "rule": rule})
            if outcome == "planned":
                at = datetime(2024, 3, 5, 15, tzinfo=UTC)
                plan.append({"decision_id": decision_id, "channel": channel, "not_before": at})
        return frame(Decision, decisions), frame(PlannedMessage, plan)

    def person(self, who: int) -> dict[str, object]:
        return self.enrolments.row(by_predicate=pl.col("customer_id") == who, named=True)


def assert_nobody_is_lost(before: pl.DataFrame, after: pl.DataFrame, transitions: pl.DataFrame) -> None:
    """At every node: there before + arrivals = waiting + advanced + ended."""
    keys = ["journey", "node_id"]
    active = pl.col("status") == "active"
    moved = transitions.filter(pl.col("from_node_id").ne_missing(pl.col("to_node_id")))
    flows = [
        before.filter(active).select(*keys, n=1),
        moved.select("journey", node_id="to_node_id", n=1),
        after.filter(active).select(*keys, n=-1),
        moved.filter(pl.col("from_node_id").is_not_null()).select("journey", node_id="from_node_id", n=-1),
        after.filter(~active).join(before.filter(~active), on="enrolment_id", how="anti").select(*keys, n=-1),
    ]
    balance = pl.concat([flow.with_columns(pl.col("n").cast(pl.Int64)) for flow in flows])
    assert balance.group_by(keys).agg(pl.col("n").sum()).filter(pl.col("n") != 0).is_empty()
    assert set(before["enrolment_id"]) <= set(after["enrolment_id"])


def steps(transitions: pl.DataFrame, who: int) -> list[tuple[str | None, str, str]]:
    return transitions.filter(pl.col("customer_id") == who).drop("customer_id").rows()


def night(number: int) -> date:
    return MONDAY + timedelta(days=number)


def as_of(number: int) -> datetime:
    return end_of_local_day(night(number), WORKSPACE.zone)


def test_a_newcomer_walks_through_the_whole_journey() -> None:
    world, settings = World(), config(WELCOME)
    told = world.run(night(0), settings, memberships=members(1))
    assert steps(told, 1) == [(None, "greet", "entered")]
    asked = world.candidates.row(0, named=True)
    # No orders yet: 0.02 × 0 × 0.3 - 0.05.
    assert asked["value"] == pytest.approx(-0.05)
    assert (asked["channel"], asked["purpose"], asked["programme_version"]) == ("email", "marketing", 1)
    assert asked["valid_until"] == as_of(0) + timedelta(days=3)

    world.answers = {1: ("planned", None)}
    told = world.run(night(1), settings, memberships=members(1))
    assert steps(told, 1) == [("greet", "pause", "planned")]
    assert world.transitions["detail"].to_list() == ["email from 2024-03-05T15:00:00Z"]
    assert world.person(1)["due_at"] == as_of(3)
    assert world.candidates.is_empty()

    assert steps(world.run(night(2), settings, memberships=members(1)), 1) == []
    assert steps(world.run(night(3), settings, memberships=members(1)), 1) == [
        ("pause", "remind", "wait_over")
    ]
    assert world.candidates["offer_id"].to_list() == ["tenth"]

    world.answers = {1: ("planned", None)}
    told = world.run(night(4), settings, memberships=members(1))
    assert steps(told, 1) == [("remind", "done", "planned"), ("done", "done", "completed")]
    assert (world.person(1)["status"], world.person(1)["exit_reason"]) == ("completed", "walked_through")
    # Still a member, but once is once.
    assert world.run(night(5), settings, memberships=members(1)).is_empty()


def test_the_value_of_a_message_is_rate_times_mean_order_times_margin_less_cost() -> None:
    world, settings = World(), config({**WELCOME, "nodes": WELCOME["nodes"][2:]})
    bought = orders(
        order(1, datetime(2024, 3, 1, tzinfo=UTC), "30.00"),
        order(2, datetime(2024, 3, 2, tzinfo=UTC), "50.00"),
        order(2, datetime(2024, 3, 2, 1, tzinfo=UTC), "-20.00"),
        order(3, as_of(0), "9000.00"),
    )
    world.run(night(0), settings, memberships=members(1), bought=bought)
    # The return and the order of tomorrow are left out: (30 + 50) / 2; margin 0.4 - 0.1; an SMS costs 0.10.
    assert world.candidates["value"].to_list() == [pytest.approx(0.02 * 40 * (0.4 - 0.1) - 0.10)]
    assert world.candidates["uncertainty"].to_list() == [0.02]


@pytest.mark.parametrize(
    ("initial", "known", "joined", "enters"),
    [
        ("include", True, night(-3), True),
        ("only_new", True, night(-3), False),
        ("only_new", True, night(0), True),
        ("only_new", False, night(0), False),
        ("include", False, night(0), True),
    ],
)
def test_launch_takes_members_as_initial_says(
    *, initial: str, known: bool, joined: date, enters: bool
) -> None:
    world = World()
    world.known = {"newcomers"} if known else {"others"}
    settings = config({**WELCOME, "entry": {"segment": "newcomers", "initial": initial}})
    world.run(night(0), settings, memberships=members(1, joined=joined))
    assert world.enrolments.height == int(enters)


def test_after_launch_only_joiners_enter() -> None:
    world, settings = World(), config(WELCOME)
    world.run(night(0), settings, memberships=members(1))
    # Person 2 has been a member since before the launch night and was, say, held by a pause; person 3 joins.
    joined = pl.concat([members(1), members(2, joined=night(0)), members(3, joined=night(1))])
    world.run(night(1), settings, memberships=joined)
    assert sorted(world.enrolments["customer_id"]) == [1, 3]


def test_people_who_joined_in_a_missed_night_enter_with_the_next() -> None:
    world, settings = World(), config(WELCOME)
    world.run(night(0), settings, memberships=members(1))
    joined = pl.concat([members(1), members(2, joined=night(1))])
    world.run(night(2), settings, memberships=joined, previous_night=night(0))
    assert sorted(world.enrolments["customer_id"]) == [1, 2]


def test_former_members_do_not_enter() -> None:
    world = World()
    world.run(night(0), config(WELCOME), memberships=members(1, joined=night(-2), left=night(0)))
    assert world.enrolments.is_empty()


def test_a_new_version_enrols_nobody_again_and_pins_people_on_the_way() -> None:
    world = World()
    world.run(night(0), config(WELCOME), memberships=members(1))
    world.run(night(1), config(WELCOME, version=2), memberships=members(1))
    assert world.enrolments["journey_version"].to_list() == [1]
    assert world.candidates["programme_version"].to_list() == [1]


def test_after_exit_lets_people_in_again_when_they_join_again() -> None:
    world = World()
    entry = {"segment": "newcomers", "initial": "include", "reentry": "after_exit"}
    settings = config({**WELCOME, "entry": entry, "exit_when_left": True})
    world.run(night(0), settings, memberships=members(1))
    told = world.run(night(1), settings, memberships=members(1, left=night(1)))
    assert steps(told, 1) == [("greet", "greet", "exit_rule")]
    back = pl.concat([members(1, left=night(1)), members(1, joined=night(2))])
    world.run(night(2), settings, memberships=back)
    assert world.enrolments.sort("entered_at")["entry_key"].to_list() == ["2024-03-04", "2024-03-06"]
    # The same stay never counts twice.
    world.run(night(3), settings, memberships=back)
    assert world.enrolments.height == 2


def test_nobody_is_on_the_way_twice() -> None:
    world = World()
    entry = {"segment": "newcomers", "initial": "include", "reentry": "after_exit"}
    settings = config({**WELCOME, "entry": entry})
    world.run(night(0), settings, memberships=members(1))
    world.run(
        night(1), settings, memberships=pl.concat([members(1, left=night(1)), members(1, joined=night(1))])
    )
    assert world.enrolments.height == 1


def test_a_deferred_message_keeps_its_decision_until_it_expires() -> None:
    world, settings = World(), config(WELCOME)
    world.run(night(0), settings, memberships=members(1))
    first = world.candidates["decision_id"].item()
    for number in (1, 2):
        world.answers = {1: ("capacity", "capacity:email")}
        told = world.run(night(number), settings, memberships=members(1))
        assert steps(told, 1) == [("greet", "greet", "deferred")]
        assert world.transitions["detail"].to_list() == ["capacity: capacity:email"]
        assert world.candidates.select("decision_id", "waiting_nights").row(0) == (first, number)
    # Asked for at the end of day 0, valid for three days: at the end of day 3 it is over.
    world.answers = {1: ("capacity", "capacity:email")}
    assert steps(world.run(night(3), settings, memberships=members(1)), 1) == [("greet", "pause", "expired")]
    assert world.candidates.is_empty()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (("frequency_cap", "one_a_day"), "skipped"),
        (("kill_switch", "all"), "deferred"),
        (("holdout", "universal"), "held_out"),
        (("planned", None), "planned"),
    ],
)
def test_a_lost_message_is_skipped_where_the_node_says_so(answer: Answer, reason: str) -> None:
    nodes = [
        {"id": "a", "message": {"template": "hello", "on_loss": "skip"}},
        {"id": "b", "message": {"template": "hello"}},
        {"id": "z", "exit": "over"},
    ]
    world, settings = World(), config({**WELCOME, "nodes": nodes})
    world.run(night(0), settings, memberships=members(1))
    world.answers = {1: answer}
    to_node = "a" if reason == "deferred" else "b"
    assert steps(world.run(night(1), settings, memberships=members(1)), 1) == [("a", to_node, reason)]
    # Whoever comes to the next message is asked for at once, with a decision of its own.
    assert world.candidates["node_id"].to_list() == [to_node]


@pytest.mark.parametrize(
    ("answer", "told", "status"),
    [
        (("frequency_cap", "one_a_day"), ("a", "lost_place"), "exited"),
        (("kill_switch", "all"), ("a", "deferred"), "active"),
        (("planned", None), ("z", "planned"), "completed"),
        (("holdout", "universal"), ("z", "held_out"), "completed"),
    ],
)
def test_a_lost_message_ends_the_enrolment_where_the_node_says_so(
    answer: Answer, told: tuple[str, str], status: str
) -> None:
    nodes = [
        {"id": "a", "message": {"template": "hello", "on_loss": "exit"}},
        {"id": "z", "exit": "over"},
    ]
    world, settings = World(), config({**WELCOME, "nodes": nodes})
    world.run(night(0), settings, memberships=members(1))
    world.answers = {1: answer}
    moved = steps(world.run(night(1), settings, memberships=members(1)), 1)
    assert moved[0] == ("a", *told)
    stay = world.enrolments.row(0, named=True)
    assert stay["status"] == status
    if status == "exited":
        assert stay["exit_reason"] == "frequency_cap: one_a_day"
        assert world.transitions["detail"].to_list() == ["frequency_cap: one_a_day"]
        assert world.candidates.is_empty()
        assert len(moved) == 1


def test_a_message_falls_back_on_other_templates_in_their_order() -> None:
    message = {"template": "hello", "on_loss": "fallback", "fallbacks": ["nudge"]}
    nodes = [{"id": "a", "message": message}, {"id": "z", "exit": "over"}]
    world, settings = World(), config({**WELCOME, "nodes": nodes})
    world.run(night(0), settings, memberships=members(1))
    asked = world.candidates.sort("priority", descending=True)
    assert asked["template_id"].to_list() == ["hello", "nudge"]
    assert asked["channel"].to_list() == ["email", "sms"]
    assert asked["priority"].to_list() == [600, 599]
    assert asked["decision_id"].n_unique() == 1
    assert asked["candidate_id"].n_unique() == 2
    # When all lose their places, they are tried again the next night.
    world.answers = {1: ("frequency_cap", "one_a_day")}
    assert steps(world.run(night(1), settings, memberships=members(1)), 1) == [("a", "a", "deferred")]
    assert world.candidates["waiting_nights"].to_list() == [1, 1]


def test_no_answer_is_a_deferral() -> None:
    world = World()
    nodes = [
        {"id": "a", "message": {"template": "hello", "on_loss": "skip", "valid_for": "2d"}},
        {"id": "z", "exit": "over"},
    ]
    settings = config({**WELCOME, "nodes": nodes})
    world.run(night(0), settings, memberships=members(1))
    assert steps(world.run(night(1), settings, memberships=members(1)), 1) == [("a", "a", "deferred")]
    assert world.transitions["detail"].to_list() == ["no decision"]


def test_a_decision_to_send_without_its_message_is_no_answer() -> None:
    world, settings = World(), config(WELCOME)
    world.run(night(0), settings, memberships=members(1))
    decision = world.candidates["decision_id"].item()
    result = advance_journeys(
        JourneyInputs(
            previous_enrolments=world.enrolments.lazy(),
            decisions=frame(Decision, [{"decision_id": decision, "outcome": "planned"}]),
            plan=PlannedMessage.create_empty(lazy=True),
            memberships=members(1),
            previous_sizes=SegmentSize.create_empty(lazy=True),
            purchases=orders(),
            customer_links=links(1),
            erasures=Erasure.create_empty(lazy=True),
        ),
        config=settings,
        night=night(1),
        as_of=as_of(1),
    )
    assert result.transitions.collect()["reason"].to_list() == ["deferred"]


def test_whole_days_keep_the_wall_clock_and_hours_are_exact_when_clocks_change() -> None:
    def due(wait: str) -> datetime:
        nodes = [{"id": "w", "wait_for": wait}, {"id": "z", "exit": "over"}]
        world = World()
        world.run(
            date(2024, 3, 9),
            config({**WELCOME, "nodes": nodes}),
            memberships=members(1, joined=date(2024, 3, 9)),
        )
        due_at = world.person(1)["due_at"]
        assert isinstance(due_at, datetime)
        return due_at

    # 10 March 2024 has 23 hours in New York; the day starts at 05:00 UTC and ends at 04:00 UTC.
    assert due("1d") == datetime(2024, 3, 11, 4, tzinfo=UTC)
    assert due("24h") == datetime(2024, 3, 11, 5, tzinfo=UTC)
    assert due("1w") == datetime(2024, 3, 17, 4, tzinfo=UTC)


def test_a_wait_is_over_at_its_very_instant() -> None:
    nodes = [{"id": "w", "wait_for": "24h"}, {"id": "z", "exit": "over"}]
    world, settings = World(), config({**WELCOME, "nodes": nodes})
    world.run(night(0), settings, memberships=members(1))
    told = world.run(night(1), settings, memberships=members(1))
    assert steps(told, 1) == [("w", "z", "wait_over"), ("z", "z", "completed")]


def test_waits_do_not_drift_from_night_to_night() -> None:
    nodes = [{"id": "v", "wait_for": "36h"}, {"id": "w", "wait_for": "36h"}, {"id": "z", "exit": "over"}]
    world, settings = World(), config({**WELCOME, "nodes": nodes})
    world.run(night(0), settings, memberships=members(1))
    assert world.run(night(1), settings, memberships=members(1)).is_empty()
    assert steps(world.run(night(2), settings, memberships=members(1)), 1) == [("v", "w", "wait_over")]
    # 2 × 36 hours are three days.
    assert steps(world.run(night(3), settings, memberships=members(1)), 1)[-1] == ("z", "z", "completed")


def test_a_late_night_catches_up_and_sends_nothing_stale() -> None:
    nodes = [
        {"id": "v", "wait_for": "1d"},
        {"id": "m", "message": {"template": "hello", "valid_for": "2d"}},
        {"id": "w", "wait_for": "1d"},
        {"id": "n", "message": {"template": "hello"}},
        {"id": "z", "exit": "over"},
    ]
    world, settings = World(), config({**WELCOME, "nodes": nodes})
    world.run(night(0), settings, memberships=members(1))
    told = world.run(night(3), settings, memberships=members(1), previous_night=night(0))
    # The message could have been asked for by night 1 and was valid until the end of day 3.
    assert steps(told, 1) == [("v", "m", "wait_over"), ("m", "w", "expired")]
    assert world.candidates.is_empty()
    assert world.person(1)["due_at"] == as_of(4)


def test_a_message_reached_late_is_still_asked_for_while_it_is_valid() -> None:
    nodes = [
        {"id": "v", "wait_for": "12h"},
        {"id": "m", "message": {"template": "hello", "valid_for": "2d"}},
        {"id": "z", "exit": "over"},
    ]
    world, settings = World(), config({**WELCOME, "nodes": nodes})
    world.run(night(0), settings, memberships=members(1))
    world.run(night(2), settings, memberships=members(1), previous_night=night(0))
    # Over at noon of day 1, so night 1 would have asked: valid for two days from the end of day 1.
    assert world.candidates["valid_until"].to_list() == [as_of(1) + timedelta(days=2)]


@pytest.mark.parametrize(
    ("ordered_at", "amount", "is_reached"),
    [
        (as_of(0) - timedelta(microseconds=1), "10.00", False),
        (as_of(0), "10.00", True),
        (as_of(1) - timedelta(microseconds=1), "0.00", True),
        (as_of(1), "10.00", False),
        (as_of(0), "-10.00", False),
    ],
)
def test_the_goal_is_an_order_after_entry_and_before_the_end_of_the_night(
    *, ordered_at: datetime, amount: str, is_reached: bool
) -> None:
    world, settings = World(), config({**WELCOME, "goal": {"event": "order"}})
    bought = orders(order(1, ordered_at, amount))
    world.run(night(0), settings, memberships=members(1), bought=bought)
    told = world.run(night(1), settings, memberships=members(1), bought=bought)
    reached = [("greet", "greet", "goal_reached")]
    assert (steps(told, 1) == reached) == is_reached
    assert (world.person(1)["status"] == "completed") == is_reached
    assert world.candidates.is_empty() == is_reached


def test_a_planned_message_is_told_before_the_goal_ends_the_journey() -> None:
    world, settings = World(), config({**WELCOME, "goal": {"event": "order"}})
    world.run(night(0), settings, memberships=members(1))
    world.answers = {1: ("planned", None)}
    told = world.run(night(1), settings, memberships=members(1), bought=orders(order(1, as_of(0))))
    assert steps(told, 1) == [("greet", "pause", "planned"), ("pause", "pause", "goal_reached")]


def erasure(who: int, at: datetime) -> pl.LazyFrame:
    return frame(
        Erasure,
        [
            {
                "workspace_id": "acme",
                "request_id": "r",
                "source": "main",
                "customer_ref": f"c{who}",
                "requested_at": at,
            }
        ],
    )


@pytest.mark.parametrize("paused", [frozenset(), frozenset({"welcome"})])
def test_erased_people_are_closed_and_do_not_come_back(paused: frozenset[str]) -> None:
    world = World()
    world.run(night(0), config(WELCOME), memberships=members(1))
    gone = erasure(1, as_of(1) - timedelta(microseconds=1))
    told = world.run(night(1), config(WELCOME, paused=paused), memberships=members(1), erasures=gone)
    assert steps(told, 1) == [("greet", "greet", "erased")]
    assert world.person(1)["pending_decision_id"] is None
    other = config({**WELCOME, "name": "second"}, WELCOME)
    assert world.run(night(2), other, memberships=members(1), erasures=gone).is_empty()


def test_a_request_after_the_night_is_not_known_yet() -> None:
    world = World()
    world.run(night(0), config(WELCOME), memberships=members(1), erasures=erasure(1, as_of(0)))
    assert world.enrolments.height == 1


def test_a_held_journey_keeps_everyone_where_they_are() -> None:
    world, settings = World(), config(WELCOME)
    held = config(
        {**WELCOME, "exit_when_left": True, "goal": {"event": "order"}}, paused=frozenset({"welcome"})
    )
    world.run(night(0), settings, memberships=members(1, 2))
    before = world.enrolments
    world.answers = {1: ("capacity", "capacity:email")}
    told = world.run(
        night(1), held, memberships=members(3, joined=night(1)), bought=orders(order(2, as_of(0)))
    )
    assert told.is_empty()
    assert world.candidates.is_empty()
    assert_frame_equal(world.enrolments, before, check_row_order=False)
    # Resumed within the validity: the same question again.
    world.run(night(2), settings, memberships=members(1, 2))
    assert sorted(world.candidates["customer_id"]) == [1, 2]


def test_what_was_planned_before_a_hold_is_not_asked_for_again() -> None:
    world, settings = World(), config(WELCOME)
    world.run(night(0), settings, memberships=members(1))
    world.answers = {1: ("planned", None)}
    told = world.run(night(1), config(WELCOME, paused=frozenset({"welcome"})), memberships=members(1))
    assert steps(told, 1) == [("greet", "pause", "planned")]
    assert world.run(night(2), settings, memberships=members(1)).is_empty()


def test_people_at_a_removed_node_leave_loudly() -> None:
    world = World()
    world.run(night(0), config(WELCOME), memberships=members(1))
    changed = config({**WELCOME, "nodes": [{"id": "hi", "wait_for": "1d"}, *WELCOME["nodes"][1:]]}, version=2)
    assert steps(world.run(night(1), changed, memberships=members(1)), 1) == [
        ("greet", "greet", "node_removed")
    ]
    assert (world.person(1)["status"], world.person(1)["exit_reason"]) == ("exited", "node_removed")


def test_people_in_a_removed_journey_leave_loudly() -> None:
    world = World()
    world.run(night(0), config(WELCOME), memberships=members(1))
    assert steps(world.run(night(1), config(), memberships=members(1)), 1) == [
        ("greet", "greet", "node_removed")
    ]
    assert world.transitions["detail"].to_list() == ["the journey is no longer defined"]


def test_ghosts_walk_as_if_the_message_had_been_sent() -> None:
    world, settings = World(), config(WELCOME, holdout=Holdout(universal=0.0, programmes={"welcome": 1.0}))
    world.run(night(0), settings, memberships=members(1))
    assert world.person(1)["is_ghost"] is True
    assert world.candidates.height == 1
    world.answers = {1: ("holdout", "welcome")}
    assert steps(world.run(night(1), settings, memberships=members(1)), 1) == [("greet", "pause", "held_out")]


def test_the_universal_holdout_is_about_marketing() -> None:
    for priority_class, is_ghost in (("marketing", True), ("service", False)):
        world = World()
        settings = config({**WELCOME, "priority_class": priority_class}, holdout=Holdout(universal=1.0))
        world.run(night(0), settings, memberships=members(1))
        assert world.person(1)["is_ghost"] is is_ghost


def test_journeys_do_not_disturb_each_other() -> None:
    world = World()
    second = {
        **WELCOME,
        "name": "second",
        "nodes": [{"id": "greet", "wait_for": "1d"}, {"id": "z", "exit": "over"}],
    }
    settings = config(WELCOME, second)
    world.run(night(0), settings, memberships=members(1))
    told = world.run(night(1), settings, memberships=members(1))
    assert sorted(told["reason"].to_list()) == ["completed", "deferred", "wait_over"]
    assert world.enrolments.group_by("journey").len().sort("journey").rows() == [
        ("second", 1),
        ("welcome", 1),
    ]


def test_shuffled_inputs_give_the_same_tables() -> None:
    results = []
    for order_of_people in ([1, 2, 3], [3, 1, 2]):
        world, settings = World(), config(WELCOME)
        world.run(night(0), settings, memberships=members(*order_of_people))
        world.answers = {1: ("planned", None), 2: ("capacity", "x"), 3: ("holdout", "universal")}
        world.enrolments = world.enrolments.reverse() if order_of_people[0] == 3 else world.enrolments
        world.run(night(1), settings, memberships=members(*order_of_people))
        results.append((world.enrolments.sort("enrolment_id"), world.transitions.sort("transition_id")))
    assert_frame_equal(results[0][0], results[1][0])
    assert_frame_equal(results[0][1], results[1][1])


def test_a_night_without_journeys_is_empty() -> None:
    world = World()
    assert world.run(night(0), config(), memberships=members(1)).is_empty()
    assert world.enrolments.is_empty()
    assert world.candidates.is_empty()


def test_a_template_that_the_catalogue_does_not_have_stops_the_night() -> None:
    nodes = [{"id": "m", "message": {"template": "unknown"}}, {"id": "z", "exit": "over"}]
    with pytest.raises(ValueError, match="template unknown is not in the catalogue"):
        World().run(night(0), config({**WELCOME, "nodes": nodes}))
    nodes = [{"id": "m", "message": {"template": "hello", "offer": "gone"}}, {"id": "z", "exit": "over"}]
    with pytest.raises(ValueError, match="offer gone is not in the catalogue"):
        World().run(night(0), config({**WELCOME, "nodes": nodes}))
