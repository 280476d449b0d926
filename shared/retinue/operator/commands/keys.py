"""`retinue keys create | list | revoke`."""

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from retinue.aws import boto3_client
from retinue.operator.commands.console import Bucket, add_row, console, explained, problems
from retinue.operator.keys import create_key, list_keys, revoke_key

app = typer.Typer(no_args_is_help=True, help="Create, list and revoke API keys.")


@app.command("create")
def create_command(
    bucket: Bucket,
    name: Annotated[str, typer.Option(help="What the key is for.")] = "unnamed",
    project: Annotated[list[str] | None, typer.Option(help="Project in scope; may be repeated. Default: all.")] = None,
    workspace: Annotated[str, typer.Option(help="Workspace that the key stands for.")] = "default",
) -> None:
    """Create a key and show it, once."""
    with explained(bucket):
        key = create_key(boto3_client("s3"), bucket, name=name, workspace=workspace, scopes=tuple(project or ("*",)))
        problems.print("The key is shown only now; the bucket holds nothing but its SHA-256.")
        typer.echo(key)


@app.command("list")
def list_command(bucket: Bucket) -> None:
    """List the keys: id, name, workspace, projects, age."""
    with explained(bucket):
        table = Table("id", "name", "workspace", "projects", "created")
        for record in list_keys(boto3_client("s3"), bucket):
            add_row(table, record.digest[:12], record.name, record.workspace, ", ".join(record.scopes), record.created)
        console.print(table)


@app.command("revoke")
def revoke_command(
    key: Annotated[str, typer.Argument(help="The key, or its id from the list.")], bucket: Bucket
) -> None:
    """Revoke a key. Running copies of a function forget it within RETINUE_KEY_CACHE_S (60 s)."""
    with explained(bucket):
        record = revoke_key(boto3_client("s3"), bucket, key)
        console.print(Text(f"Revoked {record.digest[:12]} ({record.name})."))
