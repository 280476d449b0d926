"""Crops, slices and batches of batches in whole documents: levels below a picture, collapsed, or of no picture."""

from typing import Any, ClassVar

import pytest

from retinue.workflows.errors import WorkflowError
from tests.unit.workflow_documents import (
    CLASS_NAMES,
    CROPS,
    FIRST_OF,
    IMAGE,
    REPLACEMENT,
    STITCH,
    THREE,
    TOP_CLASS,
    Models,
    batch,
    classifier,
    collapse,
    column,
    count,
    crop,
    detector,
    document,
    gate,
    parameter,
    picture,
    run,
    runtime,
    slicer,
    step,
    take,
    text,
)


class TestNesting:
    def test_crops_are_a_level_below_their_picture(self) -> None:
        models = Models()
        steps = [*CROPS, classifier(images="$steps.crop.crops"), take("top", "$steps.cls.predictions", TOP_CLASS)]
        rows = run(document(steps, {"x": "$steps.top.output"}), THREE, runtime(models))
        assert [row["x"] for row in rows] == [["dog", "dog"], [], ["cat"]]
        assert len(models.calls[1].images) == 3

    def test_crops_of_crops(self) -> None:
        steps = [*CROPS, detector("d2", "$steps.crop.crops"), crop("c2", "$steps.crop.crops", "$steps.d2.predictions"),
                 take("class", "$steps.c2.predictions", CLASS_NAMES, FIRST_OF)]  # fmt: skip
        definition = document(steps, {"x": "$steps.class.output", "n": "$steps.c2.crops"})
        # Crops have 8 x 10 pixels: of the boxes found in them the first overlaps, the second lies outside.
        rows = run(definition, THREE)
        assert [row["x"] for row in rows] == [[["cat", None], ["cat", None]], [[]], [["cat"]]]
        assert [[len(crops) for crops in row["n"]] for row in rows] == [[2, 2], [0], [1]]

    @pytest.mark.parametrize(
        ("greys", "expected"),
        [
            pytest.param((2, 0, 1, 0, 0), [["a", "a"], [], ["a"]], id="empty lists at the end are cut"),
            pytest.param((0, 0), [[]], id="of nothing but empty lists one stays"),
            pytest.param((0, 1), [[], ["a"]], id="others stay"),
            pytest.param((), [[]], id="nothing"),
        ],
    )
    def test_of_level_three(self, greys: tuple[int, ...], expected: list[Any]) -> None:
        """As upstream has it."""
        found = [detector("det", "$inputs.v"), crop("crop", "$inputs.v"), take("u", "$steps.crop.crops"),
                 text("t", "a", u="$steps.u.output")]  # fmt: skip
        definition = document(found, {"x": "$steps.t.output"}, [batch("v", 2, ["image"])])
        assert run(definition, {"v": [[picture(grey) for grey in greys]]}) == [{"x": expected}]

    def test_no_crops_anywhere(self) -> None:
        steps = [*CROPS, classifier(images="$steps.crop.crops"), collapse("all", "$steps.cls.predictions")]
        definition = document(steps, {"c": "$steps.crop.crops", "p": "$steps.cls.predictions", "s": "$steps.crop.*"})
        assert run(definition, {"image": [picture(0)] * 2}) == [{"c": [], "p": [], "s": []}] * 2

    def test_values_of_the_picture_go_with_its_slices(self) -> None:
        area = {"type": "ExtractImageProperty", "property_name": "size"}
        steps = [slicer("sl", width=30, height=30), take("w", "$steps.sl.slices", area),
                 text("t", "{w}{p}", w="$steps.w.output", p="$inputs.p")]  # fmt: skip
        assert column(steps, "$steps.t.output", {"image": picture(), "p": "px"}, inputs=[IMAGE, parameter("p")]) == [
            ["900px", "900px", "300px", "300px"]
        ]

    @pytest.mark.parametrize(
        ("selector", "expected"),
        [
            ("$inputs.v", [[["a", "b"], ["c"]], [["d"]], [[]]]),
            ("$steps.u.output", [[["A", "B"], ["C"]], [["D"]], [[]]]),
            ("$steps.c.output", [[["A", "B"], ["C"]], [["D"]], []]),
            ("$steps.cc.output", [[["A", "B"], ["C"]], [["D"]], None]),
            ("$steps.ccc.output", [[[["A", "B"], ["C"]], [["D"]]]] * 3),
        ],
    )
    def test_of_inputs(self, selector: str, expected: list[Any]) -> None:
        steps = [
            take("u", "$inputs.v", "StringToUpperCase"),
            collapse("c", "$steps.u.output"),
            collapse("cc", "$steps.c.output"),
            collapse("ccc", "$steps.cc.output"),
        ]
        definition = document(steps, {"x": selector, "i": "$inputs.v"}, [batch("v", 3)])
        given = {"v": [[["a", "b"], ["c"]], [["d"]], []]}
        assert [row["x"] for row in run(definition, given)] == expected

    def test_of_inputs_that_stand_for_all(self) -> None:
        steps = [text("t", "{a}{b}", a="$inputs.v", b="$inputs.w")]
        given = {"v": [[1, 2]], "w": ["x", "y"]}
        definition = document(steps, {"x": "$steps.t.output"}, [batch("v", 2), batch("w")])
        # One level apart: the values of a step's properties have one depth, unless one of them is no batch.
        with pytest.raises(WorkflowError, match="different dimensions"):
            run(definition, given)
        definition = document(
            [take("u", "$inputs.v", "ToString")], {"x": "$steps.u.output"}, [batch("v", 2), batch("w")]
        )
        assert run(definition, given) == [{"x": ["1", "2"]}] * 2

    def test_stitched_slices(self) -> None:
        steps = [slicer("sl", width=20, height=20), detector("d", "$steps.sl.slices"),
                 step(STITCH, "st", reference_image="$inputs.image", predictions="$steps.d.predictions",
                      overlap_filtering_strategy="none")]  # fmt: skip
        (stitched,) = column(steps, "$steps.st.predictions", {"image": picture(1)})
        assert [(item["x"], item["y"]) for item in stitched["predictions"]] == [
            (x + 6, y + 8) for y in (0, 20) for x in (0, 20, 40)
        ]
        assert stitched["image"] == {"width": 60, "height": 40}
        assert {item["parent_id"] for item in stitched["predictions"]} == {"image"}

    def test_classes_found_in_crops_replace_those_of_their_objects(self) -> None:
        steps = [*CROPS, classifier(images="$steps.crop.crops"),
                 step(REPLACEMENT, "r", object_detection_predictions="$steps.det.predictions",
                      classification_predictions="$steps.cls.predictions"),
                 take("names", "$steps.r.predictions", CLASS_NAMES)]  # fmt: skip
        assert column(steps, "$steps.names.output") == [["dog", "dog"], [], ["cat"]]


