"""`retinue workflows put | get | list | validate | run`: what an operator sees."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image

from tests.unit.networks import constant_network
from tests.unit.test_cli import METADATA, refused, retinue

pytestmark = pytest.mark.usefixtures("aws")

NAMED = METADATA | {"names": "{0: 'alpha', 1: 'beta', 2: 'gamma'}"}


@pytest.fixture
def document() -> dict[str, Any]:
    """Finds objects, cuts them out and draws them."""
    return {
        "version": "1.0",
        "inputs": [
            {"type": "WorkflowImage", "name": "photo"},
            {"type": "WorkflowParameter", "name": "confidence", "default_value": 0.4},
        ],
        "steps": [
            {
                "type": "roboflow_core/roboflow_object_detection_model@v2",
                "name": "detect",
                "images": "$inputs.photo",
                "model_id": "coins/1",
                "confidence": "$inputs.confidence",
            },
            {
                "type": "roboflow_core/dynamic_crop@v1",
                "name": "crop",
                "images": "$inputs.photo",
                "predictions": "$steps.detect.predictions",
            },
        ],
        "outputs": [
            {"type": "JsonField", "name": "found", "selector": "$steps.detect.predictions"},
            {"type": "JsonField", "name": "crops", "selector": "$steps.crop.crops"},
        ],
    }


@pytest.fixture
def file(tmp_path: Path, document: dict[str, Any]) -> Path:
    path = tmp_path / "find.json"
    path.write_text(json.dumps(document))
    return path


@pytest.fixture
def nesting(tmp_path: Path) -> Path:
    """A workflow that nests default/find."""
    inner = {
        "type": "roboflow_core/inner_workflow@v1",
        "name": "inner",
        "workflow_workspace_id": "default",
        "workflow_id": "find",
        "parameter_bindings": {"photo": "$inputs.image"},
    }
    path = tmp_path / "outer.json"
    outputs = [{"type": "JsonField", "name": "found", "selector": "$steps.inner.found"}]
    inputs = [{"type": "WorkflowImage", "name": "image"}]
    path.write_text(json.dumps({"version": "1.0", "inputs": inputs, "steps": [inner], "outputs": outputs}))
    return path


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "scene.png"
    Image.new("RGB", (64, 64), "grey").save(path)
    return path


@pytest.fixture
def published(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket with a detector that always sees an alpha in the upper left quarter."""
    monkeypatch.setenv("HOME", str(tmp_path))
    rows = np.array([[8, 8, 16, 16, 0.9, 0.1, 0.1]], np.float32).T
    path = tmp_path / "export.onnx"
    onnx.save(constant_network(rows, size_wh=(32, 32), metadata=NAMED), str(path))
    assert retinue("publish", "coins/1", path, "--bucket", bucket).exit_code == 0
    return bucket


def words(output: str) -> str:
    return " ".join(output.split())


