"""The staging folder on S3: files of one read or load in a folder of their own, removed when it is over."""

import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import boto3  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from pipelines.contracts.settings.connections import RedshiftStaging
from resources.warehouses.base import SourceError
from resources.warehouses.redshift.failures import Place, explained_storage, is_expired
from resources.warehouses.retrying import retry_transient

Result = TypeVar("Result")

_LOG = logging.getLogger(__name__)
_CONNECT_SECONDS = 10
_READ_SECONDS = 60
#: The client's own attempts for one request; whatever is left of the deadline is ours.
_ATTEMPTS = 3
_DELETED_AT_ONCE = 1000


class IncompleteFileError(OSError):
    """Fewer bytes of a file arrived than it has."""


@dataclass(frozen=True, slots=True)
class StagingFolder:
    """The folder of one read or load.

    Attributes:
        prefix: Of its keys, with a slash at the end.
    """

    bucket: str
    prefix: str

    def url(self, name: str) -> str:
        return f"s3://{self.bucket}/{self.prefix}{name}"


class Storage:
    """The object store; logs in again once when its credentials have run out."""

    def __init__(self, staging: RedshiftStaging, *, timeout: timedelta) -> None:
        self.staging = staging
        self._timeout = timeout
        self._lock = threading.Lock()
        self._client = self._log_in()

    @contextmanager
    def folder(self, place: Place) -> Iterator[StagingFolder]:
        """A new folder, whose files are gone afterwards, also after a failure."""
        bucket, _, path = self.staging.url.removeprefix("s3://").partition("/")
        base = f"{path.strip('/')}/" if path.strip("/") else ""
        folder = StagingFolder(bucket, f"{base}{uuid.uuid4().hex}/")
        try:
            yield folder
        finally:
            self._clean(folder, place)

    def upload(self, folder: StagingFolder, name: str, content: bytes | Path, place: Place) -> int:
        """Bytes of the file that was put."""
        sealed = (
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.staging.kms_key}
            if self.staging.kms_key
            else {}
        )

        def put(client: Any) -> int:
            # Not `upload_file`, which hides what S3 answered.
            with content.open("rb") if isinstance(content, Path) else BytesIO(content) as body:
                client.put_object(Bucket=folder.bucket, Key=f"{folder.prefix}{name}", Body=body, **sealed)
                return body.tell()

        return self._run(place, put)

    def download(self, bucket: str, key: str, place: Place) -> bytes:
        def get(client: Any) -> bytes:
            answer = client.get_object(Bucket=bucket, Key=key)
            body: bytes = answer["Body"].read()
            if len(body) != answer["ContentLength"]:
                raise IncompleteFileError(key)
            return body

        return self._run(place, get)

    def find(self, folder: StagingFolder, name: str, place: Place) -> bytes | None:
        """A file, or nothing where it does not exist."""

        def exists(client: Any) -> bool:
            listed = client.list_objects_v2(Bucket=folder.bucket, Prefix=f"{folder.prefix}{name}")
            return any(found["Key"] == f"{folder.prefix}{name}" for found in listed.get("Contents", ()))

        if not self._run(place, exists):
            return None
        return self.download(folder.bucket, f"{folder.prefix}{name}", place)

    def check(self, place: Place) -> None:
        """Whether the folder can be written, read and cleaned."""
        with self.folder(place) as folder:
            self.upload(folder, "check", b"onward", place)
            self.find(folder, "check", place)

    def _clean(self, folder: StagingFolder, place: Place) -> None:
        def delete(client: Any) -> None:
            pages = client.get_paginator("list_objects_v2").paginate(
                Bucket=folder.bucket, Prefix=folder.prefix, PaginationConfig={"PageSize": _DELETED_AT_ONCE}
            )
            for page in pages:
                keys = [{"Key": found["Key"]} for found in page.get("Contents", ())]
                if keys:
                    client.delete_objects(Bucket=folder.bucket, Delete={"Objects": keys, "Quiet": True})

        try:
            self._run(place, delete)
        except SourceError as error:
            # The rows are read or written: what is left over is for the bucket's lifecycle rule.
            _LOG.warning("files stay behind in %s: %s", folder.url(""), error)

    def _run(self, place: Place, work: Callable[[Any], Result]) -> Result:
        def attempt() -> Result:
            with explained_storage(place):
                client = self._client
                try:
                    return work(client)
                except ClientError as error:
                    if not is_expired(error):
                        raise
                return work(self._renew(client))

        return retry_transient(attempt, deadline=self._timeout)

    def _renew(self, expired: Any) -> Any:
        """A client with new credentials, once, whoever of the threads finds out first."""
        with self._lock:
            if self._client is expired:
                self._client = self._log_in()
            return self._client

    def _log_in(self) -> Any:
        endpoint = self.staging.endpoint_url
        # A session of its own: the default one keeps credentials for the whole process.
        return boto3.session.Session().client(
            "s3",
            region_name=self.staging.region,
            endpoint_url=endpoint,
            aws_access_key_id=self.staging.access_key,
            aws_secret_access_key=self.staging.secret_key,
            config=Config(
                connect_timeout=_CONNECT_SECONDS,
                read_timeout=_READ_SECONDS,
                retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
                # A private endpoint has no names for buckets.
                s3={"addressing_style": "path" if endpoint else "auto"},
            ),
        )
