"""A condition of a rule in words."""

from pipelines.contracts.settings.segments import Comparison, EventCondition, InSegment, as_comparison
from pipelines.segmentation.conditions import Leaf

_BOUNDS = ("at_least", "at_most", "more_than", "less_than")


def leaf_in_words(leaf: Leaf) -> str:
    """`order_count at least 3`, `order_line at least 2 times within 30 days, category DAIRY`."""
    if isinstance(leaf, InSegment):
        return f"in segment {leaf.segment}"
    if isinstance(leaf, EventCondition):
        parts = [_event_in_words(leaf)]
        parts += [f"{name} {_compared(as_comparison(wanted))}" for name, wanted in sorted(leaf.where.items())]
        return ", ".join(parts)
    return f"{leaf.trait} {_compared(leaf)}"


def _compared(comparison: Comparison) -> str:
    parts = [
        f"{name.replace('_', ' ')} {getattr(comparison, name):g}"
        for name in _BOUNDS
        if getattr(comparison, name) is not None
    ]
    if comparison.equals is not None:
        parts.append(f"{comparison.equals}")
    if comparison.one_of is not None:
        parts.append(f"one of {', '.join(map(str, comparison.one_of)) or 'nothing'}")
    if comparison.is_known is not None:
        parts.append("known" if comparison.is_known else "not known")
    return " and ".join(parts)


def _event_in_words(leaf: EventCondition) -> str:
    bounds = {name: getattr(leaf, name) for name in (*_BOUNDS, "equals")}
    given = {name: bound for name, bound in bounds.items() if bound is not None} or {"at_least": 1}
    counted = " and ".join(
        f"exactly {bound}" if name == "equals" else f"{name.replace('_', ' ')} {bound}"
        for name, bound in given.items()
    )
    within = "" if leaf.within_days is None else f" within {leaf.within_days} days"
    older = "" if leaf.older_than_days is None else f", at least {leaf.older_than_days} days ago"
    return f"{leaf.event} {counted} times{within}{older}"
