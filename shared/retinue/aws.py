"""S3, twice: a reader light enough for a cold start, and boto3 for everything that is not in a first answer.

Importing boto3 and making its first client costs 150-260 ms. The warm cache needs one call only, a GET, so that
call is signed here (AWS Signature Version 4, https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-
auth.html) and sent over a plain HTTP connection that is kept open. A test compares the signature with botocore's.
"""

import hashlib
import hmac
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote, urlsplit

from retinue.connection import Connection
from retinue.deadline import Deadline
from retinue.errors import NotFound, StorageUnavailable

_EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
_RETRIED_STATUS = frozenset({500, 502, 503, 504})


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


def sign_get(host: str, path: str, credentials: Credentials, region: str, timestamp: str) -> dict[str, str]:
    """The headers that make `GET path` a signed S3 request.

    `path` is percent-encoded and has no query; `timestamp` is UTC as YYYYMMDDTHHMMSSZ.
    """
    headers = {"host": host, "x-amz-content-sha256": _EMPTY_SHA256, "x-amz-date": timestamp}
    if credentials.session_token:
        headers["x-amz-security-token"] = credentials.session_token
    names = ";".join(sorted(headers))
    canonical = "\n".join(
        ["GET", path, "", *(f"{name}:{headers[name]}" for name in sorted(headers)), "", names, _EMPTY_SHA256]
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
        credentials: Credentials,
        endpoint_url: str = "",
        timeout_s: float = 3.0,
        attempts: int = 4,
    ) -> None:
        """`endpoint_url` names an S3-compatible server, addressed by path; empty: AWS, addressed by host."""
        self._endpoint_url = endpoint_url or f"https://{bucket}.s3.{region}.amazonaws.com"
        self._prefix = f"/{bucket}/" if endpoint_url else "/"
        self._host = urlsplit(self._endpoint_url).netloc
        self._region = region
        self._credentials = credentials
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._idle: list[Connection] = []

    @classmethod
    def from_env(cls, bucket: str, env: Mapping[str, str], *, timeout_s: float = 3.0, attempts: int = 4) -> Self:
        """A reader as the function's environment describes it (AWS_ENDPOINT_URL: a local stand-in)."""
        return cls(
            bucket,
            region=env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or "us-east-1",
            credentials=Credentials.from_env(env),
            endpoint_url=env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL") or "",
            timeout_s=timeout_s,
            attempts=attempts,
        )

    def read(self, key: str, deadline: Deadline) -> bytes:
        """The whole object.

        Raises NotFound if there is none (S3 says 404 only to a role that may list the bucket), StorageUnavailable if
        S3 stays silent or refuses.
        """
        return self._retried(key, None, deadline, b"".join)

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

    def _retried(self, key: str, byte_range: str | None, deadline: Deadline, consume: Any) -> Any:
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
                with self._get(key, byte_range, timeout_s, deadline) as answer:
                    if answer.status in (200, 206):
                        return consume(answer.body(deadline))
                    if answer.status == 404:
                        raise NotFound(f"s3 object {key} does not exist")
                    if answer.status == 416:
                        raise EOFError(f"{key} is shorter than {byte_range}")
                    reason = f"status {answer.status}"
                    if answer.status not in _RETRIED_STATUS:
                        break
            except OSError as exc:
                reason = f"{type(exc).__name__}: {exc}"
        raise StorageUnavailable(
            f"reading {key} failed at try {attempt + 1}: {reason}",
            public="The model storage does not answer at the moment - retry request.",
        )

    @contextmanager
    def _get(self, key: str, byte_range: str | None, timeout_s: float, deadline: Deadline) -> Iterator[Connection]:
        """One signed GET on an idle or a new connection, which is kept only if the answer is read to its end."""
        path = quote(self._prefix + key, safe="/-_.~")
        timestamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        headers = sign_get(self._host, path, self._credentials, self._region, timestamp)
        if byte_range:
            headers["range"] = byte_range
        try:
            connection = self._idle.pop()
        except IndexError:  # asking first whether there is one would race with other threads
            connection = Connection(self._endpoint_url, timeout_s)
        try:
            yield connection.get(path, headers, deadline, timeout_s)
        finally:
            if connection.is_reusable(deadline):
                self._idle.append(connection)
            else:
                connection.close()

    def close(self) -> None:
        """Closes the idle connections; the reader stays usable."""
        while self._idle:
            self._idle.pop().close()


def boto3_client(service: str) -> Any:
    """A boto3 client from the usual AWS configuration. For operators' commands: importing boto3 costs 150-260 ms."""
    import boto3

    return boto3.client(service)


def boto3_errors() -> tuple[type[Exception], ...]:
    """What boto3 raises when AWS refuses, cannot be reached, or is not configured."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    return Boto3Error, BotoCoreError, ClientError
