"""Jobs over HTTP and by the operator's command, on the local stack: planner, container and all."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from typer.testing import CliRunner

from retinue.cli import app
from retinue.jobs.layout import new_job_id
from retinue.operator.keys import create_key
from tests.contract.constant_models import write_detector
from tests.contract.deployment import AS_JSON, DETECTOR, Deployment
from tests.contract.pictures import base64_of, scene
from tests.contract.workflows import DETECT, IMAGE_INPUT, document

PHOTOS = "photos-of-the-jobs"
FINAL = ("succeeded", "partly_failed", "failed", "cancelled")
MODEL = {"type": "model", "model_id": DETECTOR}
JUNE = {"bucket": PHOTOS, "prefix": "june/"}
HEAVY = "heavy/1"


@pytest.fixture(scope="module")
def photos(deployment: Deployment) -> None:
    """Seven pictures in june/, one of four broken in may/, text in notes/."""
    deployment.s3.create_bucket(Bucket=PHOTOS)
    for number in range(7):
        put(deployment, f"june/{number}.jpg")
    for number in range(3):
        put(deployment, f"may/{number}.jpg")
    put(deployment, "may/broken.jpg", b"no picture")
    put(deployment, "may/readme.txt", b"text")
    put(deployment, "notes/readme.txt", b"text")


def put(deployment: Deployment, key: str, body: bytes = b"") -> None:
    deployment.s3.put_object(Bucket=PHOTOS, Key=key, Body=body or scene())


@pytest.fixture(scope="module")
def years(deployment: Deployment, photos: None) -> dict[str, str]:
    """A source that takes a while."""
    for number in range(600):
        put(deployment, f"years/{number:03}.jpg")
    return {"bucket": PHOTOS, "prefix": "years/"}


def wait_for_work(client: httpx.Client, job_id: str) -> None:
    """Returns when some pictures of the job have an answer."""
    until = time.monotonic() + 60
    while client.get(f"/jobs/{job_id}").json()["items"]["done"] < 5:
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.fixture(scope="module")
def other_client(deployment: Deployment) -> Iterator[httpx.Client]:
    """A client of another workspace."""
    key = create_key(deployment.s3, deployment.bucket, name="other", workspace="other")
    with httpx.Client(base_url=deployment.url, timeout=40, headers={"authorization": f"Bearer {key}"}) as client:
        yield client


def submitted(client: httpx.Client, **changes: Any) -> str:
    """The id of a new job."""
    answer = client.post("/jobs", json={"target": MODEL, "source": JUNE, **changes})
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def ended(client: httpx.Client, job_id: str, timeout_s: float = 90) -> dict[str, Any]:
    """The job when it is over."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        job: dict[str, Any] = client.get(f"/jobs/{job_id}").json()
        if job["state"] in FINAL:
            return job
        time.sleep(0.2)
    raise AssertionError(f"still {job}")


def lines(job: dict[str, Any]) -> list[dict[str, Any]]:
    """The results behind the links of a job."""
    found = [httpx.get(link["url"], timeout=40) for link in job["results"]["links"]]
    assert all(answer.status_code == 200 for answer in found)
    return [orjson.loads(line) for answer in found for line in answer.content.splitlines()]


