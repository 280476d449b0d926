"""`retinue jobs submit | list | follow | cancel | results`."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

import orjson
import typer
from rich.progress import DownloadColumn, Progress
from rich.text import Text

from retinue.errors import RequestError, RetinueError
from retinue.operator.commands.console import console, explained, problems
from retinue.operator.commands.follow import EXIT_STATUS, follow, told
from retinue.operator.commands.tables import jobs_table
from retinue.operator.job_requests import read_source, read_targets
from retinue.operator.jobs import JobsService, check_ended, convert, download, fetch

app = typer.Typer(no_args_is_help=True, help="Run models and workflows over folders and videos.")

JobId = Annotated[str, typer.Argument(metavar="JOB", help="The id that `submit` and `list` show.")]
Url = Annotated[str, typer.Option(envvar="RETINUE_URL", help="Address of the service: output ApiUrl of the stack.")]
ApiKey = Annotated[str, typer.Option(envvar="RETINUE_API_KEY", help="API key of the workspace.")]
Form = Literal["jsonl", "coco", "csv", "hosted", "video"]


_SUFFIXES: dict[Form, str] = {"jsonl": "jsonl", "coco": "json", "csv": "csv", "hosted": "json", "video": "mp4"}
_VIDEO_LINKS: dict[str, str] = {"hosted": "output_signed_url", "video": "drawn_signed_url"}


@app.command("submit")
def submit_command(
    target: Annotated[
        str, typer.Argument(metavar="MODEL|WORKFLOW|FILE", help="PROJECT/VERSION; a workflow as a file, or --workflow.")
    ],
    source: Annotated[
        str,
        typer.Argument(metavar="SOURCE", help="s3://BUCKET/PREFIX: its pictures; or a video: a file, there, or a URL."),
    ],
    url: Url,
    api_key: ApiKey,
    workflow: Annotated[bool, typer.Option("--workflow", help="The target is a saved workflow: WORKSPACE/ID.")] = False,
    parameter: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE, may be repeated: confidence=0.5, classes=cat,dog ...")
    ] = None,
    output: Annotated[
        str, typer.Option(help="s3://BUCKET/PREFIX for the results. Default: the stack keeps them.")
    ] = "",
    also: Annotated[
        list[str] | None, typer.Option(metavar="MODEL", help="A further model for the frames of a video; repeatable.")
    ] = None,
    also_workflow: Annotated[
        str, typer.Option(metavar="WORKSPACE/ID", help="A saved workflow beside the models of a video.")
    ] = "",
    draw: Annotated[bool, typer.Option("--draw", help="Write the drawn pictures, or the drawn video, too.")] = False,
    infer_fps: Annotated[
        float | None, typer.Option(help="Frames of each second of a video that are looked at.")
    ] = None,
    track: Annotated[bool, typer.Option("--track", help="Follow objects from frame to frame of a video.")] = False,
    batch_size: Annotated[int | None, typer.Option(help="Pictures in one run of the network.")] = None,
    shard_size: Annotated[int | None, typer.Option(help="Pictures of one process; more shards run at once.")] = None,
    part_size: Annotated[int | None, typer.Option(help="Pictures from one checkpoint to the next.")] = None,
    device: Annotated[Literal["auto", "cpu", "gpu"], typer.Option(help="auto: as the model was published.")] = "auto",
    idempotency_key: Annotated[
        str, typer.Option(help="Submitting again with the same key gives the same job, not another one.")
    ] = "",
    is_followed: Annotated[bool, typer.Option("--follow", help="Show its progress until it has ended.")] = False,
) -> None:
    """Submit a job. Prints its id."""
    with explained():
        parameters = dict(_parameter(text) for text in parameter or ())
        body: dict[str, Any] = {"device": device} | read_targets(
            target, is_workflow=workflow, also=also or (), also_workflow=also_workflow, parameters=parameters
        )
        sizes = {"batch_size": batch_size, "shard_size": shard_size, "part_size": part_size}
        body |= {name: size for name, size in sizes.items() if size is not None}
        body |= {"output": _place(output)} if output else {}
        body |= {name: True for name, is_on in (("draw", draw), ("track", track)) if is_on}
        service = JobsService(url=url, api_key=api_key)
        body["source"] = _uploaded(service, source, infer_fps) or read_source(source, infer_fps)
        job_id = service.submit(body, idempotency_key)["id"]
        typer.echo(job_id)
        if is_followed:
            raise typer.Exit(_follow(service, job_id))
        problems.print(Text(f"`retinue jobs follow {job_id}` shows how far it is."))


@app.command("list")
def list_command(
    url: Url,
    api_key: ApiKey,
    state: Annotated[str, typer.Option(help="Only jobs in this state.")] = "",
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 20,
) -> None:
    """List the newest jobs of the workspace."""
    with explained():
        if jobs := JobsService(url=url, api_key=api_key).list_jobs(state=state, most=limit):
            console.print(jobs_table(jobs))
        else:
            console.print(Text("No jobs; `retinue jobs submit PROJECT/VERSION s3://BUCKET/PREFIX` makes the first."))


@app.command("follow")
def follow_command(job: JobId, url: Url, api_key: ApiKey) -> None:
    """Show the progress of a job until it has ended. Exit status: 0 succeeded, 3 partly failed, 1 failed or cancelled.

    Ctrl-C stops the showing, not the job.
    """
    with explained():
        raise typer.Exit(_follow(JobsService(url=url, api_key=api_key), job))


@app.command("cancel")
def cancel_command(job: JobId, url: Url, api_key: ApiKey) -> None:
    """Cancel a job. What its shards have finished stays."""
    with explained():
        JobsService(url=url, api_key=api_key).cancel(job)
        console.print(Text.assemble(("Cancelled ", "green"), job))


@app.command("results")
def results_command(
    job: JobId,
    url: Url,
    api_key: ApiKey,
    form: Annotated[
        Form,
        typer.Option(
            "--format", help="JSON lines, COCO JSON, CSV; of a video also `hosted` (JSON of lists) and `video` (drawn)."
        ),
    ] = "jsonl",
    output: Annotated[Path | None, typer.Option(help="File to write. Default: JOB.jsonl, .json or .csv here.")] = None,
) -> None:
    """Fetch the results of a job into a file."""
    with explained():
        service = JobsService(url=url, api_key=api_key)
        found = service.get(job)
        check_ended(found)
        path = output or Path(f"{job}.{_SUFFIXES[form]}")
        if form in _VIDEO_LINKS:
            fetch(_video_link(found, form), path)
            console.print(Text.assemble(("Wrote ", "green"), str(path)))
            return
        try:
            count = _fetch(service, found, path, form)
        except OSError as exc:
            raise RetinueError(f"{path} cannot be written: {exc.strerror or exc}") from exc
        console.print(Text.assemble(("Wrote ", "green"), f"{path}: {count:,} of {found['items']['total']:,} items"))
        if found["state"] != "succeeded":
            problems.print(told(found))


def _uploaded(service: JobsService, source: str, infer_fps: float | None) -> dict[str, Any]:
    """The source that a video here becomes by uploading it; empty if there is no such file."""
    path = Path(source)
    if "://" in source or not path.is_file():
        return {}
    with Progress(*Progress.get_default_columns(), DownloadColumn(), console=problems, transient=True) as progress:
        task = progress.add_task(f"Uploading {path.name}", total=path.stat().st_size)
        upload_id = service.upload(path, lambda sent: progress.advance(task, sent))
    rate = {} if infer_fps is None else {"infer_fps": infer_fps}
    return {"type": "video", "upload_id": upload_id, **rate}


def _fetch(service: JobsService, job: dict[str, Any], path: Path, form: Form) -> int:
    shards = job["shards"]["finished"]
    with TemporaryDirectory(prefix="retinue-results-", dir=path.absolute().parent) as folder:
        lines = path if form == "jsonl" else Path(folder) / "lines.jsonl"
        with Progress(console=problems, transient=True) as progress:
            task = progress.add_task("Fetching", total=shards)
            count = download(service, job, lines, lambda done: progress.advance(task, done))
            if form != "jsonl":
                progress.update(task, description=f"Writing {form}")
                convert(lines, path, form, f"Retinue job {job['id']}: {job['name']}")
    return count


def _video_link(job: dict[str, Any], form: Form) -> str:
    """The link to what a job over a video has beside its lines. Raises RequestError where it has not."""
    link = job["results"].get(_VIDEO_LINKS[form])
    if link is None:
        hint = "submit it with --draw" if form == "video" else "only jobs over videos have that"
        raise RequestError(f"Job {job['id']} has no such result: {hint}.")
    return str(link)


def _follow(service: JobsService, job_id: str) -> int:
    """The exit status that says how the job ended."""
    try:
        job = follow(service.follow(job_id))
    except KeyboardInterrupt:
        again, end = f"`retinue jobs follow {job_id}` shows it again", f"`retinue jobs cancel {job_id}` ends it"
        problems.print(Text(f"The job goes on. {again}, {end}."))
        return 130
    console.print(told(job))
    return EXIT_STATUS[job["state"]]


def _parameter(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise RequestError(f"--parameter {text!r} is no NAME=VALUE")
    try:
        return name, orjson.loads(value)
    except orjson.JSONDecodeError:
        return name, value


def _place(text: str) -> dict[str, str]:
    source = read_source(text, None)
    if "prefix" not in source or "bucket" not in source:
        raise RequestError(f"--output {text!r} is no s3://BUCKET/PREFIX")
    return {name: source[name] for name in ("bucket", "prefix")}
