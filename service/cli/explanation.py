"""What is known of a person, what could have been sent on a night, what was, and why not the rest."""

from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter

from pipelines.contracts.codes import DecisionOutcome
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.tables import (
    CONTACTABILITY,
    CUSTOMER_FEATURES,
    CUSTOMER_LINKS,
    CUSTOMER_VALUE,
    DECISION_CANDIDATES,
    DECISIONS,
    DISPATCH_LOG,
    MEMBERSHIPS,
    PLAN,
    PRODUCT_AFFINITY,
    TRAITS,
)
from pipelines.contracts.texts import counted, money_in_words, outcome_in_words, reason_in_words
from service.cli.absence import why_in_no_programme
from service.cli.evidence import Evidence, Row

_STRONGEST_CATEGORIES = 3


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    lines: list[str]


def explain_person(evidence: Evidence, config: NightConfig) -> Iterator[Section]:
    """The sections of an explanation, in the order of the night."""
    currency = config.workspace.currency
    yield Section("Who", _who(evidence))
    yield Section("What is known", _known(evidence, currency))
    yield Section("May be contacted", _contactable(evidence))
    decisions = sorted(evidence.rows(DECISIONS, by="decision_id"), key=itemgetter("programme", "node_id"))
    candidates = evidence.rows(DECISION_CANDIDATES, by="candidate_id")
    if decisions:
        yield Section("What could have been sent", _candidates(candidates, decisions, currency))
        yield Section("What was decided", _decisions(decisions, candidates))
    else:
        yield Section("Not in any programme tonight", why_in_no_programme(evidence, config))
    yield Section("What was planned", _plan(evidence, config.workspace))
    yield Section("What was handed over", _dispatched(evidence))
    if evidence.missing:
        yield Section("Not published for this night", list(dict.fromkeys(evidence.missing)))


def _who(evidence: Evidence) -> list[str]:
    links = evidence.rows(CUSTOMER_LINKS, by="customer_ref")
    return [
        f"person {evidence.customer_id}",
        *(
            f"record {link['customer_ref']} of {link['source']}, linked by {link['method']} "
            f"on {link['linked_on']} (confidence {link['confidence']:.2f})"
            for link in links
        ),
    ]


def _known(evidence: Evidence, currency: str) -> list[str]:
    lines = [
        *_behaviour(evidence.row(CUSTOMER_FEATURES), currency),
        *_worth(evidence.row(CUSTOMER_VALUE), currency),
    ]
    affinities = evidence.rows(PRODUCT_AFFINITY, by="affinity_rank")[:_STRONGEST_CATEGORIES]
    if affinities:
        strongest = ", ".join(f"{row['category']} ({row['affinity_score']:.0%})" for row in affinities)
        lines.append(f"leans to {strongest}")
    stays = evidence.rows(MEMBERSHIPS, by="segment")
    current = [f"{stay['segment']} (since {stay['entered_on']})" for stay in stays if stay["left_on"] is None]
    lines.append(f"in segments {', '.join(current)}" if current else "in no segment")
    traits = [row for row in evidence.rows(TRAITS, by="trait") if row["value"] is not None]
    lines.extend(f"{row['trait']}: {row['value']} (confidence {row['confidence']:.2f})" for row in traits)
    return lines


def _behaviour(features: Row | None, currency: str) -> list[str]:
    if features is None:
        return ["no features"]
    if features["order_count"] == 0:
        return ["no order so far"]
    sentence = (
        f"{counted(features['order_count'], 'order')} for {features['spend_amount']:,.2f} {currency}, "
        f"{features['order_count_28d']:,} of them in the last 28 days; "
        f"last on {features['last_order_on']}, {_ago(features['recency_days'])}"
    )
    return [sentence]


def _ago(days: int) -> str:
    return f"{counted(days, 'day')} ago" if days else "the same day"


def _worth(value: Row | None, currency: str) -> list[str]:
    if value is None:
        return []
    sentence = (
        f"expected to spend {money_in_words(value['expected_spend_28d'], currency)} in 28 days "
        f"({value['method']} {value['model_version']}), "
        f"at least as much as {value['value_rank_rate']:.0%} of people"
    )
    return [sentence]


