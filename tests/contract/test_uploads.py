"""Uploads: what is dropped into the bucket, asked for with async=true, or put by a signed link."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from retinue.jobs.layout import item_id
from retinue.operator.keys import create_key
from retinue.operator.uploads import Queues
from retinue.uploads.store import UploadStore
from tests.contract.deployment import AS_JSON, CLASSIFIER, DETECTOR, SEGMENTER, Deployment
from tests.contract.pictures import base64_of, npy, plain, scene
from tests.contract.workflows import DETECT

WAIT_S = 30.0
# What two runs of the same request may differ in.
VOLATILE = {"time", "inference_id", "detection_id", "parent_id", "root_parent_id", "run"}  # run: an id as an output


class Inbox:
    """The uploads bucket of the stack."""

    def __init__(self, deployment: Deployment) -> None:
        self.s3, self.bucket = deployment.s3, deployment.stack.buckets["UploadsBucket"]
        self.deployment = deployment

    def put(self, key: str, content: bytes, tags: str = "", **metadata: str) -> str:
        """The version of what was put."""
        version: str = self.s3.put_object(Bucket=self.bucket, Key=key, Body=content, Metadata=metadata, Tagging=tags)[
            "VersionId"
        ]
        return version

    def wait(self, key: str, is_so: Callable[[dict[str, Any]], bool] = lambda found: True) -> bytes:
        """What lies under `key`, once it does and is as wanted (its HEAD)."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=key)
            if found["KeyCount"] and is_so(self.s3.head_object(Bucket=self.bucket, Key=key)):
                return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
            time.sleep(0.1)
        raise AssertionError(f"waited {WAIT_S:g} s for {key}")

    def versions(self, key: str) -> int:
        return len(self.s3.list_object_versions(Bucket=self.bucket, Prefix=key).get("Versions", []))


@pytest.fixture(scope="module")
def inbox(deployment: Deployment) -> Inbox:
    return Inbox(deployment)


def steady(value: Any) -> Any:
    """An answer without what changes from run to run."""
    if isinstance(value, dict):
        return {name: steady(item) for name, item in value.items() if name not in VOLATILE}
    return [steady(item) for item in value] if isinstance(value, list) else value


GREY, RED = base64.b64decode(base64_of(scene())), base64.b64decode(base64_of(plain("red")))


