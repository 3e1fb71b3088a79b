"""BigQuery on loopback: local-bigquery with credentials, costs and faults.

Runs in an environment of its own (`requirements.lock`, Python 3.13) and prints one
line of JSON with its ports once it answers. local-bigquery checks no credentials,
bills nothing and never fails; `access.py`, `costs.py` and `faults.py` add that.
What it cannot show stands in `docs/connectors.md`.
"""

import argparse
import concurrent.futures
import json
import os
import socket
import sys
from pathlib import Path

HOST = "127.0.0.1"
EXTENSIONS = ("icu", "spatial", "ducklake")


def prepare_home() -> None:
    """DuckDB loads extensions from HOME and would download them: they come from wheels, once."""
    home = Path(sys.prefix) / "home"
    home.mkdir(exist_ok=True)
    os.environ["HOME"] = str(home)
    import duckdb  # noqa: PLC0415  it reads HOME when it is loaded
    from duckdb_extensions import import_extension  # noqa: PLC0415

    with duckdb.connect() as connection:
        known = connection.execute("SELECT extension_name FROM duckdb_extensions() WHERE installed")
        installed = {row[0] for row in known.fetchall()}
        for name in EXTENSIONS:
            # ICU counts as built in, and a time zone in the settings fails without its file.
            if name not in installed or not list(home.rglob(f"{name}.duckdb_extension")):
                import_extension(name, con=connection)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where tables and jobs are kept")
    parser.add_argument("--project", required=True)
    parser.add_argument("--token", required=True, help="an access token that is accepted as it is")
    parser.add_argument("--account-key", type=Path, required=True, help="public key of the service account")
    return parser.parse_args()


def serve(arguments: argparse.Namespace) -> None:
    import access  # noqa: PLC0415  all of these load DuckDB, which must find its HOME
    import costs  # noqa: PLC0415
    import faults  # noqa: PLC0415
    import grpc  # noqa: PLC0415
    import uvicorn  # noqa: PLC0415
    from local_bigquery.app import app  # noqa: PLC0415
    from local_bigquery.grpc.server import SERVICES  # noqa: PLC0415
    from local_bigquery.settings import settings  # noqa: PLC0415

    settings.bigquery_host = HOST
    settings.default_project_id = arguments.project
    settings.data_dir = arguments.folder
    costs.install()
    tokens = access.Tokens(arguments.token, arguments.account_key.read_text(encoding="utf-8"))
    plan = faults.Faults(tokens)
    storage = grpc.server(
        concurrent.futures.ThreadPoolExecutor(max_workers=16),
        interceptors=[access.StorageGate(tokens), faults.StorageFaults(plan)],
    )
    storage.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler(name, methods) for name, methods in SERVICES.items()]
    )
    storage_port = storage.add_insecure_port(f"{HOST}:0")
    storage.start()
    listener = socket.create_server((HOST, 0))
    web = uvicorn.Server(
        uvicorn.Config(faults.Control(plan, access.Gate(tokens, faults.Answers(plan, app))), log_level="error")
    )
    print(json.dumps({"port": listener.getsockname()[1], "storage_port": storage_port}), flush=True)  # noqa: T201
    web.run(sockets=[listener])
    storage.stop(None)


if __name__ == "__main__":
    prepare_home()
    serve(parse_arguments())
