"""What a job asks of its pictures, checked when it is submitted and fixed when it is planned.

A job may run for hours on many machines. What it runs is settled once: an alias is resolved when the job is accepted,
a saved workflow, with all that it nests, is written into the plan.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retinue.deadline import Deadline
from retinue.errors import Forbidden, RequestError
from retinue.jobs.request import JobRequest, ModelsTarget, ModelTarget, WorkflowTarget
from retinue.keys import Access
from retinue.models.package import Manifest, ModelId
from retinue.models.registry import Registry

if TYPE_CHECKING:
    from retinue.workflows.block import Limits
    from retinue.workflows.inner import Lookup
    from retinue.workflows.plan import Plan
    from retinue.workflows.saved import SavedWorkflows


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Where models and workflows are found, for one key and until a deadline."""

    registry: Registry
    workflows: "SavedWorkflows"
    limits: "Limits"
    access: Access
    deadline: Deadline

    def accept(self, request: JobRequest) -> bool:
        """Checks the target, and resolves an alias in it. Returns whether a model of it wants a GPU.

        Raises RetinueError: unknown model or workflow, not in scope, a workflow that does not compile or does not fit.
        """
        if isinstance(request.target, ModelTarget):
            manifest = self._manifest(request.target.model_id)
            request.target.model_id = manifest.model_id
            return manifest.device == "gpu"
        if isinstance(request.target, ModelsTarget):
            return self._accept_models(request.target, request.parameters)
        return self._accept_workflow(request.target, request.parameters)

    def _accept_models(self, target: ModelsTarget, parameters: Mapping[str, Any]) -> bool:
        manifests = [self._manifest(model.model_id) for model in target.models]
        for model, manifest in zip(target.models, manifests, strict=True):
            model.model_id = manifest.model_id
        if len({manifest.model_id for manifest in manifests}) < len(manifests):
            raise RequestError("Two of the models are the same version under different names; name it once.")
        wants_gpu = target.workflow is not None and self._accept_workflow(target.workflow, parameters)
        return wants_gpu or any(manifest.device == "gpu" for manifest in manifests)

    def _accept_workflow(self, target: WorkflowTarget, parameters: Mapping[str, Any]) -> bool:
        from retinue.workflows.compile import compile_definition  # 300 ms, which jobs over a model never pay

        plan = compile_definition(self._document(target), self.limits, self._look_up)
        _check_inputs(plan, parameters)
        manifests = [self._manifest(model_id) for model_id in _models_of(plan, parameters)]
        return any(manifest.device == "gpu" for manifest in manifests)

    def snapshot(self, request: JobRequest) -> dict[str, Any]:
        """The target as the plan names it: nothing in it can change any more. Raises RetinueError."""
        target = request.target
        if isinstance(target, ModelTarget):
            return {"type": "model", "model_id": target.model_id}
        if isinstance(target, ModelsTarget):
            models = [model.model_dump() for model in target.models]
            return {"type": "models", "models": models} | (
                {"workflow": self._workflow(target.workflow)} if target.workflow is not None else {}
            )
        return self._workflow(target)

    def _workflow(self, target: WorkflowTarget) -> dict[str, Any]:
        from retinue.workflows.compile import inlined_document

        document = inlined_document(self._document(target), self.limits, self._look_up)
        named = {"workspace": target.workspace, "id": target.id} if target.id is not None else {}
        return {"type": "workflow", **named, "specification": document}

    def _manifest(self, text: str) -> Manifest:
        model_id = ModelId.parse(text)
        self.access.require(model_id.project)
        return self.registry.resolve(model_id, self.deadline)

    def _document(self, target: WorkflowTarget) -> dict[str, Any]:
        if target.specification is not None:
            return target.specification
        assert target.workspace is not None and target.id is not None
        return self._look_up(target.workspace, target.id, None)

    @property
    def _look_up(self) -> "Lookup":
        def look_up(workspace: str, workflow_id: str, version: str | None) -> dict[str, Any]:
            if workspace != self.access.workspace:
                raise Forbidden(f"This API key is not for workspace {workspace}; it is for {self.access.workspace}.")
            return self.workflows.get(workspace, workflow_id, version, self.deadline)

        return look_up


def _check_inputs(plan: "Plan", given: Mapping[str, Any]) -> None:
    """Raises RequestError unless a picture is all that is missing."""
    pictures = [name for name, item in plan.inputs.items() if "image" in item.kinds and item.is_batch]
    if len(pictures) != 1:
        raise RequestError(
            f"The workflow has {len(pictures)} inputs for pictures ({', '.join(pictures) or 'none'}); a job gives one."
        )
    if unknown := sorted(set(given) - (plan.inputs.keys() - set(pictures))):
        others = ", ".join(name for name in plan.inputs if name not in pictures)
        raise RequestError(f"The workflow takes no parameter {unknown[0]}; it takes {others or 'none'}.")
    missing = [name for name, item in plan.inputs.items() if item.is_batch and name not in {*given, *pictures}]
    if missing:
        raise RequestError(f"The workflow needs the input {missing[0]}; give it in `parameters`.")
    from retinue.workflows.inputs import check_parameters

    check_parameters(plan, given)


def _models_of(plan: "Plan", given: Mapping[str, Any]) -> Iterator[str]:
    """The models that the steps name, in the document or through a parameter."""
    for planned in plan.steps:
        value = getattr(planned.step.manifest, "model_id", None)
        for binding in planned.bindings:
            if binding.property_name == "model_id" and (name := binding.selector.input) is not None:
                value = given.get(name, plan.inputs[name].default)
        if isinstance(value, str) and not value.startswith("$"):
            yield value
