"""The video with what was found in it: the frames that were asked about, drawn, as an MP4 (H.264) that every browser
plays.

Each frame is shown until the next one that was asked about, so the drawn video lasts as long as its source. The same
frames and lines give the same bytes.
"""

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from retinue.video.frames import Frame, Image
from retinue.video.read_answer import read_answer

Colors = Mapping[str, tuple[str, ...]]
"""The colours of each model's classes; "" is the only model of a job."""

_TICKS_PER_S = 90_000
# As many threads everywhere: their number decides about the bytes that x264 writes. Without mbtree, with which a frame
# or two of sixty came out differently from one run to the next (x264 of PyAV 18.1, seen in half of the runs).
_OPTIONS = {"preset": "veryfast", "crf": "23", "threads": "4", "x264-params": "mbtree=0"}
_STROKE_WIDTH = 2


def draw_frame(picture: Image, line: Mapping[str, Any], colors: Colors) -> Image:
    """The frame (H, W, 3) with what its line says: boxes, outlines, keypoints, classes; labels with tracker ids."""
    from retinue.pipeline.draw import drawn

    answers = {"": line.get("result"), **line.get("results", {})}
    for name, answer in answers.items():
        read = read_answer(answer) if isinstance(answer, Mapping) else None
        if read is not None:
            palette = colors.get(name, ())
            picture = np.asarray(
                drawn(
                    picture,
                    read[0],
                    colors=palette,
                    has_labels=True,
                    stroke_width=_STROKE_WIDTH,
                    tracker_ids=read[1],
                )
            )
    return picture


def draw_video(
    path: Path, frames: Iterable[Frame], lines: Iterator[Mapping[str, Any]], colors: Colors, infer_fps: float
) -> None:
    """Writes the drawn video. `lines` are those of the frames, in order; the last frame is shown for 1/infer_fps s."""
    import av

    stream: Any = None
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        for frame, line in zip(frames, lines, strict=False):  # behind the last frame may come what was wrong with it
            assert frame.picture is not None
            picture = _even(draw_frame(frame.picture, line, colors))
            if stream is None:
                stream = container.add_stream("libx264", rate=Fraction(str(infer_fps)), options=_OPTIONS)
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.codec_context.time_base = Fraction(1, _TICKS_PER_S)
            encoded = av.VideoFrame.from_ndarray(_sized(picture, stream.width, stream.height), format="rgb24")
            encoded.pts, encoded.time_base = round(frame.time_s * _TICKS_PER_S), Fraction(1, _TICKS_PER_S)
            for packet in stream.encode(encoded):
                container.mux(packet)
        if stream is not None:
            for packet in stream.encode():
                container.mux(packet)


def _even(picture: Image) -> Image:
    """The picture with even sides, as H.264's colours need them: an odd last row or column twice."""
    rows, columns = picture.shape[0] % 2, picture.shape[1] % 2
    return np.pad(picture, ((0, rows), (0, columns), (0, 0)), mode="edge") if rows or columns else picture


def _sized(picture: Image, width: int, height: int) -> Image:
    """The picture in the size of the first one: a video may change its size on the way, an MP4 may not."""
    if picture.shape[:2] == (height, width):
        return np.ascontiguousarray(picture)
    from PIL import Image as Pillow

    return np.asarray(Pillow.fromarray(picture).resize((width, height), Pillow.Resampling.BILINEAR))
