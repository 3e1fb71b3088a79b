"""Documents that are kept as text although no value can be taken from them.

Values come out by a parser that goes 127 levels deep and takes valid UTF-16 only;
a rule on a value of any other document finds none, which somebody should know.
"""

import polars as pl

#: Opening brackets below which a document cannot be too deep; an escape may be half a pair.
_DEEPEST = 127
_BRACKETS = r"[\[{]"
_ESCAPES = r"\\u[dD][89a-fA-F]"


def count_unreadable(texts: pl.Series) -> int:
    """Documents from which the parser takes no value; only those that could be so are parsed."""
    known = texts.drop_nulls()
    is_suspect = (known.str.count_matches(_BRACKETS) > _DEEPEST) | known.str.contains(_ESCAPES)
    return known.filter(is_suspect).str.json_path_match("$").null_count()
