"""Upstream's own server, one process, as uvicorn runs it. Imported by upstream's Python only; never by the bench.

Its sessions of onnxruntime take as many threads as the machine has physical cores. Where that is not what the other
side has, BENCH_SESSION_THREADS says how many to take, and the sessions are made with that.
"""

# mypy: ignore-errors
# (upstream is not installed where types are checked)

import os

import onnxruntime

if threads := os.environ.get("BENCH_SESSION_THREADS"):
    make_session = onnxruntime.InferenceSession.__init__

    def make_session_with_threads(self, path_or_bytes, sess_options=None, *args, **kwargs):
        """As before, with the number of threads where the caller leaves it open."""
        options = sess_options or onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.intra_op_num_threads or int(threads)
        make_session(self, path_or_bytes, options, *args, **kwargs)

    onnxruntime.InferenceSession.__init__ = make_session_with_threads

from inference.core.env import MAX_ACTIVE_MODELS
from inference.core.interfaces.http.http_api import HttpInterface
from inference.core.managers.base import ModelManager
from inference.core.managers.decorators.fixed_size_cache import WithFixedSizeCache
from inference.core.registries.roboflow import RoboflowModelRegistry
from inference.models.utils import ROBOFLOW_MODEL_TYPES

models = ModelManager(model_registry=RoboflowModelRegistry(ROBOFLOW_MODEL_TYPES))
app = HttpInterface(WithFixedSizeCache(models, max_size=MAX_ACTIVE_MODELS)).app
