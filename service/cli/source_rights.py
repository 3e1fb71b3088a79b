"""Whether the sources of a connection can be read: each is described and counted, and no value leaves it."""

from collections.abc import Iterator

from pipelines.contracts.settings.connector import SourceSettings, table_of
from pipelines.contracts.texts import bytes_in_words, counted
from resources.warehouses.base import Estimate, SourceError, Warehouse
from resources.warehouses.requests import build_request, relation_of
from service.cli.diagnoses import Finding, Status
from service.cli.failures import problem_in_words
from service.cli.warehouses import Setup

#: A count that takes longer says more about the warehouse than about rights.
_COUNT_SECONDS = 120.0


def check_source_rights(setup: Setup, name: str, warehouse: Warehouse) -> Iterator[Finding]:
    """One finding a feed; a hint when none reads from the connection yet."""
    if setup.sources_problem is not None:
        remedy = "onward validate lists them; onward discover suggests a mapping"
        yield Finding(Status.WARN, setup.sources_problem, remedy)
    sources = setup.sources(name)
    if not sources and setup.sources_problem is None:
        if not setup.is_target(name):
            remedy = f"onward discover {name} suggests which tables could be"
            yield Finding(Status.WARN, "no source reads from it yet", remedy)
        return
    for source, settings in sources.items():
        yield from _check_source(source, settings, warehouse)


def _check_source(name: str, source: SourceSettings, warehouse: Warehouse) -> Iterator[Finding]:
    table = table_of(name)
    try:
        declared = warehouse.describe(name, relation_of(source))
        request = build_request(table, source, declared, maximum_seconds=_COUNT_SECONDS)
        totals = warehouse.summarise(request, by=None, sums=())
        estimate = warehouse.estimate(request)
    except SourceError as error:
        for problem in error.problems:
            what, remedy = problem_in_words(problem)
            yield Finding(Status.FAIL, f"{name}: {what}", remedy)
        return
    row_count = sum(totals.column("row_count").to_pylist())
    mapped = f"{len(request.columns)} of {len(declared)} columns are mapped"
    yield Finding(
        Status.OK if row_count else Status.WARN,
        f"{name} from {relation_of(source).label}: {counted(row_count, 'row')}, {mapped}{_cost(estimate)}",
        "" if row_count else "load it before the first night",
    )


def _cost(estimate: Estimate) -> str:
    if estimate.byte_count is None:
        return ""
    return f", a full read scans {bytes_in_words(estimate.byte_count)}"
