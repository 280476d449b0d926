"""From an error to a status code and a body: one table, in the shapes of contract/http.md 5."""

from collections.abc import Callable
from typing import Any

from retinue import errors

Body = dict[str, Any]


def _message(prefix: str = "") -> Callable[[Any], Body]:
    return lambda error: {"message": f"{prefix}{error.public}"}


def _auth(error: Any) -> Body:
    return {"status": 401, "message": error.public}


def _detail(error: Any) -> Body:
    return {"detail": error.public}


def _validation(error: Any) -> Body:
    return {"detail": error.details}


# A class without an entry has that of its nearest base class.
_STATUS: dict[type[errors.RetinueError], tuple[int, Callable[[Any], Body]]] = {
    errors.RetinueError: (500, lambda error: {"message": "Internal error."}),
    errors.RequestError: (400, _message()),
    errors.ParameterError: (422, _validation),
    errors.PayloadTooLarge: (413, _message()),
    errors.ImageError: (400, _message("Could not load input image. Cause: ")),
    errors.ImageTooLarge: (413, _message("Could not load input image. Cause: ")),
    errors.AuthError: (401, _auth),
    errors.Forbidden: (403, _message("Unauthorized access to roboflow API. ")),
    errors.NotFound: (404, _detail),
    errors.MethodNotAllowed: (405, _detail),
    errors.JobConflict: (409, _message()),
    errors.WorkflowNotFound: (404, _message("Requested Roboflow resource not found. ")),
    errors.WorkflowCorrupt: (502, _message()),
    errors.ModelNotFound: (404, _message("Requested Roboflow resource not found. ")),
    errors.ModelError: (500, _message("Model package is broken. ")),
    errors.UnsupportedModel: (501, _message()),
    errors.NotDeployed: (501, _message()),
    errors.Busy: (503, _message()),
}


def status_and_body(error: errors.RetinueError) -> tuple[int, Body]:
    """What a client is told about `error`."""
    for kind in type(error).__mro__:
        if kind in _STATUS:
            status, body = _STATUS[kind]
            return status, body(error)
    raise TypeError(f"{type(error)} is no RetinueError")