@pytest.mark.usefixtures("photos")
class TestLife:
    def test_a_folder_is_answered_as_the_synchronous_route_answers(self, client: httpx.Client) -> None:
        answer = client.post(
            "/jobs", json={"target": MODEL, "source": JUNE, "shard_size": 3, "parameters": {"confidence": 0.55}}
        )
        body = answer.json()
        assert answer.status_code == 202 and body["state"] == "submitted"
        assert body["url"] == answer.headers["location"] == str(client.base_url.join(f"/jobs/{body['id']}"))
        job = ended(client, body["id"])
        assert (job["state"], job["reason"]) == ("succeeded", None)
        assert job["items"] == {"total": 7, "done": 7, "failed": 0, "skipped": 0}
        assert job["shards"] == {"total": 3, "waiting": 0, "running": 0, "finished": 3, "failed": 0}
        assert job["rate_per_s"] > 0 and job["eta_s"] is None and job["failures"] == []
        assert job["created_at"] <= job["started_at"] <= job["ended_at"]
        assert (job["target"], job["queue"], job["name"]) == (MODEL, "cpu", DETECTOR)
        found = lines(job)
        assert [line["source"]["key"] for line in found] == [f"june/{number}.jpg" for number in range(7)]
        direct = client.post(f"/detect/{DETECTOR}?confidence=0.55", content=base64_of(scene()), headers=AS_JSON)
        for line in found:
            assert line["id"] == line["result"]["inference_id"]
            assert without_ids(line["result"]) == without_ids(direct.json())

    def test_what_cannot_be_read_fails_alone(self, client: httpx.Client) -> None:
        job = ended(client, submitted(client, source={"bucket": PHOTOS, "prefix": "may/"}))
        assert job["state"] == "partly_failed" and "1 of 4 items failed" in job["reason"]
        assert job["items"] == {"total": 4, "done": 4, "failed": 1, "skipped": 1}
        (broken,) = [line for line in lines(job) if "error" in line]
        assert broken["source"]["key"] == "may/broken.jpg" and broken["error"]["message"]

    def test_a_workflow(self, client: httpx.Client) -> None:
        target = {"type": "workflow", "specification": DETECT}
        job = ended(client, submitted(client, target=target, parameters={"confidence": 0.55}))
        assert job["state"] == "succeeded"
        outputs = lines(job)[0]["result"]["outputs"]
        assert outputs[0].keys() == {entry["name"] for entry in DETECT["outputs"]}

    def test_a_saved_workflow_is_what_it_was_when_the_job_was_planned(
        self, client: httpx.Client, saved: Deployment
    ) -> None:
        job_id = submitted(client, target={"type": "workflow", "workspace": "default", "id": "shapes"})
        assert ended(client, job_id)["state"] == "succeeded"
        uploads = saved.stack.environment()["RETINUE_UPLOADS_BUCKET"]
        plan = orjson.loads(saved.s3.get_object(Bucket=uploads, Key=f"jobs/{job_id}/plan.json")["Body"].read())
        assert plan["target"]["specification"] == DETECT

    def test_an_alias_is_resolved_at_once(self, client: httpx.Client) -> None:
        job_id = submitted(client, target={"type": "model", "model_id": "shapes/production"})
        assert client.get(f"/jobs/{job_id}").json()["target"] == MODEL

    def test_results_in_a_bucket_of_the_users(self, client: httpx.Client, deployment: Deployment) -> None:
        job_id = submitted(client, output={"bucket": PHOTOS, "prefix": "answers"})
        job = ended(client, job_id)
        assert job["output"] == {"bucket": PHOTOS, "prefix": f"answers/{job_id}/"}
        assert len(lines(job)) == 7
        listed = deployment.s3.list_objects_v2(Bucket=PHOTOS, Prefix="answers/")["Contents"]
        assert {f"answers/{job_id}/", f"answers/{job_id}/00000.jsonl"} <= {entry["Key"] for entry in listed}

    def test_pictures_of_the_stacks_own_bucket(self, client: httpx.Client, deployment: Deployment) -> None:
        uploads = deployment.stack.environment()["RETINUE_UPLOADS_BUCKET"]
        deployment.s3.put_object(Bucket=uploads, Key="sources/default/a.jpg", Body=scene())
        assert ended(client, submitted(client, source={"prefix": "sources/default/"}))["state"] == "succeeded"


def without_ids(answer: dict[str, Any]) -> Any:
    """What an answer says, without what differs from one request to the next."""
    predictions = [{**item, "detection_id": ""} for item in answer["predictions"]]
    return answer["image"], predictions


@pytest.mark.usefixtures("photos")
class TestIdempotencyKey:
    @pytest.mark.parametrize("is_header", [True, False], ids=["header", "body"])
    def test_the_same_request_gives_the_same_job(self, client: httpx.Client, is_header: bool) -> None:
        key = f"nightly-{is_header}"
        headers, fields = ({"idempotency-key": key}, {}) if is_header else ({}, {"idempotency_key": key})
        body = {"target": {"type": "model", "model_id": "shapes/production"}, "source": JUNE, **fields}
        first, second = (client.post("/jobs", json=body, headers=headers) for _ in range(2))
        assert (first.status_code, second.status_code) == (202, 200)
        assert first.json()["id"] == second.json()["id"]
        other = client.post("/jobs", json={**body, "batch_size": 3}, headers=headers)
        assert other.status_code == 409 and first.json()["id"] in other.json()["message"]

    def test_another_workspace_has_its_own_keys(self, client: httpx.Client, other_client: httpx.Client) -> None:
        mine, other = (submitted(one, idempotency_key="shared") for one in (client, other_client))
        assert mine != other


