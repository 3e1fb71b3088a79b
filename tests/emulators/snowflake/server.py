"""Snowflake's HTTP protocol on loopback, in front of fakesnow.

The real client logs in, runs statements, downloads chunked Arrow results, uploads
files and renews tokens as it would against the service. `POST /__faults` makes the
server misbehave (see `faults.py`), `GET /__log` tells what it was asked.
"""

import argparse
import asyncio
import json
import os
import secrets
import socket
import sys
import threading
import time
from pathlib import Path

import fakesnow.server as fakesnow_server
import uvicorn
from credentials import Credentials
from engine import Engine, Outcome
from fakesnow.statement_type import DML_TYPE_IDS
from faults import CutResponse, Fault, Faults, refuse, spoil
from protocol import error_answer, read_bindings, read_body, replace_body, upload_answer
from snowflake.connector import errors
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from wire import Chunks

_SELECT = 0x1000
_KEPT_RESULTS = 8
_TIMED_OUT = "000630"
_UTC = "Etc/UTC"


class Service:
    """The routes and what they share."""

    def __init__(self, credentials: Credentials, rows_per_chunk: int) -> None:
        self._credentials = credentials
        self._engine = Engine(fakesnow_server.shared_fs)
        self._rows_per_chunk = rows_per_chunk
        self._chunks = Chunks(rows_per_chunk)
        self._faults = Faults()
        self._results: dict[str, Response] = {}
        self._parameters: dict[str, dict] = {}
        self._log: list[dict] = []
        self._account_zone = _UTC

    def routes(self) -> list[Route]:
        own = {
            "/session/v1/login-request": self.log_in,
            "/queries/v1/query-request": self.query,
            "/session": self.session,
        }
        kept = [
            Route(route.path, self.spoilt(own.get(route.path, route.endpoint)), methods=list(route.methods))
            for route in fakesnow_server.routes
        ]
        return [
            *kept,
            Route("/chunk/{key}", self.spoilt(self.chunk)),
            Route("/queries/{query_id}/result", self.result),
            Route("/monitoring/queries//{sfqid}", fakesnow_server.monitoring_query),
            Route("/session/token-request", self.spoilt(self.renew), methods=["POST"]),
            Route("/telemetry/send", _nothing, methods=["POST"]),
            Route("/telemetry/send/sessionless", _nothing, methods=["POST"]),
            Route("/__faults", self.set_fault, methods=["POST"]),
            Route("/__faults", self.clear, methods=["DELETE"]),
            Route("/__chunks", self.set_chunks, methods=["POST"]),
            Route("/__zone", self.set_zone, methods=["POST"]),
            Route("/__log", self.tell),
        ]

    def spoilt(self, endpoint):
        """An endpoint that the faults which are set can spoil."""

        async def serve(request: Request) -> Response:
            path = request.url.path
            text = (await read_body(request)).get("sqlText", "") if path.startswith("/queries/v1") else ""
            fault = self._faults.next(path, text)
            if fault is None:
                return await _called(endpoint, request)
            if fault.delay and (limit := await self._time_limit(request)) and limit <= fault.delay:
                await asyncio.sleep(limit)
                return refuse(_TIMED_OUT, f"Statement reached its timeout of {limit} second(s).")
            spoilt = await spoil(fault, request)
            if spoilt is not None:
                return spoilt
            whole = await _called(endpoint, request)
            return CutResponse(whole, request, fault) if fault.cuts_the_body else whole

        return serve

    async def _time_limit(self, request: Request) -> float:
        if not request.url.path.startswith("/queries/v1"):
            return 0
        own = (await read_body(request)).get("parameters") or {}
        session = self._parameters.get(fakesnow_server.to_token(request), {})
        return float((session | own).get("STATEMENT_TIMEOUT_IN_SECONDS", 0))

    async def log_in(self, request: Request) -> JSONResponse:
        login = (await read_body(request))["data"]
        parameters = dict(login.get("SESSION_PARAMETERS") or {})
        self._log.append({"login": login.get("LOGIN_NAME"), "parameters": parameters})
        refusal = self._credentials.refuse(login)
        if refusal is not None:
            return refuse(*refusal)
        for name in [name for name in parameters if name.upper() == "AUTOCOMMIT"]:
            value = parameters.pop(name)
            parameters["AUTOCOMMIT"] = value if isinstance(value, bool) else str(value).lower() == "true"
        # Session parameters change nothing here, but setting them must not fail.
        ignored = [r"^\s*alter\s+session\s+(un)?set\s+(?!autocommit)"]
        login["SESSION_PARAMETERS"] = parameters | {"nop_regexes": ignored}
        replace_body(request, {"data": login})
        answer = json.loads((await fakesnow_server.login_request(request)).body)
        self._complete(answer["data"], request, user=login.get("LOGIN_NAME"))
        session = fakesnow_server.sessions[answer["data"]["token"]]
        session.session_id = answer["data"]["sessionId"]
        session.warehouse_name = request.query_params.get("warehouse")
        self._parameters[answer["data"]["token"]] = parameters
        session.zone = parameters.get("TIMEZONE", self._account_zone)
        await run_in_threadpool(session._duck_conn.execute, f"SET TimeZone = '{session.zone}'")
        return JSONResponse(answer)

    def _complete(self, data: dict, request: Request, *, user: str | None) -> None:
        """What fakesnow leaves out of a login's answer and clients want."""
        query = request.query_params
        data |= {
            "masterToken": secrets.token_urlsafe(32),
            "validityInSeconds": 3600,
            "masterValidityInSeconds": 14400,
            "sessionId": secrets.randbits(40),
            "displayUserName": user,
            "healthCheckInterval": 45,
        }
        data["sessionInfo"] |= {
            "warehouseName": query.get("warehouse"),
            "roleName": query.get("roleName") or "PUBLIC",
        }

    async def renew(self, request: Request) -> JSONResponse:
        """A new session token for the same session."""
        old = (await read_body(request)).get("oldSessionToken")
        token = secrets.token_urlsafe(32)
        if old not in fakesnow_server.sessions:
            return refuse("390114")
        fakesnow_server.sessions[token] = fakesnow_server.sessions.pop(old)
        self._parameters[token] = self._parameters.pop(old, {})
        data = {"sessionToken": token, "masterToken": secrets.token_urlsafe(32), "sessionId": 1}
        return JSONResponse({"data": data | {"validityInSecondsST": 3600}, "success": True})

    async def session(self, request: Request) -> JSONResponse:
        """The end of a session is the end of its open transaction."""
        session = fakesnow_server.sessions.get(fakesnow_server.to_token(request))
        if session is not None and request.query_params.get("delete"):
            await run_in_threadpool(self._engine.roll_back, session)
        return await fakesnow_server.session(request)

    async def query(self, request: Request) -> JSONResponse:
        body = await read_body(request)
        session = fakesnow_server.sessions.get(fakesnow_server.to_token(request))
        if session is None:
            return refuse("390104", "User must login again to access the service.")
        sql = body["sqlText"]
        self._log.append({"sql": sql, "parameters": body.get("parameters") or {}})
        try:
            outcome = await self._run(session, sql, body)
        except errors.Error as error:
            return error_answer(error)
        describes = bool(body.get("describeOnly"))
        answer = JSONResponse(self._answer(outcome, session, request, describes=describes))
        self._results[outcome.query_id] = answer
        while len(self._results) > _KEPT_RESULTS:
            self._results.pop(next(iter(self._results)))
        return answer

    async def _run(self, session, sql: str, body: dict) -> Outcome:
        wanted = int((body.get("parameters") or {}).get("MULTI_STATEMENT_COUNT") or 1)
        if wanted != 1:
            raise errors.ProgrammingError(msg="Several statements at once: not emulated.", errno=8)
        describes = bool(body.get("describeOnly"))
        params, batch = read_bindings(body.get("bindings") or {})
        for row in batch or [params]:
            outcome = await run_in_threadpool(self._engine.run, session, sql, row, describes=describes)
        return outcome

    def _answer(self, outcome: Outcome, session, request: Request, *, describes: bool) -> dict:
        if outcome.upload is not None:
            return {"data": upload_answer(outcome, request), "success": True}
        data = {
            "parameters": [{"name": "TIMEZONE", "value": session.zone}],
            "rowtype": outcome.rowtype,
            "queryId": outcome.query_id,
            "statementTypeId": outcome.type_id,
            "finalDatabaseName": session.database,
            "finalSchemaName": session.schema,
            "total": 0,
        }
        rows = outcome.rows
        if describes or rows is None:
            data |= {"queryResultFormat": "arrow", "rowsetBase64": "", "arrayBindSupported": False}
        elif outcome.type_id in DML_TYPE_IDS:
            # Clients read the counts of a DML statement from JSON.
            texts = [
                [None if v is None else str(v) for v in row]
                for row in zip(*(column.to_pylist() for column in rows.columns), strict=True)
            ]
            data |= {"queryResultFormat": "json", "rowset": texts, "total": rows.num_rows}
        else:
            data |= self._chunks.offer(rows, outcome.rowtype, str(request.base_url))
        return {"data": data, "success": True}

    async def chunk(self, request: Request) -> Response:
        packed = await run_in_threadpool(self._chunks.fetch, request.path_params["key"])
        headers = {"content-encoding": "gzip", "content-type": "application/octet-stream"}
        return Response(packed, headers=headers)

    async def result(self, request: Request) -> Response:
        found = self._results.get(request.path_params["query_id"])
        return found or refuse("000707", "There is no such query.")

    async def set_fault(self, request: Request) -> JSONResponse:
        self._faults.set(Fault(**await request.json()))
        return JSONResponse({})

    async def set_chunks(self, request: Request) -> JSONResponse:
        self._chunks.rows_per_chunk = (await request.json())["rows"]
        return JSONResponse({})

    async def set_zone(self, request: Request) -> JSONResponse:
        self._account_zone = (await request.json())["zone"]
        return JSONResponse({})

    async def clear(self, _: Request) -> JSONResponse:
        """Back to good behaviour and the first size of chunks, with an empty log and no rows waiting."""
        self._faults.clear()
        self._chunks.rows_per_chunk = self._rows_per_chunk
        self._chunks.forget()
        self._results.clear()
        self._log.clear()
        return JSONResponse({})

    async def tell(self, _: Request) -> JSONResponse:
        return JSONResponse(self._log)


async def _called(endpoint, request: Request) -> Response:
    answer = endpoint(request)
    return await answer if asyncio.iscoroutine(answer) else answer


async def _nothing(_: Request) -> JSONResponse:
    return JSONResponse({"success": True, "data": None, "code": None, "message": None})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows-per-chunk", type=int, default=100_000)
    parser.add_argument("--user", required=True)
    parser.add_argument("--password")
    parser.add_argument("--oauth-token")
    parser.add_argument("--access-token")
    parser.add_argument("--public-key", type=Path, action="append", default=[])
    return parser.parse_args()


def _follow_parent() -> None:
    """Ends when the test process is gone, also when that was killed and could stop nothing."""
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


def main() -> None:
    given = _arguments()
    threading.Thread(target=_follow_parent, daemon=True).start()
    credentials = Credentials(
        given.user, given.password, given.oauth_token, given.access_token, tuple(given.public_key)
    )
    app = Starlette(routes=Service(credentials, given.rows_per_chunk).routes())
    app.state.server = uvicorn.Server(uvicorn.Config(app, log_level="warning", http="h11"))
    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    # Nobody reads on: what is printed from here on belongs to the log.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    app.state.server.run(sockets=[listener])


if __name__ == "__main__":
    main()
