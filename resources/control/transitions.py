"""The states of a message in the outbox, and the ways between them."""

from pipelines.contracts.codes import DispatchStatus

#: Where a message may go from where it is. Back from superseded to planned only a new plan brings it.
_TARGETS = {
    DispatchStatus.PLANNED: {DispatchStatus.CLAIMED, DispatchStatus.CANCELLED, DispatchStatus.EXPIRED},
    DispatchStatus.CLAIMED: {
        DispatchStatus.PLANNED,  # certainly not sent, and to be tried again
        DispatchStatus.SENT,
        DispatchStatus.REJECTED,
        DispatchStatus.UNKNOWN,
        DispatchStatus.CANCELLED,
        DispatchStatus.EXPIRED,
        DispatchStatus.DEAD,
    },
    DispatchStatus.SENT: {DispatchStatus.ACKED, DispatchStatus.REJECTED, DispatchStatus.UNKNOWN},
    DispatchStatus.UNKNOWN: {DispatchStatus.RECONCILED, DispatchStatus.DEAD},
    DispatchStatus.ACKED: set[DispatchStatus](),
    DispatchStatus.REJECTED: set[DispatchStatus](),
    DispatchStatus.RECONCILED: set[DispatchStatus](),
    DispatchStatus.CANCELLED: set[DispatchStatus](),
    DispatchStatus.EXPIRED: set[DispatchStatus](),
    DispatchStatus.DEAD: set[DispatchStatus](),
}
#: What may be said about a message that another holder claimed and left: nobody knows whether it was sent.
OPEN_TO_ABANDONED = frozenset({DispatchStatus.UNKNOWN, DispatchStatus.DEAD})


class IllegalTransitionError(Exception):
    """A message cannot go from its state to the one asked for."""


def sources_of(target: DispatchStatus) -> list[DispatchStatus]:
    """States that lead to a state, by moving. Claiming has its own ways, which check who claims."""
    if target is DispatchStatus.CLAIMED:
        return []
    return [source for source, targets in _TARGETS.items() if target in targets]
