"""From errors to answers: every error of the tree has a status and a body in the contract's shape."""

import json
from collections.abc import Iterator

import pytest

from retinue import errors
from retinue.errors import RetinueError
from retinue.http.errors import status_and_body

SECRET = 'File "/var/task/retinue/x.py", line 7, in f'


def tree(root: type[RetinueError]) -> Iterator[type[RetinueError]]:
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


# What goes wrong in a workflow carries its own answer: WorkflowError.render.
EVERY_ERROR = [kind for kind in tree(RetinueError) if not kind.__module__.startswith("retinue.workflows")]


def make(kind: type[RetinueError], public: str = "what a client may read") -> RetinueError:
    if issubclass(kind, errors.ParameterError):
        return kind([{"type": "int_parsing", "loc": ["query", "stroke"], "msg": public}])
    return kind(SECRET, public=public)


@pytest.mark.parametrize("kind", EVERY_ERROR)
def test_every_error_has_a_status_and_a_body(kind: type[RetinueError]) -> None:
    status, body = status_and_body(make(kind))

    assert 400 <= status <= 599
    text = json.dumps(body)
    assert SECRET not in text and "Traceback" not in text and "/var/task" not in text
    # clients read `message`, then `detail`
    assert isinstance(body.get("message", body.get("detail")), str | list)


def test_there_are_no_errors_outside_the_tree_module() -> None:
    assert len(EVERY_ERROR) >= 18
    assert {kind.__module__ for kind in EVERY_ERROR} == {"retinue.errors"}


@pytest.mark.parametrize(
    ("kind", "status", "body"),
    [
        (errors.RetinueError, 500, {"message": "Internal error."}),
        (errors.RequestError, 400, {"message": "why"}),
        (errors.InvalidModelId, 400, {"message": "why"}),
        (errors.PayloadTooLarge, 413, {"message": "why"}),
        (errors.ImageError, 400, {"message": "Could not load input image. Cause: why"}),
        (errors.ImageTooLarge, 413, {"message": "Could not load input image. Cause: why"}),
        (errors.AuthError, 401, {"status": 401, "message": "why"}),
        (errors.NotFound, 404, {"detail": "why"}),
        (errors.MethodNotAllowed, 405, {"detail": "why"}),
        (errors.WorkflowNotFound, 404, {"message": "Requested Roboflow resource not found. why"}),
        (errors.WorkflowCorrupt, 502, {"message": "why"}),
        (errors.ModelNotFound, 404, {"message": "Requested Roboflow resource not found. why"}),
        (errors.ModelError, 500, {"message": "Model package is broken. why"}),
        (errors.PackageCorrupt, 500, {"message": "Model package is broken. why"}),
        (errors.UnsupportedModel, 501, {"message": "why"}),
        (errors.HeavyModel, 400, {"message": "why"}),
        (errors.NotDeployed, 501, {"message": "why"}),
        (errors.JobNotFound, 404, {"detail": "why"}),
        (errors.JobConflict, 409, {"message": "why"}),
        (errors.Busy, 503, {"message": "why"}),
        (errors.ModelLoading, 503, {"message": "why"}),
        (errors.StorageUnavailable, 503, {"message": "why"}),
    ],
)
def test_contract(kind: type[RetinueError], status: int, body: dict[str, object]) -> None:
    assert status_and_body(make(kind, "why")) == (status, body)


def test_forbidden_begins_as_the_contract_says() -> None:
    status, body = status_and_body(errors.Forbidden("not yours"))

    assert status == 403 and body["message"].startswith("Unauthorized access to roboflow API")


def test_validation_lists_the_problems() -> None:
    details = [{"type": "int_parsing", "loc": ["query", "stroke"], "msg": "no integer"}]

    assert status_and_body(errors.ParameterError(details)) == (422, {"detail": details})


def test_an_error_of_tomorrow_has_the_answer_of_its_base() -> None:
    class Later(errors.ModelLoading):
        pass

    try:
        assert status_and_body(Later("later"))[0] == 503
    finally:
        EVERY_ERROR[:] = [kind for kind in EVERY_ERROR if kind is not Later]


def test_the_message_is_for_clients_unless_another_text_is() -> None:
    assert errors.ImageError("plain").public == "plain"
    assert errors.ImageError("for the log", public="for clients").public == "for clients"
    assert errors.Busy("busy").retry_after_s == 1
