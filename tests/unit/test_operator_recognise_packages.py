"""Roboflow packages, recognised: architecture, task and steps as their files say, the layout as the graph shows."""

from typing import Any

import pytest

from retinue.errors import UnsupportedModel
from retinue.models.package import Keypoints, NetworkInput, Preprocessing
from retinue.operator.graph import Shape
from retinue.operator.layouts import KeypointClass, Steps
from retinue.operator.preprocessing import IMAGENET
from tests.unit.recognition import Given, package

OPEN: Shape = (None, 3, None, None)
DETECTOR: Given = (1, 7, 8400)
SEGMENTER: list[Given] = [(1, 39, 8400), (1, 32, 120, 160)]
END_TO_END_SEGMENTER: list[Given] = [(1, 300, 38), (1, 32, 120, 160)]
QUERIES: list[Given] = [("dets", (1, 300, 4), 1.0), ("labels", (1, 300, 4), 2.0)]
NOSE_AND_TAIL = KeypointClass.model_validate({"keypoints": {"0": "nose", "1": "tail"}, "edges": [{"from": 0, "to": 1}]})
POSE = {"task": "keypoint-detection", "class_names": ("cat",), "keypoints": (NOSE_AND_TAIL,)}


@pytest.mark.parametrize(
    ("said", "outputs", "family"),
    [
        ({"architecture": "yolov5"}, [(1, 18900, 8)], "yolov5"),
        ({"architecture": None}, [(1, 18900, 8)], "yolov5"),
        ({"architecture": "yolov8"}, [DETECTOR], "yolov8"),
        ({"architecture": "yolov8", "is_fused": True}, [(1, 300, 6)], "end-to-end"),
        ({"architecture": "yolov9"}, [DETECTOR], "yolov8"),
        ({"architecture": "yolov10"}, [(1, 300, 6)], "end-to-end"),
        ({"architecture": "yolov11n"}, [DETECTOR], "yolov8"),
        ({"architecture": "yolov12"}, [DETECTOR], "yolov8"),
        ({"architecture": "yolo26"}, [(1, 300, 6)], "end-to-end"),
        ({"architecture": "yolo26"}, [DETECTOR], "yolov8"),
        ({"architecture": "yolo_nas_s"}, [(1, 8400, 4), (1, 8400, 3)], "yolonas"),
        ({"architecture": "rfdetr-base"}, QUERIES, "detr"),
        ({"architecture": "yolov13"}, [DETECTOR], "yolov8"),
        ({"architecture": "yolov5", "task": "instance-segmentation"}, [(1, 18900, 40), SEGMENTER[1]], "yolov5"),
        ({"architecture": "yolov7", "task": "instance-segmentation"}, [(1, 18900, 40), SEGMENTER[1]], "yolov5"),
        ({"architecture": "yolov8n-seg", "task": "instance-segmentation"}, SEGMENTER, "yolov8"),
        ({"architecture": "yolo26", "task": "instance-segmentation"}, END_TO_END_SEGMENTER, "end-to-end"),
        (
            {"architecture": "rfdetr-seg-preview", "task": "instance-segmentation"},
            [*QUERIES, ("masks", (1, 300, 78, 78), 5.0)], "detr",
        ),
        ({"architecture": "yolov8", **POSE}, [(1, 11, 8400)], "yolov8"),
        ({"architecture": "yolo26", **POSE}, [(1, 300, 12)], "end-to-end"),
        ({"architecture": "resnet18", "task": "classification"}, [(1, 3)], "classifier"),
        ({"architecture": "vit", "task": "multi-label-classification"}, [(1, 3)], "classifier"),
        (
            {
                "architecture": "deep-lab-v3-plus", "task": "semantic-segmentation",
                "class_names": ("background", "road"),
            },
            [(1, 2, 120, 160)], "semantic",
        ),
    ],
)  # fmt: skip
def test_families(said: dict[str, Any], outputs: list[Given], family: str) -> None:
    found = package(*outputs, **said)

    assert (found.task, found.family, found.convention) == (
        said.get("task", "object-detection"),
        family,
        "roboflow",
    )


