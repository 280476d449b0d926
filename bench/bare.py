"""The floor: a network run by onnxruntime alone. Run as a script of the functions' Python: `bare.py WEIGHTS THREADS`.

Prints a line of JSON with the versions once the first run is done, then for each line of its standard input the
milliseconds of one run. It imports nothing but the engine, so its start is what any service in Python has to pay.
"""

import json
import sys
import time

import numpy
import onnxruntime


def main(weights: str, threads: int) -> None:
    """Serves until the input ends."""
    options = onnxruntime.SessionOptions()  # as in retinue.models.session
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
    (network_input,) = session.get_inputs()
    feeds = {network_input.name: numpy.random.default_rng(0).random(network_input.shape, numpy.float32)}
    session.run(None, feeds)
    versions = {"numpy": numpy.__version__, "onnxruntime": onnxruntime.__version__}
    print(json.dumps({"python": sys.version.split()[0], **versions}), flush=True)
    for _ in sys.stdin:
        started_s = time.perf_counter()
        session.run(None, feeds)
        print((time.perf_counter() - started_s) * 1e3, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
