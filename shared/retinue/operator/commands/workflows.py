"""`retinue workflows put | get | list | validate | run`."""

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.progress import Progress
from rich.text import Text

from retinue.aws import boto3_client
from retinue.errors import RequestError, RetinueError
from retinue.operator.commands.console import Bucket, console, explained, problems
from retinue.operator.commands.tables import answers_table, interface_table, workflows_table
from retinue.operator.workflow_answers import embedded_picture, file_stems, image_input, read_parameters, save_answer
from retinue.operator.workflow_runs import BucketModels, Row, RunByService, RunHere, Runner
from retinue.operator.workflows import (
    WorkflowId,
    check,
    describe,
    list_workflows,
    load,
    lookup_in,
    models_of,
    read_document,
    save,
    unpublished,
)
from retinue.workflows.inner import Lookup

app = typer.Typer(no_args_is_help=True, help="Save, list, check and run workflows.")

Workflow = Annotated[str, typer.Argument(metavar="WORKSPACE/ID", help="For example default/count.")]
File = Annotated[
    Path, typer.Argument(help="The definition as JSON, bare or as Roboflow exports it.", exists=True, dir_okay=False)
]
OptionalBucket = Annotated[
    str, typer.Option(envvar="RETINUE_MODELS_BUCKET", help="Models bucket, for models and saved workflows.")
]
Version = Annotated[str, typer.Option(help="A version of the saved workflow. Default: what was saved last.")]


@app.command("put")
def put_command(
    workflow: Workflow,
    file: File,
    bucket: Bucket,
    version: Annotated[str, typer.Option(help="Keep it under this name too; versions never change.")] = "",
) -> None:
    """Check a workflow and save it: from then on requests for WORKSPACE/ID run it."""
    with explained(bucket):
        s3, target, document = boto3_client("s3"), WorkflowId.parse(workflow), read_document(file)
        plan = check(document, lookup_in(s3, bucket, target.workspace))
        for reason in unpublished(s3, bucket, models_of(plan)):
            problems.print(Text.assemble(("Warning: ", "yellow"), reason))
        save(s3, bucket, target, document, version or None)
        console.print(Text.assemble(("Saved ", "green"), f"{target}{f', version {version}' if version else ''}"))


@app.command("get")
def get_command(
    workflow: Workflow,
    bucket: Bucket,
    version: Version = "",
    output: Annotated[Path | None, typer.Option(help="File to write instead of printing.")] = None,
) -> None:
    """Show the definition of a saved workflow."""
    with explained(bucket):
        document = load(boto3_client("s3"), bucket, WorkflowId.parse(workflow), version or None)
        text = orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()
        if output is None:
            typer.echo(text)
        else:
            output.write_text(f"{text}\n", "utf-8")
            console.print(Text(f"{workflow} -> {output}"))


@app.command("list")
def list_command(
    bucket: Bucket,
    workspace: Annotated[str, typer.Argument(help="Only the workflows of this workspace.")] = "",
) -> None:
    """List the saved workflows: versions, steps, models, when they were changed."""
    with explained(bucket):
        if saved := list_workflows(boto3_client("s3"), bucket, workspace):
            console.print(workflows_table(saved))
        else:
            console.print(Text("No workflows yet; `retinue workflows put WORKSPACE/ID workflow.json` saves the first."))


@app.command("validate")
def validate_command(file: File, bucket: OptionalBucket = "") -> None:
    """Check a workflow, and show what goes in and what comes out. Needs a bucket only for workflows that it nests."""
    with explained(bucket):
        interface = describe(read_document(file), _lookup(bucket))
        console.print(Text.assemble(("Valid ", "green"), str(file)))
        console.print(interface_table(interface))


@app.command("run")
def run_command(
    target: Annotated[str, typer.Argument(metavar="WORKSPACE/ID|FILE", help="A saved workflow, or a file.")],
    pictures: Annotated[list[Path], typer.Argument(help="Pictures to run it on.", exists=True, dir_okay=False)],
    bucket: OptionalBucket = "",
    parameter: Annotated[
        list[str] | None,
        typer.Option(help="NAME=VALUE, may be repeated. VALUE: JSON, else a text; @FILE: a further picture."),
    ] = None,
    image: Annotated[str, typer.Option(help="Input that takes the pictures, if there are several.")] = "",
    output: Annotated[Path | None, typer.Option(help="Folder for the answers and the pictures in them.")] = None,
    version: Version = "",
    url: Annotated[str, typer.Option(envvar="RETINUE_URL", help="Service that runs it, instead of this command.")] = "",
    api_key: Annotated[str, typer.Option(envvar="RETINUE_API_KEY", help="API key for the service.")] = "",
    sinks: Annotated[bool, typer.Option(help="Whether sinks send what they have to send.")] = True,
) -> None:
    """Run a workflow on pictures, one by one: here, or by a service (--url). Show the answers, or save them."""
    with explained(bucket):
        if url:
            runner: Runner = _by_service(target, url, api_key, version, sinks)
        else:
            runner = _here(target, bucket, version, sinks)
        interface = runner.describe()["inputs"]
        given, name = read_parameters(parameter or (), interface), image_input(interface, image)
        answers = _run_all(runner, pictures, given, name, output)
        if output is None:
            console.print(answers_table(answers))


def _by_service(target: str, url: str, api_key: str, version: str, has_sinks: bool) -> Runner:
    if Path(target).is_file():
        return RunByService(url=url, api_key=api_key, document=read_document(Path(target)), has_sinks=has_sinks)
    workflow = WorkflowId.parse(target)
    return RunByService(url=url, api_key=api_key, workflow=workflow, version=version or None, has_sinks=has_sinks)


def _here(target: str, bucket: str, version: str, has_sinks: bool) -> Runner:
    if Path(target).is_file():
        document = read_document(Path(target))
    elif bucket:
        document = load(boto3_client("s3"), bucket, WorkflowId.parse(target), version or None)
    else:
        raise RequestError(
            f"{target} is no file here; for a saved workflow give --bucket or RETINUE_MODELS_BUCKET, or --url"
        )
    models = BucketModels(
        boto3_client("s3") if bucket else None, bucket, Path(typer.get_app_dir("retinue")) / "weights"
    )
    return RunHere(document, _lookup(bucket), models, has_sinks)


def _lookup(bucket: str) -> Lookup:
    """Finds nested workflows in the bucket, if there is one."""

    def look_up(workspace: str, name: str, version: str | None) -> dict[str, Any]:
        if not bucket:
            raise RequestError(
                f"It nests {workspace}/{name}; give --bucket or RETINUE_MODELS_BUCKET, where that is saved"
            )
        return lookup_in(boto3_client("s3"), bucket)(workspace, name, version)

    return look_up


def _run_all(
    runner: Runner, pictures: list[Path], given: dict[str, Any], name: str, output: Path | None
) -> list[tuple[str, Row]]:
    """The rows with the name of their picture. With `output` they are saved as they come."""
    answers = []
    with Progress(console=console, transient=True) as progress:
        work = list(zip(pictures, file_stems(pictures), strict=True))
        for picture, stem in progress.track(work, description="Running"):
            try:
                rows = runner.run(given | {name: embedded_picture(picture)})
            except RetinueError as exc:
                raise RequestError(f"{picture}: {exc.message}") from exc
            answers += [(picture.name, row) for row in rows]
            if output is not None:
                for path in save_answer(rows, output, stem):
                    progress.console.print(Text(f"{picture} -> {path}"))
    return answers
