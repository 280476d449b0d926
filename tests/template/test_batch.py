"""AWS Batch: what is there with BatchCompute none, cpu and gpu; that nothing idles; retries; rights; the network."""

from collections.abc import Callable
from typing import Any

import pytest

from local.batch_definitions import read_job_definition
from retinue.config import Settings
from retinue.worker.exit_codes import ExitCode
from tests.template.deployment import Deployed
from tests.template.test_permissions import allowed, as_list, statements

Deploy = Callable[..., Deployed]
OF_BATCH = ("AWS::Batch::", "AWS::EC2::")
NETWORK = {"SubnetIds": "subnet-1,subnet-2", "SecurityGroupIds": "sg-1"}


@pytest.fixture(scope="module")
def cpu(deploy: Deploy) -> Deployed:
    return deploy(BatchCompute="cpu", BatchCpuImageUri="image:cpu")


@pytest.fixture(scope="module")
def gpu(deploy: Deploy) -> Deployed:
    return deploy(BatchCompute="gpu", BatchCpuImageUri="image:cpu", BatchGpuImageUri="image:gpu")


def added(stack: Deployed, base: Deployed) -> set[str]:
    return set(stack.resources) - set(base.resources)


def test_nothing_of_batch_is_there_by_default(deployed: Deployed) -> None:
    assert not [name for name, item in deployed.resources.items() if item["Type"].startswith(OF_BATCH)]
    assert not [name for name in deployed.resources if name.startswith("Batch")]


def test_without_gpu_nothing_of_it_is_there(deployed: Deployed, cpu: Deployed, gpu: Deployed) -> None:
    assert added(gpu, cpu) == {
        "JobQueueGpu", "ComputeGpuSpot", "ComputeGpu", "JobDefinitionGpu", "BatchLaunchTemplate",
        "BatchInstanceRole", "BatchInstanceProfile",
    }  # fmt: skip
    kinds = {stack.resources[name]["Type"] for stack in (cpu,) for name in added(cpu, deployed)}
    assert "AWS::EC2::LaunchTemplate" not in kinds and "AWS::IAM::InstanceProfile" not in kinds
    assert not any("GPU" in str(item) for item in cpu.of_type("AWS::Batch::JobDefinition").values())


def test_no_machine_runs_while_no_job_does(gpu: Deployed) -> None:
    for name, item in gpu.of_type("AWS::Batch::ComputeEnvironment").items():
        machines = item["ComputeResources"]
        if machines["Type"].startswith("FARGATE"):
            assert "MinvCpus" not in machines
        else:
            assert machines["MinvCpus"] == 0 and "DesiredvCpus" not in machines, name
    assert not gpu.of_type("AWS::EC2::NatGateway")
    endpoints = gpu.of_type("AWS::EC2::VPCEndpoint").values()
    assert {item["VpcEndpointType"] for item in endpoints} == {"Gateway"}  # those of the other kind cost by the hour


@pytest.mark.parametrize(
    ("queue", "kinds"), [("JobQueueCpu", ["FARGATE_SPOT", "FARGATE"]), ("JobQueueGpu", ["SPOT", "EC2"])]
)
def test_spot_comes_first_and_machines_on_demand_behind_it(gpu: Deployed, queue: str, kinds: list[str]) -> None:
    order = sorted(gpu.properties(queue)["ComputeEnvironmentOrder"], key=lambda item: item["Order"])
    environments = [gpu.properties(item["ComputeEnvironment"])["ComputeResources"] for item in order]
    assert [machines["Type"] for machines in environments] == kinds
    if kinds[0] == "SPOT":
        assert environments[0]["AllocationStrategy"] == "SPOT_PRICE_CAPACITY_OPTIMIZED"
        assert {str(machines["Ec2Configuration"]) for machines in environments} == {
            "[{'ImageType': 'ECS_AL2023_NVIDIA'}]"
        }


def test_the_gpu_definition_asks_for_one_gpu_and_fits_the_smallest_machine(gpu: Deployed) -> None:
    wanted = {
        item["Type"]: int(item["Value"])
        for item in gpu.properties("JobDefinitionGpu")["ContainerProperties"]["ResourceRequirements"]
    }
    assert wanted["GPU"] == 1
    assert wanted["VCPU"] == 4 and wanted["MEMORY"] <= 15 * 1024  # g4dn.xlarge: 4 vCPU, 16 GiB less what ECS takes


