"""What is tried instead of a message that lost its place."""

from collections.abc import Sequence

from pipelines.contracts.codes import LossPolicy
from pipelines.contracts.settings.fields import Name

Fallbacks = tuple[Name, ...]


def require_fallbacks(on_loss: LossPolicy, messages: Sequence[tuple[str, Fallbacks]]) -> None:
    """Refuses templates that would never be tried, or be tried twice, and a policy without any.

    Args:
        on_loss: Policy of the messages.
        messages: Template and fallbacks of each.
    """
    problems = []
    if on_loss is LossPolicy.FALLBACK and not any(fallbacks for _, fallbacks in messages):
        problems.append("on_loss: fallback needs fallbacks, the templates to try instead")
    if on_loss is not LossPolicy.FALLBACK and any(fallbacks for _, fallbacks in messages):
        problems.append("fallbacks are tried with on_loss: fallback only")
    for template, fallbacks in messages:
        if len({template, *fallbacks}) < 1 + len(fallbacks):
            problems.append(f"{template} and its fallbacks name a template twice")
    if problems:
        raise ValueError("; ".join(problems))
