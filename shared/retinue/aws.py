"""S3, twice: a reader light enough for a cold start, and boto3 for everything that is not in a first answer.

Importing boto3 and making its first client costs 150-260 ms. The warm cache needs one call only, a GET, so that
call is signed here (AWS Signature Version 4, https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-
auth.html) and sent over a plain HTTP connection that is kept open. A test compares the signature with botocore's.
"""

import hashlib
import hmac
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote, urlsplit

from retinue.config import ConfigurationError
from retinue.connection import Connection
from retinue.deadline import Deadline
from retinue.errors import ImageTooLarge, NotFound, StorageRefused, StorageUnavailable

_EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
_RETRIED_STATUS = frozenset({500, 502, 503, 504})
_SILENT = "The model storage does not answer at the moment - retry request."
_REFUSALS = {301: "the bucket lies in another region", 403: "access denied"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What signs a request."""

    access_key: str
    secret_key: str
    session_token: str = ""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """The credentials that Lambda puts into the environment of a function."""
        return cls(
            env.get("AWS_ACCESS_KEY_ID", ""), env.get("AWS_SECRET_ACCESS_KEY", ""), env.get("AWS_SESSION_TOKEN", "")
        )


def sign_get(
    host: str, path: str, credentials: Credentials, region: str, timestamp: str, query: str = ""
) -> dict[str, str]:
    """The headers that make `GET path?query` a signed S3 request.

    `path` and `query` are percent-encoded, the query's names in order; `timestamp` is UTC as YYYYMMDDTHHMMSSZ.
    """
    headers = {"host": host, "x-amz-content-sha256": _EMPTY_SHA256, "x-amz-date": timestamp}
    if credentials.session_token:
        headers["x-amz-security-token"] = credentials.session_token
    names = ";".join(sorted(headers))
    canonical = "\n".join(
        ["GET", path, query, *(f"{name}:{headers[name]}" for name in sorted(headers)), "", names, _EMPTY_SHA256]
    )
    scope = f"{timestamp[:8]}/{region}/s3/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{credentials.secret_key}".encode()
    for part in (*scope.split("/"), to_sign):
        key = hmac.digest(key, part.encode(), "sha256")
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
    )
    return headers


class S3Reader:
    """Reads the objects of one bucket. Safe to use from several threads."""

    def __init__(
        self,
        bucket: str,
        *,
        region: str,
        credentials: Credentials | Callable[[], Credentials],
        endpoint_url: str = "",
        timeout_s: float = 3.0,
        attempts: int = 4,
    ) -> None:
        """`endpoint_url` names an S3-compatible server, addressed by path; empty: AWS, addressed by host.

        `credentials` that expire are given as a function, which is asked for each request.
        """
        if "." in bucket and not endpoint_url:  # no certificate names such a host
            endpoint_url = f"https://s3.{region}.amazonaws.com"
        self._endpoint_url = endpoint_url or f"https://{bucket}.s3.{region}.amazonaws.com"
        self._prefix = f"/{bucket}/" if endpoint_url else "/"
        self._host = urlsplit(self._endpoint_url).netloc
        self._region = region
        self._credentials = credentials if callable(credentials) else lambda: credentials
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._idle: list[Connection] = []

    @classmethod
    def from_env(
        cls,
        bucket: str,
        env: Mapping[str, str],
        *,
        credentials: Callable[[], Credentials] | None = None,
        timeout_s: float = 3.0,
        attempts: int = 4,
    ) -> Self:
        """A reader as the environment describes it (AWS_ENDPOINT_URL: a local stand-in). Credentials are those of the
        environment too, where none are given."""
        return cls(
            bucket,
            region=env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or "us-east-1",
            credentials=credentials or Credentials.from_env(env),
            endpoint_url=env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL") or "",
            timeout_s=timeout_s,
            attempts=attempts,
        )

    def read(self, key: str, deadline: Deadline, *, version: str = "", most_bytes: int | None = None) -> bytes:
        """The whole object, in that version if one is given. Raises ImageTooLarge above `most_bytes`.

        Raises NotFound if there is none (S3 says 404 only to a role that may list the bucket), StorageUnavailable if
        S3 stays silent, and its child StorageRefused if this reader may not have the object.
        """
        consume = b"".join if most_bytes is None else _joined_up_to(most_bytes)
        return self._retried(key, None, deadline, consume, version)

    def read_range(self, key: str, first: int, into: memoryview, deadline: Deadline) -> None:
        """Fills `into` with the bytes of the object from offset `first`. Raises as `read`, and EOFError on a short
        object."""

        def fill(chunks: Iterator[bytes]) -> None:
            done = 0
            for chunk in chunks:
                into[done : done + len(chunk)] = chunk
                done += len(chunk)
            if done < len(into):
                raise EOFError(f"{key} ends after {first + done} bytes; {first + len(into)} expected")

        self._retried(key, f"bytes={first}-{first + len(into) - 1}", deadline, fill)

    def _retried(self, key: str, byte_range: str | None, deadline: Deadline, consume: Any, version: str = "") -> Any:
        """`consume(chunks of the body)` of the first try that works.

        Waits between tries with jitter, never past the deadline.
        """
        reason = "no time left"
        for attempt in range(self._attempts):
            if attempt:
                pause_s = 0.05 * 2**attempt * random.uniform(0.5, 1.5)
                time.sleep(max(0.0, min(pause_s, deadline.remaining_s)))
            timeout_s = min(self._timeout_s, deadline.remaining_s)
            if timeout_s <= 0:
                break
            try:
                with self._get(key, byte_range, timeout_s, deadline, version) as answer:
                    if answer.status in (200, 206):
                        return consume(answer.body(deadline))
                    if answer.status == 404:
                        raise NotFound(f"s3 object {key} does not exist")
                    if answer.status == 416:
                        raise EOFError(f"{key} is shorter than {byte_range}")
                    if answer.status in _REFUSALS:
                        raise StorageRefused(
                            f"reading {key} failed: status {answer.status}, {_REFUSALS[answer.status]}", public=_SILENT
                        )
                    reason = f"status {answer.status}"
                    if answer.status not in _RETRIED_STATUS:
                        break
            except OSError as exc:
                reason = f"{type(exc).__name__}: {exc}"
        raise StorageUnavailable(
            f"reading {key} failed at try {attempt + 1}: {reason}",
            public=_SILENT,
        )

    @contextmanager
    def _get(
        self, key: str, byte_range: str | None, timeout_s: float, deadline: Deadline, version: str
    ) -> Iterator[Connection]:
        """One signed GET on an idle or a new connection, which is kept only if the answer is read to its end."""
        path = quote(self._prefix + key, safe="/-_.~")
        timestamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        query = f"versionId={quote(version, safe='-_.~')}" if version else ""
        headers = sign_get(self._host, path, self._credentials(), self._region, timestamp, query)
        if byte_range:
            headers["range"] = byte_range
        try:
            connection = self._idle.pop()
        except IndexError:  # asking first whether there is one would race with other threads
            connection = Connection(self._endpoint_url, timeout_s)
        try:
            yield connection.get(f"{path}?{query}" if query else path, headers, deadline, timeout_s)
        finally:
            if connection.is_reusable(deadline):
                self._idle.append(connection)
            else:
                connection.close()

    def close(self) -> None:
        """Closes the idle connections; the reader stays usable."""
        while self._idle:
            self._idle.pop().close()


def _joined_up_to(most_bytes: int) -> Callable[[Iterator[bytes]], bytes]:
    def joined(chunks: Iterator[bytes]) -> bytes:
        content = bytearray()
        for chunk in chunks:
            content += chunk
            if len(content) > most_bytes:
                raise ImageTooLarge(f"the uploaded file is larger than {most_bytes / 1e6:g} MB (RETINUE_UPLOAD_MAX_MB)")
        return bytes(content)

    return joined


def boto3_client(service: str, *, attempts: int | None = None) -> Any:
    """A boto3 client from the usual AWS configuration, which tries each call up to `attempts` times (None: as often as
    boto3 does by itself). Importing boto3 costs 150-260 ms."""
    import boto3
    from botocore.config import Config

    retries = {"mode": "standard", "total_max_attempts": attempts} if attempts else None
    if service != "s3":
        return boto3.client(service, config=Config(retries=retries))
    # Without it links to objects are signed in the old way, which newer regions refuse.
    client = boto3.client(service, config=Config(retries=retries, signature_version="s3v4"))
    if client.meta.endpoint_url.endswith(".amazonaws.com"):
        # Links to the bucket's own region: the common address redirects for the first hours, and no link survives that.
        styled = Config(retries=retries, signature_version="s3v4", s3={"addressing_style": "virtual"})
        client = boto3.client(service, config=styled)
    return client


def boto3_credentials() -> Callable[[], Credentials]:
    """The credentials that boto3 finds, kept fresh: those of a container's role change while it runs.

    Raises ConfigurationError if there are none.
    """
    import boto3

    found = boto3.Session().get_credentials()
    if found is None:
        raise ConfigurationError("there are no AWS credentials: no role of the container, none in the environment")

    def current() -> Credentials:
        frozen = found.get_frozen_credentials()
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token or "")

    return current


def boto3_errors() -> tuple[type[Exception], ...]:
    """What boto3 raises when AWS refuses, cannot be reached, or is not configured."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    return Boto3Error, BotoCoreError, ClientError
