"""Which messages of the past take a place, and when they went out."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dataframely as dy
import polars as pl
import pytest

from pipelines.contracts.delivery import DispatchedMessage
from pipelines.contracts.identity import CustomerLink
from pipelines.contracts.planning import PlannedMessage
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.sources import Message
from pipelines.planning.ledger import assemble_ledger

WORKSPACE = WorkspaceSettings(version=1, workspace="acme", time_zone="America/New_York", currency="USD")
AS_OF = datetime(2024, 3, 5, 5, tzinfo=UTC)
EARLIER = AS_OF - timedelta(days=1)


def frame(schema: type[dy.Schema], rows: Sequence[dict[str, object]]) -> pl.LazyFrame:
    return pl.DataFrame(list(rows), schema=schema.create_empty().schema).lazy()


def message(
    at: datetime, *, message_id: str = "m", ref: str = "c1", cost: float | None = None
) -> dict[str, object]:
    return {
        "workspace_id": "acme",
        "message_id": message_id,
        "customer_ref": ref,
        "source": "main",
        "channel": "email",
        "sent_at": at,
        "cost": cost,
        "offer_id": "tenth",
    }


def planned(
    send_id: str = "s", workspace: str = "acme", who: int = 1, tags: str | None = "onboarding,sale"
) -> dict[str, object]:
    return {
        "workspace_id": workspace,
        "send_id": send_id,
        "customer_id": who,
        "programme": "welcome",
        "channel": "sms",
        "purpose": "news",
        "tags": tags,
        "offer_id": None,
        "not_before": EARLIER,
        "not_after": EARLIER + timedelta(hours=4),
    }


def ledger(
    *,
    messages: Sequence[dict[str, object]] = (),
    plans: Sequence[dict[str, object]] = (),
    statuses: Sequence[str] = (),
) -> list[dict[str, object]]:
    links = [{"workspace_id": "acme", "source": "main", "customer_ref": "c1", "customer_id": 1}]
    plan = frame(PlannedMessage, plans).with_columns(cost_amount=pl.lit("0.29").cast(pl.Decimal(18, 2)))
    return (
        assemble_ledger(
            frame(Message, messages),
            frame(CustomerLink, links),
            plan,
            frame(
                DispatchedMessage,
                [
                    dict(zip(("send_id", "status", "reason"), ("s", *status.split("/"), None), strict=False))
                    for status in statuses
                ],
            ),
            workspace=WORKSPACE,
            as_of=AS_OF,
        )
        .collect()
        .to_dicts()
    )


def test_a_message_of_another_tool_counts_at_its_instant_for_every_purpose() -> None:
    assert ledger(messages=[message(EARLIER, cost=0.285)]) == [
        {
            "workspace_id": "acme",
            "customer_id": 1,
            "programme": None,
            "channel": "email",
            "purpose": None,
            "tags": None,
            "offer_id": "tenth",
            "sent_from": EARLIER,
            "sent_until": EARLIER,
            "cost_minor": 28,
        }
    ]


def test_an_own_plan_counts_with_its_window_and_exact_cost() -> None:
    assert ledger(plans=[planned()]) == [
        {
            "workspace_id": "acme",
            "customer_id": 1,
            "programme": "welcome",
            "channel": "sms",
            "purpose": "news",
            "tags": "onboarding,sale",
            "offer_id": None,
            "sent_from": EARLIER,
            "sent_until": EARLIER + timedelta(hours=4),
            "cost_minor": 29,
        }
    ]


@pytest.mark.parametrize(
    ("statuses", "counts"),
    [
        ([], True),
        (["PLANNED"], True),
        (["CLAIMED"], True),
        (["SENT"], True),
        (["ACKED"], True),
        (["UNKNOWN"], True),
        (["DEAD"], True),
        (["CANCELLED"], False),
        (["EXPIRED"], False),
        (["REJECTED"], False),
        (["PLANNED", "CANCELLED"], False),
        # Perhaps it went out before it was rejected: fail closed.
        (["UNKNOWN", "REJECTED"], True),
    ],
)
def test_only_what_never_left_gives_its_place_back(*, statuses: list[str], counts: bool) -> None:
    assert bool(ledger(plans=[planned()], statuses=statuses)) is counts


def test_an_own_message_that_the_source_reports_counts_once_at_its_exact_time() -> None:
    sent_at = EARLIER + timedelta(hours=1)
    rows = ledger(messages=[message(sent_at, message_id="s")], plans=[planned()])
    assert [(row["sent_from"], row["sent_until"]) for row in rows] == [(sent_at, sent_at)]


def test_a_report_keeps_what_the_plan_knows_and_settles_what_it_reserved() -> None:
    sent_at = EARLIER + timedelta(hours=1)
    plans = [planned(who=7)]
    (row,) = ledger(messages=[message(sent_at, message_id="s", cost=0.31)], plans=plans)
    # The person of the plan was merged into the one that the report is linked to.
    assert (row["customer_id"], row["programme"], row["purpose"]) == (1, "welcome", "news")
    assert (row["tags"], row["channel"], row["cost_minor"]) == ("onboarding,sale", "sms", 31)
    (row,) = ledger(messages=[message(sent_at, message_id="s", ref="unknown")], plans=plans)
    assert (row["customer_id"], row["cost_minor"], row["sent_until"]) == (7, 29, sent_at)


def test_what_a_source_reports_went_out_whatever_the_log_says() -> None:
    reported = message(EARLIER, message_id="s")
    assert len(ledger(messages=[reported], plans=[planned()], statuses=["REJECTED"])) == 1


def test_an_own_message_without_tags_is_known_to_have_none() -> None:
    assert ledger(plans=[planned(tags=None)])[0]["tags"] == ""


def test_the_night_knows_no_message_from_its_end_on() -> None:
    assert ledger(messages=[message(AS_OF)]) == []
    assert len(ledger(messages=[message(AS_OF - timedelta(microseconds=1))])) == 1
    # A report from the future does not replace the plan.
    rows = ledger(messages=[message(AS_OF, message_id="s")], plans=[planned()])
    assert [row["sent_from"] for row in rows] == [EARLIER]


def test_strangers_and_other_workspaces_are_left_out() -> None:
    assert ledger(messages=[message(EARLIER, ref="unknown")], plans=[planned(workspace="other")]) == []


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ("PLANNED/awaiting_approval", 0),
        ("PLANNED/config_changed", 0),
        ("PLANNED/too many requests", 1),
        ("PLANNED", 1),
        ("CANCELLED/recommended_only", 0),
        ("CANCELLED/approval_rejected", 0),
        ("EXPIRED/window_passed", 0),
        ("ACKED", 1),
    ],
)
def test_what_a_person_kept_here_gives_its_place_back_when_the_night_is_over(
    status: str, counts: int
) -> None:
    assert len(ledger(plans=[planned()], statuses=[status])) == counts


def test_what_waited_and_left_in_the_end_counts() -> None:
    statuses = ["PLANNED/awaiting_approval", "ACKED"]
    assert len(ledger(plans=[planned()], statuses=statuses)) == 1
