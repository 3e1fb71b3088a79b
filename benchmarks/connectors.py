"""Reading a table of 8 columns to a Parquet file: Onward, the raw client's Arrow stream, and dlt.

All three read the same table of the same emulator, in processes of their own, in turns; medians of
the rounds. Memory is the peak of the process above what it had when everything was imported.

    make emulators
    .venv/bin/python benchmarks/connectors.py --kind snowflake --peer-python PATH   # see peers/dlt_pull.py
    .venv/bin/python benchmarks/connectors.py --kind snowflake --rows 10000000 --rounds 1
"""

import argparse
import importlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter

from pipelines.contracts.settings.connections import RESOLVED, Connection
from resources.warehouses.base import Load, ReadRequest, Relation, Warehouse, WriteMode
from resources.warehouses.landing import write_parquet_file
from resources.warehouses.open import open_warehouse

ROOT = Path(__file__).resolve().parents[1]
SCHEMA, TABLE = "bulk", "customers"
START = datetime(2020, 1, 1, tzinfo=UTC)
#: The fastest backends of dlt's SQL source that reach each kind.
BACKENDS = {"snowflake": ("pyarrow",), "bigquery": ("pyarrow",), "redshift": ("connectorx", "pyarrow")}


def synthetic_rows(count: int) -> pl.LazyFrame:
    number = pl.int_range(count, dtype=pl.Int64, eager=False)
    return pl.LazyFrame().select(
        customer_id=number,
        email=pl.format("person{}@example.com", number),
        country=pl.lit(["US", "DE", "FR", "GB"], pl.List(pl.String)).list.get(number % 4),
        signed_up_at=pl.lit(START) + pl.duration(seconds=number),
        born_on=pl.lit(date(1960, 1, 1)) + pl.duration(days=number % 15_000),
        order_count=number * 7919 % 1000,
        spend=(number * 104_729 % 100_000).cast(pl.Float64) / 7,
        has_consent=number % 3 == 0,
    )


def connect(settings: dict[str, Any]) -> Warehouse:
    connection = TypeAdapter(Connection).validate_python(settings, context=RESOLVED)
    return open_warehouse(connection, name="benchmark", workspace_folder=ROOT)


def fill(settings: dict[str, Any], count: int) -> None:
    rows = synthetic_rows(count)
    columns = dict(rows.collect_schema().items())
    load = Load(
        table=TABLE,
        schema_name=SCHEMA,
        columns=columns,
        rows=rows,
        mode=WriteMode.REPLACE,
        load_id=str(count),
    )
    with connect(settings) as warehouse:
        warehouse.write([load])


def pull_with_onward(settings: dict[str, Any], target: Path) -> int:
    with connect(settings) as warehouse:
        relation = Relation(table=f"{SCHEMA}.{TABLE}")
        columns = {column.name.lower(): column for column in warehouse.describe("benchmark", relation)}
        request = ReadRequest(source="benchmark", relation=relation, columns=columns)
        with warehouse.read(request) as stream:
            write_parquet_file(stream, target)
            return stream.usage.row_count


def _widened(schema: pa.Schema) -> pa.Schema:
    """Snowflake narrows whole numbers chunk by chunk; one file has one type."""
    return pa.schema(
        [field.with_type(pa.int64()) if pa.types.is_integer(field.type) else field for field in schema]
    )


def _write_batches(batches: Any, target: Path) -> int:
    writer, count = None, 0
    for batch in batches:
        table = batch if isinstance(batch, pa.Table) else pa.Table.from_batches([batch])
        writer = writer or pq.ParquetWriter(target, _widened(table.schema), compression="zstd")
        writer.write_table(table.cast(writer.schema))
        count += table.num_rows
    if writer:
        writer.close()
    return count


def raw_snowflake(settings: dict[str, Any], target: Path) -> int:
    import snowflake.connector

    names = ("account", "user", "private_key_file", "database", "host", "port", "protocol")
    with snowflake.connector.connect(**{name: settings[name] for name in names}) as connection:
        cursor = connection.cursor()
        cursor.execute(f"SELECT * FROM {SCHEMA}.{TABLE}")
        return _write_batches(cursor.fetch_arrow_batches(), target)


def raw_bigquery(settings: dict[str, Any], target: Path) -> int:
    import grpc
    from google.cloud import bigquery, bigquery_storage_v1
    from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport
    from google.oauth2.credentials import Credentials

    credentials = Credentials(settings["token"])
    client = bigquery.Client(
        settings["project"], credentials, client_options={"api_endpoint": settings["api_endpoint"]}
    )
    place = settings["storage_endpoint"].removeprefix("http://")
    call = grpc.insecure_channel(place, options=[("grpc.max_receive_message_length", -1)])
    bearer = [("authorization", f"Bearer {settings['token']}")]
    storage = bigquery_storage_v1.BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=call))
    client.query_and_wait("SELECT 1")
    session = storage.create_read_session(
        parent=f"projects/{settings['project']}",
        read_session={
            "table": f"projects/{settings['project']}/datasets/{SCHEMA}/tables/{TABLE}",
            "data_format": "ARROW",
        },
        max_stream_count=1,
        metadata=bearer,
    )
    rows = storage.read_rows(session.streams[0].name, metadata=bearer).rows(session)
    return _write_batches((page.to_arrow() for page in rows.pages), target)


