"""Parameters of the query: names and types of the URL routes' are asked of the code that reads them."""

import re
from typing import Any

from retinue.errors import ParameterError
from retinue.http.parameters import parse_url_parameters

Schema = dict[str, Any]

# What the code cannot tell: the meaning, and with it the default and, where every text is taken, the texts that differ.
_MEANINGS: dict[str, tuple[str, Schema]] = {
    "confidence": (
        "Least confidence, as a fraction or, from 1 on, in percent; never below 0.01. `default`: what the model's "
        "package says; `best`: its threshold for each class.",
        {"default": 0.4},
    ),
    "overlap": ("Overlap (IoU) above which the less certain of two objects goes; from 1 on percent.", {"default": 0.3}),
    "max_detections": ("Objects in an answer, at most.", {"default": 300}),
    "classes": ("Only these classes, separated by commas.", {}),
    "keypoint_confidence": ("Least confidence of a keypoint.", {}),
    "response_mask_format": ("Form of outlines.", {"default": "polygon"}),
    "mask_decode_mode": ("How exactly masks are made.", {"default": "accurate"}),
    "tradeoff_factor": ("With mask_decode_mode=tradeoff: from fast to accurate.", {"default": 0.0}),
    "allow_reduced_mask_resolution": ("Outlines on the model's own grid.", {"default": False}),
    "format": (
        "What to answer: JSON, the drawn picture, or JSON with the drawn picture. Other texts mean json.",
        {"enum": ["json", "image", "image_and_json"], "default": "json"},
    ),
    "image": (
        "The picture instead of a body: a public https URL, or the id of an upload.",
        {"examples": ["https://example.com/photo.jpg"]},
    ),
    "image_type": ("What the body is; numpy is a `.npy` file.", {"enum": ["base64", "numpy"], "default": "base64"}),
    "labels": ("Write names into the drawn picture.", {"default": False}),
    "stroke": ("Width of lines in the drawn picture.", {"default": 1}),
    "disable_preproc_auto_orient": ("Do not turn the picture as its EXIF data say.", {"default": False}),
    "disable_preproc_static_crop": ("Leave out this step of the model's preprocessing.", {"default": False}),
    "disable_preproc_contrast": ("Leave out this step of the model's preprocessing.", {"default": False}),
    "disable_preproc_grayscale": ("Leave out this step of the model's preprocessing.", {"default": False}),
    "disable_active_learning": ("Without effect here.", {"default": False}),
    "disable_model_monitoring": ("Without effect here.", {"default": False}),
    "countinference": ("Without effect here.", {"default": True}),
    "include_anomaly_map": ("Without effect here.", {"default": False}),
    "include_candidates": ("Without effect here.", {"default": False}),
}


def query_parameter(name: str, description: str, schema: Schema, *, is_required: bool = False) -> Schema:
    """A parameter of the query."""
    parameter: Schema = {"name": name, "in": "query", "description": description, "schema": schema}
    return parameter | ({"required": True} if is_required else {})


def url_parameters() -> list[Schema]:
    """Every parameter of the URL routes. Raises ValueError unless this file tells of exactly those that are read."""
    names = _names_read()
    if differing := set(names) ^ _MEANINGS.keys():
        raise ValueError(f"tools/openapi_parameters.py and http/parameters.py differ: {', '.join(sorted(differing))}")
    return [query_parameter(name, _MEANINGS[name][0], _schema(name) | _MEANINGS[name][1]) for name in names]


class _Empty(dict[str, str]):
    """A query without parameters that remembers which were looked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: dict[str, None] = {}

    def __contains__(self, name: object) -> bool:
        self.asked[str(name)] = None
        return False

    def get(self, name: str, default: Any = None) -> Any:
        self.asked[name] = None
        return default


def _names_read() -> list[str]:
    query = _Empty()
    parse_url_parameters(query)
    return list(query.asked)


def _schema(name: str) -> Schema:
    """What the parser takes, by how it refuses: a text that is no value of any type, and a number out of range."""
    forms = [_form(kind, msg) for kind, msg in _refusals(name, "?")]
    if not forms:
        return {"type": "string"}
    if forms == [{"type": "number"}] and _refusals(name, "2") and not _refusals(name, "1"):
        return {"type": "number", "minimum": 0, "maximum": 1}
    return forms[0] if len(forms) == 1 else {"anyOf": forms}


def _refusals(name: str, text: str) -> list[tuple[str, str]]:
    try:
        parse_url_parameters({name: text})
    except ParameterError as exc:
        return [(item["type"], item["msg"]) for item in exc.details]
    return []


def _form(kind: str, msg: str) -> Schema:
    match kind:
        case "literal_error":
            return {"type": "string", "enum": re.findall(r"'([^']*)'", msg)}
        case "float_parsing":
            return {"type": "number"}
        case "int_parsing":
            return {"type": "integer"}
        case "bool_parsing":
            return {"type": "boolean"}
    raise ValueError(f"a parameter is refused as {kind}, which has no schema here")
