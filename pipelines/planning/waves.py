"""Which wave of a campaign a person belongs to, and which waves have been let go by tonight."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

import polars as pl

from pipelines.contracts.codes import ContactReason
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.settings.waves import Waves
from pipelines.expressions.digest import digest
from pipelines.expressions.time import INSTANT

#: Resolution of shares: a bucket is a ten-thousandth of all people.
BUCKETS = 10_000
#: Verdicts on people who no longer want to hear, or whose mail came back.
_GONE = [reason.value for reason in (ContactReason.WITHDRAWN, ContactReason.DENIED, ContactReason.SUPPRESSED)]
STOPPED = "stop_above"


def waves_of(config: NightConfig) -> dict[str, Waves]:
    """Campaigns that go out in waves, by name."""
    campaigns = sorted(config.personalization.campaigns.items())
    return {name: campaign.waves for name, campaign in campaigns if campaign.waves is not None}


def wave_number(campaign: str, waves: Waves, workspace: str) -> pl.Expr:
    """Number of a person's wave, from 0."""
    drawn = digest(f"wave of {campaign} in {workspace}", pl.col("customer_id")) % BUCKETS
    bounds = [round(share * BUCKETS) for share in waves.shares[:-1]]
    return pl.sum_horizontal(pl.lit(0, pl.Int64), *((drawn >= bound).cast(pl.Int64) for bound in bounds))


def _released_count(waves: Waves, night: date) -> int:
    """Waves that the calendar lets go; tonight's plan goes out on the day after the night."""
    days = (night + timedelta(days=1) - waves.starts_on).days
    return 0 if days < 0 else 1 + days // waves.nights_per_wave


def _held_waves(
    messaged: pl.LazyFrame, contactability: pl.LazyFrame, numbers: Sequence[int], rate: float
) -> pl.LazyFrame:
    """`wave, is_held`: waves before which a larger share of the people messaged has left than is allowed.

    While nobody was messaged nobody has left.
    """
    reasons = contactability.select("customer_id", "purpose", "channel", "reason")
    people = (
        messaged.join(reasons, on=("customer_id", "purpose", "channel"), how="left")
        .group_by("customer_id", "own_wave")
        .agg(is_gone=pl.col("reason").is_in(_GONE).any())
    )
    return (
        people.join(pl.LazyFrame({"wave": numbers}, schema={"wave": pl.Int64}), how="cross")
        .filter(pl.col("own_wave") < pl.col("wave"))
        .group_by("wave")
        .agg(is_held=pl.col("is_gone").sum() > rate * pl.len())
    )


def _waves_of_campaign(
    campaign: str,
    waves: Waves,
    *,
    ledger: pl.LazyFrame,
    contactability: pl.LazyFrame,
    config: NightConfig,
    night: date,
) -> pl.LazyFrame:
    """`programme, wave, later_wave` of every wave; the last is null where the wave may go out."""
    released = _released_count(waves, night)
    numbers = range(len(waves.shares))
    rows = pl.LazyFrame(
        {
            "programme": [campaign] * len(numbers),
            "wave": list(numbers),
            "later_wave": [None if number < released else f"wave_{number + 1}" for number in numbers],
        },
        schema={"programme": pl.String, "wave": pl.Int64, "later_wave": pl.String},
    )
    if waves.stop_above is None:
        return rows
    start = datetime.combine(waves.starts_on, time(), config.workspace.zone)
    messaged = ledger.filter(
        pl.col("programme") == campaign, pl.col("sent_from") >= pl.lit(start).cast(INSTANT)
    ).with_columns(own_wave=wave_number(campaign, waves, config.workspace.workspace))
    held = _held_waves(messaged, contactability, list(numbers), waves.stop_above.unsubscribe_rate)
    # A wave that is held holds those behind it, however few people left of all of them together.
    is_held = pl.col("is_held").fill_null(value=False).cast(pl.Int8)
    stopped = pl.when(is_held.cum_max().over("programme", order_by="wave") > 0).then(pl.lit(STOPPED))
    return rows.join(held, on="wave", how="left").select(
        "programme", "wave", later_wave=pl.coalesce("later_wave", stopped)
    )


def with_waves(
    candidates: pl.LazyFrame,
    contactability: pl.LazyFrame,
    ledger: pl.LazyFrame | None,
    *,
    config: NightConfig,
    night: date,
) -> pl.LazyFrame:
    """Adds `later_wave`: the wave that a candidate has to wait for, or what holds it; else null.

    Raises:
        ValueError: A campaign has a rule when to stop, and there is no ledger to judge it by.
    """
    campaigns = waves_of(config)
    if not campaigns:
        return candidates.with_columns(later_wave=pl.lit(None, pl.String))
    if ledger is None:
        raise ValueError("waves are judged by the ledger of past messages, and there is none")
    known = pl.concat(
        _waves_of_campaign(
            name, waves, ledger=ledger, contactability=contactability, config=config, night=night
        )
        for name, waves in campaigns.items()
    )
    own = pl.coalesce(
        pl.when(pl.col("programme") == name).then(wave_number(name, waves, config.workspace.workspace))
        for name, waves in campaigns.items()
    )
    return (
        candidates.with_columns(wave=own)
        .join(known, on=("programme", "wave"), how="left", validate="m:1")
        .drop("wave")
    )