@pytest.mark.usefixtures("photos")
class TestRefused:
    """At once, with the reason: nothing is kept of such a job."""

    @pytest.mark.parametrize(
        ("changes", "status", "reason"),
        [
            pytest.param({"target": {"type": "model", "model_id": "shapes/99"}}, 404, "99", id="unknown model"),
            pytest.param({"target": {"type": "model", "model_id": "../keys"}}, 400, "Invalid Model ID", id="no id"),
            pytest.param(
                {"target": {"type": "workflow", "workspace": "default", "id": "none"}}, 404, "default/none",
                id="unknown workflow",
            ),
            pytest.param(
                {"target": {"type": "workflow", "workspace": "other", "id": "shapes"}}, 403, "not for workspace other",
                id="a workflow of others",
            ),
            pytest.param(
                {"target": {"type": "workflow", "specification": document([], [], a="$inputs.none")}}, 400, "none",
                id="a workflow that does not compile",
            ),
            pytest.param(
                {"target": {"type": "workflow", "specification": document([], [])}}, 400, "0 inputs for pictures",
                id="a workflow without pictures",
            ),
            pytest.param(
                {"target": {"type": "workflow", "specification": DETECT}, "parameters": {"confidance": 1}}, 400,
                "takes no parameter confidance; it takes confidence", id="a parameter that the workflow has not",
            ),
            pytest.param(
                {"target": {"type": "workflow", "specification": DETECT}, "parameters": {"confidence": "much"}}, 400,
                "confidence", id="a parameter of the wrong kind",
            ),
            pytest.param(
                {"target": {"type": "workflow", "specification": document(
                    [IMAGE_INPUT], [{"type": "roboflow_core/roboflow_object_detection_model@v2", "name": "o",
                                     "images": "$inputs.image", "model_id": "shapes/99"}], a="$steps.o.predictions")}},
                404, "99", id="a workflow over an unknown model",
            ),
            pytest.param({"source": {"bucket": PHOTOS, "prefix": "july/"}}, 400, "There is nothing", id="empty prefix"),
            pytest.param(
                {"source": {"bucket": PHOTOS, "prefix": "notes/"}}, 400, "1 objects, but no pictures", id="no pictures"
            ),
            pytest.param(
                {"source": {"bucket": "nobody-has-this", "prefix": ""}}, 400, "there is no such bucket", id="no bucket"
            ),
            pytest.param(
                {"source": {"type": "video", "bucket": PHOTOS, "key": "clip.mp4"}}, 400, "no such object", id="no video"
            ),
            pytest.param(
                {"source": {"bucket": "retinue-models-123456789012", "prefix": "keys/"}}, 403,
                "is not for workspace default", id="the stack's keys as pictures",
            ),
            pytest.param(
                {"output": {"bucket": "nobody-has-this"}}, 400, "Writing to s3://nobody-has-this/", id="no output"
            ),
            pytest.param({"device": "gpu"}, 400, "no gpu queue", id="a device that the stack has not"),
            pytest.param({"shards": 3}, 422, "shards", id="a field that there is not"),
            pytest.param({"parameters": {"confidence": "much"}}, 422, "confidence", id="a parameter that is no number"),
        ],
    )  # fmt: skip
    def test_what_can_be_seen_at_once(
        self, client: httpx.Client, changes: dict[str, Any], status: int, reason: str
    ) -> None:
        def newest() -> list[str]:
            return [job["id"] for job in client.get("/jobs?limit=1").json()["jobs"]]

        before = newest()
        started = time.monotonic()
        answer = client.post("/jobs", json={"target": MODEL, "source": JUNE, **changes})
        assert answer.status_code == status, answer.text
        assert reason in answer.text
        assert time.monotonic() - started < 5
        assert newest() == before

    def test_a_project_that_is_not_in_scope(self, keyless: httpx.Client, narrow_key: str) -> None:
        headers = {"authorization": f"Bearer {narrow_key}"}
        answer = keyless.post("/jobs", json={"target": MODEL, "source": JUNE}, headers=headers)
        assert answer.status_code == 403 and "not for project shapes" in answer.text

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'"x"'])
    def test_no_json(self, client: httpx.Client, body: bytes) -> None:
        answer = client.post("/jobs", content=body, headers=AS_JSON)
        assert answer.status_code == 422 and "detail" in answer.json()

    def test_no_key(self, keyless: httpx.Client) -> None:
        for method, path in (("POST", "/jobs"), ("GET", "/jobs"), ("GET", "/jobs/1"), ("DELETE", "/jobs/1")):
            assert keyless.request(method, path).status_code == 401

    @pytest.mark.parametrize("query", ["state=done", "limit=0", "limit=101", "limit=x", "limit=%C2%B2", "limit=-1"])
    def test_lists_that_cannot_be(self, client: httpx.Client, query: str) -> None:
        assert client.get(f"/jobs?{query}").status_code == 422

    def test_a_token_of_the_callers_own_making(self, client: httpx.Client) -> None:
        assert client.get("/jobs?next=abc").status_code == 400


