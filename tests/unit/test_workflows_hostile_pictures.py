"""Pictures, slices, crops, masks and batches in numbers that mean harm: each is refused or bounded."""

import pytest

from tests.unit.hostile_workflows import Hostile
from tests.unit.workflow_documents import (
    SEGMENTER,
    STITCH,
    Json,
    batch,
    crop,
    detector,
    document,
    parameter,
    picture,
    run,
    slicer,
    step,
    take,
    text,
)

hostile = Hostile()


@hostile("WorkflowError")
def slices_of_slices_of_slices() -> None:
    steps = [slicer("a", "$inputs.image", 6, 4), slicer("b", "$steps.a.slices", 1, 1), slicer("c", "$steps.b.slices")]
    run(document(steps, {"x": "$steps.c.slices"}), {"image": [picture(1, 300, 200)] * 64})


@hostile("WorkflowError")
def slices_of_one_pixel() -> None:
    run(document([slicer("a", "$inputs.image")], {"x": "$steps.a.slices"}), {"image": picture(1, 1_000, 1_000)})


@hostile("WorkflowError")
def slices_that_hardly_move() -> None:
    run(document([slicer("a", "$inputs.image", 900, 900, 0.999)]), {"image": picture(1, 1_000, 1_000)})


@hostile()
def crops_of_crops_of_crops() -> None:
    """Of the 25 boxes in a crop one lies in it: there are 5,000 at each level, most of them empty."""
    steps: list[Json] = []
    image = "$inputs.image"
    for level in range(6):
        steps += [detector(f"d{level}", image), crop(f"c{level}", image, f"$steps.d{level}.predictions")]
        image = f"$steps.c{level}.crops"
    rows = run(
        document(steps, {"x": f"{image.removesuffix('crops')}predictions"}), {"image": [picture(25, 300, 200)] * 8}
    )
    assert len(rows) == 8 and all(row["x"] == [[[[[[]]]]]] for row in rows)


@hostile()
def ten_thousand_slices_of_five_thousand() -> None:
    """Each level is looked through once, not once for each element above it."""
    steps = [slicer("a", "$inputs.image", 2, 1), slicer("b", "$steps.a.slices"),
             take("n", "$steps.b.slices", {"type": "ExtractImageProperty", "property_name": "size"})]  # fmt: skip
    (row,) = run(document(steps, {"x": "$steps.n.output"}), {"image": picture(1, 100, 100)})
    assert len(row["x"]) == 5_000 and row["x"][0] == [1, 1]


@hostile()
def many_steps_over_many_slices() -> None:
    steps = [slicer("a", "$inputs.image"), *(text(f"t{at}", x="$steps.a.slices") for at in range(10))]
    run(document(steps, {f"x{at}": f"$steps.t{at}.output" for at in range(10)}), {"image": picture(1, 50, 100)})


@hostile()
def stitches_of_many_slices() -> None:
    steps = [slicer("a", "$inputs.image", 2, 2), detector("d", "$steps.a.slices"),
             step(STITCH, "st", reference_image="$inputs.image", predictions="$steps.d.predictions")]  # fmt: skip
    run(document(steps, {"x": "$steps.st.predictions"}), {"image": picture(1, 60, 60)})


@hostile("WorkflowError")
def masks_in_a_root_larger_than_anything() -> None:
    place = {"offset_x": 5, "offset_y": 5, "width": 10**9, "height": 10**9}
    given = picture(2) | {"root_parent_id": "r", "root_parent_origin": place}
    definition = document(
        [step(SEGMENTER, "m", images="$inputs.image", model_id="masks/1")], {"m": "$steps.m.predictions"}
    )
    run(definition, {"image": given})


def _with_masks(*rows: Json, side: int) -> None:
    kinds = ["instance_segmentation_prediction"]
    row = {"x": 5, "y": 6, "width": 2, "height": 4, "confidence": 0.5, "class_id": 1, "class": "cat"}
    given = {"image": {"width": side, "height": side}, "predictions": [row | item for item in rows]}
    run(document([], {"v": "$inputs.v"}, [batch("v", 1, kinds)]), {"v": given})


@hostile("WorkflowError")
def masks_larger_than_any_picture() -> None:
    corners = [{"x": x, "y": y} for x, y in ((0, 0), (0, 10**5), (10**5, 10**5), (10**5, 0))]
    _with_masks({"points": corners}, side=10**5)


@hostile("WorkflowError")
def many_masks_of_large_pictures() -> None:
    corners = [{"x": x, "y": y} for x, y in ((0, 0), (0, 10**4), (10**4, 10**4), (10**4, 0))]
    _with_masks(*[{"points": corners}] * 1_000, side=10**4)


@hostile("WorkflowError")
def many_run_lengths_of_large_pictures() -> None:
    _with_masks(*[{"rle_mask": {"size": [10**4, 10**4], "counts": [0, 10**8]}}] * 1_000, side=10**4)


@hostile("WorkflowError")
def run_lengths_that_never_end() -> None:
    _with_masks({"rle_mask": {"size": [100, 100], "counts": "o" * 5_000_000}}, side=100)


@hostile("WorkflowError")
def outlines_of_many_points() -> None:
    _with_masks({"points": [{"x": at % 100, "y": at % 97} for at in range(400_000)]}, side=10**4)


@hostile("WorkflowError")
def outlines_that_cross_themselves() -> None:
    """What is drawn between two rows is sorted by all the edges that cross them."""
    _with_masks(*[{"points": [{"x": at % 7, "y": at % 2 * 2_000} for at in range(9_000)]}] * 10, side=10**4)


@hostile("WorkflowError")
def tall_outlines_of_many_points() -> None:
    _with_masks(*[{"points": [{"x": at % 7, "y": at} for at in range(9_000)]}] * 10, side=10**4)


@hostile("WorkflowError")
def wide_outlines_that_cross_themselves() -> None:
    _with_masks({"points": [{"x": at % 2 * 10**6, "y": at % 10} for at in range(9_000)]}, side=10**4)


@hostile()
def a_thousand_masks() -> None:
    _with_masks(*[{"points": [{"x": 0, "y": 0}, {"x": 9, "y": 9}, {"x": 0, "y": 9}]}] * 1_000, side=10**4)


@hostile("WorkflowError")
def thousands_of_detections() -> None:
    _with_masks(*[{}] * 20_000, side=100)


@hostile("WorkflowLimitError")
def a_million_elements_of_an_input() -> None:
    run(document([], {"v": "$inputs.v"}, [parameter("v")]), {"v": [[]] * 1_000_000})


@hostile("WorkflowLimitError")
def long_batches_of_batches() -> None:
    run(document([], {"v": "$inputs.v"}, [batch("v", 30)]), {"v": [[[1]] * 100_000]})


@hostile("WorkflowError")
def too_many_pictures() -> None:
    run(document([detector()]), {"image": [picture()] * 100_000})


@hostile("WorkflowError")
def endless_batches_of_batches() -> None:
    run(document([], {"v": "$inputs.v"}, [batch("v", 10**9)]), {"v": [1]})


@pytest.mark.parametrize("name", hostile.names)
def test_bounded(name: str) -> None:
    hostile.check(name)
