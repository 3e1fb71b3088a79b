"""What planning reads, put together from published tables: for the night, and for trying other limits."""

from collections.abc import Callable
from datetime import date, datetime

import polars as pl

from pipelines.contracts.columns import Table
from pipelines.contracts.settings.limits import Span
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.source_tables import MESSAGES
from pipelines.contracts.tables import (
    ACTION_CANDIDATES,
    CONTACTABILITY,
    CUSTOMER_LINKS,
    DISPATCH_LOG,
    HOUSEHOLDS,
    JOURNEY_CANDIDATES,
    MEMBERSHIPS,
    PLAN,
    SEND_TIMES,
    SEQUENCE_CANDIDATES,
)
from pipelines.planning.deciding import PlanningInputs
from pipelines.planning.ledger import assemble_ledger

#: Nights of own plans that caps and monthly budgets look back on, where nothing counts for ever.
LEDGER_NIGHTS = 400
_CANDIDATES = (JOURNEY_CANDIDATES, SEQUENCE_CANDIDATES, ACTION_CANDIDATES)
#: Tables of the same night.
READ = (
    *_CANDIDATES,
    CONTACTABILITY,
    SEND_TIMES,
    MEMBERSHIPS,
    HOUSEHOLDS,
    MESSAGES,
    CUSTOMER_LINKS,
)


def ledger_nights(config: NightConfig, night: date) -> int:
    """Caps on a lifetime and stocks count from the first night on."""
    offers = config.personalization.catalogue.offers.values()
    counts_for_ever = any(offer.stock is not None for offer in offers) or any(
        cap.window is Span.LIFETIME for cap in config.guardrails.caps
    )
    return (night - config.workspace.first_night).days if counts_for_ever else LEDGER_NIGHTS


def planning_inputs(
    read: Callable[[Table], pl.LazyFrame],
    history: Callable[[Table, int], pl.LazyFrame],
    *,
    config: NightConfig,
    night: date,
    as_of: datetime,
) -> PlanningInputs:
    """All that planning looks at, lazily.

    Args:
        read: The rows of a table on the night.
        history: Those of so many nights before it.
        config: Settings that the plan is made by.
        night: Logical date.
        as_of: Its end.
    """
    nights = ledger_nights(config, night)
    return PlanningInputs(
        candidates=pl.concat([read(table) for table in _CANDIDATES]),
        contactability=read(CONTACTABILITY),
        send_times=read(SEND_TIMES),
        memberships=read(MEMBERSHIPS),
        households=read(HOUSEHOLDS),
        ledger=assemble_ledger(
            read(MESSAGES),
            read(CUSTOMER_LINKS),
            history(PLAN, nights),
            history(DISPATCH_LOG, nights),
            workspace=config.workspace,
            as_of=as_of,
        ),
    )