class TestDropped:
    @pytest.mark.parametrize(
        ("model_id", "metadata"),
        [
            pytest.param(DETECTOR, {}, id="detector"),
            pytest.param(DETECTOR, {"confidence": "0.9", "max-detections": "1"}, id="detector with parameters"),
            pytest.param(SEGMENTER, {"parameters": '{"response_mask_format": "rle"}'}, id="segmenter"),
            pytest.param(CLASSIFIER, {}, id="classifier"),
            pytest.param(DETECTOR, {"format": "image_and_json", "labels": "true"}, id="drawing inside"),
        ],
    )
    def test_the_answer_is_that_of_the_route(
        self, inbox: Inbox, client: httpx.Client, model_id: str, metadata: dict[str, str], request: Any
    ) -> None:
        name = f"{model_id}/{request.node.callspec.id} + 1.png"
        picture = RED if model_id == CLASSIFIER else GREY
        version = inbox.put(f"inbox/{name}", picture, **metadata)
        answer = json.loads(inbox.wait(f"results/{name}.json"))

        query = {key.replace("-", "_"): value for key, value in metadata.items()}
        query |= json.loads(query.pop("parameters", "{}"))
        expected = client.post(f"/{model_id}", params=query, content=base64.b64encode(picture), headers=AS_JSON)
        assert expected.status_code == 200
        assert steady(answer) == steady(expected.json())
        assert list(answer) == list(expected.json())
        assert answer["inference_id"] == item_id(inbox.bucket, f"inbox/{name}", version)
        assert not inbox.s3.get_object_tagging(Bucket=inbox.bucket, Key=f"results/{name}.json")["TagSet"]

    def test_an_array_answers_like_the_picture_in_it(self, inbox: Inbox) -> None:
        inbox.put(f"inbox/{CLASSIFIER}/red.npy", npy(RED))
        assert json.loads(inbox.wait(f"results/{CLASSIFIER}/red.npy.json"))["top"] == "red"

    def test_tags_say_the_same_and_a_drawing_lies_beside(self, inbox: Inbox) -> None:
        inbox.put(f"inbox/{DETECTOR}/tagged.png", GREY, tags="format=image&confidence=0.01")
        answer = json.loads(inbox.wait(f"results/{DETECTOR}/tagged.png.json"))
        assert "visualization" not in answer
        assert inbox.wait(f"results/{DETECTOR}/tagged.png.jpg").startswith(b"\xff\xd8\xff")

    def test_a_workflow_answers(self, inbox: Inbox, saved: Deployment, client: httpx.Client) -> None:
        inbox.put("inbox/workflows/default/shapes/north/a.png", GREY)
        answer = json.loads(inbox.wait("results/workflows/default/shapes/north/a.png.json"))
        inputs = {"image": {"type": "base64", "value": base64.b64encode(GREY).decode()}}
        expected = client.post("/default/workflows/shapes", json={"inputs": inputs}).json()
        assert steady(answer) == steady(expected)

    def test_a_later_upload_wins_and_the_same_one_counts_once(self, inbox: Inbox) -> None:
        key, result = f"inbox/{DETECTOR}/again.png", f"results/{DETECTOR}/again.png.json"
        first = inbox.put(key, GREY)
        inbox.wait(result, lambda head: head["Metadata"]["source-version"] == first)
        sequencer = inbox.s3.head_object(Bucket=inbox.bucket, Key=result)["Metadata"]["sequencer"]
        second = inbox.put(key, GREY)
        inbox.wait(result, lambda head: head["Metadata"]["source-version"] == second)
        assert inbox.versions(result) == 2

        # WHEN both come again, the older one last
        for version, order in ((second, None), (first, sequencer)):
            order = order or inbox.s3.head_object(Bucket=inbox.bucket, Key=result)["Metadata"]["sequencer"]
            self.deliver(inbox, key, version, order)
        inbox.put(f"inbox/{DETECTOR}/after.png", GREY)
        inbox.wait(f"results/{DETECTOR}/after.png.json")
        self.wait_for_an_empty_queue(inbox)

        assert inbox.versions(result) == 2
        assert inbox.s3.head_object(Bucket=inbox.bucket, Key=result)["Metadata"]["source-version"] == second

    def deliver(self, inbox: Inbox, key: str, version: str, sequencer: str) -> None:
        stored = {"key": key, "versionId": version, "sequencer": sequencer}
        event = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": inbox.bucket}, "object": stored}}
        sqs = inbox.deployment.stack.client("sqs")
        queue = Queues.of(inbox.s3, sqs, inbox.bucket).work
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"Records": [event]}))

    def wait_for_an_empty_queue(self, inbox: Inbox) -> None:
        sqs = inbox.deployment.stack.client("sqs")
        queue = Queues.of(inbox.s3, sqs, inbox.bucket).work
        deadline = time.monotonic() + WAIT_S
        names = ["ApproximateNumberOfMessages"]
        while sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"][names[0]] != "0":
            assert time.monotonic() < deadline
            time.sleep(0.1)
        time.sleep(0.5)  # what was received last is worked on

    @pytest.mark.parametrize(
        ("name", "content", "metadata", "error_type", "words"),
        [
            pytest.param(f"{DETECTOR}/corrupt.png", b"no picture", {}, "ImageError", "cannot be read", id="corrupt"),
            pytest.param(f"{DETECTOR}/empty.png", b"", {}, "ImageError", "no bytes", id="empty"),
            pytest.param("nobody/1/a.png", GREY, {}, "ModelNotFound", "nobody/1", id="unknown model"),
            pytest.param("workflows/default/none/a.png", GREY, {}, "WorkflowNotFound", "none", id="unknown workflow"),
            pytest.param("a.png", GREY, {}, "BadUploadKey", "PROJECT/VERSION/NAME", id="no model in the name"),
            pytest.param(f"{DETECTOR}/p.png", GREY, {"confidence": "much"}, "ParameterError", "number", id="parameter"),
            pytest.param(f"{DETECTOR}/j.png", GREY, {"parameters": "{"}, "ParameterError", "JSON", id="broken JSON"),
        ],
    )
    def test_why_there_is_no_answer(
        self, inbox: Inbox, name: str, content: bytes, metadata: dict[str, str], error_type: str, words: str
    ) -> None:
        inbox.put(f"inbox/{name}", content, **metadata)
        record = json.loads(inbox.wait(f"failures/{name}.json"))
        assert (record["error_type"], record["is_final"], record["attempt"]) == (error_type, True, 1)
        assert words in record["reason"]
        assert "BytesIO" not in record["reason"]

    def test_the_reason_goes_once_it_is_put_right(self, inbox: Inbox) -> None:
        name = f"{DETECTOR}/repaired.png"
        inbox.put(f"inbox/{name}", b"no picture")
        inbox.wait(f"failures/{name}.json")
        inbox.put(f"inbox/{name}", GREY)
        inbox.wait(f"results/{name}.json")
        store, deadline = UploadStore(inbox.s3, inbox.bucket), time.monotonic() + WAIT_S
        while store.trace(f"failures/{name}.json") is not None:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def followed(client: httpx.Client, accepted: httpx.Response) -> dict[str, Any]:
    """The last state of an asynchronous request."""
    assert accepted.status_code == 202, accepted.text
    body = accepted.json()
    assert (list(body), body["status"]) == (["id", "status", "result", "status_url"], "accepted")
    deadline = time.monotonic() + WAIT_S
    while True:
        state = client.get(body["status_url"])
        assert state.status_code == 200, state.text
        assert state.json()["id"] == body["id"]
        if state.json()["status"] != "waiting":
            return state.json()
        assert time.monotonic() < deadline
        time.sleep(0.1)


