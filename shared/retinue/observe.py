"""Logs and metrics: the only importer of Powertools' Logger and Metrics.

One JSON line per request, with the time of each stage. Never the key, never a picture, never a URL with its query;
so of an unexpected exception its type and its frames, not its words.
The model id is metadata of the metrics, not a dimension: each value of a dimension is billed as a metric of its
own.
"""

import logging
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from retinue.config import Settings

# Longer ones are left out of the headers: contract/http.md 4.5.
_MOST_DETAILS = 4096
# Frames of one exception in a trace, and exceptions: a line of a log holds 256 KB.
_MOST_FRAMES = 50
_MOST_CAUSES = 8


@dataclass(slots=True)
class RequestRecord:
    """What is noted about one request while it is served."""

    started_s: float = field(default_factory=time.perf_counter)
    stages_ms: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    model_ids: list[str] = field(default_factory=list)
    weights_sha256: dict[str, str] = field(default_factory=dict)  # by the version that answers: aliases are resolved
    loads_s: dict[str, float] = field(default_factory=dict)  # by the id that was asked for: what had to be loaded
    workspace: str = ""

    @property
    def is_cold_model(self) -> bool:
        """Whether a model had to be loaded."""
        return bool(self.loads_s)

    @property
    def load_s(self) -> float:
        """Seconds that loading models took."""
        return sum(self.loads_s.values())

    def found_model(self, model_id: str, version: str, sha256: str, load_s: float | None) -> None:
        """Notes which version answers for `model_id`, and its weights; load_s: seconds, None if it was in memory."""
        self.weights_sha256[version] = sha256
        if load_s is not None:
            self.loads_s[model_id] = self.loads_s.get(model_id, 0.0) + load_s

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Adds the time spent inside to stage `name`."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, (time.perf_counter() - started) * 1e3)

    def add(self, name: str, took_ms: float) -> None:
        """Adds milliseconds to stage `name`."""
        self.stages_ms[name] = self.stages_ms.get(name, 0.0) + took_ms

    @property
    def took_ms(self) -> float:
        """Milliseconds since the request came in."""
        return (time.perf_counter() - self.started_s) * 1e3

    def headers(self) -> dict[str, str]:
        """The response headers of contract/http.md 4.5 that this record fills, and Server-Timing."""
        headers = {
            "x-processing-time": f"{self.took_ms / 1e3:.6f}",
            "x-model-cold-start": str(self.is_cold_model).lower(),
            "x-model-cold-start-count": str(len(self.loads_s)),
            "server-timing": ", ".join(f"{name};dur={took_ms:.2f}" for name, took_ms in self.stages_ms.items()),
        }
        if self.model_ids:
            headers["x-model-id"] = ",".join(self.model_ids)
        if self.weights_sha256:
            headers["x-model-version"] = ",".join(self.weights_sha256)
            headers["x-model-sha256"] = ",".join(self.weights_sha256.values())
        if self.is_cold_model:
            headers["x-model-load-time"] = f"{self.load_s:.6f}"
            details = (
                "[" + ",".join(f'{{"m":"{name}","t":{took_s:.6f}}}' for name, took_s in self.loads_s.items()) + "]"
            )
            if len(details) <= _MOST_DETAILS:
                headers["x-model-load-details"] = details
        if self.workspace:
            headers["x-workspace-id"] = self.workspace
        return headers


class Observer:
    """The logger and the metrics of one process."""

    def __init__(self, settings: Settings, service: str) -> None:
        self._is_first_request = True
        self._logger: Any = None
        self._metrics: Any = None
        # Powertools takes 20-60 ms to import, and is needed only when the first answer is ready: until then a request
        # waits for S3 and for the session, which leave the interpreter free.
        self._making = threading.Thread(target=self._make, args=(settings, service), daemon=True)
        self._making.start()

    def _make(self, settings: Settings, service: str) -> None:
        from aws_lambda_powertools import Logger, Metrics

        self._metrics = Metrics(namespace="Retinue", service=service)
        self._logger = Logger(service=service, level=settings.log_level)

    def request_done(
        self, record: RequestRecord, *, route: str, request_id: str, status: int, reason: str = ""
    ) -> None:
        """One line and the metrics of a request; WARNING for a refused one, ERROR for a failed one."""
        self._making.join()
        stages = {f"{name}_ms": round(took_ms, 2) for name, took_ms in record.stages_ms.items()}
        line = {
            "request_id": request_id,
            "route": route,
            "status": status,
            "took_ms": round(record.took_ms, 2),
            "cold": self._is_first_request,
            **stages,
            **record.facts,
        }
        if record.model_ids:
            line["model_id"] = ",".join(record.model_ids)
        if reason:
            line["reason"] = reason
        self._is_first_request = False
        self._logger.log(_level(status), "request", extra=line)
        self._put_metrics(record, route)

    def failure(self, message: str) -> None:
        """Logs the exception that is being handled, which nobody expected: for operators, never for the client."""
        self._making.join()
        log_failure(self._logger, message)

    def _put_metrics(self, record: RequestRecord, route: str) -> None:
        from aws_lambda_powertools.metrics import MetricUnit

        self._metrics.add_dimension("route", route)
        self._metrics.add_metric("RequestTime", MetricUnit.Milliseconds, record.took_ms)
        if "infer" in record.stages_ms:
            self._metrics.add_metric("InferenceTime", MetricUnit.Milliseconds, record.stages_ms["infer"])
            self._metrics.add_metric("CacheHit", MetricUnit.Count, int(not record.is_cold_model))
        if record.is_cold_model:
            self._metrics.add_metric("ModelLoadTime", MetricUnit.Milliseconds, record.load_s * 1e3)
        if record.model_ids:
            self._metrics.add_metadata("model_id", ",".join(record.model_ids))
        self._metrics.flush_metrics()


def job_logger(service: str, level: str) -> Any:
    """The logger of a container: lines of JSON on standard output, as those of the functions."""
    from aws_lambda_powertools import Logger

    return Logger(service=service, level=level)


def log_failure(logger: Any, message: str, **facts: Any) -> None:
    """Logs the exception that is being handled as an error: its type and trace; at level DEBUG its words too."""
    error = sys.exception()
    if error is None or logger.isEnabledFor(logging.DEBUG):
        logger.exception(message, extra=facts)
    else:
        facts |= {"exception": trace_of(error), "exception_name": type(error).__name__}
        logger.error(message, extra=facts)


def trace_of(error: BaseException) -> str:
    """Types and frames of an exception and of those that it came from, the first one first, as Python prints them; but
    not their words, which may repeat a key or a picture."""
    traces: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(traces) < _MOST_CAUSES:
        frames = "".join(traceback.format_tb(cause.__traceback__, limit=-_MOST_FRAMES))
        traces.insert(0, f"Traceback (most recent call last):\n{frames}{_full_name(type(cause))}")
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return "\n\nwhich led to:\n\n".join(traces)


def _full_name(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _level(status: int) -> int:
    """How loudly an answer is logged: "try again" is a degraded answer, not a failure."""
    if status >= 500 and status != 503:
        return logging.ERROR
    return logging.WARNING if status >= 400 else logging.INFO
