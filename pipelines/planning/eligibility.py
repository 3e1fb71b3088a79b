"""Who may get what, before any value is looked at: an ineligible candidate never competes.

Every test fails closed: a person without a verdict, a zone or an hour gets nothing.
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

from pipelines.contracts.codes import DecisionOutcome, PriorityClass
from pipelines.contracts.overrides import ActiveOverride
from pipelines.contracts.settings.guardrails import Holdout
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.settings.switches import KillSwitch
from pipelines.expressions.holdout import is_programme_holdout, is_universal_holdout
from pipelines.planning.overrides import apply_overrides
from pipelines.planning.waves import with_waves

_SWITCHED = {"channel": "channel", "product": "product", "campaign": "programme"}
#: Rule names of verdicts that no configured limit names.
PAUSED = "paused"
NO_VERDICT = "no_verdict"
UNIVERSAL = "universal"


def _first(*verdicts: pl.Expr) -> pl.Expr:
    """The first verdict that speaks; each is null where its rule does not apply."""
    return pl.coalesce(*verdicts, pl.lit(None, pl.String))


def switched_off_by(kill_switches: Sequence[KillSwitch], paused: frozenset[str]) -> pl.Expr:
    """Name of the switch that stops a candidate; null when none does."""
    verdicts = []
    for switch in kill_switches:
        hits = pl.lit(True) if switch.scope == "all" else pl.col(_SWITCHED[switch.scope]) == switch.value
        name = switch.scope if switch.value is None else f"{switch.scope}:{switch.value}"
        verdicts.append(pl.when(hits).then(pl.lit(name)))
    return _first(*verdicts, pl.when(pl.col("programme").is_in(sorted(paused))).then(pl.lit(PAUSED)))


def held_out_by(programmes: Sequence[str], *, workspace: str, holdout: Holdout) -> pl.Expr:
    """Name of the holdout that a candidate falls into: the universal one is about marketing only."""
    person = pl.col("customer_id")
    is_marketing = pl.col("priority_class") == PriorityClass.MARKETING.value
    universal = is_universal_holdout(person, workspace=workspace, holdout=holdout)
    verdicts = [
        pl.when(
            (pl.col("programme") == programme)
            & is_programme_holdout(person, workspace=workspace, programme=programme, holdout=holdout)
        ).then(pl.lit(programme))
        for programme in programmes
    ]
    return _first(pl.when(is_marketing & universal).then(pl.lit(UNIVERSAL)), *verdicts)


def _excluded_people(memberships: pl.LazyFrame, excluded: Sequence[str], night: date) -> pl.LazyFrame:
    return (
        memberships.filter(
            pl.col("segment").is_in(list(excluded)),
            pl.col("entered_on") <= night,
            pl.col("left_on").is_null() | (pl.col("left_on") > night),
        )
        .group_by("customer_id")
        .agg(excluded_by=pl.col("segment").min())
    )


def _rules(config: NightConfig, kill_switches: Sequence[KillSwitch]) -> dict[DecisionOutcome, pl.Expr]:
    """Name of the rule that refuses a candidate, by outcome, in the order in which they are tested."""
    holdout = config.guardrails.holdout
    refused = pl.when(~pl.col("is_allowed").fill_null(False)).then(
        pl.col("contact_reason").fill_null(NO_VERDICT)
    )
    return {
        DecisionOutcome.KILL_SWITCH: switched_off_by(kill_switches, config.paused),
        DecisionOutcome.OVERRIDE: pl.col("overridden_by"),
        DecisionOutcome.HOLDOUT: held_out_by(
            sorted(holdout.programmes), workspace=config.workspace.workspace, holdout=holdout
        ),
        DecisionOutcome.NOT_CONTACTABLE: refused,
        DecisionOutcome.EXCLUDED_SEGMENT: pl.when(~pl.col("is_forced")).then(pl.col("excluded_by")),
        DecisionOutcome.LATER_WAVE: pl.col("later_wave"),
    }


def judge_candidates(
    candidates: pl.LazyFrame,
    contactability: pl.LazyFrame,
    memberships: pl.LazyFrame,
    *,
    config: NightConfig,
    kill_switches: Sequence[KillSwitch],
    night: date,
    overrides: pl.LazyFrame | None = None,
    ledger: pl.LazyFrame | None = None,
) -> pl.LazyFrame:
    """Adds `outcome` and `rule` of the first rule that refuses a candidate; null for those that may go on.

    And `is_forced`: whether a person forced it in, by the `overrides` of the night.
    Campaigns in waves are judged by the `ledger`.
    """
    forced = ActiveOverride.create_empty(lazy=True) if overrides is None else overrides
    keys = ("customer_id", "purpose", "channel")
    verdicts = contactability.select(*keys, "is_allowed", contact_reason="reason")
    excluded = _excluded_people(memberships, config.guardrails.excluded_segments, night)
    refusals = {
        f"refused_by_{outcome.value}": (outcome.value, rule)
        for outcome, rule in _rules(config, kill_switches).items()
    }
    outcomes = [
        pl.when(pl.col(name).is_not_null()).then(pl.lit(outcome)) for name, (outcome, _) in refusals.items()
    ]
    return (
        apply_overrides(candidates, forced)
        .pipe(with_waves, contactability, ledger, config=config, night=night)
        .join(verdicts, on=keys, how="left", validate="m:1")
        .join(excluded, on="customer_id", how="left", validate="m:1")
        .with_columns(**{name: rule for name, (_, rule) in refusals.items()})
        .with_columns(outcome=pl.coalesce(*outcomes), rule=pl.coalesce(*refusals))
        .drop("is_allowed", "contact_reason", "excluded_by", "overridden_by", "later_wave", *refusals)
    )
