"""Secrets of the service's environment."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from retinue.workflows.block import Block, Kinds
from retinue.workflows.kinds import ANY
from retinue.workflows.manifest import Manifest


class EnvironmentSecretsStoreManifest(Manifest):
    """Which variables to read."""

    variables_storing_secrets: Annotated[list[str], Field(min_length=1)] = Field(
        description="The environment variables that become outputs, their names in small letters."
    )


class EnvironmentSecretsStore(Block):
    """The values of environment variables; null for those that are not set.

    Raises RuntimeError where the operator does not allow it.
    """

    identifier = "roboflow_core/environment_secrets_store@v1"
    title = "Environment Secrets Store"
    category = "secrets_provider"
    manifest = EnvironmentSecretsStoreManifest
    outputs = {"*": (ANY,)}

    @classmethod
    def outputs_of(cls, manifest: EnvironmentSecretsStoreManifest) -> Mapping[str, Kinds]:
        return {name.lower(): ("secret",) for name in manifest.variables_storing_secrets}

    def run(self, variables_storing_secrets: list[str]) -> dict[str, Any]:
        secrets = self.runtime.secrets
        if secrets is None:
            raise RuntimeError(
                f"`{self.identifier}` block cannot run in this environment - access to environment variables is "
                "forbidden"
            )
        return {name.lower(): secrets.get(name) for name in variables_storing_secrets}
