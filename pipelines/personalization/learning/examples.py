"""Training examples: past choices of a campaign, what was known, and what came of them.

A choice counts when it was drawn, when nothing changed it afterwards, when no person
overrode it, and when its message, if any, left. Only what could be drawn is an alternative. Where campaigns
compete for a person, nothing at all is what a message is compared with; a
message of another campaign is neither.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from pipelines.contracts.codes import DecisionOutcome
from pipelines.contracts.control_codes import DecidedBy
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.expressions.digest import digest, unit_interval
from pipelines.expressions.money import MINOR_PER_MAJOR, to_minor
from pipelines.expressions.time import local_date, whole_days_between
from pipelines.personalization.learning.arrays import ELSEWHERE, NO_SEND, Action, Bools, Examples, Floats
from pipelines.personalization.learning.declared import DeclaredPriors
from pipelines.personalization.learning.knowledge import knowledge_of
from pipelines.personalization.learning.rewards import CONVERSION

#: Published probabilities have nine decimals; what sums leave beyond is noise.
DECIMALS = 9
_NIGHT = ["customer_id", "decided_on"]
_DECISION = ["decision_id", "decided_on"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """Logged nights, and what happened since.

    Attributes:
        decisions: Decisions of past nights, with `candidates`, `plan` and `dispatch_log` of the same.
        people: Contexts of the same nights, with `channels` and `offers`.
        activities: All events so far; `purchases` likewise.
    """

    decisions: pl.LazyFrame
    candidates: pl.LazyFrame
    plan: pl.LazyFrame
    dispatch_log: pl.LazyFrame
    people: pl.LazyFrame
    channels: pl.LazyFrame
    offers: pl.LazyFrame
    activities: pl.LazyFrame
    purchases: pl.LazyFrame


def sampled(past: Past, share: float) -> Past:
    """Decisions of a share of people and nights, by a digest."""
    taken = unit_interval(digest("sample of decisions", pl.col("customer_id"), pl.col("decided_on"))) < share
    return Past(
        decisions=past.decisions.filter(taken),
        candidates=past.candidates.filter(taken),
        plan=past.plan,
        dispatch_log=past.dispatch_log,
        people=past.people.filter(taken),
        channels=past.channels.filter(taken),
        offers=past.offers.filter(taken),
        activities=past.activities,
        purchases=past.purchases,
    )


def drawn_candidates(decisions: pl.LazyFrame, candidates: pl.LazyFrame, unsent: pl.LazyFrame) -> pl.LazyFrame:
    """Candidates with a chance, of usable choices: with `programme`, `is_taken`, `no_send_propensity`.

    Args:
        decisions: Of past nights.
        candidates: Of the same.
        unsent: `decision_id, decided_on` of decisions whose message never left.
    """
    is_overridden = (pl.col("assigned_by") == DecidedBy.PERSON.value) | (
        pl.col("outcome") == DecisionOutcome.OVERRIDE.value
    )
    never_left = unsent.with_columns(never_left=pl.lit(value=True))
    answers = decisions.join(never_left, on=_DECISION, how="left", validate="m:1").select(
        *_DECISION, "programme", "chosen_candidate_id",
        is_usable=pl.col("is_propensity_valid") & ~is_overridden & pl.col("never_left").is_null(),
    )  # fmt: skip
    is_taken = (pl.col("chosen_candidate_id") == pl.col("candidate_id")).fill_null(value=False)
    drawn = (
        candidates.filter(pl.col("choice_id").is_not_null())
        # A decision that is put off comes again under its id.
        .join(answers, on=_DECISION, how="inner", validate="m:1")
        .with_columns(is_taken=is_taken)
    )
    no_send = (1.0 - pl.col("probability").sort().sum()).clip(lower_bound=0.0).round(DECIMALS)
    # What another decision of the choice sent outside of the choice would be a second answer.
    sent = pl.col("chosen_candidate_id").drop_nulls().n_unique()
    taken_propensity = pl.col("probability").filter("is_taken").first()
    choices = drawn.group_by("choice_id").agg(
        no_send_propensity=no_send,
        is_choice_taken=pl.col("is_taken").any(),
        is_usable=pl.col("is_usable").all()
        & (sent == pl.col("is_taken").sum())
        & (sent <= 1)
        & (pl.coalesce(taken_propensity, no_send) > 0),
    )
    return (
        drawn.drop("is_usable")
        .join(choices.filter("is_usable").drop("is_usable"), on="choice_id", how="inner", validate="m:1")
        .filter(pl.col("probability") > 0)
    )


def choices_of(drawn: pl.DataFrame, programme: str, actions: Sequence[Action]) -> pl.DataFrame:
    """One row per choice with an action of the campaign: what was chosen, with which propensity.

    `eligible` lists the numbers of the actions that had a chance. Sorted by night and person.
    """
    numbers = pl.DataFrame(
        [
            (number, action.template_id, action.offer_id, action.channel)
            for number, action in enumerate(actions)
        ],
        schema={"action": pl.Int64, "template_id": pl.String, "offer_id": pl.String, "channel": pl.String},
        orient="row",
    )
    own = drawn.filter(pl.col("programme") == programme).join(
        numbers, on=["template_id", "offer_id", "channel"], how="inner", validate="m:1"
    )
    taken = pl.col("is_taken")
    return (
        own.group_by("choice_id")
        .agg(
            pl.col("decided_on", "customer_id", "no_send_propensity", "is_choice_taken").first(),
            decision_id=pl.col("decision_id").min(),
            eligible=pl.col("action").sort(),
            action=pl.col("action").filter(taken).first(),
            taken_propensity=pl.col("probability").filter(taken).first(),
        )
        .with_columns(
            chosen=pl.coalesce("action", pl.when("is_choice_taken").then(ELSEWHERE).otherwise(NO_SEND)),
            propensity=pl.coalesce(
                "taken_propensity", pl.when("is_choice_taken").then(1.0).otherwise("no_send_propensity")
            ),
        )
        .sort("decided_on", "customer_id", "choice_id")
    )


def event_delays(
    choices: pl.LazyFrame,
    plan: pl.LazyFrame,
    activities: pl.LazyFrame,
    kinds: dict[str, Sequence[str]],
    *,
    workspace: WorkspaceSettings,
) -> pl.LazyFrame:
    """`decision_id, outcome, delay`: nights until the first event of each kind that names the message."""
    types = {event_type: kind for kind, event_types in kinds.items() for event_type in event_types}
    events = activities.filter(
        pl.col("event_type").is_in(sorted(types)), pl.col("message_id").is_not_null()
    ).select(
        "message_id",
        outcome=pl.col("event_type").replace_strict(types, return_dtype=pl.String),
        happened_on=local_date(pl.col("occurred_at"), workspace.time_zone),
    )
    delay = whole_days_between(pl.col("decided_on"), pl.col("happened_on"))
    return (
        plan.select("send_id", "decision_id")
        .join(choices.select("decision_id", "decided_on"), on="decision_id", how="inner")
        .join(events, left_on="send_id", right_on="message_id", how="inner")
        .filter(delay >= 1)
        .group_by("decision_id", "outcome")
        .agg(delay=delay.min())
    )


def conversions(
    choices: pl.LazyFrame, purchases: pl.LazyFrame, *, window_days: int, workspace: WorkspaceSettings
) -> pl.LazyFrame:
    """`customer_id, decided_on, delay, spend`: first order and net spend of the window after each night.

    A return is no conversion, but lowers the spend.
    """
    nights = choices.select("customer_id", "decided_on").unique()
    ordered_on = local_date(pl.col("ordered_at"), workspace.time_zone)
    orders = purchases.select("customer_id", "net_amount", ordered_on=ordered_on)
    delay = whole_days_between(pl.col("decided_on"), pl.col("ordered_on"))
    return (
        nights.join(orders, on="customer_id", how="inner")
        .filter(
            pl.col("ordered_on") > pl.col("decided_on"),
            pl.col("ordered_on") <= pl.col("decided_on") + timedelta(days=window_days),
        )
        .group_by("customer_id", "decided_on")
        .agg(
            delay=delay.filter(pl.col("net_amount") >= 0).min(),
            spend=to_minor(pl.col("net_amount")).sum() / MINOR_PER_MAJOR,
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What came of choices, collected."""

    delays: pl.DataFrame
    conversions: pl.DataFrame
    people: pl.DataFrame
    channels: pl.DataFrame
    offers: pl.DataFrame


