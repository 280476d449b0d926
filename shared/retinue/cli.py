"""The operator's command: `retinue publish`, `retinue models`, `retinue keys`."""

import typer

from retinue.operator.commands import keys, models
from retinue.operator.commands.publish import publish_command

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Publish models and manage API keys of a Retinue stack."
)
app.command("publish")(publish_command)
app.add_typer(models.app, name="models")
app.add_typer(keys.app, name="keys")


def main() -> None:
    """Entry point of the `retinue` command."""
    app()


if __name__ == "__main__":
    main()
