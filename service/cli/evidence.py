"""The rows of one person in the published tables of one night, without names and addresses."""

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from pipelines.contracts.columns import Table
from pipelines.contracts.tables import CUSTOMER_LINKS
from resources.lake.view import LakeView
from service.cli.exit_codes import ExitCode
from service.cli.failures import CommandError

Row = dict[str, Any]
#: A person id is a signed 64-bit number.
_LARGEST_ID = 2**63 - 1
_ID = re.compile(r"^[0-9]{1,19}$")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Rows of one person.

    Attributes:
        missing: Tables that the night has not published.
    """

    lake: LakeView
    night: date
    customer_id: int
    missing: list[str] = field(default_factory=list)

    def rows(self, table: Table, *, by: str) -> list[Row]:
        """The person's rows, in the order of a column."""
        if self.lake.find(table, self.night) is None:
            self.missing.append(table.identifier)
            return []
        rows = self.lake.scan(table, self.night).filter(pl.col("customer_id") == self.customer_id)
        return rows.sort(by, nulls_last=True).collect().to_dicts()

    def row(self, table: Table) -> Row | None:
        """The person's only row of a table with one row per person."""
        return next(iter(self.rows(table, by="customer_id")), None)


def find_person(lake: LakeView, night: date, customer: str) -> Evidence:
    """Finds a person by the id in a source, and if no source knows it by the id that Onward gave.

    Raises:
        CommandError: Nobody, or more than one person, goes by that id.
    """
    links = lake.scan(CUSTOMER_LINKS, night)
    by_reference = links.filter(pl.col("customer_ref") == customer)
    found = by_reference.select("customer_id", "source").unique().sort("source").collect()
    if found.is_empty() and _ID.match(customer) and int(customer) <= _LARGEST_ID:
        by_id = links.filter(pl.col("customer_id") == int(customer))
        found = by_id.select("customer_id").unique().collect()
    people = sorted(set(found["customer_id"]))
    if not people:
        raise CommandError(
            "UNKNOWN_CUSTOMER",
            f"no source record and no person of the night {night} has the id {customer}",
            "give a customer_ref of the source, or a customer_id; someone new appears with the next night",
            exit_code=ExitCode.USAGE,
        )
    if len(people) > 1:
        choices = ", ".join(f"{row['customer_id']} ({row['source']})" for row in found.to_dicts())
        raise CommandError(
            "AMBIGUOUS_CUSTOMER",
            f"several sources know {customer} as different people: {choices}",
            "give the customer_id",
            exit_code=ExitCode.USAGE,
        )
    return Evidence(lake, night, people[0])
