"""Numbers that strangers give to blocks, huge and senseless ones: each is refused with what is allowed, or the step
ends soon and takes little memory. What blocks make of sensible numbers: test_workflows_blocks_*.py."""

import resource
import time
from typing import Any

import numpy as np
import pytest

from retinue.config import Settings
from retinue.pipeline.prediction import Mask
from retinue.workflows.block import Block, Runtime
from retinue.workflows.bounds import fraction, number, whole
from retinue.workflows.detections import DetectionTable, Keypoints, Place, strings
from retinue.workflows.errors import StepExecutionError
from retinue.workflows.image import WorkflowImage
from retinue.workflows.imaging import warp
from retinue.workflows.manifest import references_of
from retinue.workflows.registry import all_blocks, find_block
from tests.unit.buckets import SOON
from tests.unit.measured_runs import is_in_time, measured
from tests.unit.workflow_documents import batch, document, picture, run, step, take

RUNTIME = Runtime(models=None, send=None, deadline=SOON)  # type: ignore[arg-type]  # these blocks need neither
WIDTH, HEIGHT = 1920, 1080
MOST_CPU_SECONDS, MOST_MEGABYTES = 2.0, 300.0
ADDRESS_SPACE = 3 << 30
TRIES = 4
"""Whoever else uses the processor's caches meanwhile may double the time."""

Properties = dict[str, Any]
NUMBERS = {"integer", "float", "float_zero_to_one"}
PLACED = {
    "target_color": "#102030",
    "thresh_value": 100,
    "offset_width": 5,
    "offset_height": 5,
    "required_votes": 1,
    "task_type": "resize",
    "color_palette": "Matplotlib Viridis",
}
"""What has no default, and the palettes that have a size."""


def big_picture() -> WorkflowImage:
    return WorkflowImage.of_pixels(np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8), "image")


def objects(image: WorkflowImage) -> DetectionTable:
    """Three: one as large as the picture, two small ones; with round masks and keypoints."""
    xyxy = np.array([[0, 0, WIDTH, HEIGHT], [100, 200, 400, 350], [1700, 900, 1900, 1080]], float)
    count = len(xyxy)
    points = Keypoints(
        xy=np.random.default_rng(1).uniform([0, 0], [WIDTH, HEIGHT], (17, 2)),
        confidence=np.ones(17),
        class_id=np.arange(17),
        class_name=tuple(map(str, range(17))),
    )
    return DetectionTable(
        xyxy=xyxy,
        confidence=np.full(count, 0.9),
        class_id=np.arange(count),
        class_name=strings(["cat"] * count),
        detection_id=strings([str(place) for place in range(count)]),
        parent_id=strings(["image"] * count),
        places=strings([Place.of(image)] * count),
        masks=tuple(round_mask(*box) for box in xyxy.astype(int).tolist()),
        keypoints=(points,) * count,
        size=(WIDTH, HEIGHT),
    )


def round_mask(x1: int, y1: int, x2: int, y2: int) -> Mask:
    y, x = np.linspace(-1, 1, y2 - y1), np.linspace(-1, 1, x2 - x1)
    return Mask((y * y)[:, None] + x * x < 1, x1, y1, WIDTH, HEIGHT)


def properties_of(block: type[Block], given: Properties) -> Properties:
    """The values of all properties, as in a run: `given` are not checked against the manifest, as those of steps."""
    fields = {name: field for name, field in block.manifest.model_fields.items() if name not in ("type", "name")}
    image = given.get("image") or big_picture()
    table = objects(image)
    values: Properties = {
        name: field.get_default(call_default_factory=True) for name, field in fields.items() if not field.is_required()
    }
    values |= {name: value for name, value in PLACED.items() if name in fields}
    values |= {name: image for name in ("image", "images", "reference_image") if name in fields}
    values |= {name: 0.5 for name in ("x_center", "y_center", "width", "height") if "static" in block.identifier}
    values |= {name: 0.5 for name in ("x_center", "y_center", "width", "height") if "statoic" in block.identifier}
    values |= {"predictions": [table] if "stitch" in block.identifier else table} if "predictions" in fields else {}
    values |= {"predictions_batches": [table, table]} if "predictions_batches" in fields else {}
    values |= {"template": image.crop("t", (50, 50, 150, 120))} if "template" in fields else {}
    if "classification_label" in block.identifier:
        classes = [{"class": "cat", "class_id": 0, "confidence": 0.9}]
        values["predictions"] = {"image": {"width": WIDTH, "height": HEIGHT}, "predictions": classes}
    if "rotation_degrees" in given:
        values["task_type"] = "rotate"
    return values | given


