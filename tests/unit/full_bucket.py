"""A server with a bucket full of empty pictures, in a process of its own: `full_bucket.py BUCKET COUNT`.

Prints its URL and serves until its standard input ends. The objects are put into moto's memory directly: over HTTP a
hundred thousand would take minutes.
"""

import sys
import threading

from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import FakeKey, s3_backends
from werkzeug.serving import WSGIRequestHandler, make_server


class Quiet(WSGIRequestHandler):
    """No line per request."""

    def log(self, *args: object) -> None:
        """Nothing."""


def main(bucket: str, count: int) -> None:
    """Serves on a free loopback port."""
    backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    made = backend.create_bucket(bucket, "us-east-1")
    for number in range(count):
        name = f"folder/{number:07}.jpg"
        made.keys[name] = FakeKey(name, b"", account_id=DEFAULT_ACCOUNT_ID, region_name="us-east-1")
    application = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