class TestCollapse:
    def test_of_crops(self) -> None:
        steps = [
            *CROPS,
            take("class", "$steps.crop.predictions", CLASS_NAMES, FIRST_OF),
            collapse("all", "$steps.class.output"),
        ]
        assert column(steps, "$steps.all.output") == [["cat", "dog"], None, ["cat"]]

    @pytest.mark.parametrize("gated", ["n", "all"])
    def test_to_one_value_of_which_nothing_is_left(self, gated: str) -> None:
        steps = [gate("go", "$inputs.v", gated), text("n", "x", v="$inputs.v"), collapse("all", "$steps.n.output"),
                 take("size", "$steps.all.output", "SequenceLength")]  # fmt: skip
        definition = document(
            steps, {"n": "$steps.n.output", "all": "$steps.all.output", "size": "$steps.size.output"}, [batch("v")]
        )
        rows = run(definition, {"v": [0, 0]})
        assert [(row["all"], row["size"]) for row in rows] == [(None, None)] * 2
        rows = run(definition, {"v": [0, 1]})
        assert [(row["all"], row["size"]) for row in rows] == [(["x"], 1)] * 2

    def test_of_pictures_is_one_list_in_every_row(self) -> None:
        steps = [detector(), count(), collapse("all", "$steps.n.output")]
        definition = document(steps, {"n": "$steps.n.output", "all": "$steps.all.output"})
        assert run(definition, THREE) == [
            {"all": [2, 0, 1], "n": 2}, {"all": [2, 0, 1], "n": 0}, {"all": [2, 0, 1], "n": 1},
        ]  # fmt: skip
        assert run(document(steps, {"all": "$steps.all.output"}), THREE) == [{"all": [2, 0, 1]}]

    def test_of_a_scalar_is_a_list_of_one(self) -> None:
        steps = [text(), collapse("all", "$steps.t.output"), collapse("again", "$steps.all.output")]
        definition = document(steps, {"a": "$steps.all.output", "b": "$steps.again.output"}, [])
        assert run(definition, {}) == [{"a": ["text"], "b": [["text"]]}]

    def test_leaves_out_what_is_missing(self) -> None:
        steps = [detector(), count(), gate("go", "$steps.n.output", "t"), text("t", "{n}", n="$steps.n.output"),
                 collapse("all", "$steps.t.output")]  # fmt: skip
        assert run(document(steps, {"all": "$steps.all.output"}), THREE) == [{"all": ["2", "1"]}]

    def test_of_nothing_but_missing_values(self) -> None:
        steps = [*CROPS, count("n", "$steps.crop.predictions"), gate("go", "$steps.n.output", "cls", limit=9),
                 classifier(images="$steps.crop.crops"), collapse("all", "$steps.cls.predictions")]  # fmt: skip
        assert column(steps, "$steps.all.output") == [[], None, []]

    def test_of_pictures_and_detections(self) -> None:
        """Upstream cannot write these."""
        steps = [detector(), collapse("p", "$steps.det.predictions"), collapse("i", "$inputs.image")]
        (row,) = run(document(steps, {"p": "$steps.p.output", "i": "$steps.i.output"}), THREE)
        assert [len(item["predictions"]) for item in row["p"]] == [2, 0, 1]
        assert [item["type"] for item in row["i"]] == ["base64"] * 3


