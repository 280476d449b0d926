"""From pictures to predictions: one run of the network for one picture or for several."""

import numpy as np
import pytest

from retinue.models.session import LoadedModel
from retinue.pipeline.predict import StageTimes, pictures_per_run, predict
from retinue.pipeline.prediction import Thresholds
from tests.unit.networks import Dimension, brightness_network, constant_network, filled, load, make_manifest

WHITE, GREY, BLACK = filled(4, 4), filled(4, 4, (102, 102, 102)), filled(4, 4, (0, 0, 0))


def brightness_model(batch: int | None, **changes: object) -> LoadedModel:
    """Says how bright a picture is: class 0 with its mean of 0..1, class 1 with the rest."""
    size_wh = changes.pop("size_wh", (4, 4))
    manifest = make_manifest(
        task="classification",
        family="classifier",
        class_names=("bright", "dark"),
        batch=batch,
        size_wh=size_wh,
        **changes,
    )
    sides: tuple[Dimension, Dimension] = ("width", "height") if manifest.network_input.stride else (4, 4)
    half = manifest.network_input.dtype == "float16"
    return load(brightness_network(size_wh=sides, batch=batch or "batch", is_half=half), manifest)


def brightness(model: LoadedModel, *pictures: np.ndarray) -> list[float]:
    """The mean of each picture's input tensor, as the model tells it."""
    answers = []
    for prediction in predict(model, list(pictures), Thresholds(confidence=0.0)):
        assert prediction.classification is not None
        by_class = dict(zip(prediction.classification.class_id, prediction.classification.confidence, strict=True))
        answers.append(round(float(by_class[0]), 4))
    return answers


@pytest.mark.parametrize("batch", [None, 3, 8], ids=["any number", "exactly filled", "filled up with zeros"])
def test_several_pictures_in_one_run_and_in_order(batch: int | None) -> None:
    model = brightness_model(batch)
    times = StageTimes()

    predictions = predict(model, [GREY, WHITE, BLACK], Thresholds(confidence=0.0), times)

    assert len(predictions) == 3 and times.runs == 1
    assert brightness(model, GREY, WHITE, BLACK) == [0.4, 1.0, 0.0]


def test_one_picture_with_a_batch_of_one() -> None:
    assert brightness(brightness_model(1), GREY) == [0.4]


def test_pictures_of_different_sizes_share_a_run() -> None:
    assert brightness(brightness_model(None), filled(9, 5), filled(2, 7, (0, 0, 0))) == [1.0, 0.0]


def test_a_network_of_half_precision() -> None:
    assert brightness(brightness_model(2, dtype="float16"), GREY, WHITE) == [pytest.approx(0.4, abs=1e-3), 1.0]


@pytest.mark.parametrize(
    ("batch", "memory_bytes", "expected"),
    [
        pytest.param(1, 10**9, 1, id="one"),
        pytest.param(4, 10**9, 4, id="a fixed number"),
        pytest.param(4, 1, 4, id="a fixed number, whatever it takes"),
        pytest.param(None, 10 * 12 * 4 * 4, 10, id="as many as fit"),
        pytest.param(None, 1, 1, id="at least one"),
    ],
)
def test_pictures_per_run(batch: int | None, memory_bytes: int, expected: int) -> None:
    assert pictures_per_run(brightness_model(batch), memory_bytes) == expected


def test_what_publishing_measured_limits_the_pictures_of_a_run() -> None:
    model = brightness_model(None, memory_bytes=5_000_000)
    activations = 5_000_000 - model.manifest.weights.size_bytes

    assert pictures_per_run(model, 3 * activations + 1) == 3


def test_the_answer_to_a_picture_does_not_depend_on_its_neighbours() -> None:
    model = brightness_model(
        None, size_wh=(64, 64), stride=32, convention="native", resize_mode="letterbox", padding_value=0
    )
    wide, tall, small = filled(32, 64), filled(64, 32), filled(32, 32)
    times = StageTimes()

    # each gets the rectangle that fits it, without padding; neighbours of one rectangle share a run
    assert brightness(model, wide, tall, wide, small) == [1.0, 1.0, 1.0, 1.0]
    predict(model, [wide, wide, tall], Thresholds(), times)
    assert times.runs == 2


def test_times_add_up_over_runs() -> None:
    model, times = brightness_model(1), StageTimes()

    for _ in range(3):
        predict(model, [GREY], Thresholds(), times)

    assert times.runs == 3
    assert min(times.prepare_ms, times.infer_ms, times.decode_ms) > 0


def test_boxes_come_back_in_pixels_of_each_picture() -> None:
    # GIVEN a network of 32 x 32 that always sees an object in the upper left quarter
    rows = np.array([[8, 8, 16, 16, 0.9, 0, 0]], np.float32).T
    model = load(constant_network(rows, size_wh=(32, 32), batch="batch"), make_manifest(size_wh=(32, 32), batch=None))

    predictions = predict(model, [filled(100, 200), filled(32, 32)], Thresholds())

    boxes = [prediction.detections.xyxy.tolist() for prediction in predictions if prediction.detections]
    assert boxes == [[[0, 0, 100, 50]], [[0, 0, 16, 16]]]
