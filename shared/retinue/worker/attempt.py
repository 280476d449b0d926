"""One attempt at a shard: whatever happens ends in an exit code, and in a reason in the log and the job's record."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from retinue.aws import boto3_client, boto3_credentials, boto3_errors
from retinue.config import ConfigurationError, Settings
from retinue.errors import Busy, RetinueError
from retinue.jobs.store import JobStore
from retinue.worker.exit_codes import ExitCode
from retinue.worker.plan import Plan, PlanError, read_items
from retinue.worker.progress import REPORT_S, Heartbeat, Log, Progress
from retinue.worker.shard import Shard, run_shard
from retinue.worker.stop import Stop, Stopped
from retinue.worker.storage import ShardFiles
from retinue.worker.surroundings import Surroundings, fitted

# With boto3's pauses between them about a minute.
_AWS_ATTEMPTS = 8
_MOST_REASON = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt at one shard of a job."""

    job_id: str
    shard: int
    settings: Settings
    env: Mapping[str, str]
    log: Log
    stop: Stop
    report_s: float = REPORT_S

    def run(self) -> ExitCode:
        """Works until the shard's end, or until something stands in the way. Raises only what is a defect."""
        with ExitStack() as resources:
            return self._run(resources)

    def _run(self, resources: ExitStack) -> ExitCode:
        try:
            store = self._store(resources)
        except ConfigurationError as exc:
            return self._end(ExitCode.UNUSABLE, str(exc))
        try:
            return self._work(store, resources)
        except Stopped as exc:
            return self._end(ExitCode.DONE if exc.cause == "job over" else ExitCode.TRY_AGAIN, f"stopped: {exc.cause}")
        except Busy as exc:
            return self._end(ExitCode.TRY_AGAIN, str(exc))
        except boto3_errors() as exc:  # after all its tries
            return self._end(ExitCode.TRY_AGAIN, str(exc))
        except (PlanError, ConfigurationError, RetinueError) as exc:
            self._write_down(store, str(exc))
            return self._end(ExitCode.UNUSABLE, str(exc))
        except Exception as exc:
            self._write_down(store, f"a defect of the container ({type(exc).__name__}); its log has the trace")
            raise

    def _store(self, resources: ExitStack) -> JobStore:
        names = ("models_bucket", "uploads_bucket", "jobs_table")
        missing = [f"RETINUE_{name.upper()}" for name in names if not getattr(self.settings, name)]
        if missing:
            raise ConfigurationError(f"not set: {', '.join(missing)}")
        return JobStore(self.settings.jobs_table, _client("dynamodb", resources))

    def _work(self, store: JobStore, resources: ExitStack) -> ExitCode:
        if not store.start_shard(self.job_id, self.shard):
            return self._end(ExitCode.DONE, "nothing to do: the shard has ended, or its job is over")
        shard, surroundings = self._prepare(resources)
        progress = Progress(len(shard.items))

        def report(done: int, failed: int) -> bool:
            return store.report_shard(self.job_id, self.shard, done, failed)

        with Heartbeat(report, progress, self.stop, self.log, self.report_s):
            if shard.plan.is_video:
                self._run_video(shard, surroundings, store, progress)
            else:
                run_shard(shard, surroundings.target, progress)
        state = store.finish_shard(self.job_id, self.shard, progress.done, progress.failed)
        return self._end(ExitCode.DONE, f"finished; the job is {state}")

    def _run_video(self, shard: Shard, surroundings: Surroundings, store: JobStore, progress: Progress) -> None:
        """As run_shard, over the frames of a video, whose number only this one finds out."""
        from retinue.worker.video_shard import run_video_shard  # PyAV, which pictures do without

        def tell_total(frames: int) -> None:
            store.set_items_total(self.job_id, frames)

        with surroundings.video_shard(shard, tell_total) as video:
            run_video_shard(video, surroundings.target_of, progress)

    def _prepare(self, resources: ExitStack) -> tuple[Shard, Surroundings]:
        """The shard as its plan has it, and what it is done with. Raises PlanError, StorageUnavailable."""
        bucket = self.settings.uploads_bucket
        files = ShardFiles(_client("s3", resources), bucket, self.job_id, self.shard)
        plan = Plan.from_json(files.read_plan())
        if not 0 <= self.shard < len(plan.shard_sizes):
            raise PlanError(f"there is no shard {self.shard}: the plan has {len(plan.shard_sizes)}")
        if plan.source.get("type") not in ("s3", "video"):
            raise PlanError(f"this container does not read sources of type {plan.source.get('type')!r}")
        items = read_items(files.read_items(), plan.shard_sizes[self.shard])
        if plan.output_bucket != bucket:
            files.check_output(plan)
        surroundings = Surroundings(fitted(self.settings), self.env, boto3_credentials(), self.log, plan, resources)
        shard = Shard(
            index=self.shard,
            plan=plan,
            items=items,
            files=files,
            pictures=surroundings.pictures(),
            ahead=surroundings.ahead(),
            stop=self.stop,
            log=self.log,
        )
        return shard, surroundings

    def _write_down(self, store: JobStore, reason: str) -> None:
        """The reason into the job's record. Where that fails, whoever started the container hears the exit code."""
        try:
            store.fail_shard(self.job_id, self.shard, reason[:_MOST_REASON])
        except Exception as exc:
            self.log.warning("reason not written down", extra={"reason": str(exc)})

    def _end(self, code: ExitCode, reason: str) -> ExitCode:
        write = self.log.info if code is ExitCode.DONE else self.log.warning
        write("attempt ends", extra={"exit_code": int(code), "outcome": code.name, "reason": reason})
        return code


def _client(service: str, resources: ExitStack) -> Any:
    """A boto3 client that lasts as long as the attempt."""
    client = boto3_client(service, attempts=_AWS_ATTEMPTS)
    resources.callback(client.close)
    return client
