"""Catalogue, journeys, sequences, campaigns and destinations: every name that one uses of another exists."""

from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.contracts.codes import Channel
from resources.control.workspace.findings import Findings
from resources.control.workspace.folder import stem_of
from resources.control.workspace.segment_checks import segment_names
from resources.control.workspace.yaml_nodes import Spot

CATALOGUE = "catalogue.yml"
PERSONALIZATION = "personalization.yml"
DESTINATIONS = "destinations.yml"


@dataclass(frozen=True, slots=True)
class Use:
    """A place where a programme uses a template."""

    file: str
    spot: Spot
    programme: str


def check_programmes(findings: Findings) -> None:
    _check_catalogue(findings)
    _check_campaigns(findings)
    for file, journey in findings.folder.files_in("journeys"):
        _check_stem(findings, file, journey)
        _check_segment(findings, file, journey.at("entry", "segment"))
        for node in journey.at("nodes").items():
            _check_message(findings, file, node.at("message"))
    for file, sequence in findings.folder.files_in("sequences"):
        _check_stem(findings, file, sequence)
        _check_segment(findings, file, sequence.at("segment"))
        for step in sequence.at("steps").items():
            _check_message(findings, file, step)
    _check_destinations(findings)
    _check_shared_names(findings)


def template_uses(findings: Findings) -> Iterator[Use]:
    """Every place where a journey, sequence or campaign names a template."""
    for file, journey in findings.folder.files_in("journeys"):
        for node in journey.at("nodes").items():
            yield Use(file, node.at("message", "template"), stem_of(file))
    for file, sequence in findings.folder.files_in("sequences"):
        for step in sequence.at("steps").items():
            yield Use(file, step.at("template"), stem_of(file))
    for name, campaign in findings.folder.root(PERSONALIZATION).at("campaigns").entries():
        for template in campaign.at("templates").items():
            yield Use(PERSONALIZATION, template, name)


def programme_names(findings: Findings) -> set[str] | None:
    """Journeys, sequences and campaigns by the names under which holdouts and reports know them.

    A file that cannot be read still gives its name; None when campaigns cannot be known.
    """
    folder = findings.folder
    files = [*folder.files_in("journeys"), *folder.files_in("sequences")]
    campaigns = folder.names(PERSONALIZATION, "campaigns")
    if campaigns is None:
        return None
    return {stem_of(file) for file, _ in files} | {stem_of(file) for file in folder.unreadable} | campaigns


def _names(findings: Findings, part: str) -> set[str] | None:
    return findings.folder.names(CATALOGUE, part)


def _check_stem(findings: Findings, file: str, root: Spot) -> None:
    name, stem = root.at("name"), stem_of(file)
    if name.text is not None and name.text != stem:
        findings.problem(
            file,
            name,
            f"the name `{name.text}` is not the file's name",
            f"write name: {stem}, or rename the file",
        )


def _check_segment(findings: Findings, file: str, spot: Spot) -> None:
    segments = segment_names(findings)
    findings.must_be_known(file, spot, segments, noun="segment")


def _check_message(findings: Findings, file: str, message: Spot) -> None:
    for template in (message.at("template"), *message.at("fallbacks").items()):
        findings.must_be_known(file, template, _names(findings, "templates"), noun="template")
    findings.must_be_known(file, message.at("offer"), _names(findings, "offers"), noun="offer")


def _check_campaigns(findings: Findings) -> None:
    for _, campaign in findings.folder.root(PERSONALIZATION).at("campaigns").entries():
        for offer in campaign.at("offers").items():
            findings.must_be_known(PERSONALIZATION, offer, _names(findings, "offers"), noun="offer")
        for template in campaign.at("templates").items():
            findings.must_be_known(PERSONALIZATION, template, _names(findings, "templates"), noun="template")
        _check_segment(findings, PERSONALIZATION, campaign.at("audience"))


def _check_catalogue(findings: Findings) -> None:
    catalogue = findings.folder.root(CATALOGUE)
    channels = _names(findings, "channels")
    for _, template in catalogue.at("templates").entries():
        channel = template.at("channel")
        if channels is not None and channel.text in set(Channel) and channel.text not in channels:
            findings.problem(
                CATALOGUE,
                channel,
                f"channel `{channel.text}` is not among the channels",
                f"add `{channel.text}:` with its cost under `channels`",
            )
    sources = findings.folder.names("sources.yml", "sources")
    needed = () if sources is None else ("products", "order_lines")
    missing = " and ".join(f"`{name}`" for name in needed if name not in (sources or ()))
    for name, offer in catalogue.at("offers").entries():
        for rule in ("segments", "excluded_segments"):
            for segment in offer.at("eligibility", rule).items():
                _check_segment(findings, CATALOGUE, segment)
        if missing and offer.at("category").text is not None:
            findings.warn(
                CATALOGUE,
                offer.at("category"),
                f"nobody can lean to the category of offer `{name}` without {missing}",
                "add these sources, or leave the category out",
            )


def _check_destinations(findings: Findings) -> None:
    """Templates on a channel that no destination takes would be planned and never handed over."""
    destinations = findings.folder.root(DESTINATIONS)
    if not destinations.at("destinations").exists:
        return
    taken = {
        channel.text
        for _, destination in destinations.at("destinations").entries()
        for channel in destination.at("channels").items()
    }
    for _, template in findings.folder.root(CATALOGUE).at("templates").entries():
        channel = template.at("channel")
        if channel.text in set(Channel) and channel.text not in taken:
            findings.warn(
                CATALOGUE,
                channel,
                f"no destination takes channel `{channel.text}`",
                f"add `{channel.text}` to a destination in destinations.yml",
            )


def _check_shared_names(findings: Findings) -> None:
    """Holdouts, pauses and kill switches go by the programme's name, so they would hit both."""
    folder = findings.folder
    places = [(stem_of(file), file, root.at("name")) for file, root in folder.files_in("journeys")]
    places += [(stem_of(file), file, root.at("name")) for file, root in folder.files_in("sequences")]
    campaigns = folder.root(PERSONALIZATION).at("campaigns").entries()
    places += [(name, PERSONALIZATION, campaign) for name, campaign in campaigns]
    first: dict[str, str] = {}
    for name, file, spot in places:
        if name in first:
            findings.warn(
                file,
                spot,
                f"{first[name]} has the same name",
                "rename one: holdouts, pauses and kill switches go by name",
            )
        first.setdefault(name, file)
