"""Bare exports, recognised: decided by shapes and metadata, with the reason, or refused with what to do."""

from typing import Any

import pytest

from retinue.errors import UnsupportedModel
from retinue.models.package import Keypoints, NetworkInput, Preprocessing
from retinue.operator.graph import Shape, Tensor
from retinue.operator.preprocessing import IMAGENET, PreprocessingOptions
from retinue.operator.recognise import Recognised, RecogniseOptions
from tests.unit.recognition import FIXED, NAMES, Given, export

OPEN: Shape = (None, 3, None, None)
THREE = "{0: 'alpha', 1: 'beta', 2: 'gamma'}"
DETECT = {"task": "detect", "names": THREE, "imgsz": "[480, 640]", "stride": "32"}
SQUARE: Shape = (1, 3, 416, 416)
LETTERBOX = Preprocessing(resize_mode="letterbox", padding_value=114)
WITH_NAMES = RecogniseOptions(class_names=NAMES)


def normalised(*, mean_std: Any = IMAGENET, **said: Any) -> RecogniseOptions:
    return RecogniseOptions(class_names=NAMES, preprocessing=PreprocessingOptions(normalization=mean_std), **said)


class TestUltralyticsExports:
    def test_detection(self) -> None:
        assert export((1, 7, 8400), metadata=DETECT) == Recognised(
            task="object-detection",
            family="yolov8",
            convention="native",
            recognised="bare ONNX file; output0 (1, 7, 8400) is (batch, 4 box + 3 classes, 8400 anchors)",
            class_names=NAMES,
            network_input=NetworkInput(name="images", height=480, width=640, batch=1),
            preprocessing=LETTERBOX,
            outputs=("output0",),
        )

    @pytest.mark.parametrize(
        ("metadata", "outputs", "task", "family"),
        [
            pytest.param({}, [(1, 7, 8400)], "object-detection", "yolov8", id="detect"),
            pytest.param({"args": "{'nms': True}"}, [(1, 300, 6)], "object-detection", "end-to-end", id="nms=True"),
            pytest.param({"end2end": "True"}, [(1, 300, 6)], "object-detection", "end-to-end", id="end2end"),
            pytest.param(
                {"task": "segment"}, [(1, 39, 8400), (1, 32, 120, 160)], "instance-segmentation", "yolov8", id="segment"
            ),
            pytest.param(
                {"task": "segment", "args": "{'nms': True}"}, [(1, 300, 38), (1, 32, 120, 160)],
                "instance-segmentation", "end-to-end", id="segment, nms=True",
            ),
            pytest.param(
                {"task": "pose", "kpt_shape": "[17, 3]"}, [(1, 58, 8400)], "keypoint-detection", "yolov8", id="pose"
            ),
            pytest.param(
                {"task": "pose", "kpt_shape": "[5, 3]", "end2end": "True"}, [(1, 300, 21)],
                "keypoint-detection", "end-to-end", id="pose, end2end",
            ),
            pytest.param({"task": "classify"}, [(1, 3)], "classification", "classifier", id="classify"),
            pytest.param({"head": "RTDETRDecoder"}, [(1, 300, 7)], "object-detection", "detr", id="RT-DETR"),
            # with two classes (1, 300, 6) could be both: metadata tell
            pytest.param(
                {"head": "RTDETRDecoder", "names": "['a', 'b']", "end2end": "False"}, [(1, 300, 6)],
                "object-detection", "end-to-end", id="two classes and 6 columns",
            ),
        ],
    )  # fmt: skip
    def test_families(self, metadata: dict[str, str], outputs: list[Given], task: str, family: str) -> None:
        found = export(*outputs, metadata={**DETECT, **metadata})

        assert (found.task, found.family, found.convention) == (task, family, "native")

    @pytest.mark.parametrize(("head", "expected"), [("RTDETRDecoder", True), ("Detect", False)])
    def test_boxes_of_rt_detr_are_fractions(self, head: str, expected: bool) -> None:
        found = export((1, 300, 6), metadata={**DETECT, "head": head})

        assert (found.family, found.has_fractional_boxes) == ("end-to-end", expected)
        assert found.preprocessing.resize_mode == ("stretch" if expected else "letterbox")

    @pytest.mark.parametrize("operator", ["Softmax", "Gemm"])
    def test_classification(self, operator: str) -> None:
        metadata = {**DETECT, "task": "classify"}

        found = export((1, 3), metadata=metadata, picture=(1, 3, 224, 224), final_operator=operator)

        assert found.is_activated is (operator == "Softmax")
        assert found.preprocessing == Preprocessing(resize_mode="shorter-side-crop", interpolation="filtered-linear")

    def test_keypoints_by_name(self) -> None:
        metadata = {**DETECT, "task": "pose", "names": "['a']", "kpt_shape": "[2, 2]", "kpt_names": "{0: ['p', 'q']}"}

        found = export((1, 9, 8400), metadata=metadata)

        assert found.keypoints == Keypoints(names=(("p", "q"),), slots=2, columns=2)

    def test_nameless_keypoints_of_a_person_are_those_of_coco(self) -> None:
        found = export((1, 58, 8400), metadata={**DETECT, "task": "pose", "kpt_shape": "[17, 3]"})

        assert found.keypoints is not None and found.keypoints.names[0][:2] == ("nose", "left_eye")
        assert len(found.keypoints.edges) == 19

    @pytest.mark.parametrize(
        ("metadata", "picture", "expected"),
        [
            # dynamic=True: any multiple of the stride, up to the size at which Ultralytics runs such files
            ({}, OPEN, NetworkInput(name="images", height=640, width=640, batch=None, stride=32)),
            ({"stride": "64"}, OPEN, NetworkInput(name="images", height=640, width=640, batch=None, stride=64)),
            ({"imgsz": "[224, 224]"}, OPEN, NetworkInput(name="images", height=640, width=640, batch=None, stride=32)),
            ({}, (None, 3, 480, 640), NetworkInput(name="images", height=480, width=640, batch=None)),
            # the graph knows better than the metadata
            ({"imgsz": "[1, 1]"}, FIXED, NetworkInput(name="images", height=480, width=640, batch=1)),
        ],
    )
    def test_size_of_the_input(self, metadata: dict[str, str], picture: Shape, expected: NetworkInput) -> None:
        assert export((1, 7, 8400), metadata={**DETECT, **metadata}, picture=picture).network_input == expected

    def test_a_size_given_by_the_operator_comes_first(self) -> None:
        found = export(
            (1, 7, 8400), metadata=DETECT, picture=OPEN, options=RecogniseOptions(size_hw=(320, 416))
        ).network_input

        assert (found.height, found.width) == (320, 416)

    def test_half_precision(self) -> None:
        assert export((1, 7, 8400), metadata=DETECT, dtype="float16").network_input.dtype == "float16"

    def test_names_given_by_the_operator_come_first(self) -> None:
        options = RecogniseOptions(class_names=("a", "b", "c"))

        assert export((1, 7, 8400), metadata=DETECT, options=options).class_names == ("a", "b", "c")

    def test_names_as_a_list(self) -> None:
        assert export((1, 7, 8400), metadata={**DETECT, "names": "['a', 'b', 3]"}).class_names == ("a", "b", "3")


