"""The local stack as one object: S3, the functions' pools and the front door, started and stopped together.

with Stack() as stack:
    httpx.get(stack.url + "/info")
"""

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from local.gateway import Access, Gateway
from local.interpreter import Interpreter, for_built, for_source, read_build_note
from local.intrinsics import REGION
from local.pool import IDLE_S, MAX_WORKERS, Pool
from local.processes import HERE, Guardian, plain_environment
from local.runtime_api import WorkerSettings
from local.template import Function, Template, read_template

ROOT = HERE.parent
SOURCE_TEMPLATE = ROOT / "template.yaml"
BUILT_TEMPLATE = ROOT / ".aws-sam" / "build" / "template.yaml"
BUILD_NOTE = ROOT / ".aws-sam" / "built.json"
# moto checks neither signatures nor rights, but the SDK wants something to sign with.
CREDENTIALS: Mapping[str, str] = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}


class Stack:
    """Runs a template. A context manager; `start` and `stop` do the same for those who cannot use `with`.

    Everything happens in a thread of its own, so the caller may block. The processes die with this one, however that
    ends.
    """

    def __init__(
        self,
        template: Path | None = None,
        *,
        artefacts: Literal["source", "built"] = "source",
        port: int = 0,
        interpreter: Interpreter | None = None,
        parameters: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        max_workers: int = MAX_WORKERS,
        idle_s: float = IDLE_S,
        on_access: Callable[[Access], None] = lambda access: None,
    ) -> None:
        """`environment` is added to that of every function; `port` 0 takes a free one; a function has at most
        `max_workers` processes, of which all but one end after `idle_s` without a request.

        Raises TemplateError or InterpreterError if the template cannot be run here.
        """
        self._is_built = artefacts == "built"
        values = dict(parameters or {})
        if self._is_built:
            note = read_build_note(BUILD_NOTE)
            values.setdefault("Runtime", note.runtime)
        self._interpreter = interpreter or (for_built(note) if self._is_built else for_source())
        self.template: Template = read_template(
            template or (BUILT_TEMPLATE if self._is_built else SOURCE_TEMPLATE), values
        )
        self._port = port
        self._extra_environment = dict(environment or {})
        self._max_workers = max_workers
        self._idle_s = idle_s
        self._on_access = on_access
        self._pools: dict[str, Pool] = {}
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_asked: asyncio.Event | None = None
        self.url = ""
        self.s3_url = ""

    @property
    def buckets(self) -> dict[str, str]:
        """Names of the buckets by logical id."""
        return {logical_id: bucket.name for logical_id, bucket in self.template.buckets.items()}

    def workers(self, function: str) -> list[int]:
        """Process ids of the environments that run now, of the function with this logical id."""
        return self._pools[function].pids

    def environment(self) -> dict[str, str]:
        """Variables that point the operator's command, or any AWS SDK, at this stack."""
        variables = {**CREDENTIALS, "AWS_ENDPOINT_URL": self.s3_url}
        if "ModelsBucket" in self.buckets:
            variables["RETINUE_MODELS_BUCKET"] = self.buckets["ModelsBucket"]
        return variables

    def start(self) -> None:
        """Starts everything and returns once requests are served. Raises OSError if the port is taken."""
        started: Future[None] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(started)), name="local-stack", daemon=True
        )
        self._thread.start()
        try:
            started.result()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends every process and waits for it; calling it twice does no harm."""
        if self._thread is None:
            return
        if self._thread.is_alive() and self._loop is not None and self._stop_asked is not None:
            self._loop.call_soon_threadsafe(self._stop_asked.set)
        self._thread.join()
        self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def _serve(self, started: "Future[None]") -> None:
        """The stack's whole life, in its thread."""
        self._loop, self._stop_asked = asyncio.get_running_loop(), asyncio.Event()
        try:
            async with contextlib.AsyncExitStack() as resources:
                await self._open(resources)
                started.set_result(None)
                await self._stop_asked.wait()
        except BaseException as exc:
            if started.done():
                raise
            started.set_exception(exc)

    async def _open(self, resources: contextlib.AsyncExitStack) -> None:
        folder = Path(tempfile.mkdtemp(prefix="retinue-local-"))
        resources.callback(shutil.rmtree, folder, ignore_errors=True)
        guardian = Guardian(folder)
        resources.callback(guardian.close)
        if self.template.buckets:
            self.s3_url = await asyncio.to_thread(self._start_s3, resources, guardian)
        for logical_id, function in self.template.functions.items():
            settings = WorkerSettings(
                function=function,
                command=self._interpreter.command(function.handler),
                environment=self._function_environment(function),
                guardian=guardian,
                folder=folder,
            )
            self._pools[logical_id] = Pool(settings, self._max_workers, self._idle_s)
            resources.push_async_callback(self._pools[logical_id].stop)
        submit = {logical_id: pool.submit for logical_id, pool in self._pools.items()}
        gateway = Gateway(self.template, submit, self._on_access)
        resources.callback(gateway.close)
        self.url = f"http://localhost:{await gateway.listen(self._port)}"

    def _start_s3(self, resources: contextlib.AsyncExitStack, guardian: Guardian) -> str:
        """Starts the S3 stand-in with the template's buckets and returns its URL."""
        buckets = [
            f"{bucket.name}:versioned" if bucket.is_versioned else bucket.name
            for bucket in self.template.buckets.values()
        ]
        process = subprocess.Popen(
            # -P: the script's own folder is not a place to import from; its modules' names are too common.
            [sys.executable, "-P", str(HERE / "s3_server.py"), *buckets],
            env={**plain_environment(), **CREDENTIALS},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        guardian.watch(process.pid)

        def end() -> None:
            process.kill()
            process.communicate()
            guardian.forget(process.pid)

        resources.callback(end)
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if not url:
            raise OSError(f"the S3 stand-in did not start (exit status {process.wait()}); its message is above")
        return url

    def _function_environment(self, function: Function) -> dict[str, str]:
        """Exactly what the function's processes see: what Lambda sets, and the template's variables."""
        variables = {
            **plain_environment(("PATH", "SYSTEMROOT")),
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": self.s3_url,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_FORMAT": function.log_format,
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "local",
            "LAMBDA_TASK_ROOT": str(function.code),
            "LANG": "en_US.UTF-8",
            "PYTHONPATH": os.pathsep.join(str(folder) for folder in self._interpreter.search_path(function)),
            "PYTHONNOUSERSITE": "1",
            "TZ": ":UTC",
            "_HANDLER": function.handler,
        }
        if function.log_level:
            variables["AWS_LAMBDA_LOG_LEVEL"] = function.log_level
        if self._is_built:
            variables["PYTHONDONTWRITEBYTECODE"] = "1"  # layers and code are read-only on Lambda
        return {**variables, **function.environment, **self._extra_environment}
