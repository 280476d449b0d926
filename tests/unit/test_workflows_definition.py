"""Documents by themselves: sections, versions, inputs, steps, names, and where errors say that the fault is."""

from typing import Any

import pytest

from retinue.workflows.block import Limits
from retinue.workflows.definition import ENGINE_VERSION, Input, check_version, parse_definition
from retinue.workflows.errors import (
    DuplicatedNameError,
    NotSupportedExecutionEngineError,
    WorkflowDefinitionError,
    WorkflowLimitError,
    WorkflowSyntaxError,
)
from retinue.workflows.registry import ALIASES, find_block
from tests.unit.workflow_documents import (
    DETECTOR,
    IMAGE,
    Json,
    batch,
    blamed,
    classifier,
    compiled,
    count,
    crop,
    detector,
    document,
    output,
    parameter,
    parsed,
    run,
    step,
)

PARSING = "workflow_compilation | workflow_definition_parsing"
INITIALISATION = "workflow_compilation | engine_initialisation"


def refused(definition: Any) -> WorkflowSyntaxError:
    with pytest.raises(WorkflowSyntaxError) as caught:
        compiled(definition)
    return caught.value


class TestVersion:
    @pytest.mark.parametrize(
        "version",
        ["1", "1.0", "1.0.0", "v1.3", " 1.17.0 ", ENGINE_VERSION, "1.0rc1", "1.2.post3", "1.0+local.2", "1.0.0.0.1"],
    )
    def test_what_this_engine_runs(self, version: str) -> None:
        assert run(document([detector(), count()], {"n": "$steps.n.output"}, version=version)) == [{"n": 1}]

    @pytest.mark.parametrize("version", ["0.9", "0.1.0", "1.18", "1.99", "1.17.1", "2", "2.0", "1.18.0rc1"])
    def test_another_engine(self, version: str) -> None:
        with pytest.raises(NotSupportedExecutionEngineError, match=f"{version}.*{ENGINE_VERSION}") as caught:
            compiled(document(version=version))
        assert caught.value.context == INITIALISATION
        assert caught.value.render()["inner_error_type"] is None

    @pytest.mark.parametrize(
        "version", ["first", "1.", ".1", "1..2", "1.0 beta!", "2!1.0", "1,0", 1, 1.0, True, ["1.0"], {"major": 1}]
    )
    def test_no_version_number(self, version: Any) -> None:
        with pytest.raises(WorkflowDefinitionError, match="not a version number") as caught:
            compiled(document(version=version))
        assert caught.value.context == INITIALISATION

    @pytest.mark.parametrize("version", [None, ...], ids=["null", "missing"])
    def test_without_version_it_is_a_missing_section(self, version: Any) -> None:
        definition = document()
        if version is None:
            definition["version"] = None
        else:
            del definition["version"]
        assert "version" in str(refused(definition).inner)

    def test_beside_a_missing_version_broken_steps_are_told(self) -> None:
        error = refused(document([detector(confidence={}), {"type": "nothing", "name": "n"}], version=None))
        assert blamed(error) == [("det", "confidence"), ("n", None)]
        assert "version" in str(error.inner)

    def test_an_empty_version_asks_for_any(self) -> None:
        assert run(document(version="")) == [{}]

    def test_of_what_is_no_document(self) -> None:
        with pytest.raises(WorkflowSyntaxError):
            check_version(["1.0"])


class TestSections:
    @pytest.mark.parametrize("section", ["inputs", "steps", "outputs"])
    @pytest.mark.parametrize("value", [None, "text", 1, True, {"type": "WorkflowImage", "name": "image"}, ...])
    def test_is_a_list(self, section: str, value: Any) -> None:
        definition = document([detector()], {"p": "$steps.det.predictions"})
        if value is ...:
            del definition[section]
        else:
            definition[section] = value
        with pytest.raises((WorkflowSyntaxError, WorkflowDefinitionError)) as caught:
            compiled(definition)
        assert caught.value.is_callers_fault
        with pytest.raises(WorkflowSyntaxError) as parsing:
            parsed(definition)
        assert f"\n{section}\n" in str(parsing.value.inner)

    def test_all_missing_sections_are_told(self) -> None:
        error = refused({})
        assert str(error.inner).startswith("4 validation errors for workflow\n")
        assert error.render() == {
            "message": "Could not parse workflow definition. Details provided in inner error.",
            "error_type": "WorkflowSyntaxError",
            "context": PARSING,
            "inner_error_type": "ValidationError",
            "inner_error_message": str(error.inner),
            "blocks_errors": [],
            "python_blocks_output_streams": None,
            "python_blocks_debug_traces": None,
        }

    def test_other_keys_are_ignored(self) -> None:
        definition = document([detector(editor={"x": 1}), count()], {"n": "$steps.n.output"}, id="a", layout=[1])
        assert run(definition) == [{"n": 1}]

    def test_nothing_at_all_gives_one_empty_row(self) -> None:
        assert run(document(inputs=[]), {}) == [{}]


