"""Permission: who may be contacted, for what and where."""

import polars as pl

from assets.steps import CheckOutcome, Expectation, Night, Step, StepOutput
from pipelines.contracts.source_tables import CONSENTS, ERASURES, SUPPRESSIONS
from pipelines.contracts.tables import CONTACT_POINTS, CONTACTABILITY, CUSTOMER_LINKS
from pipelines.permission.contactability import decide_contactability

EVERYONE_HAS_A_VERDICT = Expectation(
    name="everyone_has_a_verdict",
    table=CONTACTABILITY,
    description="Each person has one verdict for each purpose and channel in use.",
)


def decide_permission(night: Night) -> StepOutput:
    catalogue = night.config.personalization.catalogue
    links = night.read(CUSTOMER_LINKS)
    purposes = sorted({template.purpose for template in catalogue.templates.values()})
    contactability = decide_contactability(
        links,
        night.read(CONTACT_POINTS),
        night.read(CONSENTS),
        night.read(SUPPRESSIONS),
        night.read(ERASURES),
        purposes=purposes,
        channels=sorted(catalogue.channels),
        workspace=night.workspace,
        as_of=night.as_of,
    ).collect()
    people = links.select(pl.col("customer_id").n_unique()).collect().item()
    expected = people * len(purposes) * len(catalogue.channels)
    return StepOutput(
        frames={CONTACTABILITY: contactability},
        verdicts={
            EVERYONE_HAS_A_VERDICT.name: CheckOutcome(
                is_held=contactability.height == expected,
                facts={"verdicts": contactability.height, "expected": expected},
            )
        },
    )


STEPS = (
    Step(
        name="permission",
        compute=decide_permission,
        reads=(CUSTOMER_LINKS, CONTACT_POINTS, CONSENTS, SUPPRESSIONS, ERASURES),
        publishes=(CONTACTABILITY,),
        expectations=(EVERYONE_HAS_A_VERDICT,),
    ),
)
