"""`python -m local demo`: the whole service shown in one go, with the sample models and real photos."""

import base64
import logging
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from local.interpreter import InterpreterError
from local.intrinsics import TemplateError
from local.samples import OperatorError, Sample, create_key, publish, sample_models
from local.stack import Stack

MAX_ROWS = 8
REQUEST_TIMEOUT_S = 35.0  # a little more than the gateway's own


class DemoError(Exception):
    """A step of the demo failed; the message says what came instead."""


def demo(output: Path, *, built: bool = False) -> int:
    """Runs it; drawn pictures go to `output`. Returns the exit status: 0, or 1 if any step failed."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    # Also SIGINT: a shell that starts this in the background has it ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # unwinds, so that every process is ended
    console = Console(highlight=False)
    try:
        with console.status("Starting the stack: S3 stand-in, functions, front door"):
            stack = Stack(artefacts="built" if built else "source")
            stack.start()
        try:
            _show(stack, output, console)
        finally:
            stack.stop()
    except (DemoError, OperatorError, TemplateError, InterpreterError, OSError, httpx.HTTPError) as exc:
        console.print(f"[bold red]The demo failed:[/] {exc}")
        return 1
    except KeyboardInterrupt:
        console.print("Stopped.")
        return 130
    return 0


def _show(stack: Stack, output: Path, console: Console) -> None:
    console.print(f"Serving on [bold]{stack.url}[/], models in bucket {stack.buckets['ModelsBucket']}")
    for sample in sample_models():
        with console.status(f"Publishing {sample.model_id}"):
            publish(stack, sample)
        console.print(f"Published [bold]{sample.model_id}[/] from {_short(sample.package)}")
    key = create_key(stack)
    console.print("Created an API key\n")
    output.mkdir(parents=True, exist_ok=True)
    saved = []
    with httpx.Client(base_url=stack.url, timeout=REQUEST_TIMEOUT_S) as client:
        for sample in sample_models():
            rows = []
            for photo in sample.photos:
                with console.status(f"Sending {photo.name} to /{sample.pool}/{sample.model_id}"):
                    answer, took_ms = _predict(client, sample, photo, key)
                    saved.append(_save_drawing(client, sample, photo, key, output))
                rows += [(photo.name, took_ms, row) for row in _rows(answer)]
            console.print(_table(sample, rows))
    console.print("\nDrawn pictures:")
    for path in saved:
        console.print(f"  {path}")


def _predict(client: httpx.Client, sample: Sample, photo: Path, key: str) -> tuple[dict[str, Any], float]:
    """The prediction as JSON, and the milliseconds that it took, cold start included."""
    response = _send(client, sample, photo, {"api_key": key})
    answer = response.json()
    if not isinstance(answer, dict) or not answer.get("predictions"):
        raise DemoError(f"{sample.model_id} found nothing in {photo.name}: {response.text[:500]}")
    return answer, response.elapsed.total_seconds() * 1000


def _save_drawing(client: httpx.Client, sample: Sample, photo: Path, key: str, output: Path) -> Path:
    response = _send(client, sample, photo, {"api_key": key, "format": "image", "labels": "true", "stroke": "2"})
    if response.headers.get("content-type") != "image/jpeg":
        raise DemoError(f"{sample.model_id} drew no JPEG but {response.headers.get('content-type')}")
    path = output / f"{sample.model_id.replace('/', '-')}-{photo.stem}.jpg"
    path.write_bytes(response.content)
    return path


def _send(client: httpx.Client, sample: Sample, photo: Path, query: Mapping[str, str]) -> httpx.Response:
    """Sends the photo as Roboflow's snippets do: base64 text in the body, called a form."""
    response = client.post(
        f"/{sample.pool}/{sample.model_id}",
        params=query,
        content=base64.b64encode(photo.read_bytes()),
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    if response.status_code != 200:
        raise DemoError(f"{response.request.url.path} answered {response.status_code}: {response.text[:500]}")
    return response


def _rows(answer: Mapping[str, Any]) -> list[tuple[str, float, str]]:
    """Class, confidence and place of each prediction, best first; one row for a classification."""
    if "top" in answer:
        return [(answer["top"], answer["confidence"], "whole picture")]
    rows = []
    for found in sorted(answer["predictions"], key=lambda item: -item["confidence"]):
        place = f"{found['width']:.0f} x {found['height']:.0f} at ({found['x']:.0f}, {found['y']:.0f})"
        outline = f", {len(found['points'])} points" if "points" in found else ""
        rows.append((found["class"], found["confidence"], place + outline))
    return rows


def _table(sample: Sample, rows: list[tuple[str, float, tuple[str, float, str]]]) -> Table:
    table = Table(
        "photo",
        "class",
        "confidence",
        "where",
        "request",
        title=f"/{sample.pool}/{sample.model_id}",
        title_justify="left",
    )
    shown_photo = ""
    for photo, took_ms, (name, confidence, place) in rows[:MAX_ROWS]:
        first = photo != shown_photo
        table.add_row(photo if first else "", name, f"{confidence:.3f}", place, f"{took_ms:.0f} ms" if first else "")
        shown_photo = photo
    if len(rows) > MAX_ROWS:
        table.caption = f"and {len(rows) - MAX_ROWS} more"
    return table


def _short(path: Path) -> Path:
    """The path as seen from here, where it lies below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
