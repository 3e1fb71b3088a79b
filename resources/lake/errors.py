"""What can go wrong in the lake, as types: each message names the table, the cause and the remedy."""


class LakeError(Exception):
    """Anything that the lake refuses."""


class ContractBrokenError(LakeError):
    """A frame does not keep its contract; nothing was published. Never holds a value of the frame."""


class MissingVersionError(LakeError):
    """A table has no published version for the night."""


class CorruptVersionError(LakeError):
    """A published version is not, byte for byte, what its manifest says."""


class WriteFailedError(LakeError):
    """The disk refused a write; what was published before is untouched."""


class ContractChangedError(LakeError):
    """A version was written under another contract than the one of this release."""
