"""The one Dagster resource: a workspace's home, opened for one step of one night."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import dagster as dg

from assets.partitions import as_of_end
from assets.steps import Night
from resources.control.workspace.night import load_night
from resources.home import Home
from resources.lake.writing import Writer
from resources.settings import read_environment

#: How long a step waits for another run that holds the same stage of the same night.
LEASE_WAIT_SECONDS = 900.0


class OnwardResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Opens lake, control database and config for a step.

    Attributes:
        workspace_id: Workspace that this code location runs.
        workspace_folder: Where relative paths of its connections start.
    """

    workspace_id: str
    workspace_folder: str

    @property
    def home(self) -> Home:
        return Home(read_environment())

    @contextmanager
    def writing(
        self, step: str, on: date, *, run_id: str, log: logging.Logger
    ) -> Iterator[tuple[Night, Writer]]:
        """The step's night and the writer that holds its lease; nothing is visible before `publish`."""
        night = self.reading(on, run_id=run_id, log=log)
        with night.lake.writing(
            step,
            on,
            run_id=run_id,
            config_hash=night.config.content_hash,
            wait_seconds=LEASE_WAIT_SECONDS,
        ) as writer:
            yield replace(night, lease=writer.lease), writer

    def reading(self, on: date, *, run_id: str, log: logging.Logger) -> Night:
        """A night for readers: it holds no lease and can publish nothing."""
        home = self.home
        config = load_night(home.configs(self.workspace_id), on)
        return Night(
            on=on,
            as_of=as_of_end(on, config.workspace),
            config=config,
            home=home,
            lake=home.lake(self.workspace_id),
            lease=None,
            workspace_folder=Path(self.workspace_folder),
            run_id=run_id,
            log=log,
        )
