"""Identity: source records become people."""

from assets.steps import CheckOutcome, Expectation, Night, Step, StepOutput, row_count
from pipelines.contracts.tables import CONTACT_POINTS, CUSTOMER_LINKS, CUSTOMERS, PROFILES
from pipelines.identity.resolution import resolve_identities

NO_RECORD_LOST = Expectation(
    name="no_record_lost",
    table=CUSTOMER_LINKS,
    description="Every source record is linked to exactly one person.",
)


def link_people(night: Night) -> StepOutput:
    customers = night.read(CUSTOMERS)
    tables = resolve_identities(
        customers, night.earlier(CUSTOMER_LINKS), night=night.on, workspace=night.workspace
    )
    record_count, link_count = row_count(customers), row_count(tables.customer_links)
    return StepOutput(
        frames={
            CUSTOMER_LINKS: tables.customer_links,
            PROFILES: tables.profiles,
            CONTACT_POINTS: tables.contact_points,
        },
        verdicts={
            NO_RECORD_LOST.name: CheckOutcome(
                is_held=record_count == link_count, facts={"records": record_count, "links": link_count}
            )
        },
    )


STEPS = (
    Step(
        name="identity",
        compute=link_people,
        reads=(CUSTOMERS,),
        continues=(CUSTOMER_LINKS,),
        publishes=(CUSTOMER_LINKS, PROFILES, CONTACT_POINTS),
        expectations=(NO_RECORD_LOST,),
    ),
)
