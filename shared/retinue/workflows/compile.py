"""From a document to a plan: contract/workflows.md 2.1. Plans are kept, by the hash of their document."""

import hashlib
from collections import OrderedDict
from typing import Any, NoReturn

import orjson

from retinue.workflows.block import Limits
from retinue.workflows.definition import Definition, check_version, parse_definition
from retinue.workflows.errors import (
    WorkflowEnvironmentConfigurationError,
    WorkflowLimitError,
    WorkflowSyntaxError,
)
from retinue.workflows.graph import build_graph
from retinue.workflows.inner import Lookup, has_saved_parts, inline
from retinue.workflows.lineage import plan_steps
from retinue.workflows.nesting import MOST_ELEMENTS, MOST_KEY_CHARACTERS, MOST_NESTED, is_too_deep, is_too_large
from retinue.workflows.plan import Plan

_PARSING = "workflow_compilation | workflow_definition_parsing"
_NO_CUSTOM_CODE = (
    "Cannot use dynamic blocks with custom Python code in this installation of `workflows`. This service runs no code "
    "of its users. Use blocks such as expression, or a webhook to a service of your own."
)


def compile_definition(document: dict[str, Any], limits: Limits, look_up: Lookup) -> Plan:
    """The plan of a document. look_up finds saved workflows that it nests. Raises WorkflowError."""
    definition = _checked(document, limits, look_up)
    return plan_steps(definition, build_graph(definition))


def describe_document(document: dict[str, Any], limits: Limits, look_up: Lookup) -> dict[str, Any]:
    """What goes into a workflow and what comes out; of outputs with one name the last counts. Raises WorkflowError."""
    from retinue.workflows.interface import describe_interface

    check_size(document)
    check_version(document)
    definition = _checked(_with_the_last_of_each_name(document), limits, look_up)
    graph = build_graph(definition)
    return describe_interface(definition, graph, plan_steps(definition, graph))


def inlined_document(document: dict[str, Any], limits: Limits, look_up: Lookup) -> dict[str, Any]:
    """The document with all its nested workflows inlined: it means the same whatever is saved later. Raises
    WorkflowError."""
    check_size(document)
    check_version(document)
    return inline(document, look_up, lambda part: parse_definition(part, limits))


def _checked(document: dict[str, Any], limits: Limits, look_up: Lookup) -> Definition:
    """The document with all its nested workflows inlined and every step valid by itself."""
    check_size(document)
    check_version(document)

    def check(part: dict[str, Any]) -> Definition:
        check_size(part)  # selectors of nested workflows became values, which may be long
        if part.get("dynamic_blocks_definitions"):
            refuse_custom_code()
        return parse_definition(part, limits)

    return check(inline(document, look_up, check))


def _with_the_last_of_each_name(document: dict[str, Any]) -> dict[str, Any]:
    outputs = document.get("outputs")
    if not isinstance(outputs, list) or not all(isinstance(item, dict) for item in outputs):
        return document
    named = {repr(item.get("name")): item for item in outputs}
    return document | {"outputs": list(named.values())}


def refuse_custom_code() -> NoReturn:
    """Raises WorkflowEnvironmentConfigurationError."""
    raise WorkflowEnvironmentConfigurationError(
        _NO_CUSTOM_CODE, context="workflow_compilation | dynamic_blocks_compilation"
    )


def check_size(document: Any) -> None:
    """Raises WorkflowLimitError for a document of too many elements, WorkflowSyntaxError for one nested too deep."""
    if is_too_large(document):
        raise WorkflowLimitError(
            f"The lists and objects of the workflow hold more than {MOST_ELEMENTS:,} elements together, or keys of "
            f"more than {MOST_KEY_CHARACTERS:,} characters. Split it, or send long lists as inputs.",
            context=_PARSING,
        )
    if is_too_deep(document):
        raise WorkflowSyntaxError(
            f"The workflow nests lists and objects more than {MOST_NESTED} levels deep.",
            context=_PARSING,
            blocks=(),
        )


class PlanCache:
    """The plans of the documents that were used last, up to a number of them and of the bytes of their documents."""

    def __init__(self, size: int = 256, size_bytes: int = 8_000_000) -> None:
        self._plans: OrderedDict[bytes, tuple[Plan, int]] = OrderedDict()
        self._most, self._most_bytes = size, size_bytes
        self._bytes = 0

    def get(self, document: dict[str, Any], limits: Limits, look_up: Lookup) -> Plan:
        """The plan of the document, compiled if it is new. Raises WorkflowError."""
        try:
            text = orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS)
        except TypeError:
            check_size(document)  # nested deeper than that can go
            raise
        key = hashlib.sha256(text).digest()
        if key in self._plans:
            self._plans.move_to_end(key)
            return self._plans[key][0]
        plan = compile_definition(document, limits, look_up)
        # What a nested workflow is called may mean something else later.
        if not has_saved_parts(document):
            self._keep(key, plan, len(text))
        return plan

    def _keep(self, key: bytes, plan: Plan, size_bytes: int) -> None:
        self._plans[key] = plan, size_bytes
        self._bytes += size_bytes
        while len(self._plans) > self._most or self._bytes > self._most_bytes:
            _, (_, freed_bytes) = self._plans.popitem(last=False)
            self._bytes -= freed_bytes
