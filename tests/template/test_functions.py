"""Functions and layers: limits, logs, settings, and versions that follow the code."""

import re
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest

from retinue.config import Settings
from tests.template.deployment import ROOT, Deployed

POOLS = ("DetectFunction", "ClassifyFunction", "OutlineFunction", "WorkflowFunction")
BEHIND_QUEUES = ("IngestFunction", "PlannerFunction")
FUNCTIONS = (*POOLS, "CatalogFunction", "UploadsFunction", "JobsFunction", *BEHIND_QUEUES)


def test_a_function_answers_before_the_gateway_gives_up(deployed: Deployed) -> None:
    for name, properties in deployed.of_type("AWS::Lambda::Function").items():
        assert properties["Timeout"] < 30 or name in BEHIND_QUEUES, name


def test_memory_of_the_pools_is_the_parameter_and_buys_whole_processors(
    deploy: Callable[..., Deployed], source: dict[str, Any]
) -> None:
    assert source["Parameters"]["MemorySize"]["Default"] % 1769 == 0
    stack = deploy(MemorySize="5307")
    assert {stack.properties(name)["MemorySize"] for name in POOLS} == {"5307"}
    assert stack.properties("CatalogFunction")["MemorySize"] == 512


def test_the_disk_of_a_pool_holds_the_weights_cache(deployed: Deployed) -> None:
    for name in (*POOLS, "IngestFunction"):
        assert deployed.properties(name)["EphemeralStorage"]["Size"] > Settings().model_disk_mb


def test_every_function_logs_to_a_group_of_its_own_that_forgets(deploy: Callable[..., Deployed]) -> None:
    stack = deploy(LogRetentionDays="7")
    groups = stack.of_type("AWS::Logs::LogGroup")
    used = [stack.properties(name)["LoggingConfig"]["LogGroup"] for name in FUNCTIONS]
    assert len(set(used)) == len(FUNCTIONS)
    assert groups.keys() >= {*used, "AccessLogs"}
    assert {properties["RetentionInDays"] for properties in groups.values()} == {"7"}


@pytest.mark.parametrize(("level", "filtered_below"), [("DEBUG", "DEBUG"), ("INFO", "INFO"), ("ERROR", "INFO")])
def test_metric_lines_pass_lambdas_own_filter(deploy: Callable[..., Deployed], level: str, filtered_below: str) -> None:
    stack = deploy(LogLevel=level)
    for name in FUNCTIONS:
        assert stack.properties(name)["LoggingConfig"]["ApplicationLogLevel"] == filtered_below
        assert stack.properties(name)["Environment"]["Variables"]["RETINUE_LOG_LEVEL"] == level


def test_the_environment_is_what_the_settings_know(deployed: Deployed) -> None:
    known = {f"RETINUE_{field.name.upper()}" for field in fields(Settings)}
    for name in FUNCTIONS:
        variables = deployed.properties(name)["Environment"]["Variables"]
        ours = {key: value for key, value in variables.items() if key.startswith("RETINUE_")}
        assert ours.keys() <= known
        others = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "PYDANTIC_DISABLE_PLUGINS"}
        assert variables.keys() - ours.keys() == others
        settings = Settings.from_env(ours)
        assert settings.models_bucket == "ModelsBucket"
        assert name.lower().startswith(variables["POWERTOOLS_SERVICE_NAME"])


def test_levels_that_the_parameter_offers_are_levels_that_the_settings_take(source: dict[str, Any]) -> None:
    for level in source["Parameters"]["LogLevel"]["AllowedValues"]:
        assert Settings.from_env({"RETINUE_LOG_LEVEL": level}).log_level == level


def test_layers_and_functions_are_of_the_chosen_runtime_and_architecture(deploy: Callable[..., Deployed]) -> None:
    stack = deploy(Runtime="python3.11", Architecture="arm64")
    for properties in stack.of_type("AWS::Lambda::Function").values():
        assert (properties["Runtime"], properties["Architectures"]) == ("python3.11", ["arm64"])
        assert [re.sub("[0-9a-f]{10}$", "", layer) for layer in properties["Layers"]] == ["RuntimeLayer", "CoreLayer"]
    for properties in stack.of_type("AWS::Lambda::LayerVersion").values():
        assert (properties["CompatibleRuntimes"], properties["CompatibleArchitectures"]) == (["python3.11"], ["arm64"])


def test_every_runtime_on_offer_has_its_wheels_locked(source: dict[str, Any]) -> None:
    runtimes = source["Parameters"]["Runtime"]["AllowedValues"]
    locks = {path.name for path in (ROOT / "layers" / "runtime").glob("requirements-*.txt")}
    assert locks == {f"requirements-{runtime.removeprefix('python')}.txt" for runtime in runtimes}


def test_new_code_in_a_layer_publishes_a_new_version_of_every_function(deploy: Callable[..., Deployed]) -> None:
    """The API calls an alias of a version; were the version to stay, it would go on with the old layer."""
    before = deploy(core_layer="first").of_type("AWS::Lambda::Version")
    after = deploy(core_layer="second").of_type("AWS::Lambda::Version")
    assert len(before) == len(after) == len(FUNCTIONS)
    assert not before.keys() & after.keys()


def test_nothing_is_kept_warm_unless_asked(deploy: Callable[..., Deployed]) -> None:
    for parameters, expected in (({}, None), ({"ProvisionedConcurrency": "2"}, "2")):
        aliases = deploy(**parameters).of_type("AWS::Lambda::Alias")
        warm = {item["FunctionName"]: item.get("ProvisionedConcurrencyConfig") for item in aliases.values()}
        assert warm.keys() == set(FUNCTIONS)
        for name in POOLS:
            assert warm[name] == (expected and {"ProvisionedConcurrentExecutions": expected})
        assert not any(warm[name] for name in set(FUNCTIONS) - set(POOLS))
