"""Clients of one BigQuery project: credentials, REST, and the Storage API over gRPC."""

import ipaddress
import threading
from collections.abc import Callable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

import google.auth
import grpc  # type: ignore[import-untyped]
import requests
from google.auth.credentials import Credentials
from google.auth.exceptions import DefaultCredentialsError
from google.auth.transport.requests import AuthorizedSession, Request
from google.cloud.bigquery import Client
from google.cloud.bigquery_storage_v1.services.big_query_read import BigQueryReadClient
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport
from google.oauth2.credentials import Credentials as TokenCredentials
from google.oauth2.service_account import Credentials as ServiceAccountCredentials

from pipelines.contracts.settings.connections import BigQueryConnection
from resources.warehouses.base import SourceError, SourceProblem
from resources.warehouses.bigquery.failures import Place, explained

SCOPES = ("https://www.googleapis.com/auth/bigquery",)
_TLS_PORT = 443
_CHANNEL_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    # What a stream may send ahead. gRPC would measure the link and let a fast one fill hundreds of
    # megabytes while the rows are being written.
    ("grpc.http2.lookahead_bytes", 4 * 2**20),
    ("grpc.http2.bdp_probe", 0),
]


class Clients:
    """Everything that talks to one project; safe to share between threads.

    Attributes:
        rest: Jobs, tables and metadata. Its session renews an expired token once by itself.
        storage_is_denied: The Storage API was refused, so rows come over REST.
    """

    def __init__(self, settings: BigQueryConnection, *, name: str, workspace_folder: Path) -> None:
        self.settings = settings
        self.place = Place("connection", name)
        self.storage_is_denied = False
        self._lock = threading.Lock()
        self._storage: BigQueryReadClient | None = None
        self._renewal_count = 0
        api = _endpoint(settings.api_endpoint, self.place)
        self._storage_endpoint = _endpoint(settings.storage_endpoint, self.place)
        is_local = api is not None and api.scheme == "http"
        self._credentials = _credentials(settings, workspace_folder, self.place, is_local=is_local)
        self.rest = Client(
            project=settings.project,
            location=settings.location,
            credentials=self._credentials,
            client_options={"api_endpoint": api.geturl()} if api is not None else None,
            # The client's own session would renew an expired token twice.
            _http=_Session(self._credentials, max_refresh_attempts=1),  # type: ignore[no-untyped-call]
        )

    def storage(self) -> tuple[BigQueryReadClient, int]:
        """A client of the Storage API, and of which renewal its token is."""
        with self._lock:
            if self._storage is None:
                self._storage = _storage_client(self._storage_endpoint, self._credentials)
            return self._storage, self._renewal_count

    def renew(self, renewal: int) -> None:
        """Gets another token because one of `renewal` was refused; does nothing if another thread has.

        gRPC renews a token only when its time is over, not when the service refuses it.
        """
        with self._lock:
            if renewal != self._renewal_count:
                return
            with explained(self.place):
                self._credentials.refresh(Request())  # type: ignore[no-untyped-call]
            self._renewal_count += 1

    def close(self) -> None:
        with self._lock:
            if self._storage is not None:
                self._storage.transport.close()  # type: ignore[no-untyped-call]
        self.rest.close()  # type: ignore[no-untyped-call]


class _Session(AuthorizedSession):
    """Notices answers that broke off between two headers, which Python takes for answers without a body."""

    def request(self, *args: Any, **options: Any) -> requests.Response:
        response: requests.Response = super().request(*args, **options)  # type: ignore[no-untyped-call]
        has_length = "content-length" in response.headers or "transfer-encoding" in response.headers
        if not has_length and not response.content and response.status_code != HTTPStatus.NO_CONTENT:
            raise requests.exceptions.ConnectionError("the answer broke off")
        return response


def _problem(code: str, place: Place, what: str, remedy: str) -> SourceError:
    return SourceError(SourceProblem(code, place.source, place.table, None, what, remedy))


