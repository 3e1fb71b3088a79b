"""Who belongs where, since when, and what the segments that are learnt from behaviour are made of."""

import dataframely as dy

from pipelines.contracts.codes import MembershipChangeKind
from pipelines.contracts.columns import code, count, customer_id, estimate, rate, workspace_id


class Membership(dy.Schema):
    """One stay of a person in a segment; leaving and coming back makes a second row."""

    workspace_id = workspace_id()
    customer_id = customer_id()
    segment = dy.String(primary_key=True, min_length=1, description="Segment.")
    entered_on = dy.Date(primary_key=True, description="Night of entry.")
    left_on = dy.Date(nullable=True, description="Night of leaving; null while a member.")


class MembershipChange(dy.Schema):
    """Someone who entered or left a segment tonight; all nights together are a history of changes."""

    workspace_id = workspace_id()
    customer_id = customer_id()
    segment = dy.String(primary_key=True, min_length=1, description="Segment.")
    change = code(MembershipChangeKind, "`entered` or `left`.")
    entered_on = dy.Date(description="Night on which the stay began.")


class SegmentSize(dy.Schema):
    """Size and movement of a segment on a night."""

    workspace_id = workspace_id()
    segment = dy.String(primary_key=True, min_length=1, description="Segment.")
    member_count = count("Members.")
    entered_count = count("People who entered tonight.")
    left_count = count("People who left tonight.")


class SegmentOverlap(dy.Schema):
    """How much two segments have in common; every pair once, in the order of their names."""

    workspace_id = workspace_id()
    segment = dy.String(primary_key=True, min_length=1, description="First segment of the pair.")
    other_segment = dy.String(primary_key=True, min_length=1, description="Second segment of the pair.")
    member_count = count("Members of the first.")
    other_member_count = count("Members of the second.")
    both_count = count("People who are in both.")
    jaccard_rate = rate("People in both, as a share of those in either; null when nobody is.", nullable=True)
    lift = estimate(
        "How many times more often than by chance people are in both; null when one is empty.",
        nullable=True,
        minimum=0.0,
    )


class Cluster(dy.Schema):
    """A group of people with like behaviour."""

    workspace_id = workspace_id()
    clustering = dy.String(primary_key=True, min_length=1, description="Name that it is configured under.")
    cluster_number = dy.Int64(primary_key=True, min=1, description="Number, kept from night to night.")
    segment = dy.String(min_length=1, description="Segment that its people are members of.")
    member_count = count("People in it.")
    description = dy.String(description="What stands out against everyone, in words.")
    centre = dy.String(
        description="Its centre as JSON: by feature the typical value, the coordinate, and the distance "
        "from everyone's in standard deviations."
    )
    fitted_count = count("People that the centres were fitted on.")
    method = dy.String(min_length=1, description="How it was found.")
    note = dy.String(nullable=True, description="What was not as configured, in words.")


class LookalikeFit(dy.Schema):
    """How well people who are like a segment were told from others, and whether that is used."""

    workspace_id = workspace_id()
    segment = dy.String(primary_key=True, min_length=1, description="Segment of those who are alike.")
    seed_segment = dy.String(min_length=1, description="Segment that they are like.")
    seed_count = count("Members of that segment who are scored.")
    candidate_count = count("Others who are scored.")
    member_count = count("Others who are like them.")
    area_under_curve = rate("Of scores by models that had not seen the person; null without.", nullable=True)
    baseline_area_under_curve = rate("The same of ranking people by spend.", nullable=True)
    least_score = rate("Score of the last one who is taken.", nullable=True)
    is_used = dy.Bool(description="Whether it is better than its baseline; otherwise nobody is a member.")
    features = dy.String(description="What people are compared by, with the weight of each, as JSON.")
    note = dy.String(description="Verdict in words.")
