import pytest
from pydantic import TypeAdapter

from pipelines.contracts.settings.segments import Rule
from pipelines.segmentation.rule_words import leaf_in_words


@pytest.mark.parametrize(
    ("leaf", "words"),
    [
        ({"segment": "buyers"}, "in segment buyers"),
        ({"trait": "order_count", "at_least": 3}, "order_count at least 3"),
        (
            {"trait": "spend_amount", "more_than": 0.5, "less_than": 20},
            "spend_amount more than 0.5 and less than 20",
        ),
        ({"trait": "kids_count", "one_of": ["1", "2"]}, "kids_count one of 1, 2"),
        ({"trait": "kids_count", "one_of": []}, "kids_count one of nothing"),
        ({"trait": "kids_count", "equals": "1"}, "kids_count 1"),
        ({"trait": "kids_count", "is_known": False}, "kids_count not known"),
        ({"trait": "kids_count", "is_known": True}, "kids_count known"),
        ({"event": "app_open"}, "app_open at least 1 times"),
        ({"event": "order", "equals": 0, "within_days": 30}, "order exactly 0 times within 30 days"),
        (
            {"event": "order", "at_most": 2, "older_than_days": 7, "where": {"channel": ["web"]}},
            "order at most 2 times, at least 7 days ago, channel one of web",
        ),
        (
            {"event": "order_line", "where": {"net_amount": {"at_least": 5}, "category": "TEA"}},
            "order_line at least 1 times, category TEA, net_amount at least 5",
        ),
    ],
)
def test_a_condition_reads_like_a_sentence(leaf, words):
    assert leaf_in_words(TypeAdapter(Rule).validate_python(leaf)) == words
