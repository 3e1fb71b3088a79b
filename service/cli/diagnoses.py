"""What `onward doctor` and `onward connect` find: a line each, ok or not, with what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version

from packaging.requirements import Requirement

from service.cli.session import Session


class Status(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    status: Status
    what: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    name: str
    status: Status
    what: str
    remedy: str


_STYLES = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "red"}


def print_diagnosis(session: Session, diagnosis: Diagnosis) -> None:
    remedy = f" — {diagnosis.remedy}" if diagnosis.remedy else ""
    session.print(
        f"{diagnosis.status:4}  {diagnosis.name}: {diagnosis.what}{remedy}", style=_STYLES[diagnosis.status]
    )


def print_counts(session: Session, diagnoses: Iterable[Diagnosis]) -> None:
    statuses = [diagnosis.status for diagnosis in diagnoses]
    counts = {status: statuses.count(status) for status in Status}
    session.print(f"{counts[Status.OK]} ok, {counts[Status.WARN]} warnings, {counts[Status.FAIL]} failures")


def is_asked_for(requirement: Requirement, extra: str) -> bool:
    """Whether a requirement of this release counts here, with an extra or with none."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def version_problem(requirement: Requirement) -> str | None:
    """What is wrong with the installed version of a package; None when nothing is."""
    try:
        installed = version(requirement.name)
    except PackageNotFoundError:
        return f"{requirement.name} is not installed"
    if requirement.specifier.contains(installed, prereleases=True):
        return None
    return f"{requirement.name} {installed} is installed, {requirement.specifier} is needed"
