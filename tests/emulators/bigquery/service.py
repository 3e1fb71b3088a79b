"""The parts of the emulator put together: REST behind a gate, the Storage API behind the same."""

import argparse
import concurrent.futures
import json
import socket

import access
import batches
import catalogue
import costs
import faults
import grpc
import memory
import transactions
import uvicorn
from local_bigquery.app import app
from local_bigquery.grpc.server import SERVICES
from local_bigquery.settings import settings

HOST = "127.0.0.1"
_GIGABYTE = 2**30


def start_storage(tokens: access.Tokens, plan: faults.Faults) -> tuple[grpc.Server, int]:
    """The Storage API, on a port that is free."""
    server = grpc.server(
        concurrent.futures.ThreadPoolExecutor(max_workers=16),
        interceptors=[access.StorageGate(tokens), faults.StorageFaults(plan)],
        options=[("grpc.max_send_message_length", _GIGABYTE)],
    )
    services = {name: dict(methods) for name, methods in SERVICES.items()}
    services[batches.SERVICE]["ReadRows"] = batches.HANDLER
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler(name, methods) for name, methods in services.items()]
    )
    port = server.add_insecure_port(f"{HOST}:0")
    server.start()
    return server, port


def serve(arguments: argparse.Namespace) -> None:
    """Until the process is told to stop."""
    settings.bigquery_host = HOST
    settings.default_project_id = arguments.project
    settings.data_dir = arguments.folder
    memory.install()
    costs.install()
    catalogue.install()
    transactions.install()
    tokens = access.Tokens(arguments.token, arguments.account_key.read_text(encoding="utf-8"))
    plan = faults.Faults(tokens)
    storage, storage_port = start_storage(tokens, plan)
    listener = socket.create_server((HOST, 0))
    guarded = access.Gate(tokens, faults.Answers(plan, app))
    web = uvicorn.Server(uvicorn.Config(faults.Control(plan, guarded), log_level="error"))
    print(json.dumps({"port": listener.getsockname()[1], "storage_port": storage_port}), flush=True)  # noqa: T201
    web.run(sockets=[listener])
    storage.stop(None)
