"""Past choices of the planning policy, with what they led to: rows for off-policy evaluation.

A choice counts when it was drawn, when nothing changed it afterwards, when its message,
if any, left, and when its outcome is known. What is left out is counted by reason. Choices that a limit
changed depend on what was drawn; leaving many out shows in importance weights
that do not average 1, which refuses a verdict.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from pipelines.contracts.codes import DecisionOutcome
from pipelines.contracts.control_codes import DecidedBy
from pipelines.contracts.off_policy import NO_SEND, LeftOut, LoggedAction, Reward
from pipelines.expressions.digest import digest, unit_interval
from pipelines.expressions.dispatching import night_of_message
from pipelines.expressions.time import local_date, whole_days_between

#: Published probabilities have nine decimals; what sums leave beyond is noise, and would look like a chance.
_DECIMALS = 9
_DECISION = ["decision_id", "decided_on"]
_OUTCOMES = {
    Reward.SPEND: pl.col("spend_amount").cast(pl.Float64),
    Reward.CONVERSION: pl.col("is_converted").cast(pl.Float64),
    Reward.ORDERS: pl.col("order_count").cast(pl.Float64),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedDecisions:
    """Choices that can be used, and a count of the others.

    Attributes:
        actions: As `LoggedAction`.
        left_out: `reason` and `choice_count`.
        undrawn: `decision_count`, in one row: decision points in which nothing was drawn, such as those of
            journeys, of people who are held out, or of a policy without exploration.
    """

    actions: pl.LazyFrame
    left_out: pl.LazyFrame
    undrawn: pl.LazyFrame


def outcome_rewards(decisions: pl.LazyFrame, outcomes: pl.LazyFrame, reward: Reward) -> pl.LazyFrame:
    """`decision_id`, `decided_on` and `reward` of decisions whose window is closed.

    A person's orders are the same for every programme, so each decision of a
    person and night has the same reward.
    """
    of_person = outcomes.group_by(decided_on="exposed_on", customer_id="customer_id").agg(
        reward=_OUTCOMES[reward].max()
    )
    return decisions.join(of_person, on=("decided_on", "customer_id"), how="inner", validate="m:1").select(
        *_DECISION, "reward"
    )


def click_rewards(
    decisions: pl.LazyFrame,
    plan: pl.LazyFrame,
    activities: pl.LazyFrame,
    *,
    event_types: Collection[str],
    window_days: int,
    last_night: date,
    time_zone: str,
) -> pl.LazyFrame:
    """`decision_id`, `decided_on`, `reward`: 1 where the message was answered in the window, else 0.

    Args:
        decisions: Decisions; those whose window is still open after `last_night` have no reward.
        plan: Messages of the same nights.
        activities: Events of known people; an answer carries the send id of the message.
        event_types: What counts as an answer.
        window_days: Local days after the night of the decision.
        last_night: Night up to which events are known.
        time_zone: Zone of the workspace, in which nights end.
    """
    closed = decisions.filter(pl.col("decided_on") <= last_night - timedelta(days=window_days))
    answers = activities.filter(
        pl.col("event_type").is_in(sorted(event_types)), pl.col("message_id").is_not_null()
    ).select("message_id", answered_on=local_date(pl.col("occurred_at"), time_zone))
    age = whole_days_between(pl.col("decided_on"), pl.col("answered_on"))
    answered = (
        plan.select("send_id", "decision_id", decided_on=night_of_message(time_zone))
        .join(closed.select(_DECISION), on=_DECISION, how="inner")
        .join(answers, left_on="send_id", right_on="message_id", how="inner")
        .filter(age.is_between(1, window_days))
        .select(*_DECISION, answered=pl.lit(1.0))
        .unique()
    )
    return closed.join(answered, on=_DECISION, how="left", validate="1:1").select(
        *_DECISION, reward=pl.col("answered").fill_null(0.0)
    )


def assemble_logged_decisions(
    decisions: pl.LazyFrame,
    candidates: pl.LazyFrame,
    rewards: pl.LazyFrame,
    unsent: pl.LazyFrame,
    *,
    programme: str | None = None,
) -> LoggedDecisions:
    """Logged choices with their actions, propensities and rewards.

    Args:
        decisions: Decisions of past nights.
        candidates: Their candidates.
        rewards: `decision_id`, `decided_on` and `reward` of decisions whose window is closed.
        unsent: `decision_id` and `decided_on` of decisions whose message never left.
        programme: The only programme to look at; a choice between programmes is left out with it.
    """
    drawn = _drawn(decisions, candidates, rewards, unsent)
    judged = _choices(drawn, programme)
    usable = judged.filter(pl.col("left_out").is_null()).select(
        "choice_id", "decided_on", "customer_id", "no_send_propensity", "taken_id", "reward"
    )
    undrawn = candidates.group_by(_DECISION).agg(is_drawn=pl.col("choice_id").is_not_null().any())
    return LoggedDecisions(
        actions=_actions(drawn, usable),
        left_out=judged.filter(pl.col("left_out").is_not_null())
        .group_by(reason="left_out")
        .agg(choice_count=pl.len().cast(pl.Int64)),
        undrawn=undrawn.select(decision_count=(~pl.col("is_drawn")).sum().cast(pl.Int64)),
    )


def sample_people(actions: pl.LazyFrame, *, most_choices: int, choice_count: int) -> pl.LazyFrame:
    """All choices of about so many people that `most_choices` are left; the same people on every machine."""
    if choice_count <= most_choices:
        return actions
    place = unit_interval(digest("sample for off-policy evaluation", pl.col("customer_id")))
    return actions.filter(place < most_choices / choice_count)


def _drawn(
    decisions: pl.LazyFrame, candidates: pl.LazyFrame, rewards: pl.LazyFrame, unsent: pl.LazyFrame
) -> pl.LazyFrame:
    """Candidates that were drawn from, with what their decision says and led to.

    A decision that is put off comes again under its id, on another night.
    """
    is_overridden = (pl.col("assigned_by") == DecidedBy.PERSON.value) | (
        pl.col("outcome") == DecisionOutcome.OVERRIDE.value
    )
    answers = decisions.select(
        *_DECISION, "programme", "chosen_candidate_id", "is_propensity_valid", is_overridden=is_overridden
    )
    never_left = unsent.with_columns(never_left=pl.lit(value=True))
    answers = answers.join(rewards, on=_DECISION, how="left", validate="1:1").join(
        never_left, on=_DECISION, how="left", validate="1:1"
    )
    return candidates.filter(pl.col("choice_id").is_not_null()).join(
        answers, on=_DECISION, how="inner", validate="m:1"
    )


def _choices(drawn: pl.LazyFrame, programme: str | None) -> pl.LazyFrame:
    """One row per choice: what was taken, the propensity of no send, and why the choice is left out."""
    is_taken = (pl.col("chosen_candidate_id") == pl.col("candidate_id")).fill_null(value=False)
    is_asked_for = (
        pl.col("programme").is_not_null() if programme is None else pl.col("programme") == programme
    )
    no_send = (1.0 - pl.col("probability").sort().sum()).clip(lower_bound=0.0).round(_DECIMALS)
    # What another decision of the choice chose outside of the choice would be a second answer.
    is_single = (is_taken.sum() == pl.col("chosen_candidate_id").drop_nulls().n_unique()) & (
        is_taken.sum() <= 1
    )
    choices = drawn.group_by("choice_id").agg(
        pl.col("decided_on", "customer_id").first(),
        pl.col("reward").max(),
        no_send_propensity=no_send,
        taken_id=pl.col("candidate_id").filter(is_taken).first(),
        taken_propensity=pl.col("probability").filter(is_taken).first(),
        is_whole=is_single & pl.col("is_propensity_valid").all(),
        is_overridden=pl.col("is_overridden").any(),
        is_unsent=pl.col("never_left").any(),
        is_asked_for=is_asked_for.all(),
    )
    has_chance = pl.coalesce("taken_propensity", "no_send_propensity") > 0
    return choices.with_columns(
        left_out=pl.when(~pl.col("is_asked_for"))
        .then(pl.lit(LeftOut.OTHER_PROGRAMME.value))
        .when("is_overridden")
        .then(pl.lit(LeftOut.OVERRIDDEN.value))
        .when(~pl.col("is_whole") | ~has_chance)
        .then(pl.lit(LeftOut.REPAIRED.value))
        .when("is_unsent")
        .then(pl.lit(LeftOut.UNSENT.value))
        .when(pl.col("reward").is_null())
        .then(pl.lit(LeftOut.NOT_CLOSED.value))
    )


def _actions(drawn: pl.LazyFrame, usable: pl.LazyFrame) -> pl.LazyFrame:
    kind = pl.concat_str("channel", "template_id", "offer_id", separator=" ", ignore_nulls=True)
    messages = (
        drawn.select(
            "choice_id", "score", "value", action_id="candidate_id", kind=kind, propensity="probability"
        )
        .join(usable, on="choice_id", how="inner", validate="m:1")
        .with_columns(is_taken=(pl.col("action_id") == pl.col("taken_id")).fill_null(value=False))
    )
    nothing = usable.with_columns(
        action_id=pl.lit(NO_SEND),
        kind=pl.lit(NO_SEND),
        score=pl.lit(0.0),
        value=pl.lit(0.0),
        propensity=pl.col("no_send_propensity"),
        is_taken=pl.col("taken_id").is_null(),
    )
    columns = LoggedAction.column_names()
    return pl.concat([messages.select(columns), nothing.select(columns)])
