"""template.yaml as CloudFormation would see it: transformed by SAM's own translator, offline, and resolved."""

import copy
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pytest
from samtranslator.translator.transform import transform

from local.intrinsics import Resolver, load_yaml
from tests.template.deployment import ROOT, Deployed


class _NoManagedPolicies:
    """The translator asks for names of AWS-managed policies; the template uses none."""

    def load(self) -> dict[str, str]:
        return {}


@pytest.fixture(scope="session")
def source() -> dict[str, Any]:
    """template.yaml itself, tags in their long form."""
    return load_yaml(ROOT / "template.yaml")


@pytest.fixture(scope="session")
def deploy(source: dict[str, Any]) -> Callable[..., Deployed]:
    """deploy(DomainName="...") -> Deployed, with those parameters and the defaults of the rest."""

    @cache
    def deploy(core_layer: str = "first", **parameters: str) -> Deployed:
        """`core_layer` stands for the uploaded content of that layer."""
        document = copy.deepcopy(source)
        for name, resource in document["Resources"].items():
            place = {"Bucket": "artifacts", "Key": core_layer if name == "CoreLayer" else name}
            if resource["Type"] == "AWS::Serverless::Function":
                resource["Properties"]["CodeUri"] = place
            if resource["Type"] == "AWS::Serverless::LayerVersion":
                resource["Properties"]["ContentUri"] = place
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_DEFAULT_REGION", "us-east-1")  # the translator names the partition after it
            made = transform(document, parameters, _NoManagedPolicies())
        values = {name: _value(spec, parameters.get(name)) for name, spec in made["Parameters"].items()}
        resolver = Resolver(made, values, lambda name: name, lambda name, attribute: f"{name}.{attribute}")
        return Deployed(*(_resolved(made[section], resolver) for section in ("Resources", "Outputs")))

    return deploy


def _value(declared: Mapping[str, Any], given: str | None) -> Any:
    """A parameter's value: what was given, else its default; of a list its items."""
    value = declared.get("Default") if given is None else given
    return str(value).split(",") if declared["Type"] == "CommaDelimitedList" else value


def _resolved(section: Mapping[str, Any], resolver: Resolver) -> dict[str, Any]:
    """The entries of a section whose condition holds, with every intrinsic in them resolved."""
    return {
        name: resolver.resolve({key: value for key, value in item.items() if key != "Condition"}, name)
        for name, item in section.items()
        if "Condition" not in item or resolver.condition(item["Condition"], name)
    }


@pytest.fixture(scope="session")
def deployed(deploy: Callable[..., Deployed]) -> Deployed:
    """The stack with every parameter at its default."""
    return deploy()