class TestPut:
    def test_put_get_list(self, file: Path, document: dict[str, Any], published: str, tmp_path: Path) -> None:
        saved = retinue("workflows", "put", "default/find", file, "--bucket", published)
        assert saved.exit_code == 0 and words(saved.output) == "Saved default/find"

        printed = retinue("workflows", "get", "default/find", "--bucket", published)
        assert json.loads(printed.stdout) == document

        target = tmp_path / "copy.json"
        written = retinue("workflows", "get", "default/find", "--bucket", published, "--output", target)
        assert written.exit_code == 0 and json.loads(target.read_text()) == document

        (line,) = [
            line
            for line in retinue("workflows", "list", "--bucket", published).output.splitlines()
            if "default/find" in line
        ]
        assert "2" in line and "coins/1" in line

    def test_versions(self, file: Path, document: dict[str, Any], published: str) -> None:
        put = ("workflows", "put", "default/find", file, "--bucket", published)
        assert "default/find, version 1" in retinue(*put, "--version", "1").output
        file.write_text(json.dumps(document | {"outputs": []}))

        assert "versions never change" in words(refused(retinue(*put, "--version", "1")))
        assert retinue(*put, "--version", "2").exit_code == 0
        old = retinue("workflows", "get", "default/find", "--bucket", published, "--version", "1")
        assert json.loads(old.stdout) == document
        assert "1, 2" in retinue("workflows", "list", "default", "--bucket", published).output

    def test_what_is_wrong_is_listed(self, file: Path, document: dict[str, Any], bucket: str, s3: Any) -> None:
        document["steps"][0]["confidence"] = 3
        document["steps"][1]["type"] = "roboflow_core/sam3@v1"
        file.write_text(json.dumps(document))

        output = words(refused(retinue("workflows", "put", "default/find", file, "--bucket", bucket)))

        assert "Refused: Could not parse workflow definition." in output
        assert "step 'detect' (roboflow_core/roboflow_object_detection_model@v2), property 'confidence'" in output
        assert "step 'crop' (roboflow_core/sam3@v1): Input tag 'roboflow_core/sam3@v1'" in output
        assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0

    def test_models_that_are_not_published(self, file: Path, bucket: str) -> None:
        saved = retinue("workflows", "put", "default/find", file, "--bucket", bucket)

        assert saved.exit_code == 0
        assert "Warning: coins/1 is not published; `retinue publish coins/1 model.onnx` does it" in saved.stderr

    def test_nested(self, file: Path, nesting: Path, published: str) -> None:
        put = ("workflows", "put", "default/outer", nesting, "--bucket", published)
        assert "default/find is not saved" in words(refused(retinue(*put)))
        assert retinue("workflows", "put", "default/find", file, "--bucket", published).exit_code == 0

        assert retinue(*put).exit_code == 0
        other = refused(retinue("workflows", "put", "acme/outer", nesting, "--bucket", published))
        assert "It nests default/find" in words(other)

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("find", "'find' names no workflow; write WORKSPACE/ID, for example default/find"),
            ("default/a b", "'a b' is no workflow id"),
            ("infer/find", "has the name of a route in it"),
        ],
    )
    def test_names(self, file: Path, bucket: str, name: str, reason: str) -> None:
        assert reason in words(refused(retinue("workflows", "put", name, file, "--bucket", bucket)))


def test_get_what_is_not_there(bucket: str) -> None:
    output = words(refused(retinue("workflows", "get", "default/find", "--bucket", bucket)))

    assert "default/find is not saved; workspace default has no workflows" in output


def test_no_workflows_yet(bucket: str) -> None:
    assert "No workflows yet" in retinue("workflows", "list", "--bucket", bucket).output


@pytest.mark.parametrize("command", [["list"], ["get", "default/find"]], ids=" ".join)
def test_a_bucket_that_does_not_exist(command: list[str]) -> None:
    assert "no-such-bucket" in refused(retinue("workflows", *command, "--bucket", "no-such-bucket"))


