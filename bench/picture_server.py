"""S3 for the pictures of a job, at next to no cost: one picture for every key below a prefix, from memory, and all else
passed on. Run as a script: `picture_server.py URL PATH FILE`.

In the cloud S3 does not share the job's processors. moto does, and takes some 5 ms for an object.
"""

import asyncio
import sys
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from local.http1 import Limits, Request, Response, Server

LIMITS = Limits(head_bytes=64 * 1024, body_bytes=64 * 1024 * 1024)
_NOT_FORWARDED = frozenset({"connection", "content-length", "date", "expect", "server", "transfer-encoding"})


async def main(url: str, prefix: str, picture: Path) -> None:
    """Serves `picture` for GET of anything below the path `prefix`; anything else is what `url` answers."""
    found = Response(200, [("content-type", "image/jpeg")], picture.read_bytes())

    async def answer(request: Request) -> Response:
        if request.method == "GET" and request.target.startswith(prefix):
            return Response(found.status, list(found.headers), found.body)
        return await asyncio.to_thread(_forward, url, request)

    server = Server(answer, LIMITS)
    print(f"http://127.0.0.1:{await server.listen('127.0.0.1', 0)}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


def _forward(url: str, request: Request) -> Response:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        headers = {name: value for name, value in request.headers if name not in _NOT_FORWARDED}
        connection.request(request.method, request.target, request.body, headers)
        answer = connection.getresponse()
        kept = [(name.lower(), value) for name, value in answer.getheaders() if name.lower() not in _NOT_FORWARDED]
        return Response(answer.status, kept, answer.read())
    finally:
        connection.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
