"""Pulls one table with dlt into a Parquet file and prints what it took.

Runs in an environment of its own:

    pip install "dlt[sql_database,parquet]" "sqlalchemy<2.1" connectorx snowflake-sqlalchemy \
        "snowflake-connector-python<5" sqlalchemy-bigquery google-cloud-bigquery-storage psycopg2-binary
    python benchmarks/peers/dlt_pull.py '{"kind": "redshift", "backend": "connectorx", ...}'
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def snowflake_engine(given: dict[str, Any]) -> Any:
    from cryptography.hazmat.primitives import serialization
    from snowflake.sqlalchemy import URL
    from sqlalchemy import create_engine

    key = serialization.load_pem_private_key(Path(given["private_key_file"]).read_bytes(), password=None)
    der = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    url = URL(**{name: given[name] for name in ("account", "user", "database")}, schema=given["table_schema"])
    place = {name: given[name] for name in ("host", "port", "protocol")}
    return create_engine(url, connect_args={"private_key": der, **place})


def bigquery_engine(given: dict[str, Any]) -> Any:
    from google.cloud import bigquery
    from google.oauth2.credentials import Credentials
    from sqlalchemy import create_engine

    client = bigquery.Client(
        project=given["project"],
        credentials=Credentials(given["bearer"]),
        client_options={"api_endpoint": given["api_endpoint"]},
    )
    url = f"bigquery://{given['project']}/{given['table_schema']}?user_supplied_client=True"
    return create_engine(url, connect_args={"client": client, "bqstorage_client": storage_client(given)})


def storage_client(given: dict[str, Any]) -> Any:
    """Its DB-API reads through the Storage Read API too, where it is told how to reach it."""
    import grpc
    from google.cloud import bigquery_storage_v1
    from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

    class Bearer(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
        def _signed(self, details: Any) -> Any:
            metadata = [*(details.metadata or ()), ("authorization", f"Bearer {given['bearer']}")]
            return details._replace(metadata=metadata)

        def intercept_unary_unary(self, proceed: Any, details: Any, request: Any) -> Any:
            return proceed(self._signed(details), request)

        def intercept_unary_stream(self, proceed: Any, details: Any, request: Any) -> Any:
            return proceed(self._signed(details), request)

    place = given["storage_endpoint"].removeprefix("http://")
    plain = grpc.insecure_channel(place, options=[("grpc.max_receive_message_length", -1)])
    transport = BigQueryReadGrpcTransport(channel=grpc.intercept_channel(plain, Bearer()))
    return bigquery_storage_v1.BigQueryReadClient(transport=transport)


def redshift_engine(given: dict[str, Any]) -> str:
    place = f"{given['host']}:{given['port']}/{given['database']}"
    return f"postgresql://{given['user']}:{given['secret']}@{place}?sslmode=disable"


ENGINES = {"snowflake": snowflake_engine, "bigquery": bigquery_engine, "redshift": redshift_engine}


def main() -> None:
    given = json.loads(sys.argv[1])
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    import dlt
    from dlt.sources.sql_database import sql_table

    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        pipeline = dlt.pipeline(
            "benchmark",
            pipelines_dir=f"{folder}/state",
            destination=dlt.destinations.filesystem(f"file://{folder}/out"),
            dataset_name="out",
        )
        table = sql_table(
            credentials=ENGINES[given["kind"]](given),
            table=given["table"],
            schema=given["table_schema"],
            backend=given["backend"],
            chunk_size=100_000,
        )
        pipeline.run(table, loader_file_format="parquet")
        seconds = time.perf_counter() - started
        rows = pipeline.last_trace.last_normalize_info.row_counts[given["table"].lower()]
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    peak = int(next(line for line in status if line.startswith("VmHWM")).split()[1]) / 1024
    print(json.dumps({"rows": rows, "seconds": seconds, "peak_mb": peak}))


if __name__ == "__main__":
    main()
