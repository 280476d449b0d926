"""Which candidates pass: confidence per class, and the filter of classes."""

import numpy as np
import pytest

from retinue.pipeline.prediction import Thresholds
from retinue.pipeline.thresholds import confidence_per_class, sigmoid, wanted_classes
from tests.unit.networks import make_manifest


@pytest.mark.parametrize(
    ("confidence", "class_confidence", "expected"),
    [
        pytest.param(0.25, (0.1, 0.2, 0.3), [0.25] * 3, id="a number is for all"),
        pytest.param("default", (0.1, 0.2, 0.3), [0.6] * 3, id="default: the package's own"),
        pytest.param("best", (0.1, 0.2, 0.3), [0.1, 0.2, 0.3], id="best: per class"),
        pytest.param("best", (), [0.6] * 3, id="best where the package has none: as default"),
    ],
)
def test_confidence_per_class(
    confidence: float | str, class_confidence: tuple[float, ...], expected: list[float]
) -> None:
    manifest = make_manifest(default_confidence=0.6, class_confidence=class_confidence)

    limits = confidence_per_class(manifest, Thresholds(confidence=confidence))

    assert limits.dtype == np.float32
    assert limits.tolist() == np.array(expected, np.float32).tolist()


@pytest.mark.parametrize(
    ("class_filter", "expected"),
    [
        pytest.param(None, None, id="no filter"),
        pytest.param({"alpha"}, [0], id="one class"),
        pytest.param({"gamma", "beta"}, [1, 2], id="two classes"),
        pytest.param({"alpha", "delta"}, [0], id="a name that the model lacks"),
        pytest.param({"Alpha"}, [], id="names are exact"),
        pytest.param(set(), [], id="empty filter"),
    ],
)
def test_wanted_classes(class_filter: set[str] | None, expected: list[int] | None) -> None:
    wanted = None if class_filter is None else frozenset(class_filter)

    assert wanted_classes(make_manifest(), Thresholds(class_filter=wanted)) == expected


@pytest.mark.parametrize(
    ("logit", "expected"),
    [(0.0, 0.5), (2.0, 0.880797), (-1.0, 0.268941), (1000.0, 1.0), (-1000.0, 0.0)],
)
def test_sigmoid_without_overflow(logit: float, expected: float) -> None:
    assert sigmoid(np.array([logit], np.float32))[0] == pytest.approx(expected, abs=1e-6)
