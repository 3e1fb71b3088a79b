"""What of two people is compared, how alike it can be, and which pairs are worth comparing at all."""

from typing import Any

import duckdb

#: Columns of the people handed in, beside `record`: compared forms, null where unknown.
COLUMNS = ("first_name", "last_name", "birth_date", "street", "city", "postcode", "phone", "email")

#: Levels of likeness of each comparison, the closest first, as conditions on a pair. Thresholds of
#: Jaro–Winkler are those that Splink proposes for names. Town and postcode are one comparison: one follows
#: from the other, and counted twice they would outweigh a family name. Levenshtein, in which two letters
#: that changed places count two, takes a fifth of the time of Damerau's variant.
LEVELS: dict[str, tuple[str, ...]] = {
    "first_name": (
        "first_name_l = first_name_r",
        "first_name_l = last_name_r and last_name_l = first_name_r",
        "jaro_winkler_similarity(first_name_l, first_name_r) >= 0.92",
        "jaro_winkler_similarity(first_name_l, first_name_r) >= 0.8",
    ),
    "last_name": (
        "last_name_l = last_name_r",
        "jaro_winkler_similarity(last_name_l, last_name_r) >= 0.92",
        "jaro_winkler_similarity(last_name_l, last_name_r) >= 0.8",
    ),
    "birth_date": (
        "birth_date_l = birth_date_r",
        "levenshtein(birth_date_l, birth_date_r) <= 1",
        "levenshtein(birth_date_l, birth_date_r) <= 2",
    ),
    "street": (
        "street_l = street_r",
        "jaro_winkler_similarity(street_l, street_r) >= 0.92",
        "jaro_winkler_similarity(street_l, street_r) >= 0.8",
    ),
    "town": (
        "postcode_l = postcode_r and city_l = city_r",
        "postcode_l = postcode_r or city_l = city_r",
        "levenshtein(postcode_l, postcode_r) <= 1 or jaro_winkler_similarity(city_l, city_r) >= 0.9",
    ),
    "phone": ("phone_l = phone_r", "levenshtein(phone_l, phone_r) <= 2"),
    "email": ("email_l = email_r", "jaro_winkler_similarity(email_l, email_r) >= 0.92"),
}
_UNKNOWN_IN_ONE = "({0}_l is null or {0}_r is null)"
#: When a comparison says nothing: of names that changed places the first has said it for both.
UNKNOWN: dict[str, str] = {name: _UNKNOWN_IN_ONE.format(name) for name in LEVELS} | {
    "last_name": (
        f"({_UNKNOWN_IN_ONE.format('last_name')}"
        " or first_name_l = last_name_r and last_name_l = first_name_r and first_name_l <> last_name_l)"
    ),
    "town": " and ".join(_UNKNOWN_IN_ONE.format(column) for column in ("postcode", "city")),
}

_UNLIKE_FIRST_NAME = (
    "jaro_winkler_similarity(first_name_l, first_name_r) < 0.8 and first_name_l is distinct from last_name_r"
)
_OTHER_FIRST_NAME = (
    "jaro_winkler_similarity(first_name_l, first_name_r) < 0.92"
    " and levenshtein(first_name_l, first_name_r) > 1"
    " and first_name_l is distinct from last_name_r"
)
#: Members of a household agree on nearly everything at once, which independent columns hardly ever would.
#: What tells them apart keeps them two, whatever else agrees: an unlike first name without the same birth
#: date, another first name without a birth date that could be the same, and birth years a generation apart.
MEMBERS_OF_A_HOUSEHOLD = (
    f"{_UNLIKE_FIRST_NAME} and birth_date_l is distinct from birth_date_r",
    f"{_OTHER_FIRST_NAME} and coalesce(levenshtein(birth_date_l, birth_date_r), 9) > 2",
    (
        "levenshtein(birth_date_l, birth_date_r) > 2"
        " and abs(cast(birth_date_l[:4] as integer) - cast(birth_date_r[:4] as integer)) >= $generation_years"
    ),
)

#: People are compared where one of these is the same in both; null is the same as nothing.
BLOCKING_KEYS: tuple[tuple[str, ...], ...] = (
    ("case when first_name < last_name then first_name || last_name else last_name || first_name end",),
    ("birth_date",),
    ("birth_date", "first_name[:1]"),
    ("birth_date", "last_name[:1]"),
    ("postcode", "last_name[:3]"),
    ("postcode", "first_name[:3]"),
    ("street", "postcode"),
    ("street", "first_name[:1]"),
    ("city", "first_name"),
    ("city", "last_name"),
    ("phone",),
    ("phone[-6:]", "first_name[:1]"),
    ("phone[:-4]", "last_name[:1]"),
    ("email",),
    ("split_part(email, '@', 1)",),
    ("first_name[:3]", "last_name[:3]", "birth_date[:4]"),
)


def open_memory(*, threads: int) -> duckdb.DuckDBPyConnection:
    """A database that is never on disk: what does not fit into memory is an error, not a temporary file."""
    settings: dict[str, Any] = {"threads": threads, "temp_directory": "", "preserve_insertion_order": False}
    memory = duckdb.connect(":memory:", config=settings)
    # A long query would draw a bar into the log of the night.
    memory.execute("set enable_progress_bar = false")
    return memory
