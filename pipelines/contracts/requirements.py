"""Minimum data requirements: which source table switches on what, and from how many rows.

Only `customers` and `orders` are required. A table that a workspace does not
bring is published empty; what it would feed stays off, and this says so.
"""

from dataclasses import dataclass

from pipelines.contracts.columns import Table
from pipelines.contracts.source_tables import (
    CAMPAIGN_MEMBERS,
    CAMPAIGNS,
    CONSENTS,
    COSTS,
    CUSTOMERS,
    ERASURES,
    EVENTS,
    MESSAGES,
    ORDER_LINES,
    ORDERS,
    PRODUCTS,
    SUPPRESSIONS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """What a source table is needed for.

    Attributes:
        capability: What is off without it, as a noun phrase.
        minimum_rows: Rows from which the capability works at all.
        useful_rows: Rows from which its results can be relied on.
        without: What happens instead.
    """

    table: Table
    capability: str
    minimum_rows: int
    useful_rows: int
    without: str

    @property
    def sentence(self) -> str:
        """For a person: what is off, and what would switch it on."""
        rows = "1 row switches" if self.minimum_rows == 1 else f"{self.minimum_rows:,} rows switch"
        trust = f", {self.useful_rows:,} make it reliable" if self.useful_rows > self.minimum_rows else ""
        return f"this switches off {self.capability}: {self.without}; {rows} it on{trust}"


#: By the name used in `sources.yml`, in the order of the source contract.
REQUIREMENTS: dict[str, Requirement] = {
    requirement.table.name: requirement
    for requirement in (
        Requirement(
            table=CUSTOMERS,
            capability="everything",
            minimum_rows=1,
            useful_rows=1_000,
            without="the night stops",
        ),
        Requirement(
            table=ORDERS,
            capability="everything",
            minimum_rows=1,
            useful_rows=1_000,
            without="the night stops",
        ),
        Requirement(
            table=ORDER_LINES,
            capability="category affinity and offers by category",
            minimum_rows=1,
            useful_rows=10_000,
            without="offers are chosen without regard to what a person buys",
        ),
        Requirement(
            table=PRODUCTS,
            capability="categories of what was bought",
            minimum_rows=1,
            useful_rows=100,
            without="order lines count, but belong to no category",
        ),
        Requirement(
            table=EVENTS,
            capability="send times from opens and clicks, and coupon redemptions",
            minimum_rows=1,
            useful_rows=5_000,
            without="send times come from orders alone",
        ),
        Requirement(
            table=MESSAGES,
            capability="contact history of other tools in caps, gaps and fatigue",
            minimum_rows=1,
            useful_rows=1,
            without="limits count only what Onward itself planned",
        ),
        Requirement(
            table=CAMPAIGNS,
            capability="names, dates and budgets of the source's campaigns",
            minimum_rows=1,
            useful_rows=1,
            without="campaigns are known by id only",
        ),
        Requirement(
            table=CAMPAIGN_MEMBERS,
            capability="the record of who earlier campaigns targeted, and who was control",
            minimum_rows=1,
            useful_rows=1_000,
            without="earlier campaigns are not measured",
        ),
        Requirement(
            table=CONSENTS,
            capability="permission by recorded consent",
            minimum_rows=1,
            useful_rows=1,
            without="`consent_without_record` decides for everyone",
        ),
        Requirement(
            table=SUPPRESSIONS,
            capability="suppressed addresses",
            minimum_rows=1,
            useful_rows=1,
            without="no address is held back for bounces, complaints or objections",
        ),
        Requirement(
            table=ERASURES,
            capability="requests to be forgotten from the source",
            minimum_rows=1,
            useful_rows=1,
            without="nobody is forgotten unless the source drops the record",
        ),
        Requirement(
            table=COSTS,
            capability="measured channel costs",
            minimum_rows=1,
            useful_rows=28,
            without="the costs of `catalogue.yml` count",
        ),
    )
}