@pytest.mark.usefixtures("photos")
class TestCancel:
    def test_a_job_that_is_planned_or_runs(self, client: httpx.Client) -> None:
        job_id = submitted(client, shard_size=1)
        answer = client.delete(f"/jobs/{job_id}")
        assert (answer.status_code, answer.json()) == (202, {"id": job_id, "state": "cancelled"})
        again = client.delete(f"/jobs/{job_id}")
        assert again.status_code == 409 and "is cancelled already" in again.json()["message"]
        job = client.get(f"/jobs/{job_id}").json()
        assert (job["state"], job["reason"]) == ("cancelled", "cancelled on request")

    def test_a_job_that_has_ended(self, client: httpx.Client) -> None:
        job_id = submitted(client)
        ended(client, job_id)
        answer = client.delete(f"/jobs/{job_id}")
        assert answer.status_code == 409 and "is succeeded already" in answer.json()["message"]

    @pytest.mark.parametrize("job_id", [new_job_id(), "1", "..%2f..", "%20", "x" * 300])
    def test_a_job_that_nobody_knows(self, client: httpx.Client, job_id: str) -> None:
        for method in ("GET", "DELETE"):
            assert client.request(method, f"/jobs/{job_id}").status_code == 404

    def test_a_job_of_others(self, client: httpx.Client, other_client: httpx.Client) -> None:
        job_id = submitted(client)
        for method in ("GET", "DELETE"):
            assert other_client.request(method, f"/jobs/{job_id}").status_code == 404
        assert ended(client, job_id)["state"] == "succeeded"

    def test_the_work_stops_within_ten_seconds(
        self, client: httpx.Client, deployment: Deployment, years: dict[str, str]
    ) -> None:
        job_id = submitted(client, source=years, part_size=1, batch_size=1)
        wait_for_work(client, job_id)
        assert client.delete(f"/jobs/{job_id}").status_code == 202
        cancelled = time.monotonic()
        done, last = parts_of(deployment, job_id), time.monotonic()
        while time.monotonic() < last + 3:  # until nothing has been written for three seconds
            now = parts_of(deployment, job_id)
            if now != done:
                done, last = now, time.monotonic()
            time.sleep(0.2)
        assert last - cancelled < 10
        assert done < 600