@pytest.mark.parametrize(
    ("architecture", "output", "confidence", "is_inclusive", "mask_threshold"),
    [
        ("yolov8", DETECTOR, 0.4, False, "probability"),
        ("yolov5", (1, 18900, 8), 0.4, False, "logit"),
        ("yolov10", (1, 300, 6), 0.4, False, "probability"),
        ("yolo26", (1, 300, 6), 0.25, True, "logit"),
    ],
)
def test_what_an_architecture_implies(
    architecture: str, output: Given, confidence: float, is_inclusive: bool, mask_threshold: str
) -> None:
    found = package(output, architecture=architecture)

    assert (found.default_confidence, found.is_inclusive, found.mask_threshold) == (
        confidence,
        is_inclusive,
        mask_threshold,
    )


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, Preprocessing(resize_mode="stretch")),
        ({"resize_mode": "letterbox", "padding_value": 9}, Preprocessing(resize_mode="letterbox", padding_value=9)),
        ({"resize_mode": "letterbox-reflect-edges"}, Preprocessing(resize_mode="letterbox")),
        ({"resize_mode": "center-crop"}, Preprocessing(resize_mode="center-crop")),
        ({"resize_mode": "fit-longer-edge"}, Preprocessing(resize_mode="letterbox", padding_value=127)),
        ({"color_mode": "bgr"}, Preprocessing(resize_mode="stretch", color_mode="bgr")),
        ({"scaling_factor": None}, Preprocessing(resize_mode="stretch", scaling_factor=1.0)),
        ({"normalization": IMAGENET}, Preprocessing(resize_mode="stretch", mean=IMAGENET[0], std=IMAGENET[1])),
    ],
)
def test_preprocessing(said: dict[str, Any], expected: Preprocessing) -> None:
    assert package(DETECTOR, **said).preprocessing == expected


CROP = {"x_min": 10, "y_min": 20, "x_max": 90, "y_max": 80}


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ({"auto-orient": {"enabled": True}, "filter-tags": {}}, {}),
        ({"grayscale": {"enabled": True}}, {"is_grayscale": True}),
        ({"grayscale": {"enabled": False}, "contrast": None}, {}),
        ({"static-crop": {"enabled": True, **CROP}}, {"static_crop": (10, 20, 90, 80)}),
        ({"static-crop": {"enabled": False, **CROP}}, {}),
        ({"contrast": {"enabled": True, "type": "Contrast Stretching"}}, {"contrast": "contrast-stretching"}),
        ({"contrast": {"enabled": True, "type": "Histogram Equalization"}}, {"contrast": "histogram-equalization"}),
        ({"contrast": {"enabled": True, "type": "Adaptive Equalization"}}, {"contrast": "adaptive-equalization"}),
    ],
)
def test_steps(steps: dict[str, Any], expected: dict[str, Any]) -> None:
    found = package(DETECTOR, steps=Steps.model_validate(steps))

    assert found.preprocessing == Preprocessing(resize_mode="stretch", **expected)


@pytest.mark.parametrize(
    ("said", "mode", "first_size_wh"),
    [
        ({}, "stretch", None),
        ({"resize_mode": "letterbox"}, "stretch", None),
        ({"resize_mode": "letterbox", "first_size_hw": (300, 400)}, "letterbox", (400, 300)),
        ({"resize_mode": "stretch", "first_size_hw": (300, 400)}, "stretch", None),
        ({"resize_mode": "fit-longer-edge", "first_size_hw": (300, 400)}, "stretch", None),
    ],
)
def test_rf_detr_resizes_in_two_steps_where_the_dataset_had_another_size(
    said: dict[str, Any], mode: str, first_size_wh: tuple[int, int] | None
) -> None:
    found = package(*QUERIES, architecture="rfdetr", **said).preprocessing

    assert (found.resize_mode, found.first_size_wh, found.interpolation) == (mode, first_size_wh, "filtered-linear")


