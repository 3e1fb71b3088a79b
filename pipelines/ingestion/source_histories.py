"""One feed of a source over some nights, and what can be said about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pipelines.contracts.codes import SourceStatus
from pipelines.contracts.columns import Table
from pipelines.contracts.settings.connector import SourceSettings
from pipelines.contracts.source_tables import SOURCE_TABLES

Severity = Literal["problem", "warning", "hint"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something about a source or a connection.

    Attributes:
        topic: freshness, volume, cost, quality or coverage.
        numbers: What the sentence rests on.
    """

    subject: str
    topic: str
    severity: Severity
    finding: str
    recommendation: str
    numbers: Mapping[str, float | int | str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHistory:
    """One source over the last nights.

    Attributes:
        reads: Its lines of `source_reads`, oldest first; at least one.
        measured: What the newest night has cost, if it is known.
    """

    source: SourceSettings
    reads: Sequence[Mapping[str, Any]]
    measured: Mapping[str, Any] | None

    @property
    def latest(self) -> Mapping[str, Any]:
        return self.reads[-1]

    @property
    def table(self) -> Table:
        return SOURCE_TABLES[self.latest["source"]]

    @property
    def name(self) -> str:
        """The feed, as messages name it."""
        return self.source.name_in(self.table)

    @property
    def charged_bytes(self) -> int:
        """What the newest night has cost, as a bill would count it."""
        known = self.measured or {}
        for size in (known.get("billed_bytes"), known.get("scanned_bytes")):
            if size is not None:
                return int(size)
        return int(self.latest["received_bytes"])

    def earlier(self, column: str) -> list[int]:
        """Values of the nights before the newest on which the source was read."""
        return [
            read[column]
            for read in self.reads[:-1]
            if read["status"] == SourceStatus.FRESH and read[column] is not None
        ]
