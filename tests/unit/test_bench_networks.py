"""The bench's networks: right cost, right outputs, a handful of objects."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from bench.cases import CASES, SEGMENTER, SMALL_DETECTOR, Case, write_package
from bench.networks import Architecture, Network, NetworkError
from bench.pictures import load_pictures


@pytest.mark.parametrize("case", CASES, ids=[case.key for case in CASES])
def test_costs_what_ultralytics_says(case: Case) -> None:
    architecture = case.architecture
    network = Network(architecture)
    network.model()  # raises if parameters or operations are others
    assert network.graph.parameters == architecture.parameters


def test_refuses_another_cost() -> None:
    with pytest.raises(NetworkError, match=r"3,151,888 parameters and 8\.74 GFLOPs at 640; 3,000,000 and 8\.7 are"):
        Network(Architecture("too small", 320, 16, False, 3_000_000, 8.7)).model()


@pytest.mark.parametrize("case", [SMALL_DETECTOR, SEGMENTER], ids=["detection", "segmentation"])
def test_finds_a_handful(case: Case, tmp_path: Path) -> None:
    picture = load_pictures()[0]
    package = write_package(tmp_path, case, picture)
    assert package == tmp_path / case.model_id
    session = onnxruntime.InferenceSession(package / "weights.onnx")
    output, *prototypes = session.run(None, {"images": picture.tensor(case.architecture.size)})
    scores = output[0, 4:84].max(axis=0)
    assert np.count_nonzero(scores >= 0.4) in range(10, 80)  # before suppression
    assert [one.shape for one in prototypes] == ([(1, 32, 160, 160)] if case.architecture.has_masks else [])
    boxes = output[0, :4, scores >= 0.4]
    assert boxes[:, 2:].min() > 0
    if prototypes:
        mask = output[0, 84:, scores.argmax()] @ prototypes[0].reshape(32, -1) > 0
        assert 0.1 < mask.mean() < 0.95  # neither empty nor everything


def test_pictures_are_one_photo_in_two_sizes() -> None:
    small, large = load_pictures()
    assert (small.size, large.size) == ("1280 x 720", "1920 x 1080")
    assert small.source == large.source
    assert small.jpeg[:2] == large.jpeg[:2] == b"\xff\xd8"
    assert small.tensor(64).shape == (1, 3, 64, 64)
    assert 0 <= small.tensor(64).min() < small.tensor(64).max() <= 1
