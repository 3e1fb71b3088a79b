"""`onward evaluate`: what another policy would have brought, from what was logged of the one that ran."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from pipelines.contracts.off_policy import BuiltInPolicy, LoggedAction, Reward
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.tables import (
    ACTIVITIES,
    DECISION_CANDIDATES,
    DECISIONS,
    DISPATCH_LOG,
    OUTCOMES,
    PLAN,
)
from pipelines.evaluation.off_policy.cross_fitting import (
    FOLDS,
    action_features,
    cross_fitted_rewards,
    fold_of,
)
from pipelines.evaluation.off_policy.draws import worst_misfit
from pipelines.evaluation.off_policy.estimators import SHRINKAGE, SWITCH_AT, PolicyEvaluation, evaluate_policy
from pipelines.evaluation.off_policy.rounds import rounds_from_actions
from pipelines.expressions.dispatching import unsent_decisions
from pipelines.measurement.candidate_policies import (
    given_policy_problems,
    with_built_in_policy,
    with_given_policy,
)
from pipelines.measurement.logged_decisions import (
    LoggedDecisions,
    assemble_logged_decisions,
    click_rewards,
    outcome_rewards,
    sample_people,
)
from resources.control.workspace.night import load_night
from resources.lake.view import LakeView
from service.cli.exit_codes import ExitCode
from service.cli.failures import CommandError
from service.cli.policy_report import (
    EvaluatedLog,
    describe_evaluation,
    describe_log,
    why_nothing_is_left,
)
from service.cli.session import WorkspaceOption, open_session

#: Nights that are looked at unless others are asked for.
_NIGHTS = 90
#: Choices that are evaluated unless more are asked for: intervals get no narrower in a way that matters.
_MOST_CHOICES = 200_000
_SALT = "off-policy evaluation"
_BUILT_IN = ", ".join(BuiltInPolicy)

PolicyArgument = Annotated[
    str,
    typer.Argument(
        metavar="POLICY",
        help=f"{_BUILT_IN}; or a CSV or Parquet file with candidate_id and probability.",
    ),
]
SinceOption = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help=f"First night; {_NIGHTS} nights before the last when not given."),
]
UntilOption = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last night; the latest when not given.")
]
RewardOption = Annotated[
    Reward, typer.Option(help="What a decision is judged by; all but clicks in the outcome window.")
]
ProgrammeOption = Annotated[str | None, typer.Option(help="Only choices of this campaign.")]
SwitchOption = Annotated[
    float, typer.Option("--switch-at", min=0, help="Weight above which Switch-DR trusts its model alone.")
]
ShrinkageOption = Annotated[
    float, typer.Option(min=0, help="Strength of DRos; the smaller, the less weight.")
]
ChoicesOption = Annotated[
    int, typer.Option(min=1, help="About how many choices at most; of more a sample of people is taken.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What a call asks for."""

    policy: str
    reward: Reward
    programme: str | None
    since: date
    until: date


def evaluate(  # noqa: PLR0913  the options of a command
    policy: PolicyArgument,
    since: SinceOption = None,
    until: UntilOption = None,
    workspace: WorkspaceOption = None,
    *,
    reward: RewardOption = Reward.SPEND,
    programme: ProgrammeOption = None,
    switch_at: SwitchOption = SWITCH_AT,
    shrinkage: ShrinkageOption = SHRINKAGE,
    choices: ChoicesOption = _MOST_CHOICES,
) -> None:
    """Estimate what a policy would have brought, against the one that drew what was sent.

    Only choices that were drawn with a known probability say anything about
    other policies. A verdict is refused where they say too little.
    """
    session = open_session(workspace)
    lake = session.home.lake(session.workspace_id).pinned()
    first, last = _nights(lake, since, until)
    asked = _Asked(policy=policy, reward=reward, programme=programme, since=first, until=last)
    config = load_night(session.home.configs(session.workspace_id), asked.until)
    logged = _logged(lake, asked, config)
    count, left_out, undrawn = pl.collect_all(
        [logged.actions.select(pl.col("is_taken").sum()), logged.left_out, logged.undrawn]
    )
    actions = sample_people(logged.actions, most_choices=choices, choice_count=count.item() or 0).collect()
    log = EvaluatedLog(
        first_night=asked.since,
        last_night=asked.until,
        reward=reward,
        window_days=config.guardrails.outcome_window_days,
        currency=config.workspace.currency,
        left_out=dict(left_out.iter_rows()),
        undrawn=int(undrawn.item() or 0),
        usable=int(count.item() or 0),
    )
    compared = _with_policy(asked, actions, log)
    session.print(f"Policy {policy} against the logged one of {session.workspace_id}", style="bold")
    for line in describe_log(log, compared, sampled=actions["choice_id"].n_unique()):
        session.print(line)
    evaluation = _evaluate(compared, switch_at=switch_at, shrinkage=shrinkage)
    for line in describe_evaluation(evaluation):
        session.print(line)


