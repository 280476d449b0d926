"""The golden case of the model contract: one network that always answers the same ten rows, and what upstream's new
engine makes of them for a picture of 613 x 427 pixels."""

from typing import Any

import numpy as np
import pytest

from retinue.pipeline.predict import predict
from retinue.pipeline.prediction import Thresholds
from tests.unit.networks import constant_network, load, make_manifest, noise

# cx, cy, w, h in pixels of a 640 x 640 network, scores of three classes.
ROWS = np.array(
    [
        (100, 120, 80, 60, 0.90, 0.10, 0.05),
        (104, 122, 80, 60, 0.80, 0.10, 0.05),  # overlaps row 0, same class
        (104, 122, 80, 60, 0.05, 0.70, 0.05),  # overlaps row 0, another class
        (320, 320, 101, 51, 0.05, 0.05, 0.60),  # odd sizes: half pixels to round
        (630, 10, 60, 60, 0.55, 0.02, 0.02),  # hangs out of the picture
        (500, 500, 33.4, 47.8, 0.02, 0.4001, 0.02),  # just above the threshold
        (200, 500, 40, 40, 0.02, 0.02, 0.39),  # just below it
        (420, 150, 77.7, 33.3, 0.50, 0.02, 0.02),
        (420, 170, 77.7, 33.3, 0.48, 0.02, 0.02),  # IoU 0.25 with row 7: stays
        (420.5, 161, 77.7, 33.3, 0.47, 0.02, 0.02),  # IoU above 0.3 with row 7: goes
    ],
    np.float32,
)
# Row -> x, y, width, height in the answer, in its order.
Expected = dict[int, tuple[float, float, float, float]]
STRETCHED: Expected = {
    0: (95.5, 80, 77, 40),
    2: (99.5, 81, 77, 40),
    3: (306.5, 213.5, 97, 35),
    4: (594, 13.5, 38, 27),
    7: (402, 100, 74, 22),
    8: (402, 113.5, 74, 23),
    5: (479, 334, 32, 32),
}
LETTERBOXED: Expected = {
    0: (95.5, 25.5, 77, 51),
    2: (99.5, 26.5, 77, 53),
    3: (306.5, 213.5, 97, 49),
    4: (594, 0, 38, 0),
    7: (402, 51, 74, 32),
    8: (402, 70, 74, 32),
    5: (479, 386, 32, 46),
}
CROPPED: Expected = {
    0: (87, 22, 80, 44),
    2: (91, 23, 80, 46),
    3: (307, 214, 102, 52),
    4: (600, 0, 26, 0),
    7: (407, 44, 78, 34),
    8: (407, 64, 78, 34),
    5: (487, 394, 34, 48),
}


def only(expected: Expected, *rows: int) -> Expected:
    return {row: expected[row] for row in rows}


@pytest.mark.parametrize(
    ("preprocessing", "thresholds", "expected"),
    [
        ({"resize_mode": "stretch"}, {}, STRETCHED),
        ({"resize_mode": "letterbox", "padding_value": 0}, {}, LETTERBOXED),
        ({"resize_mode": "letterbox", "padding_value": 127}, {}, LETTERBOXED),
        ({"resize_mode": "center-crop"}, {}, CROPPED),
        # Strictly above: row 7 scores exactly 0.5.
        ({"resize_mode": "stretch"}, {"confidence": 0.5}, only(STRETCHED, 0, 2, 3, 4)),
        ({"resize_mode": "stretch"}, {"is_class_agnostic": True}, only(STRETCHED, 0, 3, 4, 7, 8, 5)),
        ({"resize_mode": "stretch"}, {"max_detections": 3}, only(STRETCHED, 0, 2, 3)),
    ],
)
def test_the_ten_rows_become_these_boxes(
    preprocessing: dict[str, Any], thresholds: dict[str, Any], expected: Expected
) -> None:
    model = load(constant_network(ROWS.T), make_manifest(**preprocessing))

    [prediction] = predict(model, [noise(427, 613)], Thresholds(**thresholds))

    detections = prediction.detections
    assert detections is not None
    xyxy = detections.xyxy
    centre, size = (xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]
    assert np.concatenate([centre, size], axis=1).tolist() == [list(box) for box in expected.values()]
    rows = list(expected)
    assert detections.confidence.tolist() == ROWS[rows, 4:].max(axis=1).tolist()
    assert detections.class_id.tolist() == ROWS[rows, 4:].argmax(axis=1).tolist()
