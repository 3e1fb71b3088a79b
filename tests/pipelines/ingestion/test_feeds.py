"""Rows of several feeds: whose they are, how their ids are told apart, and which they share."""

import polars as pl
import pytest

from pipelines.contracts.settings.connector import SourceSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.source_tables import CAMPAIGN_MEMBERS, CUSTOMERS, ORDERS
from pipelines.ingestion.feeds import find_shared_keys, rows_of, rows_of_others
from pipelines.ingestion.mapping import map_rows

WORKSPACE = WorkspaceSettings(version=1, workspace="acme", time_zone="UTC", currency="USD")


def labelled(*pairs):
    return pl.LazyFrame({"source": [label for label, _ in pairs], "order_id": [order for _, order in pairs]})


def test_the_rows_of_a_feed_are_those_with_its_label():
    rows = labelled(("crm", "1"), ("web", "2"), ("old", "3"))
    assert rows_of(rows, "web").collect()["order_id"].to_list() == ["2"]
    assert rows_of_others(rows, {"crm", "web"}).collect()["order_id"].to_list() == ["3"]


def test_shared_keys_are_counted_with_the_feeds_that_share_them():
    rows = labelled(("crm", "1"), ("web", "1"), ("crm", "2"), ("web", "2"), ("pos", "2"), ("old", "9"))
    assert find_shared_keys(rows, table=ORDERS).collect().rows() == [(["crm", "pos", "web"], 2)]


def test_feeds_without_a_shared_key_give_no_row():
    assert find_shared_keys(labelled(("crm", "1"), ("web", "2")), table=ORDERS).collect().is_empty()
    assert find_shared_keys(labelled(), table=ORDERS).collect().is_empty()


def mapped(table, *, rows, **settings):
    source = SourceSettings(connection="main", table="t", **settings)
    return map_rows(pl.DataFrame(rows), table=table, source=source, workspace=WORKSPACE)


def test_the_label_is_the_source_of_every_row():
    people = {"customer_ref": ["a"], "source": ["other"]}
    assert mapped(CUSTOMERS, rows=people, source="crm").accepted["source"].to_list() == ["crm"]
    assert mapped(CUSTOMERS, rows=people).accepted["source"].to_list() == ["other"]
    assert mapped(CUSTOMERS, rows={"customer_ref": ["a"]}).accepted["source"].to_list() == ["main"]


ORDER = {
    "order_id": ["1", ""],
    "customer_ref": ["a", "a"],
    "ordered_at": ["2024-01-01"] * 2,
    "net_amount": ["1"] * 2,
}


def test_a_prefix_goes_before_ids_and_not_before_an_empty_one():
    found = mapped(ORDERS, rows=ORDER, source="web", prefixes={"order_id": "w-", "campaign_id": "w-"})
    assert found.accepted.select("order_id", "campaign_id").rows() == [("w-1", None)]
    assert found.rejected["rule"].to_list() == ["order_id|min_length"]


@pytest.mark.parametrize(
    ("label", "expected"),
    [(None, '{"order_id": ""}'), ("web", '{"order_id": "", "source": "web"}')],
)
def test_a_rejected_row_names_its_feed(label, expected):
    assert mapped(ORDERS, rows=ORDER, source=label).rejected["row_key"].to_list() == [expected]


def test_a_key_with_the_label_names_it_once():
    member = {"campaign_id": ["c"], "customer_ref": ["a"], "propensity": [2.0]}
    found = mapped(CAMPAIGN_MEMBERS, rows=member, source="web").rejected["row_key"].to_list()
    assert found == ['{"campaign_id": "c", "customer_ref": "a", "source": "web"}']