class TestInputs:
    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            pytest.param(IMAGE, Input("image", "WorkflowImage", ("image",), 1), id="picture"),
            pytest.param(
                {"type": "InferenceImage", "name": "i"}, Input("i", "InferenceImage", ("image",), 1), id="old name"
            ),
            pytest.param(
                {"type": "WorkflowVideoMetadata", "name": "v"},
                Input("v", "WorkflowVideoMetadata", ("video_metadata",), 1),
                id="video metadata",
            ),
            pytest.param(
                {"type": "WorkflowBatchInput", "name": "b"}, Input("b", "WorkflowBatchInput", ("*",), 1), id="batch"
            ),
            pytest.param(
                batch("b", 3, ["image", "string"]),
                Input("b", "WorkflowBatchInput", ("image", "string"), 3),
                id="batch with depth and kinds",
            ),
            pytest.param(
                {"type": "WorkflowParameter", "name": "p"},
                Input("p", "WorkflowParameter", ("*",), 0, is_batch=False),
                id="parameter",
            ),
            pytest.param(
                {"type": "InferenceParameter", "name": "p", "default_value": 3},
                Input("p", "InferenceParameter", ("*",), 0, is_batch=False, default=3),
                id="parameter under its old name, with default",
            ),
            pytest.param(
                parameter("p", [1, {"a": None}], [{"name": "integer", "description": "whole"}, "float"]),
                Input("p", "WorkflowParameter", ("integer", "float"), 0, is_batch=False, default=[1, {"a": None}]),
                id="kinds written out",
            ),
            pytest.param(
                {**IMAGE, "dimensionality": 1}, Input("image", "WorkflowImage", ("image",), 1), id="pictures lie flat"
            ),
        ],
    )
    def test_means(self, written: Json, expected: Input) -> None:
        assert parsed(document(inputs=[written])).inputs == {expected.name: expected}

    @pytest.mark.parametrize("default", [1, 1.5, "a", True, False, [1], {"a": 1}, None])
    def test_defaults_keep_their_type(self, default: Any) -> None:
        (item,) = parsed(document(inputs=[parameter("p", default)])).inputs.values()
        assert item.default == default and type(item.default) is type(default)

    @pytest.mark.parametrize(
        "written",
        [
            pytest.param("image", id="a text"),
            pytest.param(None, id="null"),
            pytest.param({"type": "WorkflowImage"}, id="no name"),
            pytest.param({"name": "image"}, id="no type"),
            pytest.param({"type": "WorkflowPicture", "name": "image"}, id="unknown type"),
            pytest.param({"type": "WorkflowImage", "name": 1}, id="name is a number"),
            pytest.param({"type": "WorkflowParameter", "name": "p", "kind": "float"}, id="kind is a text"),
            pytest.param({"type": "WorkflowParameter", "name": "p", "kind": [{"title": "x"}]}, id="kind without name"),
            pytest.param({"type": "WorkflowBatchInput", "name": "b", "dimensionality": "two"}, id="depth is a text"),
            pytest.param({"type": "WorkflowBatchInput", "name": "b", "dimensionality": None}, id="depth is null"),
            pytest.param({**IMAGE, "dimensionality": 2}, id="deep pictures"),
            pytest.param({"type": "WorkflowVideoMetadata", "name": "v", "dimensionality": 0}, id="no depth of a video"),
            pytest.param(parameter("p") | {"dimensionality": 2}, id="a deep parameter"),
            pytest.param(parameter("p") | {"dimensionality": 1}, id="a parameter for each picture"),
            pytest.param(parameter("p") | {"dimensionality": None}, id="depth of a parameter is null"),
        ],
    )
    def test_refused(self, written: Any) -> None:
        error = refused(document(inputs=[parameter("fine"), written]))
        assert "inputs.1" in str(error.inner) and error.blocks == ()


