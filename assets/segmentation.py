"""Segmentation: who belongs where, since when."""

import dagster as dg
import polars as pl

from assets import plots
from assets.steps import CheckOutcome, Expectation, Night, Step, StepOutput
from pipelines.contracts.segment_tables import CLUSTERS, LOOKALIKES, MEMBERSHIP_CHANGES, SEGMENT_OVERLAPS
from pipelines.contracts.settings.segments import segment_names
from pipelines.contracts.source_tables import EVENTS, MESSAGES, ORDERS, PRODUCTS
from pipelines.contracts.tables import (
    ACTIVITIES,
    CONTACTABILITY,
    CUSTOMER_FEATURES,
    CUSTOMER_LINKS,
    CUSTOMER_VALUE,
    MEMBERSHIPS,
    PURCHASE_LINES,
    PURCHASES,
    SEGMENT_SIZES,
    TRAITS,
)
from pipelines.segmentation.evaluation import evaluate_night
from pipelines.segmentation.memberships import tonights_changes, update_memberships
from pipelines.segmentation.overlaps import measure_overlaps
from pipelines.segmentation.sizes import measure_sizes

SIZES_ADD_UP = Expectation(
    name="sizes_add_up",
    table=SEGMENT_SIZES,
    description="Sizes are the numbers of open memberships.",
)
LEARNT_AS_CONFIGURED = Expectation(
    name="segments_are_learnt_as_configured",
    table=SEGMENT_SIZES,
    description="Clusters and lookalikes have enough people, and lookalikes are told better than by spend.",
    is_blocking=False,
)


def segment_people(night: Night) -> StepOutput:
    segments, workspace = night.config.enrichment.segments, night.workspace
    _, found = evaluate_night(
        night.read,
        segments=segments,
        last_clusters=night.earlier(CLUSTERS),
        config=night.config,
        as_of=night.as_of,
    )
    for warning in found.warnings:
        night.log.warning(warning)
    names = segment_names(segments)
    members = found.members.collect().lazy()
    memberships = update_memberships(night.earlier(MEMBERSHIPS), members, night=night.on).collect()
    sizes = measure_sizes(memberships.lazy(), segments=names, workspace=workspace, night=night.on).collect()
    open_count = memberships.filter(pl.col("left_on").is_null()).height
    counted = int(sizes["member_count"].sum())
    everyone = night.read(CUSTOMER_FEATURES)
    return StepOutput(
        frames={
            CLUSTERS: found.clusters,
            LOOKALIKES: found.lookalikes,
            MEMBERSHIPS: memberships,
            MEMBERSHIP_CHANGES: tonights_changes(memberships.lazy(), night=night.on),
            SEGMENT_SIZES: sizes,
            SEGMENT_OVERLAPS: measure_overlaps(members, everyone, segments=names, workspace=workspace),
        },
        verdicts={
            SIZES_ADD_UP.name: CheckOutcome(
                is_held=open_count == counted, facts={"open_memberships": open_count, "counted": counted}
            ),
            LEARNT_AS_CONFIGURED.name: CheckOutcome(
                is_held=not found.warnings, facts={"warnings": "; ".join(found.warnings)}
            ),
        },
        facts={SEGMENT_SIZES: {"segments": dg.MetadataValue.int(len(names))}},
    )


STEPS = (
    Step(
        name="segmentation",
        compute=segment_people,
        reads=(
            CUSTOMER_FEATURES,
            CUSTOMER_VALUE,
            TRAITS,
            CUSTOMER_LINKS,
            CONTACTABILITY,
            PURCHASES,
            PURCHASE_LINES,
            ACTIVITIES,
            ORDERS,
            EVENTS,
            MESSAGES,
            PRODUCTS,
        ),
        continues=(CLUSTERS, MEMBERSHIPS),
        publishes=(
            CLUSTERS,
            LOOKALIKES,
            MEMBERSHIPS,
            MEMBERSHIP_CHANGES,
            SEGMENT_SIZES,
            SEGMENT_OVERLAPS,
        ),
        expectations=(SIZES_ADD_UP, LEARNT_AS_CONFIGURED),
        plots={SEGMENT_SIZES: plots.segment_sizes},
    ),
)
