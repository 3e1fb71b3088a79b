"""Small limits and messages for tests of places."""

from datetime import timedelta
from typing import Any

from pipelines.contracts.codes import DecisionOutcome
from pipelines.planning.limits import PersonLimit
from pipelines.planning.places import Days, Send

DAY = timedelta(days=1) // timedelta(microseconds=1)
HOUR = DAY // 24
SECOND = HOUR // 3600


def cap(maximum: int, window: int = DAY, **scope: Any) -> PersonLimit:
    return PersonLimit(
        name="cap", outcome=DecisionOutcome.FREQUENCY_CAP, maximum=maximum, window_us=window, **scope
    )


def send(
    start: int,
    end: int | None = None,
    *,
    channel: str = "email",
    purpose: str | None = "news",
    tags: str | None = "",
    programme: str | None = "welcome",
    days: Days = (),
) -> Send:
    return Send(
        start, start if end is None else end, channel, purpose, tags=tags, programme=programme, days=days
    )
