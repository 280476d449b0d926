"""`retinue uploads put | failed | redrive`."""

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from retinue.aws import boto3_client
from retinue.errors import RequestError
from retinue.operator.commands.console import add_row, console, explained, problems
from retinue.operator.uploads import (
    FailedUpload,
    Outcome,
    Queues,
    count_messages,
    list_failed,
    put_upload,
    redrive,
    wait_for,
)
from retinue.uploads.layout import INBOX, Target, target_of
from retinue.uploads.store import UploadStore

app = typer.Typer(no_args_is_help=True, help="Upload pictures to be answered; see what failed, and try it again.")

UploadsBucket = Annotated[
    str,
    typer.Option("--bucket", envvar="RETINUE_UPLOADS_BUCKET", help="Output UploadsBucketName of the stack."),
]
Prefix = Annotated[str, typer.Option(help="Only uploads whose name below inbox/ begins so, for example coins/1/.")]


@app.command("put")
def put_command(
    files: Annotated[list[Path], typer.Argument(help="Pictures.", exists=True, dir_okay=False)],
    bucket: UploadsBucket,
    model: Annotated[str, typer.Option(help="PROJECT/VERSION or PROJECT/ALIAS that answers.")] = "",
    workflow: Annotated[str, typer.Option(help="WORKSPACE/ID of a saved workflow that answers.")] = "",
    option: Annotated[
        list[str] | None,
        typer.Option("--set", help="NAME=VALUE as in a URL, for example confidence=0.5; may be repeated."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the answers and show them.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for, at most.", min=1)] = 600.0,
) -> None:
    """Put pictures into the inbox; their answers come as results/NAME.json."""
    with explained(bucket):
        target, wishes = _target(model, workflow), dict(map(_wish, option or ()))
        if len({path.name for path in files}) < len(files):
            raise RequestError(
                "two of the pictures have the same name, which is that of their result; put them one by one"
            )
        s3 = boto3_client("s3")
        with _progress() as progress:
            task = progress.add_task("Uploading", total=len(files))
            uploads = {}
            for path in files:
                upload = put_upload(s3, bucket, path, target, wishes)
                uploads[upload] = path
                progress.advance(task)
        if not wait:
            console.print(Text(f"{len(files)} uploaded to {bucket}/{INBOX}{target}/"))
            return
        outcomes: dict[Path, Outcome] = {}
        with _progress() as progress:
            task = progress.add_task("Answered", total=len(uploads))
            for upload, outcome in wait_for(UploadStore(s3, bucket), list(uploads), timeout):
                outcomes[uploads[upload]] = outcome
                progress.advance(task)
        console.print(_outcomes_table({path: outcomes[path] for path in uploads.values()}))
        if any(outcome.state != "done" for outcome in outcomes.values()):
            raise typer.Exit(1)


@app.command("failed")
def failed_command(
    bucket: UploadsBucket,
    prefix: Prefix = "",
    limit: Annotated[int, typer.Option(help="Uploads to show, at most.", min=1)] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """List the uploads that failed, and why."""
    with explained(bucket):
        s3, sqs = boto3_client("s3"), boto3_client("sqs")
        failed = list_failed(s3, sqs, bucket, prefix=prefix, most=limit)
        if as_json:
            records = [_as_json(item) for item in failed]
            typer.echo(orjson.dumps(records, option=orjson.OPT_INDENT_2).decode())
            return
        if failed:
            console.print(_failed_table(failed))
        queues = Queues.of(s3, sqs, bucket)
        waiting, dead = count_messages(sqs, queues.work), count_messages(sqs, queues.dead)
        console.print(Text(f"{len(failed)} failed; {waiting} in the queue, {dead} dead letters."))
        if dead:
            console.print(Text("Once what is wrong is put right: retinue uploads redrive [--prefix ...]"))


@app.command("redrive")
def redrive_command(
    bucket: UploadsBucket,
    keys: Annotated[list[str] | None, typer.Argument(help="Uploads by their keys. Default: all.")] = None,
    prefix: Prefix = "",
) -> None:
    """Send dead letters through again."""
    with explained(bucket):
        s3, sqs = boto3_client("s3"), boto3_client("sqs")
        total = count_messages(sqs, Queues.of(s3, sqs, bucket).dead)
        with _progress() as progress:
            task = progress.add_task("Sending again", total=total)
            sent = redrive(
                s3, sqs, bucket, prefix=prefix, keys=keys or (), progress=lambda count: progress.advance(task, count)
            )
        console.print(Text(f"{sent} of {total} dead letters sent through again."))
        if keys and sent < len(keys):
            problems.print(Text("Some have no dead letter (any more): put those pictures again.", "yellow"))
            raise typer.Exit(1)


def _target(model: str, workflow: str) -> Target:
    if bool(model) == bool(workflow):
        raise RequestError("say either --model PROJECT/VERSION or --workflow WORKSPACE/ID")
    return target_of(f"{INBOX}{model or f'workflows/{workflow}'}/picture")


def _wish(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise RequestError(f"--set {text!r}; NAME=VALUE is expected, for example confidence=0.5")
    return name.replace("_", "-"), value


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
    )


def _failed_table(failed: list[FailedUpload]) -> Table:
    table = Table(Column("upload", overflow="fold"), "reason", "time", "attempts", "dead letter")
    for item in failed:
        record = item.record
        attempts = str(record.attempt) if record.attempt else "?"
        name = record.key.removeprefix(INBOX)
        dead = "yes" if item.is_dead else "no"
        add_row(table, name, f"{record.error_type}: {record.reason}", record.time, attempts, dead)
    return table


def _as_json(item: FailedUpload) -> dict[str, Any]:
    record: dict[str, Any] = orjson.loads(orjson.dumps(item.record))
    return record | {"is_dead": item.is_dead}


def _outcomes_table(outcomes: dict[Path, Outcome]) -> Table:
    table = Table("picture", "state", "answer")
    for path, outcome in outcomes.items():
        add_row(table, path.name, outcome.state, outcome.reason or _summary(outcome.answer))
    return table


def _summary(answer: bytes) -> str:
    """An answer in few words."""
    if not answer:
        return ""
    record = orjson.loads(answer)
    if "top" in record:
        return f"{record['top']} ({record['confidence']:.2f})"
    if isinstance(record.get("predictions"), list):
        names = [item["class"] for item in record["predictions"]]
        return ", ".join(f"{names.count(name)} {name}" for name in dict.fromkeys(names)) or "nothing found"
    return f"{len(answer):,} bytes of JSON"
