"""Fixtures of the unit tests: S3 as moto's server plays it, for what writes to a bucket."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

# they assert as the tests do
pytest.register_assert_rewrite("tests.unit.hostile_workflows", "tests.unit.workflow_detections")


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """The address of an S3 server on loopback."""
    from moto.server import ThreadedMotoServer  # 1 to 2 s, which most tests do not need

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def ordered_url() -> Iterator[str]:
    """The address of the local stack's stand-in for AWS, whose conditional writes hold against each other."""
    import threading

    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    from local.aws_server import one_write_at_a_time

    class Quiet(WSGIRequestHandler):
        def log(self, *args: Any) -> None:
            """No line per request."""

    application = one_write_at_a_time(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def aws(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual AWS configuration, pointing there."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


@pytest.fixture
def s3(aws: None) -> Iterator[Any]:
    """A boto3 client of it."""
    import boto3

    client = boto3.client("s3")
    yield client
    client.close()


@pytest.fixture
def bucket(s3: Any) -> str:
    """The name of an empty bucket."""
    name = f"models-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return name
