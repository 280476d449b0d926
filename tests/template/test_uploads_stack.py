"""Uploads: bucket -> queue -> function, and that nothing is lost, refused or sent round for ever."""

from typing import Any

import pytest

from local.intrinsics import load_yaml
from tests.template.deployment import ROOT, Deployed

BUCKET = "retinue-uploads-123456789012"


def queues_of_functions(deployed: Deployed) -> dict[str, str]:
    """Queue -> the function that it feeds."""
    return {
        mapping["EventSourceArn"].removesuffix(".Arn"): mapping["FunctionName"].removesuffix("Aliaslive")
        for mapping in deployed.of_type("AWS::Lambda::EventSourceMapping").values()
    }


def test_every_work_queue_has_a_dead_letter_queue_that_keeps_them_longer(deployed: Deployed) -> None:
    queues = deployed.of_type("AWS::SQS::Queue")
    work = {name for name, queue in queues.items() if "RedrivePolicy" in queue}
    assert work >= queues_of_functions(deployed).keys() >= {"IngestQueue"}
    dead = {}
    for name in work:
        policy = queues[name]["RedrivePolicy"]
        assert policy["maxReceiveCount"] >= 3, name
        dead[name] = policy["deadLetterTargetArn"].removesuffix(".Arn")
        assert queues[dead[name]]["MessageRetentionPeriod"] == 1_209_600 > queues[name]["MessageRetentionPeriod"]
    assert len(set(dead.values())) == len(work)
    assert queues.keys() == work | set(dead.values())


def test_a_message_stays_hidden_six_times_as_long_as_its_function_may_take(deployed: Deployed) -> None:
    for queue, function in queues_of_functions(deployed).items():
        timeout_s = deployed.properties(function)["Timeout"]
        assert deployed.properties(queue)["VisibilityTimeout"] >= 6 * timeout_s, queue


def test_the_parameter_of_the_visibility_cannot_go_below_that(source: dict[str, Any], deployed: Deployed) -> None:
    parameter = source["Parameters"]["IngestVisibilityTimeout"]
    assert parameter["MinValue"] == parameter["Default"] == 6 * deployed.properties("IngestFunction")["Timeout"]


def test_a_failed_message_fails_alone_and_a_flood_leaves_room(deployed: Deployed) -> None:
    (mapping,) = (
        item
        for item in deployed.of_type("AWS::Lambda::EventSourceMapping").values()
        if item["EventSourceArn"] == "IngestQueue.Arn"
    )
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BatchSize"] == 10
    assert 2 <= mapping["ScalingConfig"]["MaximumConcurrency"] <= 1000


def test_the_function_knows_how_often_an_upload_is_delivered(deployed: Deployed) -> None:
    variables = deployed.properties("IngestFunction")["Environment"]["Variables"]
    policy = deployed.properties("IngestQueue")["RedrivePolicy"]
    assert variables["RETINUE_INGEST_DELIVERIES"] == policy["maxReceiveCount"]


def test_only_the_inbox_is_told_of_so_that_no_result_is_answered(deployed: Deployed) -> None:
    configuration = deployed.properties("UploadsBucket")["NotificationConfiguration"]
    assert configuration.keys() == {"QueueConfigurations"}
    (entry,) = configuration["QueueConfigurations"]
    assert (entry["Event"], entry["Queue"]) == ("s3:ObjectCreated:*", "IngestQueue.Arn")
    assert entry["Filter"] == {"S3Key": {"Rules": [{"Name": "prefix", "Value": "inbox/"}]}}
    for folder in ("results", "failures"):
        assert ("s3:PutObject", f"UploadsBucket.Arn/{folder}/*") in rights_of_ingest(deployed)
    assert not {pair for pair in rights_of_ingest(deployed) if pair[0].startswith("s3:Put") and "inbox" in pair[1]}


def rights_of_ingest(deployed: Deployed) -> set[tuple[str, str]]:
    found = set()
    for policy in deployed.properties("IngestRole")["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            actions, resources = (
                value if isinstance(value, list) else [value] for value in (statement["Action"], statement["Resource"])
            )
            found |= {(action, resource) for action in actions for resource in resources}
    return found


def test_the_queue_takes_events_of_that_bucket_of_this_account_only(deployed: Deployed) -> None:
    policy = deployed.properties("IngestQueuePolicy")
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert policy["Queues"] == ["IngestQueue"]
    assert (statement["Action"], statement["Resource"]) == ("sqs:SendMessage", "IngestQueue.Arn")
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    assert statement["Condition"] == {
        "ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{BUCKET}"},
        "StringEquals": {"aws:SourceAccount": "123456789012"},
    }
    assert deployed.properties("UploadsBucket")["BucketName"] == BUCKET


def test_bucket_and_queue_do_not_wait_for_each_other(deployed: Deployed) -> None:
    """S3 checks the queue's policy when it is told of the queue, so the policy comes first and names the bucket."""
    assert deployed.resources["UploadsBucket"]["DependsOn"] == "IngestQueuePolicy"
    for name in ("IngestQueue", "IngestQueuePolicy", "IngestDeadLetters"):
        assert "UploadsBucket" not in repr(load_yaml(ROOT / "template.yaml")["Resources"][name])


def test_uploads_are_private_encrypted_versioned_and_kept(deployed: Deployed) -> None:
    resource, models = deployed.resources["UploadsBucket"], deployed.properties("ModelsBucket")
    bucket = resource["Properties"]
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"
    for name in ("BucketEncryption", "OwnershipControls", "PublicAccessBlockConfiguration", "VersioningConfiguration"):
        assert bucket[name] == models[name], name
    rules = bucket["LifecycleConfiguration"]["Rules"]
    assert {rule.get("Prefix"): rule["ExpirationInDays"] for rule in rules if "ExpirationInDays" in rule} == {
        "uploads/": 1
    }
    (statement,) = deployed.properties("UploadsBucketPolicy")["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Action"], statement["Principal"]) == ("Deny", "s3:*", "*")
    assert statement["Resource"] == ["UploadsBucket.Arn", "UploadsBucket.Arn/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": False}}


@pytest.mark.parametrize("queue", ["IngestDeadLetters", "PlanDeadLetters"])
def test_dead_letters_raise_an_alarm(deployed: Deployed, queue: str) -> None:
    alarm = deployed.properties(f"{queue}Alarm")
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/SQS", "ApproximateNumberOfMessagesVisible")
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": f"{queue}.QueueName"}]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (0, "GreaterThanThreshold")