def _endpoint(url: str | None, place: Place) -> SplitResult | None:
    """An endpoint other than Google's; without TLS only on this machine, as it is sent tokens."""
    if url is None:
        return None
    parts = urlsplit(url if "://" in url else f"https://{url}")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
        what = f"{parts.scheme}://{parts.hostname} is not encrypted, and tokens would be sent there."
        raise _problem("insecure_endpoint", place, what, "Use https; http is for this machine only.")
    return parts


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


class _LocalAccount(ServiceAccountCredentials):
    """A service account for an endpoint on this machine: its tokens go nowhere else.

    google-auth 2.62 asks Google in the background in which regions a token is valid.
    """

    def _is_regional_access_boundary_lookup_required(self) -> bool:
        return False


def _credentials(
    settings: BigQueryConnection, workspace_folder: Path, place: Place, *, is_local: bool
) -> Credentials:
    if settings.token is not None:
        return TokenCredentials(settings.token)  # type: ignore[no-untyped-call]
    if settings.keyfile is not None:
        kind = _LocalAccount if is_local else ServiceAccountCredentials
        return _service_account(kind, workspace_folder / settings.keyfile, place)
    try:
        credentials, _ = google.auth.default(scopes=list(SCOPES))
    except DefaultCredentialsError:
        what = "there are no application default credentials."
        remedy = "Give keyfile or token in connections.yml, or run `gcloud auth application-default login`."
        raise _problem("bad_credentials", place, what, remedy) from None
    return credentials


def _service_account(kind: type[ServiceAccountCredentials], keyfile: Path, place: Place) -> Credentials:
    remedy = "Point keyfile in connections.yml at the JSON key of a service account."
    try:
        read: Credentials = kind.from_service_account_file(str(keyfile), scopes=list(SCOPES))  # type: ignore[no-untyped-call]
    except OSError as error:
        what = f"the key file {keyfile} cannot be read ({type(error).__name__})."
        raise _problem("bad_credentials", place, what, remedy) from None
    except (ValueError, KeyError):  # the texts of these can quote the key
        what = f"the file {keyfile} is not the key of a service account."
        raise _problem("bad_credentials", place, what, remedy) from None
    return read


def _storage_client(endpoint: SplitResult | None, credentials: Credentials) -> BigQueryReadClient:
    if endpoint is not None and endpoint.scheme == "http":
        host = endpoint.netloc
        plain = grpc.insecure_channel(host, options=_CHANNEL_OPTIONS)
        # gRPC's own call credentials refuse a channel without TLS, also on loopback.
        channel = grpc.intercept_channel(plain, _Authorisation(credentials))
    else:
        host = BigQueryReadGrpcTransport.DEFAULT_HOST
        if endpoint is not None:
            host = f"{endpoint.hostname}:{endpoint.port or _TLS_PORT}"
        channel = BigQueryReadGrpcTransport.create_channel(
            host, credentials=credentials, options=_CHANNEL_OPTIONS
        )
    return BigQueryReadClient(transport=BigQueryReadGrpcTransport(host=host, channel=channel))


class _CallDetails(NamedTuple):
    """What gRPC asks of the details of a call."""

    method: str
    timeout: float | None
    metadata: Sequence[tuple[str, str]]
    credentials: Any
    wait_for_ready: bool | None
    compression: Any


class _Authorisation(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):  # type: ignore[misc]
    """Sends the access token with every call over a plain channel."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def intercept_unary_unary(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        return continuation(self._authorised(details), request)

    def intercept_unary_stream(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        return continuation(self._authorised(details), request)

    def _authorised(self, details: Any) -> _CallDetails:
        headers: dict[str, str] = {}
        self._credentials.before_request(Request(), details.method, "", headers)  # type: ignore[no-untyped-call]
        metadata = [*(details.metadata or ()), *((name.lower(), value) for name, value in headers.items())]
        return _CallDetails(
            details.method,
            details.timeout,
            metadata,
            details.credentials,
            details.wait_for_ready,
            details.compression,
        )
