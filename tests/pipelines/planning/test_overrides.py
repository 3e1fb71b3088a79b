from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pipelines.contracts.codes import Channel, DecisionOutcome
from pipelines.contracts.control_codes import OverrideKind
from pipelines.contracts.overrides import ActiveOverride
from pipelines.contracts.settings.connector import ConnectorSettings
from pipelines.contracts.settings.guardrails import Guardrails
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.settings.switches import KillSwitch
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.planning.eligibility import judge_candidates
from pipelines.planning.overrides import apply_overrides

NIGHT = date(2024, 3, 5)
AT = datetime(2024, 3, 5, 12, tzinfo=UTC)
PERSONALIZATION = "041-hyper-personalization-engine"
SEQUENCING = "035-sequential-messaging-engine"
EMAIL_TEA = {"channel": "email", "template_id": "hello", "offer_id": "tea"}
EMAIL_JAM = {"channel": "email", "template_id": "hello", "offer_id": "jam"}
SMS_TEA = {"channel": "sms", "template_id": "text", "offer_id": "tea"}
ACTIONS = {"email tea": EMAIL_TEA, "email jam": EMAIL_JAM, "sms tea": SMS_TEA}
TYPES = {"is_allowed": pl.Boolean, "offer_id": pl.String}


def candidates(who: int = 1, programme: str = "spring", product: str = PERSONALIZATION) -> list[dict]:
    """One decision with three actions; their ids say what they are."""
    return [
        {
            "candidate_id": f"{who} {programme} {name}",
            "decision_id": f"{who} {programme}",
            "customer_id": who,
            "product": product,
            "programme": programme,
            "purpose": "marketing",
            "priority_class": "marketing",
            **action,
        }
        for name, action in ACTIONS.items()
    ]


def override(kind: str, who: int = 1, *, age: int = 0, number: int = 0, **changes) -> dict:
    row = {"override_id": f"{number:032x}", "customer_id": who, "kind": kind}
    return row | {"started_at": AT - timedelta(days=age)} | changes


def frame_of(overrides: list[dict]) -> pl.LazyFrame:
    return pl.LazyFrame(overrides, schema=ActiveOverride.create_empty().schema)


def applied(rows: list[dict], *overrides: dict) -> pl.DataFrame:
    found = apply_overrides(pl.LazyFrame(rows, schema_overrides=TYPES), frame_of(list(overrides)))
    assert found.collect_schema().names() == [*rows[0], "is_forced", "overridden_by"]
    return found.sort("candidate_id").collect()


def forced(rows: list[dict], *overrides: dict) -> set[str]:
    return set(applied(rows, *overrides).filter("is_forced")["candidate_id"])


def refused(rows: list[dict], *overrides: dict) -> dict[str, str]:
    flagged = applied(rows, *overrides).filter(pl.col("overridden_by").is_not_null())
    return dict(flagged.select("candidate_id", "overridden_by").iter_rows())


def test_without_overrides_nothing_is_forced():
    assert forced(candidates()) == set()
    assert refused(candidates()) == {}


@pytest.mark.parametrize(
    ("scope", "actions"),
    [
        ({}, ["email tea", "email jam", "sms tea"]),
        ({"product": PERSONALIZATION}, ["email tea", "email jam", "sms tea"]),
        ({"programme": "spring"}, ["email tea", "email jam", "sms tea"]),
        ({"channel": "sms"}, ["sms tea"]),
        ({"channel": "push"}, []),
        ({"programme": "autumn"}, []),
        ({"product": SEQUENCING}, []),
        ({"who": 2}, []),
    ],
)
def test_a_scope_says_what_is_forced(scope, actions):
    rows = candidates()
    ids = {f"1 spring {action}" for action in actions}
    assert forced(rows, override("force_in", **scope)) == ids
    assert refused(rows, override("force_out", **scope)) == dict.fromkeys(ids, "force_out")


