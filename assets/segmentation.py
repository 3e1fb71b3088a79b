"""Segmentation: who belongs where, since when."""

import polars as pl

from assets import plots
from assets.steps import CheckOutcome, Expectation, Night, Step, StepOutput
from pipelines.contracts.tables import CUSTOMER_FEATURES, CUSTOMER_VALUE, MEMBERSHIPS, SEGMENT_SIZES, TRAITS
from pipelines.segmentation.memberships import update_memberships
from pipelines.segmentation.rules import evaluate_segments
from pipelines.segmentation.sizes import measure_sizes

SIZES_ADD_UP = Expectation(
    name="sizes_add_up",
    table=SEGMENT_SIZES,
    description="Sizes are the numbers of open memberships.",
)


def segment_people(night: Night) -> StepOutput:
    segments = night.config.enrichment.segments
    members = evaluate_segments(
        night.read(CUSTOMER_FEATURES),
        night.read(CUSTOMER_VALUE),
        night.read(TRAITS),
        segments=segments,
        workspace=night.workspace,
    )
    memberships = update_memberships(night.earlier(MEMBERSHIPS), members, night=night.on).collect()
    sizes = measure_sizes(
        memberships.lazy(), segments=segments, workspace=night.workspace, night=night.on
    ).collect()
    open_count = memberships.filter(pl.col("left_on").is_null()).height
    counted = int(sizes["member_count"].sum())
    return StepOutput(
        frames={MEMBERSHIPS: memberships, SEGMENT_SIZES: sizes},
        verdicts={
            SIZES_ADD_UP.name: CheckOutcome(
                is_held=open_count == counted, facts={"open_memberships": open_count, "counted": counted}
            )
        },
    )


STEPS = (
    Step(
        name="segmentation",
        compute=segment_people,
        reads=(CUSTOMER_FEATURES, CUSTOMER_VALUE, TRAITS),
        continues=(MEMBERSHIPS,),
        publishes=(MEMBERSHIPS, SEGMENT_SIZES),
        expectations=(SIZES_ADD_UP,),
        plots={SEGMENT_SIZES: plots.segment_sizes},
    ),
)
