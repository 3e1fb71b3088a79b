"""Requests and answers of the protocol, as the client writes and reads them."""

import gzip
import json

import fakesnow.server as fakesnow_server
from engine import Outcome
from fakesnow.converter import from_binding
from snowflake.connector import errors
from starlette.requests import Request
from starlette.responses import JSONResponse


async def read_body(request: Request) -> dict:
    raw = await request.body()
    is_packed = request.headers.get("content-encoding") == "gzip"
    return json.loads(gzip.decompress(raw) if is_packed else raw)


def replace_body(request: Request, body: dict) -> None:
    """Hands a changed request on; Starlette keeps body and headers in these fields."""
    request._body = json.dumps(body).encode()
    kept = [(key, value) for key, value in request.scope["headers"] if key.lower() != b"content-encoding"]
    request.scope["headers"] = kept
    if hasattr(request, "_headers"):
        del request._headers


def read_bindings(bindings: dict) -> tuple:
    """Parameters of one statement, or the rows of a batch."""
    if not bindings:
        return None, None
    if not all(name.isdigit() for name in bindings):
        return {name: from_binding(bound) for name, bound in bindings.items()}, None
    ordered = [bindings[str(position)] for position in range(1, len(bindings) + 1)]
    if not any(isinstance(bound["value"], list) for bound in ordered):
        return tuple(from_binding(bound) for bound in ordered), None
    columns = [[from_binding(bound | {"value": value}) for value in bound["value"]] for bound in ordered]
    return None, list(zip(*columns, strict=True))


def error_answer(error: errors.Error) -> JSONResponse:
    code = f"{error.errno:06d}"
    data = {"errorCode": code, "sqlState": error.sqlstate}
    return JSONResponse({"data": data, "code": code, "message": error.msg, "success": False})


def upload_answer(outcome: Outcome, request: Request) -> dict:
    """Where the client puts its file: this server, in the guise of a presigned Google URL."""
    upload = outcome.upload
    upload["stageInfo"] = fakesnow_server.gcs_stage_info(request, outcome.upload_expression, upload)
    defaults = {"region": "local", "path": "", "storageAccount": None, "endPoint": None}
    flags = ("isClientSideEncrypted", "useRegionalUrl", "useVirtualUrl", "useS3RegionalUrl")
    upload["stageInfo"] = defaults | dict.fromkeys(flags, False) | upload["stageInfo"]
    return upload