def test_a_forced_action_displaces_the_others_of_its_decision_only():
    rows = [*candidates(), *candidates(programme="autumn", product=SEQUENCING), *candidates(who=2)]
    jam = override("force_action", programme="spring", action_offer_id="jam")
    assert forced(rows, jam) == {"1 spring email jam"}
    assert refused(rows, jam) == dict.fromkeys(["1 spring email tea", "1 spring sms tea"], "force_action")


def test_an_action_that_names_little_forces_whatever_fits():
    tea = override("force_action", action_offer_id="tea")
    assert forced(candidates(), tea) == {"1 spring email tea", "1 spring sms tea"}


def test_a_decision_without_the_forced_action_is_left_alone():
    rice = override("force_action", action_offer_id="rice")
    assert forced(candidates(), rice) == set()
    assert refused(candidates(), rice) == {}


def test_a_message_without_an_offer_is_no_offer_that_is_forced():
    rows = [row | {"offer_id": None} for row in candidates()]
    assert forced(rows, override("force_action", action_offer_id="tea")) == set()


def test_the_later_of_two_actions_counts_and_ties_go_by_id():
    jam = override("force_action", action_offer_id="jam", number=1)
    sms = override("force_action", action_channel="sms", number=2)
    assert forced(candidates(), jam, sms | {"started_at": AT - timedelta(days=1)}) == {"1 spring email jam"}
    assert forced(candidates(), jam | {"started_at": AT - timedelta(days=1)}, sms) == {"1 spring sms tea"}
    assert forced(candidates(), jam, sms) == forced(candidates(), sms, jam) == {"1 spring sms tea"}


def test_a_later_action_that_the_decision_lacks_does_not_hide_an_earlier_one():
    jam = override("force_action", age=1, action_offer_id="jam", number=1)
    rice = override("force_action", action_offer_id="rice", number=2)
    assert forced(candidates(), jam, rice) == {"1 spring email jam"}


def test_forced_out_outweighs_every_other_force():
    out = override("force_out", number=1, age=9)
    others = [override("force_in", number=2), override("force_action", action_offer_id="jam", number=3)]
    assert forced(candidates(), out, *others) == set()
    assert set(refused(candidates(), out, *others).values()) == {"force_out"}


def test_a_forced_action_that_is_forced_out_leaves_nothing():
    """Two people disagree: nobody gets what one of them did not want."""
    out, sms = override("force_out", channel="sms", number=1), override("force_action", action_channel="sms")
    assert forced(candidates(), out, sms) == set()
    assert refused(candidates(), out, sms) == {
        "1 spring email jam": "force_action",
        "1 spring email tea": "force_action",
        "1 spring sms tea": "force_out",
    }


def test_a_forced_in_person_may_have_the_action_chosen_too():
    into, jam = override("force_in", number=1), override("force_action", action_offer_id="jam", number=2)
    assert forced(candidates(), into, jam) == {"1 spring email jam"}


CONFIG = NightConfig(
    workspace=WorkspaceSettings(version=1, workspace="acme", time_zone="UTC", currency="USD"),
    connector=ConnectorSettings(connections={}, sources={}),
    guardrails=Guardrails.model_validate({"excluded_segments": ["protected"], "holdout": {"universal": 0.3}}),
)
MEMBERS = {"customer_id": pl.Int64, "segment": pl.String, "entered_on": pl.Date, "left_on": pl.Date}


def judged(rows, *, allowed, protected, overrides, switches=()):
    contactability = pl.LazyFrame(
        [
            {
                "customer_id": who,
                "purpose": "marketing",
                "channel": channel,
                "is_allowed": verdict,
                "reason": "denied",
            }
            for (who, channel), verdict in allowed.items()
        ],
        schema={
            "customer_id": pl.Int64,
            "purpose": pl.String,
            "channel": pl.String,
            "is_allowed": pl.Boolean,
            "reason": pl.String,
        },
    )
    memberships = pl.LazyFrame(
        [{"customer_id": who, "segment": "protected", "entered_on": NIGHT} for who in protected],
        schema=MEMBERS,
    )
    return (
        judge_candidates(
            pl.LazyFrame(rows, schema_overrides=TYPES),
            contactability,
            memberships,
            config=CONFIG,
            kill_switches=switches,
            night=NIGHT,
            overrides=None if overrides is None else frame_of(overrides),
        )
        .sort("candidate_id")
        .collect()
    )


