"""Every form of URL that leads anywhere but to a public https host: refused, and nothing is connected to.

The resolver is as careless as the system's: it reads 127.1, 0x7f000001 and full-width digits as addresses.
"""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from retinue.errors import ImageError
from retinue.images.fetch import UrlFetcher
from tests.unit.buckets import SOON
from tests.unit.servers import LOOPBACK, Authority, ScriptedServer, Step, make_authority, serving

NAME, OTHER_NAME = "pictures.example.com", "other.example.org"
PUBLIC = {NAME: ["93.184.215.14"], OTHER_NAME: ["2606:2800:21f:cb07:6820:80da:af6b:8b2c", "93.184.215.15"]}
# Names of the public DNS, or of a network's own, that lead inside.
INSIDE = {
    "loopback.example.com": ["127.0.0.1"],
    "ten.example.com": ["10.1.2.3"],
    "office.example.com": ["192.168.1.1"],
    "docker.example.com": ["172.17.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "carrier.example.com": ["100.64.0.1"],
    "zero.example.com": ["0.0.0.0"],
    "broadcast.example.com": ["255.255.255.255"],
    "multicast.example.com": ["224.0.0.251"],
    "reserved.example.com": ["240.0.0.1"],
    "benchmark.example.com": ["198.18.0.1"],
    "six.example.com": ["::1"],
    "unspecified.example.com": ["::"],
    "local.example.com": ["fd00:ec2::254"],
    "link.example.com": ["fe80::1%eth0"],
    "site.example.com": ["fec0::1"],
    "mapped.example.com": ["::ffff:169.254.169.254"],
    "compatible.example.com": ["::127.0.0.1"],
    "sixtofour.example.com": ["2002:a9fe:a9fe::1"],
    "nat64.example.com": ["64:ff9b::a9fe:a9fe"],
    "localnat64.example.com": ["64:ff9b:1::a9fe:a9fe"],
    "translated.example.com": ["::ffff:0:7f00:1"],
    "teredo.example.com": ["2001:0:4136:e378:8000:63bf:80ff:fffe"],
    "mixed.example.com": ["93.184.215.14", "10.0.0.1"],
    "mixed6.example.com": ["2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::1"],
    "inside-first.example.com": ["10.0.0.1", "93.184.215.14"],
    "nobody.example.com": [],
}  # fmt: skip

HOSTS = [
    # IPv4 as it is written, and as C libraries read it
    "127.0.0.1", "8.8.8.8", "169.254.169.254", "0.0.0.0", "127.1", "127.0.1", "0", "2130706433", "017700000001",
    "0177.0.0.1", "0177.0.0.01", "0x7f.0.0.1", "0x7f.1", "0x7f000001", "0x7F000001", "0xa9fea9fe", "127.0.0.0x1",
    "127.0.0.1.", "127.0.0.1..", "127.0.0.01", "00000127.0.0.1",
    # escaped, in part or all
    "%31%32%37.0.0.1", "127.0.0.%31", "127%2e0%2e0%2e1", "%6c%6f%63%61%6c%68%6f%73%74.example%2ecom",
    # digits and dots of other scripts, which IDNA makes plain ones
    "\uff11\uff12\uff17.0.0.\uff11", "127\u30020\u30020\u30021", "127\uff0e0\uff0e0\uff0e1", "127.0.0.1\u3002",
    "\u2460\u2461\u2466.0.0.\u2460", "169.254.169.\u00b2\u2075\u2074", "\u0661\u0662\u0667.0.0.\u0661",
    # IPv6
    "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[fe80::1%25eth0]",
    "[fd00:ec2::254]", "[2002:7f00:1::]", "[64:ff9b::7f00:1]", "[2606:2800:21f:cb07:6820:80da:af6b:8b2c]", "::1",
    # no names, or names of this machine's own network
    "localhost", "localhost.", "LOCALHOST", "intranet", "", ".", ".com", "example..com", "-", "*", "a_b",
    "exa mple.com",
    "127.0.0.1\\.example.com", "example.com%00.evil.com", "example.com%2f@127.0.0.1", "example.com\\@127.0.0.1",
]  # fmt: skip

URLS = [
    *(f"https://{host}/a.jpg" for host in HOSTS),
    *(f"https://{name}/a.jpg" for name in INSIDE),
    *(f"https://{name}./a.jpg" for name in ("loopback.example.com", "mixed.example.com")),
    "https://\uff4coopback\uff0eexample.com/a.jpg",
    # credentials and ports
    f"https://user@{NAME}/a.jpg", f"https://user:password@{NAME}/a.jpg", f"https://@{NAME}/a.jpg",
    f"https://:@{NAME}/a.jpg", f"https://{NAME}@127.0.0.1/a.jpg", f"https://127.0.0.1@{NAME}/a.jpg",
    f"https://user:password@\u2100{NAME}/a.jpg", f"https://{NAME}:80/", f"https://{NAME}:8443/",
    f"https://{NAME}:22/", f"https://{NAME}:0/", f"https://{NAME}:65536/", f"https://{NAME}:-443/",
    f"https://{NAME}:secret/", f"https://{NAME}:4\uff143/", "https://127.0.0.1:443/", "https://[::1]:443/",
    # other schemes
    f"http://{NAME}/", "http://127.0.0.1/", f"ftp://{NAME}/a.jpg", "file:///etc/passwd", "file://localhost/etc/passwd",
    "data:image/png;base64,AAAA", "gopher://127.0.0.1:6379/_SET%20a%20b", f"ws://{NAME}/", "s3://bucket/key",
    "dict://127.0.0.1:11211/", "ldap://127.0.0.1/", "jar:https://example.com!/", "javascript:alert(1)", "unix:/run/a",
    f"//{NAME}/a.jpg", "/etc/passwd", "a.jpg", "", "https:", "https:/", "https://",
    f"https:{NAME}/a.jpg", f"https:/{NAME}/a.jpg", f"https:\\\\{NAME}\\a.jpg",
    # line ends and controls, anywhere
    f"https://{NAME}/a\r\nHost: 127.0.0.1", f"https://{NAME}/a\nX: 1", f"https://{NAME}\r\n/a", f" https://{NAME}/",
    f"https://{NAME}/a b", f"https://{NAME}/\0", f"ht\ntps://{NAME}/", f"https://127.0.\t0.1.{NAME}/", "https://[::1",
    f"https://{NAME}/\x7f",
]  # fmt: skip


def can_be_a_redirect(url: str) -> bool:
    """Whether a Location header can hold it, and it does not only continue the URL that it comes from."""
    try:
        return url.isascii() and url.isprintable() and " " not in url and bool(urlsplit(url).netloc) and url[0] != "/"
    except ValueError:
        return False


class Network:
    """The injected resolver and connector of a fetcher: what was asked, and what was connected to."""

    def __init__(self, server: ScriptedServer, authority: Authority, **options: Any) -> None:
        self.server = server
        self.connections: list[str] = []
        self.fetch = UrlFetcher(
            is_allowed=True,
            timeout_s=5,
            max_bytes=1000,
            max_redirects=3,
            resolver=self.resolve,
            connector=self.connect,
            tls=authority.client,
            **options,
        )

    def resolve(self, host: str) -> list[str]:
        name = host.encode("idna").decode().lower().rstrip(".")
        if name in PUBLIC or name in INSIDE:
            return (PUBLIC | INSIDE)[name]
        if name == "localhost":
            return ["127.0.0.1"]
        return [socket.inet_ntoa(socket.inet_aton(name))]  # OSError for what is no address

    def connect(self, target: tuple[str, int], timeout_s: float) -> socket.socket:
        address, port = target
        assert port == 443
        self.connections.append(address)
        return socket.create_connection((LOOPBACK, self.server.port), timeout_s)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder: Path = tmp_path_factory.mktemp("authority")
    return make_authority(folder, NAME, OTHER_NAME)


@pytest.fixture(scope="module")
def script() -> list[Step]:
    """What the one server does, next request first; the last step stays."""
    return [lambda client: client.answer(body=b"picture")]


@pytest.fixture(scope="module")
def server(authority: Authority, script: list[Step]) -> Iterator[ScriptedServer]:
    with serving(*script, tls=authority.server) as running:
        yield running


@pytest.fixture
def network(server: ScriptedServer, authority: Authority, script: list[Step]) -> Network:
    server.script[:] = script
    return Network(server, authority)


def test_there_are_enough_forms() -> None:
    assert len(set(URLS)) == len(URLS) >= 60


@pytest.mark.parametrize("url", URLS, ids=ascii)
def test_refused_without_a_connection(network: Network, url: str) -> None:
    with pytest.raises(ImageError):
        network.fetch(url, SOON)

    assert network.connections == []


@pytest.mark.parametrize("url", [*filter(can_be_a_redirect, URLS)], ids=ascii)
def test_refused_after_a_redirect(network: Network, url: str) -> None:
    network.server.script[:] = [
        lambda client: client.answer("302 Found", b"", f"Location: {url}"),
        lambda client: client.answer(body=b"what nobody may see"),
    ]

    with pytest.raises(ImageError):
        network.fetch(f"https://{NAME}/a.jpg", SOON)

    assert network.connections == PUBLIC[NAME]


@pytest.mark.parametrize(
    ("url", "address"),
    [
        pytest.param(f"https://{NAME}/a.jpg", PUBLIC[NAME][0], id="a name"),
        pytest.param(f"https://{NAME.upper()}:443/a.jpg", PUBLIC[NAME][0], id="capitals and the usual port"),
        pytest.param(f"https://{OTHER_NAME}/a.jpg?a=1#b", PUBLIC[OTHER_NAME][0], id="IPv6, the first of two addresses"),
        pytest.param("https://pictures\uff0eexample\u3002com/a.jpg", PUBLIC[NAME][0], id="dots of other scripts"),
        pytest.param(f"https://{NAME}/b\xfccher.jpg", PUBLIC[NAME][0], id="a path that has to be escaped"),
    ],
)
def test_public_names_work(network: Network, url: str, address: str) -> None:
    assert network.fetch(url, SOON) == b"picture"
    assert network.connections == [address]


def test_a_public_redirect_works(network: Network) -> None:
    network.server.script[:] = [
        lambda client: client.answer("302 Found", b"", f"Location: https://{OTHER_NAME}/b.jpg"),
        lambda client: client.answer(body=b"picture"),
    ]

    assert network.fetch(f"https://{NAME}/a.jpg", SOON) == b"picture"
    assert network.connections == [PUBLIC[NAME][0], PUBLIC[OTHER_NAME][0]]


def test_a_name_that_moves_inside_between_two_requests(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    assert network.fetch(f"https://{NAME}/a.jpg", SOON) == b"picture"
    monkeypatch.setitem(PUBLIC, NAME, ["127.0.0.1"])

    with pytest.raises(ImageError):
        network.fetch(f"https://{NAME}/a.jpg", SOON)

    assert network.connections == ["93.184.215.14"]


@pytest.mark.parametrize(
    ("allowed", "denied", "url", "public"),
    [
        ([], [], f"https://{NAME}/", ""),
        ([NAME], [], f"https://{NAME}/", ""),
        ([NAME.upper()], [], f"https://{NAME}./", ""),
        ([".example.com"], [], f"https://{NAME}/", ""),
        (["example.com"], [], f"https://{NAME}/", "whitelisted destinations."),
        ([".pictures.example.com"], [], f"https://{NAME}/", "whitelisted destinations."),
        ([OTHER_NAME], [], f"https://{NAME}/", "whitelisted destinations."),
        ([OTHER_NAME], [], f"https://{NAME}.{OTHER_NAME}/", "whitelisted destinations."),
        ([], [OTHER_NAME], f"https://{NAME}/", ""),
        ([], [NAME], f"https://{NAME}/", "blacklisted destinations."),
        ([], [NAME], f"https://{NAME}./", "blacklisted destinations."),
        ([], [NAME], "https://pictures\uff0eexample\u3002com/", "blacklisted destinations."),
        ([NAME], [".example.com"], f"https://{NAME}/", "blacklisted destinations."),
    ],
)
def test_lists_of_hosts(
    server: ScriptedServer, authority: Authority, allowed: list[str], denied: list[str], url: str, public: str
) -> None:
    network = Network(server, authority, allowed_hosts=allowed, denied_hosts=denied)

    if public:
        with pytest.raises(ImageError) as refused:
            network.fetch(url, SOON)
        assert refused.value.public.endswith(public) and network.connections == []
    else:
        assert network.fetch(url, SOON) == b"picture"


def test_lists_hold_for_redirects(network: Network, server: ScriptedServer, authority: Authority) -> None:
    server.script[:] = [lambda client: client.answer("302 Found", b"", f"Location: https://{OTHER_NAME}/b.jpg")]
    network = Network(server, authority, denied_hosts=[OTHER_NAME])

    with pytest.raises(ImageError, match="RETINUE_URL_DENIED_HOSTS"):
        network.fetch(f"https://{NAME}/a.jpg", SOON)

    assert network.connections == PUBLIC[NAME]
