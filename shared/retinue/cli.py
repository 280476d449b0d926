"""The operator's command: `retinue publish`, `retinue models`, `retinue keys`, `retinue workflows`."""

import typer

from retinue.operator.commands import keys, models, workflows
from retinue.operator.commands.publish import publish_command

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Publish models, save workflows and manage API keys of a Retinue stack.",
)
app.command("publish")(publish_command)
app.add_typer(models.app, name="models")
app.add_typer(keys.app, name="keys")
app.add_typer(workflows.app, name="workflows")


def main() -> None:
    """Entry point of the `retinue` command."""
    app()


if __name__ == "__main__":
    main()
