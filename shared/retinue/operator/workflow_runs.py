"""Workflows run by an operator: here, with models of the bucket, or by a service over HTTP."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import numpy as np

from retinue.config import Settings
from retinue.deadline import Deadline
from retinue.errors import RequestError
from retinue.images.fetch import UrlFetcher
from retinue.images.load import load_image
from retinue.models.package import ModelId
from retinue.models.session import LoadedModel
from retinue.operator.calls import post_json
from retinue.operator.models import find_model, open_model
from retinue.operator.workflows import WorkflowId, describe, explain
from retinue.pipeline.predict import pictures_per_run, predict
from retinue.pipeline.prediction import Prediction, Thresholds
from retinue.workflows.block import Limits, ModelSource, Runtime
from retinue.workflows.compile import PlanCache
from retinue.workflows.errors import WorkflowError
from retinue.workflows.image import WorkflowImage
from retinue.workflows.inner import Lookup
from retinue.workflows.run import run_workflow
from retinue.workflows.send import HttpSender
from retinue.workflows.values import ValueReader

Row = dict[str, Any]

_RUN_TIMEOUT_S = 600.0
_RUN_MEMORY_BYTES = 1024**3
_MOST_PIXELS = 200_000_000


class Runner(Protocol):
    """Something that runs one workflow."""

    def describe(self) -> dict[str, Any]:
        """What goes in and what comes out, as `/workflows/describe_interface` says it. Raises RetinueError."""

    def run(self, inputs: Mapping[str, Any]) -> list[Row]:
        """The rows of the answer. Raises RetinueError in the service's words."""


@dataclass(frozen=True)
class BucketModels:
    """Models of a bucket, loaded once each; s3 is a boto3 client. cache: the folder that keeps their weights."""

    s3: Any
    bucket: str
    cache: Path
    _loaded: dict[str, LoadedModel] = field(default_factory=dict)

    def predict(self, model_id: str, images: Sequence[WorkflowImage], thresholds: Thresholds) -> list[Prediction]:
        """One prediction for each picture, in order. Raises RetinueError."""
        if model_id not in self._loaded:
            if not self.bucket:
                raise RequestError(f"it needs model {model_id}; give --bucket or RETINUE_MODELS_BUCKET")
            found = find_model(self.s3, self.bucket, ModelId.parse(model_id))
            threads = os.cpu_count() or 1
            self._loaded[model_id] = open_model(self.s3, self.bucket, found.manifest, self.cache, threads)
        model = self._loaded[model_id]
        size = pictures_per_run(model, _RUN_MEMORY_BYTES)
        pixels = [np.ascontiguousarray(image.rgb()) for image in images]
        parts = (pixels[first : first + size] for first in range(0, len(pixels), size))
        return [prediction for part in parts for prediction in predict(model, part, thresholds)]


@dataclass(frozen=True)
class RunHere:
    """Runs a document in this process."""

    document: dict[str, Any]
    look_up: Lookup
    models: ModelSource
    has_sinks: bool = True
    _plans: PlanCache = field(default_factory=PlanCache)

    def describe(self) -> dict[str, Any]:
        """As Runner says it."""
        return describe(self.document, self.look_up)

    def run(self, inputs: Mapping[str, Any]) -> list[Row]:
        """As Runner says it."""
        deadline, limits = Deadline.after(_RUN_TIMEOUT_S), Limits()
        runtime = Runtime(
            models=self.models,
            send=HttpSender(deadline, most_requests=limits.sent_requests),
            deadline=deadline,
            limits=limits,
            has_sinks=self.has_sinks,
        )
        read = ValueReader(
            lambda reference: load_image(reference, fetch=_fetcher(), deadline=deadline, max_pixels=_MOST_PIXELS)
        )
        try:
            return run_workflow(
                self.document, inputs, plans=self._plans, look_up=self.look_up, read=read, runtime=runtime
            )
        except WorkflowError as exc:
            raise RequestError(explain(exc.render())) from exc


@dataclass(frozen=True, kw_only=True)
class RunByService:
    """Has a service run a document, or what it has saved as `workflow`."""

    url: str
    api_key: str
    document: dict[str, Any] | None = None
    workflow: WorkflowId | None = None
    version: str | None = None
    has_sinks: bool = True

    def describe(self) -> dict[str, Any]:
        """As Runner says it."""
        return self._post(f"{self._path('/workflows')}/describe_interface", {})

    def run(self, inputs: Mapping[str, Any]) -> list[Row]:
        """As Runner says it."""
        answer = self._post(self._path("/workflows/run"), {"inputs": inputs, "disable_sinks": not self.has_sinks})
        rows: list[Row] = answer["outputs"]
        return rows

    def _path(self, of_document: str) -> str:
        if self.workflow is None:
            return of_document
        return f"/{quote(self.workflow.workspace)}/workflows/{quote(self.workflow.name)}"

    def _post(self, path: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        body = {"use_cache": False, **fields}  # what was just saved is meant
        if self.document is not None:
            body["specification"] = self.document
        elif self.version is not None:
            body["workflow_version_id"] = self.version
        return post_json(self.url.rstrip("/") + path, body, self.api_key)


def _fetcher() -> UrlFetcher:
    settings = Settings()
    return UrlFetcher(
        is_allowed=True,
        timeout_s=settings.url_timeout_s,
        max_bytes=int(settings.url_max_mb * 1e6),
        max_redirects=settings.url_max_redirects,
    )
