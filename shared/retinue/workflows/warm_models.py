"""Model steps served from the warm cache, as all other routes are."""

from collections.abc import Sequence

import numpy as np

from retinue.deadline import Deadline
from retinue.errors import ModelLoading, PayloadTooLarge
from retinue.keys import Access
from retinue.models.cache import WarmCache
from retinue.models.package import ModelId
from retinue.observe import RequestRecord
from retinue.pipeline.predict import StageTimes, pictures_per_run, predict
from retinue.pipeline.prediction import Prediction, Thresholds
from retinue.workflows.image import WorkflowImage


class WarmModels:
    """Predictions of published models, for one request: what the key may use, until the deadline."""

    def __init__(
        self, cache: WarmCache, access: Access, deadline: Deadline, record: RequestRecord, run_memory_bytes: int
    ) -> None:
        self._cache, self._access, self._deadline, self._record = cache, access, deadline, record
        self._run_memory_bytes = run_memory_bytes

    def predict(self, model_id: str, images: Sequence[WorkflowImage], thresholds: Thresholds) -> list[Prediction]:
        """One prediction for each picture; as many pictures at a time as graph and memory allow.

        Raises RetinueError: a model that is not there or not allowed, or no time for all pictures.
        """
        parsed = ModelId.parse(model_id)
        self._access.require(parsed.project)
        record = self._record
        if str(parsed) not in record.model_ids:
            record.model_ids.append(str(parsed))
        with record.stage("model"):
            lookup = self._cache.get(parsed, self._deadline)
        lookup.note_in(record, parsed)
        size = pictures_per_run(lookup.model, self._run_memory_bytes)
        predictions: list[Prediction] = []
        while len(predictions) < len(images):
            if self._deadline.remaining_s < lookup.model.manifest.latency_ms / 1e3:
                if not predictions and lookup.source != "memory":  # loading the model took it, and that is done now
                    raise ModelLoading("no time is left for a run")
                raise PayloadTooLarge(
                    f"Model '{model_id}' answered for {len(predictions)} of {len(images)} pictures before the "
                    "time of the request was up. Send fewer, or filter before this step."
                )
            part = images[len(predictions) : len(predictions) + size]
            times = StageTimes()
            predictions += predict(
                lookup.model, [np.ascontiguousarray(image.rgb()) for image in part], thresholds, times
            )
            for stage in ("prepare", "infer", "decode"):
                record.add(stage, getattr(times, f"{stage}_ms"))
            record.facts["runs"] = record.facts.get("runs", 0) + times.runs
        return predictions
