"""Tables about segments as such: how they move, what they share, and what the learnt ones are made of."""

from pipelines.contracts import segmentation
from pipelines.contracts.declaring import numbers_reported, people_nightly_reported

CLUSTERS = numbers_reported(
    "segmentation",
    "clusters",
    segmentation.Cluster,
    "One row per cluster of people with like behaviour.",
)
LOOKALIKES = numbers_reported(
    "segmentation",
    "lookalikes",
    segmentation.LookalikeFit,
    "One row per segment of people who are like others, with how well they are told.",
)
MEMBERSHIP_CHANGES = people_nightly_reported(
    "segmentation",
    "membership_changes",
    segmentation.MembershipChange,
    "One row per person and segment that they entered or left tonight.",
)
SEGMENT_OVERLAPS = numbers_reported(
    "segmentation",
    "segment_overlaps",
    segmentation.SegmentOverlap,
    "One row per pair of segments, with what they have in common.",
)
