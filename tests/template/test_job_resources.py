"""Jobs: the queue of the planner, the table, what is told of dead shards, and the rights that come with AWS Batch."""

from collections.abc import Callable
from typing import Any

import pytest

from retinue.config import Settings
from retinue.jobs.items import encoded, item_of
from retinue.jobs.plan import MOST_ATTEMPTS
from retinue.jobs.record import Job
from retinue.jobs.submit import TAG
from retinue.jobs.table import INDEX
from tests.template.deployment import Deployed
from tests.template.test_permissions import allowed, as_list, statements

CPU = {"BatchCompute": "cpu", "BatchCpuImageUri": "image"}
GPU = {"BatchCompute": "gpu", "BatchCpuImageUri": "image", "BatchGpuImageUri": "image"}
BATCH_JOBS = "arn:aws:batch:us-east-1:123456789012:job/*"


def test_a_message_outlives_six_timeouts_and_ends_as_a_dead_letter(deployed: Deployed) -> None:
    queue, planner = deployed.properties("PlanQueue"), deployed.properties("PlannerFunction")
    assert queue["VisibilityTimeout"] >= 6 * planner["Timeout"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == "PlanDeadLetters.Arn"
    # the last one only writes down that those before it were cut off
    assert queue["RedrivePolicy"]["maxReceiveCount"] == MOST_ATTEMPTS + 1
    assert deployed.properties("PlanDeadLetters")["MessageRetentionPeriod"] > queue["MessageRetentionPeriod"]
    (source,) = [
        item
        for item in deployed.of_type("AWS::Lambda::EventSourceMapping").values()
        if item["EventSourceArn"] == "PlanQueue.Arn"
    ]
    assert (source["BatchSize"], source["FunctionResponseTypes"]) == (1, ["ReportBatchItemFailures"])
    assert source["ScalingConfig"]["MaximumConcurrency"] >= 2


def test_the_index_has_what_a_list_shows_and_not_the_request(deployed: Deployed) -> None:
    (index,) = deployed.properties("JobsTable")["GlobalSecondaryIndexes"]
    assert index["IndexName"] == INDEX
    whole = Job(job_id="1", workspace="w", state="running", created_at="c", updated_at="u")
    everything = set(item_of(whole)) | set(Job.__slots__)
    assert set(index["Projection"]["NonKeyAttributes"]) == everything - {
        "job_id", "item", "workspace", "created_at", "request",
    }  # fmt: skip


def test_items_are_texts_and_whole_numbers() -> None:
    assert encoded({"a": "x", "b": 3}) == {"a": {"S": "x"}, "b": {"N": "3"}}


@pytest.mark.parametrize(("parameters", "queues"), [(CPU, ["JobQueueCpu"]), (GPU, ["JobQueueCpu", "JobQueueGpu"])])
def test_dead_shards_of_this_stack_come_to_the_planner(
    deploy: Callable[..., Deployed], parameters: dict[str, str], queues: list[str]
) -> None:
    stack = deploy(**parameters)
    rule = stack.properties("FailedShards")
    assert rule["EventPattern"] == {
        "source": ["aws.batch"],
        "detail-type": ["Batch Job State Change"],
        "detail": {"status": ["FAILED"], "jobQueue": queues},
    }
    (target,) = rule["Targets"]
    assert target["Arn"] == "PlanQueue.Arn" and target["DeadLetterConfig"] == {"Arn": "PlanDeadLetters.Arn"}
    (statement,) = stack.properties("PlanQueuePolicy")["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert set(statement["Resource"]) == {"PlanQueue.Arn", "PlanDeadLetters.Arn"}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": "FailedShards.Arn"}}


@pytest.mark.parametrize(
    ("parameters", "cpu", "gpu"),
    [
        ({}, ("", ""), ("", "")),
        (CPU, ("JobQueueCpu", "JobDefinitionCpu"), ("", "")),
        (GPU, ("JobQueueCpu", "JobDefinitionCpu"), ("JobQueueGpu", "JobDefinitionGpu")),
    ],
    ids=["none", "cpu", "gpu"],
)
@pytest.mark.parametrize("function", ["JobsFunction", "PlannerFunction"])
def test_functions_know_the_queues_that_there_are(
    deploy: Callable[..., Deployed], function: str, parameters: dict[str, str], cpu: Any, gpu: Any
) -> None:
    settings = Settings.from_env(deploy(**parameters).properties(function)["Environment"]["Variables"])
    assert (settings.job_queue_cpu, settings.job_definition_cpu) == cpu
    assert (settings.job_queue_gpu, settings.job_definition_gpu) == gpu
    assert (settings.jobs_table, settings.plan_queue_url) == ("JobsTable", "PlanQueue")
    assert settings.uploads_bucket == "UploadsBucket"


def test_the_planner_submits_to_its_own_queues_and_ends_its_own_jobs(deploy: Callable[..., Deployed]) -> None:
    submits = {("batch:SubmitJob", name) for name in ("JobQueueCpu", "JobDefinitionCpu")}
    added = allowed(deploy(**CPU), "PlannerRole") - allowed(deploy(), "PlannerRole")
    others = {("batch:TagResource", BATCH_JOBS), ("batch:TerminateJob", BATCH_JOBS), ("batch:ListJobs", "*")}
    assert added == submits | others
    with_gpu = allowed(deploy(**GPU), "PlannerRole") - allowed(deploy(**CPU), "PlannerRole")
    assert with_gpu == {("batch:SubmitJob", name) for name in ("JobQueueGpu", "JobDefinitionGpu")}


@pytest.mark.parametrize("role", ["JobsRole", "PlannerRole"])
def test_jobs_that_cannot_be_named_are_known_by_their_tag(deploy: Callable[..., Deployed], role: str) -> None:
    for statement in statements(deploy(**GPU), role):
        if BATCH_JOBS in as_list(statement["Resource"]):
            (condition,) = statement["Condition"]["StringEquals"].items()
            assert condition[0] in (f"aws:ResourceTag/{TAG}", f"aws:RequestTag/{TAG}")
            assert condition[1] == "JobsTable"


def test_further_buckets_are_read_and_written_by_those_who_must(deploy: Callable[..., Deployed]) -> None:
    base = deploy(**CPU)
    stack = deploy(**CPU, SourceBuckets="photos,films", OutputBuckets="answers")
    for role in ("JobsRole", "PlannerRole", "BatchJobRole"):
        added = allowed(stack, role) - allowed(base, role)
        for bucket in ("photos", "films"):
            assert {("s3:ListBucket", f"arn:aws:s3:::{bucket}"), ("s3:GetObject", f"arn:aws:s3:::{bucket}/*")} <= added
        assert (("s3:PutObject", "arn:aws:s3:::answers/*") in added) == (role != "PlannerRole")
        assert (("s3:GetObject", "arn:aws:s3:::answers/*") in added) == (role == "JobsRole")  # to sign links
