"""From what a rule names back to the columns of the source contract that it comes from."""

from collections.abc import Iterator, Mapping

from pipelines.contracts.codes import Channel, TraitName
from pipelines.contracts.settings.segments import (
    All,
    AnyOf,
    EventCondition,
    InSegment,
    Not,
    Rule,
    SegmentSettings,
    TraitCondition,
)
from pipelines.contracts.source_tables import EVENTS, MESSAGES, ORDER_LINES, ORDERS, PRODUCTS

#: A column of the contract: table, name.
Column = tuple[str, str]
Columns = frozenset[Column]

#: Whoever has no reference is nobody, so every rule rests on it.
_PEOPLE = frozenset({("customers", "customer_ref")})


def _of(table: str, *columns: str) -> Columns:
    return frozenset((table, column) for column in columns)


_TIMES = _PEOPLE | _of("orders", "order_id", "customer_ref", "ordered_at")
_AMOUNTS = _TIMES | _of("orders", "net_amount")
_DISCOUNTS = _AMOUNTS | _of("orders", "discount_amount")
_LINES = _AMOUNTS | _of("order_lines", *(set(ORDER_LINES.schema.columns()) - {"workspace_id", "source"}))
_CATEGORIES = _LINES | _of("products", "product_id", "category")
_TEXTS = _LINES | _of("products", "product_id", "name", "description", "category", "department", "brand")
_EVENTS = _PEOPLE | _of("events", "event_id", "event_type", "occurred_at", "customer_ref")
_DECLARED = _PEOPLE | _of("customers", "attributes")

#: Column of features or values, or name of a trait → what it is computed from.
ORIGINS: Mapping[str, Columns] = {
    **dict.fromkeys(
        (
            "order_count",
            "order_count_28d",
            "order_count_84d",
            "first_order_on",
            "last_order_on",
            "recency_days",
            "tenure_days",
            "mean_gap_days",
            "rfm_recency_score",
            "rfm_frequency_score",
            TraitName.LIFECYCLE_STAGE.value,
            TraitName.SHOPPING_RHYTHM.value,
        ),
        _TIMES,
    ),
    **dict.fromkeys(
        (
            "spend_amount",
            "spend_28d_amount",
            "spend_84d_amount",
            "mean_order_amount",
            "rfm_monetary_score",
            "spend_to_date_amount",
            "expected_spend_28d",
            "expected_spend_90d",
            "expected_spend_365d",
            "typical_spend_28d",
            "expected_orders_28d",
            "expected_orders_90d",
            "expected_orders_365d",
            "active_28d_probability",
            "next_purchase_days",
            "alive_probability",
            "value_rank_rate",
            "method",
            "model_version",
            TraitName.VALUE_TIER.value,
        ),
        _AMOUNTS,
    ),
    "discount_rate": _DISCOUNTS,
    TraitName.PRICE_SENSITIVITY.value: _DISCOUNTS,
    "category_count": _CATEGORIES,
    TraitName.FAVOURITE_CATEGORY.value: _CATEGORIES,
    TraitName.TOP_INTEREST.value: _TEXTS,
    "redemption_count": _EVENTS,
    **dict.fromkeys(
        (
            TraitName.AGE_BAND.value,
            TraitName.INCOME_BAND.value,
            TraitName.HOME_OWNERSHIP.value,
            TraitName.HOUSEHOLD_SIZE.value,
            TraitName.KIDS_COUNT.value,
        ),
        _DECLARED,
    ),
}
#: Channel → where its addresses come from.
ADDRESSES: Mapping[Channel, Columns] = {
    Channel.EMAIL: _of("customers", "email"),
    Channel.SMS: _of("customers", "phone"),
    Channel.POST: _of("customers", "street", "city", "postcode"),
}
#: What a rule counts → what is read of it at least; any other name is a type of event.
_COUNTED: Mapping[str, Columns] = {
    "order": _TIMES,
    "order_line": _LINES,
    "message": _PEOPLE | _of("messages", "message_id", "customer_ref", "sent_at"),
}
#: What a rule counts → tables in which a property of it may stand, the nearest first.
_TABLES = {"order": (ORDERS,), "order_line": (ORDER_LINES, PRODUCTS, ORDERS), "message": (MESSAGES,)}
_FREE = "properties"


def columns_of(segment: SegmentSettings) -> Columns:
    """Columns that a definition needs by itself; those of segments that it names come on top."""
    found: set[Column] = set()
    if segment.rule is not None:
        for leaf in leaves(segment.rule):
            found |= _columns_of_leaf(leaf)
    if segment.rfm is not None:
        found |= ORIGINS["rfm_recency_score"] | ORIGINS["rfm_frequency_score"]
    for compared in (segment.clusters, segment.lookalike_of):
        for name in () if compared is None else compared.features:
            found |= ORIGINS.get(name, _PEOPLE)
    return frozenset(found)


def segments_of(segment: SegmentSettings) -> Iterator[str]:
    """Segments that a definition names."""
    if segment.rule is not None:
        yield from (leaf.segment for leaf in leaves(segment.rule) if isinstance(leaf, InSegment))
    if segment.lookalike_of is not None:
        yield segment.lookalike_of.segment


def leaves(rule: Rule) -> Iterator[InSegment | TraitCondition | EventCondition]:
    """All conditions and references of a rule."""
    if isinstance(rule, Not):
        yield from leaves(rule.not_)
    elif isinstance(rule, All | AnyOf):
        for part in rule.all if isinstance(rule, All) else rule.any:
            yield from leaves(part)
    else:
        yield rule


def _columns_of_leaf(leaf: InSegment | TraitCondition | EventCondition) -> Columns:
    if isinstance(leaf, TraitCondition):
        return ORIGINS.get(leaf.trait, _PEOPLE)
    if isinstance(leaf, InSegment):
        return frozenset()
    properties = (name.partition(".")[0] for name in leaf.where)
    return _COUNTED.get(leaf.event, _EVENTS).union(*(_property(leaf.event, name) for name in properties))


def _property(event: str, name: str) -> Columns:
    """A property of an event; one of its product is found by the product's id."""
    for table in _TABLES.get(event, (EVENTS, PRODUCTS)):
        if name in table.schema.columns():
            by_product = _of(table.name, "product_id") if table is PRODUCTS else frozenset()
            return by_product | _of(table.name, name)
    return _of(EVENTS.name, _FREE)
