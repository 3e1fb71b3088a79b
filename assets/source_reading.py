"""All feeds of a night: surveyed, admitted by their budgets, read side by side; or what stands in."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TypeVar

from assets.pulling import SourceBatch, SourceReader
from assets.steps import Night
from assets.surveying import EarlierTable, Surveyed, find_earlier, survey_source
from pipelines.contracts.source_tables import SOURCE_TABLES
from pipelines.contracts.texts import bytes_in_words, counted
from pipelines.ingestion.reading import is_young_enough
from resources.warehouses.base import SourceError, SourceProblem, Warehouse
from resources.warehouses.budgets import Budgets
from resources.warehouses.dependents import name_dependents
from resources.warehouses.pool import WarehousePool
from resources.warehouses.preflight import check_settings, is_unavailable
from resources.warehouses.requests import relation_of

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSources:
    """What the night has of each configured feed, by name, in the order of the source contract.

    Attributes:
        batches: Feeds that were read.
        earlier: What the latest earlier night left, of every feed.
        stale: Feeds that could not be read and whose earlier rows stand in, with the reason.
    """

    batches: dict[str, SourceBatch]
    earlier: Mapping[str, EarlierTable]
    stale: Mapping[str, SourceError]


@dataclass(slots=True)
class _Failures:
    """What went wrong: forgiven where an earlier version may stand in, else a problem of the night."""

    night: Night
    earlier: Mapping[str, EarlierTable]
    stale: dict[str, SourceError] = field(default_factory=dict)
    problems: dict[SourceProblem, None] = field(default_factory=dict)

    def note(self, name: str, error: SourceError) -> None:
        source = self.night.config.connector.feeds[name]
        read = self.earlier[name].read
        if is_unavailable(error):
            if read is not None and is_young_enough(source, data_on=read["data_on"], night=self.night.on):
                self.stale[name] = error
                return
            if source.on_failure == "last_good":
                self.problems[self._nothing_stands_in(name)] = None
        self.problems |= dict.fromkeys(error.problems)

    def raise_problems(self) -> None:
        if self.problems:
            raise SourceError(*name_dependents(self.problems, self.night.config))

    def _nothing_stands_in(self, name: str) -> SourceProblem:
        source, read = self.night.config.connector.feeds[name], self.earlier[name].read
        what = "there is no earlier version that could stand in."
        if read is not None:
            days = (self.night.on - read["data_on"]).days
            what = f"its last good version is of {read['data_on']}, {days} days old, older than maximum_age."
        remedy = "Make the warehouse reachable and run the night again, or raise maximum_age in sources.yml."
        return SourceProblem("no_last_good", name, relation_of(source).label, None, what, remedy)


def read_sources(night: Night, *, budgets: Budgets, now: datetime) -> ReadSources:
    """Every configured source; nothing is read before all of them are known to be readable.

    Raises:
        SourceError: Every problem of every source that no earlier version stands in for.
    """
    connector = night.config.connector
    problems = check_settings(connector)
    if problems:
        raise SourceError(*problems)
    names = [name for table in SOURCE_TABLES.values() for name in connector.feeds_of(table)]
    earlier = find_earlier(night, names)
    failures = _Failures(night, earlier)
    with WarehousePool(night.connections) as pool:
        surveyed = _gather(failures, _survey(night, pool, earlier))
        failures.raise_problems()
        refused = budgets.refuse({name: one.estimate for name, one in surveyed.items()})
        for name, error in refused.items():
            failures.note(name, error)
        failures.raise_problems()
        admitted = {name: one for name, one in surveyed.items() if name not in refused}
        batches = _gather(
            failures,
            _read(night, pool, admitted, budgets=budgets, now=now),
            tell=lambda name, batch: _tell(night, name, batch, budgets),
        )
        failures.raise_problems()
    return ReadSources(batches=batches, earlier=earlier, stale=failures.stale)


def _survey(
    night: Night, pool: WarehousePool, earlier: Mapping[str, EarlierTable]
) -> dict[str, Future[Surveyed]]:
    return {
        name: pool.submit(
            night.config.connector.feeds[name].connection,
            partial(survey_source, night, name, before),
        )
        for name, before in earlier.items()
    }


def _read(
    night: Night,
    pool: WarehousePool,
    admitted: Mapping[str, Surveyed],
    *,
    budgets: Budgets,
    now: datetime,
) -> dict[str, Future[SourceBatch]]:
    started = {}
    for name, surveyed in admitted.items():
        night.log.debug("reading %s", name)
        work = _reading(surveyed, night, budgets=budgets, now=now)
        started[name] = pool.submit(surveyed.source.connection, work)
    return started


def _reading(
    surveyed: Surveyed, night: Night, *, budgets: Budgets, now: datetime
) -> Callable[[Warehouse], SourceBatch]:
    return lambda warehouse: SourceReader(surveyed, warehouse, night, budgets=budgets, now=now).read()


def _tell(night: Night, name: str, batch: SourceBatch, budgets: Budgets) -> None:
    """How much came, and how fast; the seconds are those of all statements of the source."""
    count, size, seconds = batch.mapped.read_count, batch.received_bytes, budgets.spent[name].seconds
    rates = f", {count / seconds:,.0f} rows/s, {bytes_in_words(size / seconds)}/s" if seconds > 0 else ""
    night.log.info("read %s: %s, %s%s", name, counted(count, "row"), bytes_in_words(size), rates)


def _gather(
    failures: _Failures,
    started: Mapping[str, Future[Result]],
    *,
    tell: Callable[[str, Result], None] | None = None,
) -> dict[str, Result]:
    """Results in the order in which they were asked for, told as they come; failures are noted."""
    results = {}
    for name, future in started.items():
        try:
            results[name] = future.result()
        except SourceError as error:
            failures.note(name, error)
        else:
            if tell is not None:
                tell(name, results[name])
    return results
