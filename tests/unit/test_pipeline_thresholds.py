"""Which candidates pass: confidence per class, and the filter of classes."""

import numpy as np
import pytest

from retinue.pipeline.prediction import Detections, Thresholds
from retinue.pipeline.thresholds import confidence_per_class, passes_class_filter
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
        pytest.param(None, [2, 0, 1, 0], id="no filter"),
        pytest.param({"alpha"}, [0, 0], id="one class"),
        pytest.param({"gamma", "beta"}, [2, 1], id="two classes: order is kept"),
        pytest.param({"alpha", "delta"}, [0, 0], id="a name that the model lacks"),
        pytest.param({"Alpha"}, [], id="names are exact"),
        pytest.param(set(), [], id="empty filter"),
    ],
)
def test_class_filter(class_filter: set[str] | None, expected: list[int]) -> None:
    # GIVEN four detections with polygons that tell them apart
    detections = Detections(
        xyxy=np.zeros((4, 4), np.float32),
        confidence=np.array([0.9, 0.8, 0.7, 0.6], np.float32),
        class_id=np.array([2, 0, 1, 0], np.int64),
        polygons=[np.full((1, 2), index, np.float32) for index in (2, 0, 1, 0)],
    )
    wanted = None if class_filter is None else frozenset(class_filter)

    kept = passes_class_filter(detections, make_manifest(), Thresholds(class_filter=wanted))

    assert kept.class_id.tolist() == expected
    assert [int(polygon[0, 0]) for polygon in kept.polygons] == expected
    assert len(kept) == len(kept.xyxy) == len(expected)
