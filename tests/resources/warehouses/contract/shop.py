"""A small shop with awkward values, from a seed: what its tables hold, and what must become of each row.

`expected` is worked out here in plain Python, so that it shares nothing with the code
that reads and maps.
"""

import json
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo

from pipelines.contracts.columns import Table
from pipelines.contracts.source_tables import CUSTOMERS, EVENTS, ORDER_LINES, ORDERS

WORKSPACE = "shop"
CURRENCY = "USD"
ZONE = "America/New_York"
_TEXTS = (
    *("Ana", "Zoë O'Neil", 'say "hi"', "C:\\temp\\", "two\nlines", "a\tb", " padded ", "日本語", "😀👩‍👩‍👧"),
    *("", "null", "NaN", "--;", "%_", "Ünïcödé", None),
)
#: Also the hour that comes twice and the one that does not come at all, by New York's clock.
_NIGHTS = (
    *(datetime(2024, 11, 3, 1), datetime(2024, 3, 10, 2), datetime(1999, 12, 31, 23)),  # noqa: DTZ001
    *(datetime(1969, 12, 31, 23), datetime(2024, 7, 1)),  # noqa: DTZ001
)
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class ShopTable:
    """One source table.

    Attributes:
        columns: Column of the source → meaning of its type, as the engines know it.
        mapping: Contract column → column of the source.
        rows: What the source holds.
        expected: What the contract rows must hold: contract column → value, for each accepted row.
        rejected_count: Rows that no contract row comes of.
    """

    table: Table
    columns: dict[str, str]
    mapping: dict[str, str]
    rows: list[tuple]
    expected: list[dict]
    rejected_count: int


def build_shop(seed=5):
    dice = random.Random(seed)  # noqa: S311  made up rows, no secrets
    return [_customers(dice, 40), _orders(dice, 120), _order_lines(dice, 120), _events(dice, 100)]


def _wall(dice):
    return dice.choice(_NIGHTS) + timedelta(minutes=dice.randrange(120), microseconds=dice.randrange(10**6))


def _instant(wall):
    """By New York's clock: the first of two, and an hour later where the clock skips it."""
    return wall.replace(tzinfo=ZoneInfo(ZONE)).astimezone(UTC)


def _some(dice, value):
    return value if dice.random() < 0.8 else None


def _customers(dice, count):
    rows, expected = [], []
    for number in range(count):
        wall, updated = _some(dice, _wall(dice)), _some(dice, _wall(dice).replace(tzinfo=UTC))
        born = _some(dice, date(1, 1, 1) + timedelta(days=dice.randrange(3_600_000)))
        name, extra = (
            dice.choice(_TEXTS),
            _some(dice, {"vip": dice.random() < 0.5, "note": dice.choice(_TEXTS)}),
        )
        document = None if extra is None else json.dumps(extra, ensure_ascii=False)
        rows.append((10**15 + number, name, born, wall, updated, document))
        expected.append(
            {
                "source": "main",
                "customer_ref": str(10**15 + number),
                "first_name": name,
                "birth_date": born,
                "created_at": None if wall is None else _instant(wall),
                "updated_at": updated,
                "attributes": extra,
            }
        )
    columns = {
        "customer_ref": "integer",
        "given_name": "text",
        "born": "date",
        "created_at": "timestamp",
        "updated_at": "instant",
        "extra": "nested",
    }
    mapping = {"first_name": "given_name", "birth_date": "born", "attributes": "extra"}
    return ShopTable(CUSTOMERS, columns, mapping, rows, expected, 0)


def _orders(dice, count):
    rows, expected, rejected_count = [], [], 0
    for number in range(count):
        # Nine digits behind the point, halves of a cent among them.
        amount = Decimal(dice.randrange(-(10**9), 10**9)).scaleb(-dice.choice((2, 3, 3, 9)))
        ordered = _wall(dice).replace(tzinfo=UTC)
        currency, discount = dice.choice((CURRENCY, CURRENCY, None, "EUR")), _some(dice, amount)
        customer = None if dice.random() < 0.05 else f"customer {dice.randrange(60)}"
        rows.append((f"order {number}", customer, ordered, amount, discount, currency))
        if customer is None or currency == "EUR":
            rejected_count += 1
            continue
        expected.append(
            {
                "order_id": f"order {number}",
                "customer_ref": customer,
                "ordered_at": ordered,
                "net_amount": _to_cent(amount),
                "discount_amount": None if discount is None else _to_cent(discount),
                "source": "main",
                "currency": currency,
            }
        )
    columns = {
        "order_id": "text",
        "customer_ref": "text",
        "ordered_at": "instant",
        "total": "precise",
        "discount": "precise",
        "currency": "text",
    }
    mapping = {"net_amount": "total", "discount_amount": "discount"}
    return ShopTable(ORDERS, columns, mapping, rows, expected, rejected_count)


def _to_cent(amount):
    return amount.quantize(_CENT, ROUND_HALF_EVEN)


def _order_lines(dice, count):
    rows, expected, rejected_count = [], [], 0
    for number in range(count):
        line = -1 if dice.random() < 0.05 else number % 7
        units, amount = (
            dice.choice((1.0, 0.1, 1 / 3, 1e-9, 12_345.678)),
            Decimal(dice.randrange(10**12)) / 100,
        )
        rows.append((number // 7, line, f"product {number % 11}", units, amount))
        if line < 0:
            rejected_count += 1
            continue
        expected.append(
            {
                "order_id": str(number // 7),
                "line_number": line,
                "product_id": f"product {number % 11}",
                "quantity": units,
                "net_amount": amount.quantize(_CENT),
                "source": "main",
            }
        )
    columns = {
        "order_id": "integer",
        "line_number": "small",
        "product_id": "text",
        "quantity": "float",
        "net_amount": "money",
    }
    return ShopTable(ORDER_LINES, columns, {}, rows, expected, rejected_count)


def _events(dice, count):
    rows, expected, rejected_count = [], [], 0
    for number in range(count):
        wall, customer = _wall(dice), _some(dice, f"customer {dice.randrange(60)}")
        kind = dice.choice(("open", "click", "Kauf 🛒"))
        properties = _some(dice, {"page": dice.choice(_TEXTS), "items": [1, 2.5, None], "big": 2**53 + 1})
        value = _some(dice, dice.choice((0.5, -0.25, 1e-300, 1e15)))
        document = None if properties is None else json.dumps(properties, ensure_ascii=False)
        # With and without offset, and as text: ISO 8601.
        text = wall.isoformat(sep=dice.choice(" T")) + dice.choice(("", "Z", "+02:00"))
        rows.append((f"event {number}", kind, text, customer, value, document))
        if customer is None:
            rejected_count += 1
            continue
        parsed = datetime.fromisoformat(text)
        expected.append(
            {
                "event_id": f"event {number}",
                "event_type": kind,
                "occurred_at": parsed.astimezone(UTC) if parsed.tzinfo else _instant(parsed),
                "customer_ref": customer,
                "source": "main",
                "value": value,
                "properties": properties,
            }
        )
    columns = {
        "event_id": "text",
        "kind": "text",
        "happened": "text",
        "customer_ref": "text",
        "value": "float",
        "properties": "nested",
    }
    mapping = {"event_type": "kind", "occurred_at": "happened"}
    return ShopTable(EVENTS, columns, mapping, rows, expected, rejected_count)
