"""Outcomes per config: what was predicted against what came true."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from resources.control.columns import Clock, utc_now
from resources.control.database import reading, writing
from resources.control.tables import OUTCOMES


@dataclass(frozen=True, slots=True)
class ConfigOutcome:
    """A prediction that has come due.

    Attributes:
        accuracy: Agreement of the two, 0 to 1; null where it cannot be told.
    """

    predicted: Mapping[str, Any]
    actual: Mapping[str, Any]
    accuracy: float | None
    created_at: datetime


class Outcomes:
    """The outcomes of one workspace."""

    def __init__(self, engine: sa.Engine, workspace_id: str, *, now: Clock = utc_now) -> None:
        self._engine = engine
        self._workspace_id = workspace_id
        self._now = now

    def record(
        self,
        config_id: UUID,
        *,
        predicted: Mapping[str, Any],
        actual: Mapping[str, Any],
        accuracy: float | None,
    ) -> None:
        with writing(self._engine) as connection:
            connection.execute(
                sa.insert(OUTCOMES).values(
                    workspace_id=self._workspace_id,
                    config_id=config_id,
                    predicted=dict(predicted),
                    actual=dict(actual),
                    accuracy=accuracy,
                    created_at=self._now(),
                )
            )

    def of(self, config_id: UUID) -> list[ConfigOutcome]:
        """Outcomes of a config, oldest first."""
        wanted = (
            sa.select(OUTCOMES.c.predicted, OUTCOMES.c.actual, OUTCOMES.c.accuracy, OUTCOMES.c.created_at)
            .where(OUTCOMES.c.workspace_id == self._workspace_id, OUTCOMES.c.config_id == config_id)
            .order_by(OUTCOMES.c.created_at, OUTCOMES.c.id)
        )
        with reading(self._engine) as connection:
            return [ConfigOutcome(**row) for row in connection.execute(wanted).mappings()]
