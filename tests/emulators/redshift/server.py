"""A Redshift cluster on loopback: PostgreSQL behind a proxy that speaks Redshift, and S3 by moto.

    python server.py --port 5439 --storage-port 9000 --admin-port 9001 --folder data

The password is read from the environment (`EMULATOR_PASSWORD`). A certificate for
127.0.0.1 is made in the folder; with `--tls` the cluster offers TLS with it. `POST
/__faults` on the admin port sets faults, `GET /__statements` tells what was asked.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from certificate import make_certificate
from database import Database
from proxy import Cluster, Session

HOST = "127.0.0.1"


@contextlib.contextmanager
def _storage(port: int) -> Iterator[None]:
    """The object store, in a process of its own that never outlives this one."""
    program = Path(__file__).with_name("storage.py")
    process = subprocess.Popen([sys.executable, str(program), str(port)])
    try:
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://{HOST}:{port}/moto-api/", timeout=5).close()
                break
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _client(port: int) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=f"http://{HOST}:{port}",
        region_name="us-east-1",
        aws_access_key_id="cluster",
        aws_secret_access_key="cluster",  # noqa: S106
        config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
    )


def _admin(cluster: Cluster, port: int) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def _reply(self, content: object) -> None:
            body = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self._reply(cluster.statements)

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            cluster.faults.add(json.loads(self.rfile.read(length)))
            self._reply({})

        def do_DELETE(self) -> None:
            cluster.faults.clear()
            cluster.statements.clear()
            self._reply({})

        def log_message(self, *_: object) -> None:
            """Nothing: a line for each request would fill the pipe."""

    server = ThreadingHTTPServer((HOST, port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


async def _serve(cluster: Cluster, port: int) -> None:
    async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Session(cluster, reader, writer).run()

    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    server = await asyncio.start_server(welcome, HOST, port)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    async with server:
        await stopping.wait()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for name in ("--port", "--storage-port", "--admin-port"):
        parser.add_argument(name, type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--bucket", default="staging")
    parser.add_argument("--tls", action="store_true")
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*make_certificate(arguments.folder, HOST))
    data = arguments.folder / "data"
    data.mkdir()
    database = Database(data)
    try:
        with _storage(arguments.storage_port):
            _client(arguments.storage_port).create_bucket(Bucket=arguments.bucket)
            cluster = Cluster(
                database=database,
                passwords={arguments.user: os.environ["EMULATOR_PASSWORD"]},
                tls=context if arguments.tls else None,
                storage=lambda: _client(arguments.storage_port),
            )
            admin = _admin(cluster, arguments.admin_port)
            asyncio.run(_serve(cluster, arguments.port))
            admin.shutdown()
    finally:
        database.stop()


if __name__ == "__main__":
    main()
