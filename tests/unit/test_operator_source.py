"""What people bring: bare files, and both of Roboflow's layouts; each refusal with its reason."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from retinue.errors import UnsupportedModel
from retinue.operator.layouts import NO_STEPS
from retinue.operator.source import Source, read_source

NAMES = ("alpha", "beta")
Files = dict[str, Any]

MODEL_TYPE = {"project_task_type": "object-detection", "model_type": "yolov8n", "model_id": "things/1"}
MODEL_CONFIG = {"model_architecture": "yolov8", "task_type": "object-detection", "backend_type": "onnx"}
INFERENCE_CONFIG = {
    "image_pre_processing": {"auto-orient": {"enabled": True}},
    "network_input": {
        "training_input_size": {"height": 480, "width": "640"},
        "color_mode": "bgr",
        "resize_mode": "letterbox",
        "padding_value": 127,
        "input_channels": 3,
        "scaling_factor": 255,
        "normalization": [[0.5, 0.5, 0.5], [0.25, 0.25, 0.25]],
    },
    "post_processing": {"type": "nms", "fused": False},
}


def environment(resize: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    steps = {"auto-orient": {"enabled": True}, **({} if resize is None else {"resize": resize})}
    return {"PREPROCESSING": json.dumps(steps), **fields}


def legacy(**changes: Any) -> Files:
    """The older layout; `changes` are files by name without the ending."""
    return {
        "environment.json": environment(),
        "model_type.json": MODEL_TYPE,
        "class_names.txt": "alpha\n\n beta \n",
        "weights.onnx": b"",
        **changes,
    }


def new(**changes: Any) -> Files:
    return {
        "model_config.json": MODEL_CONFIG,
        "inference_config.json": INFERENCE_CONFIG,
        "class_names.txt": "alpha\nbeta\n",
        "weights.onnx": b"",
        **changes,
    }


@pytest.fixture
def bring(tmp_path: Path) -> Callable[[Files], Path]:
    """bring({name: content}) -> the folder that holds these files; None: not that one."""

    def write(files: Files) -> Path:
        folder = tmp_path / "package"
        folder.mkdir()
        for name, content in files.items():
            if content is None:
                continue
            text = content if isinstance(content, bytes | str) else json.dumps(content)
            (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return folder

    return write


Bring = Callable[[Files], Path]


class TestBareFiles:
    def test_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "yolov8n.onnx"
        path.write_bytes(b"")

        assert read_source(path) == Source(layout="bare ONNX file", convention="native", weights=path)

    def test_a_folder_with_one_file(self, bring: Bring) -> None:
        folder = bring({"best_model.onnx": b"", "notes.txt": "x"})

        assert read_source(folder).weights == folder / "best_model.onnx"

    @pytest.mark.parametrize(("files", "count"), [({}, 0), ({"a.onnx": b"", "b.onnx": b""}, 2)])
    def test_other_folders(self, bring: Bring, files: Files, count: int) -> None:
        with pytest.raises(
            UnsupportedModel, match=rf"neither model_config.json nor environment.json, and {count} \.onnx"
        ):
            read_source(bring(files))

    def test_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(UnsupportedModel, match="neither a file nor a folder"):
            read_source(tmp_path / "nowhere")


class TestNewLayout:
    def test_everything_it_says(self, bring: Bring) -> None:
        recommended = {"confidence": 0.3, "per_class_confidence": {"alpha": 0.2}}
        folder = bring(new(**{"model_config.json": {**MODEL_CONFIG, "recommended_parameters": recommended}}))

        assert read_source(folder) == Source(
            layout="Roboflow package (model_config.json)",
            convention="roboflow",
            weights=folder / "weights.onnx",
            extra_files=tuple(
                folder / name for name in ("class_names.txt", "inference_config.json", "model_config.json")
            ),
            task="object-detection",
            architecture="yolov8",
            class_names=NAMES,
            resize_mode="letterbox",
            padding_value=127,
            input_size_hw=(480, 640),
            color_mode="bgr",
            scaling_factor=255,
            normalization=((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
            is_fused=False,
            confidence=0.3,
            class_confidence={"alpha": 0.2},
        )

    def test_null_stands_for_nothing(self, bring: Bring) -> None:
        network = {"training_input_size": None, "padding_value": None, "normalization": None, "scaling_factor": None}
        config = {"network_input": network, "post_processing": None, "image_pre_processing": None}

        source = read_source(bring(new(**{"inference_config.json": config})))

        assert (source.input_size_hw, source.padding_value, source.normalization) == (None, 0, None)
        assert (source.is_fused, source.steps, source.resize_mode) == (None, NO_STEPS, "stretch")

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"inference_config.json": None}, "inference_config.json is missing"),
            ({"inference_config.json": "{"}, "inference_config.json is no JSON"),
            ({"inference_config.json": "[]"}, "inference_config.json holds no JSON object"),
            ({"model_config.json": "x"}, "model_config.json is no JSON"),
            ({"model_config.json": {**MODEL_CONFIG, "backend_type": "trt"}}, "backend_type is 'trt'"),
            ({"inference_config.json": {"network_input": {"input_channels": 1}}}, "input_channels is 1"),
            ({"weights.onnx": None}, "holds 0 of weights.onnx"),
            ({"best.onnx": b""}, "holds 2 of weights.onnx"),
            (
                {"inference_config.json": {"network_input": {"training_input_size": {"height": 640}}}},
                "training_input_size",
            ),
            (
                {"inference_config.json": {"network_input": {"training_input_size": {"height": "x", "width": 1}}}},
                "training_input_size",
            ),
            ({"inference_config.json": {"network_input": {"normalization": [[0.5, 0.5, 0.5]]}}}, "normalization"),
        ],
    )
    def test_refusals(self, bring: Bring, changes: Files, reason: str) -> None:
        with pytest.raises(UnsupportedModel, match=reason):
            read_source(bring(new(**changes)))


class TestOlderLayout:
    def test_everything_it_says(self, bring: Bring) -> None:
        colors = {"alpha": "#FF0000", "beta": "#00FF00"}
        resize = {"enabled": True, "width": "640", "height": 480, "format": "Fit (black edges) in"}
        folder = bring(legacy(**{"environment.json": environment(resize, COLORS=colors)}))

        source = read_source(folder)

        assert (source.layout, source.convention) == ("Roboflow package (environment.json)", "roboflow")
        assert (source.task, source.architecture, source.class_names) == ("object-detection", "yolov8n", NAMES)
        assert (source.resize_mode, source.padding_value, source.input_size_hw) == ("letterbox", 0, (480, 640))
        assert (source.normalization, source.is_fused, source.colors) == (None, None, colors)
        assert source.steps.grayscale is None and source.steps.contrast is None and source.steps.static_crop is None
        assert [file.name for file in source.extra_files] == ["class_names.txt", "environment.json", "model_type.json"]

    @pytest.mark.parametrize(
        ("resize", "expected"),
        [
            (None, ("stretch", 0)),
            ({}, ("stretch", 0)),
            ({"format": "Stretch to"}, ("stretch", 0)),
            ({"format": "anything"}, ("stretch", 0)),
            ({"format": "Fit (black edges) in"}, ("letterbox", 0)),
            ({"format": "Fit (white edges) in"}, ("letterbox", 255)),
            ({"format": "Fit (grey edges) in"}, ("letterbox", 127)),  # the platform's value, as the new engine has it
            ({"format": "Fit (reflect edges) in"}, ("letterbox-reflect-edges", 0)),
            ({"format": "Fit within"}, ("fit-longer-edge", 0)),
            ({"format": "Fill (with center crop) in"}, ("center-crop", 0)),
        ],
    )
    def test_resize(self, bring: Bring, resize: dict[str, Any] | None, expected: tuple[str, int]) -> None:
        source = read_source(bring(legacy(**{"environment.json": environment(resize)})))

        assert (source.resize_mode, source.padding_value) == expected

    def test_preprocessing_as_an_object(self, bring: Bring) -> None:
        source = read_source(bring(legacy(**{"environment.json": {"PREPROCESSING": {"grayscale": {"enabled": True}}}})))

        assert source.steps.grayscale is not None and source.steps.grayscale.enabled

    def test_colours_as_text_are_ignored(self, bring: Bring) -> None:
        assert (
            read_source(bring(legacy(**{"environment.json": environment(COLORS='{"alpha": "#FF0000"}')}))).colors == {}
        )

    def test_many_labels(self, bring: Bring) -> None:
        kind = {"project_task_type": "classification", "model_type": "vit"}

        source = read_source(
            bring(legacy(**{"model_type.json": kind, "environment.json": environment(MULTICLASS=True)}))
        )

        assert source.task == "multi-label-classification"

    def test_the_background_of_rf_detr_is_no_class(self, bring: Bring) -> None:
        source = read_source(bring(legacy(**{"class_names.txt": "background_class83422\nalpha"})))

        assert source.removed_class_names == ("background_class83422",)

    def test_keypoints(self, bring: Bring) -> None:
        metadata = [{"object_class_id": 0, "keypoints": {"0": "nose", "1": "tail"}, "edges": [{"from": 0, "to": 1}]}]

        [of_class] = read_source(bring(legacy(**{"keypoints_metadata.json": json.dumps(metadata)}))).keypoints

        assert of_class.keypoints == {0: "nose", 1: "tail"}
        assert [(edge.start, edge.end) for edge in of_class.edges] == [(0, 1)]

    @pytest.mark.parametrize("name", ["weights.onnx", "best.onnx", "yolov5s_weights.onnx"])
    def test_names_of_the_weights(self, bring: Bring, name: str) -> None:
        folder = bring(legacy(**{"weights.onnx": None, name: b""}))

        assert read_source(folder).weights == folder / name

    def test_classes_of_a_classifier_are_in_its_class_map(self, bring: Bring) -> None:
        names = [f"class {index}" for index in range(12)]
        class_map = {str(index): names[index] for index in reversed(range(12))}

        files = legacy(**{"class_names.txt": None, "environment.json": environment(CLASS_MAP=class_map)})

        assert read_source(bring(files)).class_names == tuple(names)

    @pytest.mark.parametrize(
        ("task", "architecture", "mean"),
        [
            ("classification", "resnet18", 0.485),
            ("classification", "resnet", 0.485),
            ("classification", "dinov3", 0.485),
            ("classification", "dinov3_probe", 0.485),
            ("classification", "vit", 0.5),
            ("classification", "yolov8n", 0.5),
            ("classification", "yolov8", 0.5),
            ("object-detection", "rfdetr-base", 0.485),
            ("semantic-segmentation", "deeplabv3plus", 0.485),
            ("object-detection", "yolov8n", None),
            ("instance-segmentation", "yolov8s-seg", None),
        ],
    )
    def test_normalisation_follows_from_the_type(
        self, bring: Bring, task: str, architecture: str, mean: float | None
    ) -> None:
        kind = {"project_task_type": task, "model_type": architecture}

        source = read_source(bring(legacy(**{"model_type.json": kind})))

        assert (source.normalization[0][0] if source.normalization else None) == mean

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"model_type.json": None}, "model_type.json is missing"),
            ({"environment.json": {}}, "has no PREPROCESSING"),
            (
                {"environment.json": {"PREPROCESSING": {"static-crop": {"enabled": True, "x_min": 5}}}},
                "static-crop.y_min: Field required",
            ),
            ({"weights.onnx": None}, "holds 0 of weights.onnx, best.onnx, yolov5s_weights.onnx"),
            ({"environment.json": {"PREPROCESSING": "{"}}, "PREPROCESSING"),
            ({"environment.json": {"PREPROCESSING": "[]"}}, "PREPROCESSING"),
            ({"environment.json": environment({"height": 640})}, "resize"),
            ({"environment.json": environment({"height": "x", "width": 640})}, "resize"),
            (
                {"class_names.txt": None, "environment.json": environment(CLASS_MAP={"0": "a", "2": "b"})},
                "CLASS_MAP",
            ),
        ],
    )
    def test_refusals(self, bring: Bring, changes: Files, reason: str) -> None:
        with pytest.raises(UnsupportedModel, match=reason):
            read_source(bring(legacy(**changes)))
