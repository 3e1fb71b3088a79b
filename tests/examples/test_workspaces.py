"""The example workspaces: valid, complete, and the sample's numbers as they are known from outside."""

import importlib.util
import shutil
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from ruamel.yaml import YAML

from pipelines.contracts.identity import CustomerLink
from pipelines.contracts.settings.catalogue import Catalogue
from pipelines.contracts.settings.connections import ConnectionsFile
from pipelines.contracts.settings.connector import ConnectorSettings, SourcesFile
from pipelines.contracts.settings.destinations import DestinationsFile
from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.contracts.settings.guardrails import Guardrails
from pipelines.contracts.settings.identity import IdentitySettings
from pipelines.contracts.settings.journeys import JourneySettings
from pipelines.contracts.settings.personalization import PersonalizationFile
from pipelines.contracts.settings.segments import SegmentsFile
from pipelines.contracts.settings.sequences import SequenceSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.source_tables import SOURCE_TABLES
from pipelines.expressions.time import end_of_local_day, local_date
from pipelines.identity.linking import match_records
from pipelines.identity.resolution import resolve_identities
from pipelines.ingestion.mapping import map_rows
from pipelines.ingestion.merging import deduplicate, follow_parent, split_changes
from pipelines.ingestion.reading import plan_read, select_rows
from resources.warehouses.base import TimeBound
from resources.warehouses.open import Connections
from resources.warehouses.preflight import preflight
from resources.warehouses.requests import build_request, relation_of

EXAMPLES = Path(__file__).parents[2] / "examples"
SAMPLE = EXAMPLES / "complete_journey"
LAST_NIGHT = date(2017, 12, 31)
SETTINGS = {
    "workspace": WorkspaceSettings,
    "connections": ConnectionsFile,
    "sources": SourcesFile,
    "segments": SegmentsFile,
    "catalogue": Catalogue,
    "guardrails": Guardrails,
    "enrichment": EnrichmentSettings,
    "personalization": PersonalizationFile,
    "destinations": DestinationsFile,
    "win_back": SequenceSettings,
    "welcome": JourneySettings,
}


def load_yaml(path):
    return YAML(typ="safe", pure=True).load(path.read_text())


def settings_of(folder):
    return {
        path.stem: SETTINGS[path.stem].model_validate(load_yaml(path))
        for path in sorted(folder.rglob("*.yml"))
    }


def connector_of(folder):
    files = settings_of(folder)
    return ConnectorSettings(connections=files["connections"].connections, sources=files["sources"].sources)


def connections_of(connector, folder):
    return Connections(connector=connector, workspace_folder=folder, embedded_path=folder / "target.duckdb")


class Sample:
    """The sample workspace in a folder of its own, read night by night as the assets do."""

    def __init__(self, folder):
        self.folder = folder
        self.workspace = settings_of(folder)["workspace"]
        self.connector = connector_of(folder)

    def batch(self, name, night, watermark=None):
        table, source = SOURCE_TABLES[name], self.connector.sources[name]
        as_of = end_of_local_day(night, self.workspace.zone)
        plan = plan_read(source, table=table, watermark=watermark, as_of=as_of)
        bounds = [
            TimeBound(column, plan.since_of(column), plan.until, plan.keeps_null(column))
            for column in plan.time_columns
        ]
        with connections_of(self.connector, self.folder).open(source.connection) as warehouse:
            declared = warehouse.describe(name, relation_of(source))
            with warehouse.read(build_request(table, source, declared, bounds=bounds)) as stream:
                raw = pl.from_arrow(stream.read_all())
        mapped = map_rows(raw, table=table, source=source, workspace=self.workspace)
        assert mapped.rejected_count == mapped.rounded_count == 0
        selected = select_rows(mapped.accepted, plan, table=table, time_zone=self.workspace.time_zone)
        table.schema.validate(selected.rows)
        return selected


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("complete_journey")
    shutil.copytree(SAMPLE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("source.duckdb*"))
    spec = importlib.util.spec_from_file_location("sample_loader", folder / "load.py")
    assert spec is not None and spec.loader is not None
    loader = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loader)
    loader.main()
    return Sample(folder)


@pytest.fixture(scope="module")
def orders(sample):
    return sample.batch("orders", LAST_NIGHT).rows


@pytest.fixture(scope="module")
def order_lines(sample, orders):
    lines = sample.batch("order_lines", LAST_NIGHT).rows
    return follow_parent(lines.lazy(), orders.lazy(), column="order_id").collect()


def test_every_file_of_the_sample_is_valid():
    assert set(settings_of(SAMPLE)) == set(SETTINGS)


def test_the_sample_passes_preflight(sample):
    assert preflight(connections_of(sample.connector, sample.folder)) == []


def test_orders_and_lines_hold_the_known_spend(orders, order_lines):
    known = pl.Series(["4596039.58"]).cast(pl.Decimal(38, 2)).item()
    assert orders.get_column("net_amount").sum() == known
    assert order_lines.get_column("net_amount").sum() == known
    assert orders.height == 155_848
    assert order_lines.height == 1_469_307
    assert orders.get_column("order_id").n_unique() == 155_848


