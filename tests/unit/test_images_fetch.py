"""Pictures by URL: a public name served from loopback, and every URL that must not be fetched."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from retinue.deadline import Deadline
from retinue.errors import ImageError, ImageTooLarge
from retinue.images.fetch import UrlFetcher
from retinue.internet import is_public_address
from tests.unit.buckets import SOON
from tests.unit.servers import LOOPBACK, Authority, Conversation, ScriptedServer, Step, make_authority, serving

NAME, OTHER_NAME = "pictures.example.com", "other.example.org"

INVALID = "Provided image URL is invalid"
NOT_HTTPS = "Providing images via non https:// URL is not supported in this configuration of"
NO_FQDN = "Providing images via URL without FQDN is not supported in this configuration of"
NOT_ALLOWED = "URL points to a network destination that is not allowed."
NOT_DECODED = "Data pointed by URL could not be decoded into image."
SWITCHED_OFF = "Providing images via URL is not supported in this configuration of"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"), NAME, OTHER_NAME)


Internet = Callable[..., UrlFetcher]


@pytest.fixture
def internet(authority: Authority) -> Iterator[Internet]:
    """internet(step, ..., option=...) -> a fetcher for which every name lies on a server that follows the steps."""
    running: list[Any] = []

    def start(*script: Step, **options: Any) -> UrlFetcher:
        running.append(serving(*script, tls=authority.server))
        server = running[-1].__enter__()
        defaults = {"is_allowed": True, "timeout_s": 5.0, "max_bytes": 1000, "max_redirects": 3}
        fetcher = UrlFetcher(
            **{
                **defaults,
                "resolver": lambda host: [LOOPBACK],
                "is_public": lambda address: True,
                "tls": authority.client,
                "port": server.port,
                **options,
            }
        )
        servers[id(fetcher)] = server
        return fetcher

    servers.clear()
    yield start
    for each in running:
        each.__exit__(None, None, None)


servers: dict[int, ScriptedServer] = {}


def refusal(fetcher: UrlFetcher, url: str) -> ImageError:
    with pytest.raises(ImageError) as refused:
        fetcher(url, SOON)
    return refused.value


def nobody_asked(host: str) -> list[str]:
    raise AssertionError(f"{host} must not be resolved")


def offline(**options: Any) -> UrlFetcher:
    """A fetcher that fails the test if it looks a name up."""
    defaults: dict[str, Any] = {"is_allowed": True, "timeout_s": 5, "max_bytes": 1000, "max_redirects": 3}
    return UrlFetcher(**{**defaults, "resolver": nobody_asked, **options})


class TestGoodUrls:
    @pytest.mark.parametrize(
        ("path", "asked"),
        [
            ("/a.jpg", "/a.jpg"),
            ("", "/"),
            ("?size=2", "/?size=2"),
            ("/b\xfc|.jpg?\u4f60", "/b%C3%BC%7C.jpg?%E4%BD%A0"),  # escaped as browsers do
            ("/a%20b.jpg?x=%2F#part", "/a%20b.jpg?x=%2F"),  # escapes stay, the fragment is not sent
        ],
    )
    def test_body(self, internet: Internet, path: str, asked: str) -> None:
        fetcher = internet(lambda client: client.answer(body=b"picture"))

        assert fetcher(f"https://{NAME}{path}", SOON) == b"picture"
        request = servers[id(fetcher)].requests[0]
        assert request.startswith(f"GET {asked} HTTP/1.1\r\n".encode())
        assert f"host: {NAME}\r\n".encode() in request.lower()

    @pytest.mark.parametrize("url", [f"https://{NAME}:443/a", f"HTTPS://{NAME}/a", f"https://{NAME.upper()}/a"])
    def test_other_spellings(self, internet: Internet, url: str) -> None:
        assert internet(lambda client: client.answer(body=b"picture"))(url, SOON) == b"picture"

    def test_chunked_body(self, internet: Internet) -> None:
        def chunks(client: Conversation) -> None:
            client.connection.sendall(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npict\r\n3\r\nure\r\n0\r\n\r\n"
            )

        assert internet(chunks)(f"https://{NAME}/a", SOON) == b"picture"

    def test_a_file_of_exactly_the_limit(self, internet: Internet) -> None:
        fetcher = internet(lambda client: client.answer(body=b"x" * 1000))

        assert len(fetcher(f"https://{NAME}/a", SOON)) == 1000


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    @pytest.mark.parametrize("location", ["/b.jpg", f"https://{OTHER_NAME}/b.jpg"], ids=["relative", "other name"])
    def test_followed(self, internet: Internet, status: int, location: str) -> None:
        fetcher = internet(
            lambda client: client.answer(f"{status} Moved", b"", f"Location: {location}"),
            lambda client: client.answer(body=b"picture"),
        )

        assert fetcher(f"https://{NAME}/a.jpg", SOON) == b"picture"
        assert servers[id(fetcher)].requests[1].startswith(b"GET /b.jpg ")

    def test_each_hop_is_resolved_and_checked(self, internet: Internet) -> None:
        public = {NAME: LOOPBACK, OTHER_NAME: "10.0.0.7"}
        fetcher = internet(
            lambda client: client.answer("302 Found", b"", f"Location: https://{OTHER_NAME}/secret"),
            resolver=lambda host: [public[host]],
            is_public=lambda address: address == LOOPBACK,
        )

        assert refusal(fetcher, f"https://{NAME}/a").public == NOT_ALLOWED

    @pytest.mark.parametrize(
        ("location", "public"),
        [
            (f"http://{NAME}/b", NOT_HTTPS),
            ("file:///etc/passwd", NOT_HTTPS),
            ("https://127.0.0.1/b", NO_FQDN),
            ("https://localhost/b", NO_FQDN),
            (f"https://{NAME}:8443/b", NOT_ALLOWED),
            (f"https://user:secret@{NAME}/b", NOT_ALLOWED),
            ("https://[::1/b", NOT_DECODED),  # no URL at all
        ],
    )
    def test_a_redirect_passes_the_same_checks(self, internet: Internet, location: str, public: str) -> None:
        fetcher = internet(lambda client: client.answer("302 Found", b"", f"Location: {location}"))

        assert refusal(fetcher, f"https://{NAME}/a").public.startswith(public)
        assert len(servers[id(fetcher)].requests) == 1

    @pytest.mark.parametrize(("max_redirects", "requests"), [(0, 1), (3, 4)])
    def test_a_circle_ends(self, internet: Internet, max_redirects: int, requests: int) -> None:
        fetcher = internet(lambda client: client.answer("302 Found", b"", "Location: /a"), max_redirects=max_redirects)

        assert refusal(fetcher, f"https://{NAME}/a").public == NOT_DECODED
        assert len(servers[id(fetcher)].requests) == requests


class TestUrlsThatAreNotFetched:
    @pytest.mark.parametrize(
        ("url", "public"),
        [
            ("", INVALID),
            ("picture.jpg", INVALID),
            ("//example.com/a", INVALID),
            ("https://", INVALID),
            ("https:///a.jpg", INVALID),
            ("https://[::1/a", INVALID),
            ("https://example.com:99999/a", INVALID),
            ("https://example.com/a b", INVALID),
            ("https://example.com/a\r\nX-Injected: 1", INVALID),
            ("http://some.com/image.jpg", NOT_HTTPS),
            ("ftp://some.com/image.jpg", NOT_HTTPS),
            ("file:///etc/passwd", NOT_HTTPS),
            ("data:image/png;base64,AAAA", NOT_HTTPS),
            ("s3://bucket/key", NOT_HTTPS),
            ("http://127.0.0.1/image.jpg", NOT_HTTPS),  # https is checked before the name
            ("https://127.0.0.1/image.jpg", NO_FQDN),
            ("https://8.8.8.8/image.jpg", NO_FQDN),  # a public address is no name either
            ("https://2130706433/", NO_FQDN),  # 127.0.0.1 as one number
            ("https://0x7f000001/", NO_FQDN),
            ("https://0x7f.0.0.0x1/", NO_FQDN),
            ("https://0177.0.0.1/", NO_FQDN),
            ("https://127.1/", NO_FQDN),
            ("https://127.0.0.1./", NO_FQDN),
            ("https://[::1]/", NO_FQDN),
            ("https://[::ffff:127.0.0.1]/", NO_FQDN),
            ("https://[fd00:ec2::254]/latest/meta-data", NO_FQDN),
            ("https://localhost/", NO_FQDN),
            ("https://localhost./", NO_FQDN),
            ("https://intranet/", NO_FQDN),
            ("https://example..com/", NO_FQDN),
            ("https://.com/", NO_FQDN),
            ("https://\uff11\uff12\uff17.0.0.\uff11/", NO_FQDN),  # fullwidth digits
            ("https://example.com:8443/a", NOT_ALLOWED),
            ("https://example.com:80/a", NOT_ALLOWED),
            ("https://user@example.com/a", NOT_ALLOWED),
            ("https://user:password@example.com/a", NOT_ALLOWED),
            ("https://@example.com/a", NOT_ALLOWED),
        ],
    )
    def test_refused_before_any_name_is_resolved(self, url: str, public: str) -> None:
        assert refusal(offline(), url).public.startswith(public)

    def test_all_of_them_where_urls_are_switched_off(self) -> None:
        assert refusal(offline(is_allowed=False), "https://example.com/a").public.startswith(SWITCHED_OFF)

    @pytest.mark.parametrize(
        "addresses",
        [
            ["127.0.0.1"],
            ["169.254.169.254"],  # the metadata service
            ["93.184.215.14", "10.0.0.1"],  # mixed: a rebinding name
            ["10.0.0.1", "93.184.215.14"],
        ],
        ids=" ".join,
    )
    def test_names_that_lead_to_private_addresses(self, addresses: list[str]) -> None:
        fetcher = offline(resolver=lambda host: addresses, port=1)

        assert refusal(fetcher, "https://example.com/a").public == NOT_ALLOWED

    @pytest.mark.parametrize("problem", [OSError("no such name"), UnicodeError("label too long")])
    def test_names_that_do_not_resolve(self, problem: Exception) -> None:
        def resolver(host: str) -> list[str]:
            raise problem

        assert refusal(offline(resolver=resolver), "https://example.com/a").public == NOT_DECODED

    def test_a_label_longer_than_dns_allows(self) -> None:
        # the system's resolver refuses it before it asks anybody
        fetcher = UrlFetcher(is_allowed=True, timeout_s=1, max_bytes=1, max_redirects=0)

        assert refusal(fetcher, f"https://{'a' * 64}.example.com/").public == NOT_DECODED

    def test_a_name_without_addresses(self) -> None:
        assert refusal(offline(resolver=lambda host: []), "https://example.com/a").public == NOT_DECODED


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("::ffff:93.184.215.14", True),  # IPv4 inside IPv6 counts as the IPv4 address
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),  # carrier-grade NAT
        ("0.0.0.0", False),
        ("224.0.0.1", False),  # multicast
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("fec0::1", False),  # site-local, deprecated and never public
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("::127.0.0.1", False),
        ("2002:7f00:1::", False),  # 127.0.0.1 through 6to4
        ("64:ff9b::7f00:1", False),  # 127.0.0.1 through NAT64
        ("64:ff9b::a9fe:a9fe", False),  # the metadata service through NAT64
    ],
)
def test_which_addresses_are_public(address: str, expected: bool) -> None:
    assert is_public_address(address) is expected


class TestBadServers:
    @pytest.mark.parametrize("status", ["204 No Content", "206 Partial Content", "304 Not Modified", "403 Forbidden"])
    def test_other_answers_than_200(self, internet: Internet, status: str) -> None:
        assert refusal(internet(lambda client: client.answer(status)), f"https://{NAME}/a").public == NOT_DECODED

    def test_a_redirect_to_nowhere(self, internet: Internet) -> None:
        assert refusal(internet(lambda client: client.answer("302 Found")), f"https://{NAME}/a").public == NOT_DECODED

    def test_a_closed_connection(self, internet: Internet) -> None:
        assert refusal(internet(lambda client: client.close()), f"https://{NAME}/a").public == NOT_DECODED

    def test_no_http(self, internet: Internet) -> None:
        fetcher = internet(lambda client: client.connection.sendall(b"SSH-2.0-OpenSSH\r\n"))

        assert refusal(fetcher, f"https://{NAME}/a").public == NOT_DECODED

    @pytest.mark.parametrize("length", [None, 10**12], ids=["sent", "announced"])
    def test_too_large(self, internet: Internet, length: int | None) -> None:
        fetcher = internet(lambda client: client.answer(body=b"x" * 1001, length=length))

        with pytest.raises(ImageTooLarge, match=r"0\.001 MB"):
            fetcher(f"https://{NAME}/a", SOON)

    def test_a_certificate_for_another_name(self, internet: Internet) -> None:
        fetcher = internet(lambda client: client.answer(body=b"picture"))

        assert refusal(fetcher, "https://stranger.example.net/a").public == NOT_DECODED
        assert servers[id(fetcher)].requests == []

    def test_a_certificate_of_a_stranger(self, internet: Internet) -> None:
        fetcher = internet(lambda client: client.answer(body=b"picture"), tls=None)

        assert refusal(fetcher, f"https://{NAME}/a").public == NOT_DECODED

    @pytest.mark.parametrize("part", ["head", "body"])
    def test_a_slow_sender_cannot_outlast_the_limit(self, internet: Internet, part: str) -> None:
        # GIVEN a server that sends a byte now and then, for 2 s in all: no single byte is late
        def slowly(client: Conversation) -> None:
            head = b"HTTP/1.1 200 OK\r\nX-Padding: "
            client.connection.sendall(head if part == "head" else b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")
            client.drip(b"x" * 100, pause_s=0.02)

        fetcher = internet(slowly, timeout_s=0.2)
        started = time.monotonic()

        assert refusal(fetcher, f"https://{NAME}/a").public == NOT_DECODED
        assert time.monotonic() - started < 1.5

    def test_the_deadline_of_the_request_counts_too(self, internet: Internet) -> None:
        fetcher = internet(lambda client: client.is_over.wait(5) and None, timeout_s=5)
        started = time.monotonic()

        with pytest.raises(ImageError) as refused:
            fetcher(f"https://{NAME}/a", Deadline.after(0.1))

        assert refused.value.public == NOT_DECODED
        assert time.monotonic() - started < 1.5


def test_no_thread_is_left_behind(internet: Internet) -> None:
    before = threading.active_count()
    fetcher = internet(lambda client: client.answer(body=b"picture"))

    fetcher(f"https://{NAME}/a", SOON)

    servers[id(fetcher)].stop()
    assert threading.active_count() == before
