"""What reading the sources cost, by night: kept in the control database, as a rerun measures anew."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import polars as pl

from resources.control.metrics import Metrics
from resources.warehouses.spending import Spending

#: Part of a config's metrics that this module owns.
_KEY = "sources"
_COLUMNS: Mapping[str, pl.DataType] = {
    "read_on": pl.Date(),
    "source": pl.String(),
    "seconds": pl.Float64(),
    "row_count": pl.Int64(),
    "received_bytes": pl.Int64(),
    "scanned_bytes": pl.Int64(),
    "billed_bytes": pl.Int64(),
    "credit_count": pl.Float64(),
}


def record_spending(metrics: Metrics, config_id: UUID, *, night: date, spent: Mapping[str, Spending]) -> None:
    """Notes what a night has cost under the connector's config; the night's other metrics stay."""
    known = metrics.between(config_id, since=night, until=night + timedelta(days=1)).get(night, {})
    measured = {name: _describe(spending) for name, spending in sorted(spent.items())}
    metrics.publish(night, {config_id: {**known, _KEY: measured}})


def _describe(spending: Spending) -> dict[str, Any]:
    return {
        "seconds": round(spending.seconds, 3),
        "row_count": spending.row_count,
        "received_bytes": spending.received_bytes,
        "scanned_bytes": spending.scanned_bytes,
        "billed_bytes": spending.billed_bytes,
        "credit_count": spending.credit_count,
        "query_ids": list(spending.query_ids),
    }


def read_spending(metrics: Metrics, config_id: UUID, *, since: date, until: date) -> pl.DataFrame:
    """One row per night in `[since, until)` and source: what it cost, null where the engine does not say."""
    rows = [
        {"read_on": night, "source": source, **measured}
        for night, content in metrics.between(config_id, since=since, until=until).items()
        for source, measured in content.get(_KEY, {}).items()
    ]
    return pl.DataFrame(rows, schema=_COLUMNS)
