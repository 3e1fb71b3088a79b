"""Guardrails: names they refer to, and limits that leave a programme no way to send."""

from collections.abc import Iterator

from resources.control.workspace.findings import Findings
from resources.control.workspace.programme_checks import CATALOGUE, programme_names, template_uses
from resources.control.workspace.segment_checks import segment_names
from resources.control.workspace.yaml_nodes import Spot

FILE = "guardrails.yml"


def check_guardrails(findings: Findings) -> None:
    guardrails = findings.folder.root(FILE)
    _check_names(findings, guardrails)
    for cap in guardrails.at("caps").items():
        if cap.at("max").value == 0:
            _warn_users(
                findings, cap.at("max"), cap.at("channel").text, cap.at("purpose").text, limit="a cap of 0"
            )
    for channel, capacity in guardrails.at("capacity").entries():
        if capacity.value == 0:
            _warn_users(findings, capacity, channel, None, limit="a capacity of 0")
    _check_purposes(findings, guardrails)


def _check_names(findings: Findings, guardrails: Spot) -> None:
    segments = segment_names(findings)
    named = [minimum.at("segment") for minimum in guardrails.at("minimums").items()]
    for segment in [*guardrails.at("excluded_segments").items(), *named]:
        findings.must_be_known(FILE, segment, segments, noun="segment")
    programmes = programme_names(findings)
    if programmes is not None:
        for name, spot in _named_programmes(guardrails):
            if name not in programmes:
                findings.unknown(FILE, spot, name, programmes, noun="journey, sequence or campaign")


def _named_programmes(guardrails: Spot) -> Iterator[tuple[str, Spot]]:
    """Every place where a limit names a journey, sequence or campaign."""
    yield from guardrails.at("holdout", "programmes").entries()
    for limits in ("capacities", "budgets", "minimums"):
        for limit in guardrails.at(limits).items():
            programme = limit.at("programme")
            if programme.text is not None:
                yield programme.text, programme
    for exclusion in guardrails.at("exclusions").items():
        for side in ("one", "other"):
            for programme in exclusion.at(side, "programmes").items():
                if programme.text is not None:
                    yield programme.text, programme


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
