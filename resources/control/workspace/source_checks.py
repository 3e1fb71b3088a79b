"""Connections and sources: names across the two files, and what missing tables switch off."""

from pathlib import Path

from pipelines.contracts.requirements import REQUIREMENTS
from pipelines.contracts.tables import REQUIRED_SOURCES, SOURCE_TABLES
from resources.control.workspace.findings import Findings
from resources.control.workspace.secrets import REFERENCE
from resources.control.workspace.yaml_nodes import Spot

SOURCES = "sources.yml"
CONNECTIONS = "connections.yml"


def check_sources(findings: Findings) -> None:
    connections = findings.folder.root(CONNECTIONS)
    sources = findings.folder.root(SOURCES).at("sources")
    names = findings.folder.names(CONNECTIONS, "connections")
    findings.must_be_known(CONNECTIONS, connections.at("target"), names, noun="connection")
    for name, source in sources.entries():
        findings.must_be_known(SOURCES, source.at("connection"), names, noun="connection")
        if name in SOURCE_TABLES:
            _check_columns(findings, name, source)
        else:
            findings.unknown(SOURCES, source, name, SOURCE_TABLES, noun="source")
    if sources.exists:
        _check_presence(findings, sources)


def check_connection_files(findings: Findings, folder: Path) -> None:
    """A warehouse file that is not there yet is a warning: it may be loaded later."""
    for _, connection in findings.folder.root(CONNECTIONS).at("connections").entries():
        path = connection.at("path")
        is_named = path.text and not path.text.startswith(REFERENCE)
        if is_named and connection.at("kind").text == "duckdb" and not (folder / str(path.text)).exists():
            findings.warn(
                CONNECTIONS, path, "there is no such file yet", "load the data before the first night is run"
            )


def _check_columns(findings: Findings, name: str, source: Spot) -> None:
    known = set(SOURCE_TABLES[name].schema.columns()) - {"workspace_id"}
    for column, spot in source.at("columns").entries():
        if column not in known:
            findings.unknown(SOURCES, spot, column, known, noun=f"column of {name}")
    findings.must_be_known(SOURCES, source.at("cursor"), known, noun=f"column of {name}")


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
