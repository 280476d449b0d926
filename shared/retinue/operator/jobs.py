"""Jobs as an operator drives them, over HTTP: submitted, listed, followed, cancelled, their results fetched."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urlencode

from retinue.errors import RequestError, ServiceSilent
from retinue.jobs.record import FINAL
from retinue.jobs.results import write_coco, write_csv
from retinue.operator.calls import call, chunks_of, opened, put_file

Job = dict[str, Any]

POLL_S = 1.0
# A job goes on while its service cannot be reached; following it should too.
_MOST_SILENCE_S = 120.0
_DOWNLOAD_ATTEMPTS = 4


@dataclass(frozen=True, kw_only=True)
class JobsService:
    """The jobs of one workspace at one service."""

    url: str
    api_key: str

    def submit(self, body: Mapping[str, Any], idempotency_key: str = "") -> Job:
        """Id, state and url of the new job. Raises RequestError with what is wrong with it."""
        headers = {"idempotency-key": idempotency_key} if idempotency_key else {}
        return call(f"{self._base}/jobs", self.api_key, method="POST", body=body, headers=headers)

    def upload(self, path: Path, progress: Callable[[int], None]) -> str:
        """Puts a video where a job finds it; the id of the upload. Raises RetinueError."""
        made = call(f"{self._base}/uploads", self.api_key, method="POST", body={})
        put_file(made["url"], path, progress)
        return str(made["id"])

    def list_jobs(self, *, state: str = "", most: int = 50) -> list[Job]:
        """The newest jobs, in a state or in any."""
        jobs: list[Job] = []
        query = {"limit": str(min(most, 100))} | ({"state": state} if state else {})
        while True:
            page = call(f"{self._base}/jobs?{urlencode(query)}", self.api_key)
            jobs += page["jobs"]
            if not page["next"] or len(jobs) >= most:
                return jobs[:most]
            query["next"] = page["next"]

    def get(self, job_id: str, results_from: int = 0) -> Job:
        """One job. Raises RequestError if there is none."""
        query = f"?results_from={results_from}" if results_from else ""
        return call(f"{self._base}/jobs/{quote(job_id, safe='')}{query}", self.api_key)

    def cancel(self, job_id: str) -> Job:
        """Id and state. Raises RequestError if it has ended."""
        return call(f"{self._base}/jobs/{quote(job_id, safe='')}", self.api_key, method="DELETE")

    def follow(self, job_id: str, *, pause_s: float = POLL_S) -> Iterator[Job]:
        """The job every `pause_s` seconds until it has ended. A service that is silent for a while does not matter.

        Raises RequestError, ServiceSilent after two minutes without an answer.
        """
        heard = time.monotonic()
        while True:
            try:
                job = self.get(job_id)
            except ServiceSilent:
                if time.monotonic() - heard > _MOST_SILENCE_S:
                    raise
            else:
                heard = time.monotonic()
                yield job
                if job["state"] in FINAL:
                    return
            time.sleep(pause_s)

    def links(self, job: Job) -> Iterator[dict[str, Any]]:
        """The links to all results of a job that has ended, by shard; each page is asked for when its turn comes, so
        that its links are fresh."""
        results = job["results"]
        while True:
            yield from results["links"]
            if results["next"] is None:
                return
            results = self.get(job["id"], results["next"])["results"]

    @property
    def _base(self) -> str:
        return self.url.rstrip("/")


def check_ended(job: Job) -> None:
    """Raises RequestError for a job that still runs, or that has nothing to fetch."""
    if job["state"] not in FINAL:
        raise RequestError(
            f"Job {job['id']} is {job['state']}; `retinue jobs follow {job['id']}` waits for its results."
        )
    if not job["results"]["links"]:
        raise RequestError(f"Job {job['id']} is {job['state']} and has no results: {job['reason']}")


def download(service: JobsService, job: Job, path: Path, progress: Callable[[int], None]) -> int:
    """Writes the results of all shards as JSON lines, in order; `progress` is told of each shard. Returns the lines.

    The file appears when it is complete. A link that breaks off is tried again. Raises RetinueError.
    """
    partial = path.with_name(f"{path.name}.part")
    try:
        with partial.open("wb") as file:
            lines = sum(_append(link["url"], file, progress) for link in service.links(job))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return lines


def _append(url: str, file: BinaryIO, progress: Callable[[int], None]) -> int:
    start = file.tell()
    for attempt in range(1, _DOWNLOAD_ATTEMPTS + 1):
        file.seek(start)
        file.truncate()
        lines = 0
        try:
            with opened(url) as answer:
                for chunk in chunks_of(answer):
                    file.write(chunk)
                    lines += chunk.count(b"\n")
        except (ServiceSilent, EOFError, OSError) as exc:
            if attempt == _DOWNLOAD_ATTEMPTS:
                raise ServiceSilent(f"a result could not be fetched {attempt} times: {exc}") from exc
            time.sleep(0.5 * 2**attempt)
            continue
        progress(1)
        return lines
    raise AssertionError("the last attempt returns or raises")


def fetch(url: str, path: Path) -> None:
    """Writes what lies behind a link. The file appears when it is complete. Raises RetinueError."""
    partial = path.with_name(f"{path.name}.part")
    try:
        with partial.open("wb") as file:
            _append(url, file, lambda done: None)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def convert(lines: Path, target: Path, form: str, description: str) -> None:
    """Writes a file of JSON lines as `coco` or `csv`, line by line. Raises RequestError."""
    partial = target.with_name(f"{target.name}.part")
    try:
        if form == "csv":
            with lines.open("rb") as source, partial.open("w", encoding="utf-8", newline="") as file:
                file.writelines(write_csv(source))
        else:

            def read() -> Iterator[bytes]:
                with lines.open("rb") as source:
                    yield from source

            with partial.open("wb") as binary:
                binary.writelines(write_coco(read, description))
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
