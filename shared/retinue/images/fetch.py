"""Pictures by URL: https only, public hosts only, also after each redirect; with limits of time and size."""

import socket
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin

from retinue.deadline import Deadline
from retinue.errors import ImageError, ImageTooLarge, UrlError, UrlRule
from retinue.internet import Connector, Internet, Resolver, ascii_name, parse_public_url, path_and_query, resolve

if TYPE_CHECKING:
    import ssl
    from http.client import HTTPResponse

_UNSUPPORTED = "is not supported in this configuration of the service."
_NOT_DECODED = "Data pointed by URL could not be decoded into image."
_PUBLIC: dict[UrlRule, str] = {
    "form": "Provided image URL is invalid",
    "https": f"Providing images via non https:// URL {_UNSUPPORTED}",
    "domain name": f"Providing images via URL without FQDN {_UNSUPPORTED}",
    "public": "URL points to a network destination that is not allowed.",
    "known host": _NOT_DECODED,
}
_PROHIBITED = "Providing images via URL of this host is prohibited by"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CHUNK_BYTES = 64 * 1024


class UrlFetcher:
    """Fetches the bytes behind public https URLs."""

    def __init__(
        self,
        *,
        is_allowed: bool,
        timeout_s: float,
        max_bytes: int,
        max_redirects: int,
        allowed_hosts: Collection[str] = (),
        denied_hosts: Collection[str] = (),
        resolver: Resolver = resolve,
        is_public: Callable[[str], bool] | None = None,
        connector: Connector = socket.create_connection,
        tls: "ssl.SSLContext | None" = None,
        port: int = 443,
    ) -> None:
        """Hosts are names, or `.example.com` for all names below one; no allowed_hosts: every public host is.

        resolver, is_public, connector, tls and port are injectable so that a test can serve a public name itself.
        """
        self._is_allowed = is_allowed
        self._allowed_hosts, self._denied_hosts = allowed_hosts, denied_hosts
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes
        self._max_redirects = max_redirects
        self._internet = Internet(resolver=resolver, is_public=is_public, connector=connector, tls=tls, port=port)

    def __call__(self, url: str, deadline: Deadline) -> bytes:
        """The body behind `url`. Raises ImageError whose public text is the contract's."""
        if not self._is_allowed:
            raise ImageError("URL input is off", public=f"Providing images via URL {_UNSUPPORTED}")
        limit = Deadline.after(min(self._timeout_s, deadline.remaining_s))
        try:
            for _ in range(self._max_redirects + 1):
                body, redirect = self._get(parse_public_url(url), limit)
                if redirect is None:
                    return body
                url = redirect
        except UrlError as exc:
            raise ImageError(exc.message, public=_PUBLIC[exc.rule]) from exc
        raise ImageError(f"more than {self._max_redirects} redirects", public=_NOT_DECODED)

    def _get(self, target: SplitResult, limit: Deadline) -> tuple[bytes, str | None]:
        """The body, or where a redirect points."""
        from http.client import HTTPException

        host = str(target.hostname)
        self._check_lists(ascii_name(host))
        try:
            with self._internet.connected(target, limit) as connection:
                headers = {"user-agent": "retinue", "accept": "image/*,*/*;q=0.5"}
                connection.request("GET", path_and_query(target), headers=headers)
                with connection.getresponse() as response:
                    if response.status in _REDIRECTS and response.headers.get("location"):
                        return b"", urljoin(target.geturl(), response.headers["location"])
                    if response.status != 200:
                        raise ImageError(f"{host} answers {response.status}", public=_NOT_DECODED)
                    return self._read(response, limit), None
        except (OSError, HTTPException, ValueError) as exc:
            # What is no HTTP is repeated in the words of an HTTPException, and may be a picture.
            reason = exc if isinstance(exc, OSError) else type(exc).__name__
            raise ImageError(f"fetching from {host} failed: {reason}", public=_NOT_DECODED) from exc

    def _check_lists(self, name: str) -> None:
        if self._allowed_hosts and not _is_listed(name, self._allowed_hosts):
            raise ImageError(
                f"{name} is not in RETINUE_URL_ALLOWED_HOSTS", public=f"{_PROHIBITED} whitelisted destinations."
            )
        if _is_listed(name, self._denied_hosts):
            raise ImageError(
                f"{name} is in RETINUE_URL_DENIED_HOSTS", public=f"{_PROHIBITED} blacklisted destinations."
            )

    def _read(self, response: "HTTPResponse", limit: Deadline) -> bytes:
        """The body within the limits of size and time."""
        body = bytearray()
        while chunk := response.read1(_CHUNK_BYTES):
            body += chunk
            if len(body) > self._max_bytes:
                raise ImageTooLarge(
                    f"the file behind the URL is larger than {self._max_bytes / 1e6:g} MB (RETINUE_URL_MAX_MB)"
                )
        if limit.remaining_s <= 0:
            raise ImageError(f"fetching took longer than {self._timeout_s:g} s", public=_NOT_DECODED)
        if response.length:
            raise ImageError(f"the body ends {response.length} bytes early", public=_NOT_DECODED)
        return bytes(body)


def _is_listed(name: str, hosts: Collection[str]) -> bool:
    return any(name == host or (host.startswith(".") and name.endswith(host)) for host in map(str.lower, hosts))
