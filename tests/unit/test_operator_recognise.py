"""From a source and its graph to what the service has to know: decided by shapes and metadata, with the reason."""

from pathlib import Path
from typing import Any

import pytest

from retinue.errors import UnsupportedModel
from retinue.models.package import NetworkInput, Preprocessing
from retinue.operator.graph import Graph, Shape, Tensor
from retinue.operator.recognise import Recognised, recognise
from retinue.operator.source import Source

WEIGHTS = Path("model.onnx")
FIXED: Shape = (1, 3, 480, 640)
OPEN: Shape = (None, 3, None, None)
THREE = "{0: 'alpha', 1: 'beta', 2: 'gamma'}"
DETECT = {"task": "detect", "names": THREE, "imgsz": "[480, 640]", "stride": "32"}
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def graph(
    *outputs: Shape,
    metadata: dict[str, str] | None = None,
    picture: Shape = FIXED,
    dtype: str = "float32",
    has_softmax: bool = False,
    inputs: int = 1,
) -> Graph:
    tensors = tuple(Tensor(f"output{index}", "float32", shape) for index, shape in enumerate(outputs))
    pictures = tuple(Tensor("images", dtype, picture) for _ in range(inputs))
    return Graph(WEIGHTS, pictures, tensors, metadata or {}, has_softmax)


def export(metadata: dict[str, str], *outputs: Shape, names: tuple[str, ...] = (), **options: Any) -> Recognised:
    """An Ultralytics export, recognised."""
    source = Source(layout="bare ONNX file", convention="native", weights=WEIGHTS)
    return recognise(source, graph(*outputs, metadata=metadata, **options), names)


def package(
    *outputs: Shape, layout: str = "model_config", options: dict[str, Any] | None = None, **said: Any
) -> Recognised:
    """A Roboflow package, recognised; `said` is what its files say."""
    source = Source(
        **{
            "layout": f"Roboflow package ({layout}.json)",
            "convention": "roboflow",
            "weights": WEIGHTS,
            "task": "object-detection",
            "architecture": "yolov8",
            "class_names": ("alpha", "beta", "gamma"),
            **said,
        }
    )
    return recognise(source, graph(*outputs, **(options or {})))


