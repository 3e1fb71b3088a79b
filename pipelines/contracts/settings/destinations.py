"""`destinations.yml`: who takes which channel's messages."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipelines.contracts.codes import Channel
from pipelines.contracts.settings.fields import Name, Settings


class FilesDestination(Settings):
    """Files in a folder, one immutable batch per night and channel; relative to the state folder.

    Attributes:
        with_addresses: Adds the contact address; the folder then holds personal data.
    """

    kind: Literal["files"]
    channels: Annotated[tuple[Channel, ...], Field(min_length=1)]
    path: str = "outgoing"
    format: Literal["csv", "parquet"] = "csv"
    with_addresses: bool = False


class DestinationsFile(Settings):
    destinations: dict[Name, FilesDestination] = {
        "outgoing_files": FilesDestination(kind="files", channels=tuple(Channel))
    }

    @model_validator(mode="after")
    def _each_channel_once(self) -> "DestinationsFile":
        channels = [channel for target in self.destinations.values() for channel in target.channels]
        twice = sorted({channel for channel in channels if channels.count(channel) > 1})
        if twice:
            raise ValueError(f"channels with two destinations: {', '.join(twice)}")
        return self
