"""What an upload says about how it wants to be answered: metadata (`x-amz-meta-...`) or tags of the object.

Names are those of the query of the URL routes. `parameters` holds several at once as a JSON object, for a workflow its
inputs. What stands by itself wins over `parameters`, and metadata over tags.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from retinue.errors import ParameterError
from retinue.keys import EVERY_PROJECT

# What the API itself writes for an asynchronous request.
PARAMETERS, TASK, WORKFLOW, SCOPES = "parameters", "task-request", "workflow-request", "scopes"
# A name that S3's own clients write into metadata, and that means something else there.
_FOREIGN = frozenset({"image", "image_type", "async", "api_key"})


@dataclass(frozen=True, slots=True)
class Wishes:
    """What metadata and tags say.

    query: by the names of the URL routes. inputs: the JSON of `parameters`. task, workflow: the request of such a route
    that the API put down. scopes: the projects whose models may be used.
    """

    query: Mapping[str, str]
    inputs: Mapping[str, Any]
    task: Mapping[str, Any] | None
    workflow: Mapping[str, Any] | None
    scopes: frozenset[str]


def wishes_of(metadata: Mapping[str, str], tags: Mapping[str, str]) -> Wishes:
    """What both say together. Raises ParameterError."""
    given = _plain(tags) | _plain(metadata)
    inputs = _object(given, PARAMETERS) or {}
    query = {name: value if isinstance(value, str) else _text(value) for name, value in inputs.items()} | given
    scopes = [scope.strip() for scope in given.get(SCOPES, EVERY_PROJECT).split(",")]
    return Wishes(
        query={name: value for name, value in query.items() if name not in _FOREIGN},
        inputs=inputs,
        task=_object(given, _plain_name(TASK)),
        workflow=_object(given, _plain_name(WORKFLOW)),
        scopes=frozenset(scopes),
    )


def _plain(given: Mapping[str, str]) -> dict[str, str]:
    return {_plain_name(name): value for name, value in given.items()}


def _plain_name(name: str) -> str:
    """Headers are written with hyphens and come back in lower case."""
    return name.strip().lower().replace("-", "_")


def _text(value: Any) -> str:
    """A value of a JSON object as a query would have it."""
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _object(given: Mapping[str, str], name: str) -> dict[str, Any] | None:
    if name not in given:
        return None
    try:
        value = orjson.loads(given[name])
    except orjson.JSONDecodeError as exc:
        raise ParameterError(
            [{"type": "json_invalid", "loc": ["metadata", name], "msg": f"JSON decode error: {exc.msg}"}]
        ) from exc
    if not isinstance(value, dict):
        raise ParameterError([{"type": "dict_type", "loc": ["metadata", name], "msg": "Input should be a JSON object"}])
    return value
