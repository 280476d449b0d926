"""Stands in for AWS: moto's server (S3, SQS, DynamoDB, EventBridge ...) in a process of its own.

Run as a script: `aws_server.py BUCKET ...`. Creates the buckets (`NAME`, or `NAME:versioned`), prints its URL on a line
and serves until its standard input ends, so it cannot outlive the stack that started it. Everything is kept in memory
and gone when it stops.
"""

import io
import itertools
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.s3 import notifications
from werkzeug.serving import make_server

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]

_LONG_POLL = "AmazonSQS.ReceiveMessage"


def main(buckets: list[str]) -> None:
    """Serves on a free loopback port."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # no line per request
    notifications._get_s3_event = completed(notifications._get_s3_event)
    application = one_write_at_a_time(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    client = boto3.client("s3", endpoint_url=url)  # region and credentials come from the environment
    for bucket in buckets:
        name, _, flag = bucket.partition(":")
        client.create_bucket(Bucket=name)
        if flag == "versioned":
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    print(url, flush=True)
    sys.stdin.read()


def completed(make_event: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """moto's events with what S3's have and these lack: the version, and a sequencer that grows."""
    count = itertools.count()

    def make(event_name: str, bucket: Any, key: Any, notification_id: str) -> dict[str, Any]:
        event = make_event(event_name, bucket, key, notification_id)
        stored = event["Records"][0]["s3"]["object"]
        if bucket.is_versioned:
            stored["versionId"] = key.version_id
        if not hasattr(key, "sequencer"):  # all events of one write have the same
            key.sequencer = f"{time.time_ns():016X}{next(count) % 256:02X}"
        stored["sequencer"] = key.sequencer
        return event

    return make


def one_write_at_a_time(application: Application) -> Application:
    """The application with its writes in a row: moto asks for a condition and then writes, so that two conditional
    writes at once would both succeed. Reads go on beside them, and so does waiting for messages."""
    lock = threading.Lock()

    def serve(environ: Environ, start_response: Any) -> Iterable[bytes]:
        is_wait = environ.get("HTTP_X_AMZ_TARGET") == _LONG_POLL
        if environ["REQUEST_METHOD"] in ("GET", "HEAD") or is_wait or not environ.get("CONTENT_LENGTH"):
            return application(environ, start_response)
        # Whole before its turn comes: nobody waits for the network of another.
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        with lock:
            return application(environ, start_response)

    return serve


if __name__ == "__main__":
    main(sys.argv[1:])
