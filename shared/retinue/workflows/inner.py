"""Nested workflows put into their parents before anything else is looked at: contract/workflows.md 1.7."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from retinue.workflows.definition import items_of
from retinue.workflows.errors import (
    DuplicatedNameError,
    InnerWorkflowError,
    WorkflowEnvironmentConfigurationError,
    WorkflowLimitError,
)
from retinue.workflows.nesting import MOST_NESTED, is_too_deep, is_too_large
from retinue.workflows.query.limits import size_of
from retinue.workflows.selectors import Selector, parse_selector

INNER_WORKFLOW = "roboflow_core/inner_workflow@v1"
MOST_DEPTH = 4
MOST_COUNT = 32
MOST_REPLACED = 10_000_000  # characters and elements: lists of selectors of lists multiply with every level
_PARAMETERS = ("WorkflowParameter", "InferenceParameter")

Lookup = Callable[[str, str, str | None], dict[str, Any]]
"""Finds a saved workflow by workspace, id and version (None: the latest). Raises WorkflowError."""


Check = Callable[[dict[str, Any]], object]
"""Raises WorkflowError if a document is wrong in itself."""


def inline(document: dict[str, Any], look_up: Lookup, check: Check) -> dict[str, Any]:
    """The document without nested workflows: their steps are its own, named `{inner step}__{child step}`.

    Raises InnerWorkflowError for cycles, too many, unknown or missing parameters, and what `check` finds in a child.
    """
    steps = document.get("steps") or []
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise InnerWorkflowError(
            "InnerWorkflowInvalidStepEntryError", "`steps` must be a list in which every entry is an object."
        )
    if not any(map(_is_inner, steps)):
        return document
    return _Inliner(look_up, check).inline(document, ())


def has_saved_parts(document: Any) -> bool:
    """Whether a nested workflow, at any depth, is named by its id: what it means may change."""
    if isinstance(document, dict):
        if _is_inner(document) and document.get("workflow_definition") is None:
            return True
        return any(map(has_saved_parts, document.values()))
    return isinstance(document, list) and any(map(has_saved_parts, document))


def _is_inner(step: Any) -> bool:
    return isinstance(step, dict) and step.get("type") == INNER_WORKFLOW


@dataclass(frozen=True, slots=True)
class _Inlined:
    """A child in its parent: its steps, and what its outputs mean there."""

    steps: list[dict[str, Any]]
    outputs: dict[str, Any]


class _Inliner:
    def __init__(self, look_up: Lookup, check: Check) -> None:
        self._look_up, self._check = look_up, check
        self._count = 0
        self._size = 0

    def inline(self, document: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
        if len(path) > MOST_DEPTH:
            raise InnerWorkflowError(
                "InnerWorkflowNestingDepthError", f"Workflows are nested more than {MOST_DEPTH} deep."
            )
        steps = items_of(document, "steps")
        names = _names(steps)
        inlined: dict[str, _Inlined] = {}
        kept: list[Any] = []
        for step in steps:
            if _is_inner(step):
                name = str(step.get("name"))
                inlined[name] = self._child(name, step, path, names)
                kept += inlined[name].steps
            else:
                kept.append(step)
        changed = {
            section: [_replaced(item, lambda selector: self._grown(_outside(selector, inlined))) for item in items]
            for section, items in (("steps", kept), ("outputs", items_of(document, "outputs")))
            if isinstance(document.get(section), list)
        }
        return document | changed

    def _child(self, name: str, step: dict[str, Any], path: tuple[str, ...], names: set[str]) -> _Inlined:
        self._count += 1
        if self._count > MOST_COUNT:
            raise InnerWorkflowError(
                "InnerWorkflowTotalCountError", f"More than {MOST_COUNT} workflows are nested in this one."
            )
        if step.get("execution_mode", "embedded") != "embedded":
            raise WorkflowEnvironmentConfigurationError(
                f"Step '{name}' asks for execution_mode '{step['execution_mode']}'; only 'embedded' is built.",
                context="workflow_compilation | inner_workflow_composition",
            )
        identity, child = self._definition(name, step, path)
        child = self.inline(child, (*path, identity))
        self._check(child)
        bindings = _bindings(name, step, child)
        if not child["steps"]:
            raise InnerWorkflowError(
                "InnerWorkflowInvalidStepEntryError", f"The workflow in step '{name}' has no steps."
            )
        self._grow(len(name) * len(child["steps"]))
        renamed = _new_names(name, child, names)

        def replacement(selector: Selector) -> Any:
            return self._grown(_inside(selector, bindings, renamed))

        steps = [_replaced(item, replacement) | {"name": renamed[item["name"]]} for item in child["steps"]]
        outputs = {item["name"]: _replaced(item["selector"], replacement) for item in child["outputs"]}
        return _Inlined(steps, outputs)

    def _grown(self, value: Any) -> Any:
        """What takes the place of a selector, counted."""
        self._grow(size_of(value, MOST_REPLACED))
        return value

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > MOST_REPLACED:
            raise WorkflowLimitError(
                f"The nested workflows would grow beyond {MOST_REPLACED:,} characters once they are put into their "
                "parents. Bind shorter values to their inputs.",
                context="workflow_compilation | inner_workflow | composition",
            )

    def _definition(self, name: str, step: dict[str, Any], path: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
        """What names the child, and the child."""
        child = step.get("workflow_definition")
        if isinstance(child, dict):
            return f"{name} #{len(path)}", child
        workspace, workflow_id = step.get("workflow_workspace_id"), step.get("workflow_id")
        if not isinstance(workspace, str) or not isinstance(workflow_id, str):
            raise InnerWorkflowError(
                "InnerWorkflowInvalidStepEntryError",
                f"Step '{name}' needs `workflow_definition`, or `workflow_workspace_id` and `workflow_id`.",
            )
        version = step.get("workflow_version_id")
        identity = f"{workspace}/{workflow_id}/{version or 'latest'}"
        if identity in path:
            raise InnerWorkflowError(
                "InnerWorkflowCompositionCycleError",
                f"Workflows nest each other in a circle: {' > '.join((*path, identity))}.",
            )
        child = self._look_up(workspace, workflow_id, None if version is None else str(version))
        if not isinstance(child, dict) or is_too_large(child) or is_too_deep(child):
            raise InnerWorkflowError(
                "InnerWorkflowInvalidStepEntryError",
                f"The saved workflow {identity} of step '{name}' is no object, or too large, or nests lists and "
                f"objects more than {MOST_NESTED} levels deep.",
            )
        return identity, child


def _names(steps: list[Any]) -> set[str]:
    """The names of the steps. Raises DuplicatedNameError for one of a nested workflow that another step has too."""
    named = [step for step in steps if isinstance(step, dict) and isinstance(step.get("name"), str)]
    count = Counter(step["name"] for step in named)
    if twice := [step["name"] for step in named if _is_inner(step) and count[step["name"]] > 1]:
        raise DuplicatedNameError(
            f"Found duplicated input steps names: {twice[0][:100]}",
            context="workflow_compilation | specification_validation",
        )
    return set(count)


def _bindings(name: str, step: dict[str, Any], child: dict[str, Any]) -> dict[str, Any]:
    """The value or selector of each input of the child. Raises InnerWorkflowError for unknown and missing ones."""
    given = step.get("parameter_bindings")
    given = given if isinstance(given, dict) else {}
    inputs = {str(item.get("name")): item for item in items_of(child, "inputs") if isinstance(item, dict)}
    if unknown := sorted(given.keys() - inputs.keys()):
        raise InnerWorkflowError(
            "InnerWorkflowParameterBindingsUnknownInputError",
            f"Step '{name}' binds {unknown}, which the nested workflow does not declare; it has {sorted(inputs)}.",
        )
    defaults = {
        key: item["default_value"]
        for key, item in inputs.items()
        if item.get("type") in _PARAMETERS and item.get("default_value") is not None
    }
    if missing := sorted(inputs.keys() - given.keys() - defaults.keys()):
        raise InnerWorkflowError(
            "InnerWorkflowParameterBindingsMissingRequiredError",
            f"Step '{name}' does not bind {missing}, which the nested workflow needs.",
        )
    return defaults | given


def _new_names(name: str, child: dict[str, Any], taken: set[str]) -> dict[str, str]:
    """What the child's steps are called in the parent."""
    renamed: dict[str, str] = {}
    for step in items_of(child, "steps"):
        if not isinstance(step, dict) or not isinstance(step.get("name"), str):
            raise InnerWorkflowError(
                "InnerWorkflowInvalidStepEntryError", f"A step of the workflow in '{name}' is no object with a name."
            )
        new = base = f"{name}__{step['name']}"
        number = 2
        if step["name"] in renamed:  # a fault of the child, which is told once it is inlined
            continue
        while new in taken:
            new, number = f"{base}__{number}", number + 1
        taken.add(new)
        renamed[step["name"]] = new
    return renamed


def _replaced(value: Any, replacement: Callable[[Selector], Any]) -> Any:
    """The value with every selector in it replaced, at any depth."""
    if isinstance(value, str):
        selector = parse_selector(value) if value.startswith("$") else None
        return value if selector is None else replacement(selector)
    if isinstance(value, dict):
        return {key: _replaced(item, replacement) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, replacement) for item in value]
    return value


def _inside(selector: Selector, bindings: Mapping[str, Any], renamed: Mapping[str, str]) -> Any:
    """What a selector of the child means in the parent."""
    if selector.input is not None:
        return bindings.get(selector.input, selector.text)
    new = renamed.get(str(selector.step))
    if new is None:
        return selector.text
    return f"$steps.{new}" if selector.output is None else f"$steps.{new}.{selector.output}"


def _outside(selector: Selector, inlined: Mapping[str, _Inlined]) -> Any:
    """What a selector of the parent means once its nested workflows are steps of its own."""
    child = inlined.get(str(selector.step)) if selector.step is not None else None
    if child is None:
        return selector.text
    if selector.output is None:
        return f"$steps.{child.steps[0]['name']}"  # who goes to a nested workflow goes to its first step, as upstream
    return child.outputs.get(selector.output, selector.text)
