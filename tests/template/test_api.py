"""The API beside its routes: CORS, limits, logs, the domain; the bucket; the alarms."""

from collections.abc import Callable
from typing import Any

from tests.template.deployment import Deployed

DOMAIN = {"DomainName": "detect.example.com", "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/1"}


def test_browsers_may_call_and_read_the_headers_of_the_contract(deployed: Deployed) -> None:
    cors = deployed.properties("Api")["Body"]["x-amazon-apigateway-cors"]
    assert cors["allowOrigins"] == "*"
    assert "allowCredentials" not in cors  # the gateway refuses it beside the origin *
    assert set(cors["allowMethods"]) == {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
    assert cors["allowHeaders"] == ["authorization", "*"]  # which "*" does not cover
    assert cors["maxAge"] == 600
    assert {
        "X-Processing-Time",
        "X-Remote-Processing-Time",
        "X-Remote-Processing-Times",
        "X-Model-Cold-Start",
        "X-Model-Cold-Start-Count",
        "X-Model-Load-Time",
        "X-Model-Load-Details",
        "X-Model-Id",
        "X-Workflow-Id",
        "X-Workspace-Id",
        "X-Trace-Id",
        "execution_id",
        "traceparent",
        "tracestate",
    } <= set(cors["exposeHeaders"])


def test_the_stage_throttles_and_its_log_holds_no_query(deploy: Callable[..., Deployed]) -> None:
    stages = deploy(ThrottleRate="7", ThrottleBurst="9").of_type("AWS::ApiGatewayV2::Stage")
    (stage,) = stages.values()
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": "7", "ThrottlingBurstLimit": "9"}
    assert stage["AccessLogSettings"]["DestinationArn"] == "AccessLogs.Arn"
    line = stage["AccessLogSettings"]["Format"]
    assert "\n" not in line
    assert "$context.path" in line
    assert "query" not in line.lower()  # the query carries the caller's key


def test_a_domain_is_made_only_when_named(deploy: Callable[..., Deployed]) -> None:
    made = ("AWS::ApiGatewayV2::DomainName", "AWS::ApiGatewayV2::ApiMapping", "AWS::Route53::RecordSet")
    for parameters, counts in (
        ({}, (0, 0, 0)),
        (DOMAIN, (1, 1, 0)),
        (DOMAIN | {"HostedZoneId": "Z123456"}, (1, 1, 1)),
        ({"HostedZoneId": "Z123456"}, (0, 0, 0)),
    ):
        stack = deploy(**parameters)
        assert tuple(len(stack.of_type(kind)) for kind in made) == counts


def test_a_domain_maps_to_the_root_and_becomes_the_address(deploy: Callable[..., Deployed]) -> None:
    stack = deploy(**DOMAIN)
    mapping = stack.properties("ApiDomainMapping")
    assert "ApiMappingKey" not in mapping
    assert mapping["ApiId"] == "Api"
    assert stack.outputs["ApiUrl"]["Value"] == "https://detect.example.com"
    assert deploy().outputs["ApiUrl"]["Value"] == "Api.ApiEndpoint"
    assert deploy().outputs.keys() == {"ApiUrl", "ModelsBucketName", "UploadsBucketName"}


def test_models_are_private_encrypted_versioned_and_kept(deployed: Deployed) -> None:
    resource = deployed.resources["ModelsBucket"]
    bucket = resource["Properties"]
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"
    assert bucket["BucketName"] == "retinue-models-123456789012"
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    rules = bucket["LifecycleConfiguration"]["Rules"]
    assert all("ExpirationInDays" not in rule for rule in rules)  # a model in use must never expire
    assert any(rule.get("NoncurrentVersionExpiration") for rule in rules)
    assert any(rule.get("AbortIncompleteMultipartUpload") for rule in rules)


def test_the_bucket_refuses_plain_http(deployed: Deployed) -> None:
    policy = deployed.properties("ModelsBucketPolicy")
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert policy["Bucket"] == "ModelsBucket"
    assert (statement["Effect"], statement["Action"], statement["Principal"]) == ("Deny", "s3:*", "*")
    assert statement["Resource"] == ["ModelsBucket.Arn", "ModelsBucket.Arn/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": False}}


def test_alarms_watch_every_function_and_the_api(deployed: Deployed) -> None:
    functions = set(deployed.of_type("AWS::Lambda::Function"))
    alarms = deployed.of_type("AWS::CloudWatch::Alarm")
    for name, metric in (("FunctionErrorsAlarm", "Errors"), ("FunctionThrottlesAlarm", "Throttles")):
        watched = [item["MetricStat"]["Metric"] for item in alarms[name]["Metrics"] if "MetricStat" in item]
        assert {item["MetricName"] for item in watched} == {metric}
        assert {item["Dimensions"][0]["Value"] for item in watched} == functions
    assert alarms["ApiErrorsAlarm"]["MetricName"] == "5xx"
    assert alarms["ApiErrorsAlarm"]["Dimensions"] == [{"Name": "ApiId", "Value": "Api"}]


def test_alarms_tell_whoever_was_named(deploy: Callable[..., Deployed]) -> None:
    topic = "arn:aws:sns:us-east-1:123456789012:ops"
    cases: list[tuple[dict[str, str], list[Any]]] = [
        ({}, []),
        ({"AlarmTopicArn": topic}, [topic]),
        ({"AlarmEmail": "ops@example.com"}, ["AlarmTopic"]),
        ({"AlarmTopicArn": topic, "AlarmEmail": "ops@example.com"}, [topic, "AlarmTopic"]),
    ]
    for parameters, actions in cases:
        stack = deploy(**parameters)
        assert len(stack.of_type("AWS::SNS::Topic")) == ("AlarmTopic" in actions)
        for alarm in stack.of_type("AWS::CloudWatch::Alarm").values():
            assert alarm["AlarmActions"] == actions
            assert alarm["TreatMissingData"] == "notBreaching"  # an idle stack is a healthy one