def test_a_classifier_that_fits_its_longer_edge_is_stretched() -> None:
    found = package((1, 3), task="classification", architecture="vit", resize_mode="fit-longer-edge")

    assert found.preprocessing == Preprocessing(resize_mode="stretch")


@pytest.mark.parametrize(
    ("is_fused", "operator", "expected"),
    [(True, "Gemm", True), (False, "Softmax", False), (None, "Softmax", True), (None, "Gemm", False)],
)
def test_the_package_knows_whether_its_scores_are_activated(
    is_fused: bool | None, operator: str, expected: bool
) -> None:
    graph = {"final_operator": operator}

    found = package((1, 3), task="classification", architecture="vit", is_fused=is_fused, graph=graph)

    assert found.is_activated is expected


def test_removed_classes_keep_their_columns() -> None:
    names = ("alpha", "background_class83422", "beta")

    found = package(*QUERIES, architecture="rfdetr", class_names=names, removed_class_names=names[1:2])

    assert (found.class_names, found.removed_classes) == (("alpha", "beta"), (1,))


def test_keypoints() -> None:
    assert package((1, 11, 8400), architecture="yolov8", **POSE).keypoints == Keypoints(
        names=(("nose", "tail"),), slots=2, edges=((0, 1),)
    )
    pose26 = package((1, 300, 12), architecture="yolo26", **POSE).keypoints
    assert pose26 is not None and pose26.confidence == 0.3


def test_the_older_layouts_size_is_of_the_dataset() -> None:
    found = package(DETECTOR, layout="environment", input_size_hw=(100, 200))

    assert (found.network_input.height, found.network_input.width) == (480, 640)


def test_the_size_of_an_open_graph_is_the_packages() -> None:
    found = package(DETECTOR, input_size_hw=(320, 416), graph={"picture": OPEN})

    assert found.network_input == NetworkInput(name="images", height=320, width=416, batch=None)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"task": "depth-estimation"}, "task 'depth-estimation' is not built; object-detection"),
        ({"task": None}, "task None is not built"),
        (
            {"architecture": "yolact", "task": "instance-segmentation"},
            "architecture 'yolact' for instance-segm.* not b",
        ),
        ({"architecture": None, "task": "instance-segmentation"}, "architecture 'yolact'"),
        ({"architecture": "rfdetr", "task": "semantic-segmentation"}, "architecture 'rfdetr' for semantic-segm"),
        ({"is_fused": True, "class_names": ("a", "b")}, "2 class names .* do not fit"),
        ({"input_size_hw": (640, 640)}, r"the size is said to be \(640, 640\), but the graph takes \(480, 640\)"),
        (
            {"steps": Steps.model_validate({"contrast": {"enabled": True, "type": "x"}})},
            "contrast type 'x' is not known; Contrast Stretching",
        ),
        ({"removed_class_names": ("beta",)}, "class_names_operations remove classes"),
        ({"task": "keypoint-detection"}, "keypoints_metadata.json says nothing about alpha, beta, gamma"),
        ({"color_mode": "hsv"}, "color_mode is 'hsv'"),
        ({"resize_mode": "tile"}, "resize_mode 'tile' is not known"),
        ({"class_names": ()}, "--classes"),
    ],
)
def test_refusals(said: dict[str, Any], reason: str) -> None:
    with pytest.raises(UnsupportedModel, match=reason):
        package(DETECTOR, **said)


def test_a_semantic_package_needs_a_background() -> None:
    with pytest.raises(UnsupportedModel, match="names no `background`"):
        package((1, 3, 9, 9), task="semantic-segmentation", architecture="deep-lab-v3-plus")
