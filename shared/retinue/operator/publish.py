"""Publishing: the only writer of the models bucket. What would fail later is refused here."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import orjson

from retinue.errors import RequestError, UnsupportedModel
from retinue.models.package import RESERVED_PROJECTS, Manifest, ModelId, PackageFile, alias_object
from retinue.operator.graph import read_graph
from retinue.operator.network_input import network_input
from retinue.operator.probe import Measured, measure
from retinue.operator.recognise import Recognised, RecogniseOptions, recognise
from retinue.operator.source import Source, read_source

# Lambda's /tmp can be 10 GB, but a model must load within a request; jobs take the heavy ones.
MOST_WEIGHTS_BYTES = 1024**3
# Small enough that two cores hash a detector of 12 MB in parallel.
PART_BYTES = 4 * 1024 * 1024
WEIGHTS_NAME = "weights.onnx"
LATEST = "latest"

# Called with the bytes sent since the last call.
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that may be published: read, recognised, measured."""

    manifest: Manifest
    source: Source


def examine(
    model_id: ModelId,
    path: Path,
    options: RecogniseOptions = RecogniseOptions(),  # noqa: B008 - immutable
    *,
    threads: int = 2,
    device: Literal["cpu", "gpu"] = "cpu",
    now: datetime | None = None,
) -> Candidate:
    """What publishing `path` as `model_id` would mean. Touches no bucket. device gpu: only jobs run it, and they take
    the GPU queue unless told otherwise.

    Raises InvalidModelId or RequestError for an id that no route reaches, UnsupportedModel with the reason for a
    model that could not be served.
    """
    if model_id.project in RESERVED_PROJECTS:
        raise RequestError(f"{model_id.project!r} is the name of a route; choose another project name")
    if model_id.version == LATEST:
        raise RequestError(f"{LATEST!r} is the alias that follows the newest version; name the version, for example 1")
    source = read_source(path)
    size_bytes = source.weights.stat().st_size
    if size_bytes > MOST_WEIGHTS_BYTES:
        raise UnsupportedModel(
            f"{source.weights.name} has {size_bytes / 1e9:.1f} GB; up to {MOST_WEIGHTS_BYTES / 1e9:.1f} GB load in time"
        )
    graph = read_graph(source.weights)
    network = network_input(source, graph, options.size_hw)
    measured = measure(source.weights, network, threads)
    recognised = recognise(source, graph, network, measured.outputs, options)
    manifest = _manifest(model_id, source, recognised, measured, now or datetime.now(UTC))
    return Candidate(replace(manifest, device=device), source)


def publish(candidate: Candidate, s3: Any, bucket: str, *, aliases: tuple[str, ...] = (), progress: Progress) -> None:
    """Uploads the weights, the files beside them, and last the manifest; then moves `latest` and the given aliases.

    s3 is a boto3 client. Raises RequestError if the version exists: versions never change.
    """
    model_id = ModelId.parse(candidate.manifest.model_id)
    for alias in aliases:
        if alias == model_id.version or exists(
            s3, bucket, f"{ModelId.parse(f'{model_id.project}/{alias}').folder}manifest.json"
        ):
            raise RequestError(f"{model_id.project}/{alias} is a version; an alias cannot have its name")
    if exists(s3, bucket, f"{model_id.folder}manifest.json"):
        raise RequestError(f"{model_id} exists, and versions never change; publish it as the next version")
    if exists(s3, bucket, alias_object(model_id)):
        raise RequestError(f"{model_id} is an alias; a version cannot have its name")
    for file in candidate.source.extra_files:
        s3.upload_file(str(file), bucket, f"{model_id.folder}{file.name}")
    s3.upload_file(str(candidate.source.weights), bucket, f"{model_id.folder}{WEIGHTS_NAME}", Callback=progress)
    s3.put_object(
        Bucket=bucket,
        Key=f"{model_id.folder}manifest.json",
        Body=candidate.manifest.to_json(),
        ContentType="application/json",
    )
    for alias in dict.fromkeys((LATEST, *aliases)):
        move_alias(ModelId(model_id.project, alias), model_id.version, s3, bucket)


def move_alias(alias: ModelId, version: str, s3: Any, bucket: str) -> None:
    """Makes `alias` mean `version`."""
    s3.put_object(Bucket=bucket, Key=alias_object(alias), Body=orjson.dumps({"version": version}))


def exists(s3: Any, bucket: str, key: str) -> bool:
    """Whether the bucket holds `key`."""
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
    return any(entry["Key"] == key for entry in listed)


def describe_file(path: Path, name: str) -> PackageFile:
    """Size and digests of a file, whole and in parts."""
    whole, parts = hashlib.sha256(), []
    with path.open("rb") as stream:
        while part := stream.read(PART_BYTES):
            whole.update(part)
            parts.append(hashlib.sha256(part).hexdigest())
    return PackageFile(
        name=name,
        size_bytes=path.stat().st_size,
        sha256=whole.hexdigest(),
        part_bytes=PART_BYTES,
        part_sha256=tuple(parts),
    )


def _manifest(model_id: ModelId, source: Source, recognised: Recognised, measured: Measured, now: datetime) -> Manifest:
    names = recognised.class_names
    found = {item.name: getattr(recognised, item.name) for item in fields(recognised)}
    if source.confidence is not None:
        found["default_confidence"] = source.confidence
    by_class = source.class_confidence
    return Manifest(
        **found,
        model_id=str(model_id),
        weights=describe_file(source.weights, WEIGHTS_NAME),
        class_confidence=tuple(float(by_class.get(name, found["default_confidence"])) for name in names)
        if by_class
        else (),
        colors=tuple(source.colors[name] for name in names) if all(name in source.colors for name in names) else (),
        load_ms=measured.load_ms,
        latency_ms=measured.latency_ms,
        memory_bytes=measured.memory_bytes,
        published=now.isoformat(timespec="seconds"),
    )
