"""The operator's command: help, publish, keys; errors in words and with exit status 1."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import Result
from typer.testing import CliRunner

from retinue.cli import app
from tests.unit.networks import constant_network

pytestmark = pytest.mark.usefixtures("aws")

METADATA = {"task": "detect", "imgsz": "[32, 32]", "stride": "32"}


def retinue(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200", "TERM": "dumb"})


def refused(result: Result) -> str:
    """What a command that was refused says. It ends in words, not in a trace."""
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert "Traceback" not in result.output
    return result.output


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """An export of three classes that does not say their names."""
    path = tmp_path / "export.onnx"
    onnx.save(constant_network(np.full((7, 4), 0.5), size_wh=(32, 32), metadata=METADATA), str(path))
    return path


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--help"], ["publish", "keys"]),
        (["publish", "--help"], ["model_id", "--alias", "--classes", "--dry-run", "RETINUE_MODELS_BUCKET"]),
        (["keys", "--help"], ["create", "list", "revoke"]),
        (["keys", "create", "--help"], ["--project", "--workspace"]),
    ],
)
def test_help(arguments: list[str], expected: list[str]) -> None:
    result = retinue(*arguments)

    assert result.exit_code == 0
    assert all(word in result.output for word in expected)


def test_publish(export: Path, s3: Any, bucket: str, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("alpha\n\nbeta\ngamma\n")
    arguments = ("--bucket", bucket, "--classes", tmp_path / "names.txt", "--alias", "production")

    result = retinue("publish", "coins/1", export, *arguments)

    assert result.exit_code == 0, result.output
    assert "Published coins/1" in result.output and "3: alpha, beta, gamma" in result.output
    keys = {entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert keys == {
        "models/coins/1/weights.onnx",
        "models/coins/1/manifest.json",
        "aliases/coins/latest.json",
        "aliases/coins/production.json",
    }


@pytest.mark.parametrize(
    ("model_id", "options", "reason"),
    [
        ("coins", [], "invalid model id 'coins'"),
        ("../1", [], "invalid model id '../1'"),
        ("detect/1", [], "'detect' is the name of a route"),
        ("coins/1", [], "does not say its 3 class names (output0 (1, 7, 4)"),
        ("coins/1", ["--classes", "a,b"], "2 class names (a, b ...) do not fit export.onnx"),
    ],
)
def test_publish_refuses_in_words(
    export: Path, s3: Any, bucket: str, model_id: str, options: list[str], reason: str
) -> None:
    output = refused(retinue("publish", model_id, export, "--bucket", bucket, *options))

    assert "Refused:" in output and reason in " ".join(output.split())
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_publish_needs_a_file_that_exists(bucket: str, tmp_path: Path) -> None:
    result = retinue("publish", "coins/1", tmp_path / "none.onnx", "--bucket", bucket)

    assert result.exit_code == 2 and "does not exist" in result.output


def test_a_bucket_must_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RETINUE_MODELS_BUCKET", raising=False)

    result = retinue("keys", "list")

    assert result.exit_code == 2 and "--bucket" in result.output


def test_the_bucket_may_come_from_the_environment(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETINUE_MODELS_BUCKET", bucket)

    assert retinue("keys", "list").exit_code == 0


@pytest.mark.parametrize("command", [["keys", "list"], ["keys", "create"], ["keys", "revoke", "x" * 32]], ids=" ".join)
def test_a_bucket_that_does_not_exist(command: list[str]) -> None:
    assert "no-such-bucket" in refused(retinue(*command, "--bucket", "no-such-bucket"))


class TestKeys:
    def test_create_list_revoke(self, bucket: str) -> None:
        # WHEN a key is made
        made = retinue("keys", "create", "--bucket", bucket, "--name", "phone", "--project", "coins")

        # THEN standard output is the key and nothing else
        key = made.stdout.strip()
        assert made.exit_code == 0 and len(key) == 32 and " " not in key
        assert "shown only now" in made.stderr

        # AND the list shows it without showing it
        listed = retinue("keys", "list", "--bucket", bucket)
        assert listed.exit_code == 0 and "phone" in listed.output and "coins" in listed.output
        assert key not in listed.output

        # AND it can be revoked once
        assert "(phone)" in retinue("keys", "revoke", key, "--bucket", bucket).output
        assert "0 keys match" in refused(retinue("keys", "revoke", key, "--bucket", bucket))

    def test_brackets_in_names_are_no_markup(self, bucket: str) -> None:
        retinue("keys", "create", "--bucket", bucket, "--name", "phone [/red] of [bold]Ann")

        listed = retinue("keys", "list", "--bucket", bucket)

        assert listed.exit_code == 0
        assert "phone [/red] of [bold]Ann" in listed.output
