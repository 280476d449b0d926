"""An S3 bucket in memory, with the methods of `retinue.aws.S3Reader`, for where S3 itself is not the point."""

from collections import Counter

import orjson
from onnx import ModelProto

from retinue.deadline import Deadline
from retinue.errors import NotFound
from retinue.models.package import Manifest, ModelId, alias_object

SOON = Deadline.after(3600)


class MemoryBucket:
    """Objects by key. Counts what is read: whole objects by key, ranges by key and first byte."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.reads: Counter[str] = Counter()
        self.ranges: Counter[tuple[str, int]] = Counter()

    def read(self, key: str, deadline: Deadline) -> bytes:
        """The whole object. Raises NotFound."""
        self.reads[key] += 1
        return self._object(key)

    def read_range(self, key: str, first: int, into: memoryview, deadline: Deadline) -> None:
        """Fills `into` from byte `first` on. Raises NotFound, and EOFError on a short object."""
        self.ranges[key, first] += 1
        part = self._object(key)[first : first + len(into)]
        if len(part) < len(into):
            raise EOFError(f"{key} ends after {first + len(part)} bytes")
        into[:] = part

    def _object(self, key: str) -> bytes:
        if key not in self.objects:
            raise NotFound(f"s3 object {key} does not exist")
        return self.objects[key]

    def put_model(self, manifest: Manifest, network: ModelProto | None = None) -> None:
        """Publishes a package, with weights if a network is given."""
        folder = ModelId.parse(manifest.model_id).folder
        self.objects[f"{folder}manifest.json"] = manifest.to_json()
        if network is not None:
            self.objects[f"{folder}weights.onnx"] = network.SerializeToString()

    def put_alias(self, alias: str, version: str) -> None:
        """Makes `project/alias` mean a version of the project."""
        self.objects[alias_object(ModelId.parse(alias))] = orjson.dumps({"version": version})
