"""All checks that need more than one file, or the world outside the folder."""

from collections.abc import Mapping
from pathlib import Path

from resources.control.workspace.connection_checks import check_connection_files, check_connections
from resources.control.workspace.findings import Findings
from resources.control.workspace.guardrail_checks import check_guardrails
from resources.control.workspace.programme_checks import check_programmes
from resources.control.workspace.secrets import check_references
from resources.control.workspace.segment_checks import check_segments
from resources.control.workspace.source_checks import check_sources


def check_across_files(findings: Findings, folder: Path, environment: Mapping[str, str] | None) -> None:
    """Runs on the files as written, so that one broken file does not hide what is wrong with the others."""
    check_connections(findings)
    check_sources(findings)
    check_segments(findings)
    check_programmes(findings)
    check_guardrails(findings)
    check_connection_files(findings, folder)
    if environment is not None:
        check_references(findings, environment)
