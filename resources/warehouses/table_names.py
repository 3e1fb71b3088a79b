"""Names of tables as people write them: parts with points between, in double quotes where they hold one."""

import re

_PART = re.compile(r'"(?:[^"]|"")+"|[^."]+')
_NEEDS_QUOTES = re.compile(r'[."]')


def written_parts(name: str) -> list[str] | None:
    """Parts as they are written, quotes included; None when it is no such name."""
    parts = _PART.findall(name)
    return parts if ".".join(parts) == name else None


def bare(part: str) -> str:
    return part[1:-1].replace('""', '"') if part.startswith('"') else part


def split_name(name: str) -> list[str]:
    """Parts of a name without their quotes."""
    parts = written_parts(name)
    return name.split(".") if parts is None else [bare(part) for part in parts]


def join_name(*parts: str) -> str:
    """The name by which `split_name` finds the parts again."""
    return ".".join(
        '"' + part.replace('"', '""') + '"' if _NEEDS_QUOTES.search(part) else part for part in parts
    )