@pytest.mark.parametrize("name", ["JobDefinitionCpu", "JobDefinitionGpu"])
@pytest.mark.parametrize(
    ("status_reason", "reason", "code", "is_retried"),
    [
        pytest.param("Host EC2 (instance i-1) terminated.", "", 137, True, id="the Spot machine went away"),
        pytest.param("Task exited", "", ExitCode.TRY_AGAIN, True, id="stopped or AWS silent"),
        pytest.param("Task exited", "", ExitCode.UNUSABLE, False, id="unusable plan"),
        pytest.param("Task exited", "", ExitCode.DEFECT, False, id="defect"),
        pytest.param("Task exited", "", 137, True, id="killed"),
        pytest.param("Task exited", "", 143, True, id="stopped while Python started"),
        pytest.param("Task exited", "OutOfMemoryError: Container killed", 137, False, id="out of memory"),
        pytest.param("Task failed", "CannotPullContainerError: no such image", -1, False, id="no such image"),
    ],
)
def test_what_is_tried_again(
    gpu: Deployed, name: str, status_reason: str, reason: str, code: int, is_retried: bool
) -> None:
    definition = read_job_definition(name, name, gpu.properties(name))
    assert definition.attempts == 10
    assert definition.tries_again(status_reason, reason, code, attempt=1) is is_retried
    assert not definition.tries_again(status_reason, reason, code, attempt=10)
    assert definition.timeout_s == 86_400
    assert len(definition.rules) <= 5  # AWS takes no more


@pytest.mark.parametrize(("name", "device"), [("JobDefinitionCpu", "cpu"), ("JobDefinitionGpu", "gpu")])
def test_containers_get_what_the_settings_know(gpu: Deployed, name: str, device: str) -> None:
    container = gpu.properties(name)["ContainerProperties"]
    environment = {item["Name"]: item["Value"] for item in container["Environment"]}
    settings = Settings.from_env(environment)
    assert (settings.device, settings.models_bucket, settings.uploads_bucket) == (
        device,
        "ModelsBucket",
        "UploadsBucket",
    )
    assert settings.jobs_table == "JobsTable"
    assert container["Image"] == f"image:{device}"
    assert container["LogConfiguration"]["Options"]["awslogs-group"] == "BatchLogs"
    assert gpu.properties("BatchLogs")["RetentionInDays"] == 30


class TestRights:
    def test_the_container_reads_models_and_sources_and_writes_below_jobs(self, cpu: Deployed) -> None:
        assert allowed(cpu, "BatchJobRole") == {
            ("s3:GetObject", "ModelsBucket.Arn/models/*"),
            ("s3:GetObject", "ModelsBucket.Arn/aliases/*"),
            ("s3:GetObject", "ModelsBucket.Arn/workflows/*"),
            ("s3:ListBucket", "ModelsBucket.Arn"),
            ("s3:GetObject", "UploadsBucket.Arn/*"),
            ("s3:GetObjectVersion", "UploadsBucket.Arn/*"),
            ("s3:ListBucket", "UploadsBucket.Arn"),
            ("s3:PutObject", "UploadsBucket.Arn/jobs/*"),
            ("s3:AbortMultipartUpload", "UploadsBucket.Arn/jobs/*"),
            ("dynamodb:GetItem", "JobsTable.Arn"),
            ("dynamodb:UpdateItem", "JobsTable.Arn"),
        }

    def test_further_buckets_are_named_one_by_one(self, deploy: Deploy, cpu: Deployed) -> None:
        stack = deploy(BatchCompute="cpu", SourceBuckets="first,second.one", OutputBuckets="third")
        assert allowed(stack, "BatchJobRole") - allowed(cpu, "BatchJobRole") == {
            *(
                (action, f"arn:aws:s3:::{bucket}/*")
                for bucket in ("first", "second.one")
                for action in ("s3:GetObject", "s3:GetObjectVersion")
            ),
            ("s3:ListBucket", "arn:aws:s3:::first"),  # without it a missing picture reads as forbidden
            ("s3:ListBucket", "arn:aws:s3:::second.one"),
            ("s3:PutObject", "arn:aws:s3:::third/*"),
            ("s3:AbortMultipartUpload", "arn:aws:s3:::third/*"),
        }

    def test_lists_of_buckets_do_nothing_without_batch(self, deploy: Deploy, deployed: Deployed) -> None:
        stack = deploy(SourceBuckets="first", OutputBuckets="third")
        assert stack.of_type("AWS::IAM::Policy").keys() == deployed.of_type("AWS::IAM::Policy").keys()

    def test_every_resource_is_named_but_where_the_action_takes_none(self, gpu: Deployed) -> None:
        roles = [name for name in gpu.of_type("AWS::IAM::Role") if name.startswith("Batch")]
        assert set(roles) == {"BatchJobRole", "BatchExecutionRole", "BatchInstanceRole"}
        for role in roles:
            for statement in statements(gpu, role):
                if "*" in as_list(statement["Resource"]):
                    assert statement["Action"] == "ecr:GetAuthorizationToken"  # for the registry as a whole
                assert not any("*" in action for action in as_list(statement["Action"]))

    @pytest.mark.parametrize(
        ("role", "principal"),
        [
            ("BatchJobRole", "ecs-tasks.amazonaws.com"),
            ("BatchExecutionRole", "ecs-tasks.amazonaws.com"),
            ("BatchInstanceRole", "ec2.amazonaws.com"),
        ],
    )
    def test_roles_are_for_one_service(self, gpu: Deployed, role: str, principal: str) -> None:
        (statement,) = gpu.properties(role)["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": principal}
        managed = gpu.properties(role).get("ManagedPolicyArns", [])
        # The agent on the machine is AWS's, and so is the list of what it calls.
        only = "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
        assert managed == ([only] if role == "BatchInstanceRole" else [])


