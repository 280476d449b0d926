"""Families beside YOLOv8: what their raw outputs mean, by hand."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from retinue.models.families import decoder_of
from retinue.models.package import Keypoints, Manifest
from retinue.pipeline.geometry import Placement
from retinue.pipeline.prediction import Detections, Thresholds
from tests.unit.networks import make_manifest

# A picture of 200 x 100, stretched to a network of 100 x 100.
PLACEMENT = Placement.of("stretch", "roboflow", (200, 100), (100, 100))
# What a box 40, 35 .. 60, 45 of the network is in the picture.
BOX_CXCYWH, BOX_XYXY = [50, 40, 20, 10], [80, 35, 120, 45]
SCORES = [0.1, 0.8, 0.2]


def found(raw: list[ArrayLike], manifest: Manifest, **thresholds: Any) -> list[tuple[int, float]]:
    """Class and confidence of each object; every box must be the one of this module."""
    detections = detect(raw, manifest, **thresholds)
    assert all(box == BOX_XYXY for box in detections.xyxy.tolist())
    pairs = zip(detections.class_id.tolist(), detections.confidence.tolist(), strict=True)
    return [(class_id, round(confidence, 4)) for class_id, confidence in pairs]


def detect(raw: list[ArrayLike], manifest: Manifest, **thresholds: Any) -> Detections:
    arrays: list[NDArray[np.float32]] = [np.asarray(output, np.float32)[None] for output in raw]
    prediction = decoder_of(manifest)(arrays, manifest, PLACEMENT, Thresholds(**thresholds))
    assert prediction.detections is not None
    return prediction.detections


class TestYoloV5:
    @pytest.mark.parametrize(
        ("convention", "objectness", "expected"),
        [
            pytest.param("roboflow", 0.5, [(1, 0.8)], id="package: objectness passes, class score is told"),
            pytest.param("roboflow", 0.4, [], id="package: objectness must be above the threshold"),
            pytest.param("native", 0.5, [], id="export: the product 0.4 is not above the threshold"),
            pytest.param("native", 0.75, [(1, 0.6)], id="export: the product is told"),
        ],
    )
    def test_objectness(self, convention: str, objectness: float, expected: list[tuple[int, float]]) -> None:
        manifest = make_manifest(family="yolov5", convention=convention)

        assert found([[[*BOX_CXCYWH, objectness, *SCORES]]], manifest) == expected

    def test_overlapping_boxes_of_one_class_are_one_object(self) -> None:
        rows = [[*BOX_CXCYWH, 0.9, 0.1, 0.7, 0.1], [*BOX_CXCYWH, 0.8, *SCORES], [*BOX_CXCYWH, 0.8, 0.6, 0.1, 0.1]]

        assert found([rows], make_manifest(family="yolov5")) == [(1, 0.8), (0, 0.6)]

    def test_masks_come_from_the_columns_behind_the_classes(self) -> None:
        manifest = make_manifest(
            family="yolov5", task="instance-segmentation", class_names=("a",), mask_threshold="logit"
        )
        prototypes = np.stack([np.full((25, 25), -1), np.full((25, 25), 1)])

        detections = detect([[[*BOX_CXCYWH, 0.9, 0.8, 0, 2]], prototypes], manifest)

        # cut to cells 10..15 and 9..11 of 25, each 8 x 4 pixels; it fades out over half a cell more
        assert detections.polygons[0].min(axis=0).tolist() == [76, 34]
        assert detections.polygons[0].max(axis=0).tolist() == [123, 45]


@pytest.mark.parametrize(("convention", "expected"), [("roboflow", 1), ("native", 2)])
def test_exports_round_overlaps_as_ultralytics_does(convention: str, expected: int) -> None:
    # GIVEN two boxes of class 2 whose IoU is 0.30000004, and 0.29999846 once they are shifted by 2 x 7680
    boxes = [[31.61, 30, 63.22, 40], [9.483, 30, 18.966, 40]]
    rows = [[*box, 0, 0, score] for box, score in zip(boxes, (0.9, 0.8), strict=True)]

    assert len(detect([np.array(rows).T], make_manifest(convention=convention))) == expected


class TestYoloX:
    @pytest.mark.parametrize(
        ("size", "cells"),
        [pytest.param(64, 84, id="three grids"), pytest.param(128, 340, id="P6: four grids")],
    )
    def test_boxes_in_cells_of_their_grid(self, size: int, cells: int) -> None:
        # GIVEN the second cell of the first row of the finest grid, whose box is 2 x 4 strides around its corner
        placement = Placement.of("corner-letterbox", "native", (size, size), (size, size))
        manifest = make_manifest(family="yolox", convention="native", is_decoded=False, size_wh=(size, size))
        rows = np.zeros((1, cells, 8), np.float32)
        rows[0, 1] = [1.0, 2.0, np.log(2), np.log(1), 0.9, 0.0, 1.0, 0.0]

        detections = decoder_of(manifest)([rows], manifest, placement, Thresholds()).detections

        assert detections is not None
        assert detections.xyxy.tolist() == [pytest.approx([8, 12, 24, 20])]

    def test_boxes_in_pixels(self) -> None:
        assert found([[[*BOX_CXCYWH, 0.9, *SCORES]]], make_manifest(family="yolox", convention="native")) == [(1, 0.72)]


def test_yolo_nas() -> None:
    manifest = make_manifest(family="yolonas")
    corners = [40, 35, 60, 45]

    assert found([[corners, corners, corners], [SCORES, [0.1, 0.7, 0], [0.4, 0, 0]]], manifest) == [(1, 0.8)]


class TestEndToEnd:
    ROW = (40, 35, 60, 45)

    @pytest.mark.parametrize(
        ("is_inclusive", "expected"), [(False, [(0, 0.9)]), (True, [(0, 0.9), (1, 0.5)])], ids=["above", "at least"]
    )
    def test_a_score_equal_to_the_threshold(self, is_inclusive: bool, expected: list[tuple[int, float]]) -> None:
        rows = [[*self.ROW, 0.9, 0], [*self.ROW, 0.5, 1]]

        assert found([rows], make_manifest(family="end-to-end", is_inclusive=is_inclusive), confidence=0.5) == expected

    def test_order_and_overlaps_stay_as_the_network_gave_them(self) -> None:
        rows = [[*self.ROW, 0.6, 0], [*self.ROW, 0.9, 0]]

        assert found([rows], make_manifest(family="end-to-end")) == [(0, 0.6), (0, 0.9)]

    def test_padding_and_classes_without_a_name_are_dropped(self) -> None:
        rows = [[*self.ROW, 0.9, 3], [*self.ROW, 0.9, -1], [*self.ROW, 0.8, 2], [0, 0, 0, 0, 0, 0]]

        assert found([rows], make_manifest(family="end-to-end")) == [(2, 0.8)]

    def test_boxes_as_fractions(self) -> None:
        rows = [[0.5, 0.4, 0.2, 0.1, 0.9, 1]]

        assert found([rows], make_manifest(family="end-to-end", has_fractional_boxes=True)) == [(1, 0.9)]

    def test_the_first_ones_up_to_the_limit_then_the_classes_that_are_asked_for(self) -> None:
        rows = [[*self.ROW, 0.9, 0], [*self.ROW, 0.8, 1], [*self.ROW, 0.7, 1]]
        manifest = make_manifest(family="end-to-end")

        assert found([rows], manifest, max_detections=2) == [(0, 0.9), (1, 0.8)]
        assert found([rows], manifest, max_detections=2, class_filter=frozenset({"beta"})) == [(1, 0.8)]


class TestDetr:
    BOX = (0.5, 0.4, 0.2, 0.1)

    def test_scores_are_sigmoids_and_boxes_fractions(self) -> None:
        assert found([[self.BOX], [[-9, 2, -9]]], make_manifest(family="detr", is_activated=False)) == [(1, 0.8808)]

    def test_one_query_with_two_classes(self) -> None:
        assert found(
            [[self.BOX, self.BOX], [[-9, 2, 1], [-9, -9, -9]]], make_manifest(family="detr", is_activated=False)
        ) == [
            (1, 0.8808),
            (2, 0.7311),
        ]

    def test_as_many_pairs_as_queries_are_looked_at(self) -> None:
        # the two best pairs of two queries have no name: they take the places of those that have one
        logits = [[1, -9, -9, 3], [-9, -9, -9, 2]]

        assert found([[self.BOX, self.BOX], logits], make_manifest(family="detr", is_activated=False)) == []

    def test_removed_classes_shift_those_behind_them(self) -> None:
        manifest = make_manifest(family="detr", is_activated=False, removed_classes=(1,))
        logits = [[-9, 3, -9, -9], [-9, -9, 2, -9], [-9, -9, -9, 1]]

        assert found([[self.BOX] * 3, logits], manifest) == [(1, 0.8808), (2, 0.7311)]

    @pytest.mark.parametrize(
        ("convention", "expected"),
        [
            pytest.param("roboflow", [[160, 0, 200, 10]], id="packages: clipped"),
            pytest.param("native", [[160, -10, 240, 10]], id="exports: as the network gives them"),
        ],
    )
    def test_boxes_beyond_the_picture(self, convention: str, expected: list[list[float]]) -> None:
        manifest = make_manifest(family="detr", is_activated=False, convention=convention)

        detections = detect([[(1.0, 0.0, 0.4, 0.2)], [[9, -9, -9]]], manifest)

        assert detections.xyxy.tolist() == [pytest.approx(expected[0], abs=1e-4)]

    def test_boxes_and_scores_in_one_output_give_a_query_its_best_class_only(self) -> None:
        manifest = make_manifest(family="detr", is_activated=True)

        assert found([[[*self.BOX, 0.7, 0.8, 0.2], [*self.BOX, 0.6, 0.1, 0.2]]], manifest) == [(1, 0.8), (0, 0.6)]

    def test_each_query_has_a_mask(self) -> None:
        manifest = make_manifest(family="detr", is_activated=False, task="instance-segmentation")
        masks = np.full((2, 10, 10), -1.0)
        masks[1, 2:4, 5:8] = 1

        detections = detect([[self.BOX, self.BOX], [[-9, -9, -9], [-9, 2, -9]], masks], manifest)

        [polygon] = detections.polygons
        # not cut to the box: columns 5..8 of 10 are 100..160 of 200, less the half of a cell where it fades out
        assert polygon.min(axis=0).tolist() == pytest.approx([100, 20], abs=1)
        assert polygon.max(axis=0).tolist() == pytest.approx([159, 39], abs=1)


def test_a_graph_that_decodes_everything() -> None:
    labels, boxes = [1, 0, 5, 2], [[40, 35, 60, 45]] * 4
    manifest = make_manifest(family="boxes")

    assert found([labels, boxes, [0.6, 0.7, 0.9, 0.1]], manifest) == [(0, 0.7), (1, 0.6)]


class TestKeypoints:
    def keypoints(
        self, convention: str, columns: int, values: list[float], keypoints: Keypoints, **thresholds: Any
    ) -> list[list[float] | None]:
        """Each slot's x, y, confidence; None where it is not shown."""
        manifest = make_manifest(
            task="keypoint-detection", class_names=("cat",), convention=convention, keypoints=keypoints
        )
        rows = np.array([[*BOX_CXCYWH, 0.9, *values]], np.float32).T
        detections = detect([rows], manifest, **thresholds)
        assert detections.keypoints is not None and detections.is_keypoint_shown is not None
        shown = detections.is_keypoint_shown[0]
        return [
            point.round(4).tolist() if is_shown else None
            for point, is_shown in zip(detections.keypoints[0], shown, strict=True)
        ]

    @pytest.mark.parametrize(
        ("convention", "expected"),
        [
            pytest.param("roboflow", [[21, 20, 0.5], [-20, 20, 0.25], None], id="package: whole, not clipped"),
            pytest.param("native", [[20.7, 20.4, 0.5], [0, 20.4, 0.25], [2, 1, 0]], id="export: clipped"),
        ],
    )
    def test_places(self, convention: str, expected: list[list[float] | None]) -> None:
        names = Keypoints(names=(("nose", "tail", "paw"),), slots=3)
        values = [10.35, 20.4, 0.5, -10.2, 20.4, 0.25, 1, 1, 0]

        assert self.keypoints(convention, 3, values, names) == [
            None if point is None else pytest.approx(point, abs=1e-4) for point in expected
        ]

    @pytest.mark.parametrize(
        ("of_package", "of_request", "expected"),
        [
            pytest.param(0.3, None, [True, False], id="the package's"),
            pytest.param(0.3, 0.2, [True, True], id="the request's"),
            pytest.param(0.0, 0.5, [True, False], id="equal to the threshold passes"),
            pytest.param(0.0, None, [True, True], id="none"),
        ],
    )
    def test_confidence(self, of_package: float, of_request: float | None, expected: list[bool]) -> None:
        names = Keypoints(names=(("nose", "tail"),), slots=2, confidence=of_package)

        shown = self.keypoints("native", 3, [1, 1, 0.5, 1, 1, 0.25], names, keypoint_confidence=of_request)

        assert [point is not None for point in shown] == expected

    def test_a_class_with_fewer_keypoints_than_slots(self) -> None:
        names = Keypoints(names=(("nose",),), slots=2)

        assert self.keypoints("native", 3, [1, 1, 0.5, 1, 1, 0.5], names)[1] is None

    def test_keypoints_without_confidence_are_sure(self) -> None:
        names = Keypoints(names=(("nose", "tail"),), slots=2, columns=2)

        assert self.keypoints("native", 2, [1, 2, 3, 4], names) == [[2, 2, 1], [6, 4, 1]]


