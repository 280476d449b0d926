"""The models of a bucket, as an operator sees them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from retinue.deadline import Deadline
from retinue.errors import NotFound
from retinue.models.package import Manifest, ModelId
from retinue.models.session import LoadedModel, load_model
from retinue.models.weights import WeightsCache

_MANIFEST_NAME = "manifest.json"
_DOWNLOAD_TIMEOUT_S = 600.0
_CACHE_BYTES = 4 * 1024**3


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """A version with the aliases that mean it."""

    manifest: Manifest
    aliases: tuple[str, ...]


def list_models(s3: Any, bucket: str, project: str = "") -> list[PublishedModel]:
    """Every published version, or those of one project, by id. s3 is a boto3 client."""
    aliases = _aliases(s3, bucket, project)
    prefix = f"models/{project}/" if project else "models/"
    found = []
    for key in _keys(s3, bucket, prefix):
        if key.endswith(f"/{_MANIFEST_NAME}"):
            manifest = Manifest.from_json(_read(s3, bucket, key))
            found.append(PublishedModel(manifest, aliases.get(manifest.model_id, ())))
    return sorted(found, key=lambda model: _natural(model.manifest.model_id))


def find_model(s3: Any, bucket: str, model_id: ModelId) -> PublishedModel:
    """The version that an id or an alias means. Raises NotFound that names what there is."""
    published = list_models(s3, bucket, model_id.project)
    for model in published:
        if model.manifest.model_id == str(model_id) or model_id.version in model.aliases:
            return model
    if published:
        there = ", ".join(model.manifest.model_id for model in published)
        raise NotFound(f"{model_id} is not published; of {model_id.project} there are {there}")
    projects = sorted({model.manifest.model_id.split("/")[0] for model in list_models(s3, bucket)})
    raise NotFound(f"{model_id} is not published; the bucket has {', '.join(projects) or 'no models'}")


def open_model(s3: Any, bucket: str, manifest: Manifest, cache: Path, threads: int = 2) -> LoadedModel:
    """The model ready to run; its weights are kept, verified, in the folder `cache`."""
    key = f"{ModelId.parse(manifest.model_id).folder}{manifest.weights.name}"

    def read_range(first: int, into: memoryview, deadline: Deadline) -> None:
        last = first + len(into) - 1
        into[:] = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes={first}-{last}")["Body"].read()

    deadline = Deadline.after(_DOWNLOAD_TIMEOUT_S)
    weights, _ = WeightsCache(cache, _CACHE_BYTES).get(manifest.weights, read_range, deadline)
    return load_model(manifest, weights, threads)


def _aliases(s3: Any, bucket: str, project: str) -> dict[str, tuple[str, ...]]:
    """Model id -> its aliases."""
    found: dict[str, tuple[str, ...]] = {}
    for key in _keys(s3, bucket, f"aliases/{project}/" if project else "aliases/"):
        _, of_project, name = key.split("/", 2)
        model_id = f"{of_project}/{orjson.loads(_read(s3, bucket, key))['version']}"
        found[model_id] = (*found.get(model_id, ()), name.removesuffix(".json"))
    return found


def _keys(s3: Any, bucket: str, prefix: str) -> list[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def _read(s3: Any, bucket: str, key: str) -> bytes:
    content: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return content


def _natural(model_id: str) -> tuple[str, int, str]:
    """Sorts version 10 behind version 9."""
    project, version = model_id.split("/")
    return project, int(version) if version.isdecimal() else 0, version
