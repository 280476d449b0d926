"""The bodies of workflow errors: contract/workflows.md 2.3."""

import pytest

from retinue.errors import AuthError, Forbidden, ImageError, InvalidModelId, ModelNotFound, RetinueError
from retinue.workflows import errors
from retinue.workflows.errors import BlockError, WorkflowError

COMMON = ["message", "error_type", "context", "inner_error_type", "inner_error_message"]
CUSTOM_CODE = ["python_blocks_output_streams", "python_blocks_debug_traces"]
BLOCK = BlockError(block_id="det", block_type="roboflow_core/x@v1", property_name="images")


@pytest.mark.parametrize(
    ("kind", "keys", "inner_type"),
    [
        pytest.param(errors.WorkflowDefinitionError, COMMON, None, id="plain"),
        pytest.param(errors.RuntimeInputError, COMMON, None, id="plain, at run time"),
        pytest.param(errors.AssumptionError, COMMON + CUSTOM_CODE, None, id="of the engine"),
        pytest.param(
            errors.WorkflowSyntaxError, [*COMMON, "blocks_errors", *CUSTOM_CODE], "None", id="that lists blocks"
        ),
    ],
)
def test_the_keys_of_each_family(kind: type[WorkflowError], keys: list[str], inner_type: str | None) -> None:
    body = kind("what is wrong", context="here", **({"blocks": (BLOCK,)} if "blocks_errors" in keys else {})).render()

    assert list(body) == keys
    assert body["message"] == "what is wrong" and body["context"] == "here"
    assert body["error_type"] == kind.type
    assert (body["inner_error_type"], body["inner_error_message"]) == (inner_type, "None")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (ModelNotFound, "Could not find requested Roboflow resource while execution of step {x} - why"),
        (AuthError, "Unauthorized error occurred while execution of step {x} - why"),
        (Forbidden, "Forbidden error occurred while execution of step {x} - why"),
        (InvalidModelId, "Problem with Workflow Block configuration - step {x}: why"),
        (ImageError, "why"),
    ],
)
def test_what_a_client_is_told_of_a_step(kind: type[RetinueError], message: str) -> None:
    assert errors.message_of_step("{x}", kind("for the log", public="why")) == message


def test_an_inner_error_is_named_by_what_clients_call_it() -> None:
    inner = ModelNotFound("for the log", public="no such model")
    error = errors.ClientCausedStepExecutionError("no such model", context="here", inner=inner, blocks=(BLOCK,))

    body = error.render()

    assert (body["inner_error_type"], body["inner_error_message"]) == ("ModelNotFound", "no such model")
    assert body["blocks_errors"] == [
        {
            "block_id": "det",
            "block_type": "roboflow_core/x@v1",
            "block_details": None,
            "property_name": "images",
            "property_details": None,
            "block_traceback": None,
        }
    ]


@pytest.mark.parametrize(
    ("kind", "context"),
    [
        ("InnerWorkflowCompositionCycleError", "workflow_compilation | inner_workflow | composition"),
        (
            "InnerWorkflowParameterBindingsUnknownInputError",
            "workflow_compilation | inner_workflow | parameter_bindings",
        ),
    ],
)
def test_errors_of_nested_workflows_differ_by_name(kind: str, context: str) -> None:
    body = errors.InnerWorkflowError(kind, "why").render()

    assert (body["error_type"], body["context"]) == (kind, context)
    assert list(body) == COMMON
