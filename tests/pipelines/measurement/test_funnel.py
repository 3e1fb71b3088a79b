from pipelines.contracts.measurement import FunnelLine
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.measurement.funnel import count_funnel

ACME = WorkspaceSettings(version=1, workspace="acme", time_zone="UTC", currency="USD")


def test_each_count_is_a_line():
    counts = {("ingestion", "orders"): 3, ("planning", "cost"): 0.25}
    lines = FunnelLine.validate(count_funnel(counts, workspace=ACME).collect())
    assert sorted(lines.rows()) == [("acme", "ingestion", "orders", 3.0), ("acme", "planning", "cost", 0.25)]


def test_no_counts_give_a_typed_empty_table():
    assert FunnelLine.validate(count_funnel({}, workspace=ACME).collect()).is_empty()