def timed_run(identifier: str, given: Properties) -> float:
    """The seconds of processor time that the block takes. Raises what it raises."""
    block = find_block(f"roboflow_core/{identifier}")
    assert block is not None
    values = properties_of(block, given)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    started_s = time.process_time()
    block(RUNTIME).run(**values)
    return time.process_time() - started_s


def check_bounded(identifier: str, given: Properties, refusal: str = "") -> None:
    """The run ends in time and takes little memory; it is refused in these words, if there are any."""
    for _ in range(TRIES):
        outcome = measured(timed_run, identifier, given, timeout_s=20)
        if outcome.error or outcome.value < MOST_CPU_SECONDS:
            break
    if refusal:
        assert {"ValueError", "ImageTooLarge"} & set(outcome.error), (outcome.error, outcome.text)
        assert refusal in outcome.text and len(outcome.text) < 400
    else:
        assert not outcome.error, (outcome.error[0], outcome.text)
        assert is_in_time(outcome.value, MOST_CPU_SECONDS), outcome.value
    assert outcome.megabytes < MOST_MEGABYTES


def drawing(name: str, **given: Any) -> Any:
    return pytest.param(f"{name}_visualization@v1", given, id=f"{name} {given}")


def other(identifier: str, **given: Any) -> Any:
    return pytest.param(identifier, given, id=f"{identifier} {given}")


BORDERLINE = [
    drawing("label", text_scale=32767.0),
    drawing("label", text_scale=1e-300),
    drawing("label", text_thickness=32767),
    drawing("label", text_thickness=32767, text_scale=0.001),
    drawing("label", text_padding=32767, border_radius=32767),
    drawing("classification_label", text_scale=32767.0, text_position="CENTER_RIGHT"),
    drawing("bounding_box", thickness=1000),
    drawing("bounding_box", thickness=1000, roundness=0.5),
    drawing("bounding_box", thickness=1150, palette_size=32767),
    drawing("circle", thickness=1000),
    drawing("ellipse", thickness=1000),
    drawing("ellipse", thickness=1150, start_angle=-32767, end_angle=32767),
    drawing("corner", thickness=1000, corner_length=32767),
    drawing("dot", radius=32767, outline_thickness=32767),
    drawing("triangle", base=32767, height=32767, outline_thickness=1000),
    drawing("crop", scale_factor=32767.0, border_thickness=32767),
    drawing("crop", scale_factor=1e-300),
    drawing("blur", kernel_size=4104),
    drawing("blur", padding=300),
    drawing("blur", padding=1150),
    drawing("pixelate", pixel_size=32767),
    drawing("polygon", thickness=100),
    drawing("keypoint", thickness=1000),
    drawing("keypoint", annotator_type="vertex", radius=32767),
    drawing("keypoint", annotator_type="vertex_label", text_scale=5.0, text_thickness=32767),
    other("halo_visualization@v2", kernel_size=4104),
    other("contours_detection@v1", line_thickness=32767),
    other("image_blur@v1", blur_type="average", kernel_size=1023),
    other("image_blur@v1", blur_type="gaussian", kernel_size=1023),
    other("image_blur@v1", blur_type="median", kernel_size=101),
    other("image_blur@v1", blur_type="median", kernel_size=255),
    other("image_blur@v1", blur_type="bilateral", kernel_size=255),
    other("image_preprocessing@v1", width=7071, height=7071),
    other("image_preprocessing@v1", width=65_535, height=762),
    other("image_preprocessing@v1", width=1, height=65_535),
    other("image_preprocessing@v1", rotation_degrees=45),
    other("dominant_color@v1", color_clusters=9, max_iterations=10**9, target_size=10**9),
    other("dominant_color@v1", color_clusters=500, max_iterations=10**9),
    other("template_matching@v1", matching_threshold=-1.0),
    other("pixel_color_count@v1", tolerance=2**31 - 1),
    other("threshold@v1", thresh_value=-(2**31) + 1, max_value=2**31 - 1),
    other("image_slicer@v2", slice_width=2**31 - 1, slice_height=2**31 - 1),
    other("detection_offset@v1", offset_width=2**31 - 1, offset_height=2**31 - 1),
]