class TestOtherExports:
    @pytest.mark.parametrize(
        ("outputs", "said", "task", "family"),
        [
            pytest.param([(1, 3549, 8)], {}, "object-detection", "yolox", id="one anchor a cell: YOLOX"),
            pytest.param([(1, 10647, 8)], {}, "object-detection", "yolov5", id="three anchors a cell: YOLOv5"),
            pytest.param([(1, 7, 3549)], {}, "object-detection", "yolov8", id="columns first: YOLOv8"),
            pytest.param(
                [(1, 10647, 40), (1, 32, 104, 104)], {}, "instance-segmentation", "yolov5", id="YOLOv5 segmentation"
            ),
            pytest.param(
                [(1, 10647, 40), (1, 3, 52, 52, 40), (1, 3, 26, 26, 40), (1, 3, 13, 13, 40), (1, 32, 104, 104)], {},
                "instance-segmentation", "yolov5", id="YOLOv7 segmentation",
            ),
            pytest.param(
                [("dets", (1, 300, 4), 1.0), ("labels", (1, 300, 4), 3.0)], {}, "object-detection", "detr", id="RF-DETR"
            ),
            pytest.param(
                [("dets", (1, 200, 4), 1.0), ("labels", (1, 200, 4), 3.0), ("masks", (1, 200, 78, 78), 9.0)], {},
                "instance-segmentation", "detr", id="RF-DETR segmentation",
            ),
            pytest.param([(1, 3549, 4), (1, 3549, 3)], {}, "object-detection", "yolonas", id="YOLO-NAS: pixels"),
            pytest.param([(1, 300, 6)], {}, "object-detection", "end-to-end", id="end to end"),
        ],
    )  # fmt: skip
    def test_families_by_shape_alone(self, outputs: list[Given], said: dict[str, Any], task: str, family: str) -> None:
        found = export(*outputs, picture=SQUARE, options=WITH_NAMES, **said)

        assert (found.task, found.family) == (task, family)

    def test_yolox(self) -> None:
        found = export(("output", (1, 3549, 8), 5.0), picture=SQUARE, options=WITH_NAMES)

        assert found.preprocessing == Preprocessing(
            resize_mode="corner-letterbox", padding_value=114, color_mode="bgr", scaling_factor=1.0
        )
        # small values cannot be pixels: the boxes are still in cells
        assert not found.is_decoded
        assert export(("output", (1, 3549, 8), 400.0), picture=SQUARE, options=WITH_NAMES).is_decoded

    def test_prototypes_are_found_among_other_outputs(self) -> None:
        heads = [(1, 3, 52, 52, 40), (1, 3, 26, 26, 40), (1, 3, 13, 13, 40)]

        found = export((1, 10647, 40), *heads, (1, 32, 104, 104), picture=SQUARE, options=WITH_NAMES)

        assert found.outputs == ("output0", "output4")

    def test_rf_detr_is_normalised_as_imagenet(self) -> None:
        found = export(("dets", (1, 300, 4), 1.0), ("labels", (1, 300, 4), 3.0), picture=SQUARE, options=WITH_NAMES)

        assert found.preprocessing == Preprocessing(
            resize_mode="stretch", interpolation="filtered-linear", mean=IMAGENET[0], std=IMAGENET[1]
        )

    def test_boxes_and_logits_are_told_apart_by_name_where_both_have_four_columns(self) -> None:
        outputs = (("logits", (1, 300, 4), 3.0), ("pred_boxes", (1, 300, 4), 1.0))

        found = export(*outputs, picture=SQUARE, options=normalised())

        assert found.outputs == ("pred_boxes", "logits")

    def test_a_graph_that_is_told_the_size_of_the_picture(self) -> None:
        size = Tensor("orig_target_sizes", "int64", (None, 2))
        outputs = (("labels", (1, 300), 2.0), ("boxes", (1, 300, 4), 640.0), ("scores", (1, 300), 1.0))

        found = export(*outputs, more_inputs=(size,), options=WITH_NAMES)

        assert (found.family, found.outputs) == ("boxes", ("labels", "boxes", "scores"))
        assert found.network_input.picture_size_name == "orig_target_sizes"

    @pytest.mark.parametrize(
        ("operator", "task", "is_activated"),
        [
            ("Gemm", "classification", False),
            ("Softmax", "classification", True),
            ("Sigmoid", "multi-label-classification", True),
        ],
    )
    def test_classifiers(self, operator: str, task: str, is_activated: bool) -> None:
        found = export((1, 3), final_operator=operator, options=normalised())

        assert (found.task, found.is_activated) == (task, is_activated)
        assert found.preprocessing == Preprocessing(
            resize_mode="shorter-side-crop",
            interpolation="filtered-linear",
            crop_fraction=0.875,
            mean=IMAGENET[0],
            std=IMAGENET[1],
        )

    def test_many_labels_by_option(self) -> None:
        found = export((1, 3), options=normalised(task="multi-label-classification"))

        assert (found.task, found.is_activated) == ("multi-label-classification", False)

    def test_semantic_segmentation(self) -> None:
        found = export((1, 3, 60, 80), options=normalised())

        assert (found.task, found.family) == ("semantic-segmentation", "semantic")

    def test_preprocessing_said_by_the_operator(self) -> None:
        options = RecogniseOptions(
            class_names=NAMES,
            preprocessing=PreprocessingOptions(
                normalization=IMAGENET, color_mode="bgr", resize_mode="stretch", interpolation="filtered-cubic"
            ),
        )

        assert export((1, 3), options=options).preprocessing == Preprocessing(
            resize_mode="stretch", interpolation="filtered-cubic", crop_fraction=0.875, color_mode="bgr",
            mean=IMAGENET[0], std=IMAGENET[1],
        )  # fmt: skip


