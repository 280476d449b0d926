"""Writes samples/photos from what the scikit-image and scikit-learn wheels carry: `python -m samples.train.photos`.

The boxes of the coins (coins.boxes.json) were drawn by hand and are not written here.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .digits import load_digits_split

SHEET_COLUMNS = 20
DEMO_DIGITS = (0, 2, 4, 5, 7, 8)
DEMO_SIZE = 256


def sheet_of(images: NDArray[np.float32]) -> Image.Image:
    """Return the 8x8 digits side by side, row by row, white ink on black as in the data set."""
    count, side = len(images), images.shape[1]
    rows = -(-count // SHEET_COLUMNS)
    tiles = np.zeros((rows * SHEET_COLUMNS, side, side), dtype=np.uint8)
    tiles[:count] = np.round(images * 255)
    sheet = tiles.reshape(rows, SHEET_COLUMNS, side, side).swapaxes(1, 2).reshape(rows * side, SHEET_COLUMNS * side)
    return Image.fromarray(sheet)


def main() -> None:
    """Write the photograph of the coins, the sheet of held-out digits and a few of them enlarged."""
    from skimage.data import coins

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "photos")
    folder: Path = parser.parse_args().out
    Image.fromarray(coins()).save(folder / "coins.png", optimize=True)
    _, held_out = load_digits_split()
    sheet_of(held_out.images).save(folder / "digits-held-out.png", optimize=True)
    index = {"tile": 8, "columns": SHEET_COLUMNS, "labels": held_out.labels.tolist()}
    (folder / "digits-held-out.json").write_text(json.dumps(index) + "\n")
    for digit in DEMO_DIGITS:
        ink = held_out.images[held_out.labels == digit][0]
        tile = Image.fromarray(np.round(255 - ink * 255).astype(np.uint8))
        enlarged = tile.resize((DEMO_SIZE, DEMO_SIZE), Image.Resampling.BILINEAR)
        enlarged.save(folder / f"digit-{digit}.png", optimize=True)


if __name__ == "__main__":
    main()