@pytest.mark.parametrize(("identifier", "given"), BORDERLINE)
def test_what_is_just_allowed_ends_soon(identifier: str, given: Properties) -> None:
    check_bounded(identifier, given)


@pytest.mark.parametrize(
    ("identifier", "given", "refusal"),
    [
        pytest.param("circle_visualization@v1", {"thickness": 32768}, "32,767, not 32768", id="thicker than OpenCV's"),
        pytest.param("circle_visualization@v1", {"thickness": 2000}, "to 1,154, not 2000", id="thick for three"),
        pytest.param("blur_visualization@v1", {"kernel_size": 4105}, "1 to 4,104, and is 4,105", id="drawn kernel"),
        pytest.param("halo_visualization@v2", {"kernel_size": 0}, "1 to 4,104, and is 0", id="no kernel"),
        pytest.param("polygon_visualization@v2", {"thickness": 1000}, "Draw thinner lines", id="many thick lines"),
        pytest.param("keypoint_visualization@v1", {"edges": [[1, 2]] * 100_000}, "thinner", id="many edges"),
        pytest.param("keypoint_visualization@v1", {"edges": [[1, 1e308]]}, "not 1e+308", id="an edge to nowhere"),
        pytest.param("bounding_box_visualization@v1", {"palette_size": 10**9}, "32,767", id="huge palette"),
        pytest.param("image_blur@v1", {"kernel_size": 1024}, "1023 at most", id="blur"),
        pytest.param("image_blur@v1", {"blur_type": "bilateral", "kernel_size": 256}, "255 at most", id="bilateral"),
        pytest.param("image_blur@v1", {"blur_type": "median", "kernel_size": 257}, "255 at most", id="median"),
        pytest.param(
            "image_preprocessing@v1", {"width": 20_000, "height": 20_000}, "20,000 x 20,000", id="too many pixels"
        ),
        pytest.param("image_preprocessing@v1", {"width": 65_536, "height": 1}, "65,536 pixels", id="too wide"),
        pytest.param("dominant_color@v1", {"color_clusters": 10_000}, "20,000,000", id="many clusters"),
        pytest.param("dominant_color@v1", {"target_size": 0}, "from 1 to", id="no pixels"),
        pytest.param("image_slicer@v1", {"slice_width": 1, "slice_height": 1}, "the limit is 10000", id="slices"),
        pytest.param("template_matching@v1", {"matching_threshold": -1.0, "apply_nms": False}, "100000", id="matches"),
        pytest.param("threshold@v1", {"thresh_value": 10**400}, "an integer of 1,329 bits", id="a long integer"),
        pytest.param("dynamic_crop@v1", {"mask_opacity": 1.1}, "from 0 to 1, not 1.1", id="more than all"),
    ],
)
def test_what_is_refused_says_the_limit(identifier: str, given: Properties, refusal: str) -> None:
    check_bounded(identifier, given, refusal)


def test_a_rotated_strip_has_no_room() -> None:
    strip = WorkflowImage.of_pixels(np.zeros((700, 60_000), np.uint8), "image")
    given = {"image": strip, "task_type": "rotate", "rotation_degrees": 45}
    check_bounded("image_preprocessing@v1", given, "42,921 x 42,921 pixels")


def test_outlines_of_a_picture_full_of_holes() -> None:
    levels = np.zeros((HEIGHT, WIDTH), np.uint8)
    levels[::4, ::4] = 255
    check_bounded("contours_detection@v1", {"image": WorkflowImage.of_pixels(levels, "i"), "line_thickness": 32767})


SENSELESS = {
    "NaN": float("nan"),
    "infinity": float("inf"),
    "largest float": 1e308,
    "least float": -1e308,
    "2**31": 1 << 31,
    "-2**63": -(1 << 63),
    "1e400": 10**400,
    "0": 0,
    "-1": -1,
    "null": None,
    "text": "5",
}


