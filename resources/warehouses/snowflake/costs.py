"""What a statement would scan, by its plan, and what it has cost, by the history of the session."""

import json
from collections.abc import Callable

from snowflake.connector import errors
from snowflake.connector.cursor import SnowflakeCursor

from resources.warehouses.snowflake.client import Client
from resources.warehouses.snowflake.failures import Place, is_unsupported
from resources.warehouses.snowflake.types import literal
from resources.warehouses.streams import Usage

#: Credits an hour of a standard warehouse, by the size as the history writes it.
_CREDITS_PER_HOUR = {
    "X-Small": 1,
    "Small": 2,
    "Medium": 4,
    "Large": 8,
    "X-Large": 16,
    "2X-Large": 32,
    "3X-Large": 64,
    "4X-Large": 128,
    "5X-Large": 256,
    "6X-Large": 512,
}
_MILLISECONDS_PER_HOUR = 3_600_000
_RECENT_QUERIES = 100


def planned_bytes(client: Client, statement: str, place: Place) -> int | None:
    """Bytes of the partitions that a statement would scan; None where the engine has no plans.

    Only the plain statement that plans do not exist counts for that: any other
    failure is one of the query.
    """

    def explain_statement(cursor: SnowflakeCursor, left: int) -> str | None:
        try:
            cursor.execute(f"EXPLAIN USING JSON {statement}", timeout=left)
        except errors.ProgrammingError as error:
            if is_unsupported(error):
                return None
            raise
        return str(cursor.fetchall()[0][0])

    plan = client.run(place, explain_statement)
    return None if plan is None else _assigned_bytes(plan)


def _assigned_bytes(plan: str) -> int | None:
    assigned = json.loads(plan).get("GlobalStats", {}).get("bytesAssigned")
    return None if assigned is None else int(assigned)


def usage_of(client: Client, cursor: SnowflakeCursor, place: Place) -> Callable[[], Usage]:
    """Asks for the cost of the query of a cursor when somebody wants to know, and once."""
    query_id, session_id = cursor.sfqid, cursor.connection.session_id
    known: list[Usage] = []

    def ask() -> Usage:
        if not known:
            # The session may have been given up since: its history is asked for by name.
            history = f"SESSION_ID => {session_id}, RESULT_LIMIT => {_RECENT_QUERIES}"
            known.append(Usage() if query_id is None else _ask_history(client, history, query_id, place))
        return known[0]

    return ask


def _ask_history(client: Client, history: str, query_id: str, place: Place) -> Usage:
    statement = (
        "SELECT BYTES_SCANNED, EXECUTION_TIME, WAREHOUSE_SIZE FROM TABLE(INFORMATION_SCHEMA."  # noqa: S608
        f"QUERY_HISTORY_BY_SESSION({history})) WHERE QUERY_ID = {literal(query_id)}"
    )
    rows = client.fetch(place, statement)
    if not rows:
        return Usage(query_id=query_id)
    scanned, milliseconds, size = rows[0]
    return Usage(
        scanned_bytes=None if scanned is None else int(scanned),
        credit_count=_credits(size, milliseconds),
        query_id=query_id,
    )


def _credits(size: str | None, milliseconds: int | None) -> float | None:
    """Running time at the price of the warehouse: its own share, without idle minutes and other queries."""
    price = _CREDITS_PER_HOUR.get(size or "")
    if price is None or milliseconds is None:
        return None
    return price * int(milliseconds) / _MILLISECONDS_PER_HOUR
