"""Workflows as an operator has them: files, what is saved, what goes into a run and what comes out."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from retinue.errors import RequestError, RetinueError, WorkflowCorrupt, WorkflowNotFound
from retinue.models.package import ModelId
from retinue.operator.calls import post_json
from retinue.operator.publish import move_alias
from retinue.operator.workflow_answers import (
    embedded_picture,
    file_stems,
    image_input,
    read_parameters,
    save_answer,
    summary,
)
from retinue.operator.workflow_runs import RunByService
from retinue.operator.workflows import (
    WorkflowId,
    check,
    explain,
    list_workflows,
    load,
    lookup_in,
    models_of,
    read_document,
    save,
    unpublished,
)

COUNT = WorkflowId("default", "count")
JPEG, PNG = b"\xff\xd8\xff the picture", b"\x89PNG the picture"


def document(*steps: dict[str, Any], **outputs: str) -> dict[str, Any]:
    return {
        "version": "1.0",
        "inputs": [{"type": "WorkflowImage", "name": "image"}],
        "steps": list(steps),
        "outputs": [{"type": "JsonField", "name": name, "selector": selector} for name, selector in outputs.items()],
    }


def detection(name: str = "detect", **properties: Any) -> dict[str, Any]:
    return {
        "type": "ObjectDetectionModel",
        "name": name,
        "images": "$inputs.image",
        "model_id": "coins/1",
        **properties,
    }


def nesting(workspace: str) -> dict[str, Any]:
    return {
        "type": "roboflow_core/inner_workflow@v1",
        "name": "inner",
        "workflow_workspace_id": workspace,
        "workflow_id": "count",
        "parameter_bindings": {"image": "$inputs.image"},
    }


def no_lookup(workspace: str, name: str, version: str | None) -> dict[str, Any]:
    raise AssertionError("nothing is nested")


def picture(data: bytes) -> dict[str, Any]:
    return {"type": "base64", "value": base64.b64encode(data).decode(), "video_metadata": {"fps": 30}}


class TestReadDocument:
    @pytest.mark.parametrize(
        "wrap",
        [
            pytest.param(lambda inner: inner, id="bare"),
            pytest.param(lambda inner: {"specification": inner}, id="specification"),
            pytest.param(lambda inner: {"workflow": {"config": json.dumps(inner)}}, id="hosted, bare inside"),
            pytest.param(
                lambda inner: {"workflow": {"config": json.dumps({"specification": inner}), "name": "Count"}},
                id="hosted",
            ),
            pytest.param(lambda inner: {"workflow": {"config": {"specification": inner}}}, id="hosted, parsed"),
        ],
    )
    def test_forms(self, tmp_path: Path, wrap: Callable[[Any], Any]) -> None:
        path = tmp_path / "count.json"
        path.write_text(json.dumps(wrap(document(detection()))))

        assert read_document(path) == document(detection())

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("{", "is no JSON"),
            ("", "is no JSON"),
            ("[1]", "holds no workflow"),
            ('{"workflow": {"config": "{"}}', "is no JSON"),
            ('{"workflow": {"config": "3"}}', "holds no workflow"),
        ],
    )
    def test_what_is_none(self, tmp_path: Path, text: str, reason: str) -> None:
        path = tmp_path / "count.json"
        path.write_text(text)

        with pytest.raises(RequestError, match=reason):
            read_document(path)


class TestCheck:
    def test_every_step_and_property_is_named(self) -> None:
        wrong = document(detection(confidence=2), detection("second", images=5), {"type": "Nothing", "name": "third"})

        with pytest.raises(RequestError) as caught:
            check(wrong, no_lookup)

        message = caught.value.message
        assert message.startswith("Could not parse workflow definition.")
        assert "step 'detect' (ObjectDetectionModel), property 'confidence': Input should be" in message
        assert "step 'second' (ObjectDetectionModel), property 'images': " in message
        assert "step 'third' (Nothing): Input tag 'Nothing'" in message
        assert "WorkflowSyntaxError in workflow_compilation | workflow_definition_parsing" in message

    def test_a_selector_of_nothing(self) -> None:
        with pytest.raises(RequestError, match=r"(?s)\$steps\.other\.x.*InvalidReferenceTargetError"):
            check(document(detection(), found="$steps.other.x"), no_lookup)

    def test_models_are_literals_of_all_steps(self) -> None:
        parameter = {"type": "WorkflowParameter", "name": "model", "default_value": "nuts/1"}
        steps = (detection(), detection("again"), detection("other", model_id="$inputs.model"))
        plan = check(document(*steps) | {"inputs": [*document()["inputs"], parameter]}, no_lookup)

        assert models_of(plan) == ("coins/1",)

    @pytest.mark.parametrize(
        ("body", "lines"),
        [
            ({"message": "No."}, ["No."]),
            ({"message": "No.", "inner_error_message": "No."}, ["No."]),
            ({"message": "No.", "inner_error_message": "because\nof x"}, ["No.", "  because", "  of x"]),
            ({"detail": [{"loc": ["body"], "msg": "m"}]}, ['[{"loc":["body"],"msg":"m"}]']),
            ({"message": "No.", "error_type": "E", "context": "c"}, ["No.", "  E in c"]),
        ],
        ids=["message only", "inner says the same", "inner says more", "422 of the service", "type and context"],
    )
    def test_explain(self, body: dict[str, Any], lines: list[str]) -> None:
        assert explain(body).splitlines() == lines


class TestIds:
    def test_parsed(self) -> None:
        assert WorkflowId.parse("default/count") == COUNT and str(COUNT) == "default/count"

    @pytest.mark.parametrize("text", ["count", "", "default/", "/count", "a/b/c", "../x", "default/a b", "infer/x"])
    def test_refused(self, text: str) -> None:
        with pytest.raises(RequestError):
            WorkflowId.parse(text)


class TestSaved:
    def test_what_is_saved_is_loaded(self, s3: Any, bucket: str) -> None:
        save(s3, bucket, COUNT, document(detection()))

        assert load(s3, bucket, COUNT) == document(detection())
        assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [
            "workflows/default/count.json"
        ]

    def test_versions_stay_while_the_workflow_moves_on(self, s3: Any, bucket: str) -> None:
        first, second = document(detection()), document(detection("other"))
        save(s3, bucket, COUNT, first, "1")
        save(s3, bucket, COUNT, first, "1")
        save(s3, bucket, COUNT, second)

        assert load(s3, bucket, COUNT, "1") == first and load(s3, bucket, COUNT) == second
        with pytest.raises(RequestError, match="default/count has a version 1, and versions never change"):
            save(s3, bucket, COUNT, second, "1")

    @pytest.mark.parametrize(
        ("name", "version", "reason"),
        [
            ("count", "3", "default/count has no version 3; it has 9, 10"),
            ("other", None, "default/other is not saved; workspace default has default/count"),
        ],
    )
    def test_what_is_not_there(self, s3: Any, bucket: str, name: str, version: str | None, reason: str) -> None:
        for saved in ("10", "9"):
            save(s3, bucket, COUNT, document(detection()), saved)

        with pytest.raises(WorkflowNotFound, match=reason):
            load(s3, bucket, WorkflowId("default", name), version)

    @pytest.mark.parametrize("content", [b"{", b"[]", b""])
    def test_what_cannot_be_read(self, s3: Any, bucket: str, content: bytes) -> None:
        s3.put_object(Bucket=bucket, Key="workflows/default/count.json", Body=content)

        with pytest.raises(WorkflowCorrupt, match=r"workflows/default/count\.json in the bucket is no JSON object"):
            load(s3, bucket, COUNT)

    def test_list(self, s3: Any, bucket: str) -> None:
        save(s3, bucket, COUNT, document(detection(), detection("second", model_id="nuts/2")), "10")
        save(s3, bucket, COUNT, document(detection(), detection("second", model_id="nuts/2")), "9")
        save(s3, bucket, WorkflowId("acme", "draw"), document(detection(model_id="$inputs.model")))
        s3.put_object(Bucket=bucket, Key="workflows/readme.txt", Body=b"")

        drawn, counted = list_workflows(s3, bucket)

        assert (drawn.id, drawn.versions, drawn.steps, drawn.models) == (WorkflowId("acme", "draw"), (), 1, ())
        assert (counted.id, counted.versions, counted.steps) == (COUNT, ("9", "10"), 2)
        assert counted.models == ("coins/1", "nuts/2")
        assert [workflow.id for workflow in list_workflows(s3, bucket, "default")] == [COUNT]

    def test_a_workspace_whose_name_begins_like_another(self, s3: Any, bucket: str) -> None:
        save(s3, bucket, WorkflowId("default2", "count"), document(detection()))

        assert list_workflows(s3, bucket, "default") == []

    def test_nested_ones_are_of_the_same_workspace(self, s3: Any, bucket: str) -> None:
        save(s3, bucket, COUNT, document(detection(), found="$steps.detect.predictions"))

        plan = check(document(nesting("default"), found="$steps.inner.found"), lookup_in(s3, bucket, "default"))
        assert models_of(plan) == ("coins/1",)
        with pytest.raises(RequestError, match="nests default/count, but a workflow of workspace acme"):
            check(document(nesting("default")), lookup_in(s3, bucket, "acme"))

    def test_unpublished_models(self, s3: Any, bucket: str) -> None:
        s3.put_object(Bucket=bucket, Key="models/coins/1/manifest.json", Body=b"{}")
        move_alias(ModelId("coins", "latest"), "1", s3, bucket)

        reasons = list(unpublished(s3, bucket, ["coins/1", "coins/latest", "coins/2", "yolov8n-640"]))

        assert reasons == [
            "coins/2 is not published; `retinue publish coins/2 model.onnx` does it",
            "yolov8n-640 is no id of a model here; those are PROJECT/VERSION or PROJECT/ALIAS",
        ]


class TestInputsOfARun:
    @pytest.mark.parametrize(
        ("interface", "chosen", "name"),
        [
            ({"image": ["image"]}, "", "image"),
            ({"photo": ["image"], "confidence": ["float_zero_to_one"]}, "", "photo"),
            ({"image": ["*"], "room": ["*"]}, "", "image"),
            ({"left": ["image"], "right": ["image"]}, "right", "right"),
        ],
        ids=["one", "one by another name", "one that nobody uses", "chosen"],
    )
    def test_which_takes_the_pictures(self, interface: dict[str, list[str]], chosen: str, name: str) -> None:
        assert image_input(interface, chosen) == name

    @pytest.mark.parametrize(
        ("interface", "chosen", "reason"),
        [
            ({"left": ["image"], "right": ["image"]}, "", r"choose with --image left \| right"),
            ({"room": ["*"]}, "", "has no input for pictures"),
            ({"image": ["image"]}, "photo", "has no input 'photo'; it has image"),
        ],
    )
    def test_none_can_be_told(self, interface: dict[str, list[str]], chosen: str, reason: str) -> None:
        with pytest.raises(RequestError, match=reason):
            image_input(interface, chosen)

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("x=0.3", 0.3),
            ("x=true", True),
            ('x=["a", "b"]', ["a", "b"]),
            ("x=coins/1", "coins/1"),
            ("x=a=b", "a=b"),
            ('x="5"', "5"),
            ("x=", ""),
        ],
    )
    def test_parameters(self, text: str, value: Any) -> None:
        assert read_parameters([text], {"x": ["*"]}) == {"x": value}

    def test_a_further_picture(self, tmp_path: Path) -> None:
        (tmp_path / "other.jpg").write_bytes(JPEG)

        parameters = read_parameters([f"reference=@{tmp_path / 'other.jpg'}"], {"reference": ["image"]})

        assert parameters == {"reference": embedded_picture(tmp_path / "other.jpg")}

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("x", "'x' should be NAME=VALUE"),
            ("y=1", "has no input 'y'; it has x"),
            ("x=@none.jpg", r"none\.jpg is no file"),
        ],
    )
    def test_parameters_that_are_wrong(self, text: str, reason: str) -> None:
        with pytest.raises(RequestError, match=reason):
            read_parameters([text], {"x": ["*"]})


class TestAnswers:
    def test_pictures_become_files(self, tmp_path: Path) -> None:
        row = {
            "drawn": picture(JPEG),
            "crops": [picture(PNG), [picture(JPEG)]],
            "../up": {"inner": picture(JPEG)},
            "count": 2,
            "nothing": None,
        }

        paths = save_answer([row], tmp_path / "out", "scene")

        assert [path.name for path in paths] == [
            "scene.json", "scene.drawn.jpg", "scene.crops.0.png", "scene.crops.1.0.jpg", "scene.___up.inner.jpg",
        ]  # fmt: skip
        assert {path.parent for path in paths} == {tmp_path / "out"}
        assert paths[1].read_bytes() == JPEG and paths[2].read_bytes() == PNG
        saved = json.loads(paths[0].read_text())
        assert saved["drawn"] == {"type": "file", "value": "scene.drawn.jpg", "video_metadata": {"fps": 30}}
        assert (saved["count"], saved["nothing"], saved["crops"][1][0]["value"]) == (2, None, "scene.crops.1.0.jpg")

    def test_several_rows(self, tmp_path: Path) -> None:
        (path,) = save_answer([{"a": 1}, {"a": 2}], tmp_path, "scene")

        assert json.loads(path.read_text()) == [{"a": 1}, {"a": 2}]

    def test_pictures_of_the_same_name(self) -> None:
        paths = [Path(name) for name in ("a/x.jpg", "b/x.jpg", "c/y.png", "x-2.jpg", "d/x.png")]

        assert file_stems(paths) == ["x", "x-2", "y", "x-2-2", "x-3"]

    @pytest.mark.parametrize(
        ("value", "words"),
        [
            (None, "-"),
            (True, "true"),
            (24, "24"),
            ("a text", "a text"),
            ("x" * 100, "x" * 57 + "..."),
            ({"a": 1}, '{"a":1}'),
            ([], "[]"),
            ([1, 2, 2], "1, 2 x 2"),
            ({"predictions": [{"class": "coin"}, {"class": "coin"}, {"class": "nut"}]}, "2 x coin, 1 x nut"),
            ({"predictions": []}, "nothing"),
            ({"predictions": [{"class": "a"}], "top": "a", "confidence": 0.5}, "a 0.50"),
            ({"predictions": [], "top": "", "confidence": 0.0}, "-"),
            ({"predictions": {"a": {}}, "predicted_classes": ["a", "b"]}, "a, b"),
            (picture(b"x" * 4_200), "picture, 4 kB"),
            ([picture(b"x" * 4_200)] * 3, "3 x picture, 4 kB"),
            ({"type": "base64", "value": "!"}, '{"type":"base64","value":"!"}'),
        ],
    )
    def test_summary(self, value: Any, words: str) -> None:
        assert summary(value) == words


@contextmanager
def answering(status: int, body: bytes, **headers: str) -> Iterator[tuple[str, list[Any]]]:
    """A service that always answers so; its URL and what was sent."""
    sent: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["content-length"]))
            sent.append((self.path, self.headers["authorization"], json.loads(content)))
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing: the test tells."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", sent
        finally:
            server.shutdown()
            thread.join()


class TestService:
    def test_a_saved_workflow(self) -> None:
        with answering(200, b'{"outputs": [{"count": 2}]}') as (url, sent):
            runner = RunByService(url=f"{url}/", api_key="secret", workflow=COUNT, version="3", has_sinks=False)
            rows = runner.run({"image": 1})
            runner.describe()

        assert rows == [{"count": 2}]
        body = {"use_cache": False, "workflow_version_id": "3"}
        assert sent == [
            ("/default/workflows/count", "Bearer secret", body | {"inputs": {"image": 1}, "disable_sinks": True}),
            ("/default/workflows/count/describe_interface", "Bearer secret", body),
        ]

    def test_a_document(self) -> None:
        with answering(200, b'{"outputs": []}') as (url, sent):
            runner = RunByService(url=url, api_key="", document=document())
            runner.run({})
            runner.describe()

        assert [(path, key) for path, key, _ in sent] == [
            ("/workflows/run", None),
            ("/workflows/describe_interface", None),
        ]
        assert all(body["specification"] == document() for *_, body in sent)

    @pytest.mark.parametrize(
        ("status", "body", "reason"),
        [
            (401, b'{"message": "Unauthorized api_key"}', "answered 401: Unauthorized api_key"),
            (400, b'{"message": "No.", "error_type": "E", "context": "c"}', "answered 400: No.\n  E in c"),
            (502, b"<html>", "answered 502 without JSON; is a Retinue service there"),
            (200, b"[]", "answered 200 without JSON"),
        ],
        ids=["message", "error of the workflow", "no JSON", "no object"],
    )
    def test_refusals(self, status: int, body: bytes, reason: str) -> None:
        with answering(status, body) as (url, _), pytest.raises(RetinueError, match=reason):
            post_json(url, {}, "secret")

    def test_a_redirect_gets_no_key(self) -> None:
        with answering(200, b"{}") as (elsewhere, sent):
            with answering(307, b"{}", location=elsewhere) as (url, _), pytest.raises(RetinueError, match="307"):
                post_json(url, {}, "secret")
            assert sent == []

    @pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://", "http://127.0.0.1:x"])
    def test_nobody_answers(self, url: str) -> None:
        with pytest.raises(RetinueError, match="does not answer"):
            post_json(url, {}, "")

    @pytest.mark.parametrize("url", ["ftp://host", "localhost:9001", "file:///etc/passwd"])
    def test_no_url(self, url: str) -> None:
        with pytest.raises(RequestError, match="is no http or https URL"):
            post_json(url, {}, "")
