"""The picture that is sent: 1280 x 720, JPEG, as a camera or a phone would send it."""

import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WIDTH, HEIGHT = 1280, 720
QUALITY = 90
SAMPLE = Path(__file__).parent.parent / "samples" / "photos" / "coins.png"


@dataclass(frozen=True, slots=True)
class Picture:
    """Where it comes from, its JPEG, and its pixels (720, 1280, 3) RGB as the JPEG holds them."""

    source: str
    jpeg: bytes
    pixels: NDArray[np.uint8]

    def tensor(self, size: int) -> NDArray[np.float32]:
        """The picture as a network takes it, (1, 3, size, size), letterboxed."""
        height = size * HEIGHT // WIDTH
        resized = Image.fromarray(self.pixels).resize((size, height), Image.Resampling.BILINEAR)
        canvas = np.full((size, size, 3), 114, np.uint8)
        top = (size - height) // 2
        canvas[top : top + height] = np.asarray(resized)
        return (canvas.transpose(2, 0, 1)[None] / np.float32(255)).astype(np.float32)


def load_picture() -> Picture:
    """The first photo in `photos` of the folder that RETINUE_TEST_DATA names, else a photo of the repository."""
    folder = os.environ.get("RETINUE_TEST_DATA")
    photos = sorted(Path(folder, "photos").glob("*.jpg")) if folder else []
    path = photos[0] if photos else SAMPLE
    with Image.open(path) as opened:
        picture = opened.convert("RGB").resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=QUALITY)
    with Image.open(stream) as decoded:
        return Picture(path.name, stream.getvalue(), np.array(decoded))
