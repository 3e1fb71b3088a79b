"""BigQuery on loopback: local-bigquery with credentials, costs and faults.

Runs in an environment of its own (`requirements.lock`, Python 3.13) and prints one
line of JSON with its ports once it answers. local-bigquery checks no credentials,
bills nothing and never fails; `access.py`, `costs.py` and `faults.py` add that.
"""

import argparse
import os
import sys
import threading
import time
from pathlib import Path

EXTENSIONS = ("icu", "spatial")


def prepare_home() -> None:
    """DuckDB loads extensions from HOME and would download them: they come from wheels, once."""
    home = Path(sys.prefix) / "home"
    home.mkdir(exist_ok=True)
    os.environ["HOME"] = str(home)
    from duckdb_extensions import import_extension  # noqa: PLC0415  DuckDB reads HOME when it is loaded

    for name in EXTENSIONS:
        if not any(home.rglob(f"{name}.duckdb_extension")):
            import_extension(name)


def follow_parent() -> None:
    """Ends with the process that started it, also when that is killed and stops nothing."""
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where tables and jobs are kept")
    parser.add_argument("--project", required=True)
    parser.add_argument("--token", required=True, help="an access token that is accepted as it is")
    parser.add_argument("--account-key", type=Path, required=True, help="public key of the service account")
    return parser.parse_args()


if __name__ == "__main__":
    threading.Thread(target=follow_parent, daemon=True).start()
    prepare_home()
    from service import serve  # loads DuckDB

    serve(parse_arguments())