class TestEmergentLevels:
    """Levels that hang on no picture: slices of a picture that is the same for the whole request."""

    STEPS: ClassVar = [
        collapse("pictures", "$inputs.image"), take("one", "$steps.pictures.output", FIRST_OF),
        slicer("sl", "$steps.one.output", width=30, height=30), detector("d", "$steps.sl.slices"),
        count("n", "$steps.d.predictions"),
    ]  # fmt: skip

    def test_are_lists_in_every_row(self) -> None:
        definition = document(self.STEPS, {"n": "$steps.n.output", "i": "$inputs.image"})
        assert [row["n"] for row in run(definition, THREE)] == [[2, 2, 2, 2]] * 3
        assert run(document(self.STEPS, {"n": "$steps.n.output"}), THREE) == [{"n": [2, 2, 2, 2]}]

    def test_collapse_to_scalars(self) -> None:
        steps = [*self.STEPS, collapse("all", "$steps.n.output")]
        assert run(document(steps, {"n": "$steps.all.output"}), THREE) == [{"n": [2, 2, 2, 2]}]

    def test_are_empty_where_nothing_was_made(self) -> None:
        steps = [*self.STEPS, gate("go", "$inputs.p", "one"), collapse("all", "$steps.n.output")]
        definition = document(steps, {"n": "$steps.n.output", "all": "$steps.all.output"}, [IMAGE, parameter("p", 0)])
        assert run(definition, THREE) == [{"n": [], "all": None}]