def test_what_batch_gives_up_fails_the_job_with_batchs_reason(
    client: httpx.Client, deployment: Deployment, years: dict[str, str]
) -> None:
    """As EventBridge tells the planner's queue, which it does twice now and then."""
    job_id = submitted(client, source=years, part_size=1, batch_size=1)
    wait_for_work(client, job_id)
    detail = {
        "jobName": f"retinue-{job_id}",
        "status": "FAILED",
        "statusReason": "Host EC2 (instance i-1) terminated.",
        "attempts": [{}] * 10,
    }
    event = {"source": "aws.batch", "detail-type": "Batch Job State Change", "detail": detail}
    sqs = deployment.stack.client("sqs")
    for _ in range(2):
        sqs.send_message(QueueUrl=deployment.stack.template.queues["PlanQueue"].url, MessageBody=json.dumps(event))
    sqs.close()
    job = ended(client, job_id)
    assert job["state"] == "failed" and "1 of 1 shards died" in job["reason"]
    assert job["failures"] == [{"shard": 0, "reason": "Host EC2 (instance i-1) terminated.; 10 attempts"}]
    assert 0 < job["items"]["done"] < 600 and job["results"]["links"] == []


def parts_of(deployment: Deployment, job_id: str) -> int:
    uploads = deployment.stack.environment()["RETINUE_UPLOADS_BUCKET"]
    return deployment.s3.list_objects_v2(Bucket=uploads, Prefix=f"jobs/{job_id}/parts/").get("KeyCount", 0)


@pytest.mark.usefixtures("photos")
def test_lists_are_of_the_own_workspace_newest_first(client: httpx.Client, other_client: httpx.Client) -> None:
    mine = [submitted(client) for _ in range(3)]
    other = submitted(other_client)
    page = client.get("/jobs?limit=2").json()
    assert [job["id"] for job in page["jobs"]] == [mine[2], mine[1]]
    following = client.get("/jobs", params={"limit": 2, "next": page["next"]}).json()
    assert following["jobs"][0]["id"] == mine[0]
    everything = client.get("/jobs?limit=100").json()["jobs"]
    assert other not in [job["id"] for job in everything]
    for job_id in mine:
        ended(client, job_id)
    succeeded = client.get("/jobs?state=succeeded&limit=100").json()["jobs"]
    assert set(mine) <= {job["id"] for job in succeeded}
    assert {job["state"] for job in succeeded} == {"succeeded"}
    assert all(job["items"]["done"] == job["items"]["total"] for job in succeeded)


class TestHeavyModels:
    @pytest.fixture(scope="class")
    @classmethod
    def heavy(cls, deployment: Deployment, photos: None, tmp_path_factory: pytest.TempPathFactory) -> None:
        weights = write_detector(tmp_path_factory.mktemp("heavy") / "shapes.onnx")
        candidate = deployment.publish("light/1", weights)
        deployment.publish_like(candidate, HEAVY, weights, device="gpu")
        deployment.publish_like(candidate, "huge/1", weights, memory_bytes=10**11)

    @pytest.mark.parametrize(
        ("model_id", "reason"), [(HEAVY, "was published for GPUs"), ("huge/1", "needs 95367 MB")], ids=["gpu", "memory"]
    )
    def test_requests_are_told_of_jobs(
        self, client: httpx.Client, heavy: None, scene_text: str, model_id: str, reason: str
    ) -> None:
        image = {"type": "base64", "value": scene_text}
        for answer in (
            client.post(f"/detect/{model_id}", content=scene_text, headers=AS_JSON),
            client.post("/infer/object_detection", json={"model_id": model_id, "image": image}),
        ):
            assert answer.status_code == 400
            assert reason in answer.json()["message"] and "POST /jobs" in answer.json()["message"]

    def test_jobs_run_them(self, client: httpx.Client, heavy: None) -> None:
        job = ended(client, submitted(client, target={"type": "model", "model_id": HEAVY}))
        assert (job["state"], job["queue"]) == ("succeeded", "cpu")  # the local stack has no GPU queue


