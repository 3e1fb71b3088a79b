"""Metrics per config and day, published from the marts so that the API never opens the warehouse."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from resources.control.database import reading, upsert, writing
from resources.control.tables import METRICS


class Metrics:
    """The metrics of one workspace."""

    def __init__(self, engine: sa.Engine, workspace_id: str) -> None:
        self._engine = engine
        self._workspace_id = workspace_id

    def publish(self, on: date, metrics_by_config: Mapping[UUID, Mapping[str, Any]]) -> None:
        """Replace the metrics of a day, for the given configs, all at once."""
        if not metrics_by_config:
            return
        with writing(self._engine) as connection:
            insert = upsert(connection, METRICS)
            connection.execute(
                insert.on_conflict_do_update(
                    index_elements=["config_id", "date"],
                    set_={"metrics": insert.excluded.metrics},
                    # An id of another workspace's config changes nothing there.
                    where=METRICS.c.workspace_id == insert.excluded.workspace_id,
                ),
                [
                    {
                        "workspace_id": self._workspace_id,
                        "id": uuid4(),
                        "config_id": config_id,
                        "date": on,
                        "metrics": dict(metrics),
                    }
                    for config_id, metrics in metrics_by_config.items()
                ],
            )

    def between(self, config_id: UUID, *, since: date, until: date) -> dict[date, dict[str, Any]]:
        """Metrics of a config on the days in `[since, until)`, oldest first."""
        wanted = (
            sa.select(METRICS.c.date, METRICS.c.metrics)
            .where(
                METRICS.c.workspace_id == self._workspace_id,
                METRICS.c.config_id == config_id,
                METRICS.c.date >= since,
                METRICS.c.date < until,
            )
            .order_by(METRICS.c.date)
        )
        with reading(self._engine) as connection:
            return {row.date: row.metrics for row in connection.execute(wanted)}
