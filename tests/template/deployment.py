"""What one deployment of template.yaml would create."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Deployed:
    """Resources and outputs, resolved: a resource's `Ref` reads as its logical id, an attribute as `id.Name`."""

    resources: Mapping[str, Mapping[str, Any]]
    outputs: Mapping[str, Any]

    def of_type(self, kind: str) -> dict[str, Any]:
        """Logical id -> properties of every resource of a CloudFormation type."""
        return {name: item["Properties"] for name, item in self.resources.items() if item["Type"] == kind}

    def properties(self, logical_id: str) -> dict[str, Any]:
        """Properties of one resource."""
        properties: dict[str, Any] = self.resources[logical_id]["Properties"]
        return properties
