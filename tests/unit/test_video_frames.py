"""Frames of real video files: which, when, what is in them, and what is wrong with some files."""

import tracemalloc
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from retinue.video.frames import Frame, Video, VideoError
from tests.unit.videos import cut, make_video, moving_box, numbered, turned

MANY = 10**8


def read(path: Path, infer_fps: float = 5, *, first: int = 0) -> list[Frame]:
    with Video(path, max_pixels=MANY) as video:
        return list(video.frames(infer_fps, first=first))


def read_until_problem(path: Path, infer_fps: float = 30) -> tuple[list[Frame], VideoError]:
    frames = []
    with Video(path, max_pixels=MANY) as video, pytest.raises(VideoError) as caught:
        for frame in video.frames(infer_fps):
            frames.append(frame)
    return frames, caught.value


def number_in(frame: Frame) -> int:
    assert frame.picture is not None
    return round(float(frame.picture.mean())) - 20


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        pytest.param("v.mp4", "libx264", {}, id="mp4"),
        pytest.param("v.mp4", "libx264", {"movflags": "frag_keyframe+empty_moov"}, id="fragmented mp4"),
        pytest.param("v.mov", "libx264", {}, id="mov"),
        pytest.param("v.mkv", "libx264", {}, id="matroska: times rounded to 1 ms"),
        pytest.param("v.webm", "libvpx", {}, id="webm"),
        pytest.param("v.avi", "libx264", {}, id="avi"),
        pytest.param("v.ts", "libx264", {}, id="mpeg transport: time begins at 1.4 s"),
        pytest.param("v.h264", "libx264", {}, id="no container, no times"),
    ],
)
def test_offsets_times_and_pictures(tmp_path: Path, name: str, codec: str, options: dict[str, str]) -> None:
    rate = 25 if name == "v.h264" else 30  # FFmpeg takes 25 where nothing says more
    in_order = {"bf": "0"} if name == "v.avi" else {}  # AVI has no times for frames that are decoded out of order
    path = make_video(
        tmp_path / name, numbered(61), fps=rate, codec=codec, container_options=options, codec_options=in_order
    )
    frames = read(path)
    step = rate // 5
    assert [frame.offset for frame in frames] == list(range(0, 61, step))
    assert [frame.time_offset_s for frame in frames] == pytest.approx([0.2 * n for n in range(len(frames))], abs=6e-4)
    for frame in frames:
        assert frame.picture is not None and frame.picture.shape == (48, 64, 3) and frame.picture.dtype == np.uint8
        assert number_in(frame) == pytest.approx(frame.offset, abs=3)


def test_a_variable_rate_goes_by_time(tmp_path: Path) -> None:
    times = [0, 100, 150, 400, 1000, 1033, 1066, 2500, 2600, 3010]
    path = make_video(tmp_path / "v.mp4", numbered(len(times)), times_ms=times, codec_options={"bf": "0"})
    frames = read(path, 2)
    assert [(frame.offset, frame.time_offset_s) for frame in frames] == [
        (0, 0.0), (4, 1.0), (7, 2.5), (9, 3.01),
    ]  # fmt: skip


def test_times_have_four_decimals(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", numbered(10), fps=24)
    assert [frame.time_offset_s for frame in read(path, 24)][:4] == [0.0, 0.0417, 0.0833, 0.125]


def test_pictures_are_rgb_and_upright(tmp_path: Path) -> None:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:, :32] = (220, 30, 30)  # red on the left
    upright = make_video(tmp_path / "v.mp4", [picture] * 5)
    (first, *_) = read(upright, 30)
    assert first.picture is not None
    assert first.picture[24, 8] == pytest.approx((220, 30, 30), abs=12)
    (first, *_) = read(turned(tmp_path / "turned.mp4", upright), 30)
    assert first.picture is not None and first.picture.shape == (64, 48, 3)
    assert first.picture[8, 24] == pytest.approx((220, 30, 30), abs=12)  # the left is on top now
    assert first.picture[56, 24].max() < 30


