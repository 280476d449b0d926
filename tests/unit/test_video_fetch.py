"""Videos behind URLs: a public name served from loopback, and what must not be fetched."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from retinue.internet import Internet
from retinue.video.fetch import VideoFetcher, VideoNotFetched
from tests.unit.servers import LOOPBACK, Authority, Conversation, Step, make_authority, serving

NAME = "videos.example.com"
URL = f"https://{NAME}/v.mp4?signature=secret"
Start = Callable[..., VideoFetcher]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"), NAME)


@pytest.fixture
def start(authority: Authority) -> Iterator[Start]:
    """start(step, ...) -> a fetcher for which every name lies on a server that follows the steps."""
    running = []

    def begin(*script: Step, address: str = LOOPBACK, is_public: bool = True, timeout_s: float = 5) -> VideoFetcher:
        running.append(serving(*script, tls=authority.server))
        server = running[-1].__enter__()
        internet = Internet(
            resolver=lambda host: [address],
            is_public=(lambda _: True) if is_public else None,
            tls=authority.client,
            port=server.port,
        )
        return VideoFetcher(timeout_s=timeout_s, max_bytes=100_000, max_redirects=2, internet=internet)

    yield begin
    for each in running:
        each.__exit__(None, None, None)


def test_a_video_is_written_whole(start: Start, tmp_path: Path) -> None:
    body, looks = bytes(range(256)) * 300, []
    start(lambda talk: talk.answer("200 OK", body))(URL, tmp_path / "v", lambda: looks.append(1))
    assert (tmp_path / "v").read_bytes() == body and looks


def test_redirects_are_followed_and_checked(start: Start, tmp_path: Path) -> None:
    def there(talk: Conversation) -> None:
        talk.answer("302 Found", b"", f"Location: https://{NAME}/other.mp4")

    start(there, lambda talk: talk.answer("200 OK", b"video"))(URL, tmp_path / "v")
    assert (tmp_path / "v").read_bytes() == b"video"
    for place, words in (("http://videos.example.com/v", "not https"), ("https://10.0.0.1/v", "domain name")):
        with pytest.raises(VideoNotFetched, match=words):
            start(lambda talk, to=place: talk.answer("302 Found", b"", f"Location: {to}"))(URL, tmp_path / "v")
    with pytest.raises(VideoNotFetched, match="more than 2 times"):
        start(there)(URL, tmp_path / "v")


@pytest.mark.parametrize(
    ("step", "may_pass", "words"),
    [
        pytest.param(lambda talk: talk.answer("404 Not Found"), False, "answers 404", id="not there"),
        pytest.param(lambda talk: talk.answer("503 Busy"), True, "answers 503", id="busy"),
        pytest.param(lambda talk: talk.answer("200 OK", bytes(100_001)), False, "larger than", id="too large"),
        pytest.param(lambda talk: talk.answer("200 OK", b"short", length=50), True, "whole|failed", id="ends early"),
        pytest.param(lambda talk: talk.close(), True, "failed", id="breaks off"),
    ],
)
def test_what_goes_wrong_is_said_without_the_query(
    start: Start, tmp_path: Path, step: Step, may_pass: bool, words: str
) -> None:
    with pytest.raises(VideoNotFetched, match=words) as caught:
        start(step, lambda talk: talk.close())(URL, tmp_path / "v")
    assert caught.value.may_pass is may_pass and "secret" not in str(caught.value)


def test_a_server_that_drips_is_cut(start: Start, tmp_path: Path) -> None:
    def drip(talk: Conversation) -> None:
        talk.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        talk.drip(bytes(1000), pause_s=0.05)

    with pytest.raises(VideoNotFetched):
        start(drip, timeout_s=0.5)(URL, tmp_path / "v")


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1"])
def test_names_of_private_addresses_are_not_connected(start: Start, tmp_path: Path, address: str) -> None:
    fetcher = start(lambda talk: talk.answer("200 OK", b"video"), address=address, is_public=False)
    with pytest.raises(VideoNotFetched, match="not public"):
        fetcher(URL, tmp_path / "v")
    assert not (tmp_path / "v").exists()
