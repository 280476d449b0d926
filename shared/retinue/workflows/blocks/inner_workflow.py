"""A workflow inside a workflow: its steps are put into the parent before anything runs (`retinue.workflows.inner`)."""

from typing import Any, Literal

from pydantic import Field

from retinue.workflows.block import Block
from retinue.workflows.manifest import AnyRef, Manifest


class InnerWorkflowManifest(Manifest):
    """Which workflow, and what its inputs are."""

    execution_mode: Literal["embedded", "remote_dispatch"] = Field(
        "embedded", description="How it is run; only `embedded` is built."
    )
    remote_target: str | None = Field(None, description="Of `remote_dispatch`.")
    workflow_definition: dict[str, Any] | None = Field(None, description="The workflow itself, or:")
    workflow_workspace_id: str | None = Field(None, description="The workspace of a saved workflow.")
    workflow_id: str | None = Field(None, description="The id of a saved workflow.")
    workflow_version_id: str | None = Field(None, description="Its version; the latest without.")
    parameter_bindings: dict[str, AnyRef | Any] = Field(description="The value of each of its inputs, by name.")


class InnerWorkflow(Block):
    """Runs another workflow as one step; its outputs are the outputs of the step."""

    identifier = "roboflow_core/inner_workflow@v1"
    title = "Inner Workflow"
    category = "flow_control"
    manifest = InnerWorkflowManifest
    outputs = {"*": ("*",)}

    def run(self, **_: Any) -> dict[str, Any]:
        raise AssertionError("nested workflows are part of their parents before steps run")
