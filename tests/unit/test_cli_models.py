"""`retinue models list | show | test`, and int8 weights: what an operator sees."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image

from retinue.errors import RequestError, UnsupportedModel
from retinue.models.package import ModelId
from retinue.operator.publish import examine
from retinue.operator.quantize import quantize
from retinue.pipeline.predict import predict
from retinue.pipeline.prediction import Thresholds
from tests.unit.networks import constant_network, load
from tests.unit.test_cli import METADATA, refused, retinue

pytestmark = pytest.mark.usefixtures("aws")

NAMED = METADATA | {"names": "{0: 'alpha', 1: 'beta', 2: 'gamma'}"}


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """A detector that always sees an alpha in the upper left quarter of its input."""
    rows = np.array([[8, 8, 16, 16, 0.9, 0.1, 0.1]], np.float32).T
    path = tmp_path / "export.onnx"
    onnx.save(constant_network(rows, size_wh=(32, 32), metadata=NAMED), str(path))
    return path


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "scene.png"
    Image.new("RGB", (64, 64), "grey").save(path)
    return path


@pytest.fixture
def published(export: Path, bucket: str) -> str:
    for version in ("2", "10"):
        assert retinue("publish", f"coins/{version}", export, "--bucket", bucket).exit_code == 0
    return bucket


def test_list(published: str) -> None:
    output = retinue("models", "list", "--bucket", published).output

    lines = [line for line in output.splitlines() if "coins/" in line]
    assert [line.split()[1] for line in lines] == ["coins/2", "coins/10"]
    assert "latest" in lines[1] and "latest" not in lines[0]
    assert "object-detection" in lines[0] and "32 x 32" in lines[0]


def test_list_for_programs(published: str) -> None:
    records = json.loads(retinue("models", "list", "--json", "--project", "coins", "--bucket", published).stdout)

    assert [(record["model_id"], record["aliases"]) for record in records] == [
        ("coins/2", []),
        ("coins/10", ["latest"]),
    ]


def test_no_models_yet(bucket: str) -> None:
    assert "No models yet" in retinue("models", "list", "--bucket", bucket).output


@pytest.mark.parametrize("model_id", ["coins/10", "coins/latest"])
def test_show(published: str, model_id: str) -> None:
    output = retinue("models", "show", model_id, "--bucket", published).output

    for word in ("coins/10", "object-detection", "yolov8", "letterbox", "alpha, beta, gamma", "latest", "sha256"):
        assert word in output


@pytest.mark.parametrize(
    ("model_id", "reason"),
    [
        ("coins/3", "coins/3 is not published; of coins there are coins/2, coins/10"),
        ("nuts/1", "nuts/1 is not published; the bucket has coins"),
        ("coins", "invalid model id"),
    ],
)
def test_show_what_is_not_there(published: str, model_id: str, reason: str) -> None:
    assert reason in " ".join(refused(retinue("models", "show", model_id, "--bucket", published)).split())


def test_try_a_published_model(published: str, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    result = retinue("models", "test", "coins/latest", picture, "--bucket", published, "--output", tmp_path / "out")

    assert result.exit_code == 0, result.output
    assert "alpha" in result.output and "0.900" in result.output and "x 0..32, y 0..32" in result.output
    with Image.open(tmp_path / "out" / "scene.jpg") as drawn:
        assert drawn.size == (64, 64)


def test_try_a_file_before_it_is_published(export: Path, picture: Path, tmp_path: Path) -> None:
    result = retinue("models", "test", export, picture, "--output", tmp_path / "out")

    assert result.exit_code == 0 and "alpha" in result.output


def test_try_what_is_neither(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RETINUE_MODELS_BUCKET", raising=False)

    assert "is no file here" in refused(retinue("models", "test", "coins/1", picture))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--task", "x"], "--task is 'x'; object-detection"),
        (["--size", "640"], "--size is '640'; WIDTHxHEIGHT is expected"),
        (["--normalization", "x"], "--normalization is 'x'; imagenet, half, none"),
        (["--normalization", "1,1,1;1,1"], "--normalization"),
        (["--color-mode", "hsv"], "--color-mode is 'hsv'; rgb, bgr"),
        (["--resize", "x"], "--resize is 'x'; stretch"),
        (["--interpolation", "x"], "--interpolation is 'x'; linear"),
    ],
)
def test_options_of_publish_that_are_wrong(export: Path, bucket: str, options: list[str], reason: str) -> None:
    output = refused(retinue("publish", "coins/1", export, "--bucket", bucket, *options))

    assert reason in " ".join(output.split())


def test_options_of_publish(export: Path, bucket: str, s3: Any) -> None:
    options = ("--normalization", "0.5,0.4,0.3;1,1,0.5", "--color-mode", "bgr", "--resize", "stretch")

    result = retinue("publish", "coins/1", export, "--bucket", bucket, *options)

    assert result.exit_code == 0, result.output
    manifest = json.loads(s3.get_object(Bucket=bucket, Key="models/coins/1/manifest.json")["Body"].read())
    spec = manifest["preprocessing"]
    assert (spec["mean"], spec["std"], spec["color_mode"], spec["resize_mode"]) == (
        [0.5, 0.4, 0.3], [1, 1, 0.5], "bgr", "stretch",
    )  # fmt: skip


class TestInt8:
    @pytest.fixture
    def classifier(self, tmp_path: Path) -> Path:
        """Bright or dark, by a layer that can be quantised and one that cannot be left out."""
        from onnx import TensorProto, helper, numpy_helper

        weights = np.stack([np.ones((3, 32, 32)), -np.ones((3, 32, 32))]).astype(np.float32) / 100
        nodes = [
            helper.make_node("Conv", ["images", "first"], ["features"], name="first"),
            helper.make_node("Relu", ["features"], ["positive"]),
            helper.make_node("Conv", ["positive", "weights"], ["map"], name="last"),
            helper.make_node("Flatten", ["map"], ["output0"]),
        ]
        first = np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1)
        graph = helper.make_graph(
            nodes,
            "classifier",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 32, 32])],
            [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 2])],
            [numpy_helper.from_array(first, "first"), numpy_helper.from_array(weights, "weights")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)
        said = {"task": "classify", "names": "['bright', 'dark']", "imgsz": "[32, 32]", "stride": "1"}
        helper.set_model_props(model, said)
        path = tmp_path / "classifier.onnx"
        onnx.save(model, str(path))
        return path

    @pytest.fixture
    def pictures(self, tmp_path: Path) -> Path:
        folder = tmp_path / "pictures"
        folder.mkdir()
        for level in range(0, 240, 40):
            Image.new("RGB", (32, 32), (level, level, level)).save(folder / f"{level:03}.png")
        return folder

    def test_agreement_is_measured_on_pictures_that_did_not_calibrate(
        self, classifier: Path, pictures: Path, tmp_path: Path
    ) -> None:
        candidate = examine(ModelId("things", "1"), classifier)

        small, agreement = quantize(candidate, pictures, tmp_path / "int8.onnx")

        assert (agreement.share, agreement.answers, agreement.pictures) == (1.0, 3, 3)
        assert "int8: 100.0% of 3 best classes of the float network on 3 pictures" in small.manifest.quantization
        assert small.source.weights == tmp_path / "int8.onnx"
        operators = [node.op_type for node in onnx.load(str(tmp_path / "int8.onnx")).graph.node]
        assert "QuantizeLinear" in operators and operators.count("Conv") == 2
        model = load(onnx.load(str(tmp_path / "int8.onnx")), small.manifest)
        [prediction] = predict(model, [np.full((32, 32, 3), 200, np.uint8)], Thresholds(confidence=0.0))
        assert prediction.classification is not None and prediction.classification.class_id[0] == 0

    def test_too_few_pictures(self, classifier: Path, tmp_path: Path) -> None:
        with pytest.raises(RequestError, match="holds 0 pictures; at least 4 are needed"):
            quantize(examine(ModelId("things", "1"), classifier), tmp_path / "none", tmp_path / "int8.onnx")

    def test_half_precision_is_refused(self, pictures: Path, tmp_path: Path) -> None:
        from tests.unit.networks import brightness_network

        said = {"task": "classify", "names": "['bright', 'dark']", "imgsz": "[4, 4]", "stride": "1"}
        path = tmp_path / "half.onnx"
        onnx.save(brightness_network(is_half=True, metadata=said), str(path))

        with pytest.raises(UnsupportedModel, match="int8 starts from a float32 export"):
            quantize(examine(ModelId("things", "1"), path), pictures, tmp_path / "int8.onnx")

    def test_a_network_that_finds_nothing_cannot_be_judged(self, pictures: Path, tmp_path: Path) -> None:
        path = tmp_path / "blind.onnx"
        onnx.save(constant_network(np.zeros((7, 4)), size_wh=(32, 32), metadata=NAMED), str(path))

        with pytest.raises(RequestError, match="finds nothing on the pictures"):
            quantize(examine(ModelId("things", "1"), path), pictures, tmp_path / "int8.onnx")
