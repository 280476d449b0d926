"""A video behind a URL, to a file: by the rules of picture URLs (https, public hosts, also after redirects)."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin

from retinue.deadline import Deadline
from retinue.errors import UrlError
from retinue.internet import Internet, parse_public_url, path_and_query

if TYPE_CHECKING:
    from http.client import HTTPResponse

Check = Callable[[], None]
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CHUNK_BYTES = 1 << 20
# A host that does not answer may be busy; what it answers stays so.
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})


class VideoNotFetched(Exception):
    """The video behind the URL cannot be had. may_pass: another attempt later may have it."""

    def __init__(self, message: str, *, may_pass: bool = False) -> None:
        super().__init__(message)
        self.may_pass = may_pass


class VideoFetcher:
    """Fetches videos; memory holds a piece of them."""

    def __init__(
        self, *, timeout_s: float, max_bytes: int, max_redirects: int, internet: Internet | None = None
    ) -> None:
        """`internet` is injectable so that a test can serve a public name itself."""
        self._timeout_s, self._max_bytes, self._max_redirects = timeout_s, max_bytes, max_redirects
        self._internet = internet or Internet()

    def __call__(self, url: str, path: Path, check: Check = lambda: None) -> None:
        """Writes what is behind `url` to `path`; `check` is called between the pieces and may raise.

        Raises VideoNotFetched, whose text has no query of the URL: it may hold a signature.
        """
        limit = Deadline.after(self._timeout_s)
        try:
            for _ in range(self._max_redirects + 1):
                redirect = self._get(parse_public_url(url), path, limit, check)
                if redirect is None:
                    return
                url = redirect
        except UrlError as exc:
            raise VideoNotFetched(f"The URL of the video cannot be used: {exc.message}.") from exc
        raise VideoNotFetched(f"The URL of the video redirects more than {self._max_redirects} times.")

    def _get(self, target: SplitResult, path: Path, limit: Deadline, check: Check) -> str | None:
        """Writes the file, or returns where a redirect points."""
        from http.client import HTTPException

        host = str(target.hostname)
        try:
            with self._internet.connected(target, limit) as connection:
                connection.request("GET", path_and_query(target), headers={"user-agent": "retinue", "accept": "*/*"})
                with connection.getresponse() as response:
                    if response.status in _REDIRECTS and response.headers.get("location"):
                        return urljoin(target.geturl(), response.headers["location"])
                    if response.status != 200:
                        raise VideoNotFetched(
                            f"{host} answers {response.status} to the URL of the video.",
                            may_pass=response.status in _BUSY,
                        )
                    self._save(response, path, limit, check)
        except (OSError, HTTPException, ValueError) as exc:
            raise VideoNotFetched(f"Fetching the video from {host} failed: {exc}.", may_pass=True) from exc
        return None

    def _save(self, response: "HTTPResponse", path: Path, limit: Deadline, check: Check) -> None:
        size_bytes = 0
        with path.open("wb") as file:
            while chunk := response.read1(_CHUNK_BYTES):
                check()
                size_bytes += len(chunk)
                if size_bytes > self._max_bytes:
                    raise VideoNotFetched(
                        f"The video behind the URL is larger than {self._max_bytes / 1e6:,.0f} MB "
                        "(RETINUE_VIDEO_MAX_MB)."
                    )
                file.write(chunk)
        if limit.remaining_s <= 0 or response.length:
            raise VideoNotFetched("The video behind the URL did not come whole.", may_pass=True)
