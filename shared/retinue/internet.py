"""Connections to public https hosts: what fetches pictures and what sends for workflows passes the same checks.

The name is resolved here, every address is checked, and the connection goes to a checked address: between the check
and the connection nothing can be resolved again.
"""

import ipaddress
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, quote, urlsplit

from retinue.deadline import Deadline
from retinue.errors import UrlError

if TYPE_CHECKING:
    import ssl
    from http.client import HTTPConnection

# IPv4-compatible addresses, and those that a NAT64 gateway translates.
_IPV4_AT_THE_END = (ipaddress.IPv6Network("::/96"), ipaddress.IPv6Network("64:ff9b::/96"))

# Of IPv6 only these are given to networks; all others are local, reserved or translated to something else.
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_LABEL = re.compile(r"[a-z0-9_-]+")
# Everything that may stand in a URL; what is escaped already stays as it is.
_URL_CHARACTERS = "%/:?#[]@!$&'()*+,;=~"

# The addresses of a host name.
Resolver = Callable[[str], list[str]]
# Opens a connection to (address, port) within so many seconds.
Connector = Callable[[tuple[str, int], float], socket.socket]


def resolve(host: str) -> list[str]:
    """The addresses that the system's resolver gives for `host`."""
    return [str(info[4][0]) for info in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)]


class Internet:
    """The way to public hosts."""

    def __init__(
        self,
        *,
        resolver: Resolver = resolve,
        is_public: Callable[[str], bool] | None = None,
        connector: Connector = socket.create_connection,
        tls: "ssl.SSLContext | None" = None,
        port: int = 443,
    ) -> None:
        """All of it is injectable so that a test can serve a public name itself."""
        self._resolver = resolver
        self._connector = connector
        self._is_public = is_public or is_public_address
        self._tls = tls
        self._port = port

    @contextmanager
    def connected(self, target: SplitResult, limit: Deadline) -> "Iterator[HTTPConnection]":
        """A connection to the host of a parsed URL, whose certificate must be for it.

        Cut at the limit, whatever it is doing: a timeout is per read, so without the cut a server that drips bytes
        could go on for ever. Raises UrlError for a host that is not public, OSError where nobody answers.
        """
        from http.client import HTTPConnection

        host = ascii_name(str(target.hostname))  # certificates know no last dot
        address = self._checked_address(host)
        timeout_s = max(0.001, limit.remaining_s)
        # Not HTTPSConnection: it would load the system's certificates once more, only to be given this socket.
        connection = HTTPConnection(host, timeout=timeout_s)
        plain = self._connector((address, self._port), timeout_s)
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

    def _checked_address(self, host: str) -> str:
        try:
            addresses = self._resolver(host)
        except (OSError, UnicodeError) as exc:  # UnicodeError: a label that DNS does not allow
            raise UrlError(f"{host} does not resolve: {exc}", rule="known host") from exc
        if not addresses:
            raise UrlError(f"{host} has no address", rule="known host")
        if not all(self._is_public(address) for address in addresses):
            raise UrlError(f"{host} has an address that is not public", rule="public")
        return addresses[0]


def parse_public_url(url: str) -> SplitResult:
    """The parts of a URL that may be used, in the contract's order of checks. Raises UrlError."""
    try:
        target = urlsplit(url)
        host, port = target.hostname, target.port
    except ValueError as exc:
        # The words of the exception repeat what may be a password.
        raise UrlError("no URL: its host or port cannot be read", rule="form") from exc
    if not target.scheme or (not host and target.scheme in ("http", "https")):
        raise UrlError("no URL: it has no scheme or no host", rule="form")
    if target.scheme.lower() != "https":
        raise UrlError(f"the scheme is {target.scheme}, not https", rule="https")
    if not host or not _is_domain_name(host):
        raise UrlError("the host is no fully qualified domain name", rule="domain name")
    if port not in (None, 443) or target.username is not None or target.password is not None:
        raise UrlError("a port other than 443 or credentials in the URL", rule="public")
    if any(ord(character) <= 32 or ord(character) == 127 for character in url):
        raise UrlError("control characters or spaces in the URL", rule="form")
    return target


def path_and_query(target: SplitResult) -> str:
    """What a request asks the host for."""
    return quote(f"{target.path or '/'}{'?' + target.query if target.query else ''}", safe=_URL_CHARACTERS)


def ascii_name(host: str) -> str:
    """A host name as DNS has it: ASCII, lower case, without the last dot; full-width digits and dots are plain ones.

    Raises UnicodeError for what no name can be.
    """
    return (host if host.isascii() else host.encode("idna").decode("ascii")).lower().removesuffix(".")


def is_public_address(address: str) -> bool:
    """Whether an address is on the public internet; IPv4 inside IPv6 counts as the IPv4 address."""
    parsed = ipaddress.ip_address(address.split("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo[1] if parsed.teredo else None)
        if any(parsed in network for network in _IPV4_AT_THE_END):
            inner = ipaddress.IPv4Address(parsed.packed[-4:])
        if inner is not None:
            return inner.is_global and not inner.is_multicast
        return parsed in _GLOBAL_UNICAST and parsed.is_global
    return parsed.is_global and not parsed.is_multicast


def _is_domain_name(host: str) -> bool:
    """Whether `host` is a fully qualified name: at least two labels, the last one not a number (that is an address)."""
    try:
        labels = ascii_name(host).split(".")
    except UnicodeError:
        return False
    is_number = labels[-1].isdigit() or labels[-1].startswith("0x")
    return len(labels) >= 2 and all(map(_LABEL.fullmatch, labels)) and not is_number


@cache
def _default_tls() -> "ssl.SSLContext":
    """The system's certificates; loading them takes 20-40 ms."""
    import ssl

    return ssl.create_default_context()


def _cut(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