class TestValidate:
    @pytest.fixture(autouse=True)
    def no_aws(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("RETINUE_MODELS_BUCKET", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name, raising=False)

    def test_what_goes_in_and_out(self, file: Path) -> None:
        result = retinue("workflows", "validate", file)

        assert result.exit_code == 0 and "Valid" in result.output
        for line in (
            "input │ photo │ image",
            "input │ confidence │ float_zero_to_one",
            "output │ found │ object_detection_prediction",
            "output │ crops │ image",
        ):
            assert line in words(result.output)

    def test_every_output_of_a_step(self, file: Path, document: dict[str, Any]) -> None:
        document["outputs"] = [{"type": "JsonField", "name": "all", "selector": "$steps.detect.*"}]
        file.write_text(json.dumps(document))

        output = words(retinue("workflows", "validate", file).output)

        assert "output │ all.predictions │ object_detection_prediction" in output
        assert "output │ all.inference_id │ inference_id" in output

    def test_refused(self, file: Path, document: dict[str, Any]) -> None:
        document["outputs"][0]["selector"] = "$steps.nothing.predictions"
        file.write_text(json.dumps(document))

        output = refused(retinue("workflows", "validate", file))

        assert "$steps.nothing.predictions" in output and "InvalidReferenceTargetError" in output

    def test_nested_ones_are_in_a_bucket(self, nesting: Path) -> None:
        assert "It nests default/find; give --bucket" in words(refused(retinue("workflows", "validate", nesting)))


class TestRun:
    def test_a_file(self, file: Path, picture: Path, published: str) -> None:
        result = retinue("workflows", "run", file, picture, "--bucket", published)

        assert result.exit_code == 0, result.output
        assert "picture │ found │ crops" in words(result.output.replace("┃", "│"))
        assert "scene.png │ 1 x alpha │ picture, 1 kB" in words(result.output)

    def test_a_saved_one_with_files_of_the_answer(
        self, file: Path, picture: Path, published: str, tmp_path: Path
    ) -> None:
        retinue("workflows", "put", "default/find", file, "--bucket", published)
        folder = tmp_path / "out"

        result = retinue("workflows", "run", "default/find", picture, "--bucket", published, "--output", folder)

        assert result.exit_code == 0, result.output
        assert sorted(path.name for path in folder.iterdir()) == ["scene.crops.0.jpg", "scene.json"]
        with Image.open(folder / "scene.crops.0.jpg") as crop:
            assert crop.size == (32, 32)
        row = json.loads((folder / "scene.json").read_text())
        assert row["crops"][0]["value"] == "scene.crops.0.jpg"
        assert [found["class"] for found in row["found"]["predictions"]] == ["alpha"]

    def test_parameters(self, file: Path, picture: Path, published: str) -> None:
        run = ("workflows", "run", file, picture, "--bucket", published)

        assert "scene.png │ nothing │ []" in words(retinue(*run, "--parameter", "confidence=0.95").output)
        assert "no input 'x'; it has photo, confidence" in words(refused(retinue(*run, "--parameter", "x=1")))
        assert "property confidence" in words(refused(retinue(*run, "--parameter", "confidence=high")))

    def test_several_pictures(self, file: Path, picture: Path, published: str, tmp_path: Path) -> None:
        (tmp_path / "b").mkdir()
        other = tmp_path / "b" / "scene.png"
        other.write_bytes(picture.read_bytes())

        retinue("workflows", "run", file, picture, other, "--bucket", published, "--output", tmp_path / "out")

        assert {path.name for path in (tmp_path / "out").glob("*.json")} == {"scene.json", "scene-2.json"}

    def test_nested(self, file: Path, nesting: Path, picture: Path, published: str) -> None:
        retinue("workflows", "put", "default/find", file, "--bucket", published)

        assert "1 x alpha" in retinue("workflows", "run", nesting, picture, "--bucket", published).output

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"model_id": "coins/7"}, "coins/7 is not published; of coins there are coins/1"),
            ({"type": "ClassificationModel"}, "Model 'coins/1' does object-detection: use the block of that task."),
        ],
        ids=["model that is not there", "model of another task"],
    )
    def test_a_step_that_fails(
        self,
        file: Path,
        document: dict[str, Any],
        picture: Path,
        published: str,
        change: dict[str, Any],
        reason: str,
    ) -> None:
        document["steps"] = [document["steps"][0] | change]
        document["outputs"] = [{"type": "JsonField", "name": "found", "selector": "$steps.detect.predictions"}]
        file.write_text(json.dumps(document))

        output = words(refused(retinue("workflows", "run", file, picture, "--bucket", published)))

        assert "scene.png: " in output and reason in output and "step 'detect'" in output

    def test_what_is_no_picture(self, file: Path, published: str) -> None:
        output = words(refused(retinue("workflows", "run", file, file, "--bucket", published)))

        assert "find.json: " in output and "Failed to assemble `photo`" in output

    def test_without_a_bucket(self, file: Path, picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("RETINUE_MODELS_BUCKET", raising=False)

        assert "needs model coins/1; give --bucket" in words(refused(retinue("workflows", "run", file, picture)))
        assert "is no file here; for a saved" in words(refused(retinue("workflows", "run", "default/find", picture)))

    def test_a_service_that_is_not_there(self, file: Path, picture: Path) -> None:
        for target in (file, "default/find"):
            output = refused(retinue("workflows", "run", target, picture, "--url", "http://127.0.0.1:9"))
            assert "does not answer" in words(output) and "`make run` starts one" in words(output)
