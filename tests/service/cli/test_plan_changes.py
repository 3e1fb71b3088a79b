import polars as pl

from pipelines.contracts.plan_changes import PlanChange
from service.cli.plan_changes import describe_changes


def _lost(rules):
    """One lost message per rule, of a person each."""
    rows = [
        {
            "customer_id": person,
            "product": "041-hyper-personalization-engine",
            "programme": "spring",
            "node_id": "slot",
            "slot": 0,
            "change": "lost",
            "changed_parts": "",
            "before_outcome": "planned",
            "before_channel": "email",
            "after_outcome": "frequency_cap",
            "after_rule": rule,
        }
        for person, rule in enumerate(rules)
    ]
    types = {name: column.dtype for name, column in PlanChange.columns().items()}
    return pl.DataFrame(rows, schema=types)


def test_no_message_on_either_side_is_said():
    assert list(describe_changes(_lost([]))) == [
        "Neither has a message",
        "People with a message: 0 before, 0 after; 0 gain one, 0 lose theirs, for 0 nothing changes",
    ]


def test_rare_reasons_are_counted_together():
    rules = [*["often"] * 3, *(f"rule_{number}" for number in range(9))]
    lines = list(describe_changes(_lost(rules)))
    assert lines[-9] == "  3: the cap often is used up"
    assert lines[-1] == "  2: other reasons"
