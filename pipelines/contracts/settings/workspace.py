"""`workspace.yml`: who the workspace is, and the rules that no product may bend."""

from datetime import date, time
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, StringConstraints, field_validator, model_validator

from pipelines.contracts.settings.automation import AutomationDefaults
from pipelines.contracts.settings.fields import Clock, Name, Settings, Share, TimeZoneName


class WorkspaceSettings(Settings):
    """Identity of a workspace.

    Attributes:
        consent_without_record: What a missing consent record means. `allow` needs a written legal basis.
        bucket_count: Power of two; customer-level tables are laid out in that many buckets.
        nightly_at: Local time at which the schedule runs the night that ended; late enough for late rows.
        first_night: First date that can be run.
        automation: How far programmes may go whose own settings do not say.
        maximum_shrink_rate: A required source that lost more than this share of its rows stops the night.
    """

    version: Literal[1]
    workspace: Name
    time_zone: TimeZoneName
    currency: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")]
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 42
    consent_without_record: Literal["deny", "allow"] = "deny"
    consent_basis: Annotated[str, StringConstraints(min_length=20)] | None = None
    jurisdictions: tuple[str, ...] = ()
    bucket_count: Annotated[int, Field(ge=1, le=4096)] = 1
    nightly_at: Clock = time(2)
    first_night: date = date(2015, 1, 1)
    maximum_shrink_rate: Share = 0.2
    automation: AutomationDefaults = AutomationDefaults()

    @field_validator("bucket_count")
    @classmethod
    def _is_power_of_two(cls, value: int) -> int:
        if value & (value - 1):
            raise ValueError(
                "the bucket count must be a power of two, so that doubling splits each bucket in two"
            )
        return value

    @model_validator(mode="after")
    def _allowing_needs_a_basis(self) -> "WorkspaceSettings":
        if self.consent_without_record == "allow" and self.consent_basis is None:
            raise ValueError(
                "consent_without_record: allow needs consent_basis, the written legal basis for it"
            )
        return self

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)
