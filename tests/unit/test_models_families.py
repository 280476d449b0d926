"""Families: raw outputs by hand, predictions by hand. Both conventions where they differ."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from retinue.models.families import decoder_of
from retinue.models.package import Manifest
from retinue.pipeline.geometry import Placement
from retinue.pipeline.prediction import Prediction, Thresholds
from tests.unit.networks import make_manifest

# cx, cy, w, h, then a score per class (alpha, beta, gamma).
ALPHA = [50, 40, 20, 10, 0.9, 0.1, 0.2]
BETA = [20, 80, 10, 20, 0.1, 0.5, 0.2]
ALPHA_AGAIN = [51, 40, 20, 10, 0.8, 0.1, 0.1]  # IoU with ALPHA is 190 / 210
GAMMA_ON_ALPHA = [50, 40, 20, 10, 0.1, 0.2, 0.6]


def anchors(*rows: list[float]) -> NDArray[np.float32]:
    """Rows, one per anchor, as the output (1, values, anchors)."""
    return np.array(rows, np.float32).T[None]


def decode(raw: list[NDArray[np.float32]], manifest: Manifest, placement: Placement, **thresholds: Any) -> Prediction:
    return decoder_of(manifest)(raw, manifest, placement, Thresholds(**thresholds))


class TestDetection:
    """A network of 100 x 100 and a picture of 200 x 100, stretched: x doubles."""

    placement = Placement.of("stretch", "roboflow", (200, 100), (100, 100))

    def found(self, *rows: list[float], manifest: Manifest | None = None, **thresholds: Any) -> list[list[float]]:
        """x1, y1, x2, y2, class id of each detection."""
        prediction = decode([anchors(*rows)], manifest or make_manifest(), self.placement, **thresholds)
        assert (prediction.image_width, prediction.image_height) == (200, 100)
        assert prediction.class_names == ("alpha", "beta", "gamma") and prediction.classification is None
        detections = prediction.detections
        assert detections is not None and detections.xyxy.dtype == detections.confidence.dtype == np.float32
        return [[*box, class_id] for box, class_id in zip(detections.xyxy.tolist(), detections.class_id, strict=True)]

    def test_centre_and_size_become_corners_in_the_picture(self) -> None:
        assert self.found(BETA, ALPHA) == [[80, 35, 120, 45, 0], [30, 70, 50, 90, 1]]

    def test_confidence_is_the_score_of_the_best_class(self) -> None:
        prediction = decode([anchors(BETA, ALPHA)], make_manifest(), self.placement)

        assert prediction.detections is not None
        assert prediction.detections.confidence.tolist() == np.array([0.9, 0.5], np.float32).tolist()

    @pytest.mark.parametrize(
        ("rows", "thresholds", "expected"),
        [
            pytest.param([ALPHA, ALPHA_AGAIN], {}, [0], id="overlap of one class: suppressed"),
            pytest.param([ALPHA, ALPHA_AGAIN], {"iou_threshold": 0.95}, [0, 0], id="less overlap than asked for"),
            pytest.param([ALPHA, GAMMA_ON_ALPHA], {}, [0, 2], id="overlap of two classes"),
            pytest.param([ALPHA, GAMMA_ON_ALPHA], {"is_class_agnostic": True}, [0], id="class agnostic"),
            pytest.param([ALPHA, BETA], {"max_detections": 1}, [0], id="the best one"),
            pytest.param([ALPHA, BETA], {"confidence": 0.5}, [0], id="a score equal to the threshold fails"),
            pytest.param([ALPHA, BETA], {"confidence": 0.4999}, [0, 1], id="a score just above passes"),
            pytest.param([ALPHA, BETA], {"confidence": 1.5}, [], id="nothing passes"),
            pytest.param([ALPHA, BETA], {"class_filter": frozenset({"beta"})}, [1], id="class filter"),
            # the filter comes last: the better alpha takes the one place
            pytest.param(
                [ALPHA, BETA], {"class_filter": frozenset({"beta"}), "max_detections": 1}, [], id="filter after limit",
            ),
            pytest.param([[50, 40, 20, 10, 0.7, 0.7, 0.1]], {}, [0], id="equal scores: the first class"),
        ],
    )  # fmt: skip
    def test_which_classes_are_found(
        self, rows: list[list[float]], thresholds: dict[str, Any], expected: list[int]
    ) -> None:
        assert [row[4] for row in self.found(*rows, **thresholds)] == expected

    @pytest.mark.parametrize(
        ("confidence", "expected"),
        [
            pytest.param("default", [0], id="default 0.6 of the package"),
            pytest.param("best", [1], id="best: 0.95 for alpha, 0.3 for beta"),
            pytest.param(0.4, [0, 1], id="a number"),
        ],
    )
    def test_confidence_modes(self, confidence: float | str, expected: list[int]) -> None:
        manifest = make_manifest(default_confidence=0.6, class_confidence=(0.95, 0.3, 0.3))

        assert [row[4] for row in self.found(ALPHA, BETA, manifest=manifest, confidence=confidence)] == expected

    def test_threshold_is_compared_in_float32(self) -> None:
        # 0.4 as float32 is above 0.4 as double; the contract compares float32 with float32, strictly
        assert self.found([50, 40, 20, 10, 0.4, 0, 0], confidence=0.4) == []

    @pytest.mark.parametrize(
        ("convention", "expected"),
        [
            ("roboflow", [80, 34, 122, 44, 0]),  # 80.5 and 43.5 go to the even neighbour
            ("native", [80.5, 34.25, 121.5, 43.5, 0]),
        ],
    )
    def test_whole_pixels_only_for_roboflow(self, convention: Any, expected: list[float]) -> None:
        box = [50.5, 38.875, 20.5, 9.25, 0.9, 0, 0]

        assert self.found(box, manifest=make_manifest(convention=convention)) == [expected]

    def test_boxes_are_clipped_to_the_picture(self) -> None:
        assert self.found([2, 98, 10, 10, 0.9, 0, 0]) == [[0, 93, 14, 100, 0]]


class TestSegmentation:
    """A network of 16 x 16 over a grid of 4 x 4: the first prototype is the left half, the second the right one."""

    def prototypes(self) -> NDArray[np.float32]:
        maps = np.full((1, 32, 4, 4), 0, np.float32)
        maps[0, 0, :, :2], maps[0, 0, :, 2:] = 10, -10
        maps[0, 1] = -maps[0, 0]
        return maps

    def object_(self, box: list[float], scores: list[float], prototype: int) -> list[float]:
        coefficients = [0.0] * 32
        coefficients[prototype] = 1.0
        return [*box, *scores, *coefficients]

    def manifest(self, convention: str) -> Manifest:
        return make_manifest(
            task="instance-segmentation", family="yolov8", convention=convention, class_names=("alpha", "beta")
        )

    @pytest.mark.parametrize("convention", ["roboflow", "native"])
    def test_each_object_with_its_own_polygon(self, convention: Any) -> None:
        placement = Placement.of("stretch", convention, (16, 16), (16, 16))
        raw = [
            anchors(self.object_([4, 8, 8, 16], [0.6, 0.1], 0), self.object_([12, 8, 8, 16], [0.1, 0.9], 1)),
            self.prototypes(),
        ]

        prediction = decode(raw, self.manifest(convention), placement)

        detections = prediction.detections
        assert detections is not None and detections.class_id.tolist() == [1, 0]
        assert detections.xyxy.tolist() == [[8, 0, 16, 16], [0, 0, 8, 16]]
        assert [polygon.tolist() for polygon in detections.polygons] == [
            [[8, 0], [8, 15], [15, 15], [15, 0]],
            [[0, 0], [0, 15], [7, 15], [7, 0]],
        ]

    @pytest.mark.parametrize(("convention", "expected"), [("roboflow", 1), ("native", 0)])
    def test_an_object_without_a_mask_stays_only_with_roboflow(self, convention: Any, expected: int) -> None:
        # GIVEN a box on the left whose mask is on the right
        placement = Placement.of("stretch", convention, (16, 16), (16, 16))
        raw = [anchors(self.object_([3, 8, 4, 16], [0.6, 0.1], 1)), self.prototypes()]

        detections = decode(raw, self.manifest(convention), placement).detections

        assert detections is not None and len(detections) == expected
        assert all(len(polygon) == 0 for polygon in detections.polygons)

    def test_filter_and_polygons_go_together(self) -> None:
        placement = Placement.of("stretch", "roboflow", (16, 16), (16, 16))
        raw = [
            anchors(self.object_([4, 8, 8, 16], [0.6, 0.1], 0), self.object_([12, 8, 8, 16], [0.1, 0.9], 1)),
            self.prototypes(),
        ]

        prediction = decode(raw, self.manifest("roboflow"), placement, class_filter=frozenset({"alpha"}))

        assert prediction.detections is not None and len(prediction.detections.polygons) == 1
        assert prediction.detections.polygons[0].max(axis=0).tolist() == [7, 15]

    @pytest.mark.parametrize("convention", ["roboflow", "native"])
    def test_nothing_found(self, convention: Any) -> None:
        placement = Placement.of("stretch", convention, (16, 16), (16, 16))
        raw = [anchors(self.object_([4, 8, 8, 16], [0.1, 0.1], 0)), self.prototypes()]

        detections = decode(raw, self.manifest(convention), placement).detections

        assert detections is not None and len(detections) == 0 and detections.polygons == []


class TestClassification:
    placement = Placement.of("stretch", "roboflow", (30, 20), (4, 4))

    def classes(self, scores: list[float], is_activated: bool, **thresholds: Any) -> list[tuple[int, float]]:
        manifest = make_manifest(
            task="classification",
            family="classifier",
            is_activated=is_activated,
            class_names=tuple(f"class {index}" for index in range(len(scores))),
        )
        prediction = decode([np.array([scores], np.float32)], manifest, self.placement, **thresholds)
        found = prediction.classification
        assert found is not None and prediction.detections is None
        assert (prediction.image_width, prediction.image_height) == (30, 20)
        return list(zip(found.class_id.tolist(), found.confidence.tolist(), strict=True))

    @pytest.mark.parametrize(
        ("scores", "is_activated", "confidence", "expected"),
        [
            pytest.param([2, 1, -1], False, 0.0, [(0, 0.7054), (1, 0.2595), (2, 0.0351)], id="logits"),
            pytest.param([-1, 1, 2], False, 0.0, [(2, 0.7054), (1, 0.2595), (0, 0.0351)], id="sorted"),
            pytest.param([0.7, 0.25, 0.05], True, 0.0, [(0, 0.7), (1, 0.25), (2, 0.05)], id="probabilities"),
            pytest.param([0.75, 0.25], True, 0.25, [(0, 0.75), (1, 0.25)], id="equal to the threshold passes"),
            # 0.7 as float32 is 0.699999988, and is compared as that
            pytest.param([0.7, 0.3], True, 0.7, [], id="0.7 as float32 is below 0.7"),
            pytest.param([0.7, 0.3], True, 0.69, [(0, 0.7)], id="filtered"),
            pytest.param([0.6, 0.4], True, "default", [(0, 0.6)], id="default counts as 0.5"),
            pytest.param([0.6, 0.4], True, "best", [(0, 0.6)], id="best counts as 0.5"),
            # 0.30001 and 0.30004 are equal once rounded: class order decides
            pytest.param([0.30001, 0.30004, 0.4], True, 0.0, [(2, 0.4), (0, 0.3), (1, 0.3)], id="tie after rounding"),
            pytest.param([1000, 0], False, 0.4, [(0, 1.0)], id="large logits do not overflow"),
            pytest.param([1], False, 0.4, [(0, 1.0)], id="one class"),
        ],
    )
    def test_classes(
        self, scores: list[float], is_activated: bool, confidence: float | str, expected: list[tuple[int, float]]
    ) -> None:
        found = self.classes(scores, is_activated, confidence=confidence)

        assert [class_id for class_id, _ in found] == [class_id for class_id, _ in expected]
        assert_allclose([value for _, value in found], [value for _, value in expected], rtol=0, atol=1e-12)
