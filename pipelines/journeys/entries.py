"""Who comes into a journey tonight."""

from datetime import date

import polars as pl

from pipelines.contracts.codes import EnrolmentStatus, TransitionReason
from pipelines.expressions.digest import identifier
from pipelines.journeys.walking import IS_ACTIVE, STEP, WALK_COLUMNS, Path, arrival


def _newcomers(
    members: pl.LazyFrame,
    earlier: pl.LazyFrame,
    previous_sizes: pl.LazyFrame,
    path: Path,
    *,
    since: date,
) -> pl.LazyFrame:
    """People who joined the segment; at launch of journey or segment, what `initial` says about its members.

    When the segment was not known the night before, everyone in it is new to
    it, and nobody joined.
    """
    entry = path.journey.entry
    launch = earlier.select(is_launch=pl.len() == 0)
    known = previous_sizes.filter(pl.col("segment") == entry.segment).select(is_known=pl.len() > 0)
    joined = pl.col("is_known") & (pl.col("entered_on") > since)
    initial = (pl.col("is_launch") | ~pl.col("is_known")) & (entry.initial == "include")
    key = pl.lit("once") if entry.reentry == "once" else pl.col("entered_on").dt.to_string("%Y-%m-%d")
    return (
        members.join(launch, how="cross")
        .join(known, how="cross")
        .filter(joined | initial)
        .with_columns(journey=pl.lit(path.journey.name), entry_key=key)
        # The version is no part of the id: publishing a version enrols nobody again.
        .with_columns(
            enrolment_id=identifier(
                "enrolment",
                *(pl.col(name) for name in ("workspace_id", "journey", "customer_id", "entry_key")),
            )
        )
    )


def enter_people(
    walk: pl.LazyFrame,
    path: Path,
    *,
    members: pl.LazyFrame,
    earlier: pl.LazyFrame,
    previous_sizes: pl.LazyFrame,
    erased: pl.LazyFrame,
    since: date,
    birth: dict[str, pl.Expr],
) -> pl.LazyFrame:
    """The walk with tonight's new enrolments at the first node.

    Nobody is enrolled twice for one entry key, nor while still on the way.

    Args:
        walk: Enrolments on the way, after removals.
        path: Journey and night.
        members: Members of the entry segment tonight.
        earlier: All enrolments of the journey, ended ones too.
        previous_sizes: Segments known the night before.
        erased: People who must not come in.
        since: The latest earlier night; who joined after it joins now.
        birth: Columns that an enrolment keeps for life, besides its ids.
    """
    born = (
        _newcomers(members, earlier, previous_sizes, path, since=since)
        .join(erased, on="customer_id", how="anti")
        .join(earlier, on="enrolment_id", how="anti")
        .join(walk.filter(IS_ACTIVE), on="customer_id", how="anti")
        .with_columns(
            status=pl.lit(EnrolmentStatus.ACTIVE.value),
            entered_at=path.now,
            exit_reason=pl.lit(None, pl.String),
            pending_decision_id=pl.lit(None, pl.String),
            answer_detail=pl.lit(None, pl.String),
            resolved=pl.lit(None, STEP),
            removed=pl.lit(None, STEP),
            entered=pl.struct(
                from_node_id=pl.lit(None, pl.String),
                to_node_id=pl.lit(path.journey.nodes[0].id),
                occurred_at=path.now,
                reason=pl.lit(TransitionReason.ENTERED.value),
                detail=pl.lit(f"segment {path.journey.entry.segment}"),
            ),
            **birth,
            **arrival(path, 0, path.now),
        )
    )
    return pl.concat([walk.select(WALK_COLUMNS), born.select(WALK_COLUMNS)])
