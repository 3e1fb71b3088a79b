"""Waits: `1d` and `24h` are different things, and stay so when settings are written down and read again."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from pipelines.contracts.settings.fields import Wait
from pipelines.contracts.settings.journeys import Node


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("1d", Wait(days=1)),
        ("2w", Wait(days=14)),
        ("24h", Wait(exact=timedelta(hours=24))),
        ("90m", Wait(exact=timedelta(minutes=90))),
        ("0d", Wait()),
    ],
)
def test_a_wait_survives_being_written_and_read(text: str, wait: Wait) -> None:
    node = Node.model_validate({"id": "pause", "wait_for": text})
    assert node.wait_for == wait
    assert Node.model_validate_json(node.model_dump_json()) == node
    assert Node.model_validate(node.model_dump()) == node


def test_elapsed_time_is_taken_as_it_is() -> None:
    assert Node(id="pause", wait_for=timedelta(days=1)).wait_for == Wait(exact=timedelta(days=1))  # type: ignore[arg-type]
    assert Node(id="pause", wait_for=Wait(days=1)).wait_for == Wait(days=1)


def test_a_wait_without_a_unit_is_refused() -> None:
    with pytest.raises(ValidationError, match="write a duration as a number and a unit"):
        Node.model_validate({"id": "pause", "wait_for": "soon"})


def test_the_schema_of_a_wait_is_its_text() -> None:
    schema = Node.model_json_schema()["properties"]["wait_for"]
    assert schema["anyOf"][0]["type"] == "string"
