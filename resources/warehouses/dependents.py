"""What stops working without a source column, so that an error can say it: stages, and programmes by name."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from pipelines.contracts.settings.connector import table_of
from pipelines.contracts.settings.night import WorkspaceConfig
from pipelines.contracts.settings.segments import names_of
from resources.warehouses.base import SourceProblem
from resources.warehouses.lineage import ADDRESSES, Column, columns_of, segments_of

_BY_TABLE = {
    "customers": "identity and every stage after it",
    "orders": "enrichment (features, value), journeys, sequencing and measurement",
    "order_lines": "enrichment (category affinity)",
    "products": "enrichment (category affinity) and personalization",
    "events": "enrichment (features, send times)",
    "messages": "planning (frequency caps) and sequencing (fatigue)",
    "campaigns": "reports by campaign",
    "campaign_members": "measurement by campaign",
    "consents": "permission, and with it every message",
    "suppressions": "permission, and with it every message",
    "erasures": "identity and permission, and with them every message",
    "costs": "reports by channel",
}
_BY_COLUMN = {
    ("customers", "email"): "identity (linking) and contact points of channel email",
    ("customers", "phone"): "identity (linking) and contact points of channel sms",
    ("customers", "street"): "contact points of channel post",
    ("customers", "city"): "contact points of channel post",
    ("customers", "postcode"): "contact points of channel post",
    ("customers", "time_zone"): "enrichment (send times) and planning (quiet hours)",
    ("customers", "birth_date"): "identity (people who share an address)",
    ("customers", "attributes"): "enrichment (traits) and the segments that use them",
    ("orders", "discount_amount"): "enrichment (discount rate)",
}
#: Problems of a column that was there when the workspace was written.
_OF_DRIFT = frozenset({"missing_column", "type_does_not_fit"})
_MOST_NAMED = 10


def dependents_of(source: str, column: str) -> str:
    """Stages and outputs that read a contract column."""
    return _BY_COLUMN.get((source, column), _BY_TABLE[source])


def name_dependents(problems: Iterable[SourceProblem], config: WorkspaceConfig) -> list[SourceProblem]:
    """The same problems; those of a column name the segments and programmes that cannot do without it."""
    return [_named(problem, config) for problem in problems]


def _named(problem: SourceProblem, config: WorkspaceConfig) -> SourceProblem:
    if problem.code not in _OF_DRIFT or problem.column is None:
        return problem
    lists = find_dependents((table_of(problem.source).name, problem.column), config)
    named = "; ".join(f"{kind} {_listed(names)}" for kind, names in lists.items() if names)
    return replace(problem, what=f"{problem.what} It is used by {named}.") if named else problem


def _listed(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def find_dependents(column: Column, config: WorkspaceConfig) -> dict[str, list[str]]:
    """Names of segments, journeys, sequences and campaigns that rest on a column, directly or not."""
    segments = _segments_on(column, config)
    templates = {
        name
        for name, template in config.personalization.catalogue.templates.items()
        if column in ADDRESSES.get(template.channel, frozenset())
    }
    used: Mapping[str, Iterator[tuple[str, set[str], set[str]]]] = {
        "journeys": _journeys(config),
        "sequences": _sequences(config),
        "campaigns": _campaigns(config),
    }
    programmes = {
        kind: sorted(name for name, members, sent in found if members & segments or sent & templates)
        for kind, found in used.items()
    }
    return {"segments": sorted(segments), **programmes}


def _segments_on(column: Column, config: WorkspaceConfig) -> set[str]:
    """Segments whose definition needs a column, or names a segment that does."""
    definitions = config.enrichment.segments
    members = {name: set(names_of(name, one)) | {name} for name, one in definitions.items()}
    found = {name for name, one in definitions.items() if column in columns_of(one)}
    while True:
        reached = {member for name in found for member in members[name]}
        more = {
            name for name, one in definitions.items() if name not in found and reached & {*segments_of(one)}
        }
        if not more:
            return {member for name in found for member in names_of(name, definitions[name])}
        found |= more


def _journeys(config: WorkspaceConfig) -> Iterator[tuple[str, set[str], set[str]]]:
    """Name, segments and templates."""
    for name, journey in config.journeys.items():
        sent = {node.message.template for node in journey.nodes if node.message is not None}
        yield name, {journey.entry.segment}, sent


def _sequences(config: WorkspaceConfig) -> Iterator[tuple[str, set[str], set[str]]]:
    for name, sequence in config.sequences.items():
        yield name, {sequence.segment}, {step.template for step in sequence.steps}


def _campaigns(config: WorkspaceConfig) -> Iterator[tuple[str, set[str], set[str]]]:
    """Who is addressed, and whom its offers are for."""
    offers = config.personalization.catalogue.offers
    for name, campaign in config.personalization.campaigns.items():
        terms = [offers[offer].eligibility for offer in campaign.offers if offer in offers]
        asked = {segment for one in terms for segment in (*one.segments, *one.excluded_segments)}
        audience = set() if campaign.audience is None else {campaign.audience}
        yield name, audience | asked, set(campaign.templates)