def _nights(lake: LakeView, since: datetime | None, until: datetime | None) -> tuple[date, date]:
    """First and last night to look at; CommandError where there are none."""
    latest = lake.find_latest(DECISIONS, before=date.max)
    if latest is None:
        raise CommandError(
            "NO_NIGHT_YET",
            "no night has decided anything yet",
            "run nights first: onward run --date DATE",
            exit_code=ExitCode.USAGE,
        )
    last = latest.partition if until is None else until.date()
    first = last - timedelta(days=_NIGHTS) if since is None else since.date()
    if first > last:
        raise CommandError(
            "NIGHTS_NOT_USABLE",
            f"the first night {first} lies after the last {last}",
            "give an earlier --since or a later --until",
            exit_code=ExitCode.USAGE,
        )
    return first, last


def _logged(lake: LakeView, asked: _Asked, config: NightConfig) -> LoggedDecisions:
    after = asked.until + timedelta(days=1)
    decisions = lake.scan_history(DECISIONS, since=asked.since, until=after)
    plan = lake.scan_history(PLAN, since=asked.since, until=after)
    zone = config.workspace.time_zone
    if asked.reward is Reward.CLICKS:
        known = lake.find_latest(ACTIVITIES, before=date.max)
        rewards = click_rewards(
            decisions,
            plan,
            lake.scan_latest(ACTIVITIES, before=date.max),
            event_types=config.personalization.learning.response_events,
            window_days=config.guardrails.outcome_window_days,
            last_night=asked.since if known is None else known.partition,
            time_zone=zone,
        )
    else:
        outcomes = lake.scan_history(OUTCOMES, since=asked.since, until=date.max)
        rewards = outcome_rewards(decisions, outcomes, asked.reward)
    return assemble_logged_decisions(
        decisions,
        lake.scan_history(DECISION_CANDIDATES, since=asked.since, until=after),
        rewards,
        unsent_decisions(
            plan, lake.scan_history(DISPATCH_LOG, since=asked.since, until=after), time_zone=zone
        ),
        programme=asked.programme,
    )


def _with_policy(asked: _Asked, actions: pl.DataFrame, log: EvaluatedLog) -> pl.DataFrame:
    """Actions with the policy's probabilities, in the order of their ids; refused when there are none."""
    LoggedAction.validate(actions)
    if asked.policy in list(BuiltInPolicy):
        compared = with_built_in_policy(actions.lazy(), BuiltInPolicy(asked.policy))
    else:
        given = _read(Path(asked.policy))
        _refuse_problems(asked.policy, given_policy_problems(actions.lazy(), given.lazy()).collect())
        compared = with_given_policy(actions.lazy(), given.lazy())
    found = compared.sort("choice_id", "action_id").collect()
    if found.is_empty():
        raise CommandError(
            "NOTHING_LOGGED",
            f"no choice of the nights {asked.since} to {asked.until} can be used: "
            + "; ".join(why_nothing_is_left(log, is_unnamed=not actions.is_empty())),
            "run more nights with exploration, or ask for other nights with --since and --until",
            exit_code=ExitCode.USAGE,
        )
    return found


def _read(file: Path) -> pl.DataFrame:
    """`candidate_id` and `probability`; other columns are ignored."""
    if not file.is_file():
        raise _not_usable(f"there is no policy and no file {file}")
    try:
        read = pl.read_parquet(file) if file.suffix == ".parquet" else pl.read_csv(file)
        return read.select(pl.col("candidate_id").cast(pl.String), pl.col("probability").cast(pl.Float64))
    except (OSError, pl.exceptions.PolarsError) as problem:
        raise _not_usable(f"{file} cannot be read as a policy: {type(problem).__name__}") from problem


def _refuse_problems(policy: str, problems: pl.DataFrame) -> None:
    words = {
        "broken_count": "rows have a probability that is not between 0 and 1",
        "repeated_count": "candidates are named twice",
        "unknown_count": "candidates with a chance are in no usable choice of these nights",
        "exceeding_count": "choices have probabilities above 1 in all",
    }
    found = [f"{problems[name].item():,} {what}" for name, what in words.items() if problems[name].item()]
    if found:
        raise _not_usable(f"{policy}: {'; '.join(found)}")


def _not_usable(what: str) -> CommandError:
    return CommandError(
        "POLICY_NOT_USABLE",
        what,
        f"name one of {_BUILT_IN}; or a .csv or .parquet file with the columns candidate_id and probability, "
        "of candidates in planning/decision_candidates that have a choice_id",
        exit_code=ExitCode.USAGE,
    )


def _evaluate(actions: pl.DataFrame, *, switch_at: float, shrinkage: float) -> PolicyEvaluation:
    predicted = cross_fitted_rewards(
        action_features(actions, numbers=["score", "value"], kinds="kind"),
        actions["reward"].to_numpy(),
        actions["is_taken"].to_numpy(),
        fold_of(actions["customer_id"], folds=FOLDS, salt=_SALT),
    )
    rounds = rounds_from_actions(actions.rename({"choice_id": "decision_id"}), predicted)
    return evaluate_policy(
        rounds, salt=_SALT, switch_at=switch_at, shrinkage=shrinkage, misfit=worst_misfit(actions)
    )
