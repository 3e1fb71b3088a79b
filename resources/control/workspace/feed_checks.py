"""Feeds of one table: labels that tell them apart, and ids that one system writes in one way."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from pipelines.contracts.settings.connector import ids_of
from pipelines.contracts.source_tables import SOURCE_TABLES
from resources.control.workspace.findings import Findings
from resources.control.workspace.yaml_nodes import Spot, YamlSequence

SOURCES = "sources.yml"


def check_labels(findings: Findings, feeds: Mapping[str, Sequence[Spot]]) -> None:
    """Checks `source` and `prefixes` of every feed.

    Args:
        findings: Where problems go.
        feeds: The mappings of each table, as written.
    """
    root = findings.folder.root(SOURCES).at("sources")
    for name, spots in feeds.items():
        if isinstance(root.at(name).node, YamlSequence):
            _check_each_has_its_own(findings, name, spots)
        for spot in spots:
            if name in SOURCE_TABLES:
                _check_ids(findings, name, spot)
    _check_agreement(findings, feeds)


def _check_each_has_its_own(findings: Findings, name: str, spots: Sequence[Spot]) -> None:
    labels = Counter(spot.at("source").text for spot in spots)
    for spot in spots:
        label = spot.at("source")
        if not label.exists:
            what = f"a feed in a list needs a label, which its rows carry as `source`: {name} has several"
            findings.problem(SOURCES, spot, what, "add `source: crm`, or the name of the system")
        elif label.text is not None and labels[label.text] > 1:
            what = f"two feeds of {name} are `{label.text}`"
            findings.problem(SOURCES, label, what, "give each its own `source`, or read both by one query")


def _check_ids(findings: Findings, name: str, spot: Spot) -> None:
    table = SOURCE_TABLES[name]
    for column, prefix in spot.at("prefixes").entries():
        if column in table.schema.columns() and column not in ids_of(table):
            known = ", ".join(ids_of(table))
            findings.problem(SOURCES, prefix, "prefixes go before ids", f"use some of {known}")


def _check_agreement(findings: Findings, feeds: Mapping[str, Sequence[Spot]]) -> None:
    """One system has one way to write an order's id, in orders and in their lines."""
    written: dict[tuple[str, str], tuple[str, str | None]] = {}
    for name, label, column, spot in _ids(feeds):
        prefix = spot.at("prefixes", column)
        first, expected = written.setdefault((label, column), (name, prefix.text))
        if prefix.text != expected:
            place = prefix if prefix.exists else spot
            what = f"`{column}` of {label} has another prefix here than in {first}, so the two would not meet"
            remedy = (
                f"delete `{column}`" if expected is None else f"write `prefixes: {{{column}: {expected}}}`"
            )
            findings.problem(SOURCES, place, what, remedy)


def _ids(feeds: Mapping[str, Sequence[Spot]]) -> Iterator[tuple[str, str, str, Spot]]:
    for name, spots in feeds.items():
        for spot in spots:
            label = spot.at("source").text
            if name in SOURCE_TABLES and label is not None:
                for column in ids_of(SOURCE_TABLES[name]):
                    yield name, label, column, spot
