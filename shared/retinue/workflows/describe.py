"""All blocks, kinds and operations, for editors of workflows: contract/workflows.md 9.3."""

from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from retinue.workflows.block import Block
from retinue.workflows.definition import ENGINE_VERSION, InputModel, OutputModel
from retinue.workflows.kinds import KINDS
from retinue.workflows.manifest import Reference, Shape, describe_kind, references_of
from retinue.workflows.registry import aliases_of, all_blocks

_COMPATIBILITY = ">=1.0.0,<2.0.0"
_LICENSE = "Apache-2.0"
_MOST_WRITTEN_OUT = 10  # members of a union; only the operations are more


@cache
def describe_blocks() -> dict[str, Any]:
    """The answer of `/workflows/blocks/describe`."""
    from retinue.workflows.query.describe import describe_query_language

    blocks = all_blocks()
    return {
        "blocks": [describe_block(block) for block in blocks],
        "declared_kinds": [describe_kind(name) for name in KINDS],
        "kinds_connections": _kinds_connections(blocks),
        "primitives_connections": [item for block in blocks for item in _primitives(block)],
        "universal_query_language_description": describe_query_language(),
        "dynamic_block_definition_schema": {},
    }


def describe_block(block: type[Block]) -> dict[str, Any]:
    """One block: what its steps may say, and what they give."""
    return {
        "block_schema": block_schema(block),
        "outputs_manifest": describe_outputs(block.outputs),
        "block_source": "workflows_core",
        "fully_qualified_block_class_name": f"{block.__module__}.{block.__qualname__}",
        "human_friendly_block_name": block.title,
        "manifest_type_identifier": block.identifier,
        "manifest_type_identifier_aliases": aliases_of(block.identifier),
        "execution_engine_compatibility": _COMPATIBILITY,
        "restrictions": [],
        "input_dimensionality_offsets": dict(block.offsets),
        "dimensionality_reference_property": block.reference,
        "output_dimensionality_offset": block.output_offset,
    }


def describe_outputs(outputs: Any) -> list[dict[str, Any]]:
    """Name and kinds of each output."""
    return [{"name": name, "kind": [describe_kind(kind) for kind in kinds]} for name, kinds in outputs.items()]


def block_schema(block: type[Block]) -> dict[str, Any]:
    """The JSON schema of a step of this block."""
    schema = block.manifest.model_json_schema()
    description = " ".join((block.__doc__ or "").split())
    schema["properties"]["type"] = {
        "enum": [block.identifier, *aliases_of(block.identifier)],
        "title": "Type",
        "type": "string",
    }
    return schema | {
        "title": block.__name__,
        "name": block.title,
        "version": block.identifier.rpartition("@")[2],
        "short_description": description.partition(". ")[0].rstrip(".") + ".",
        "long_description": description,
        "license": _LICENSE,
        "block_type": block.category,
    }


@cache
def definition_schema() -> dict[str, Any]:
    """The JSON schema of a whole document."""
    definitions: dict[str, Any] = {}
    steps = []
    for block in all_blocks():
        schema = dict(block_schema(block))
        definitions |= schema.pop("$defs", {})
        definitions[block.__name__] = schema
        steps.append({"$ref": f"#/$defs/{block.__name__}"})
    for model in (InputModel, OutputModel):
        schema = model.model_json_schema()
        definitions |= schema.pop("$defs", {})
        definitions[model.__name__] = schema
    return {
        "$defs": definitions,
        "properties": {
            "version": {"title": "Version", "type": "string", "examples": ["1.0", ENGINE_VERSION]},
            "inputs": {"items": {"$ref": "#/$defs/InputModel"}, "title": "Inputs", "type": "array"},
            "steps": {"items": {"anyOf": steps}, "title": "Steps", "type": "array"},
            "outputs": {"items": {"$ref": "#/$defs/OutputModel"}, "title": "Outputs", "type": "array"},
        },
        "required": ["version", "inputs", "steps", "outputs"],
        "title": "WorkflowDefinition",
        "type": "object",
    }


def _kinds_connections(blocks: list[type[Block]]) -> dict[str, list[dict[str, Any]]]:
    """For each kind the properties that take it."""
    connections: dict[str, list[dict[str, Any]]] = {name: [] for name in KINDS}
    for block in blocks:
        for name, shapes in references_of(block.manifest).items():
            for shape, references in shapes.items():
                for kind in dict.fromkeys(kind for reference in references for kind in reference.kinds):
                    connections.setdefault(kind, []).append(_connection(block, name, shape))
    return connections


def _connection(block: type[Block], name: str, shape: Shape) -> dict[str, Any]:
    return {
        "manifest_type_identifier": block.identifier,
        "property_name": name,
        "property_description": block.manifest.model_fields[name].description,
        "compatible_element": "any_data",
        "is_list_element": shape == "list",
        "is_dict_element": shape == "dict",
    }


def _primitives(block: type[Block]) -> list[dict[str, Any]]:
    """The properties that take a value written into the document, with its type."""
    found = []
    for name, hint in get_type_hints(block.manifest, include_extras=True).items():
        if name not in block.manifest.model_fields or name == "type":
            continue
        written = _annotation(hint)
        if written:
            description = "Names this step." if name == "name" else block.manifest.model_fields[name].description
            found.append(
                {
                    "manifest_type_identifier": block.identifier,
                    "property_name": name,
                    "property_description": description,
                    "type_annotation": written,
                }
            )
    return found


def _annotation(hint: Any) -> str:
    """A type without its selectors, as text; empty if only selectors are left."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return "" if any(isinstance(mark, Reference) for mark in arguments[1:]) else _annotation(arguments[0])
    if origin in (Union, UnionType):
        members = list(dict.fromkeys(filter(None, (_annotation(item) for item in arguments if item is not NoneType))))
        if len(members) > _MOST_WRITTEN_OUT:
            return "Operation"
        if len(members) < 2:
            return members[0] if members else ""
        return f"{'Optional' if NoneType in arguments else 'Union'}[{', '.join(sorted(members))}]"
    if origin is Literal:
        return "str" if all(isinstance(item, str) for item in arguments) else "Any"
    if origin in (list, dict, tuple):
        inner = [_annotation(item) for item in arguments if item is not Ellipsis]
        return f"{origin.__name__.capitalize()}[{', '.join(inner)}]" if all(inner) else ""
    return str(getattr(hint, "__name__", hint))
