"""Guardrails: names they refer to, and limits that leave a programme no way to send."""

from resources.control.workspace.findings import Findings
from resources.control.workspace.programme_checks import CATALOGUE, programme_names, template_uses
from resources.control.workspace.segment_checks import segment_names
from resources.control.workspace.yaml_nodes import Spot

FILE = "guardrails.yml"


def check_guardrails(findings: Findings) -> None:
    guardrails = findings.folder.root(FILE)
    segments = segment_names(findings)
    for segment in guardrails.at("excluded_segments").items():
        findings.must_be_known(FILE, segment, segments, noun="segment")
    programmes = programme_names(findings)
    for name, share in guardrails.at("holdout", "programmes").entries():
        if programmes is not None and name not in programmes:
            findings.unknown(FILE, share, name, programmes, noun="journey, sequence or campaign")
    for cap in guardrails.at("caps").items():
        if cap.at("max").value == 0:
            _warn_users(
                findings, cap.at("max"), cap.at("channel").text, cap.at("purpose").text, limit="a cap of 0"
            )
    for channel, capacity in guardrails.at("capacity").entries():
        if capacity.value == 0:
            _warn_users(findings, capacity, channel, None, limit="a capacity of 0")
    _check_purposes(findings, guardrails)


def _warn_users(
    findings: Findings, spot: Spot, channel: str | None, purpose: str | None, *, limit: str
) -> None:
    """One warning a limit: which programmes can no longer send."""
    templates = findings.folder.root(CATALOGUE).at("templates")
    stopped = set()
    for use in template_uses(findings):
        template = templates.at(use.spot.text or "")
        its_purpose = template.at("purpose").text or "marketing"
        if not template.exists or channel not in {None, template.at("channel").text}:
            continue
        if purpose in {None, its_purpose}:
            stopped.add(use.programme)
    if stopped:
        on = f" on {channel}" if channel else ""
        findings.warn(
            FILE,
            spot,
            f"{limit} stops all messages{on} of {', '.join(sorted(stopped))}",
            "raise it, or pause these programmes",
        )


def _check_purposes(findings: Findings, guardrails: Spot) -> None:
    templates = findings.folder.root(CATALOGUE).at("templates")
    purposes = {template.at("purpose").text or "marketing" for _, template in templates.entries()}
    for cap in guardrails.at("caps").items():
        purpose = cap.at("purpose")
        if purpose.text is not None and purpose.text not in purposes:
            findings.warn(
                FILE,
                purpose,
                f"no template has the purpose `{purpose.text}`",
                "correct it, or take the cap out",
            )
