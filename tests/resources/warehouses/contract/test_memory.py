"""Ten times the rows need no more memory: each engine streams, whatever its client would rather do."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
#: Above the interpreter with its libraries and an open connection; promised for a table of any size.
LIMIT_MEGABYTES = 400
#: DuckDB reads in this very process, and its allocator keeps what its pages took: 380 to 485 were seen.
EMBEDDED_LIMIT_MEGABYTES = 600
FEW, MANY = 100_000, 1_000_000
#: Reads a table in a process of its own and prints its rows and the rise of its peak memory in megabytes.
CHILD = """
import json, sys
from datetime import timedelta
from pathlib import Path
from pipelines.contracts.settings.connections import RESOLVED
from pipelines.contracts.settings.connector import ConnectorSettings
from resources.warehouses.base import ReadRequest, Relation
from resources.warehouses.landing import land
from resources.warehouses.open import Connections

def peak():
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024

given = json.loads(sys.stdin.read())
written = {"connections": {"main": given["settings"]}, "target": None, "sources": {}}
settings = ConnectorSettings.model_validate(written, context=RESOLVED)
folder = Path(given["folder"])
connections = Connections(connector=settings, workspace_folder=folder, embedded_path=folder / "e.duckdb")
with connections.open("main") as warehouse:
    relation = Relation(table=given["table"])
    columns = {column.name: column for column in warehouse.describe("orders", relation)}
    request = ReadRequest(source="orders", relation=relation, columns=columns)
    before = peak()
    spool = Path(given["spool"])
    with land(warehouse, request, spool=spool, deadline=timedelta(minutes=5)) as landed:
        rows = sum(part.height for part in landed.slices())
print(rows, round(peak() - before))
"""


def read_in_child(engine, table, spool):
    settings = engine.settings() | ({"memory": "64MB"} if engine.kind == "duckdb" else {})
    given = {"settings": settings, "folder": str(engine.folder), "table": table, "spool": str(spool)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CHILD],
        input=json.dumps(given),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    rows, megabytes = done.stdout.split()
    return int(rows), int(megabytes)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["duckdb", "snowflake", "bigquery", "redshift"])
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_ten_times_the_rows_need_no_more_memory(engine_of, kind, tmp_path):
    """The larger table is 520 MB of text alone; DuckDB keeps pages of its file, as many as it may."""
    engine = engine_of(kind)
    # Of 32 characters each, which no client packs into a dictionary.
    text = " || ".join(f"{engine.digest(f'i + {number}')}" for number in range(16))
    peaks = {}
    for count in (FEW, MANY):
        table = engine.create_from({"id": "integer", "x": "text"}, ["i", text], count=count)
        rows, peaks[count] = read_in_child(engine, table, tmp_path)
        engine.execute(f"DROP TABLE {engine.sql_name(table)}")
        assert rows == count
    assert peaks[MANY] <= (EMBEDDED_LIMIT_MEGABYTES if kind == "duckdb" else LIMIT_MEGABYTES), peaks
    assert list(tmp_path.iterdir()) == []
