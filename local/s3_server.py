"""Stands in for S3: moto's server in a process of its own. Run as a script: `s3_server.py BUCKET ...`.

Creates the buckets (`NAME`, or `NAME:versioned`), prints its URL on one line and serves until its standard input ends,
so it cannot outlive the stack that started it. Everything is kept in memory and gone when it stops.
"""

import logging
import sys

import boto3
from moto.moto_server.threaded_moto_server import ThreadedMotoServer


def main(buckets: list[str]) -> None:
    """Serves on a free loopback port."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # no line per request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client("s3", endpoint_url=url)  # region and credentials come from the environment
    for bucket in buckets:
        name, _, flag = bucket.partition(":")
        client.create_bucket(Bucket=name)
        if flag == "versioned":
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    print(url, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1:])
