"""A running stack with what the tests put into it: models, keys, and the ways to talk to it."""

import http.client
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import orjson
import psutil

from local.stack import Stack
from retinue.models.package import ModelId
from retinue.operator.keys import create_key
from retinue.operator.publish import WEIGHTS_NAME, Candidate, describe_file, examine, publish
from retinue.workflows.saved import workflow_object

INFERENCE_FUNCTIONS = ("DetectFunction", "ClassifyFunction", "OutlineFunction", "WorkflowFunction")
DETECTOR, SEGMENTER, CLASSIFIER = "shapes/1", "tiles/1", "colours/1"
# What the SDK says of the bare base64 that it sends.
AS_JSON = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A response as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes


class Deployment:
    """A stack, seen by its operator and by a client that sends exactly what it is told."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        environment = stack.environment()
        self.bucket = environment["RETINUE_MODELS_BUCKET"]
        self.s3: Any = boto3.client(
            "s3",
            endpoint_url=stack.s3_url,
            region_name=environment["AWS_REGION"],
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        )

    @property
    def url(self) -> str:
        """Where the API is served, without a trailing slash."""
        return self.stack.url

    def publish(self, model_id: str, source: Path, *aliases: str) -> Candidate:
        """Publishes a model as the operator's command does."""
        candidate = examine(ModelId.parse(model_id), source)
        publish(candidate, self.s3, self.bucket, aliases=aliases, progress=lambda sent: None)
        return candidate

    def publish_like(
        self, candidate: Candidate, model_id: str, weights: Path, *aliases: str, **changes: Any
    ) -> Candidate:
        """Publishes other weights of the same shape without measuring them again; `changes` are of the manifest."""
        manifest = replace(
            candidate.manifest, model_id=model_id, weights=describe_file(weights, WEIGHTS_NAME), **changes
        )
        alike = Candidate(manifest, replace(candidate.source, weights=weights))
        publish(alike, self.s3, self.bucket, aliases=aliases, progress=lambda sent: None)
        return alike

    def create_key(self, *projects: str) -> str:
        """A new API key for these projects, or for every one."""
        scopes = {"scopes": projects} if projects else {}
        return create_key(self.s3, self.bucket, name="test", **scopes)

    def save_workflow(self, workflow: str, document: dict[str, Any], version: str | None = None) -> None:
        """Saves a workflow as `workspace/id`, or a version of one."""
        workspace, _, workflow_id = workflow.partition("/")
        key = workflow_object(workspace, workflow_id, version)
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=orjson.dumps(document))

    def send(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        timeout_s: float = 40,
    ) -> Answer:
        """Sends a request target word by word: no library tidies `..`, `%2f` or doubled slashes away."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=timeout_s)
        try:
            connection.request(method, target, body, headers or {})
            response = connection.getresponse()
            answer_headers = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, answer_headers, response.read())
        finally:
            connection.close()

    def pids(self) -> list[int]:
        """The processes that infer, in any pool."""
        return [pid for function in INFERENCE_FUNCTIONS for pid in self.stack.workers(function)]

    def resident_mb(self) -> dict[int, float]:
        """Resident memory of each process that infers, in MB (10^6 bytes)."""
        return {pid: psutil.Process(pid).memory_info().rss / 1e6 for pid in self.pids()}