class TestOutputs:
    @pytest.mark.parametrize(
        "written",
        [
            pytest.param(3, id="a number"),
            pytest.param({"type": "JsonField", "name": "p"}, id="no selector"),
            pytest.param({"type": "JsonField", "selector": "$inputs.image"}, id="no name"),
            pytest.param({"name": "p", "selector": "$inputs.image"}, id="no type"),
            pytest.param({"type": "XmlField", "name": "p", "selector": "$inputs.image"}, id="unknown type"),
            pytest.param({"type": "JsonField", "name": "p", "selector": 5}, id="selector is a number"),
            pytest.param(output("p", "$inputs.image", "root"), id="unknown coordinates"),
        ],
    )
    def test_refused(self, written: Any) -> None:
        error = refused(document(outputs=[output("a", "$inputs.image"), written]))
        assert "outputs.1" in str(error.inner) and error.blocks == ()

    def test_coordinates(self) -> None:
        definition = document(outputs=[output("a", "$inputs.image"), output("b", "$inputs.image", "own")])
        assert [item.is_own for item in parsed(definition).outputs] == [False, True]


class TestSteps:
    @pytest.mark.parametrize(
        ("written", "blame", "details"),
        [
            pytest.param(
                {"name": "det"}, [("det", None)], "Unable to extract tag using discriminator 'type'", id="no type"
            ),
            pytest.param({"name": "det", "type": None}, [("det", None)], "Unable to extract", id="type is null"),
            pytest.param({"name": "det", "type": ["a"]}, [("det", None)], "Unable to extract", id="type is a list"),
            pytest.param({"name": "x", "type": "nothing"}, [("x", None)], "'nothing'.*does not match", id="unknown"),
            pytest.param(
                {"name": "x", "type": "roboflow_core/nothing@v1"}, [("x", None)], "does not match", id="unknown block"
            ),
            pytest.param(
                {**detector(), "type": DETECTOR.replace("v2", "v9")}, [("det", None)], "v9", id="unknown version"
            ),
            pytest.param(
                {"name": "x", "type": "roboflow_core/../engine@v1"}, [("x", None)], "does not match", id="a path"
            ),
            pytest.param(
                {"name": "x", "type": "roboflow_core/__init__@v1"}, [("x", None)], "does not match", id="the package"
            ),
            pytest.param(
                {"type": DETECTOR}, [(None, "name"), (None, "images"), (None, "model_id")], "Field", id="bare"
            ),
            pytest.param(detector(name=7), [(None, "name")], "valid string", id="name is a number"),
            pytest.param(detector(confidence=2), [("det", "confidence")], "less than or equal to 1", id="too large"),
            pytest.param(detector(confidence=None), [("det", "confidence")], "valid number", id="null"),
            pytest.param(detector(confidence=[0.4]), [("det", "confidence")], "valid number", id="list"),
            pytest.param(detector(images="picture"), [("det", "images")], "should match pattern", id="no selector"),
            pytest.param(detector(images="$steps.a"), [("det", "images")], "should match pattern", id="a step"),
            pytest.param(detector(images=None), [("det", "images")], "valid string", id="image is null"),
            pytest.param(detector(class_filter=[1, 2]), [("det", "class_filter")], "valid string", id="in a list"),
            pytest.param(
                detector(max_detections=0, iou_threshold=-1),
                [("det", "iou_threshold"), ("det", "max_detections")],
                "greater than",
                id="two properties",
            ),
        ],
    )
    def test_refused(self, written: Json, blame: list[Any], details: str) -> None:
        error = refused(document([written]))
        assert error.context == PARSING
        assert sorted(blamed(error), key=str) == sorted(blame, key=str)
        with pytest.raises(AssertionError, match=details):
            raise AssertionError("; ".join(str(block.property_details) for block in error.blocks or ()))

    @pytest.mark.parametrize("written", ["text", 1, None, True, [detector()]], ids=str)
    def test_no_object(self, written: Any) -> None:
        error = refused_by_parser(document([written]))
        assert blamed(error) == [(None, None)]
        assert "steps.0\n  Input should be a valid dictionary" in str(error.inner)

    def test_every_broken_step_is_told_once_for_each_property_in_order(self) -> None:
        error = refused(
            document(
                [
                    detector(confidence=5),
                    {"type": "roboflow_core/dynamic_crop@v1", "name": "crop", "images": "$inputs.image"},
                    classifier(),
                    {"type": "roboflow_core/nothing@v1", "name": "n"},
                ]
            )
        )
        assert blamed(error) == [("det", "confidence"), ("crop", "predictions"), ("n", None)]
        assert error.blocks is not None
        assert [block.block_type for block in error.blocks] == [
            DETECTOR,
            "roboflow_core/dynamic_crop@v1",
            "roboflow_core/nothing@v1",
        ]

    def test_faults_of_inputs_come_with_those_of_steps(self) -> None:
        error = refused(document([detector(confidence=5)], inputs=[{"name": "x"}], outputs=[{}]))
        assert blamed(error) == [("det", "confidence")]
        for place in ("inputs.0.type\n", f"steps.0.{DETECTOR}.confidence.", "outputs.0.name\n"):
            assert f"\n{place}" in str(error.inner)

    def test_a_rule_of_the_whole_step_names_no_property(self) -> None:
        written = detector(confidence_mode="custom", custom_confidence=None) | {"type": DETECTOR.replace("v2", "v3")}
        error = refused(document([written]))
        assert blamed(error) == [("det", None)]

    def test_many_faults_are_cut_short(self) -> None:
        error = refused(document([{"type": "nothing", "name": f"s{place}"} for place in range(500)]))
        assert str(error.inner).count("\n") == 100 and "500 validation errors" in str(error.inner)

    @pytest.mark.parametrize("alias", sorted(ALIASES))
    def test_old_names(self, alias: str) -> None:
        block = find_block(alias)
        assert block is not None and block.identifier == ALIASES[alias]

    def test_the_type_stays_as_it_was_written(self) -> None:
        """Errors quote it."""
        written = detector(confidence=5) | {"type": "ObjectDetectionModel"}
        error = refused(document([written]))
        assert error.blocks is not None and error.blocks[0].block_type == "ObjectDetectionModel"

    @pytest.mark.parametrize("name", ["images", "image"])
    def test_either_name_of_the_picture(self, name: str) -> None:
        written = {"type": DETECTOR, "name": "det", "model_id": "shapes/1", name: "$inputs.image"}
        assert run(document([written, count()], {"n": "$steps.n.output"})) == [{"n": 1}]

    def test_crops_take_detections_too(self) -> None:
        written = crop()
        written["detections"] = written.pop("predictions")
        definition = document([detector(), written, classifier(images="$steps.crop.crops")], {"p": "$steps.cls.*"})
        assert len(run(definition)[0]["p"]) == 1