class TestManyLabels:
    @pytest.mark.parametrize(
        ("is_activated", "expected"),
        [
            pytest.param(False, [0.880797, 0.731059, 0.268941], id="logits"),
            pytest.param(True, [2, 1, -1], id="as they are"),
        ],
    )
    def test_all_classes_and_those_at_or_above_the_threshold(self, is_activated: bool, expected: list[float]) -> None:
        manifest = make_manifest(family="classifier", task="multi-label-classification", is_activated=is_activated)
        raw = [np.array([[2, 1, -1]], np.float32)]

        labels = decoder_of(manifest)(raw, manifest, PLACEMENT, Thresholds(confidence=0.731)).labels

        assert labels is not None
        assert labels.confidence.tolist() == pytest.approx(expected, abs=1e-5)
        assert labels.is_predicted.tolist() == [True, True, False]


class TestSemantic:
    def test_best_class_of_each_pixel(self) -> None:
        manifest = make_manifest(
            family="semantic",
            is_activated=False,
            task="semantic-segmentation",
            class_names=("background", "road"),
            size_wh=(4, 2),
        )
        logits = np.zeros((1, 2, 2, 4), np.float32)
        logits[0, 1, :, 2:] = 4
        placement = Placement.of("stretch", "roboflow", (4, 2), (4, 2))

        segmentation = decoder_of(manifest)([logits], manifest, placement, Thresholds(confidence=0.6)).segmentation

        assert segmentation is not None
        # 1 / (1 + exp(-4)) = 0.982 -> 250 of 255; the left half is undecided, and so background without confidence
        assert segmentation.class_id.tolist() == [[0, 0, 1, 1]] * 2
        assert segmentation.confidence.tolist() == [[0, 0, 250, 250]] * 2

    def test_a_single_map_is_the_foreground(self) -> None:
        manifest = make_manifest(
            family="semantic", is_activated=False, task="semantic-segmentation", class_names=("road", "Background")
        )
        placement = Placement.of("stretch", "roboflow", (2, 1), (2, 1))

        segmentation = (
            decoder_of(manifest)([np.array([[[[4, -4]]]], np.float32)], manifest, placement, Thresholds(confidence=0.5))
        ).segmentation

        assert segmentation is not None and segmentation.class_id.tolist() == [[0, 1]]

    def test_what_a_static_crop_leaves_out_is_background(self) -> None:
        manifest = make_manifest(
            family="semantic", is_activated=False, task="semantic-segmentation", class_names=("a", "background")
        )
        placement = Placement.of("stretch", "roboflow", (2, 1), (2, 1)).within((4, 3), 1, 2)
        logits = np.zeros((1, 2, 1, 2), np.float32)
        logits[0, 0] = 9

        segmentation = decoder_of(manifest)([logits], manifest, placement, Thresholds()).segmentation

        assert segmentation is not None
        assert segmentation.class_id.tolist() == [[1, 1, 1, 1], [1, 1, 1, 1], [1, 0, 0, 1]]
