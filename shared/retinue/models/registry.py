"""Finds the manifest of a model id in the models bucket."""

import time
from collections import OrderedDict
from typing import Any

import orjson

from retinue.aws import S3Reader
from retinue.deadline import Deadline
from retinue.errors import ModelNotFound, NotFound, PackageCorrupt
from retinue.models.package import Manifest, ModelId, alias_object

_MOST_REMEMBERED = 500


class Registry:
    """Manifests by id, through a cache. Versions are immutable and stay; an alias is looked up again after a time."""

    def __init__(self, reader: S3Reader, alias_cache_s: float) -> None:
        self._reader = reader
        self._alias_cache_s = alias_cache_s
        self._manifests: OrderedDict[ModelId, Manifest] = OrderedDict()
        self._aliases: OrderedDict[ModelId, tuple[float, ModelId]] = OrderedDict()

    def resolve(self, model_id: ModelId, deadline: Deadline) -> Manifest:
        """The manifest of a version, or of the version that an alias means.

        Raises ModelNotFound, PackageCorrupt, StorageUnavailable.
        """
        until, target = self._aliases.get(model_id, (0.0, None))
        if target is not None and time.monotonic() < until:
            return self._manifest(target, deadline)
        if target is None:
            try:
                return self._manifest(model_id, deadline)
            except NotFound:
                pass
        target = self._read_alias(model_id, deadline)
        _remember(self._aliases, model_id, (time.monotonic() + self._alias_cache_s, target))
        try:
            return self._manifest(target, deadline)
        except NotFound as exc:
            raise PackageCorrupt(f"alias {model_id} means {target}, which does not exist") from exc

    def _manifest(self, model_id: ModelId, deadline: Deadline) -> Manifest:
        manifest = self._manifests.get(model_id)
        if manifest is None:
            manifest = Manifest.from_json(self._reader.read(f"{model_id.folder}manifest.json", deadline))
            _remember(self._manifests, model_id, manifest)
        return manifest

    def _read_alias(self, model_id: ModelId, deadline: Deadline) -> ModelId:
        try:
            record = orjson.loads(self._reader.read(alias_object(model_id), deadline))
            return ModelId(model_id.project, str(record["version"]))
        except NotFound as exc:
            self._aliases.pop(model_id, None)
            raise ModelNotFound(
                f"no version or alias {model_id}",
                public=f"Project {model_id.project} has no version or alias {model_id.version}.",
            ) from exc
        except (ValueError, KeyError, TypeError) as exc:
            raise PackageCorrupt(f"alias {model_id} cannot be read: {exc}") from exc


def _remember(cache: OrderedDict[ModelId, Any], key: ModelId, value: Any) -> None:
    cache[key] = value
    while len(cache) > _MOST_REMEMBERED:
        cache.popitem(last=False)
