"""A job as its planner leaves it, in moto's server: pictures, a tiny model, plan, shard files and records; and the
container's process on it."""

import os
import subprocess
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import orjson

from retinue.config import Settings
from retinue.jobs.layout import item_id, new_job_id, output_prefix, part_folder, plan_key, result_key, shard_key
from retinue.jobs.record import Job, timestamp
from retinue.jobs.store import JobStore
from retinue.models.package import ModelId
from retinue.worker.attempt import Attempt
from retinue.worker.stop import Stop
from tests.unit.job_tables import create_jobs_table
from tests.unit.networks import brightness_network, make_manifest, package_file
from tests.unit.pictures import encode

ROOT = Path(__file__).parents[2]
MODEL = "light/1"
SIZE = 32


def environment(url: str) -> dict[str, str]:
    """What points AWS SDKs at the server."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def client(url: str, service: str) -> Any:
    """A boto3 client of the server."""
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


@dataclass
class JobWorld:
    """A bucket for models and one for uploads, and a table for jobs."""

    url: str
    folder: Path  # of the weights on disk
    bucket: str = field(default_factory=lambda: f"uploads-{uuid.uuid4().hex}")
    models: str = field(default_factory=lambda: f"models-{uuid.uuid4().hex}")

    def __post_init__(self) -> None:
        self.s3, self.dynamodb = client(self.url, "s3"), client(self.url, "dynamodb")
        self.s3.create_bucket(Bucket=self.bucket)
        self.s3.create_bucket(Bucket=self.models)
        self.table = create_jobs_table(self.dynamodb)
        self.store = JobStore(self.table, self.dynamodb)

    def close(self) -> None:
        """Closes the clients."""
        self.s3.close()
        self.dynamodb.close()

    def publish(self, model_id: str = MODEL, *, batch: int | None = None, **changes: Any) -> None:
        """A classifier that says how bright a picture is; `batch`: the fixed one of its graph."""
        network = brightness_network(size_wh=(SIZE, SIZE), batch=batch or "n").SerializeToString()
        manifest = make_manifest(
            model_id=model_id,
            task="classification",
            family="classifier",
            class_names=("bright", "dark"),
            size_wh=(SIZE, SIZE),
            batch=batch,
            weights=package_file(network, part_bytes=1 << 20),
            **changes,
        )
        folder = ModelId.parse(model_id).folder
        self.s3.put_object(Bucket=self.models, Key=f"{folder}weights.onnx", Body=network)
        self.s3.put_object(Bucket=self.models, Key=f"{folder}manifest.json", Body=manifest.to_json())

    def put_pictures(self, count: int, prefix: str = "in/") -> list[dict[str, Any]]:
        """Small pictures, no two alike; the lines of a shard file about them."""
        random = np.random.default_rng(7)
        lines = []
        for number in range(count):
            pixels = random.integers(0, 256, (24, 40, 3), np.uint8)
            pixels[..., 0] = number % 256
            lines.append(self.put(f"{prefix}{number:05d}.png", encode(pixels, "PNG")))
        return lines

    def put(self, key: str, body: bytes) -> dict[str, Any]:
        """An object; its line of a shard file."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return self.line(key, len(body))

    def line(self, key: str, size_bytes: int = 1000, bucket: str | None = None) -> dict[str, Any]:
        """The line of a shard file about an object, which need not exist."""
        place = bucket or self.bucket
        identifier = item_id(place, key, None)
        return {"id": identifier, "bucket": place, "key": key, "version": None, "size_bytes": size_bytes}

    def plan(self, *shards: Sequence[dict[str, Any]], **changes: Any) -> str:
        """Writes plan, shard files and a running job; returns its id."""
        job_id = new_job_id()
        plan = {
            "version": 1,
            "job_id": job_id,
            "workspace": "local",
            "scopes": ["*"],
            "target": {"type": "model", "model_id": MODEL},
            "parameters": {"confidence": 0.01},
            "source": {"type": "s3", "bucket": self.bucket, "prefix": "in/"},
            "batch_size": 4,
            "part_size": 10,
            "shards": [{"items": len(lines)} for lines in shards],
            "output": {"bucket": self.bucket, "prefix": output_prefix(job_id)},
            "draw": False,
        } | changes
        for index, lines in enumerate(shards):
            body = b"".join(orjson.dumps(line) + b"\n" for line in lines)
            self.s3.put_object(Bucket=self.bucket, Key=shard_key(job_id, index), Body=body)
        self.s3.put_object(Bucket=self.bucket, Key=plan_key(job_id), Body=orjson.dumps(plan))
        now = timestamp(1_800_000_000)
        total = sum(len(lines) for lines in shards)
        job = Job(
            job_id=job_id,
            workspace="local",
            state="running",
            created_at=now,
            updated_at=now,
            items_total=total,
            shards_total=len(shards),
        )
        self.store.create(job)
        return job_id

    def variables(self) -> dict[str, str]:
        """The environment of the container, and nothing else."""
        return {
            **environment(self.url),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "shared"),
            "RETINUE_MODELS_BUCKET": self.models,
            "RETINUE_UPLOADS_BUCKET": self.bucket,
            "RETINUE_JOBS_TABLE": self.table,
            "RETINUE_CACHE_DIR": str(self.folder),
            "RETINUE_THREADS": "1",
        }

    def start(self, job_id: str, shard: int | None = 0, **variables: str) -> "subprocess.Popen[str]":
        """The container's process; its log is its standard output."""
        command = [sys.executable, "-m", "retinue.worker", "--job", job_id]
        if shard is not None:
            command += ["--shard", str(shard)]
        return subprocess.Popen(
            command,
            env={**self.variables(), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def attempt(self, job_id: str, shard: int = 0, **variables: str) -> tuple[int, list[dict[str, Any]]]:
        """The same without a process of its own; `environment(url)` must be set in this one."""
        env = {**self.variables(), **variables}
        log = ListLog()
        attempt = Attempt(
            job_id=job_id, shard=shard, settings=Settings.from_env(env), env=env, log=log, stop=Stop(), report_s=0.2
        )
        return int(attempt.run()), log.lines

    def run(self, job_id: str, shard: int | None = 0, **variables: str) -> tuple[int, list[dict[str, Any]]]:
        """Runs the process to its end: exit status and log lines."""
        process = self.start(job_id, shard, **variables)
        output, _ = process.communicate(timeout=100)
        return process.returncode, log_lines(output)

    def parts(self, job_id: str, shard: int = 0) -> dict[str, bytes]:
        """The bytes of the parts by key."""
        folder = part_folder(job_id, shard)
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=folder).get("Contents", [])
        return {item["Key"].removeprefix(folder): self.read(item["Key"]) for item in found}

    def result(self, job_id: str, shard: int = 0) -> list[dict[str, Any]]:
        """The lines of a shard's result."""
        return [orjson.loads(line) for line in self.result_bytes(job_id, shard).splitlines()]

    def result_bytes(self, job_id: str, shard: int = 0) -> bytes:
        return self.read(result_key(output_prefix(job_id), shard))

    def read_model(self, model_id: str = MODEL) -> bytes:
        """The weights of a published model."""
        key = f"{ModelId.parse(model_id).folder}weights.onnx"
        with self.s3.get_object(Bucket=self.models, Key=key)["Body"] as body:
            return bytes(body.read())

    def read(self, key: str) -> bytes:
        with self.s3.get_object(Bucket=self.bucket, Key=key)["Body"] as body:
            return bytes(body.read())


class ListLog:
    """A log that keeps its lines, whatever their level."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def debug(self, message: str, *, extra: dict[str, Any]) -> None:
        self.lines.append({"message": message, **extra})

    info = warning = debug


def log_lines(output: str) -> list[dict[str, Any]]:
    """The lines of JSON in a log; anything else becomes {"text": ...}."""
    lines = []
    for line in output.splitlines():
        try:
            lines.append(orjson.loads(line))
        except orjson.JSONDecodeError:
            lines.append({"text": line})
    return lines