def raw_redshift(settings: dict[str, Any], target: Path) -> int:
    import redshift_connector

    staging = settings["staging"]
    folder = f"{staging['url']}/raw-{os.getpid()}/"
    access = {
        "aws_endpoint_url": staging["endpoint_url"],
        "aws_access_key_id": staging["access_key"],
        "aws_secret_access_key": staging["secret_key"],
        "aws_region": staging["region"],
        "aws_allow_http": "true",
    }
    names = ("host", "port", "database", "user", "password")
    login = {name: settings[name] for name in names}
    with redshift_connector.connect(**login, ssl=settings["is_encrypted"]) as connection:
        connection.cursor().execute(
            f"UNLOAD ('SELECT * FROM {SCHEMA}.{TABLE}') TO '{folder}' IAM_ROLE default FORMAT PARQUET"
        )
    pl.scan_parquet(f"{folder}*.parquet", storage_options=access).sink_parquet(target)
    return int(pl.scan_parquet(target).select(pl.len()).collect().item())


ROUTES: dict[str, Callable[[dict[str, Any], Path], int]] = {
    "onward": pull_with_onward,
    "raw_snowflake": raw_snowflake,
    "raw_bigquery": raw_bigquery,
    "raw_redshift": raw_redshift,
}


def memory_mb(field: str) -> float:
    """`VmRSS`, or its peak `VmHWM`; the peak of `getrusage` is inherited from the starting process."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) / 1024


def measure_here(route: str, settings: dict[str, Any]) -> None:
    """One pull in this process; prints its numbers as JSON."""
    connect(settings).__exit__(None, None, None)  # drivers are imported before the clock starts
    imported = memory_mb("VmRSS")
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        rows = ROUTES[route](settings, Path(folder) / "rows.parquet")
        seconds = time.perf_counter() - started
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "rows": rows,
                "seconds": seconds,
                "cpu_seconds": usage.ru_utime + usage.ru_stime,
                "memory_mb": memory_mb("VmHWM") - imported,
            }
        )
    )


def run(command: list[str]) -> dict[str, float]:
    finished = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if finished.returncode:
        raise RuntimeError(finished.stderr[-3000:])
    numbers: dict[str, float] = json.loads(finished.stdout.splitlines()[-1])
    return numbers


def peer_settings(settings: dict[str, Any], kind: str, backend: str) -> str:
    given = {name: value for name, value in settings.items() if not isinstance(value, dict)}
    secrets = {"secret": settings.get("password"), "bearer": settings.get("token")}
    return json.dumps(
        given | secrets | {"backend": backend, "table": TABLE, "table_schema": SCHEMA, "kind": kind}
    )


def commands(kind: str, settings: dict[str, Any], peer: str | None) -> dict[str, list[str]]:
    own = [sys.executable, __file__, "--kind", kind, "--settings", json.dumps(settings), "--route"]
    found = {route: [*own, route] for route in ("onward", f"raw_{kind}")}
    script = str(ROOT / "benchmarks" / "peers" / "dlt_pull.py")
    for backend in BACKENDS[kind] if peer else ():
        found[f"dlt {backend}"] = [str(peer), script, peer_settings(settings, kind, backend)]
    return found


def credentials_of(kind: str, server: Any) -> dict[str, Any]:
    """Settings with plain credentials, which every route can use."""
    if kind == "bigquery":
        settings = server.settings(keyfile=None)
        return settings | {"token": server.token}
    settings = server.settings()
    if kind == "redshift":
        return settings | {"password": server.password}
    return dict(settings)


def compare(kind: str, rows: int, rounds: int, peer: str | None) -> None:
    launch = importlib.import_module(f"tests.emulators.{kind}.launch")
    from tests.emulators.install import interpreter_of

    start = getattr(launch, f"{kind}_server")
    with tempfile.TemporaryDirectory() as folder, start(interpreter_of(kind), Path(folder)) as server:
        settings = credentials_of(kind, server)
        fill(settings, rows)
        routes = commands(kind, settings, peer)
        measured: dict[str, list[dict[str, float]]] = {route: [] for route in routes}
        for _ in range(rounds):
            for route, command in routes.items():
                measured[route].append(run(command))
    report(kind, rows, measured)


def report(kind: str, rows: int, measured: dict[str, list[dict[str, float]]]) -> None:
    print(f"| {kind}, {rows:,} rows | rows/s | seconds | memory, MB | ratio |\n|---|--:|--:|--:|--:|")
    own = statistics.median(one["seconds"] for one in measured["onward"])
    for route, runs in measured.items():
        if {one["rows"] for one in runs} != {rows}:
            raise RuntimeError(f"{route} read {runs} rows")
        seconds = statistics.median(one["seconds"] for one in runs)
        memory = max(one.get("memory_mb", one.get("peak_mb", 0.0)) for one in runs)
        print(f"| {route} | {rows / seconds:,.0f} | {seconds:.2f} | {memory:,.0f} | {seconds / own:.2f}× |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=BACKENDS, required=True)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer-python")
    parser.add_argument("--route", help=argparse.SUPPRESS)
    parser.add_argument("--settings", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.route:
        measure_here(given.route, json.loads(given.settings))
    else:
        compare(given.kind, given.rows, given.rounds, given.peer_python)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
