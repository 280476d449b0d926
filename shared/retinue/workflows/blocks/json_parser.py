"""Fields of a JSON text."""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from retinue.workflows.block import Block, Kinds
from retinue.workflows.kinds import ANY
from retinue.workflows.manifest import Manifest, Reference

_FENCED = re.compile(r"```json(.*?)```", re.IGNORECASE | re.DOTALL)


def _without_reserved(fields: list[str]) -> list[str]:
    if "error_status" in fields:
        raise ValueError(
            "`error_status` is reserved field name and cannot be used in `expected_fields` of "
            "`roboflow_core/json_parser@v1` block."
        )
    return fields


class JsonParserManifest(Manifest):
    """A text, and the fields to take from it."""

    raw_json: str | Annotated[str, Reference(("language_model_output",))] = Field(
        description="The JSON: the whole text, or the first ```json block in it."
    )
    expected_fields: Annotated[list[str], AfterValidator(_without_reserved)] = Field(
        description="The fields of the JSON object that become outputs."
    )


class JsonParser(Block):
    """The fields of a JSON object, each as an output.

    `error_status` is true where the text is no JSON object or lacks a field; what is missing is null.
    """

    identifier = "roboflow_core/json_parser@v1"
    title = "JSON Parser"
    category = "formatter"
    manifest = JsonParserManifest
    outputs = {"error_status": ("boolean",), "*": (ANY,)}

    @classmethod
    def outputs_of(cls, manifest: JsonParserManifest) -> Mapping[str, Kinds]:
        return {"error_status": ("boolean",), **dict.fromkeys(manifest.expected_fields, (ANY,))}

    def run(self, raw_json: str, expected_fields: list[str]) -> dict[str, Any]:
        fenced = _FENCED.search(raw_json)
        try:
            parsed = json.loads(fenced[1] if fenced else raw_json)
        except (ValueError, RecursionError):
            parsed = None
            is_object = False
        else:
            # Without fields to look for, any JSON is good enough.
            is_object = isinstance(parsed, dict) or not expected_fields
        found = parsed if isinstance(parsed, dict) else {}
        has_all = is_object and all(name in found for name in expected_fields)
        return {**{name: found.get(name) for name in expected_fields}, "error_status": not has_all}
