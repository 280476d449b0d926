"""scikit-learn's 1,797 handwritten digits and their fixed split: 1,437 to train on, 360 held out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SPLIT_SEED = 20
HELD_OUT_SHARE = 0.2


@dataclass(frozen=True)
class Digits:
    """`images` (n, 8, 8) float32, ink 0..1 on an empty ground; `labels` (n,) int64."""

    images: NDArray[np.float32]
    labels: NDArray[np.int64]


def load_digits_split() -> tuple[Digits, Digits]:
    """Return (training, held out), each class in the same proportion."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    data = load_digits()
    training, held_out = train_test_split(
        np.arange(len(data.target)), test_size=HELD_OUT_SHARE, stratify=data.target, random_state=SPLIT_SEED
    )
    images = (data.images / 16).astype(np.float32)
    labels = data.target.astype(np.int64)
    return Digits(images[training], labels[training]), Digits(images[held_out], labels[held_out])
