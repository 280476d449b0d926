"""Routes of jobs: submit, list, show, cancel. A job belongs to the workspace of the key that made it."""

from typing import Any, get_args

import orjson

from retinue.errors import ParameterError
from retinue.http.credentials import api_key_anywhere, authorise
from retinue.http.event import Request
from retinue.http.response import Response
from retinue.jobs.control import LINK_LIFETIME_S, MOST_LINKS, JobControl
from retinue.jobs.progress import Progress, progress_of
from retinue.jobs.record import Job, State
from retinue.keys import Access
from retinue.observe import RequestRecord
from retinue.service import Service

_MOST_LISTED = 100


def submit_job(request: Request, service: Service, record: RequestRecord) -> Response:
    """Takes a job: 202, or 200 with the job that the same idempotency key made before."""
    from retinue.jobs.request import parse_request  # pydantic: 90 ms, which the other routes never pay

    access, jobs = opened(request, service, record)
    with record.stage("parse"):
        wish = parse_request(request.body, request.headers)
    with record.stage("check"):
        try:
            job, is_new = jobs.submit(wish, service.catalogue(access, request.deadline))
        except Exception as exc:
            return _workflow_refusal(exc)
    record.facts["job_id"] = job.job_id
    url = f"{_origin(request)}/jobs/{job.job_id}"
    answer = {"id": job.job_id, "state": job.state, "url": url}
    return Response(answer, status=202 if is_new else 200, headers={"location": url})


def list_jobs(request: Request, service: Service, record: RequestRecord) -> Response:
    """The jobs of the key's workspace, newest first: `state`, `limit` and the `next` of the page before."""
    access, jobs = opened(request, service, record)
    state = request.query.get("state")
    if state is not None and state not in get_args(State):
        raise _problem("state", f"Input should be one of {', '.join(get_args(State))}")
    limit = _number(request, "limit", 50, least=1, most=_MOST_LISTED)
    found, token = jobs.store.list_jobs(
        access.workspace, state=_state(state), limit=limit, token=request.query.get("next", "")
    )
    return Response({"jobs": [_summary(job, jobs) for job in found], "next": token or None})


def show_job(request: Request, service: Service, record: RequestRecord) -> Response:
    """One job: how far it is, what failed, and links to its results once it has ended."""
    access, jobs = opened(request, service, record)
    job = jobs.get(request.path_parameters["job_id"], access.workspace)
    first = _number(request, "results_from", 0, least=0, most=10**6)
    accepted = orjson.loads(job.request)
    body = accepted["body"]
    bucket, prefix = accepted["output"]
    answer = _described(job, progress_of(job, jobs.store.shards(job.job_id)))
    answer |= {
        "target": body["target"],
        "source": body["source"],
        "parameters": body["parameters"],
        "output": {"bucket": bucket, "prefix": prefix},
        "batch_job_id": job.batch_job_id or None,
    }
    if job.is_final:
        answer["results"] = _results(job, jobs, first)
        if body["source"]["type"] == "video" and job.state in ("succeeded", "partly_failed"):
            answer["results"] |= jobs.video_links(job)
    return Response(answer)


def cancel_job(request: Request, service: Service, record: RequestRecord) -> Response:
    """Cancels a job: 202, or 409 if it has ended already."""
    access, jobs = opened(request, service, record)
    job = jobs.cancel(request.path_parameters["job_id"], access.workspace)
    return Response({"id": job.job_id, "state": job.state}, status=202)


def opened(request: Request, service: Service, record: RequestRecord) -> tuple[Access, JobControl]:
    """Whose jobs, and the jobs. Raises AuthError, NotDeployed where the stack has nothing to run them."""
    access = authorise(api_key_anywhere(request), request, service, record)
    with record.stage("clients"):
        jobs = service.jobs
    jobs.queues.require()
    return access, jobs


def _workflow_refusal(error: Exception) -> Response:
    """The body that workflow routes give to a WorkflowError; any other error is raised again."""
    from retinue.workflows.errors import WorkflowError

    if isinstance(error, WorkflowError):
        return Response(error.render(), status=400)
    raise error


def _origin(request: Request) -> str:
    return f"{request.headers.get('x-forwarded-proto', 'https')}://{request.headers.get('host', '')}"


def _summary(job: Job, jobs: JobControl) -> dict[str, Any]:
    """A job in a list. Shards are looked at only where they are at work: an ended job has its sums in its record."""
    if job.state == "running":
        return _described(job, progress_of(job, jobs.store.shards(job.job_id)))
    progress = progress_of(job, ())
    answer = _described(job, progress)
    answer["items"] |= {"done": job.done, "failed": job.failed}
    ended = {"finished": job.shards_finished - job.shards_failed, "failed": job.shards_failed}
    answer["shards"] |= ended | {"waiting": job.shards_total - job.shards_finished}
    return answer


def _described(job: Job, progress: Progress) -> dict[str, Any]:
    return {
        "id": job.job_id,
        "state": job.state,
        "reason": job.reason or None,
        "name": job.target_name,
        "queue": job.queue,
        "created_at": job.created_at,
        "updated_at": job.updated_at,
        "started_at": job.started_at or None,
        "ended_at": job.ended_at or None,
        "items": {
            "total": progress.total,
            "done": progress.done,
            "failed": progress.failed,
            "skipped": job.items_skipped,
        },
        "rate_per_s": progress.rate_per_s and round(progress.rate_per_s, 3),
        "eta_s": None if progress.eta_s is None else round(progress.eta_s, 1),
        "shards": {
            "total": progress.shards_total,
            "waiting": progress.shards_waiting,
            "running": progress.shards_running,
            "finished": progress.shards_finished,
            "failed": progress.shards_failed,
        },
        "failures": [{"shard": index, "reason": reason} for index, reason in progress.deaths],
    }


def _results(job: Job, jobs: JobControl, first: int) -> dict[str, Any]:
    """Links to the results of the shards that finished; `next` is where to go on, as `results_from`."""
    links: list[dict[str, Any]] = []
    following: int | None = None
    for link in jobs.links(job, first):
        if len(links) == MOST_LINKS:
            following = link.shard
            break
        links.append({"shard": link.shard, "url": link.url})
    return {"format": "jsonl", "links": links, "expires_in_s": LINK_LIFETIME_S, "next": following}


def _state(text: str | None) -> State | None:
    return next((state for state in get_args(State) if state == text), None)


def _number(request: Request, name: str, default: int, *, least: int, most: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isdecimal() or not text.isascii() or not least <= int(text) <= most:
        raise _problem(name, f"Input should be a whole number from {least} to {most}")
    return int(text)


def _problem(name: str, msg: str) -> ParameterError:
    return ParameterError([{"type": "value_error", "loc": ["query", name], "msg": msg}])