class TestAsync:
    def test_url_route(self, client: httpx.Client) -> None:
        query = {"confidence": "0.6", "classes": "größe,square,circle"}
        content = base64.b64encode(GREY)
        accepted = client.post(f"/{DETECTOR}", params=query | {"async": "true"}, content=content, headers=AS_JSON)
        state = followed(client, accepted)
        expected = client.post(f"/{DETECTOR}", params=query, content=content, headers=AS_JSON).json()
        assert steady(state["result"]["answer"]) == steady(expected)
        # the link of the first answer works without a key
        link = httpx.get(accepted.json()["result"]["url"])
        assert link.json() == state["result"]["answer"]

    def test_task_route(self, client: httpx.Client) -> None:
        body = {
            "model_id": DETECTOR,
            "image": {"type": "base64", "value": base64.b64encode(GREY).decode()},
            "confidence": 0.5,
            "visualize_predictions": True,
        }
        state = followed(client, client.post("/infer/object_detection?async=true", json=body))
        expected = client.post("/infer/object_detection", json=body).json()
        assert steady(state["result"]["answer"]) == steady(expected)
        assert state["result"]["answer"]["visualization"]

    def test_workflow_route(self, saved: Deployment, client: httpx.Client) -> None:
        inputs = {"image": {"type": "base64", "value": base64.b64encode(GREY).decode()}}
        state = followed(client, client.post("/default/workflows/shapes?async=true", json={"inputs": inputs}))
        expected = client.post("/default/workflows/shapes", json={"inputs": inputs}).json()
        assert steady(state["result"]["answer"]) == steady(expected)

    def test_drawn_picture(self, client: httpx.Client) -> None:
        accepted = client.post(
            f"/{DETECTOR}", params={"async": "1", "format": "image"}, content=base64.b64encode(GREY), headers=AS_JSON
        )
        state = followed(client, accepted)
        assert httpx.get(state["result"]["drawing_url"]).content.startswith(b"\xff\xd8\xff")

    def test_failure(self, client: httpx.Client) -> None:
        accepted = client.post(f"/{DETECTOR}?async=true", content=base64.b64encode(b"no picture"), headers=AS_JSON)
        state = followed(client, accepted)
        assert (state["status"], state["error_type"]) == ("failed", "ImageError")
        assert "cannot be read" in state["reason"]

    @pytest.mark.parametrize(
        ("query", "status", "words"),
        [
            ({"async": "maybe"}, 422, "boolean"),
            ({"async": "true", "confidence": "much"}, 422, "number"),
            ({"async": "true", "classes": "x" * 3000}, 413, "2,"),
        ],
    )
    def test_what_is_wrong_is_said_at_once(
        self, client: httpx.Client, query: dict[str, str], status: int, words: str
    ) -> None:
        answer = client.post(f"/{DETECTOR}", params=query, content=base64.b64encode(GREY), headers=AS_JSON)
        assert answer.status_code == status
        assert words in answer.text or "room" in answer.text

    def test_not_with_this_key(self, deployment: Deployment, narrow_key: str) -> None:
        answer = httpx.post(
            f"{deployment.url}/{DETECTOR}?async=true&api_key={narrow_key}",
            content=base64.b64encode(GREY),
            headers=AS_JSON,
        )
        assert answer.status_code == 403

    def test_a_workflow_uses_only_models_that_the_key_may_use(
        self, deployment: Deployment, saved: Deployment, narrow_key: str
    ) -> None:
        inputs = {"image": {"type": "base64", "value": base64.b64encode(GREY).decode()}}
        with httpx.Client(
            base_url=deployment.url, headers={"authorization": f"Bearer {narrow_key}"}, timeout=40
        ) as narrow:
            accepted = narrow.post("/default/workflows/shapes?async=true", json={"inputs": inputs})
            state = followed(narrow, accepted)
        assert state["status"] == "failed"
        assert "not for project" in state["reason"]

    def test_lists_are_refused(self, client: httpx.Client) -> None:
        image = {"type": "base64", "value": base64.b64encode(GREY).decode()}
        body = {"model_id": DETECTOR, "image": [image, image]}
        answer = client.post("/infer/object_detection?async=true", json=body)
        assert answer.status_code == 400
        assert "one picture" in answer.json()["message"] and "2" in answer.json()["message"]

    def test_lists_of_a_workflow_are_refused(self, saved: Deployment, client: httpx.Client) -> None:
        image = {"type": "base64", "value": base64.b64encode(GREY).decode()}
        answer = client.post("/default/workflows/shapes?async=true", json={"inputs": {"image": [image, image]}})
        assert answer.status_code == 400
        assert "one picture" in answer.json()["message"]

    def test_documents_that_come_along_are_refused(self, client: httpx.Client) -> None:
        answer = client.post("/workflows/run?async=true", json={"specification": DETECT, "inputs": {}})
        assert answer.status_code == 400
        assert "POST /jobs" in answer.json()["message"]

    @pytest.mark.parametrize(
        "upload_id", ["x", "coins~1~2", "0" * 31, f"{DETECTOR.replace('/', '~')}~{'0' * 32}", "..~1~" + "0" * 32]
    )
    def test_unknown_ids(self, client: httpx.Client, upload_id: str) -> None:
        answer = client.get(f"/uploads/{upload_id}")
        assert answer.status_code == 404
        assert "no" in answer.json()["detail"]

    def test_without_a_key(self, keyless: httpx.Client) -> None:
        assert keyless.get(f"/uploads/{'0' * 32}").status_code == 401
        assert keyless.post("/uploads").status_code == 401