class TestNames:
    @pytest.mark.parametrize(
        ("definition", "message"),
        [
            (document(inputs=[IMAGE, parameter("image")]), "Found duplicated input parameter names: image"),
            (document([detector(), detector()]), "Found duplicated input steps names: det"),
            (document(outputs=[output("p", "$inputs.image")] * 2), "Found duplicated input outputs names: p"),
        ],
        ids=["inputs", "steps", "outputs"],
    )
    def test_unique_in_their_section(self, definition: Json, message: str) -> None:
        with pytest.raises(DuplicatedNameError) as caught:
            compiled(definition)
        assert caught.value.public == message
        assert caught.value.context == "workflow_compilation | specification_validation"
        assert "blocks_errors" not in caught.value.render()

    def test_free_across_sections(self) -> None:
        definition = document([detector("image"), count("n", "$steps.image.predictions")], {"image": "$steps.n.output"})
        assert run(definition) == [{"image": 1}]

    def test_any_text_is_a_name(self) -> None:
        """But only letters, digits, - and _ can be referred to, and from outputs whatever has no dot."""
        definition = document([detector("my stép")], {"a b.c$": "$steps.my stép.inference_id"})
        assert list(run(definition)[0]) == ["a b.c$"]


class TestLimits:
    def test_steps(self) -> None:
        steps = [detector(f"det{place}") for place in range(4)]
        assert len(parsed(document(steps), Limits(steps=4)).steps) == 4
        with pytest.raises(WorkflowLimitError, match="has 4 steps; the limit is 3") as caught:
            parse_definition(document(steps), Limits(steps=3))
        assert caught.value.is_callers_fault

    def test_they_are_counted_before_they_are_read(self) -> None:
        with pytest.raises(WorkflowLimitError):
            parsed(document([step("nothing", "a")] * 4), Limits(steps=3))


def refused_by_parser(definition: Any) -> WorkflowSyntaxError:
    with pytest.raises(WorkflowSyntaxError) as caught:
        parsed(definition)
    return caught.value
