"""Loads into BigQuery: Parquet into a staging table by a load job, then one multi-statement transaction."""

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
from google.api_core import exceptions as google_errors
from google.cloud.bigquery import (
    CreateDisposition,
    Dataset,
    LoadJob,
    LoadJobConfig,
    SchemaField,
    SourceFormat,
    Table,
    TableReference,
    WriteDisposition,
)

from resources.warehouses.base import Load, PartitionValue
from resources.warehouses.bigquery.connecting import Clients
from resources.warehouses.bigquery.failures import TARGET, Place
from resources.warehouses.bigquery.jobs import (
    ONCE,
    REQUEST_SECONDS,
    JobAttempt,
    call,
    default_limits,
    fetch_table,
    labels_of,
    run_job,
    run_query,
)
from resources.warehouses.bigquery.types import column_type, literal, quoted, type_text
from resources.warehouses.loading import internal_schema
from resources.warehouses.stage_files import writing_stage_files

#: What a crash leaves behind goes away by itself.
_STAGING_LIFETIME = timedelta(days=1)


class BigQuerySession:
    """See `loading.LoadSession`; datasets are schemas."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._rest = clients.rest
        self._place = Place(TARGET, clients.place.table)

    def quote(self, *names: str) -> str:
        return ".".join(quoted(name) for name in names)

    def literal(self, value: PartitionValue) -> str:
        return literal(value)

    def column_type(self, dtype: pl.DataType) -> str | None:
        return column_type(dtype)

    def columns(self, schema_name: str, table: str) -> dict[str, str]:
        reference = self._reference(schema_name, table)

        def ask() -> Table | None:
            try:
                return self._rest.get_table(reference, **ONCE)
            except google_errors.NotFound:
                return None

        found = call(self._clients, Place(TARGET, f"{schema_name}.{table}"), ask)
        return {} if found is None else {field.name: type_text(field) for field in found.schema}

    def create_schema(self, schema_name: str) -> None:
        """Where the dataset exists, the account need not be allowed to make one."""
        wanted = Dataset(f"{self._clients.settings.project}.{schema_name}")
        wanted.location = self._clients.settings.location

        def ask() -> None:
            try:
                self._rest.get_dataset(wanted.reference, **ONCE)
            except google_errors.NotFound:
                self._rest.create_dataset(wanted, exists_ok=True, **ONCE)

        call(self._clients, Place(TARGET, schema_name), ask)

    def execute(self, statement: str) -> None:
        run_query(self._clients, statement, self._place, limits=default_limits(self._clients))

    def fetch(self, statement: str) -> list[tuple[object, ...]]:
        limits = default_limits(self._clients)
        found = fetch_table(self._clients, statement, self._place, limits=limits)
        return [tuple(row.values()) for row in found.to_pylist()]

    def stage(self, load: Load, name: str) -> str:
        schema_name = internal_schema(load.schema_name)
        place = Place(TARGET, f"{load.schema_name}.{load.table}")
        fields = [SchemaField(column, column_type(dtype) or "") for column, dtype in load.columns.items()]
        table = Table(self._reference(schema_name, name), schema=fields)
        table.expires = datetime.now(UTC) + _STAGING_LIFETIME

        def replace() -> None:
            self._rest.delete_table(table, not_found_ok=True, **ONCE)
            self._rest.create_table(table, exists_ok=True, **ONCE)

        call(self._clients, place, replace)
        with tempfile.TemporaryDirectory(prefix="onward-load-") as folder:
            file = Path(folder) / "rows.parquet"
            _write_parquet(load, file)
            self._load(file, table, place)
        return self.quote(schema_name, name)

    def unstage(self, load: Load, name: str) -> None:
        reference = self._reference(internal_schema(load.schema_name), name)
        call(
            self._clients,
            Place(TARGET, f"{load.schema_name}.{load.table}"),
            lambda: self._rest.delete_table(reference, not_found_ok=True, **ONCE),
        )

    def run_atomically(self, statements: Sequence[str]) -> None:
        """One script; BigQuery rolls a transaction back when its script fails.

        A script that has failed is not sent again from here: whether it had been
        committed says the ledger, when the load is tried again.
        """
        script = ";\n".join(["BEGIN TRANSACTION", *statements, "COMMIT TRANSACTION"]) + ";"
        limits = default_limits(self._clients)
        run_query(self._clients, script, self._place, limits=limits, is_sent_again=False)

    def _reference(self, schema_name: str, table: str) -> TableReference:
        return TableReference.from_string(f"{self._clients.settings.project}.{schema_name}.{table}")

    def _load(self, file: Path, table: Table, place: Place) -> None:
        config = LoadJobConfig(
            source_format=SourceFormat.PARQUET,
            # Without it a timestamp would be what the file says, not what the contract says.
            schema=table.schema,
            write_disposition=WriteDisposition.WRITE_APPEND,
            create_disposition=CreateDisposition.CREATE_NEVER,
            labels=labels_of(place),
        )

        def send(job_id: str) -> LoadJob:
            with file.open("rb") as rows:
                return self._rest.load_table_from_file(
                    rows,
                    table.reference,
                    size=file.stat().st_size,
                    job_id=job_id,
                    job_config=config,
                    num_retries=0,
                    timeout=REQUEST_SECONDS,
                )

        seconds = self._clients.settings.timeout.total_seconds()
        run_job(JobAttempt(self._clients, send, place, seconds=seconds), seconds=seconds)


def _write_parquet(load: Load, file: Path) -> None:
    with writing_stage_files(load, file.parent):
        load.rows.select(*load.columns).sink_parquet(file, compression="zstd")
