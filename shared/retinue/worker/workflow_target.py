"""A workflow run over the pictures of a job, one after another."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from retinue.aws import S3Reader
from retinue.config import Settings
from retinue.deadline import Deadline
from retinue.errors import Busy, RetinueError
from retinue.ids import ids_of
from retinue.images.decode import Image
from retinue.images.load import ImageReference
from retinue.keys import Access
from retinue.models.cache import WarmCache
from retinue.observe import RequestRecord
from retinue.worker.pictures import Failure
from retinue.worker.plan import Plan, PlanError
from retinue.worker.targets import Answer, Moment, Ready
from retinue.workflows.block import Limits, Runtime
from retinue.workflows.compile import PlanCache
from retinue.workflows.errors import StepExecutionError, WorkflowError
from retinue.workflows.image import VideoMetadata, WorkflowImage
from retinue.workflows.run import run_workflow
from retinue.workflows.saved import SavedWorkflows
from retinue.workflows.send import HttpSender
from retinue.workflows.values import ValueReader
from retinue.workflows.warm_models import WarmModels

# A picture may take long (many crops, a large model), but not for ever.
_PICTURE_TIMEOUT_S = 600.0
# Pictures in the answer to one; no gateway stands in between, but a part is held in memory.
_MOST_ANSWER_BYTES = 64_000_000
# Pictures of no video have no time; that of the attempt would make two attempts differ.
_NO_TIME = datetime(1970, 1, 1)


class WorkflowTarget:
    """A workflow that was compiled. Its pictures go through it one by one, so a batch is one picture."""

    batch_size = 1

    def __init__(
        self,
        plan: Plan,
        models: WarmCache,
        settings: Settings,
        reader: S3Reader,
        secrets: Mapping[str, str] | None = None,
    ) -> None:
        """Finds and compiles the workflow; `reader` is that of the models bucket, where saved ones are, `secrets` what
        it may read of the environment.

        Raises PlanError if it is none, WorkflowNotFound, StorageUnavailable.
        """
        self._models, self._run_memory_bytes = models, settings.run_memory_bytes
        self._secrets = secrets
        self._saved = SavedWorkflows(reader, settings.workflow_cache_s)
        self._inputs, self._access = plan.parameters, Access(plan.workspace, plan.scopes)
        self._plans = PlanCache()
        self._limits = Limits(
            steps=settings.workflow_max_steps,
            elements=settings.workflow_max_elements,
            answer_bytes=_MOST_ANSWER_BYTES,
        )
        deadline = Deadline.after(_PICTURE_TIMEOUT_S)
        self._document = self._find(plan, deadline)
        try:
            compiled = self._plans.get(self._document, self._limits, self._look_up(deadline))
        except WorkflowError as exc:
            raise PlanError(f"the workflow cannot be compiled: {exc.message}") from exc
        pictures = [name for name, item in compiled.inputs.items() if "image" in item.kinds and item.is_batch]
        if len(pictures) != 1:
            raise PlanError(
                f"the workflow has {len(pictures)} picture inputs ({', '.join(pictures) or 'none'}); a job gives one"
            )
        self._picture_input = pictures[0]

    def prepare(self, item_id: str, image: Image, moment: Moment | None = None) -> Ready:
        """The picture as it is, and the frame that it is."""
        return Ready(item_id, (image, _video_of(item_id, moment)), image.nbytes)

    def answer(self, batch: Sequence[Ready | Failure]) -> list[Answer]:
        """As Target.answer says. What a workflow cannot do with a picture is the failure of that picture."""
        return [Answer(place) if isinstance(place, Failure) else self._answer(place) for place in batch]

    def _answer(self, ready: Ready) -> Answer:
        try:
            with ids_of(ready.item_id):
                outputs = self._run(ready)
            orjson.dumps(outputs)
        except WorkflowError as exc:
            inner = exc.inner if isinstance(exc, StepExecutionError) else None
            if isinstance(inner, Busy):  # S3 does not answer: nothing that this picture has done
                raise inner from exc
            return Answer(Failure(exc.type, exc.message))
        except Busy:
            raise
        except RetinueError as exc:
            return Answer(Failure("workflow", exc.public))
        except TypeError as exc:  # values that cannot be JSON
            return Answer(Failure("workflow", f"The outputs cannot be written: {exc}."))
        return Answer({"outputs": outputs})

    def _run(self, ready: Ready) -> list[dict[str, Any]]:
        deadline = Deadline.after(_PICTURE_TIMEOUT_S)
        runtime = Runtime(
            models=WarmModels(self._models, self._access, deadline, RequestRecord(), self._run_memory_bytes),
            send=HttpSender(deadline, most_requests=self._limits.sent_requests),
            deadline=deadline,
            limits=self._limits,
            secrets=self._secrets,
        )
        read = _PictureReader(ready)
        return run_workflow(
            self._document,
            {**self._inputs, self._picture_input: ready.item_id},
            plans=self._plans,
            look_up=self._look_up(deadline),
            read=read,
            runtime=runtime,
        )

    def _find(self, plan: Plan, deadline: Deadline) -> dict[str, Any]:
        target = plan.target
        if target.specification is not None:
            return target.specification
        return self._saved.get(target.workspace, target.workflow_id, None, deadline)

    def _look_up(self, deadline: Deadline) -> Any:
        def look_up(workspace: str, workflow_id: str, version: str | None) -> dict[str, Any]:
            if workspace != self._access.workspace:
                raise PlanError(f"the workflow nests one of workspace {workspace}, not of {self._access.workspace}")
            return self._saved.get(workspace, workflow_id, version, deadline)

        return look_up


class _PictureReader(ValueReader):
    """Reads batch inputs; the item's id stands for its picture, which is decoded already."""

    def __init__(self, ready: Ready) -> None:
        def load(reference: ImageReference) -> Image:
            raise PlanError("a job gives the pictures of its source only")

        super().__init__(load)
        self._ready = ready

    def __call__(self, kinds: tuple[str, ...], identifier: str, value: Any) -> Any:
        if value != self._ready.item_id:
            return super().__call__(kinds, identifier, value)
        pixels, video = self._ready.content
        return replace(WorkflowImage.of_pixels(pixels, identifier), given_video=video)


def _video_of(item_id: str, moment: Moment | None) -> VideoMetadata:
    """What workflows are told of the frame; its timestamp counts from 1970, since a file does not say when it was."""
    if moment is None:
        return VideoMetadata(video_identifier=item_id, frame_timestamp=_NO_TIME)
    return VideoMetadata(
        video_identifier=moment.video_id,
        frame_number=moment.frame_offset,
        frame_timestamp=_NO_TIME + timedelta(seconds=moment.time_s),
        fps=moment.fps,
        comes_from_video_file=True,
        total_frames=moment.total_frames,
    )
