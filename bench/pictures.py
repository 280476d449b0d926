"""The pictures that are sent: JPEG, in two sizes, as a camera or a phone would send them."""

import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# The smaller one is the one that budgets speak of.
SIZES_WH = ((1280, 720), (1920, 1080))
QUALITY = 90
SAMPLE = Path(__file__).parent.parent / "samples" / "photos" / "coins.png"


@dataclass(frozen=True, slots=True)
class Picture:
    """Where it comes from, its JPEG, and its pixels (height, width, 3) RGB as the JPEG holds them."""

    source: str
    jpeg: bytes
    pixels: NDArray[np.uint8]

    @property
    def size(self) -> str:
        """Width and height for people."""
        height, width, _ = self.pixels.shape
        return f"{width} x {height}"

    def tensor(self, side: int) -> NDArray[np.float32]:
        """The picture stretched to a network's square input, (1, 3, side, side), 0 to 1."""
        resized = Image.fromarray(self.pixels).resize((side, side), Image.Resampling.BILINEAR)
        return (np.asarray(resized).transpose(2, 0, 1)[None] / np.float32(255)).astype(np.float32)


def load_pictures() -> tuple[Picture, ...]:
    """One photo in both sizes: the first in `photos` of the folder that RETINUE_TEST_DATA names, else a sample."""
    folder = os.environ.get("RETINUE_TEST_DATA")
    photos = sorted(Path(folder, "photos").glob("*.jpg")) if folder else []
    path = photos[0] if photos else SAMPLE
    return tuple(_picture(path, size_wh) for size_wh in SIZES_WH)


def _picture(path: Path, size_wh: tuple[int, int]) -> Picture:
    with Image.open(path) as opened:
        picture = opened.convert("RGB").resize(size_wh, Image.Resampling.BICUBIC)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=QUALITY)
    with Image.open(stream) as decoded:
        return Picture(path.name, stream.getvalue(), np.array(decoded))