def test_every_order_is_the_sum_of_its_lines(orders, order_lines):
    sums = order_lines.group_by("order_id").agg(pl.col("net_amount").sum().alias("lines"))
    joined = orders.join(sums, on="order_id", how="full", validate="1:1")
    assert joined.select((pl.col("net_amount") == pl.col("lines")).all()).item()


def test_local_days_follow_the_workspace(sample, orders):
    days = orders.select(local_date(pl.col("ordered_at"), sample.workspace.time_zone)).to_series().unique()
    assert len(days) == 364
    assert date(2017, 12, 25) not in days
    assert (days.min(), days.max()) == (date(2017, 1, 1), LAST_NIGHT)


def test_unknown_products_survive(sample, order_lines):
    products = sample.batch("products", LAST_NIGHT).rows
    unknown = order_lines.join(products, on="product_id", how="anti")
    assert unknown.get_column("product_id").n_unique() == 17


def test_each_household_is_one_person_with_an_address(sample):
    customers = sample.batch("customers", LAST_NIGHT).rows.lazy()
    settings = IdentitySettings()
    identities = resolve_identities(
        customers,
        match_records(customers, settings),
        CustomerLink.create_empty(lazy=True),
        night=LAST_NIGHT,
        workspace=sample.workspace,
        settings=settings,
    )
    links, points = pl.collect_all([identities.customer_links, identities.contact_points])
    assert links.height == links.get_column("customer_id").n_unique() == 2_469
    channels = dict(points.group_by("channel").len().rows())
    assert channels["email"] == 2_469
    assert 0 < channels["sms"] < channels["post"] < 2_469


def test_a_past_night_does_not_see_the_future(sample, orders):
    night = date(2017, 6, 30)
    as_of = end_of_local_day(night, sample.workspace.zone)
    past = sample.batch("orders", night).rows
    assert past.get_column("ordered_at").max() < as_of
    assert past.height == orders.filter(pl.col("ordered_at") < as_of).height
    assert sample.batch("customers", night).rows.height < 2_469
    lines = sample.batch("order_lines", night).rows.lazy()
    shown = follow_parent(lines, past.lazy(), column="order_id").collect()
    assert shown.get_column("net_amount").sum() == past.get_column("net_amount").sum()


def test_night_after_night_gives_what_one_reading_gives(sample, orders):
    """Reads by cursor over three nights only ever add, and end where a full read ends."""
    first = LAST_NIGHT - timedelta(days=3)
    selected = sample.batch("orders", first)
    table, state, mark = SOURCE_TABLES["orders"], selected.rows, selected.newest_at
    for days in (1, 2, 3):
        selected = sample.batch("orders", first + timedelta(days=days), watermark=mark)
        assert selected.rows.height < 5_000
        changes = split_changes(state.lazy(), selected.rows.lazy(), table=table, is_complete=False)
        added, changed, removed = pl.collect_all([changes.added, changes.changed, changes.removed])
        assert (changed.height, removed.height) == (0, 0)
        state, mark = pl.concat([state, added]), selected.newest_at
    assert state.sort("order_id").equals(orders.sort("order_id"))


def test_events_happen_on_the_day_of_the_redemption(sample):
    events = sample.batch("events", LAST_NIGHT).rows
    assert (
        events.height == deduplicate(events.lazy(), table=SOURCE_TABLES["events"]).collect().height == 2_102
    )
    hours = events.select(pl.col("occurred_at").dt.convert_time_zone(sample.workspace.time_zone).dt.hour())
    assert hours.to_series().unique().to_list() == [12]


def test_names_in_the_sample_exist(sample):
    files = settings_of(SAMPLE)
    catalogue, segments = files["catalogue"], files["segments"].segments
    assert files["welcome"].entry.segment in segments
    assert files["win_back"].segment in segments
    campaigns = files["personalization"].campaigns.values()
    assert {offer for campaign in campaigns for offer in campaign.offers} <= set(catalogue.offers)
    assert {template for campaign in campaigns for template in campaign.templates} <= set(catalogue.templates)
    assert {campaign.audience for campaign in campaigns} <= set(segments)
    categories = sample.batch("products", LAST_NIGHT).rows.get_column("category")
    assert {offer.category for offer in catalogue.offers.values() if offer.category} <= set(categories)


def test_the_least_that_works_works(tmp_path):
    folder = EXAMPLES / "bring_your_own"
    assert set(settings_of(folder)) == {"workspace", "connections", "sources"}
    with duckdb.connect(str(tmp_path / "source.duckdb")) as connection:
        connection.execute("CREATE TABLE customers AS SELECT 1 AS id, 'a@example.com' AS mail")
        connection.execute("CREATE SCHEMA shop")
        connection.execute(
            "CREATE TABLE shop.orders AS SELECT 5 AS order_no, 1 AS cust, now() AS placed_at, 9.90 AS total"
        )
    assert preflight(connections_of(connector_of(folder), tmp_path)) == []
