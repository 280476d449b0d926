"""`python -m local run`: the stack with its banner and access log, until it is told to stop."""

import json
import logging
import shlex
import signal
import threading
from collections.abc import Sequence

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from local.gateway import Access
from local.interpreter import InterpreterError
from local.intrinsics import TemplateError
from local.samples import OperatorError, Sample, create_key, publish, sample_models
from local.stack import Stack

logger = logging.getLogger(__name__)


def serve(*, port: int, built: bool, with_samples: bool, log_level: str, as_json: bool) -> int:
    """Serves until SIGINT or SIGTERM; returns the exit status: 0, or 1 if the stack cannot be started."""
    logging.basicConfig(level=log_level.upper(), format="%(asctime)s  %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    console = Console(stderr=as_json, highlight=False)
    # Also SIGINT: a shell that starts this in the background has it ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # unwinds, so that every process is ended
    try:
        stack = Stack(artefacts="built" if built else "source", port=port, on_access=_access_log)
        with stack:
            _introduce(stack, sample_models() if with_samples else (), console, as_json)
            threading.Event().wait()
    except (TemplateError, InterpreterError, OperatorError, OSError) as exc:
        console.print(f"[bold red]Cannot serve:[/] {exc}")
        return 1
    except KeyboardInterrupt:
        console.print("Stopped.")
    return 0


def _introduce(stack: Stack, samples: Sequence[Sample], console: Console, as_json: bool) -> None:
    """Publishes the samples, makes a key, and says how to use the stack."""
    for sample in samples:
        with console.status(f"Publishing {sample.model_id}"):
            publish(stack, sample)
    with console.status("Creating an API key"):
        key = create_key(stack)
    if as_json:
        facts = {
            "url": stack.url,
            "api_key": key,
            "environment": stack.environment(),
            "models": [s.model_id for s in samples],
        }
        print(json.dumps(facts), flush=True)
    else:
        _print_banner(stack, samples, key, console)


def _print_banner(stack: Stack, samples: Sequence[Sample], key: str, console: Console) -> None:
    facts = Table.grid(padding=(0, 2))
    facts.add_row("URL", f"[bold]{stack.url}[/]")
    facts.add_row("API key", f"[bold]{key}[/]")
    for logical_id, name in stack.buckets.items():
        facts.add_row(logical_id, f"{name} (in memory: gone when this stops)")
    for sample in samples:
        facts.add_row("model", f"{sample.model_id}  [dim]{stack.url}/{sample.pool}/{sample.model_id}[/]")
    console.print(Panel(facts, title="Retinue, local stack", title_align="left", expand=False))
    # Below: plain lines without a frame, so that they can be copied; soft_wrap leaves long ones whole.
    lines = [*_request_lines(stack, samples[0], key), ""] if samples else []
    exports = [f"export {name}={shlex.quote(value)}" for name, value in stack.environment().items()]
    lines += ["# In another terminal, for the command `retinue` (publish, keys) or any AWS SDK:", *exports]
    console.print("\n".join(lines), soft_wrap=True, markup=False)
    console.print("\nPress Ctrl-C to stop.\n")


def _request_lines(stack: Stack, sample: Sample, key: str) -> list[str]:
    photo = sample.photos[0]
    url = f"{stack.url}/{sample.pool}/{sample.model_id}?api_key={key}"
    return [
        "# With curl:",
        f"base64 < {photo} | curl -d @- '{url}'",
        "",
        "# With inference-sdk:",
        "from inference_sdk import InferenceHTTPClient",
        f'client = InferenceHTTPClient(api_url="{stack.url}", api_key="{key}")',
        f'print(client.infer("{photo}", model_id="{sample.model_id}"))',
    ]


def _access_log(access: Access) -> None:
    """One line per request. Plain, not through rich: half a millisecond would show in a benchmark."""
    if not logger.isEnabledFor(logging.INFO):
        return
    cold = "  cold" if access.is_cold else ""
    by = access.function.removesuffix("Function").lower() or "gateway"
    logger.info("%d  %8.1f ms  %-9s %s %s%s", access.status, access.took_ms, by, access.method, access.path, cold)
