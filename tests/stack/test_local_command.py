"""`python -m local run` and `demo` as a user starts them."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from local.stack import ROOT
from tests.stack.local_functions import wait_until


@contextmanager
def local(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`python -m local ARGUMENTS`, running; killed at the end if it still does."""
    command = [sys.executable, "-m", "local", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def port_of(listening: socket.socket) -> str:
    return str(listening.getsockname()[1])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_serves_until_it_is_told_to_stop(number: signal.Signals) -> None:
    with local("run", "--port", "0", "--no-samples", "--json") as running:
        # GIVEN the line that says what is served
        assert running.stdout is not None and running.stderr is not None
        facts = json.loads(running.stdout.readline())
        children = psutil.Process(running.pid).children(recursive=True)
        # WHEN a request with its key is sent, and then the signal
        registry = httpx.get(f"{facts['url']}/model/registry", params={"api_key": facts["api_key"]}, timeout=40)
        running.send_signal(number)
        # THEN it was answered and logged, and everything ends
        assert (registry.status_code, registry.json()["models"]) == (200, [])
        assert running.wait(timeout=20) == 0
        assert "GET /model/registry  cold" in running.stderr.read()
        assert len(children) == 2
        wait_until(lambda: not any(child.is_running() for child in children), "its processes are gone")


def test_run_says_that_the_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, local("run", "--port", port_of(taken)) as running:
        printed, _ = running.communicate(timeout=30)
    assert running.returncode == 1
    assert "Cannot serve:" in printed and "address already in use" in printed


def test_demo_shows_every_sample(tmp_path: Path) -> None:
    environment = {**os.environ, "COLUMNS": "120"}
    command = [sys.executable, "-m", "local", "demo", "--output", str(tmp_path)]

    result = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=100
    )

    assert result.returncode == 0, result.stdout + result.stderr
    pictures = sorted(tmp_path.glob("*.jpg"))
    photos = sorted((ROOT / "samples" / "photos").glob("digit-*.png"))
    assert len(pictures) == 2 + len(photos)
    assert all(picture.read_bytes().startswith(b"\xff\xd8") for picture in pictures)
    for words in (
        "/detect/coins/1",
        "/outline/coin-outlines/1",
        "/classify/digits/1",
        *(photo.name for photo in photos),
    ):
        assert words in result.stdout
