"""How often links are right, by records of which somebody has written down who is who."""

from dataclasses import dataclass

import polars as pl

from pipelines.evaluation.clustering import compare_clusterings
from pipelines.identity.components import connected_components
from pipelines.identity.normalisation import RECORD

_OTHER = [f"other_{name}" for name in RECORD]
_PEOPLE, _PAIRS = [*RECORD, "person"], [*RECORD, *_OTHER, "is_same"]
_ANSWERS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class LabelError(ValueError):
    """The labels say nothing, or contradict each other."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Null where nothing was put together (precision) or nothing belongs together (recall)."""

    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkAccuracy:
    """How often links are right.

    Attributes:
        record_count: Labelled records that were linked.
        unknown_count: Labelled records that were not there.
        pairwise: Of all pairs of labelled records; where pairs were labelled, of these only.
        bcubed: Of the record's people, as a mean over records.
    """

    record_count: int
    unknown_count: int
    pairwise: Shares
    bcubed: Shares


def measure_links(labels: pl.DataFrame, links: pl.DataFrame) -> LinkAccuracy:
    """Compares the links of a night with labels.

    Collects one row: it is asked for by a person, not by the night.

    Args:
        labels: Text columns: source, customer_ref, person; or pairs with source, customer_ref,
            other_source, other_customer_ref, is_same, whose chains of `true` are people.
        links: source, customer_ref, customer_id.

    Raises:
        LabelError: The columns are not these, a cell is empty, or labels contradict each other.
    """
    pairs = _read_pairs(labels) if set(_PAIRS) <= set(labels.columns) else None
    people = _read_people(labels) if pairs is None else _people_of(pairs)
    linked = people.join(links.select(*RECORD, "customer_id"), on=RECORD)
    if linked.is_empty():
        sources = ", ".join(sorted(links["source"].unique())) or "none"
        raise LabelError(
            f"none of the {people.height} labelled records is linked on that night; its sources: {sources}"
        )
    compared = compare_clusterings(linked.lazy(), predicted="customer_id", truth="person").collect()
    pairwise, bcubed = (
        Shares(*(compared[f"{by}_{share}"].item() for share in ("precision", "recall", "f1")))
        for by in ("pairwise", "bcubed")
    )
    return LinkAccuracy(
        record_count=linked.height,
        unknown_count=people.height - linked.height,
        pairwise=pairwise if pairs is None else _shares_of_pairs(pairs, linked),
        bcubed=bcubed,
    )


def _read_people(labels: pl.DataFrame) -> pl.DataFrame:
    if missing := [name for name in _PEOPLE if name not in labels.columns]:
        raise LabelError(f"there is no column {', '.join(missing)}")
    people = _complete(labels.select(_PEOPLE)).unique()
    _refuse_first(people.filter(pl.struct(RECORD).is_duplicated()), "is labelled as two people")
    return people


def _read_pairs(labels: pl.DataFrame) -> pl.DataFrame:
    """Pairs with `is_same` as a truth value."""
    pairs = _complete(labels.select(_PAIRS))
    answer = (
        pl.col("is_same").str.to_lowercase().replace_strict(_ANSWERS, default=None, return_dtype=pl.Boolean)
    )
    answered = pairs.with_columns(answer.alias("is_same"))
    _refuse_first(
        answered.filter(pl.col("is_same").is_null()), "has an is_same that is neither true nor false"
    )
    return answered


def _complete(labels: pl.DataFrame) -> pl.DataFrame:
    trimmed = labels.with_columns(pl.all().str.strip_chars().replace("", None))
    holes = trimmed.with_row_index("line", offset=1).filter(pl.any_horizontal(pl.all().is_null()))
    if holes.height:
        raise LabelError(f"row {holes['line'].sort().to_list()[0]} below the header has an empty cell")
    return trimmed


def _refuse_first(rows: pl.DataFrame, what: str) -> None:
    if rows.height:
        first = rows.sort(RECORD).to_dicts()[0]
        raise LabelError(f"record {first['customer_ref']} of {first['source']} {what}")


def _people_of(pairs: pl.DataFrame) -> pl.DataFrame:
    """Records with the person that chains of pairs make of them: `source, customer_ref, person`."""
    ends = (
        pairs.select(RECORD),
        pairs.select(pl.col(other).alias(name) for name, other in zip(RECORD, _OTHER, strict=True)),
    )
    records = pl.concat(ends).unique().sort(RECORD).with_row_index("place")
    left, right = (end.join(records, on=RECORD, maintain_order="left")["place"] for end in ends)
    same = pairs["is_same"]
    labels = connected_components(records.height, *(side.filter(same).to_numpy() for side in (left, right)))
    people = records.with_columns(person=pl.Series(labels))
    is_broken = pl.Series(labels[left.to_numpy()] == labels[right.to_numpy()]) & ~same
    _refuse_first(pairs.filter(is_broken), "is labelled as another person than one that it is the same as")
    return people.select(_PEOPLE)


def _shares_of_pairs(pairs: pl.DataFrame, linked: pl.DataFrame) -> Shares:
    """Of the pairs whose two records are linked."""
    person = linked.select(*RECORD, "customer_id")
    judged = (
        pairs.join(person, on=RECORD)
        .join(person, left_on=_OTHER, right_on=RECORD, suffix="_other")
        .select("is_same", is_joined=pl.col("customer_id") == pl.col("customer_id_other"))
    )
    same, joined = judged.filter("is_same").height, judged.filter("is_joined").height
    right = judged.filter("is_same", "is_joined").height
    return Shares(_ratio(right, joined), _ratio(right, same), _ratio(2 * right, same + joined))


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
