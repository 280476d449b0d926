"""Calls of a service over HTTP, with what it says in its own words when it refuses."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, BinaryIO
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import orjson

from retinue.errors import RequestError, RetinueError, ServiceSilent

# A little more than the gateway's own limit, so that its words arrive.
_REQUEST_TIMEOUT_S = 35.0
_CHUNK_BYTES = 256 * 1024


class _NoRedirects(HTTPRedirectHandler):
    """Keeps the API key from where a redirect points."""

    def redirect_request(self, *_: Any) -> None:
        """None: the redirect is the answer."""


def post_json(url: str, body: Mapping[str, Any], api_key: str) -> dict[str, Any]:
    """The JSON object that the service answers. Raises RequestError in its words, RetinueError if it is silent."""
    return call(url, api_key, method="POST", body=body)


def call(
    url: str,
    api_key: str,
    *,
    method: str = "GET",
    body: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The JSON object that the service answers with a status of success.

    Raises RequestError in its words, ServiceSilent for a service that is not there or not able (502 to 504).
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise RequestError(f"--url {url} is no http or https URL")
    sent = {"authorization": f"Bearer {api_key}"} if api_key else {}
    sent |= {"content-type": "application/json"} if body is not None else {}
    content = None if body is None else orjson.dumps(body)
    request = Request(url, content, {**sent, **(headers or {})}, method=method)
    try:
        with build_opener(_NoRedirects).open(request, timeout=_REQUEST_TIMEOUT_S) as answer:
            status, text = answer.status, answer.read()
    except HTTPError as exc:
        with exc:
            status, text = exc.code, exc.read()
    except (OSError, HTTPException) as exc:
        raise ServiceSilent(
            f"{url} does not answer: {exc}. Is the service running there? `make run` starts one"
        ) from exc
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise RetinueError(f"{url} answered {status} without JSON; is a Retinue service there?")
    if not 200 <= status < 300:
        from retinue.operator.workflows import explain

        kind = ServiceSilent if status in (429, 502, 503, 504) else RequestError
        raise kind(f"{url} answered {status}: {explain(document)}")
    return document


@contextmanager
def opened(url: str) -> Iterator[HTTPResponse]:
    """What lies behind a signed link. Raises RetinueError."""
    try:
        with build_opener().open(Request(url), timeout=_REQUEST_TIMEOUT_S) as answer:
            yield answer
    except HTTPError as exc:
        with exc:
            raise RetinueError(f"the storage answered {exc.code} for a result; was it deleted?") from exc
    except (OSError, HTTPException) as exc:
        raise ServiceSilent(f"the storage does not answer: {exc}") from exc


def put_file(url: str, path: Path, progress: Callable[[int], None]) -> None:
    """Puts a file to a signed link; `progress` is told of the bytes sent. Raises RequestError, ServiceSilent."""
    with path.open("rb") as file:
        headers = {"content-type": "application/octet-stream", "content-length": str(path.stat().st_size)}
        request = Request(url, _Told(file, progress), headers, method="PUT")
        try:
            with build_opener().open(request, timeout=_REQUEST_TIMEOUT_S) as answer:
                answer.read()
        except HTTPError as exc:
            with exc:
                raise RequestError(f"the storage answered {exc.code} to {path}") from exc
        except (OSError, HTTPException) as exc:
            raise ServiceSilent(f"the storage does not take {path}: {exc}") from exc


class _Told:
    """A file that tells how much of it was read."""

    def __init__(self, file: BinaryIO, progress: Callable[[int], None]) -> None:
        self._file, self._progress = file, progress

    def read(self, size: int = -1) -> bytes:
        """The next bytes, more at a time than http.client asks for."""
        chunk = self._file.read(max(size, _CHUNK_BYTES) if size >= 0 else size)
        self._progress(len(chunk))
        return chunk


def chunks_of(answer: HTTPResponse) -> Iterator[bytes]:
    """The body piece by piece. Raises EOFError if it ends before its announced length."""
    expected, got = int(answer.headers.get("content-length") or -1), 0
    while chunk := answer.read(_CHUNK_BYTES):
        got += len(chunk)
        yield chunk
    if expected not in (-1, got):
        raise EOFError(f"the storage sent {got} of {expected} bytes")
