"""The drawing blocks as steps: what they draw on, what they leave alone. Pixels: test_workflows_drawing_*.py."""

from typing import Any

import numpy as np
import pytest

from retinue.pipeline.prediction import Mask
from retinue.workflows.block import Runtime
from retinue.workflows.detections import DetectionTable, Keypoints, Place, strings
from retinue.workflows.image import WorkflowImage
from retinue.workflows.registry import all_blocks, find_block
from tests.unit.buckets import SOON

RUNTIME = Runtime(models=None, send=None, deadline=SOON)  # type: ignore[arg-type]  # drawing needs neither
SIZE = (80, 60)
EVERY = sorted(block.identifier for block in all_blocks() if block.category == "visualization")
OF_DETECTIONS = [name for name in EVERY if "classification" not in name]
CLASSES = {
    "image": {"width": SIZE[0], "height": SIZE[1]},
    "predictions": [{"class": "cat", "class_id": 0, "confidence": 0.9}],
    "top": "cat",
    "confidence": 0.9,
}


def picture(*, is_gray: bool = False) -> WorkflowImage:
    levels = np.random.default_rng(7).integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8)
    return WorkflowImage.of_pixels(levels[:, :, 0].copy() if is_gray else levels, "image")


def table(image: WorkflowImage, count: int = 2) -> DetectionTable:
    """Two objects with everything that some block draws."""
    patch = np.ones((20, 30), bool)
    points = Keypoints(
        xy=np.array([[12.0, 12.0], [30.0, 20.0]]),
        confidence=np.ones(2),
        class_id=np.arange(2),
        class_name=("nose", "tail"),
    )
    return DetectionTable(
        xyxy=np.array([[10.0, 10, 40, 30], [45, 25, 75, 45]])[:count],
        confidence=np.array([0.9, 0.8])[:count],
        class_id=np.array([0, 1])[:count],
        class_name=strings(["cat", "dog"][:count]),
        detection_id=strings(["a", "b"][:count]),
        parent_id=strings(["image"] * count),
        places=strings([Place.of(image)] * count),
        masks=(Mask(patch, 10, 10, *SIZE), Mask(patch, 45, 25, *SIZE))[:count],
        keypoints=(points, points)[:count],
    )


def draw(
    identifier: str, image: WorkflowImage, predictions: Any, consumed: frozenset[str] = frozenset(), **settings: Any
) -> WorkflowImage:
    """What the block gives; settings stand for what the step says."""
    block = find_block(identifier)
    assert block is not None
    edges = {"edges": [[1, 2]]} if "keypoint" in identifier else {}
    step = {"type": identifier, "name": "v", "image": "$inputs.image", "predictions": "$steps.a.b"} | edges | settings
    manifest = block.manifest.model_validate(step)
    properties = {name: getattr(manifest, name) for name in type(manifest).model_fields if name not in ("type", "name")}
    properties |= {"image": image, "predictions": predictions}
    drawing = block(RUNTIME)
    drawing.consumed = consumed
    drawn: WorkflowImage = drawing.run(**properties)["image"]
    return drawn


def test_there_are_all_that_the_contract_ranks() -> None:
    assert len(EVERY) == 20


@pytest.mark.parametrize("identifier", EVERY)
def test_a_copy_is_drawn_on(identifier: str) -> None:
    image = picture()
    before = image.pixels.copy()

    drawn = draw(identifier, image, CLASSES if "classification" in identifier else table(image))

    assert (drawn.pixels != before).any(), "something is drawn"
    assert (image.pixels == before).all(), "and not on the picture of others"
    assert (drawn.id, drawn.pixels.shape, drawn.pixels.dtype) == (image.id, before.shape, np.uint8)


@pytest.mark.parametrize("identifier", EVERY)
@pytest.mark.parametrize("is_gray", [False, True], ids=["colour", "grey"])
def test_a_picture_that_nobody_else_reads_shows_the_same(identifier: str, is_gray: bool) -> None:
    image = picture(is_gray=is_gray)
    predictions = CLASSES if "classification" in identifier else table(image)
    expected = draw(identifier, image, predictions).pixels

    assert (draw(identifier, image, predictions, frozenset({"image"})).pixels == expected).all()


@pytest.mark.parametrize("identifier", EVERY)
def test_in_place_others_see_it(identifier: str) -> None:
    image = picture()
    image.encoded = "of the file"

    drawn = draw(identifier, image, CLASSES if "classification" in identifier else table(image), copy_image=False)

    assert (image.pixels == drawn.pixels).all() and not np.shares_memory(image.pixels, drawn.pixels)
    assert image.encoded is None, "the file that came in no longer shows what the picture is"


@pytest.mark.parametrize("identifier", OF_DETECTIONS)
def test_nothing_found_is_nothing_drawn(identifier: str) -> None:
    image = picture()

    drawn = draw(identifier, image, table(image, 0))

    covers_all = "background_color" in identifier
    assert (drawn.pixels == image.pixels).all() != covers_all


@pytest.mark.parametrize("identifier", OF_DETECTIONS)
def test_grey_stays_grey(identifier: str) -> None:
    image = picture(is_gray=True)

    drawn = draw(identifier, image, table(image))

    assert drawn.pixels.shape == (SIZE[1], SIZE[0])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param({"color_axis": "TRACK"}, "tracker", id="tracks without a tracker"),
        pytest.param({"color_palette": "CUSTOM", "custom_colors": ["#12"]}, "#12", id="no colour"),
        pytest.param({"color_palette": "CUSTOM"}, "colou?r", id="a palette without colours"),
    ],
)
def test_colours_that_are_not_there(settings: dict[str, Any], message: str) -> None:
    image = picture()
    with pytest.raises(ValueError, match=message):
        draw("roboflow_core/bounding_box_visualization@v1", image, table(image), **settings)


@pytest.mark.parametrize(
    ("axis", "colors"),
    [("CLASS", ["#ff0000", "#00ff00"]), ("INDEX", ["#ff0000", "#00ff00"])],
)
def test_each_detection_has_its_colour(axis: str, colors: list[str]) -> None:
    image = WorkflowImage.of_pixels(np.zeros((60, 80, 3), np.uint8), "image")

    drawn = draw(
        "roboflow_core/bounding_box_visualization@v1",
        image,
        table(image),
        color_palette="CUSTOM",
        custom_colors=colors,
        color_axis=axis,
    )

    assert drawn.pixels[10, 20].tolist() == [255, 0, 0] and drawn.pixels[25, 60].tolist() == [0, 255, 0]


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("Class", ["cat", "dog"]),
        ("Confidence", ["0.90", "0.80"]),
        ("Class and Confidence", ["cat 0.90", "dog 0.80"]),
        ("Index", ["0", "1"]),
        ("Dimensions", ["25, 20 30x20", "60, 35 30x20"]),
        ("Area", ["600", "600"]),
        ("Area (mask)", ["Area (mask): N/A"] * 2),
        ("Area (converted)", ["Area (conv): N/A"] * 2),
        ("Tracker Id", ["No Tracker ID"] * 2),
        ("Time In Zone", ["In zone: N/A"] * 2),
    ],
)
def test_what_labels_say(text: str, labels: list[str]) -> None:
    from retinue.workflows.label_texts import label_texts

    assert label_texts(table(picture()), text) == labels


def test_a_label_of_a_column_that_is_not_there() -> None:
    from retinue.workflows.label_texts import label_texts

    with pytest.raises(ValueError, match="no column 'speed'"):
        label_texts(table(picture()), "speed")
