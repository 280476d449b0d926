"""Every setting of the service, declared once: name, type, default, range and meaning.

`Settings.from_env` is the only reader of the environment. Entry points read it once and pass the
object down; tests build `Settings(...)` directly.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

PREFIX = "RETINUE_"
# AWS: 1,769 MB of memory buy one vCPU, linearly. os.cpu_count() overstates what a function owns.
MEMORY_MB_PER_VCPU = 1769


class ConfigurationError(Exception):
    """The environment holds values that cannot be used. The message lists all of them."""


def _setting(default: Any, meaning: str, **rules: Any) -> Any:
    """A field with its meaning; rules: min, max (numbers), choices (texts)."""
    return field(default=default, metadata={"meaning": meaning, **rules})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one process. The variable of `max_pixels` is `RETINUE_MAX_PIXELS`, and so on."""

    models_bucket: str = _setting("", "S3 bucket that holds models, aliases and keys")
    log_level: str = _setting(
        "INFO",
        "how much is logged; DEBUG also writes the words of unexpected errors, which may repeat a key or a picture",
        choices=("DEBUG", "INFO", "WARNING", "ERROR"),
    )
    threads: int = _setting(0, "threads of a network run; 0: the vCPUs that the function's memory buys", min=0, max=64)
    model_memory_mb: int = _setting(0, "budget of loaded models; 0: 60 % of the function's memory", min=0)
    run_memory_mb: int = _setting(
        0, "memory for the pictures of a list that go through a network at once; 0: 15 % of the function's", min=0
    )
    model_disk_mb: int = _setting(1536, "budget of weights kept on disk", min=1)
    cache_dir: str = _setting("", "folder of the weights; empty: `retinue` in the temporary folder")
    alias_cache_s: int = _setting(60, "seconds until an alias is looked up again", min=0)
    key_cache_s: int = _setting(60, "seconds until an API key is looked up again", min=0)
    max_pixels: int = _setting(50_000_000, "largest picture in pixels (width x height)", min=1)
    accept_pickled_arrays: bool = _setting(
        False, "whether numpy pictures may be pickled, beside .npy files; they are read, never run"
    )
    max_images: int = _setting(64, "most pictures in one request", min=1)
    workflow_max_steps: int = _setting(1000, "most steps of a workflow", min=1)
    workflow_max_elements: int = _setting(10_000, "most elements, such as crops, that a workflow step makes", min=1)
    workflow_cache_s: int = _setting(60, "seconds until a saved workflow is read again", min=0)
    workflow_secrets: str = _setting(
        "", "environment variables that workflows may read as secrets, separated by commas; empty: none, refused"
    )
    max_response_mb: float = _setting(5.5, "largest response in MB; Lambda carries 6", min=0.01, max=6)
    url_input: bool = _setting(True, "whether pictures may be given by URL")
    url_timeout_s: float = _setting(10.0, "time for fetching one picture by URL", min=0.1, max=25)
    url_max_mb: float = _setting(20.0, "largest file fetched by URL in MB", min=0.01)
    url_max_redirects: int = _setting(3, "redirects followed when fetching a picture", min=0, max=10)
    url_allowed_hosts: str = _setting(
        "", "hosts of pictures, separated by commas; `.example.com`: all names below; empty: every public host"
    )
    url_denied_hosts: str = _setting("", "hosts from which no picture is fetched, written like the allowed ones")
    upload_max_mb: float = _setting(50.0, "largest uploaded picture in MB", min=0.01)
    ingest_deliveries: int = _setting(5, "deliveries after which an upload that still fails is a dead letter", min=1)
    s3_timeout_s: float = _setting(3.0, "silence of S3 after which a read is tried again", min=0.1)
    s3_attempts: int = _setting(4, "tries of one S3 read", min=1, max=10)
    uploads_bucket: str = _setting("", "S3 bucket of uploads, jobs and results")
    jobs_table: str = _setting("", "DynamoDB table of the jobs")
    plan_queue_url: str = _setting("", "SQS queue of the jobs to plan")
    job_queue_cpu: str = _setting("", "AWS Batch queue of jobs on processors; empty: none")
    job_queue_gpu: str = _setting("", "AWS Batch queue of jobs on GPUs; empty: none")
    job_definition_cpu: str = _setting("", "AWS Batch job definition for the CPU queue")
    job_definition_gpu: str = _setting("", "AWS Batch job definition for the GPU queue")
    device: str = _setting(
        "auto", "what runs the networks of a job; gpu and auto fall back to cpu, loudly", choices=("auto", "cpu", "gpu")
    )
    decode_threads: int = _setting(
        0, "threads of a job that fetch and decode pictures ahead; 0: 4 and one for each vCPU", min=0, max=256
    )
    decode_memory_mb: int = _setting(
        0, "memory for pictures of a job that wait for the network; 0: 25 % of the container's", min=0
    )
    video_max_mb: float = _setting(5120.0, "largest video of a job in MB", min=0.01)
    video_fetch_s: float = _setting(3600.0, "time for fetching a video of a job by its URL", min=1)
    max_file_mb: float = _setting(100.0, "largest file of a picture in a job in MB", min=0.01)
    # Set by Lambda and by the machine, not by the template.
    memory_mb: int = field(
        default=3538, metadata={"meaning": "memory of the function", "variable": "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"}
    )
    temp_dir: str = field(default="/tmp", metadata={"meaning": "folder for temporary files", "variable": "TMPDIR"})

    @property
    def effective_threads(self) -> int:
        """Threads of one network run: the setting, or the vCPUs that the function really has (at least 1)."""
        return self.threads or max(1, round(self.memory_mb / MEMORY_MB_PER_VCPU))

    @property
    def model_memory_bytes(self) -> int:
        """Budget of the loaded models in bytes."""
        return (self.model_memory_mb or int(self.memory_mb * 0.6)) * 1024 * 1024

    @property
    def run_memory_bytes(self) -> int:
        """Memory for the pictures of one run in bytes."""
        return (self.run_memory_mb or int(self.memory_mb * 0.15)) * 1024 * 1024

    @property
    def model_disk_bytes(self) -> int:
        """Budget of the weights on disk in bytes."""
        return self.model_disk_mb * 1024 * 1024

    @property
    def weights_dir(self) -> Path:
        """Folder of the weights on disk. Lambda gives each worker a /tmp of its own."""
        return Path(self.cache_dir or f"{self.temp_dir}/retinue")

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """The settings that `env` describes.

        Raises ConfigurationError that names every variable that cannot be used, not just the first.
        """
        values: dict[str, Any] = {}
        problems: list[str] = []
        for spec in fields(cls):
            variable = spec.metadata.get("variable", PREFIX + spec.name.upper())
            text = env.get(variable, "")
            if not text:
                continue
            try:
                values[spec.name] = _cast(text, spec.type, spec.metadata)
            except ValueError as exc:
                problems.append(f"{variable}={text!r}: {exc}")
        if problems:
            raise ConfigurationError("; ".join(problems))
        return cls(**values)


_BOOLEANS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


def _cast(text: str, kind: Any, rules: Mapping[str, Any]) -> Any:
    value: Any
    if kind is bool:
        if text.lower() not in _BOOLEANS:
            raise ValueError("expected true or false")
        return _BOOLEANS[text.lower()]
    if kind is str:
        if rules.get("choices") and text not in rules["choices"]:
            raise ValueError(f"expected one of {', '.join(rules['choices'])}")
        return text
    try:
        value = kind(text)
    except ValueError:
        raise ValueError("expected a whole number" if kind is int else "expected a number") from None
    low, high = rules.get("min"), rules.get("max")
    if low is not None and not value >= low:
        raise ValueError(f"must be at least {low}")
    if high is not None and not value <= high:
        raise ValueError(f"must be at most {high}")
    return value
