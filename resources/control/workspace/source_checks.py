"""Sources: names across files, settings that have no effect, and what missing tables switch off."""

from collections.abc import Iterator

import polars as pl

from pipelines.contracts.requirements import REQUIREMENTS
from pipelines.contracts.source_tables import REQUIRED_SOURCES, SOURCE_TABLES
from resources.control.workspace.connection_checks import FILE as CONNECTIONS
from resources.control.workspace.feed_checks import SOURCES, check_labels
from resources.control.workspace.findings import Findings
from resources.control.workspace.yaml_nodes import Spot, YamlSequence
from resources.warehouses.base import SourceError
from resources.warehouses.statements import require_select


def check_sources(findings: Findings) -> None:
    connections = findings.folder.root(CONNECTIONS)
    sources = findings.folder.root(SOURCES).at("sources")
    names = findings.folder.names(CONNECTIONS, "connections")
    findings.must_be_known(CONNECTIONS, connections.at("target"), names, noun="connection")
    for name, source in sources.entries():
        for feed in _feeds(source):
            findings.must_be_known(SOURCES, feed.at("connection"), names, noun="connection")
            kind = connections.at("connections", feed.at("connection").text or "", "kind").text
            _check_query(findings, feed.at("query"), kind)
            _check_fallback(findings, feed)
            if name in SOURCE_TABLES:
                _check_columns(findings, name, feed)
        if name not in SOURCE_TABLES:
            findings.unknown(SOURCES, source, name, SOURCE_TABLES, noun="source")
    if sources.exists:
        _check_presence(findings, sources)
    check_labels(findings, {name: list(_feeds(source)) for name, source in sources.entries()})


def _feeds(source: Spot) -> Iterator[Spot]:
    """The mappings of a table: one, or those of a list."""
    if isinstance(source.node, YamlSequence):
        yield from source.items()
    else:
        yield source


def _check_columns(findings: Findings, name: str, source: Spot) -> None:
    columns = SOURCE_TABLES[name].schema.columns()
    known = set(columns) - {"workspace_id"}
    for key in ("columns", "prefixes", "sentinels"):
        for column, spot in source.at(key).entries():
            if column not in known:
                findings.unknown(SOURCES, spot, column, known, noun=f"column of {name}")
    cursor = source.at("cursor")
    findings.must_be_known(SOURCES, cursor, known, noun=f"column of {name}")
    times = [column for column in columns if columns[column].dtype.base_type() in {pl.Date, pl.Datetime}]
    if cursor.text in known and cursor.text not in times:
        remedy = f"use one of {', '.join(times)}" if times else "delete it: the whole table is read then"
        findings.problem(SOURCES, cursor, "a cursor is an instant or a date", remedy)
    for column, spot in source.at("sentinels").entries():
        if column in known and column not in times:
            remedy = f"use some of {', '.join(times)}" if times else "delete it"
            findings.problem(SOURCES, spot, "sentinels are dates", remedy)


def _check_query(findings: Findings, query: Spot, kind: str | None) -> None:
    """What can be seen without a warehouse; columns and types are looked at before a night is run."""
    if query.text is None or kind is None:
        return
    try:
        require_select(query.text, source="query", dialect=kind)
    except (SourceError, ValueError):  # ValueError: a kind that sqlglot does not know, which has its own line
        findings.problem(SOURCES, query, "the query is no single SELECT", "write one SELECT and nothing else")


def _check_fallback(findings: Findings, source: Spot) -> None:
    age = source.at("maximum_age")
    if age.exists and source.at("on_failure").text != "last_good":
        what = "has no effect: without `on_failure: last_good` a source that fails stops the night"
        findings.warn(SOURCES, age, what, "add `on_failure: last_good`, or delete it")


def _check_presence(findings: Findings, sources: Spot) -> None:
    present = sources.keys()
    for name, requirement in REQUIREMENTS.items():
        if name in present:
            continue
        if name in REQUIRED_SOURCES:
            findings.problem(
                SOURCES,
                sources,
                f"the required source `{name}` is missing",
                f"add `{name}:` with its connection and table",
            )
        else:
            findings.warn(
                SOURCES, sources, f"no `{name}`: {requirement.sentence}", f"add `{name}:` when you have it"
            )
