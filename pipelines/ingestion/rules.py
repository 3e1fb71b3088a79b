"""What a source row must hold beyond its column types, and where time is kept in each table.

Column rules (not null, length, range, closed lists) come from the contract; here
are those that need more than one column or the workspace.
"""

import json
from collections.abc import Iterator

import polars as pl

from pipelines.contracts.columns import Table
from pipelines.contracts.settings.workspace import WorkspaceSettings

#: When a row happened. Rows at or after `as_of` are not read, so that a past night never sees the
#: future. Tables without such a column hold no history (products), announce it (campaigns), or follow
#: their parent (order_lines). A row whose time is null is read.
EVENT_TIMES = {
    "customers": "created_at",
    "orders": "ordered_at",
    "events": "occurred_at",
    "messages": "sent_at",
    "campaign_members": "assigned_at",
    "consents": "recorded_at",
    "suppressions": "recorded_at",
    "erasures": "requested_at",
    "costs": "date",
}
#: Child table → parent table and the column that joins them.
PARENTS = {"order_lines": ("orders", "order_id")}
#: The first row that was ingested stays, however often it is sent again.
FIRST_WINS = frozenset({"events"})

_PERSON_COLUMNS = {
    "events": ("customer_ref", "email", "phone", "device_id"),
    "consents": ("customer_ref", "address"),
    "erasures": ("customer_ref", "address"),
}
#: Table → its column of JSON objects.
DOCUMENTS = {"customers": "attributes", "events": "properties"}


def _is_json_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):  # deeper than any document that a person wrote
        return False


def are_json_objects(texts: pl.Series) -> pl.Series:
    """Each distinct text is parsed once."""
    distinct = texts.drop_nulls().unique()
    verdicts = pl.Series([_is_json_object(text) for text in distinct], dtype=pl.Boolean)
    return texts.replace_strict(distinct, verdicts, default=None, return_dtype=pl.Boolean)


def row_rules(table: Table, workspace: WorkspaceSettings) -> Iterator[tuple[str, pl.Expr]]:
    """`column|rule` and the condition that a mapped row must satisfy; null counts as satisfied."""
    for name, column in table.schema.columns().items():
        for rule, condition in column.validation_rules(pl.col(name)).items():
            yield f"{name}|{rule}", condition
    if table.name in _PERSON_COLUMNS:
        columns = _PERSON_COLUMNS[table.name]
        yield (
            "customer_ref|person_is_known",
            pl.any_horizontal(pl.col(name).is_not_null() for name in columns),
        )
    if table.name in DOCUMENTS:
        name = DOCUMENTS[table.name]
        yield f"{name}|json_object", pl.col(name).map_batches(are_json_objects, return_dtype=pl.Boolean)
    if table.name == "orders":
        # Amounts of two currencies must not meet in one sum.
        yield "currency|currency_of_workspace", pl.col("currency") == workspace.currency


def is_personal(table: Table, column: str) -> bool:
    metadata = table.schema.columns()[column].metadata or {}
    return bool(metadata.get("personal"))


def may_be_shown(table: Table, column: str) -> bool:
    """Whether a value of a column may stand in a message; a document can hold anything."""
    return not is_personal(table, column) and DOCUMENTS.get(table.name) != column