class TestUltralyticsExports:
    def test_detection(self) -> None:
        found = export(DETECT, (1, 7, 8400))

        assert found == Recognised(
            task="object-detection",
            family="yolov8",
            convention="native",
            reason="bare ONNX file; output0 float32(1, 7, 8400) is (batch, 4 box + 3 classes, anchors)",
            class_names=("alpha", "beta", "gamma"),
            network_input=NetworkInput(name="images", height=480, width=640, batch=1),
            preprocessing=Preprocessing(resize_mode="letterbox", padding_value=114),
            is_activated=False,
        )

    def test_segmentation(self) -> None:
        found = export({**DETECT, "task": "segment"}, (1, 39, 8400), (1, 32, 120, 160))

        assert (found.task, found.family) == ("instance-segmentation", "yolov8-seg")
        assert found.preprocessing.resize_mode == "letterbox"

    @pytest.mark.parametrize("has_softmax", [True, False])
    def test_classification(self, has_softmax: bool) -> None:
        found = export({**DETECT, "task": "classify"}, (1, 3), picture=(1, 3, 224, 224), has_softmax=has_softmax)

        assert (found.task, found.family, found.is_activated) == ("classification", "classifier", has_softmax)
        assert found.preprocessing == Preprocessing(resize_mode="shorter-side-crop")

    @pytest.mark.parametrize(
        ("metadata", "picture", "expected"),
        [
            # dynamic=True: any multiple of the stride up to the size of the export
            ({}, OPEN, NetworkInput(name="images", height=480, width=640, batch=None, stride=32)),
            ({"imgsz": "320"}, OPEN, NetworkInput(name="images", height=320, width=320, batch=None, stride=32)),
            ({"stride": "64"}, OPEN, NetworkInput(name="images", height=480, width=640, batch=None, stride=64)),
            ({}, (None, 3, 480, 640), NetworkInput(name="images", height=480, width=640, batch=None)),
            # the graph knows better than the metadata
            ({"imgsz": "[1, 1]"}, FIXED, NetworkInput(name="images", height=480, width=640, batch=1)),
        ],
    )
    def test_size_of_the_input(self, metadata: dict[str, str], picture: Shape, expected: NetworkInput) -> None:
        assert export({**DETECT, **metadata}, (None, 7, None), picture=picture).network_input == expected

    def test_half_precision(self) -> None:
        assert export(DETECT, (1, 7, 8400), dtype="float16").network_input.dtype == "float16"

    def test_names_given_by_the_operator_come_first(self) -> None:
        assert export(DETECT, (1, 7, 8400), names=("a", "b", "c")).class_names == ("a", "b", "c")

    def test_names_as_a_list(self) -> None:
        assert export({**DETECT, "names": "['a', 'b', 3]"}, (1, 7, 8400)).class_names == ("a", "b", "3")

    @pytest.mark.parametrize(
        ("metadata", "outputs", "options", "reason"),
        [
            ({"task": None}, [(1, 7, 8400)], {}, "no metadata `task`"),
            ({"task": "pose"}, [(1, 7, 8400)], {}, "task 'pose' is not built; detect, segment and classify are"),
            ({"args": "{'nms': True}"}, [(1, 300, 6)], {}, "suppression inside"),
            ({"end2end": "True"}, [(1, 300, 6)], {}, "suppression inside"),
            ({"names": None}, [(1, 7, 8400)], {}, "does not say its class names; give them with --classes"),
            ({"names": "{1: 'a', 2: 'b', 3: 'c'}"}, [(1, 7, 8400)], {}, r"keys \[1, 2, 3\].*0 to 2 are expected"),
            ({"names": "{0: 'a', 'x': 'b'}"}, [(1, 6, 8400)], {}, "names"),
            ({"names": "5"}, [(1, 7, 8400)], {}, "names"),
            ({}, [(1, 8, 8400)], {}, r"3 classes in the YOLOv8 layout gives \(batch, 7, anchors\)"),
            ({}, [(1, 300, 6)], {}, r"outputs are output0 float32\(1, 300, 6\)"),
            ({}, [(1, 7)], {}, "YOLOv8 layout"),
            ({}, [], {}, "YOLOv8 layout"),
            ({"task": "segment"}, [(1, 7, 8400), (1, 32, 9, 9)], {}, r"gives \(batch, 39, anchors\)"),
            ({"task": "segment"}, [(1, 39, 8400)], {}, "the second must be the prototypes"),
            ({"task": "segment"}, [(1, 39, 8400), (1, 16, 9, 9)], {}, "the second must be the prototypes"),
            ({"task": "classify"}, [(1, 4)], {}, r"a classifier of 3 classes gives \(batch, 3\)"),
            ({"task": "classify"}, [(1, 3), (1, 3)], {}, "a classifier of 3 classes"),
            ({}, [(1, 7, 8400)], {"inputs": 2}, "the graph has 2 inputs"),
            ({}, [(1, 7, 8400)], {"inputs": 0}, "the graph has 0 inputs"),
            ({}, [(1, 7, 8400)], {"picture": (1, 4, 480, 640)}, r"the input is images float32\(1, 4, 480, 640\)"),
            ({}, [(1, 7, 8400)], {"picture": (1, 480, 640, 3)}, r"\(batch, 3, height, width\) is expected"),
            ({}, [(1, 7, 8400)], {"picture": (3, 480, 640)}, "is expected"),
            ({}, [(1, 7, 8400)], {"dtype": "uint8"}, "float32 or float16"),
            ({"imgsz": None}, [(1, 7, None)], {"picture": OPEN}, "leaves the size open"),
            ({"imgsz": "[640]"}, [(1, 7, None)], {"picture": OPEN}, "imgsz"),
            ({"imgsz": "{"}, [(1, 7, None)], {"picture": OPEN}, "metadata 'imgsz' cannot be read"),
            ({"stride": "x"}, [(1, 7, None)], {"picture": OPEN}, "stride"),
        ],
    )
    def test_refusals(
        self, metadata: dict[str, str | None], outputs: list[Shape], options: dict[str, Any], reason: str
    ) -> None:
        said = {key: value for key, value in {**DETECT, **metadata}.items() if value is not None}

        with pytest.raises(UnsupportedModel, match=reason):
            export(said, *outputs, **options)