def _contactable(evidence: Evidence) -> list[str]:
    verdicts = evidence.rows(CONTACTABILITY, by="channel")
    return [
        f"{row['channel']} for {row['purpose']}: {'yes' if row['is_allowed'] else 'no'}, "
        f"{reason_in_words(row['reason'])}"
        for row in sorted(verdicts, key=lambda row: (row["purpose"], row["channel"]))
    ] or ["no verdict, so no"]


def _action(row: Row) -> str:
    offer = f" with offer {row['offer_id']}" if row["offer_id"] else ""
    return f"{row['channel']} {row['template_id']}{offer}"


def _programme(decision: Row) -> str:
    return f"{decision['programme']} (version {decision['programme_version']}) at {decision['node_id']}"


def _candidates(candidates: list[Row], decisions: list[Row], currency: str) -> list[str]:
    """Candidates below their programme, the most valuable first."""
    ranked = sorted(candidates, key=lambda row: (-row["value"], row["candidate_id"]))
    lines = []
    for decision in decisions:
        lines.append(f"{_programme(decision)}:")
        lines.extend(
            f"  {_action(row)}, worth {_worth_of(row, currency)}: "
            f"{outcome_in_words(row['outcome'], row['rule'])}{_chance(row)}"
            for row in ranked
            if row["decision_id"] == decision["decision_id"]
        )
    return lines


def _worth_of(candidate: Row, currency: str) -> str:
    """The value and, where the places that it takes have a price, what is left of it."""
    value, adjusted = (money_in_words(candidate[name], currency) for name in ("value", "adjusted_value"))
    return value if value == adjusted else f"{value}, {adjusted} after the price of its place"


def _chance(candidate: Row) -> str:
    """How likely it was; nothing where nothing was drawn."""
    chance = f" (drawn with probability {candidate['probability']:.3f})"
    return "" if candidate["choice_id"] is None else chance


def _decisions(decisions: list[Row], candidates: list[Row]) -> list[str]:
    actions = {row["candidate_id"]: _action(row) for row in candidates}
    return [
        f"{_programme(decision)}: {_verdict(decision, actions)}; candidates allowed to compete: "
        f"{decision['eligible_count']} of {decision['candidate_count']}; decided by the policy "
        f"{decision['assigned_by']}, guardrails version {decision['guardrails_version']}"
        for decision in decisions
    ]


def _verdict(decision: Row, actions: dict[str, str]) -> str:
    if decision["outcome"] == DecisionOutcome.PLANNED:
        chosen = actions.get(decision["chosen_candidate_id"], "an action")
        # A policy that draws nothing has nothing to say about chances.
        chance = f", with probability {decision['propensity']:.2f}" if decision["propensity"] < 1 else ""
        return f"{chosen}{chance}"
    winner = decision["winner_candidate_id"]
    took = f"; the place went to {actions.get(winner, 'a message to someone else')}" if winner else ""
    return f"nothing: {outcome_in_words(decision['outcome'], decision['rule'])}{took}"


def _plan(evidence: Evidence, workspace: WorkspaceSettings) -> list[str]:
    zone = workspace.zone
    return [
        f"{_action(row)} for {row['programme']}, between "
        f"{row['not_before'].astimezone(zone):%Y-%m-%d %H:%M} and "
        f"{row['not_after'].astimezone(zone):%Y-%m-%d %H:%M} {zone.key}, "
        f"cost {row['cost_amount']:,.2f} {workspace.currency} (send id {row['send_id']})"
        for row in evidence.rows(PLAN, by="not_before")
    ] or ["nothing"]


def _dispatched(evidence: Evidence) -> list[str]:
    return [
        f"send id {row['send_id']} on {row['channel']} to {row['destination']}: {row['status']}"
        + (f" ({row['reason']})" if row["reason"] else "")
        + (f", in batch {row['batch']}" if row["batch"] else "")
        for row in evidence.rows(DISPATCH_LOG, by="send_id")
    ] or ["nothing"]