@pytest.mark.usefixtures("photos")
class TestCommand:
    @pytest.fixture
    def environment(self, deployment: Deployment, key: str) -> dict[str, str]:
        return {"RETINUE_URL": deployment.url, "RETINUE_API_KEY": key, "COLUMNS": "500"}

    def test_submit_follow_list_results(
        self, environment: dict[str, str], tmp_path: Path, client: httpx.Client
    ) -> None:
        run = CliRunner().invoke
        done = run(
            app,
            ["jobs", "submit", DETECTOR, f"s3://{PHOTOS}/june/", "--shard-size", "3", "--parameter", "confidence=0.55",
             "--follow"],
            env=environment,
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        job_id = done.stdout.splitlines()[0]
        assert "succeeded" in done.output and "7 of 7" in done.output
        listed = run(app, ["jobs", "list"], env=environment)
        assert job_id in listed.output and "7 of 7" in listed.output
        for form, suffix in (("jsonl", "jsonl"), ("coco", "json"), ("csv", "csv")):
            path = tmp_path / f"results.{suffix}"
            fetched = run(app, ["jobs", "results", job_id, "--format", form, "--output", str(path)], env=environment)
            assert fetched.exit_code == 0, fetched.output
            assert "7 of 7 items" in fetched.output
        assert (tmp_path / "results.jsonl").read_bytes().count(b"\n") == 7
        coco = orjson.loads((tmp_path / "results.json").read_bytes())
        found = list(csv.DictReader(io.StringIO((tmp_path / "results.csv").read_text("utf-8"))))
        assert len(coco["images"]) == 7 and len(coco["annotations"]) == len(found) > 7
        assert sorted(path.name for path in tmp_path.iterdir()) == ["results.csv", "results.json", "results.jsonl"]

    def test_a_partly_failed_job_says_so_with_its_exit_status(self, environment: dict[str, str]) -> None:
        run = CliRunner().invoke
        done = run(app, ["jobs", "submit", DETECTOR, f"s3://{PHOTOS}/may/", "--follow"], env=environment)
        assert done.exit_code == 3 and "1 of 4 items failed" in done.output

    def test_cancel(self, environment: dict[str, str], client: httpx.Client) -> None:
        run = CliRunner().invoke
        job_id = run(app, ["jobs", "submit", DETECTOR, f"s3://{PHOTOS}/june/"], env=environment).stdout.split()[0]
        assert run(app, ["jobs", "cancel", job_id], env=environment).exit_code == 0
        again = run(app, ["jobs", "cancel", job_id], env=environment)
        assert again.exit_code == 1 and "cancelled already" in again.output
        nothing = run(app, ["jobs", "results", job_id], env=environment)
        assert nothing.exit_code == 1 and "has no results" in nothing.output

    def test_ctrl_c_leaves_the_job_running(
        self, environment: dict[str, str], client: httpx.Client, years: dict[str, str]
    ) -> None:
        command = [sys.executable, "-m", "retinue.cli", "jobs", "submit", DETECTOR, f"s3://{PHOTOS}/years/", "--follow"]
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Tests that run in the background of a shell have Ctrl-C ignored, and so would the command.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        try:
            assert process.stdout is not None
            job_id = process.stdout.readline().strip()
            wait_for_work(client, job_id)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=30)
        finally:
            process.kill()
            process.wait()
        assert process.returncode == 130
        assert f"The job goes on. `retinue jobs follow {job_id}` shows it again" in said
        assert client.get(f"/jobs/{job_id}").json()["state"] in ("running", "succeeded")
        client.delete(f"/jobs/{job_id}")

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            (["submit", "shapes/99", f"s3://{PHOTOS}/june/"], "answered 404"),
            (["submit", "shapes", f"s3://{PHOTOS}/june/"], "is neither a file here nor PROJECT/VERSION"),
            (["submit", DETECTOR, "june/"], "is no source"),
            (["submit", DETECTOR, f"s3://{PHOTOS}/july/"], "There is nothing under"),
            (["submit", DETECTOR, f"s3://{PHOTOS}/june/", "--parameter", "confidence"], "is no NAME=VALUE"),
            (["submit", DETECTOR, f"s3://{PHOTOS}/june/", "--infer-fps", "3"], "--infer-fps is for videos"),
            (["submit", DETECTOR, f"s3://{PHOTOS}/june/", "--output", "here"], "is no source"),
            (["follow", new_job_id()], "There is no job"),
            (["results", new_job_id()], "There is no job"),
            (["list", "--state", "done"], "answered 422"),
        ],
    )
    def test_what_is_wrong_is_said(self, environment: dict[str, str], arguments: list[str], reason: str) -> None:
        done = CliRunner().invoke(app, ["jobs", *arguments], env=environment)
        assert done.exit_code == 1 and reason in done.output
