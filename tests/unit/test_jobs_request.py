"""The body of POST /jobs: what is taken, what is refused and in which words."""

from typing import Any

import orjson
import pytest

from retinue.errors import Forbidden, NotDeployed, ParameterError, PayloadTooLarge, RequestError
from retinue.jobs.layout import is_job_id, item_id, new_job_id, output_prefix
from retinue.jobs.request import MOST_REQUEST_BYTES, JobRequest, parse_request
from retinue.jobs.source import Buckets
from retinue.jobs.submit import BatchQueues, job_id_of, job_name

MODEL = {"type": "model", "model_id": "shapes/1"}
SAVED = {"type": "workflow", "workspace": "default", "id": "count"}
BROUGHT = {"type": "workflow", "specification": {"version": "1.0"}}
FOLDER = {"type": "s3", "bucket": "photos", "prefix": "june/"}
VIDEO = {"type": "video", "bucket": "photos", "key": "clip.mp4"}


def parse(body: Any = None, headers: dict[str, str] | None = None, **changes: Any) -> JobRequest:
    record = {"target": MODEL, "source": FOLDER, **changes} if body is None else body
    return parse_request(orjson.dumps(record), headers or {})


def refusal(**changes: Any) -> tuple[list[Any], str]:
    """Where and why the first problem is."""
    with pytest.raises(ParameterError) as refused:
        parse(**changes)
    problem = refused.value.details[0]
    return problem["loc"], problem["msg"]


def test_defaults() -> None:
    request = parse()
    assert (request.batch_size, request.part_size, request.shard_size) == (8, 100, 1000)
    assert (request.device, request.draw, request.output, request.idempotency_key) == ("auto", False, None, None)
    assert request.parameters == {}


@pytest.mark.parametrize(
    ("target", "name"),
    [(MODEL, "shapes/1"), (SAVED, "default/count"), (BROUGHT, "(workflow)")],
    ids=["model", "saved workflow", "workflow brought along"],
)
def test_targets(target: dict[str, Any], name: str) -> None:
    assert parse(target=target).target_name == name


@pytest.mark.parametrize("source", [FOLDER, VIDEO, {"bucket": "photos", "prefix": ""}, {"prefix": "sources/default/"}])
def test_sources(source: dict[str, Any]) -> None:
    assert parse(source=source).source.type in ("s3", "video")


@pytest.mark.parametrize(
    ("changes", "loc"),
    [
        pytest.param({"target": None}, ["body", "target"], id="no target"),
        pytest.param({"target": {"type": "net"}}, ["body", "target"], id="unknown type of target"),
        pytest.param({"target": {"type": "model"}}, ["body", "target", "model", "model_id"], id="no model id"),
        pytest.param({"target": {**SAVED, **BROUGHT}}, ["body", "target", "workflow"], id="saved and brought"),
        pytest.param(
            {"target": {"type": "workflow", "id": "count"}}, ["body", "target", "workflow"], id="no workspace"
        ),
        pytest.param(
            {"target": {**BROUGHT, "id": "count"}}, ["body", "target", "workflow"], id="an id and a specification"
        ),
        pytest.param({"source": None}, ["body", "source"], id="no source"),
        pytest.param({"source": {"bucket": "photos"}}, ["body", "source", "s3", "prefix"], id="no prefix"),
        pytest.param({"source": {**FOLDER, "bucket": "Photos_"}}, ["body", "source", "s3", "bucket"], id="no bucket"),
        pytest.param({"source": {**VIDEO, "infer_fps": 0}}, ["body", "source", "video", "infer_fps"], id="no frames"),
        pytest.param({"output": {"prefix": "x/"}}, ["body", "output", "bucket"], id="output without a bucket"),
        pytest.param({"batch_size": 0}, ["body", "batch_size"], id="empty batches"),
        pytest.param({"batch_size": 257}, ["body", "batch_size"], id="batches too large"),
        pytest.param({"shard_size": 10_001}, ["body", "shard_size"], id="shards too large"),
        pytest.param({"part_size": 0}, ["body", "part_size"], id="empty parts"),
        pytest.param({"device": "tpu"}, ["body", "device"], id="unknown device"),
        pytest.param({"shards": 5}, ["body", "shards"], id="a field that there is not"),
        pytest.param({"idempotency_key": "a b"}, ["body", "idempotency_key"], id="a key with a space"),
        pytest.param({"idempotency_key": "k" * 129}, ["body", "idempotency_key"], id="a key too long"),
        pytest.param({"parameters": {"image": "x"}}, ["body", "parameters", "image"], id="a picture as a parameter"),
        pytest.param({"parameters": {"confidance": 1}}, ["body", "parameters", "confidance"], id="a typo"),
        pytest.param({"parameters": {"confidence": "much"}}, ["body", "parameters", "confidence"], id="no number"),
        pytest.param({"parameters": {"confidence": {}}}, ["body", "parameters", "confidence"], id="an object"),
    ],
)
def test_refused(changes: dict[str, Any], loc: list[Any]) -> None:
    assert refusal(**changes)[0][: len(loc)] == loc


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff"])
def test_no_json_object(body: bytes) -> None:
    with pytest.raises(ParameterError):
        parse_request(body, {})


def test_a_request_that_no_record_can_hold() -> None:
    with pytest.raises(PayloadTooLarge, match="retinue workflows put"):
        parse_request(b" " * (MOST_REQUEST_BYTES + 1), {})


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"confidence": 0.5}, {"confidence": "0.5"}),
        ({"confidence": "40", "overlap": 30}, {"confidence": "40", "overlap": "30"}),
        ({"classes": ["cat", "dog"]}, {"classes": "cat,dog"}),
        ({"labels": True, "stroke": 3}, {"labels": "true", "stroke": "3"}),
        ({"max_detections": None}, {}),
    ],
)
def test_parameters_of_a_model_are_those_of_its_url(given: dict[str, Any], kept: dict[str, str]) -> None:
    assert parse(parameters=given).parameters == kept


