"""Candidates and past messages as admission takes them: with tags, households and local days."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from pipelines.expressions.money import to_minor
from pipelines.expressions.time import INSTANT, local_date
from pipelines.planning.admission import Contenders
from pipelines.planning.limits import PersonLimit
from pipelines.planning.places import Days, Send

_CALENDARS = ("own_first", "own_last", "office_first", "office_last")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipients:
    """What limits know about the people that messages go to.

    Attributes:
        send_times: `customer_id, time_zone`; who is not in it has the zone of the workspace.
        households: `customer_id, household_id`; who is not in it lives alone.
        time_zone: Of the workspace.
    """

    send_times: pl.DataFrame
    households: pl.DataFrame
    time_zone: str


def shared_households(households: pl.DataFrame) -> dict[int, int]:
    """Household of everyone who shares one."""
    shared = households.filter(pl.len().over("household_id") > 1)
    return dict(shared.select("customer_id", "household_id").iter_rows())


def _follow_a_calendar(limits: Sequence[PersonLimit]) -> bool:
    return any(limit.is_calendar for limit in limits)


def _days_in(zone: str, start: str, end: str) -> list[pl.Expr]:
    return [local_date(pl.col(instant), zone).to_physical().cast(pl.Int64) for instant in (start, end)]


def _local_days(messages: pl.DataFrame, *, start: str, end: str, time_zone: str) -> list[Days]:
    """Local days of each window, in the order of the messages: Polars converts to one zone a call."""
    office_first, office_last = _days_in(time_zone, start, end)
    numbered = messages.select(
        start, end, office_first=office_first, office_last=office_last, zone=pl.col("time_zone")
    ).with_row_index("position")
    parts = []
    for (zone,), part in numbered.partition_by("zone", as_dict=True).items():
        own_first, own_last = _days_in(str(zone), start, end)
        parts.append(part.with_columns(own_first=own_first, own_last=own_last))
    if not parts:
        return []
    return list(pl.concat(parts).sort("position").select(_CALENDARS).iter_rows())


def contenders_of(
    eligible: pl.DataFrame, *, limits: Sequence[PersonLimit], recipients: Recipients
) -> Contenders:
    """Eligible candidates, in the order of the rows, with `time_zone`, `not_before` and `not_after`."""
    days = None
    if _follow_a_calendar(limits):
        days = _local_days(eligible, start="not_before", end="not_after", time_zone=recipients.time_zone)
    return Contenders(
        decision=eligible["decision_id"].to_list(),
        person=eligible["customer_id"].to_list(),
        channel=eligible["channel"].to_list(),
        purpose=eligible["purpose"].to_list(),
        offer=eligible["offer_id"].to_list(),
        cost_minor=eligible.select(to_minor(pl.col("cost_amount"))).to_series().to_list(),
        start=eligible["not_before"].to_physical().to_list(),
        end=eligible["not_after"].to_physical().to_list(),
        programme=eligible["programme"].to_list(),
        tags=eligible["tags"].fill_null("").to_list(),
        days=days,
    )


def _concerned(people: pl.DataFrame, households: pl.DataFrame) -> pl.DataFrame:
    """People with a candidate, and everyone who lives with them."""
    homes = households.join(people, on="customer_id", how="semi").select("household_id")
    mates = households.join(homes, on="household_id", how="semi").select("customer_id")
    return pl.concat([people, mates]).unique()


def past_sends(
    ledger: pl.DataFrame,
    people: pl.DataFrame,
    *,
    limits: Sequence[PersonLimit],
    recipients: Recipients,
    as_of: datetime,
) -> Mapping[int, list[Send]]:
    """Messages that a limit of a person can still see, by person.

    Args:
        ledger: From `assemble_ledger`.
        people: `customer_id` of everyone with a candidate, each once.
        limits: Caps, gaps and exclusions.
        recipients: Zones and households.
        as_of: End of the night; nothing is planned before it.
    """
    if any(limit.is_household for limit in limits):
        people = _concerned(people, recipients.households)
    longest = timedelta(microseconds=max((limit.window_us for limit in limits), default=0))
    near = (
        ledger.filter(pl.col("sent_until") > pl.lit(as_of - longest, INSTANT))
        .join(people, on="customer_id", how="semi")
        .join(
            recipients.send_times.select("customer_id", "time_zone"),
            on="customer_id",
            how="left",
            validate="m:1",
        )
        .with_columns(pl.col("time_zone").fill_null(recipients.time_zone))
    )
    days: list[Days] = [()] * near.height
    if _follow_a_calendar(limits):
        days = _local_days(near, start="sent_from", end="sent_until", time_zone=recipients.time_zone)
    columns = ("customer_id", "sent_from", "sent_until", "channel", "purpose", "tags", "programme")
    instants = [pl.col(name).to_physical() for name in ("sent_from", "sent_until")]
    sends: defaultdict[int, list[Send]] = defaultdict(list)
    rows = near.select(columns).with_columns(instants).iter_rows()
    for (person, start, end, channel, purpose, tags, programme), when in zip(rows, days, strict=True):
        sends[person].append(Send(start, end, channel, purpose, tags=tags, programme=programme, days=when))
    return sends
