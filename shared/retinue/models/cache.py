"""The warm cache: models ready to run, in memory, over their weights on disk, over S3.

Both levels have a byte budget and let the least recently used go. What a request holds stays alive until it is
done: an evicted model is only forgotten here.
"""

import gc
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from retinue.aws import S3Reader
from retinue.deadline import Deadline
from retinue.errors import HeavyModel, ModelLoading, RetinueError
from retinue.models.package import Manifest, ModelId
from retinue.models.registry import Registry
from retinue.models.session import CPU, LoadedModel, Provider, load_model
from retinue.models.weights import WeightsCache
from retinue.observe import RequestRecord

_MB = 1024 * 1024
_AS_A_JOB = "run it over a folder as a job: POST /jobs, or `retinue jobs submit`."
# A session holds the weights about twice (its own layout beside what it read) and an arena for activations.
_ASSUMED_OVERHEAD = 3
_ASSUMED_ARENA_BYTES = 32 * _MB


@dataclass(frozen=True, slots=True)
class Lookup:
    """A model and how it was had: from `memory`, `disk` or `s3`, in load_s seconds (0 from memory)."""

    model: LoadedModel
    source: Literal["memory", "disk", "s3"]
    load_s: float

    def note_in(self, record: RequestRecord, model_id: ModelId) -> None:
        """Tells the record of a request which version answers for `model_id`, and what loading it took."""
        manifest, is_warm = self.model.manifest, self.source == "memory"
        record.found_model(str(model_id), manifest.model_id, manifest.weights.sha256, None if is_warm else self.load_s)


class WarmCache:
    """The models of one process. Safe to use from several threads: a model that two of them want is loaded once."""

    def __init__(
        self,
        reader: S3Reader,
        registry: Registry,
        weights: WeightsCache,
        *,
        budget_bytes: int,
        threads: int,
        providers: Sequence[Provider] = CPU,
        has_time: bool = False,
    ) -> None:
        """has_time: nobody waits for an answer, so models that were published for GPUs are taken too."""
        self._reader = reader
        self._registry = registry
        self._weights = weights
        self._budget_bytes = budget_bytes
        self._threads = threads
        self._providers = providers
        self._has_time = has_time
        self._lock = threading.Lock()
        self._loaders = ThreadPoolExecutor(1, thread_name_prefix="models")  # one model at a time has the lock
        self._models: OrderedDict[str, LoadedModel] = OrderedDict()
        self._requested: dict[str, str] = {}  # id as requested, perhaps an alias -> id of the version
        self._ahead: dict[tuple[str, Deadline], Future[Lookup]] = {}  # by id as requested, and the request's deadline

    def load_ahead(self, model_id: ModelId, deadline: Deadline) -> None:
        """Starts loading a model that is not there in a thread: `get` with the same deadline has what comes of it."""
        requested = str(model_id)
        if self._requested.get(requested) not in self._models:
            self._ahead = {key: loading for key, loading in self._ahead.items() if not loading.done()}
            self._ahead[requested, deadline] = self._loaders.submit(self._find, model_id, deadline)

    def get(self, model_id: ModelId, deadline: Deadline) -> Lookup:
        """The model, loaded if need be.

        Raises ModelNotFound, PackageCorrupt, HeavyModel (for jobs only), ModelLoading (not
        ready before the deadline; a later call goes on from what has arrived), StorageUnavailable.
        """
        loading = self._ahead.pop((str(model_id), deadline), None)
        if loading is not None:
            with suppress(RetinueError):  # what failed is tried again
                return loading.result()
        return self._find(model_id, deadline)

    def _find(self, model_id: ModelId, deadline: Deadline) -> Lookup:
        with self._lock:
            manifest = self._registry.resolve(model_id, deadline)
            self._requested[str(model_id)] = manifest.model_id
            model = self._models.get(manifest.model_id)
            if model is not None:
                self._models.move_to_end(manifest.model_id)
                return Lookup(model, "memory", 0.0)
            started = time.monotonic()
            model, source = self._load(manifest, deadline)
            self._models[manifest.model_id] = model
            return Lookup(model, source, time.monotonic() - started)

    def models(self) -> dict[str, Manifest]:
        """The models in memory, by the ids under which they were requested."""
        with self._lock:
            return {
                requested: self._models[resolved].manifest
                for requested, resolved in self._requested.items()
                if resolved in self._models
            }

    def remove(self, model_id: ModelId) -> None:
        """Forgets a model under any id that was requested; one that is not there is fine."""
        with self._lock:
            self._models.pop(self._requested.pop(str(model_id), ""), None)

    def clear(self) -> None:
        """Forgets all models."""
        with self._lock:
            self._models.clear()
            self._requested.clear()

    def _load(self, manifest: Manifest, deadline: Deadline) -> tuple[LoadedModel, Literal["disk", "s3"]]:
        if manifest.device == "gpu" and not self._has_time:
            raise HeavyModel(f"{manifest.model_id} was published for GPUs, and this function has none; {_AS_A_JOB}")
        self._evict_for(manifest)
        key = f"{ModelId.parse(manifest.model_id).folder}{manifest.weights.name}"

        def read_range(first: int, into: memoryview, deadline: Deadline) -> None:
            self._reader.read_range(key, first, into, deadline)

        weights, source = self._weights.get(manifest.weights, read_range, deadline)
        if deadline.remaining_s < manifest.load_ms / 1e3:
            raise ModelLoading(
                f"{manifest.model_id} needs {manifest.load_ms:.0f} ms to load; {deadline.remaining_s:.1f} s are left"
            )
        model = load_model(manifest, weights, self._threads, self._providers)
        return model, "disk" if source == "disk" else "s3"

    def _evict_for(self, manifest: Manifest) -> None:
        """Forgets models until this one fits the budget."""
        needed = memory_bytes(manifest)
        if needed > self._budget_bytes:
            raise HeavyModel(
                f"{manifest.model_id} needs {needed // _MB} MB; models have {self._budget_bytes // _MB} MB here "
                f"(MemorySize of the stack, RETINUE_MODEL_MEMORY_MB); {_AS_A_JOB}"
            )
        is_evicted = False
        while (
            self._models and needed + sum(memory_bytes(m.manifest) for m in self._models.values()) > self._budget_bytes
        ):
            evicted, _ = self._models.popitem(last=False)
            self._requested = {name: version for name, version in self._requested.items() if version != evicted}
            is_evicted = True
        if is_evicted:
            gc.collect()


def memory_bytes(manifest: Manifest) -> int:
    """What a loaded model takes: as measured when it was published, else assumed from the size of its weights."""
    return manifest.memory_bytes or manifest.weights.size_bytes * _ASSUMED_OVERHEAD + _ASSUMED_ARENA_BYTES
