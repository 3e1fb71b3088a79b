"""Templates to fall back on, and policies that do."""

from typing import Any

import pytest
from pydantic import ValidationError

from pipelines.contracts.settings.journeys import MessageAction
from pipelines.contracts.settings.sequences import SequenceSettings


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"on_loss": "fallback"}, "needs fallbacks"),
        ({"fallbacks": ["b"]}, "with on_loss: fallback only"),
        ({"fallbacks": ["b"], "on_loss": "exit"}, "with on_loss: fallback only"),
        ({"fallbacks": ["b", "a"], "on_loss": "fallback"}, "a and its fallbacks name a template twice"),
        ({"fallbacks": ["b", "b"], "on_loss": "fallback"}, "a and its fallbacks name a template twice"),
    ],
)
def test_a_fallback_is_another_template(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        MessageAction.model_validate({"template": "a", **changes})
    step = {"template": "a", "fallbacks": changes.get("fallbacks", ())}
    sequence = {"name": "s", "segment": "x", "on_loss": changes.get("on_loss", "defer"), "steps": [step]}
    with pytest.raises(ValidationError, match=problem):
        SequenceSettings.model_validate(sequence)


def test_one_step_with_fallbacks_is_enough() -> None:
    steps = [{"template": "a", "fallbacks": ["b"]}, {"template": "a"}]
    sequence = {"name": "s", "segment": "x", "on_loss": "fallback", "steps": steps}
    assert SequenceSettings.model_validate(sequence).steps[1].fallbacks == ()
    action = MessageAction.model_validate({"template": "a", "fallbacks": ["b"], "on_loss": "fallback"})
    assert action.fallbacks == ("b",)