def test_frames_before_the_first_wanted_have_no_picture(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", numbered(61))
    whole, rest = read(path), read(path, first=4)
    assert [(frame.number, frame.offset) for frame in rest] == [(frame.number, frame.offset) for frame in whole]
    assert [frame.picture is None for frame in rest] == [True] * 4 + [False] * 7
    assert np.array_equal(rest[4].picture, whole[4].picture)  # type: ignore[arg-type]


def test_what_a_file_says_of_itself(tmp_path: Path) -> None:
    with Video(make_video(tmp_path / "v.mp4", numbered(60), fps=24), max_pixels=MANY) as video:
        assert (video.fps, video.duration_s, video.total_frames) == (24, Fraction(5, 2), 60)
        assert (video.expected(4), video.expected(100)) == (10, 60)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        pytest.param(b"", "v.mp4", id="empty"),
        pytest.param(b"no video at all" * 100, "v.mp4", id="words"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + b"\0" * 500, "v.png", id="a picture"),
        pytest.param(b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nv0.mp4\n#EXT-X-ENDLIST\n", "v.m3u8", id="HLS"),
        pytest.param(b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1/v.ts\n", "v.mp4", id="HLS under another name"),
        pytest.param(b"ffconcat version 1.0\nfile v0.mp4\n", "v.mp4", id="a list of files"),
    ],
)
def test_what_is_no_video_is_refused(tmp_path: Path, content: bytes, name: str) -> None:
    make_video(tmp_path / "v0.mp4", numbered(10))  # what the playlists name: it must not be opened
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(VideoError, match="no video that can be decoded") as caught:
        Video(path, max_pixels=MANY)
    assert caught.value.problem == "not_a_video"


def test_a_file_of_sound_only_is_refused(tmp_path: Path) -> None:
    import av

    path = tmp_path / "v.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        for packet in (*stream.encode(frame), *stream.encode()):
            container.mux(packet)
    with pytest.raises(VideoError, match="sound or text, but no video"):
        Video(path, max_pixels=MANY)


def test_large_frames_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", numbered(3, (640, 480)))
    with pytest.raises(VideoError, match=r"640 x 480 pixels; the limit is 307,199") as caught:
        Video(path, max_pixels=640 * 480 - 1)
    assert caught.value.problem == "too_large"


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        pytest.param("v.mp4", "libx264", {"movflags": "+faststart"}, id="mp4 with its index in front"),
        pytest.param("v.mkv", "libx264", {}, id="matroska"),
        pytest.param("v.avi", "mpeg4", {}, id="avi"),
    ],
)
def test_a_truncated_file_gives_its_frames_and_then_the_reason(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    whole = make_video(tmp_path / name, moving_box(200), codec=codec, container_options=options)
    short = cut(tmp_path / f"short-{name}", whole, 0.6)
    frames, problem = read_until_problem(short)
    assert problem.problem == "damaged" and 40 < len(frames) < 180
    complete = read(whole, 30)
    same = [np.array_equal(a.picture, b.picture) for a, b in zip(frames, complete, strict=False)]  # type: ignore[arg-type]
    assert all(same[:-5])  # those around the cut may be guessed
    assert [frame.offset for frame in read_until_problem(short)[0]] == [frame.offset for frame in frames]


def test_an_mp4_without_its_index_is_refused(tmp_path: Path) -> None:
    whole = make_video(tmp_path / "v.mp4", moving_box(100))  # the index comes last
    with pytest.raises(VideoError, match="no video that can be decoded"):
        Video(cut(tmp_path / "short.mp4", whole, 0.6), max_pixels=MANY)


def test_damaged_places_are_said_and_always_read_alike(tmp_path: Path) -> None:
    whole = make_video(tmp_path / "v.mp4", moving_box(120), codec_options={"g": "30"})
    data = bytearray(whole.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(400)
    path = tmp_path / "damaged.mp4"
    path.write_bytes(data)

    def outcome() -> tuple[list[int], str]:
        frames: list[Frame] = []
        try:
            with Video(path, max_pixels=MANY) as video:
                for frame in video.frames(30):
                    frames.append(frame)
        except VideoError as exc:
            return [frame.offset for frame in frames], str(exc)
        return [frame.offset for frame in frames], ""

    first = outcome()
    assert len(first[0]) > 60
    assert [outcome() for _ in range(3)] == [first] * 3


def test_memory_does_not_grow_with_the_video(tmp_path: Path) -> None:
    def peak_bytes(pictures: Sequence[int]) -> int:
        path = make_video(tmp_path / f"{len(pictures)}.mp4", numbered(len(pictures), (320, 240)))
        tracemalloc.start()
        with Video(path, max_pixels=MANY) as video:
            for frame in video.frames(30):
                assert frame.picture is not None
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert peak_bytes(range(400)) < peak_bytes(range(40)) + 320 * 240 * 3
