"""UNLOAD and COPY, taken apart as the manual describes them."""

import re
from dataclasses import dataclass

_UNLOAD = re.compile(
    r"^\s*unload\s*\(\s*(?:\$\$(?P<dollar>.*?)\$\$|'(?P<quoted>(?:[^']|'')*)')\s*\)\s*"
    r"to\s+'(?P<to>s3://[^']+)'(?P<options>.*?);?\s*$",
    re.IGNORECASE | re.DOTALL,
)
_COPY = re.compile(
    r"^\s*copy\s+(?P<table>[\w\".]+)\s*(?:\((?P<columns>[^)]*)\))?\s*from\s+'(?P<source>s3://[^']+)'"
    r"(?P<options>.*?);?\s*$",
    re.IGNORECASE | re.DOTALL,
)
_AUTHORISED = re.compile(r"\b(iam_role\s+(default|'[^']+')|credentials\s+'|access_key_id\s+')", re.IGNORECASE)
_SIZE = re.compile(r"\bmaxfilesize\s+(?:as\s+)?([\d.]+)\s*(mb|gb)?", re.IGNORECASE)
_KEY = re.compile(r"\bkms_key_id\s+'([^']+)'", re.IGNORECASE)

_MEGABYTE = 1024 * 1024
_ROW_GROUP_MEGABYTES = 32
_SMALLEST, _LARGEST = 5.0, 6.2 * 1024


class CommandError(Exception):
    """The cluster refuses a command; `state` is its SQLSTATE."""

    def __init__(self, message: str, state: str = "XX000") -> None:
        super().__init__(message)
        self.state = state


@dataclass(frozen=True)
class Unload:
    """What an UNLOAD asks for.

    Attributes:
        maximum_file_bytes: Rounded down to whole row groups of 32 MB, as the cluster does.
    """

    query: str
    bucket: str
    prefix: str
    has_manifest: bool
    is_verbose: bool
    is_parallel: bool
    allows_overwrite: bool
    cleans_path: bool
    maximum_file_bytes: int
    kms_key_id: str | None


@dataclass(frozen=True)
class Copy:
    table: str
    columns: tuple[str, ...]
    bucket: str
    key: str
    has_manifest: bool


def _has(words: str, options: str) -> bool:
    return re.search(rf"\b{words}\b", options, re.IGNORECASE) is not None


def split_url(url: str) -> tuple[str, str]:
    bucket, _, key = url.removeprefix("s3://").partition("/")
    return bucket, key


def _require(options: str, command: str) -> None:
    if not _AUTHORISED.search(options):
        raise CommandError("Mandatory option: authorization (IAM_ROLE) is missing", "42601")
    if not _has(r"(format\s+(as\s+)?)?parquet", options):
        raise CommandError(f"the emulator carries out {command} with FORMAT PARQUET only", "0A000")


def parse_unload(sql: str) -> Unload | None:
    """An UNLOAD, or nothing where the statement is another; raises CommandError as the cluster would."""
    match = _UNLOAD.match(sql)
    if match is None:
        return None
    options = match["options"]
    _require(options, "UNLOAD")
    if _has("cleanpath", options) and _has("allowoverwrite", options):
        raise CommandError("CLEANPATH option cannot be specified with ALLOWOVERWRITE option", "0A000")
    key = _KEY.search(options)
    if _has("encrypted", options) and not key and not _has(r"encrypted\s+auto", options):
        raise CommandError("ENCRYPTED with PARQUET is only supported with a KMS key", "0A000")
    bucket, prefix = split_url(match["to"])
    quoted = match["quoted"]
    return Unload(
        query=match["dollar"] if quoted is None else quoted.replace("''", "'").replace("\\\\", "\\"),
        bucket=bucket,
        prefix=prefix,
        has_manifest=_has("manifest", options),
        is_verbose=_has(r"manifest\s+verbose", options),
        is_parallel=not _has(r"parallel\s+(off|false)", options),
        allows_overwrite=_has("allowoverwrite", options),
        cleans_path=_has("cleanpath", options),
        maximum_file_bytes=_file_bytes(options),
        kms_key_id=key[1] if key else None,
    )


def _file_bytes(options: str) -> int:
    match = _SIZE.search(options)
    if match is None:
        return int(_LARGEST) * _MEGABYTE
    megabytes = float(match[1]) * (1024 if (match[2] or "").lower() == "gb" else 1)
    if not _SMALLEST <= megabytes <= _LARGEST:
        raise CommandError("MAXFILESIZE must be between 5 MB and 6.2 GB", "22023")
    if megabytes >= _ROW_GROUP_MEGABYTES:
        megabytes -= megabytes % _ROW_GROUP_MEGABYTES
    return int(megabytes * _MEGABYTE)


def parse_copy(sql: str) -> Copy | None:
    """A COPY from S3, or nothing where the statement is another."""
    match = _COPY.match(sql)
    if match is None:
        return None
    _require(match["options"], "COPY")
    if _has("region", match["options"]):
        raise CommandError("REGION argument is not supported for PARQUET based COPY", "0A000")
    bucket, key = split_url(match["source"])
    return Copy(
        table=match["table"],
        columns=tuple(re.findall(r"\w+", match["columns"] or "")),
        bucket=bucket,
        key=key,
        has_manifest=_has("manifest", match["options"]),
    )
