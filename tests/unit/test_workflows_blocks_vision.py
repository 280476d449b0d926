"""The blocks of classical computer vision as steps. Their arithmetic: test_workflows_imaging.py."""

from typing import Any

import numpy as np
import pytest

from retinue.workflows.block import Runtime
from retinue.workflows.image import WorkflowImage
from retinue.workflows.registry import find_block
from tests.unit.buckets import SOON

RUNTIME = Runtime(models=None, send=None, deadline=SOON)  # type: ignore[arg-type]  # these blocks need neither


def picture(width: int = 40, height: int = 30) -> WorkflowImage:
    levels = np.zeros((height, width, 3), np.uint8)
    levels[5:15, 8:20] = (250, 10, 30)
    return WorkflowImage.of_pixels(levels, "image")


def run(name: str, image: WorkflowImage, images: dict[str, WorkflowImage] | None = None, **settings: Any) -> Any:
    """What the block gives for a step with these settings."""
    block = find_block(f"roboflow_core/{name}")
    assert block is not None
    given = {"image": image, **(images or {})}
    manifest = block.manifest.model_validate(
        {"type": block.identifier, "name": "s", **dict.fromkeys(given, "$inputs.image"), **settings}
    )
    properties = {key: getattr(manifest, key) for key in type(manifest).model_fields if key not in ("type", "name")}
    return block(RUNTIME).run(**properties | given)


def test_grey() -> None:
    image = run("convert_grayscale@v1", picture())["image"]

    assert image.pixels.shape == (30, 40) and image.id == "image"
    assert image.pixels[10, 10] == round(0.299 * 250 + 0.587 * 10 + 0.114 * 30)


@pytest.mark.parametrize(
    ("settings", "shape"),
    [
        pytest.param({"task_type": "resize", "width": 20, "height": 60}, (60, 20, 3), id="resize"),
        pytest.param({"task_type": "rotate", "rotation_degrees": 90}, (40, 30, 3), id="rotate"),
        pytest.param({"task_type": "flip"}, (30, 40, 3), id="flip"),
    ],
)
def test_preprocessing_starts_a_picture_anew(settings: dict[str, Any], shape: tuple[int, ...]) -> None:
    image = run("image_preprocessing@v1", picture(), **settings)["image"]

    assert image.pixels.shape == shape
    assert (image.id, image.root.width, image.root.height) == ("image", shape[1], shape[0])


def test_preprocessing_leaves_a_crop_where_it_was_cut() -> None:
    crop = picture().crop("crop", (8, 5, 28, 25))
    image = run("image_preprocessing@v1", crop, task_type="resize", width=40, height=10)["image"]

    assert image.pixels.shape == (10, 40, 3)
    assert (image.parent, image.root) == (crop.parent, crop.root)


def test_threshold_and_contours_find_the_rectangle() -> None:
    gray = run("convert_grayscale@v1", picture())["image"]
    white = run("threshold@v1", gray, thresh_value=20, max_value=255)["image"]

    found = run("contours_detection@v1", white, line_thickness=1)

    assert found["number_contours"] == 1
    assert found["contours"][0].reshape(-1, 2).tolist() == [[8, 5], [8, 14], [19, 14], [19, 5]]
    assert np.asarray(found["hierarchy"]).tolist() == [[[-1, -1, -1, -1]]]
    assert found["image"].pixels[5, 8].tolist() == [255, 0, 255]


def test_blur_softens() -> None:
    image = run("image_blur@v1", picture(), kernel_size=5)["image"]

    assert 0 < image.pixels[15, 10, 0] < 250


def test_dominant_colour_and_its_count_agree() -> None:
    image = picture()

    color = run("dominant_color@v1", image)["rgb_color"]
    count = run("pixel_color_count@v1", image, target_color="(250, 10, 30)", tolerance=0)["matching_pixels_count"]

    assert list(color) == [0, 0, 0] and count == 10 * 12


def test_a_template_is_found_where_it_was_cut() -> None:
    levels = np.random.default_rng(3).integers(0, 255, (60, 80, 3), np.uint8)
    image = WorkflowImage.of_pixels(levels, "image")
    template = WorkflowImage.of_pixels(levels[20:35, 30:50].copy(), "template")

    found = run("template_matching@v1", image, {"template": template})

    assert found["number_of_matches"] == 1
    table = found["predictions"]
    assert table.xyxy.tolist() == [[30, 20, 50, 35]]
    assert (table.class_name[0], table.class_id[0], table.confidence[0]) == ("template_match", 0, 1.0)


def test_a_template_that_is_nowhere() -> None:
    levels = np.random.default_rng(3).integers(0, 255, (60, 80, 3), np.uint8)
    other = np.random.default_rng(4).integers(0, 255, (15, 20, 3), np.uint8)

    found = run(
        "template_matching@v1",
        WorkflowImage.of_pixels(levels, "image"),
        {"template": WorkflowImage.of_pixels(other, "template")},
    )

    assert found["number_of_matches"] == 0 and found["predictions"].size == (80, 60)
