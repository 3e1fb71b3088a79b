"""Why somebody had no decision on a night: one line per programme."""

from pipelines.contracts.codes import EnrolmentStatus
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.tables import ENROLMENTS, MEMBERSHIPS, SEQUENCE_STATE
from service.cli.evidence import Evidence, Row


def why_in_no_programme(evidence: Evidence, config: NightConfig) -> list[str]:
    """For each journey, sequence and campaign what kept the person out, or where the person stands."""
    stays = evidence.rows(MEMBERSHIPS, by="entered_on")
    segments = {stay["segment"] for stay in stays if stay["left_on"] is None}
    enrolments = _latest(evidence.rows(ENROLMENTS, by="entered_at"), "journey")
    sequences = _latest(evidence.rows(SEQUENCE_STATE, by="entered_on"), "sequence")
    lines = [
        f"journey {name}: {_journey(enrolments.get(name), journey.entry.segment, segments)}"
        for name, journey in config.journeys.items()
    ]
    lines += [
        f"sequence {name}: {_sequence(sequences.get(name), sequence.segment, segments)}"
        for name, sequence in config.sequences.items()
    ]
    lines += [
        f"campaign {name}: {_campaign(name, campaign.audience, segments, config)}"
        for name, campaign in config.personalization.campaigns.items()
    ]
    return lines or ["because the workspace has no journey, no sequence and no campaign"]


def _latest(rows: list[Row], key: str) -> dict[str, Row]:
    """The last row of each programme; rows come in the order of entry."""
    return {row[key]: row for row in rows}


def _outside(segment: str) -> str:
    return f"because the person is not in the segment {segment}"


def _journey(enrolment: Row | None, segment: str, segments: set[str]) -> str:
    if enrolment is None:
        return (
            "because the person did not join its segment anew" if segment in segments else _outside(segment)
        )
    if enrolment["status"] == EnrolmentStatus.ACTIVE:
        due = f" until {enrolment['due_at']:%Y-%m-%d %H:%M} UTC" if enrolment["due_at"] else ""
        return f"because the person waits at {enrolment['node_id']}{due}"
    reason = f" ({enrolment['exit_reason']})" if enrolment["exit_reason"] else ""
    return f"because the person has been through it{reason}"


def _sequence(state: Row | None, segment: str, segments: set[str]) -> str:
    if state is None:
        return "because the person has not entered it yet" if segment in segments else _outside(segment)
    if state["status"] == EnrolmentStatus.ACTIVE:
        return f"because step {state['step_number']} is due on {state['due_on']}"
    reason = f" ({state['exit_reason']})" if state["exit_reason"] else ""
    return f"because it ended for the person{reason}"


def _campaign(name: str, audience: str | None, segments: set[str], config: NightConfig) -> str:
    if name in config.paused:
        return "because it is paused"
    if audience is not None and audience not in segments:
        return _outside(audience)
    return "because none of its offers fits the person"
