"""What a shard is done with: the reader of its pictures, its device, and its model or workflow, ready to run."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import onnxruntime

from retinue.aws import Credentials, S3Reader
from retinue.config import Settings
from retinue.deadline import Deadline
from retinue.models.cache import WarmCache
from retinue.models.package import ModelId
from retinue.models.registry import Registry
from retinue.models.session import LoadedModel
from retinue.models.weights import WeightsCache
from retinue.service import workflow_secrets
from retinue.worker import machine
from retinue.worker.ahead import Limits
from retinue.worker.model_target import ModelTarget, read_parameters
from retinue.worker.pictures import Pictures
from retinue.worker.plan import Plan
from retinue.worker.progress import Log
from retinue.worker.shard import Shard
from retinue.worker.targets import Target

if TYPE_CHECKING:
    from retinue.worker.video_shard import VideoShard

# S3 may be away for about a minute, with growing pauses between the tries, before the attempt ends.
_READ_ATTEMPTS = 10
_SILENCE_S = 10.0
_MODEL_TIMEOUT_S = 900.0
# Nobody else uses the container's disk.
_DISK_MB = 16_384
_MB = 1024 * 1024
# While the network runs on one batch, the next two are made ready.
_BATCHES_AHEAD = 2
# Fetching waits for the network, decoding for a processor: a few threads for the one, one per processor for the other.
_FETCHING_THREADS = 4
_FELL_BACK = "running on the CPU, though a GPU was asked for"


def fitted(settings: Settings) -> Settings:
    """The settings with what this container owns, in place of what a function would: memory, processors, disk."""
    return replace(
        settings,
        memory_mb=machine.memory_bytes() // _MB,
        threads=settings.threads or machine.cpu_count(),
        model_disk_mb=max(settings.model_disk_mb, _DISK_MB),
    )


@dataclass(frozen=True)
class Surroundings:
    """Made once for an attempt. `settings` are those of `fitted`."""

    settings: Settings
    env: Mapping[str, str]
    credentials: Callable[[], Credentials]
    log: Log
    plan: Plan
    resources: ExitStack  # closed at the end of the attempt

    def pictures(self) -> Pictures:
        """Reads the job's pictures."""
        is_model = self.plan.target.kind == "model"  # workflows turn every picture upright
        return Pictures(
            self._reader,
            max_pixels=self.settings.max_pixels,
            max_file_bytes=int(self.settings.max_file_mb * 1e6),
            is_oriented=not is_model or read_parameters(self.plan.parameters).is_oriented,
        )

    @contextmanager
    def video_shard(self, shard: Shard, tell_total: Callable[[int], None]) -> "Iterator[VideoShard]":
        """What a video is worked on with; its file and others lie in a folder that is gone afterwards."""
        from retinue.video.fetch import VideoFetcher
        from retinue.worker.video_shard import VideoShard

        settings = self.settings
        max_bytes = int(settings.video_max_mb * 1e6)
        fetch = VideoFetcher(
            timeout_s=settings.video_fetch_s, max_bytes=max_bytes, max_redirects=settings.url_max_redirects
        )
        settings.weights_dir.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="video-", dir=settings.weights_dir) as folder:
            yield VideoShard(
                shard=shard,
                folder=Path(folder),
                max_pixels=settings.max_pixels,
                max_bytes=max_bytes,
                fetch=fetch,
                tell_total=tell_total,
            )

    def ahead(self) -> Limits:
        """How far ahead pictures are made ready."""
        settings = self.settings
        threads = settings.decode_threads or _FETCHING_THREADS + machine.cpu_count()
        size_bytes = (settings.decode_memory_mb or settings.memory_mb // 4) * _MB
        return Limits(threads=threads, results=_BATCHES_AHEAD * self.plan.batch_size + threads, size_bytes=size_bytes)

    def target(self) -> Target:
        """The model or workflow of the plan, loaded. Raises as `target_of`."""
        return self.target_of(self.plan)

    def target_of(self, plan: Plan) -> Target:
        """The model or workflow of a plan: this one, or one that asks only one of those that this one asks.

        Raises PlanError, and RetinueError: ModelNotFound, PackageCorrupt, HeavyModel (too large for this
        container), WorkflowNotFound, StorageUnavailable.
        """
        if plan.target.kind == "workflow":
            from retinue.worker.workflow_target import WorkflowTarget  # pydantic and the blocks: 0.3 s

            reader = self._reader(self.settings.models_bucket)
            return WorkflowTarget(plan, self._models, self.settings, reader, workflow_secrets(self.settings, self.env))
        read_parameters(plan.parameters)  # what is wrong with them is known before the model is fetched
        lookup = self._models.get(ModelId.parse(plan.target.model_id), Deadline.after(_MODEL_TIMEOUT_S))
        self._say_what_runs_it(lookup.model, lookup.load_s)
        return ModelTarget(lookup.model, plan.parameters, plan.batch_size, is_drawn=plan.is_drawn)

    @cached_property
    def _device(self) -> machine.Device:
        """What runs the networks; says aloud where that is not what was asked for."""
        wanted = self.plan.device if self.settings.device == "auto" else self.settings.device
        device, reason = machine.choose_device(wanted, onnxruntime.get_available_providers())
        if reason:
            self.log.warning(_FELL_BACK, extra={"reason": reason})
        return device

    @cached_property
    def _models(self) -> WarmCache:
        reader = self._reader(self.settings.models_bucket)
        return WarmCache(
            reader,
            Registry(reader, self.settings.alias_cache_s),
            WeightsCache(self.settings.weights_dir, self.settings.model_disk_bytes),
            budget_bytes=self.settings.model_memory_bytes,
            threads=self.settings.effective_threads,
            providers=machine.providers_of(self._device),
            has_time=True,
        )

    def _say_what_runs_it(self, model: LoadedModel, load_s: float) -> None:
        got = model.session.get_providers()
        is_on_gpu = machine.is_on_gpu(got)
        if self._device == "gpu" and not is_on_gpu:
            reason = "CUDA or cuDNN could not be loaded, or there is no GPU; onnxruntime's message is above"
            self.log.warning(_FELL_BACK, extra={"reason": reason})
        facts = {"model_id": model.manifest.model_id, "device": "gpu" if is_on_gpu else "cpu"}
        self.log.info("model ready", extra={**facts, "threads": model.threads, "load_s": round(load_s, 2)})

    def _reader(self, bucket: str) -> S3Reader:
        reader = S3Reader.from_env(
            bucket, self.env, credentials=self.credentials, timeout_s=_SILENCE_S, attempts=_READ_ATTEMPTS
        )
        self.resources.callback(reader.close)
        return reader
