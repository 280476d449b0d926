"""The operator's command: `retinue publish`, `retinue models | keys | workflows | uploads | jobs`."""

import typer

from retinue.operator.commands import jobs, keys, models, uploads, workflows
from retinue.operator.commands.publish import publish_command

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Publish models, save workflows, manage API keys, follow uploads and run jobs of a Retinue stack.",
)
app.command("publish")(publish_command)
app.add_typer(models.app, name="models")
app.add_typer(keys.app, name="keys")
app.add_typer(workflows.app, name="workflows")
app.add_typer(uploads.app, name="uploads")
app.add_typer(jobs.app, name="jobs")


def main() -> None:
    """Entry point of the `retinue` command."""
    app()


if __name__ == "__main__":
    main()
