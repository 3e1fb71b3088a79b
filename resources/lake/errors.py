"""What can go wrong in the lake, as types: each message names the table, the cause and the remedy."""

from collections.abc import Mapping

from pipelines.contracts.columns import Table


class LakeError(Exception):
    """Anything that the lake refuses."""


class ContractBrokenError(LakeError):
    """A frame does not keep its contract; nothing was published. Never holds a value of the frame.

    Attributes:
        table: The table whose contract it is.
        counts: Rows that break a rule, by rule; for a column that is missing or of another type, 1.
    """

    def __init__(self, message: str, *, table: Table, counts: Mapping[str, int]) -> None:
        super().__init__(message)
        self.table = table
        self.counts = counts


class MissingVersionError(LakeError):
    """A table has no published version for the night."""


class CorruptVersionError(LakeError):
    """A published version is not, byte for byte, what its manifest says."""


class WriteFailedError(LakeError):
    """The disk refused a write; what was published before is untouched."""


class ContractChangedError(LakeError):
    """A version was written under another contract than the one of this release."""