PEOPLE = range(1, 9)
ROWS = [row for who in PEOPLE for row in candidates(who)]
OVERRIDES = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(list(OverrideKind)),
            "customer_id": st.sampled_from(PEOPLE),
            "product": st.sampled_from([None, PERSONALIZATION, SEQUENCING]),
            "programme": st.sampled_from([None, "spring"]),
            "channel": st.sampled_from([None, "email", "sms"]),
            "action_offer_id": st.sampled_from(["tea", "jam"]),
            "age": st.integers(0, 2),
        }
    ),
    max_size=6,
)


def overrides_of(drawn: list[dict]) -> list[dict]:
    rows = []
    for number, choice in enumerate(drawn):
        values = dict(choice)
        kind = values.pop("kind")
        offer = values.pop("action_offer_id")
        who = values.pop("customer_id")
        action = {"action_offer_id": offer} if kind is OverrideKind.FORCE_ACTION else {}
        rows.append(override(kind.value, who, number=number, **values, **action))
    return rows


@given(
    OVERRIDES,
    st.dictionaries(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(["email", "sms"])), st.booleans()),
    st.sets(st.sampled_from(PEOPLE)),
    st.sampled_from([(), (KillSwitch(scope="channel", value="sms", reason="x"),)]),
)
def test_no_override_makes_anything_eligible_that_a_guardrail_refuses(drawn, allowed, protected, switches):
    """The excluded segment is the only rule that force goes past; the others are asked as without it."""
    facts = {"allowed": allowed, "switches": switches}
    without_segment = judged(ROWS, overrides=None, protected=set(), **facts)
    bare = judged(ROWS, overrides=None, protected=protected, **facts)
    with_force = judged(ROWS, overrides=overrides_of(drawn), protected=protected, **facts)
    compared = (
        with_force.select("candidate_id", "outcome", "is_forced")
        .join(without_segment.select("candidate_id", possible="outcome"), on="candidate_id", validate="1:1")
        .join(bare.select("candidate_id", usual="outcome"), on="candidate_id", validate="1:1")
    )
    eligible = compared.filter(pl.col("outcome").is_null())
    assert eligible["possible"].is_null().all()
    assert eligible.filter(~pl.col("is_forced"))["usual"].is_null().all()
    changed = compared.filter(pl.col("outcome").is_not_null(), ~pl.col("outcome").eq_missing(pl.col("usual")))
    assert set(changed["outcome"]) <= {"override"}


@given(OVERRIDES)
def test_overrides_do_not_depend_on_the_order_of_rows(drawn):
    overrides = overrides_of(drawn)
    straight = applied(ROWS, *overrides)
    assert_frame_equal(applied(ROWS[::-1], *overrides[::-1]), straight)


def test_an_override_is_told_before_the_holdout_and_after_a_kill_switch():
    """Nobody was assigned to an arm whom a person forced out: they are left out of both."""
    out = [override("force_out", who) for who in PEOPLE]
    allowed = {(who, channel): True for who in PEOPLE for channel in ("email", "sms")}
    told = judged(ROWS, allowed=allowed, protected=set(), overrides=out)
    assert set(told.select("outcome", "rule").unique().rows()) == {("override", "force_out")}
    switch = KillSwitch(scope="all", reason="x")
    told = judged(ROWS, allowed=allowed, protected=set(), overrides=out, switches=[switch])
    assert set(told["outcome"]) == {"kill_switch"}
    order = list(DecisionOutcome)
    assert order.index(DecisionOutcome.KILL_SWITCH) < order.index(DecisionOutcome.OVERRIDE)
    assert order.index(DecisionOutcome.OVERRIDE) < order.index(DecisionOutcome.HOLDOUT)
    assert {channel.value for channel in Channel} >= {row["channel"] for row in ROWS}