def assemble_examples(
    choices: pl.DataFrame,
    results: Results,
    actions: Sequence[Action],
    outcomes: Sequence[str],
    *,
    declared: DeclaredPriors,
    night: date,
) -> Examples:
    """Arrays of the choices whose context was logged.

    Args:
        choices: Of `choices_of`.
        results: What came of them.
        actions: Sorted; what `choices` means by numbers.
        outcomes: Kinds of events; conversions come on top.
        declared: Priors of the campaign.
        night: Tonight.
    """
    choices = choices.join(results.people, on=_NIGHT, how="semi", maintain_order="left")
    bought = choices.join(results.conversions, on=_NIGHT, how="left", maintain_order="left", validate="m:1")
    delays = {name: _delays(choices, results.delays, name) for name in outcomes}
    delays[CONVERSION] = bought["delay"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    ages = choices.select(whole_days_between(pl.col("decided_on"), pl.lit(night))).to_series()
    offers = sorted({action.offer_id for action in actions})
    known = knowledge_of(choices, results.people, results.channels, results.offers, offers)
    return Examples(
        customers=choices["customer_id"].to_numpy(),
        ages=ages.to_numpy(),
        known=known,
        chosen=choices["chosen"].to_numpy(),
        propensity=choices["propensity"].to_numpy(),
        eligible=_eligible(choices, len(actions)),
        delays=delays,
        spend=bought["spend"].fill_null(0.0).to_numpy(),
        declared=declared.rates(known, actions),
        declared_worth=declared.worth(known, actions),
    )


def _delays(choices: pl.DataFrame, delays: pl.DataFrame, outcome: str) -> Floats:
    of_kind = delays.filter(pl.col("outcome") == outcome)
    joined = choices.join(of_kind, on="decision_id", how="left", maintain_order="left", validate="m:1")
    return joined["delay"].cast(pl.Float64).fill_null(np.nan).to_numpy()


def _eligible(choices: pl.DataFrame, count: int) -> Bools:
    mask = np.zeros((choices.height, count), np.bool_)
    listed = choices.select("eligible").with_row_index("row").explode("eligible")
    mask[listed["row"].to_numpy(), listed["eligible"].to_numpy()] = True
    return mask
