"""Pictures by URL: https only, public hosts only, with limits of time and size.

The name is resolved here, every address is checked, and the connection goes to a checked address: between the check
and the connection nothing can be resolved again. Each redirect passes the same checks.
"""

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit

from retinue.deadline import Deadline
from retinue.errors import ImageError, ImageTooLarge

if TYPE_CHECKING:
    import ssl
    from http.client import HTTPConnection, HTTPResponse

_UNSUPPORTED = "is not supported in this configuration of the service."
_NOT_DECODED = "Data pointed by URL could not be decoded into image."
_NOT_ALLOWED = "URL points to a network destination that is not allowed."
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CHUNK_BYTES = 64 * 1024
# IPv4-compatible addresses, and those that a NAT64 gateway translates.
_IPV4_AT_THE_END = (ipaddress.IPv6Network("::/96"), ipaddress.IPv6Network("64:ff9b::/96"))

# The addresses of a host name.
Resolver = Callable[[str], list[str]]


def resolve(host: str) -> list[str]:
    """The addresses that the system's resolver gives for `host`."""
    return [str(info[4][0]) for info in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)]


class UrlFetcher:
    """Fetches the bytes behind public https URLs."""

    def __init__(
        self,
        *,
        is_allowed: bool,
        timeout_s: float,
        max_bytes: int,
        max_redirects: int,
        resolver: Resolver = resolve,
        is_public: Callable[[str], bool] | None = None,
        tls: "ssl.SSLContext | None" = None,
        port: int = 443,
    ) -> None:
        """resolver, is_public, tls and port are injectable so that a test can serve a public name itself."""
        self._is_allowed = is_allowed
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes
        self._max_redirects = max_redirects
        self._resolver = resolver
        self._is_public = is_public or _is_public_address
        self._tls = tls
        self._port = port

    def __call__(self, url: str, deadline: Deadline) -> bytes:
        """The body behind `url`. Raises ImageError whose public text is the contract's."""
        if not self._is_allowed:
            raise ImageError("URL input is off", public=f"Providing images via URL {_UNSUPPORTED}")
        limit = Deadline.after(min(self._timeout_s, deadline.remaining_s))
        for _ in range(self._max_redirects + 1):
            target = _parse(url)
            body, redirect = self._get(target, self._checked_address(target), limit)
            if redirect is None:
                return body
            url = urljoin(url, redirect)
        raise ImageError(f"more than {self._max_redirects} redirects", public=_NOT_DECODED)

    def _checked_address(self, target: SplitResult) -> str:
        host = str(target.hostname)
        try:
            addresses = self._resolver(host)
        except (OSError, UnicodeError) as exc:  # UnicodeError: a label that DNS does not allow
            raise ImageError(f"{host} does not resolve: {exc}", public=_NOT_DECODED) from exc
        if not addresses:
            raise ImageError(f"{host} has no address", public=_NOT_DECODED)
        if not all(self._is_public(address) for address in addresses):
            raise ImageError(f"{host} has an address that is not public", public=_NOT_ALLOWED)
        return addresses[0]

    def _get(self, target: SplitResult, address: str, limit: Deadline) -> tuple[bytes, str | None]:
        """The body, or where a redirect points."""
        from http.client import HTTPException

        host = str(target.hostname)
        try:
            with self._connected(host, address, limit) as connection:
                path = f"{target.path or '/'}{'?' + target.query if target.query else ''}"
                connection.request("GET", path, headers={"user-agent": "retinue", "accept": "image/*,*/*;q=0.5"})
                with connection.getresponse() as response:
                    if response.status in _REDIRECTS and response.headers.get("location"):
                        return b"", response.headers["location"]
                    if response.status != 200:
                        raise ImageError(f"{host} answers {response.status}", public=_NOT_DECODED)
                    return self._read(response, limit), None
        except (OSError, HTTPException, ValueError) as exc:
            raise ImageError(f"fetching from {host} failed: {exc}", public=_NOT_DECODED) from exc

    @contextmanager
    def _connected(self, host: str, address: str, limit: Deadline) -> "Iterator[HTTPConnection]":
        """A connection to the address, whose certificate must be for the host; cut at the limit, whatever it is doing.

        A timeout is per read, so without the cut a server that drips bytes could go on for ever.
        """
        from http.client import HTTPConnection

        timeout_s = max(0.001, limit.remaining_s)
        # Not HTTPSConnection: it would load the system's certificates once more, only to be given this socket.
        connection = HTTPConnection(host, timeout=timeout_s)
        plain = socket.create_connection((address, self._port), timeout=timeout_s)
        cut = threading.Timer(limit.remaining_s, lambda: _cut(connection.sock or plain))
        cut.daemon = True
        cut.start()
        try:
            connection.sock = (self._tls or _default_tls()).wrap_socket(plain, server_hostname=host)
            yield connection
        finally:
            cut.cancel()
            connection.close()
            plain.close()

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


@cache
def _default_tls() -> "ssl.SSLContext":
    """The system's certificates; loading them takes 20-40 ms."""
    import ssl

    return ssl.create_default_context()


def _cut(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def _parse(url: str) -> SplitResult:
    """The parts of a URL that may be fetched, in the contract's order of checks. Raises ImageError."""
    try:
        target = urlsplit(url)
        host, port = target.hostname, target.port
    except ValueError as exc:
        raise ImageError(f"no URL: {exc}", public="Provided image URL is invalid") from exc
    if not target.scheme or (not host and target.scheme in ("http", "https")):
        raise ImageError("no URL", public="Provided image URL is invalid")
    if target.scheme.lower() != "https":
        raise ImageError(f"scheme {target.scheme}", public=f"Providing images via non https:// URL {_UNSUPPORTED}")
    if not host or not _is_domain_name(host):
        raise ImageError("no domain name", public=f"Providing images via URL without FQDN {_UNSUPPORTED}")
    if port not in (None, 443) or target.username is not None or target.password is not None:
        raise ImageError("port or credentials in URL", public=_NOT_ALLOWED)
    if any(ord(character) <= 32 or ord(character) == 127 for character in url):
        raise ImageError("control characters in URL", public="Provided image URL is invalid")
    return target


def _is_domain_name(host: str) -> bool:
    """Whether `host` is a fully qualified name: at least two labels, the last one not a number (that is an address)."""
    labels = host.rstrip(".").split(".")
    last = labels[-1].lower()
    is_number = last.isdigit() or last.startswith("0x")
    return len(labels) >= 2 and all(labels) and not is_number and ":" not in host


def _is_public_address(address: str) -> bool:
    """Whether an address is on the public internet; IPv4 inside IPv6 counts as the IPv4 address."""
    parsed = ipaddress.ip_address(address.split("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.is_site_local:
            return False
        inner = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo[1] if parsed.teredo else None)
        if any(parsed in network for network in _IPV4_AT_THE_END):
            inner = ipaddress.IPv4Address(parsed.packed[-4:])
        if inner is not None:
            return inner.is_global and not inner.is_multicast
    return parsed.is_global and not parsed.is_multicast
