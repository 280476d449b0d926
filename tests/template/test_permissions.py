"""Least privilege: what each function may do, and nothing else."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.template.deployment import Deployed

# The pools share one role: what the workflow pool reads, the others may read too.
POOL_READS = frozenset({"models/*", "aliases/*", "keys/*", "workflows/*"})
# Function -> prefixes of the models bucket that it reads.
READS = {
    "DetectFunction": POOL_READS,
    "ClassifyFunction": POOL_READS,
    "OutlineFunction": POOL_READS,
    "WorkflowFunction": POOL_READS,
    "CatalogFunction": frozenset({"keys/*"}),
    "IngestFunction": frozenset({"models/*", "aliases/*", "workflows/*"}),
    "UploadsFunction": frozenset({"keys/*"}),
    "JobsFunction": frozenset({"models/*/manifest.json", "aliases/*", "keys/*", "workflows/*"}),
    "PlannerFunction": frozenset({"workflows/*"}),
}
# Prefixes of the uploads bucket whose missing keys a function must see as missing.
LOOKS_FOR = {
    **dict.fromkeys(
        ("DetectFunction", "ClassifyFunction", "OutlineFunction", "WorkflowFunction"), frozenset({"uploads/*"})
    ),
    "IngestFunction": {"inbox/*", "results/*", "failures/*"},
    "UploadsFunction": {"uploads/*", "inbox/*", "results/*", "failures/*"},
    "JobsFunction": {"sources/*", "uploads/*"},
    "PlannerFunction": {"sources/*", "uploads/*"},
}
LIST_UPLOADS = ("s3:ListBucket", "UploadsBucket.Arn")
POOL_RIGHTS = {
    LIST_UPLOADS,
    ("s3:GetObject", "UploadsBucket.Arn/uploads/*"),
    ("s3:GetObject", "UploadsBucket.Arn/results/*"),  # to sign links to them
    ("s3:PutObject", "UploadsBucket.Arn/inbox/*"),
}
# What a function may do beside reading the models bucket and writing its log.
RIGHTS: dict[str, set[tuple[str, str]]] = {
    **dict.fromkeys(("DetectFunction", "ClassifyFunction", "OutlineFunction", "WorkflowFunction"), POOL_RIGHTS),
    "IngestFunction": {
        LIST_UPLOADS,
        *((f"s3:Get{what}", "UploadsBucket.Arn/inbox/*") for what in ("Object", "ObjectVersion")),
        *((f"s3:Get{what}Tagging", "UploadsBucket.Arn/inbox/*") for what in ("Object", "ObjectVersion")),
        *(
            (f"s3:{verb}", f"UploadsBucket.Arn/{folder}/*")
            for folder in ("results", "failures")
            for verb in ("GetObject", "PutObject", "GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging")
        ),
        ("s3:DeleteObject", "UploadsBucket.Arn/failures/*"),
        *(
            (f"sqs:{verb}", "IngestQueue.Arn")
            for verb in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl")
        ),
        ("events:PutEvents", "arn:aws:events:us-east-1:123456789012:event-bus/default"),
    },
    "UploadsFunction": {
        LIST_UPLOADS,
        ("s3:PutObject", "UploadsBucket.Arn/uploads/*"),  # to sign links to put them
        *(("s3:GetObject", f"UploadsBucket.Arn/{folder}/*") for folder in ("uploads", "inbox", "results", "failures")),
    },
    "JobsFunction": {
        LIST_UPLOADS,
        *(
            (f"s3:{verb}", f"UploadsBucket.Arn/{folder}/*")
            for verb in ("GetObject", "GetObjectVersion")
            for folder in ("jobs", "sources", "uploads")
        ),
        *((f"dynamodb:{verb}", "JobsTable.Arn") for verb in ("GetItem", "PutItem", "UpdateItem", "Query")),
        ("dynamodb:Query", "JobsTable.Arn/index/by-workspace"),
        ("sqs:SendMessage", "PlanQueue.Arn"),
        ("s3:PutObject", "UploadsBucket.Arn/uploads/*"),  # to sign links to put videos
        ("batch:TerminateJob", "arn:aws:batch:us-east-1:123456789012:job/*"),
    },
    "PlannerFunction": {
        LIST_UPLOADS,
        ("s3:PutObject", "UploadsBucket.Arn/jobs/*"),
        *(
            (f"s3:{verb}", f"UploadsBucket.Arn/{folder}/*")
            for verb in ("GetObject", "GetObjectVersion")
            for folder in ("sources", "uploads")
        ),
        *((f"dynamodb:{verb}", "JobsTable.Arn") for verb in ("GetItem", "UpdateItem")),
        *(
            (f"sqs:{verb}", "PlanQueue.Arn")
            for verb in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "ChangeMessageVisibility")
        ),
    },
}
# Actions that may name every resource, and why.
WITHOUT_RESOURCES = {
    "xray:PutTraceSegments": "X-Ray's write actions take no resource",
    "xray:PutTelemetryRecords": "X-Ray's write actions take no resource",
}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(stack: Deployed, role: str) -> Iterator[dict[str, Any]]:
    """Every statement of the inline and attached policies of a role."""
    policies = list(stack.properties(role).get("Policies", []))
    policies += [item for item in stack.of_type("AWS::IAM::Policy").values() if role in item["Roles"]]
    for policy in policies:
        yield from policy["PolicyDocument"]["Statement"]


def allowed(stack: Deployed, role: str) -> set[tuple[str, str]]:
    """Every pair (action, resource) that a role may use."""
    return {
        (action, resource)
        for statement in statements(stack, role)
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }


def role_of(stack: Deployed, function: str) -> str:
    return str(stack.properties(function)["Role"]).removesuffix(".Arn")


@pytest.mark.parametrize("tracing", ["off", "on"])
def test_no_action_is_a_pattern_and_every_resource_is_named(deploy: Callable[..., Deployed], tracing: str) -> None:
    stack = deploy(Tracing=tracing)
    for role in stack.of_type("AWS::IAM::Role"):
        for statement in statements(stack, role):
            assert statement["Effect"] == "Allow"
            assert not {"NotAction", "NotResource"} & statement.keys()
        for action, resource in allowed(stack, role):
            assert "*" not in action, (role, action)
            if resource == "*":
                assert action in WITHOUT_RESOURCES, (role, action)


@pytest.mark.parametrize("function", READS)
def test_a_function_reads_its_prefixes_writes_logs_and_has_the_rights_of_the_table(
    deployed: Deployed, function: str
) -> None:
    role = role_of(deployed, function)
    sharing = {name for name in READS if role_of(deployed, name) == role}
    logs = {str(deployed.properties(name)["LoggingConfig"]["LogGroup"]) for name in sharing}
    expected = {("s3:GetObject", f"ModelsBucket.Arn/{prefix}") for prefix in READS[function]}
    expected |= {("s3:ListBucket", "ModelsBucket.Arn")}
    expected |= {(f"logs:{verb}", f"{group}.Arn") for verb in ("CreateLogStream", "PutLogEvents") for group in logs}
    assert allowed(deployed, role) == expected | RIGHTS.get(function, set())


@pytest.mark.parametrize("function", READS)
def test_a_missing_key_reads_as_missing_not_as_forbidden(deployed: Deployed, function: str) -> None:
    """S3 answers 404 only to a caller that may list the bucket with that key as its prefix; moto always does."""
    listed: dict[str, set[str]] = {}
    for statement in statements(deployed, role_of(deployed, function)):
        if statement["Action"] == "s3:ListBucket":
            assert statement["Resource"] not in listed
            listed[statement["Resource"]] = set(as_list(statement["Condition"]["StringLike"]["s3:prefix"]))
    expected = {"ModelsBucket.Arn": set(READS[function]), "UploadsBucket.Arn": set(LOOKS_FOR.get(function, ()))}
    assert listed == {bucket: prefixes for bucket, prefixes in expected.items() if prefixes}


def test_every_function_is_in_the_table_and_roles_are_for_lambda_only(deployed: Deployed) -> None:
    assert deployed.of_type("AWS::Lambda::Function").keys() == READS.keys()
    for properties in deployed.of_type("AWS::IAM::Role").values():
        assert "ManagedPolicyArns" not in properties
        (statement,) = properties["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_functions_trace_only_when_asked(deploy: Callable[..., Deployed]) -> None:
    for switch, mode, expected in (("off", "PassThrough", 0), ("on", "Active", len(WITHOUT_RESOURCES))):
        stack = deploy(Tracing=switch)
        for function in READS:
            assert stack.properties(function)["TracingConfig"]["Mode"] == mode
            assert (
                sum(action in WITHOUT_RESOURCES for action, _ in allowed(stack, role_of(stack, function))) == expected
            )
