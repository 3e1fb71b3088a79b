from datetime import date
from decimal import Decimal

import pytest

from pipelines.contracts import segment_tables, tables
from service.cli.exit_codes import ExitCode

NIGHT = date(2024, 3, 2)


def _features(customer_id, order_count):
    amounts = dict.fromkeys(("spend_amount", "spend_28d_amount", "spend_84d_amount"), Decimal(order_count))
    counts = dict.fromkeys(("order_count_28d", "order_count_84d", "category_count", "redemption_count"), 0)
    scores = {"rfm_recency_score": 1, "rfm_frequency_score": 1} if order_count else {}
    return {"customer_id": customer_id, "order_count": order_count, **amounts, **counts, **scores}


def _size(segment, members):
    return {"segment": segment, "member_count": members, "entered_count": 1, "left_count": 0}


@pytest.fixture
def published(publish):
    """Four people with one to three orders, or none; two of them stay in a segment."""
    publish(
        NIGHT,
        {
            tables.CUSTOMER_FEATURES: [_features(1, 0), _features(2, 1), _features(3, 2), _features(4, 3)],
            tables.TRAITS: [],
            tables.CONTACTABILITY: [],
            segment_tables.CLUSTERS: [],
        },
    )
    publish(NIGHT, {tables.CUSTOMER_VALUE: []})


@pytest.fixture
def members(publish):
    stays = [(3, "buyers", None), (4, "buyers", None), (4, "gone", NIGHT)]
    publish(
        NIGHT,
        {
            tables.MEMBERSHIPS: [
                {
                    "customer_id": person,
                    "segment": segment,
                    "entered_on": date(2024, 3, 1),
                    "left_on": left_on,
                }
                for person, segment, left_on in stays
            ],
            tables.SEGMENT_SIZES: [_size("buyers", 2)],
        },
    )


def _write(workspace, text):
    file = workspace.parent / "busy.yml"
    file.write_text(text)
    return file


RULE = "rule: {any: [{trait: order_count, at_least: 2}, {trait: value_tier, equals: high}]}\n"


@pytest.mark.usefixtures("published", "members")
def test_a_file_is_previewed_with_reasons_and_overlaps(onward, workspace):
    shown = onward("segments", "preview", _write(workspace, RULE), "-w", workspace)
    assert shown.code == ExitCode.OK, shown.err
    assert shown.out.splitlines() == [
        "busy, as of the night 2024-03-02",
        "  busy: 2 of 4 people (50.0%); not known of 2",
        "  Conditions, each by itself:",
        "    (1) order_count at least 2: yes 2, no 2",
        "    (2) value_tier high: yes 0, no 0, not known 4",
        "  Why people are in or out, the most frequent first:",
        "    2 people out, as it is not known: (1) no, (2) not known",
        "    2 people in: (1) yes, (2) not known",
        "  busy in common with other segments:",
        "    buyers: 2 (100%), Jaccard 1.00",
    ]


@pytest.mark.usefixtures("published")
def test_a_segment_of_the_workspace_is_previewed_by_name_before_any_is_published(onward, workspace):
    shown = onward("segments", "preview", "buyers", "-w", workspace, "--date", "2024-03-02")
    assert shown.code == ExitCode.OK, shown.err
    assert "buyers: 3 of 4 people (75.0%)" in shown.out
    assert "in common" not in shown.out


@pytest.mark.usefixtures("published")
def test_families_say_what_they_are_and_what_is_missing(onward, workspace):
    file = _write(
        workspace,
        "segments:\n"
        "  kinds: {clusters: {count: 2}}\n"
        "  like: {lookalike_of: {segment: buyers}}\n"
        "  groups: {rfm: {groups: [hibernating]}}\n",
    )
    shown = onward("segments", "preview", file, "-w", workspace)
    assert shown.code == ExitCode.OK, shown.err
    assert "kinds_1: 0 of 4 people (0.0%); not known of 4" in shown.out
    assert "warning: no clusters are made: of 3 people with an order" in shown.out
    assert "like, like buyers: not used: buyers has 3 members with an order" in shown.out
    assert "groups_hibernating: 3 of 4 people (75.0%); not known of 1" in shown.out


def test_a_preview_without_people_has_no_share(onward, workspace, publish):
    publish(
        NIGHT,
        {
            table: []
            for table in (
                tables.CUSTOMER_FEATURES, tables.TRAITS, tables.CONTACTABILITY, tables.CUSTOMER_VALUE,
            )
        },
    )  # fmt: skip
    shown = onward("segments", "preview", "buyers", "-w", workspace)
    assert "buyers: 0 of 0 people (0.0%)" in shown.out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rule: {trait: order_cout, at_least: 2}\n", "there is no column or trait order_cout; did you mean"),
        ("rule: {trait: order_count, at_lest: 2}\n", "busy.yml:1: segments.busy.rule.at_lest: unknown key"),
        ("rule: {segment: buyer}\n", "refers to segment buyer, which does not exist; did you mean buyers or"),
        ("rule: {trait: [\n", "busy.yml:"),
        ("description: nothing\n", "a setting is missing"),
    ],
)
@pytest.mark.usefixtures("published")
def test_a_file_that_cannot_be_evaluated_is_refused_with_its_line(onward, workspace, text, message):
    shown = onward("segments", "preview", _write(workspace, text), "-w", workspace)
    assert shown.code == ExitCode.USAGE
    assert message in shown.err


def test_what_is_neither_file_nor_segment_is_refused(onward, workspace, tmp_path):
    unknown = onward("segments", "preview", "buyer", "-w", workspace)
    assert unknown.code == ExitCode.USAGE and "did you mean buyers?" in unknown.err
    missing = onward("segments", "preview", tmp_path / "missing.yml", "-w", workspace)
    assert missing.code == ExitCode.USAGE and "cannot be read: FileNotFoundError" in missing.err


def test_before_the_first_night_there_is_nothing_to_preview(onward, workspace):
    shown = onward("segments", "preview", "buyers", "-w", workspace)
    assert shown.code == ExitCode.USAGE
    assert "no night has published enrichment/customer_features yet" in shown.err


@pytest.mark.usefixtures("members")
def test_segments_are_listed_with_their_sizes(onward, workspace):
    (workspace / "segments.yml").write_text(
        "segments:\n"
        "  buyers: {rule: {trait: order_count, at_least: 1}, description: Bought once.}\n"
        "  like: {lookalike_of: {segment: buyers}}\n"
    )
    shown = onward("segments", "list", "-w", workspace)
    assert shown.code == ExitCode.OK, shown.err
    assert shown.out.splitlines() == [
        "Segments of acme on the night 2024-03-02",
        "  buyers (rule): 2 members, 1 entered, 0 left",
        "    Bought once.",
        "  like (lookalike of): not in the night yet",
    ]