@pytest.mark.parametrize(
    ("metadata", "outputs", "said", "reason"),
    [
        ({"task": "obb"}, [(1, 7, 8400)], {}, "task 'obb' is not built; detect, segment, pose, classify are"),
        ({"names": None}, [(1, 7, 8400)], {}, r"does not say its 3 class names \(.*\); give them with --classes"),
        ({"names": "{1: 'a', 2: 'b', 3: 'c'}"}, [(1, 7, 8400)], {}, r"keys \[1, 2, 3\].*0 to 2 are expected"),
        ({"names": "{0: 'a', 'x': 'b'}"}, [(1, 6, 8400)], {}, "names"),
        ({"names": "5"}, [(1, 7, 8400)], {}, "names"),
        ({}, [(1, 8, 8400)], {}, r"3 class names \(alpha, beta, gamma ...\) do not fit model.*, which has 4 classes"),
        ({}, [(1, 7)], {}, "no layout of object-detection that is built"),
        ({}, [(1, 7, 20, 20)], {}, "no layout of object-detection"),
        ({"task": "segment"}, [(1, 39, 8400)], {}, "no layout of instance-segmentation"),
        ({"task": "segment"}, [(1, 7, 8400), (1, 32, 9, 9)], {}, "3 class names .* do not fit"),
        ({"task": "pose"}, [(1, 58, 8400)], {}, "metadata kpt_shape None; .keypoints, 2 or 3. is expected"),
        ({"task": "pose", "kpt_shape": "[17, 4]"}, [(1, 75, 8400)], {}, r"kpt_shape \(17, 4\)"),
        ({"task": "classify"}, [(1, 4)], {}, "3 class names .* which has 4 classes"),
        ({"task": "classify"}, [(1, 3), (1, 3)], {}, "no layout of classification"),
        ({}, [(1, 7, 8400)], {"more_inputs": (Tensor("size", "float32", (1, 2)),)}, "the second input is size float32"),
        ({}, [(1, 7, 8400)], {"more_inputs": (Tensor("b", "float32", FIXED),)}, "the graph has 2 inputs"),
        ({}, [(1, 7, 8400)], {"picture": (1, 4, 480, 640)}, r"the input is images float32\(1, 4, 480, 640\)"),
        ({}, [(1, 7, 8400)], {"picture": (1, 480, 640, 3)}, r"\(batch, 3, height, width\) is expected"),
        ({}, [(1, 7, 8400)], {"picture": (3, 480, 640)}, "the graph has 1 inputs"),
        ({}, [(1, 7, 8400)], {"dtype": "uint8"}, "float32 or float16"),
        ({"imgsz": None, "stride": None}, [(1, 7, 9)], {"picture": OPEN}, "leaves the size open.*--size"),
        ({"imgsz": "[640]", "stride": None}, [(1, 7, 9)], {"picture": OPEN}, "imgsz"),
        ({"imgsz": "{", "stride": None}, [(1, 7, 9)], {"picture": OPEN}, "metadata 'imgsz' cannot be read"),
        ({"stride": "x"}, [(1, 7, 9)], {"picture": OPEN}, "stride"),
        ({"task": None}, [(1, 3)], {}, "of unknown origin .* give --normalization imagenet, half, none"),
        ({"task": None}, [(1, 3, 60, 80)], {}, "semantic-segmentation network of unknown origin"),
        (
            {"task": None}, [("logits", (1, 300, 4), 1.0), ("pred_boxes", (1, 300, 4), 1.0)], {},
            "object-detection network of unknown origin",
        ),
        ({"task": None}, [(1, 2, 3, 4, 5)], {}, "no layout of any task that is built"),
    ],
)  # fmt: skip
def test_refusals(metadata: dict[str, str | None], outputs: list[Given], said: dict[str, Any], reason: str) -> None:
    known = {key: value for key, value in {**DETECT, **metadata}.items() if value is not None}

    with pytest.raises(UnsupportedModel, match=reason):
        export(*outputs, metadata=known, **said)
