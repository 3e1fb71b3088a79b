"""Every number of the synthetic world: what its customers are like, and what messages do to them.

The engine sees none of it. Nothing here was measured on anyone; each number is a
choice, made so that what is claimed of marketing in general (few answer, tastes
differ, too many messages tire people and drive them off) holds in kind.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryTruth:
    """A product category, and the one offer on it.

    Attributes:
        popularity: Log of its weight in what everyone buys.
        appeal: Response to its offer, relative to the others, for someone of mean taste.
        price: Mean amount of an order line, relative to the person's own mean.
        margin_rate: Margin before the discount.
    """

    name: str
    popularity: float
    appeal: float
    price: float
    margin_rate: float
    discount_rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelTruth:
    """A channel, and the one template on it.

    Attributes:
        cost: Of a message, in the workspace's currency.
        appeal: Response on it, relative to the others, for someone of mean preference.
        consent_share: Share of people who agree to it before the first night.
        frequency_loading: Correlation of the preference for it with how often a person shops.
    """

    name: str
    template: str
    cost: float
    appeal: float
    consent_share: float
    frequency_loading: float


CATEGORIES = (
    CategoryTruth(name="coffee", popularity=0.6, appeal=1.1, price=0.8, margin_rate=0.42, discount_rate=0.1),
    CategoryTruth(name="bakery", popularity=0.4, appeal=0.9, price=0.7, margin_rate=0.45, discount_rate=0.1),
    CategoryTruth(name="cheese", popularity=0.0, appeal=1.0, price=1.0, margin_rate=0.40, discount_rate=0.1),
    CategoryTruth(name="wine", popularity=-0.3, appeal=1.0, price=1.5, margin_rate=0.38, discount_rate=0.1),
    CategoryTruth(name="pets", popularity=-0.4, appeal=0.8, price=1.2, margin_rate=0.40, discount_rate=0.1),
    CategoryTruth(
        name="flowers", popularity=-0.6, appeal=1.0, price=1.1, margin_rate=0.50, discount_rate=0.1
    ),
)
CHANNELS = (
    ChannelTruth(
        name="email",
        template="letter_by_mail",
        cost=0.01,
        appeal=1.0,
        consent_share=0.85,
        frequency_loading=0.2,
    ),
    ChannelTruth(
        name="sms", template="short_text", cost=0.05, appeal=1.3, consent_share=0.5, frequency_loading=0.5
    ),
    ChannelTruth(
        name="post", template="printed_card", cost=0.4, appeal=1.6, consent_share=0.4, frequency_loading=-0.4
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The world.

    Attributes:
        first_night: First local day that is closed by a night; the world's clock is UTC.
        history_days: Days of shopping before the first night.
        order_rate_mean: Orders a day, mean over people; gamma distributed over them, as in the NBD model.
        order_rate_shape: Its shape; the smaller, the more people differ.
        dropout_rate: Chance a day that a person stops shopping for good; they still get messages.
        lines_mean: Lines of an order beyond the first, a Poisson mean.
        order_amount_median: Median over people of their mean amount of a line.
        order_amount_spread: Standard deviation of its logarithm over people.
        line_amount_spread: The same over the lines of one person.
        visits_per_order: Visits without an order, per order.
        taste_spread: Standard deviation over people of log taste, for buying and for answering.
        visible_taste: Correlation between the taste that shows in orders and that for offers.
        channel_spread: Standard deviation over people of log preference for a channel.
        responsiveness_spread: Standard deviation over people of log readiness to answer anything.
        base_click_rate: Click rate of a message that is mean in everything.
        maximum_click_rate: No click rate lies above it.
        peak_hours: Hours around which people are there, with the share of people of each.
        hour_scatter: Standard deviation of a person's hour around the peak, and of moments around the hour.
        hour_floor: Response at the wrong hour, relative to the right one.
        hour_width: Hours of distance at which most of the advantage is gone (Gaussian standard deviation).
        visit_rate: Visits given a click.
        conversion_rate: Orders given a click, on top of all other shopping.
        fatigue_half_life_days: Days in which the exposure of a message halves.
        fatigue_strength: Response falls by exp(-strength × exposure).
        unsubscribe_rate: Chance that a message ends the consent to its channel, without recent exposure.
        unsubscribe_growth: That chance grows by exp(growth × exposure).
        contact_value: What a lost consent costs beyond the horizon.
        click_delay_median_hours: Median of the lognormal delay from message to click.
        click_delay_spread: Standard deviation of its logarithm.
        conversion_delay_mean_days: Mean of the exponential delay from click to order.
        newsletter_every_days: Newsletters without offer before the first night, to all with consent to
            e-mail; the last one half of that before it.
        newsletter_click_rate: Click rate of these, times readiness, hour and preference for e-mail.
        newsletter_hour: Hour at which all of them went out.
        products_per_category: Products that a category consists of.
    """

    seed: int = 20240304
    person_count: int = 2000
    first_night: date = date(2024, 3, 4)
    history_days: int = 150
    categories: tuple[CategoryTruth, ...] = CATEGORIES
    channels: tuple[ChannelTruth, ...] = CHANNELS
    order_rate_mean: float = 0.12
    order_rate_shape: float = 1.4
    dropout_rate: float = 0.002
    lines_mean: float = 1.5
    order_amount_median: float = 28.0
    order_amount_spread: float = 0.5
    line_amount_spread: float = 0.35
    visits_per_order: float = 0.6
    taste_spread: float = 0.9
    visible_taste: float = 0.75
    channel_spread: float = 0.6
    responsiveness_spread: float = 0.5
    base_click_rate: float = 0.05
    maximum_click_rate: float = 0.7
    peak_hours: tuple[tuple[float, float], ...] = ((9.0, 0.3), (13.0, 0.3), (18.0, 0.4))
    hour_scatter: float = 1.0
    hour_floor: float = 0.4
    hour_width: float = 2.5
    visit_rate: float = 0.8
    conversion_rate: float = 0.25
    fatigue_half_life_days: float = 5.0
    fatigue_strength: float = 0.3
    unsubscribe_rate: float = 0.002
    unsubscribe_growth: float = 0.6
    contact_value: float = 5.0
    click_delay_median_hours: float = 3.0
    click_delay_spread: float = 1.0
    conversion_delay_mean_days: float = 2.0
    newsletter_every_days: int = 14
    newsletter_click_rate: float = 0.05
    newsletter_hour: int = 10
    products_per_category: int = 4

    def start_of(self, day: int) -> datetime:
        """Midnight at which a day begins; day 0 is the first night's."""
        return datetime.combine(self.first_night + timedelta(days=day), time(), UTC)

    @property
    def newsletter_days(self) -> range:
        """From the last one back."""
        return range(-self.newsletter_every_days // 2, -self.history_days, -self.newsletter_every_days)

    @property
    def action_count(self) -> int:
        """Category × channel."""
        return len(self.categories) * len(self.channels)
