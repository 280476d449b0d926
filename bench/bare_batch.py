"""The yardstick of a job: one thread fetches, decodes and prepares ahead, the main one calls `session.run`, and that is
all: nothing is made of the answers. Run as a script: `bare_batch.py WEIGHTS THREADS BATCH_SIZE COUNT BUCKET PREFIX`.

It has this project's own fetching and preparing, which are faster than those at hand. Prints pictures a second, and
milliseconds of CPU for one.
"""

import os
import queue
import sys
import threading
import time

import numpy
import onnxruntime

from retinue.aws import S3Reader
from retinue.deadline import Deadline
from retinue.images.decode import decode_image
from retinue.models.session import session_options
from retinue.pipeline.resize import resize_linear


def main(weights: str, threads: int, batch_size: int, count: int, bucket: str, prefix: str) -> None:
    """Runs once over `count` pictures."""
    session = onnxruntime.InferenceSession(weights, session_options(threads), providers=["CPUExecutionProvider"])
    (network_input,) = session.get_inputs()
    height, width = network_input.shape[2:]
    waiting: queue.Queue[numpy.ndarray] = queue.Queue(maxsize=4 * batch_size)

    def ahead() -> None:
        reader = S3Reader.from_env(bucket, os.environ)
        for number in range(count):
            data = reader.read(f"{prefix}{number:05d}.jpg", Deadline.after(60))
            image = decode_image(data, max_pixels=10**8, failure="")
            tensor = numpy.empty((1, 3, height, width), numpy.float32)
            resize_linear(image, tensor[0], 1, divisor=255.0)
            waiting.put(tensor)

    started, cpu_before_s = time.perf_counter(), time.process_time()
    threading.Thread(target=ahead, daemon=True).start()
    for first in range(0, count, batch_size):
        batch = [waiting.get() for _ in range(min(batch_size, count - first))]
        session.run(None, {network_input.name: batch[0] if len(batch) == 1 else numpy.concatenate(batch)})
    print(count / (time.perf_counter() - started), (time.process_time() - cpu_before_s) / count * 1e3, flush=True)


if __name__ == "__main__":
    weights, threads, batch_size, count, bucket, prefix = sys.argv[1:]
    main(weights, int(threads), int(batch_size), int(count), bucket, prefix)
