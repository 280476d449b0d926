"""Serves a handler through the Lambda Runtime API where AWS's client (awslambdaric) has no wheel: macOS, Windows.

Run as a script in the function's folder: `python -P poll.py app.handler`. Standard library only: it runs in any Python.
"""

import http.client
import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

_PREFIX = "/2018-06-01/runtime"
Handler = Callable[[Any, "Context"], Any]


class Context:
    """What a handler gets as its second argument; the names are AWS's."""

    def __init__(self, headers: http.client.HTTPMessage) -> None:
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._deadline_ms = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function is killed; never negative."""
        return max(0, self._deadline_ms - int(time.time() * 1000))


class RuntimeApi:
    """A connection to the Runtime API."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address)

    def next(self) -> tuple[Any, Context]:
        """Waits for the next event."""
        self._connection.request("GET", f"{_PREFIX}/invocation/next")
        response = self._connection.getresponse()
        return json.loads(response.read()), Context(response.headers)

    def post(self, path: str, value: Any) -> None:
        """Reports `value`. Exits if it is refused, for example because it is too large: as AWS's client does."""
        self._connection.request("POST", f"{_PREFIX}/{path}", json.dumps(value).encode())
        response = self._connection.getresponse()
        response.read()
        if response.status != 202:
            sys.exit(f"the Runtime API refused {path} with status {response.status}")


def main(handler_name: str) -> None:
    """Serves until the process is killed; exits with status 1 if the handler cannot be imported."""
    api = RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        handler = _load(handler_name)
    except Exception as exc:  # whatever the module raises is reported, then it is over
        api.post("init/error", _report(exc))
        sys.exit(1)
    while True:
        event, context = api.next()
        try:
            path, answer = "response", handler(event, context)
        except Exception as exc:  # a handler's failure is its answer
            path, answer = "error", _report(exc)
        api.post(f"invocation/{context.aws_request_id}/{path}", answer)


def _load(handler_name: str) -> Handler:
    sys.path.insert(0, str(Path.cwd()))  # as Lambda does; with -P this script's own folder is not on the path
    module, _, name = handler_name.rpartition(".")
    handler: Handler = getattr(importlib.import_module(module), name)
    return handler


def _report(exc: Exception) -> dict[str, Any]:
    traceback.print_exc()
    trace = traceback.format_tb(exc.__traceback__)
    return {"errorMessage": str(exc), "errorType": type(exc).__name__, "stackTrace": trace}


if __name__ == "__main__":
    main(sys.argv[1])
