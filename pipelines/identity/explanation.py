"""Why records are one person, in words, from the published evidence; no names and no addresses."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from math import log2
from typing import Any

from pipelines.contracts.codes import IdentifierKind, IdentityEventKind, LimitRule
from pipelines.contracts.texts import counted
from pipelines.identity.labels import LinkAccuracy

Row = Mapping[str, Any]

_SHARED: Mapping[IdentifierKind, str] = {
    IdentifierKind.LOYALTY_ID: "have the same loyalty card",
    IdentifierKind.EMAIL: "have the same mailbox",
    IdentifierKind.PHONE: "have the same phone number",
    IdentifierKind.LIKENESS: "are alike by name, birth date and address, says the trained model",
}
_LIMITS: Mapping[LimitRule, str] = {
    LimitRule.BIRTH_DATE: "it would give one person too many birth dates",
    LimitRule.LOYALTY_ID: "it would give one person two loyalty cards",
    LimitRule.AVERAGE_LINKAGE: "the other records of the two are too unlike",
}
_EVENTS: Mapping[IdentityEventKind, str] = {
    IdentityEventKind.CREATED: "first seen, with {records}",
    IdentityEventKind.MERGED: "took in person {other}, with {records}",
    IdentityEventKind.SPLIT: "split off from person {other}, with {records}",
    IdentityEventKind.MOVED: "got {records} of person {other}",
    IdentityEventKind.RETIRED: "lost the last of {records}",
}


def describe_records(links: Sequence[Row]) -> Iterator[str]:
    """One line per record of the person."""
    for link in links:
        yield (
            f"record {link['customer_ref']} of {link['source']}, since {link['linked_on']} "
            f"(confidence of the person's weakest link {link['confidence']:.2f})"
        )


def describe_evidence(evidence: Sequence[Row]) -> Iterator[str]:
    """One line per pair of records: what links the two, or what keeps them apart."""
    if not evidence:
        yield "no other record has anything in common with this one"
    for pair in evidence:
        what = _SHARED[IdentifierKind(pair["kind"])]
        ends = (
            f"{pair['customer_ref']} ({pair['source']}) and "
            f"{pair['other_customer_ref']} ({pair['other_source']})"
        )
        if pair["broken_by"] is None:
            yield f"{ends} {what} ({_strength(pair)})"
        else:
            rule = _LIMITS[LimitRule(pair["broken_by"])]
            yield f"{ends} {what} ({_strength(pair)}), but are kept apart: {rule}"


def _strength(pair: Row) -> str:
    """Confidence; of what a model says also its match weight, log2 of the odds, by which pairs are cut."""
    confidence = pair["confidence"]
    if pair["kind"] != IdentifierKind.LIKENESS:
        return f"confidence {confidence:.2f}"
    return f"confidence {confidence:.2f}, match weight {log2(confidence / (1 - confidence)):.1f}"


def describe_events(events: Sequence[Row], *, customer_id: int) -> Iterator[str]:
    """One line per change of the person's id or records, oldest first."""
    if not events:
        yield "nothing recorded"
    for event in events:
        yield f"{event['occurred_on']}: {_event(event, customer_id)}"


def _event(event: Row, customer_id: int) -> str:
    records = counted(event["record_count"], "record")
    kind = IdentityEventKind(event["event"])
    if event["from_customer_id"] == customer_id != event["customer_id"]:
        return f"gave {records} to person {event['customer_id']} ({kind.value})"
    return _EVENTS[kind].format(records=records, other=event["from_customer_id"])


def describe_accuracy(accuracy: LinkAccuracy, *, night: date) -> Iterator[str]:
    """Precision and recall of the night's links on records whose person somebody has written down."""
    yield f"{counted(accuracy.record_count, 'labelled record')} on the night {night}"
    if accuracy.unknown_count:
        yield f"left out, as the night has no such record: {accuracy.unknown_count}"
    for name, shares in (("pairwise", accuracy.pairwise), ("B-cubed", accuracy.bcubed)):
        yield (
            f"{name}: precision {_share(shares.precision)}, recall {_share(shares.recall)}, "
            f"f1 {_share(shares.f1)}"
        )


def _share(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.4f}"