def number_properties(block: type[Block]) -> list[str]:
    """The properties that take a number from an input or a step."""
    return [
        name
        for name, shapes in references_of(block.manifest).items()
        if name not in UNUSED
        and any(NUMBERS & set(reference.kinds) == set(reference.kinds) for reference in shapes.get("value", ()))
    ]


UNUSED = {"stop_delay", "fallback_class_id"}
"""Numbers of which nothing is made here: the one is ignored, the other used only where classes are missing."""


def outcomes(identifier: str, names: list[str]) -> dict[tuple[str, str], str]:
    """By property and value: the error that comes of it, or nothing."""
    block = find_block(identifier)
    assert block is not None
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    found = {}
    for name in names:
        values = properties_of(block, {name: None})
        for label, value in SENSELESS.items():
            try:
                block(RUNTIME).run(**values | {name: value})
                found[name, label] = ""
            except Exception as exc:
                found[name, label] = f"{type(exc).__name__}: {exc}"
    return found


@pytest.mark.parametrize(
    ("identifier", "names"),
    [
        pytest.param(block.identifier, names, id=block.identifier.removeprefix("roboflow_core/"))
        for block in all_blocks()
        if block.category not in ("model", "sink") and (names := number_properties(block))
    ],
)
def test_senseless_numbers_of_other_steps(identifier: str, names: list[str]) -> None:
    outcome = measured(outcomes, identifier, names, timeout_s=60)
    assert not outcome.error, outcome.text
    wrong = [text for text in outcome.value.values() if text and not text.startswith(("ValueError", "ImageTooLarge"))]
    assert not wrong
    for (name, label), text in outcome.value.items():
        assert name in text or label not in ("NaN", "infinity", "1e400", "null", "text"), "the error names the property"
    assert outcome.megabytes < MOST_MEGABYTES


class TestNumbers:
    @pytest.mark.parametrize(
        ("check", "value", "expected"),
        [
            pytest.param(whole, 3, 3, id="whole"),
            pytest.param(whole, 3.0, 3, id="without a fraction"),
            pytest.param(whole, np.int64(-3), -3, id="of numpy"),
            pytest.param(whole, True, 1, id="true"),
            pytest.param(number, 2.5, 2.5, id="number"),
            pytest.param(fraction, 0, 0, id="none of it"),
            pytest.param(fraction, 1.0, 1.0, id="all of it"),
        ],
    )
    def test_passes(self, check: Any, value: Any, expected: float) -> None:
        assert check("n", value) == expected

    @pytest.mark.parametrize(
        ("check", "value", "message"),
        [
            pytest.param(whole, 2.5, "n has to be a whole number from .* to .*, not 2.5", id="a fraction"),
            pytest.param(number, "5" * 100, "not '5555555555555555555", id="text"),
            pytest.param(number, [1], "not list", id="list"),
            pytest.param(number, 1j, "not complex", id="complex"),
            pytest.param(number, float("nan"), "not nan", id="NaN"),
            pytest.param(fraction, -0.1, "from 0 to 1, not -0.1", id="less than nothing"),
            pytest.param(whole, 10**5000, "an integer of 16,610 bits", id="too long to be written"),
        ],
    )
    def test_refuses(self, check: Any, value: Any, message: str) -> None:
        with pytest.raises(ValueError, match=message) as caught:
            check("n", value)
        assert len(str(caught.value)) < 150


def test_pictures_are_made_as_large_as_they_may_come_in() -> None:
    assert Settings().max_pixels == warp.MAX_PIXELS


@pytest.mark.parametrize(
    ("source", "value"),
    [
        pytest.param("$inputs.n", 10**9, id="an input for each picture"),
        pytest.param("$steps.n.output", 10**9, id="a step"),
        pytest.param("$steps.n.output", -5.5, id="a fraction from a step"),
    ],
)
def test_a_number_of_the_run_is_an_error_of_its_step(source: str, value: float) -> None:
    blur = step("roboflow_core/image_blur@v1", "blur", image="$inputs.image", kernel_size=source)
    image = {"type": "WorkflowImage", "name": "image"}
    definition = document([take("n", "$inputs.n"), blur], {"b": "$steps.blur.image"}, [image, batch("n")])

    with pytest.raises(StepExecutionError) as caught:
        run(definition, {"image": picture(), "n": value})

    assert "kernel" in str(caught.value)
    assert [block.block_id for block in caught.value.blocks or ()] == ["blur"]
