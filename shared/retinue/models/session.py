"""A network ready to run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from retinue.errors import PackageCorrupt
from retinue.models.package import Manifest


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A manifest with its onnxruntime session."""

    manifest: Manifest
    session: onnxruntime.InferenceSession
    threads: int

    def infer(self, tensor: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """The raw outputs for a tensor (b, 3, h, w), as float32, in the order in which the family decodes them.

        A graph that asks for the size of the picture is told that of the tensor. A batch below the fixed size of the
        graph is filled up with zeros, and the answers to them are cut off.
        """
        network = self.manifest.network_input
        count = len(tensor)
        if network.batch and count < network.batch:
            tensor = np.concatenate([tensor, np.zeros((network.batch - count, *tensor.shape[1:]), np.float32)])
        feeds: dict[str, NDArray[Any]] = {network.name: tensor.astype(network.dtype, copy=False)}
        if network.picture_size_name:
            height, width = tensor.shape[2:]
            feeds[network.picture_size_name] = np.full((len(tensor), 2), (width, height), np.int64)
        outputs = self.session.run(self.manifest.outputs or None, feeds)
        return [output[:count].astype(np.float32, copy=False) for output in outputs]


# An onnxruntime execution provider by name, alone or with its options; the first that takes an operator runs it.
Provider = str | tuple[str, dict[str, str]]
CPU: tuple[Provider, ...] = ("CPUExecutionProvider",)


def load_model(
    manifest: Manifest, weights: Path | bytes, threads: int, providers: Sequence[Provider] = CPU
) -> LoadedModel:
    """A session over the weights (a path costs less memory than bytes). Raises PackageCorrupt if they do not load."""
    source = weights if isinstance(weights, bytes) else str(weights)
    try:
        session = onnxruntime.InferenceSession(source, session_options(threads), providers=list(providers))
    except Exception as exc:  # onnxruntime's errors share no base class below Exception
        raise PackageCorrupt(
            f"{manifest.model_id}: weights do not load: {exc}",
            public=f"The weights of {manifest.model_id} do not load; publish a new version.",
        ) from exc
    return LoadedModel(manifest, session, threads)


def session_options(threads: int) -> onnxruntime.SessionOptions:
    """Options for a function that owns `threads` vCPUs: explicit counts, and no spinning on cores that others share."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return options
