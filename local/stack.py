"""The local stack as one object: the stand-in for AWS, the functions' pools, the pollers of their queues and the front
door, started and stopped together.

with Stack() as stack:
    httpx.get(stack.url + "/info")
"""

import asyncio
import contextlib
import json
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
from typing import Any, Literal, Self

from local.batch import Batch
from local.batch_api import BatchApi
from local.gateway import Access, Gateway
from local.interpreter import Interpreter, for_built, for_source, read_build_note
from local.intrinsics import REGION
from local.notifications import set_notifications
from local.pool import IDLE_S, MAX_WORKERS, Pool
from local.processes import HERE, Guardian, plain_environment
from local.queues import Poller, create_queues, empty_queues
from local.runtime_api import WorkerSettings
from local.tables import create_tables
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


_BUCKET_VARIABLES: Mapping[str, str] = {
    "ModelsBucket": "RETINUE_MODELS_BUCKET",
    "UploadsBucket": "RETINUE_UPLOADS_BUCKET",
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
        if template is None:
            values.setdefault("BatchCompute", "cpu")  # jobs cost nothing here, so they are always on
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
        self._sending: set[asyncio.Future[Any]] = set()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_asked: asyncio.Event | None = None
        self.url = ""
        self.s3_url = ""
        self.batch_url = ""

    @property
    def buckets(self) -> dict[str, str]:
        """Names of the buckets by logical id."""
        return {logical_id: bucket.name for logical_id, bucket in self.template.buckets.items()}

    def workers(self, function: str) -> list[int]:
        """Process ids of the environments that run now, of the function with this logical id."""
        return self._pools[function].pids

    def environment(self) -> dict[str, str]:
        """Variables that point the operator's command, or any AWS SDK, at this stack."""
        variables = {**CREDENTIALS, **self._endpoints()}
        for logical_id, name in _BUCKET_VARIABLES.items():
            if logical_id in self.buckets:
                variables[name] = self.buckets[logical_id]
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
        template = self.template
        if template.buckets or template.queues or template.tables:
            self.s3_url = await asyncio.to_thread(self._start_aws, resources, guardian)
        if template.job_queues:
            await self._start_batch(resources, guardian, folder)
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
        if template.queues or template.tables:
            await asyncio.to_thread(self._fill)
        self._start_pollers(resources)
        submit = {logical_id: pool.submit for logical_id, pool in self._pools.items()}
        gateway = Gateway(self.template, submit, self._on_access)
        resources.callback(gateway.close)
        self.url = f"http://localhost:{await gateway.listen(self._port)}"

    def client(self, service: str, *, attempts: int = 3) -> Any:
        """A boto3 client of the stand-in for AWS, which tries each call so often."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            service,
            endpoint_url=self.s3_url,
            config=Config(retries={"total_max_attempts": attempts}),
            region_name=CREDENTIALS["AWS_REGION"],
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    def _fill(self) -> None:
        """Makes the queues and tables, and sets the buckets' notifications."""
        create_queues(self.client("sqs"), self.template.queues.values())
        create_tables(self.client("dynamodb"), self.template.tables.values())
        set_notifications(self.client("s3"), self.template.buckets.values())
        empty_queues(self.client("sqs"), self.template.queues.values())

    def _endpoints(self) -> dict[str, str]:
        """Where SDKs find what stands in for AWS."""
        batch = {"AWS_ENDPOINT_URL_BATCH": self.batch_url} if self.batch_url else {}
        return {"AWS_ENDPOINT_URL": self.s3_url, **batch}

    async def _start_batch(self, resources: contextlib.AsyncExitStack, guardian: Guardian, folder: Path) -> None:
        """Starts what runs jobs; its events go to the queues of the template's rules."""
        sqs, queues = self.client("sqs"), {queue.arn: queue for queue in self.template.queues.values()}
        cpus = os.cpu_count() or 1
        environment = {
            **plain_environment(("PATH", "HOME", "SYSTEMROOT", "TMPDIR")),
            **CREDENTIALS,
            **self._endpoints(),
            "PYTHONPATH": str(ROOT / "shared"),
            # Several shards at once share the processors.
            "RETINUE_THREADS": str(max(1, cpus // 2)),
            **self._extra_environment,
        }

        def tell(event: dict[str, Any]) -> None:
            targets = [arn for rule in self.template.event_rules if rule.matches(event) for arn in rule.queue_arns]
            for arn in targets:
                sending = asyncio.to_thread(sqs.send_message, QueueUrl=queues[arn].url, MessageBody=json.dumps(event))
                self._sending.add(task := asyncio.ensure_future(sending))
                task.add_done_callback(self._sending.discard)

        batch = Batch(
            self.template.job_queues,
            self.template.job_definitions,
            command=[sys.executable, "-m", "retinue.worker"],
            environment=environment,
            folder=folder,
            guardian=guardian,
            on_change=tell,
        )
        resources.push_async_callback(batch.close)
        api = BatchApi(batch)
        resources.callback(api.close)
        self.batch_url = await api.listen()

    def _start_pollers(self, resources: contextlib.AsyncExitStack) -> None:
        for source in self.template.sources:
            queue, pool = self.template.queues[source.queue], self._pools[source.function]
            # One attempt: when the stand-in is gone, its pollers should not look for it.
            poller = Poller(self.client("sqs", attempts=1), queue, source, pool.submit, self._max_workers)
            running = asyncio.create_task(poller.run())
            resources.push_async_callback(_cancelled, running)

    def _start_aws(self, resources: contextlib.AsyncExitStack, guardian: Guardian) -> str:
        """Starts the stand-in for AWS with the template's buckets and returns its URL."""
        buckets = [
            f"{bucket.name}:versioned" if bucket.is_versioned else bucket.name
            for bucket in self.template.buckets.values()
        ]
        process = subprocess.Popen(
            # -P: the script's own folder is not a place to import from; its modules' names are too common.
            [sys.executable, "-P", str(HERE / "aws_server.py"), *buckets],
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
            raise OSError(f"the stand-in for AWS did not start (exit status {process.wait()}); its message is above")
        return url

    def _function_environment(self, function: Function) -> dict[str, str]:
        """Exactly what the function's processes see: what Lambda sets, and the template's variables."""
        variables = {
            **plain_environment(("PATH", "SYSTEMROOT")),
            **CREDENTIALS,
            **self._endpoints(),
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


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