def test_parameters_of_a_workflow_are_its_own() -> None:
    assert parse(target=SAVED, parameters={"limit": [1, {}]}).parameters == {"limit": [1, {}]}


class TestIdempotencyKey:
    def test_in_the_header_or_in_the_body(self) -> None:
        assert parse(headers={"idempotency-key": "a"}).idempotency_key == "a"
        assert parse(idempotency_key="a").idempotency_key == "a"
        assert parse(headers={"idempotency-key": "a"}, idempotency_key="a").idempotency_key == "a"

    def test_two_different_ones(self) -> None:
        with pytest.raises(ParameterError, match="differs from the header"):
            parse(headers={"idempotency-key": "a"}, idempotency_key="b")

    @pytest.mark.parametrize(
        ("changes", "is_same"),
        [
            pytest.param({"idempotency_key": "other"}, True, id="the key itself"),
            pytest.param({"api_key": "secret"}, True, id="the API key"),
            pytest.param({"batch_size": 8}, True, id="a default said aloud"),
            pytest.param({"batch_size": 9}, False, id="another batch size"),
            pytest.param({"source": {**FOLDER, "prefix": "july/"}}, False, id="another folder"),
            pytest.param({"parameters": {"confidence": 0.5}}, False, id="a parameter"),
        ],
    )
    def test_what_makes_a_request_another_one(self, changes: dict[str, Any], is_same: bool) -> None:
        assert (parse().digest() == parse(**changes).digest()) == is_same

    def test_the_api_key_is_not_kept(self) -> None:
        assert "secret" not in str(parse(api_key="secret").model_dump())


class TestBuckets:
    BUCKETS = Buckets("uploads", "models", "default")

    @pytest.mark.parametrize(
        ("source", "place"),
        [
            (FOLDER, ("photos", "june/")),
            ({"prefix": "sources/default/a"}, ("uploads", "sources/default/a")),
            ({"bucket": "uploads", "prefix": "uploads/default/"}, ("uploads", "uploads/default/")),
            (VIDEO, ("photos", "clip.mp4")),
        ],
    )
    def test_what_a_workspace_may_read(self, source: dict[str, Any], place: tuple[str, str]) -> None:
        assert self.BUCKETS.source(parse(source=source)) == place

    @pytest.mark.parametrize(
        "source",
        [
            pytest.param({"bucket": "models", "prefix": "keys/"}, id="the models bucket"),
            pytest.param({"prefix": ""}, id="all uploads"),
            pytest.param({"prefix": "sources/defaulter/"}, id="a workspace that begins alike"),
            pytest.param({"prefix": "sources/other/"}, id="another workspace"),
            pytest.param({"bucket": "uploads", "prefix": "jobs/"}, id="jobs"),
            pytest.param({"type": "video", "key": "uploads/other/clip"}, id="a video of another workspace"),
        ],
    )
    def test_what_it_may_not_read(self, source: dict[str, Any]) -> None:
        with pytest.raises(Forbidden, match="is not for workspace default"):
            self.BUCKETS.source(parse(source=source))

    @pytest.mark.parametrize("bucket", ["uploads", "models"])
    def test_where_it_may_not_write(self, bucket: str) -> None:
        with pytest.raises(Forbidden, match="leave `output` out"):
            self.BUCKETS.output("1", parse(output={"bucket": bucket, "prefix": "x"}))


@pytest.mark.parametrize(
    ("wanted", "prefix"),
    [(None, "jobs/1/results/"), ("", "1/"), ("a", "a/1/"), ("a/", "a/1/"), ("a/b//", "a/b/1/")],
)
def test_results_of_two_jobs_never_meet(wanted: str | None, prefix: str) -> None:
    assert output_prefix("1", wanted) == prefix


def test_ids() -> None:
    job_id = new_job_id()
    assert is_job_id(job_id) and job_id != new_job_id() and job_id_of(job_name(job_id)) == job_id
    assert job_id_of("somebody-elses") == ""
    for text in ("", "..", job_id[:-1], job_id.upper() + "x", f"{job_id}/..", f"{job_id}\n"):
        assert not is_job_id(text)
    ids = {item_id("b", "k", None), item_id("b", "k", "1"), item_id("b", "k2", None), item_id("b2", "k", None)}
    assert len(ids) == 4


class TestQueues:
    @pytest.mark.parametrize(
        ("device", "wants_gpu", "has_gpu", "queue"),
        [
            ("auto", False, True, "cpu"),
            ("auto", True, True, "gpu"),
            ("auto", True, False, "cpu"),
            ("gpu", False, True, "gpu"),
            ("cpu", True, True, "cpu"),
        ],
    )
    def test_choice(self, device: str, wants_gpu: bool, has_gpu: bool, queue: str) -> None:
        queues = BatchQueues(("cpu", "cpu"), ("gpu", "gpu") if has_gpu else ("", ""))
        assert queues.choose(device, wants_gpu=wants_gpu) == queue

    def test_a_gpu_that_the_stack_has_not(self) -> None:
        with pytest.raises(RequestError, match="BatchCompute=gpu"):
            BatchQueues(("cpu", "cpu"), ("", "")).choose("gpu", wants_gpu=True)

    def test_a_stack_without_jobs(self) -> None:
        with pytest.raises(NotDeployed, match="Jobs are off in this stack: deploy with BatchCompute=cpu or gpu"):
            BatchQueues(("", ""), ("", "")).require()