class TestNetwork:
    def test_the_stack_makes_one_that_nobody_can_enter(self, cpu: Deployed) -> None:
        subnets = cpu.of_type("AWS::EC2::Subnet")
        assert len({item["AvailabilityZone"] for item in subnets.values()}) == 2
        group = cpu.properties("BatchSecurityGroup")
        assert "SecurityGroupIngress" not in group
        assert [rule["FromPort"] for rule in group["SecurityGroupEgress"]] == [443]
        routes = cpu.of_type("AWS::EC2::SubnetRouteTableAssociation").values()
        assert {item["SubnetId"] for item in routes} == set(subnets)
        services = {item["ServiceName"].rpartition(".")[2] for item in cpu.of_type("AWS::EC2::VPCEndpoint").values()}
        assert services == {"s3", "dynamodb"}

    def test_every_environment_lies_in_it(self, gpu: Deployed) -> None:
        for item in gpu.of_type("AWS::Batch::ComputeEnvironment").values():
            assert item["ComputeResources"]["Subnets"] == ["BatchSubnetA", "BatchSubnetB"]
            assert item["ComputeResources"]["SecurityGroupIds"] == ["BatchSecurityGroup"]
        container = gpu.properties("JobDefinitionCpu")["ContainerProperties"]
        assert container["NetworkConfiguration"] == {"AssignPublicIp": "ENABLED"}  # there is no NAT

    def test_or_takes_the_users_own(self, deploy: Deploy, gpu: Deployed) -> None:
        stack = deploy(BatchCompute="gpu", **NETWORK)
        gone = added(gpu, stack)
        assert gone and all("AWS::EC2::" in gpu.resources[name]["Type"] for name in gone)
        for item in stack.of_type("AWS::Batch::ComputeEnvironment").values():
            assert item["ComputeResources"]["Subnets"] == ["subnet-1", "subnet-2"]
            assert item["ComputeResources"]["SecurityGroupIds"] == ["sg-1"]
        container = stack.properties("JobDefinitionCpu")["ContainerProperties"]
        assert container["NetworkConfiguration"] == {"AssignPublicIp": "DISABLED"}


def test_images_are_asked_for_before_anything_is_made(source: dict[str, Any]) -> None:
    assert {"BatchNeedsImage", "GpuNeedsImage"} <= source["Rules"].keys()


def test_a_queue_ends_jobs_that_no_machine_can_take(gpu: Deployed) -> None:
    for queue in gpu.of_type("AWS::Batch::JobQueue").values():
        assert {action["Action"] for action in queue["JobStateTimeLimitActions"]} == {"CANCEL"}
