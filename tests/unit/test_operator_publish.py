"""Publishing: what would fail later is refused, and the manifest is written last."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import orjson
import pytest
from onnx import ModelProto

from retinue.errors import InvalidModelId, RequestError, UnsupportedModel
from retinue.models.package import Manifest, ModelId
from retinue.operator import publish as publishing
from retinue.operator.publish import Candidate, describe_file, examine, publish
from tests.unit.networks import constant_network

METADATA = {"task": "detect", "names": "{0: 'alpha', 1: 'beta', 2: 'gamma'}", "imgsz": "[32, 32]", "stride": "32"}
NOW = datetime(2026, 11, 21, 10, 11, 12, tzinfo=UTC)


def detector(rows: int = 7, fill: float = 0.5, **options: Any) -> ModelProto:
    """A network of 32 x 32 pixels that answers `rows` values for each of 4 anchors."""
    return constant_network(np.full((rows, 4), fill, np.float32), size_wh=(32, 32), metadata=METADATA, **options)


def saved(network: ModelProto, folder: Path) -> Path:
    path = folder / "export.onnx"
    onnx.save(network, str(path))
    return path


@pytest.fixture(scope="module")
def candidate(tmp_path_factory: pytest.TempPathFactory) -> Candidate:
    """coins/1, examined once for all tests: a process of its own runs the network."""
    path = saved(detector(), tmp_path_factory.mktemp("export"))
    return examine(ModelId("coins", "1"), path, now=NOW)


def version(candidate: Candidate, model_id: str) -> Candidate:
    """The same model as another version."""
    record = orjson.loads(candidate.manifest.to_json()) | {"model_id": model_id}
    return Candidate(Manifest.from_json(orjson.dumps(record)), candidate.source)


def publish_as(candidate: Candidate, model_id: str, s3: Any, bucket: str, *aliases: str) -> None:
    publish(version(candidate, model_id), s3, bucket, aliases=aliases, progress=lambda sent: None)


def content(s3: Any, bucket: str) -> dict[str, bytes]:
    """Every object by key."""
    listed = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    return {entry["Key"]: s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read() for entry in listed}


class TestExamine:
    def test_the_manifest_says_what_was_found_and_measured(self, candidate: Candidate) -> None:
        manifest = candidate.manifest

        assert (manifest.model_id, manifest.task, manifest.family) == ("coins/1", "object-detection", "yolov8")
        assert manifest.class_names == ("alpha", "beta", "gamma")
        assert (manifest.network_input.width, manifest.network_input.batch) == (32, 1)
        assert manifest.default_confidence == 0.4 and manifest.published == "2026-11-21T10:11:12+00:00"
        assert 0 < manifest.latency_ms < 1000 and 0 < manifest.load_ms < 10_000
        assert 0 < manifest.memory_bytes < 500_000_000

    def test_weights_are_described_by_their_digests(self, candidate: Candidate) -> None:
        data = candidate.source.weights.read_bytes()

        weights = candidate.manifest.weights
        assert (weights.name, weights.size_bytes) == ("weights.onnx", len(data))
        assert weights.sha256 == hashlib.sha256(data).hexdigest() == weights.part_sha256[0]

    @pytest.mark.parametrize(
        ("network", "reason"),
        [
            pytest.param(detector(fill=float("nan")), "answers NaN or infinity", id="NaN"),
            pytest.param(
                detector(rows=9, open_outputs=True),
                r"3 class names .* do not fit export\.onnx, which has 5 classes",
                id="other classes than a run shows",
            ),
            pytest.param(detector(rows=9), r"3 class names .* fit export\.onnx, which has 5 classes", id="classes"),
        ],
    )
    def test_networks_that_could_not_be_served(self, tmp_path: Path, network: ModelProto, reason: str) -> None:
        with pytest.raises(UnsupportedModel, match=reason):
            examine(ModelId("coins", "1"), saved(network, tmp_path))

    def test_operators_that_onnxruntime_does_not_have(self, tmp_path: Path) -> None:
        network = detector()
        network.graph.node[0].op_type = "NoSuchOperator"

        with pytest.raises(UnsupportedModel, match=r"export\.onnx does not run within 8 GiB: .*NoSuchOperator"):
            examine(ModelId("coins", "1"), saved(network, tmp_path))

    def test_operators_of_another_domain(self, tmp_path: Path) -> None:
        network = detector()
        network.graph.node[0].domain = "com.example"

        with pytest.raises(UnsupportedModel, match=r"uses operators of com\.example"):
            examine(ModelId("coins", "1"), saved(network, tmp_path))

    @pytest.mark.parametrize("project", ["detect", "classify", "outline", "infer", "model", "workflows", "jobs"])
    def test_projects_that_no_route_reaches(self, project: str) -> None:
        with pytest.raises(RequestError, match=f"'{project}' is the name of a route"):
            examine(ModelId(project, "1"), Path("never read"))

    def test_the_version_latest_is_for_the_alias(self) -> None:
        # an alias `latest` is moved with every version: a version of that name would hide it for ever
        with pytest.raises(RequestError, match="latest"):
            examine(ModelId("coins", "latest"), Path("never read"))

    def test_a_file_that_is_too_large_to_load_in_time(self, tmp_path: Path) -> None:
        path = tmp_path / "huge.onnx"
        with path.open("wb") as stream:
            stream.truncate(publishing.MOST_WEIGHTS_BYTES + 1)  # a hole: it takes no disk

        with pytest.raises(UnsupportedModel, match=r"huge\.onnx has 1\.1 GB; up to 1\.1 GB load in time"):
            examine(ModelId("coins", "1"), path)


@pytest.mark.parametrize("extra_bytes", [-1, 0, 1])
def test_parts_of_a_file(tmp_path: Path, extra_bytes: int) -> None:
    data = b"x" * (publishing.PART_BYTES + extra_bytes)
    path = tmp_path / "weights"
    path.write_bytes(data)

    file = describe_file(path, "weights.onnx")

    parts = [data[: publishing.PART_BYTES], data[publishing.PART_BYTES :]]
    assert file.part_sha256 == tuple(hashlib.sha256(part).hexdigest() for part in parts if part)
    assert (file.size_bytes, file.sha256) == (len(data), hashlib.sha256(data).hexdigest())


class TestPublish:
    def test_what_the_bucket_holds_afterwards(self, candidate: Candidate, s3: Any, bucket: str) -> None:
        sent: list[int] = []

        publish(candidate, s3, bucket, aliases=("production",), progress=sent.append)

        found = content(s3, bucket)
        assert Manifest.from_json(found.pop("models/coins/1/manifest.json")) == candidate.manifest
        assert found == {
            "models/coins/1/weights.onnx": candidate.source.weights.read_bytes(),
            "aliases/coins/latest.json": b'{"version":"1"}',
            "aliases/coins/production.json": b'{"version":"1"}',
        }
        assert sum(sent) == candidate.manifest.weights.size_bytes

    def test_weights_then_manifest_then_aliases(self, candidate: Candidate, s3: Any, bucket: str) -> None:
        written: list[str] = []
        s3.meta.events.register("before-call.s3.PutObject", lambda params, **_: written.append(params["url_path"]))

        publish_as(candidate, "coins/1", s3, bucket, "production")

        names = [path.rpartition("/")[2] for path in written]
        assert names == ["weights.onnx", "manifest.json", "latest.json", "production.json"]

    def test_the_files_beside_the_weights_go_along(
        self, candidate: Candidate, s3: Any, bucket: str, tmp_path: Path
    ) -> None:
        (tmp_path / "class_names.txt").write_text("alpha")
        source = type(candidate.source)(
            layout="x",
            convention="roboflow",
            weights=candidate.source.weights,
            extra_files=(tmp_path / "class_names.txt",),
        )

        publish(Candidate(candidate.manifest, source), s3, bucket, progress=lambda sent: None)

        assert content(s3, bucket)["models/coins/1/class_names.txt"] == b"alpha"

    def test_versions_never_change(self, candidate: Candidate, s3: Any, bucket: str) -> None:
        publish_as(candidate, "coins/1", s3, bucket)
        before = content(s3, bucket)

        with pytest.raises(RequestError, match="coins/1 exists, and versions never change"):
            publish_as(candidate, "coins/1", s3, bucket, "production")

        assert content(s3, bucket) == before

    def test_latest_moves_and_others_stay(self, candidate: Candidate, s3: Any, bucket: str) -> None:
        publish_as(candidate, "coins/1", s3, bucket, "production")

        publish_as(candidate, "coins/2", s3, bucket)

        found = content(s3, bucket)
        assert found["aliases/coins/latest.json"] == b'{"version":"2"}'
        assert found["aliases/coins/production.json"] == b'{"version":"1"}'

    def test_half_a_version_is_none(self, candidate: Candidate, s3: Any, bucket: str) -> None:
        # GIVEN weights that were uploaded by a command that broke off
        s3.put_object(Bucket=bucket, Key="models/coins/1/weights.onnx", Body=b"half")

        publish_as(candidate, "coins/1", s3, bucket)

        assert content(s3, bucket)["models/coins/1/weights.onnx"] == candidate.source.weights.read_bytes()

    def test_a_version_cannot_have_the_name_of_an_alias(self, candidate: Candidate, s3: Any, bucket: str) -> None:
        publish_as(candidate, "coins/1", s3, bucket, "production")

        with pytest.raises(RequestError, match="coins/production is an alias"):
            publish_as(candidate, "coins/production", s3, bucket)

    @pytest.mark.parametrize("alias", ["1", "2"], ids=["an older version", "the version itself"])
    def test_an_alias_cannot_have_the_name_of_a_version(
        self, candidate: Candidate, s3: Any, bucket: str, alias: str
    ) -> None:
        publish_as(candidate, "coins/1", s3, bucket)
        before = content(s3, bucket)

        with pytest.raises(RequestError, match=f"coins/{alias} is a version; an alias cannot have its name"):
            publish_as(candidate, "coins/2", s3, bucket, alias)

        assert content(s3, bucket) == before

    @pytest.mark.parametrize("alias", ["", "..", "a/b", "a b"])
    def test_aliases_that_no_id_can_name(self, candidate: Candidate, s3: Any, bucket: str, alias: str) -> None:
        with pytest.raises(InvalidModelId):
            publish_as(candidate, "coins/1", s3, bucket, alias)

        assert content(s3, bucket) == {}