@pytest.fixture(scope="module")
def upload_id(client: httpx.Client) -> str:
    """A grey scene, put by its link."""
    answer = client.post("/uploads")
    assert answer.status_code == 200
    body = answer.json()
    assert list(body) == ["id", "url", "method", "headers", "expires_at", "max_mb"]
    assert client.get(f"/uploads/{body['id']}").json() == {"id": body["id"], "status": "waiting"}
    put = httpx.request(body["method"], body["url"], content=GREY, headers=body["headers"])
    assert put.status_code == 200
    assert client.get(f"/uploads/{body['id']}").json() == {"id": body["id"], "status": "uploaded"}
    upload_id: str = body["id"]
    return upload_id


class TestSignedUpload:
    def test_everywhere_where_a_picture_is(self, client: httpx.Client, saved: Deployment, upload_id: str) -> None:
        expected = client.post(f"/{DETECTOR}", content=base64.b64encode(GREY), headers=AS_JSON).json()
        assert steady(client.get(f"/{DETECTOR}", params={"image": upload_id}).json()) == steady(expected)
        image = {"type": "upload", "value": upload_id}
        task = client.post("/infer/object_detection", json={"model_id": DETECTOR, "image": [image, image]})
        assert [steady(item) for item in task.json()] == [steady(expected)] * 2
        workflow = client.post("/default/workflows/shapes", json={"inputs": {"image": image}})
        assert workflow.status_code == 200
        state = followed(client, client.post(f"/{DETECTOR}", params={"image": upload_id, "async": "true"}))
        assert steady(state["result"]["answer"]) == steady(expected)

    def test_not_uploaded_yet(self, client: httpx.Client, saved: Deployment) -> None:
        upload_id = client.post("/uploads").json()["id"]
        image = {"type": "upload", "value": upload_id}
        for answer in (
            client.get(f"/{DETECTOR}", params={"image": upload_id}),
            client.post("/infer/object_detection", json={"model_id": DETECTOR, "image": image}),
            client.post("/default/workflows/shapes", json={"inputs": {"image": image}}),
        ):
            assert answer.status_code == 404, answer.text
            assert upload_id in answer.json()["detail"]

    def test_of_another_workspace(self, deployment: Deployment, upload_id: str) -> None:
        key = create_key_of("elsewhere", deployment)
        answer = httpx.get(f"{deployment.url}/{DETECTOR}", params={"image": upload_id, "api_key": key}, timeout=40)
        assert answer.status_code == 404

    @pytest.mark.parametrize("value", ["", "../models", "0" * 31, 7, None])
    def test_what_is_no_id(self, client: httpx.Client, value: Any) -> None:
        body = {"model_id": DETECTOR, "image": {"type": "upload", "value": value}}
        answer = client.post("/infer/object_detection", json=body)
        assert answer.status_code == 400
        assert "upload id" in answer.json()["message"]


def create_key_of(workspace: str, deployment: Deployment) -> str:
    return create_key(deployment.s3, deployment.bucket, name="test", workspace=workspace)
