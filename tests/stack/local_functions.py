"""Throw-away functions for the tests of the local stack: a template and one handler that does what its path says."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

HANDLER = """
import json, os, time
from pathlib import Path

def handler(event, context):
    action = event["rawPath"].strip("/").split("/")[0]
    query = event.get("queryStringParameters", {})
    if action == "answer":  # the body is the function's answer, word by word
        return json.loads(event["body"])
    if action == "raise":
        raise ValueError("as asked")
    if action == "exit":
        os._exit(3)
    if action == "hang":
        print("hanging", flush=True)
        while True:
            time.sleep(60)
    if action == "big":
        return {"statusCode": 200, "body": "x" * int(query["bytes"])}
    if action == "gate":  # says that it is in, and waits to be let out
        folder = Path(os.environ["GATES"])
        (folder / f"in-{query['name']}").touch()
        while not (folder / "open").exists():
            time.sleep(0.002)
    about = {"event": event, "pid": os.getpid(), "left_ms": context.get_remaining_time_in_millis(),
             "request_id": context.aws_request_id, "env": dict(os.environ), "cwd": os.getcwd()}
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(about)}
"""

WAIT_S = 20.0


def write_template(
    folder: Path, routes: dict[str, dict[str, Any]], resources: dict[str, Any] | None = None, **properties: Any
) -> Path:
    """A template with one function, `Echo`, serving `routes` (event properties by name); returns its path."""
    code = folder / "echo"
    code.mkdir()
    (code / "app.py").write_text(properties.pop("code", HANDLER))
    function = {
        "CodeUri": "echo",
        "Handler": "app.handler",
        "Runtime": "python3.11",
        "Timeout": 20,
        "MemorySize": 512,
        "Events": {name: {"Type": "HttpApi", "Properties": route} for name, route in routes.items()},
        **properties,
    }
    everything = {"Echo": {"Type": "AWS::Serverless::Function", "Properties": function}, **(resources or {})}
    path = folder / "template.yaml"
    path.write_text(yaml.safe_dump({"Resources": everything}))
    return path


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Returns once `is_so()`; fails with `what` after WAIT_S."""
    deadline = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < deadline, f"waited {WAIT_S:g} s until {what}"
        time.sleep(0.005)
