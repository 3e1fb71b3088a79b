"""What stands out in a cluster, in words that a person can plan with."""

from collections.abc import Mapping

#: Feature → what little of it means, and what much of it means.
WORDS: Mapping[str, tuple[str, str]] = {
    "recency_days": ("bought just now", "have not bought for long"),
    "order_count": ("few orders", "many orders"),
    "order_count_28d": ("few orders lately", "many orders lately"),
    "order_count_84d": ("few orders lately", "many orders lately"),
    "spend_amount": ("spend little", "spend much"),
    "spend_28d_amount": ("spend little lately", "spend much lately"),
    "spend_84d_amount": ("spend little lately", "spend much lately"),
    "mean_order_amount": ("small baskets", "large baskets"),
    "mean_gap_days": ("short gaps between visits", "long gaps between visits"),
    "tenure_days": ("new", "with us for long"),
    "discount_rate": ("pay full price", "buy at a discount"),
    "category_count": ("buy few categories", "buy many categories"),
    "redemption_count": ("redeem no coupons", "redeem coupons"),
}
#: Standard deviations from everyone's mean from which something stands out.
STANDS_OUT = 0.5
MOST_NAMED = 3


def describe_centre(centre: Mapping[str, Mapping[str, float]]) -> str:
    """The most unusual features with their typical values, the most unusual first; ties by name."""
    if not centre:
        return "Nobody."
    unusual = sorted(
        ((feature, at) for feature, at in centre.items() if abs(at["distance"]) >= STANDS_OUT),
        key=lambda named: (-abs(named[1]["distance"]), named[0]),
    )
    if not unusual:
        return "Like everyone on average."
    parts = [
        f"{_words(feature, at['distance'])} "
        f"({feature} typically {_number(at['typical'])}, everyone's {_number(at['everyone'])})"
        for feature, at in unusual[:MOST_NAMED]
    ]
    return f"{'; '.join(parts)}.".capitalize()


def _words(feature: str, distance: float) -> str:
    few, many = WORDS.get(feature, (f"low {feature}", f"high {feature}"))
    return few if distance < 0 else many


def _number(value: float) -> str:
    """As many digits as one reads."""
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.2g}"  # noqa: PLR2004
