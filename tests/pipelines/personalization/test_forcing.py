from datetime import UTC, datetime

import polars as pl
import pytest

from pipelines.contracts.overrides import ActiveOverride
from pipelines.personalization.forcing import forced_audience, forced_offers, only_what_is_forced

PERSONALIZATION = "041-hyper-personalization-engine"
CAMPAIGNS = pl.LazyFrame({"campaign": ["spring", "autumn"]})


def overrides(*rows: dict) -> pl.LazyFrame:
    at = datetime(2024, 3, 5, tzinfo=UTC)
    filled = [
        {"override_id": f"{number:032x}", "customer_id": 1, "started_at": at, **row}
        for number, row in enumerate(rows)
    ]
    return pl.LazyFrame(filled, schema=ActiveOverride.create_empty().schema)


@pytest.mark.parametrize(
    ("row", "campaigns"),
    [
        ({"kind": "force_in"}, ["autumn", "spring"]),
        ({"kind": "force_action", "action_offer_id": "tea"}, ["autumn", "spring"]),
        ({"kind": "force_in", "programme": "spring"}, ["spring"]),
        ({"kind": "force_in", "product": PERSONALIZATION}, ["autumn", "spring"]),
        ({"kind": "force_in", "product": "035-sequential-messaging-engine"}, []),
        ({"kind": "force_in", "channel": "sms"}, ["autumn", "spring"]),
        ({"kind": "force_in", "programme": "winter"}, []),
        ({"kind": "force_out"}, []),
    ],
)
def test_force_brings_people_into_campaigns(row, campaigns):
    found = forced_audience(CAMPAIGNS, overrides(row)).sort("campaign").collect()
    assert found.rows() == [(campaign, 1) for campaign in campaigns]


def test_somebody_who_is_forced_twice_is_in_the_audience_once():
    both = overrides({"kind": "force_in"}, {"kind": "force_action", "action_offer_id": "tea"})
    assert forced_audience(CAMPAIGNS, both).collect().height == 2


def test_an_offer_that_is_forced_stays_among_those_that_are_proposed():
    offered = pl.LazyFrame(
        {"campaign": ["spring"] * 3, "customer_id": [1, 1, 2], "offer_id": ["tea", "jam", "tea"]}
    )
    tea = overrides({"kind": "force_action", "action_offer_id": "tea"})
    assert forced_offers(offered, tea).collect().rows() == [("spring", 1, "tea")]
    any_sms = overrides({"kind": "force_action", "action_channel": "sms"})
    assert forced_offers(offered, any_sms).collect().is_empty()


def candidate(who: int, campaign: str, channel: str, offer: str) -> dict:
    return {
        "candidate_id": f"{who} {campaign} {channel} {offer}",
        "customer_id": who,
        "product": PERSONALIZATION,
        "programme": campaign,
        "channel": channel,
        "template_id": "hello",
        "offer_id": offer,
    }


ROWS = pl.LazyFrame(
    [
        candidate(who, campaign, channel, offer)
        for who in (1, 2)
        for campaign in ("spring", "autumn")
        for channel in ("email", "sms")
        for offer in ("tea", "jam")
    ]
)
#: Person 1 is in the audience of spring, and person 2 in both.
BROUGHT_IN = pl.LazyFrame({"campaign": ["autumn"], "customer_id": [1]})


@pytest.mark.parametrize(
    ("row", "extra"),
    [
        ({"kind": "force_in", "channel": "sms"}, ["1 autumn sms jam", "1 autumn sms tea"]),
        (
            {"kind": "force_action", "action_offer_id": "tea", "action_channel": "email"},
            ["1 autumn email tea"],
        ),
        ({"kind": "force_in", "programme": "spring"}, []),
        ({"kind": "force_out"}, []),
    ],
)
def test_others_are_only_offered_what_the_force_is_about(row, extra):
    members = {row["candidate_id"] for row in ROWS.collect().to_dicts()} - {
        f"1 autumn {channel} {offer}" for channel in ("email", "sms") for offer in ("tea", "jam")
    }
    kept = only_what_is_forced(ROWS, BROUGHT_IN, overrides(row)).collect()
    assert sorted(kept["candidate_id"]) == sorted([*members, *extra])