class TestRoboflowPackages:
    @pytest.mark.parametrize(
        ("said", "outputs", "task", "family"),
        [
            ({"architecture": "yolov8"}, [(1, 7, 8400)], "object-detection", "yolov8"),
            ({"architecture": "yolov9"}, [(None, None, None)], "object-detection", "yolov8"),
            ({"architecture": "yolov11n"}, [(1, 7, 8400)], "object-detection", "yolov8"),
            ({"architecture": "yolov12"}, [(1, 7, 8400)], "object-detection", "yolov8"),
            (
                {"architecture": "yolov8n-seg", "task": "instance-segmentation"},
                [(1, 39, 8400), (1, 32, 120, 160)],
                "instance-segmentation",
                "yolov8-seg",
            ),
            ({"architecture": "resnet18", "task": "classification"}, [(1, 3)], "classification", "classifier"),
            ({"architecture": "vit", "task": "classification"}, [(None, 3)], "classification", "classifier"),
        ],
    )
    def test_families(self, said: dict[str, Any], outputs: list[Shape], task: str, family: str) -> None:
        found = package(*outputs, **said)

        assert (found.task, found.family, found.convention) == (task, family, "roboflow")

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
            (
                {"normalization": IMAGENET},
                Preprocessing(resize_mode="stretch", mean=IMAGENET[0], std=IMAGENET[1]),
            ),
            ({"steps": {"auto-orient": {"enabled": True}, "filter-tags": {}}}, Preprocessing(resize_mode="stretch")),
            ({"steps": {"grayscale": {"enabled": False}}}, Preprocessing(resize_mode="stretch")),
        ],
    )  # fmt: skip
    def test_preprocessing(self, said: dict[str, Any], expected: Preprocessing) -> None:
        assert package((1, 7, 8400), **said).preprocessing == expected

    def test_a_classifier_that_fits_its_longer_edge_is_stretched(self) -> None:
        found = package((1, 3), task="classification", architecture="vit", resize_mode="fit-longer-edge")

        assert found.preprocessing == Preprocessing(resize_mode="stretch")

    @pytest.mark.parametrize(
        ("is_fused", "has_softmax", "expected"), [(True, False, True), (False, True, False), (None, True, True)]
    )
    def test_the_package_knows_whether_its_scores_are_activated(
        self, is_fused: bool | None, has_softmax: bool, expected: bool
    ) -> None:
        found = package(
            (1, 3),
            task="classification",
            architecture="vit",
            is_fused=is_fused,
            options={"has_softmax": has_softmax},
        )

        assert found.is_activated is expected

    def test_the_older_layouts_size_is_of_the_dataset(self) -> None:
        found = package((1, 7, 8400), layout="environment", input_size_hw=(100, 200))

        assert (found.network_input.height, found.network_input.width) == (480, 640)

    def test_the_size_of_an_open_graph_is_the_packages(self) -> None:
        found = package((1, 7, None), input_size_hw=(320, 416), options={"picture": OPEN})

        assert found.network_input == NetworkInput(name="images", height=320, width=416, batch=None)

    @pytest.mark.parametrize(
        ("said", "reason"),
        [
            ({"task": "keypoint-detection"}, "task 'keypoint-detection' is not built"),
            ({"task": None}, "task None is not built"),
            ({"architecture": "rfdetr"}, "'rfdetr' for object-detection is not built; yolov8"),
            ({"architecture": None}, "'?None'? for object-detection is not built"),
            ({"architecture": "yolov5"}, "'yolov5' for object-detection is not built"),
            ({"is_fused": True}, "fused is true"),
            ({"input_size_hw": (640, 640)}, r"training_input_size is \(640, 640\), but the graph takes \(480, 640\)"),
            ({"steps": {"static-crop": {"enabled": True}}}, "'static-crop' is not built yet"),
            ({"steps": {"contrast": {"type": "x"}}}, "'contrast' is not built yet"),
            ({"steps": {"grayscale": {"enabled": True}}}, "'grayscale' is not built yet"),
            ({"operations": ({"type": "class_name_removal"},)}, "class_names_operations"),
            ({"color_mode": "hsv"}, "color_mode is 'hsv'"),
            ({"resize_mode": "tile"}, "resize_mode 'tile' is not known"),
            ({"class_names": ()}, "--classes"),
        ],
    )
    def test_refusals(self, said: dict[str, Any], reason: str) -> None:
        with pytest.raises(UnsupportedModel, match=reason):
            package((1, 7, 8400), **said)
