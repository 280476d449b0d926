"""What editors read: all blocks with their schemas, kinds and operations; what goes into a document and comes out."""

import gzip
import json
from pathlib import Path
from typing import Any, get_args

import orjson
import pytest

from retinue.workflows import blocks as package
from retinue.workflows.block import Block, Limits
from retinue.workflows.compile import describe_document
from retinue.workflows.definition import ENGINE_VERSION
from retinue.workflows.describe import (
    block_schema,
    definition_schema,
    describe_block,
    describe_blocks,
    describe_outputs,
)
from retinue.workflows.errors import WorkflowDefinitionError, WorkflowError
from retinue.workflows.kinds import ANY, KINDS
from retinue.workflows.manifest import Manifest, references_of
from retinue.workflows.query.syntax import Operation
from retinue.workflows.registry import ALIASES, aliases_of, all_blocks, find_block
from retinue.workflows.schemas import schema_of_kind
from tests.unit.workflow_documents import (
    CONTINUE_IF,
    FIRST,
    IMAGE,
    STITCH,
    SWITCH,
    Json,
    batch,
    classifier,
    count,
    crop,
    detector,
    document,
    gate,
    inner,
    join,
    no_saved,
    output,
    parameter,
    step,
)

jsonschema = pytest.importorskip("jsonschema")  # comes with aws-sam-translator

BLOCKS = all_blocks()
MODULES = sorted(path.stem for path in Path(next(iter(package.__path__))).glob("*.py") if path.stem != "__init__")
LARGEST_ANSWER_BYTES = 6_000_000
each_block = pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.identifier.partition("/")[2])


def checked(schema: Json) -> Any:
    """A validator of the schema, which is one itself."""
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def described(definition: Json) -> Json:
    return describe_document(definition, Limits(), no_saved)


class TestRegistry:
    def test_there_are_blocks(self) -> None:
        assert len(BLOCKS) > 50 and len({block.identifier for block in BLOCKS}) == len(BLOCKS)

    @pytest.mark.parametrize("module", MODULES)
    def test_every_module_has_blocks(self, module: str) -> None:
        """A module is found by the name of its blocks."""
        found = [block for block in BLOCKS if block.__module__.endswith(f".{module}")]
        assert found
        for block in found:
            assert block.identifier.partition("/")[2].partition("@")[0].replace("-", "_") == module

    @each_block
    def test_blocks_are_found_by_their_identifiers(self, block: type[Block]) -> None:
        assert find_block(block.identifier) is block

    @pytest.mark.parametrize("alias", sorted(ALIASES))
    def test_old_names_mean_blocks_that_exist(self, alias: str) -> None:
        block = find_block(alias)
        assert block is not None and block.identifier == ALIASES[alias] and alias in aliases_of(block.identifier)

    @pytest.mark.parametrize(
        "identifier",
        [
            "", "x", "roboflow_core/", "roboflow_core/continue_if", "roboflow_core/continue_if@v2", "continue_if@v1",
            "roboflow_core/continue_if@v1\n", "roboflow_core/Continue_If@v1", "roboflow_core/../engine@v1",
            "roboflow_core/__init__@v1", "roboflow_core/block@v1", "continueif", "roboflow_core/continue_if@v1@v1",
            "other/continue_if@v1", "roboflow_core/" + "x" * 1_000_000 + "@v1",
        ],
        ids=lambda identifier: repr(identifier[:40]),
    )  # fmt: skip
    def test_nothing_else_is_found(self, identifier: str) -> None:
        assert find_block(identifier) is None


class TestBlocks:
    @each_block
    def test_says_what_it_is(self, block: type[Block]) -> None:
        assert block.title and block.category and issubclass(block.manifest, Manifest)
        assert (block.__doc__ or "").strip().endswith(".")
        assert block.output_offset in (-1, 0, 1) and set(block.offsets.values()) <= {1}
        assert not (block.offsets and block.output_offset)

    @each_block
    def test_speaks_of_properties_that_it_has(self, block: type[Block]) -> None:
        properties = block.manifest.model_fields.keys()
        named = {
            *block.batches,
            *block.batches_or_scalars,
            *block.offsets,
            *([block.reference] if block.reference else ()),
        }
        assert named <= properties
        assert bool(block.offsets) == (block.reference is not None)
        assert named <= references_of(block.manifest).keys()

    @each_block
    def test_kinds_are_known(self, block: type[Block]) -> None:
        outputs = {kind for kinds in block.outputs.values() for kind in kinds}
        inputs = {
            kind
            for shapes in references_of(block.manifest).values()
            for references in shapes.values()
            for reference in references
            for kind in reference.kinds
        }
        assert outputs | inputs <= KINDS.keys()
        assert block.is_flow_control or block.outputs

    @each_block
    def test_schema(self, block: type[Block]) -> None:
        schema = block_schema(block)
        checked(schema)
        assert json.loads(json.dumps(schema)) == schema
        assert schema["properties"]["type"]["enum"] == [block.identifier, *aliases_of(block.identifier)]
        assert {"type", "name"} <= schema["properties"].keys() and {"type", "name"} <= set(schema["required"])
        assert schema["name"] == block.title and schema["block_type"] == block.category
        assert schema["version"].startswith("v") and schema["short_description"].count(". ") == 0
        undescribed = {name for name, item in schema["properties"].items() if not item.get("description")}
        assert undescribed <= {"type", "name"}

    @each_block
    def test_schema_marks_selectors(self, block: type[Block]) -> None:
        properties = block_schema(block)["properties"]
        aliases = {
            name: {name, *aliases_in(item.validation_alias)} for name, item in block.manifest.model_fields.items()
        }
        for name, shapes in references_of(block.manifest).items():
            (written,) = [properties[alias] for alias in aliases[name] if alias in properties]
            text = json.dumps(written)
            assert text.count('"reference": true') == sum(map(len, shapes.values()))
            assert '"selected_element": "' in text

    def test_classes_to_write_are_those_of_a_step(self) -> None:
        block = find_block("roboflow_core/classification_label_visualization@v1")
        assert block is not None
        written = step(block.identifier, "v", image="$inputs.image", predictions="$steps.cls.predictions")
        schema = block_schema(block)
        assert schema["properties"]["predictions"]["selected_element"] == "step_output"
        assert not list(checked(schema).iter_errors(written))
        assert list(checked(schema).iter_errors(written | {"predictions": "$inputs.image"}))

    @each_block
    def test_description(self, block: type[Block]) -> None:
        found = describe_block(block)
        assert found["manifest_type_identifier"] == block.identifier
        assert [item["name"] for item in found["outputs_manifest"]] == list(block.outputs)
        assert all(
            {"name", "description", "docs"} <= kind.keys()
            for item in found["outputs_manifest"]
            for kind in item["kind"]
        )
        assert found["execution_engine_compatibility"] == ">=1.0.0,<2.0.0"

    @pytest.mark.parametrize(
        "written",
        [
            detector(), crop(), count(), classifier(), gate("go", "$inputs.image", "a"), join("e", a="$inputs.image"),
            step(FIRST, "f", data=["$inputs.a"]), step(SWITCH, "s", value="a", cases={"a": "$steps.b"}),
            step(STITCH, "s", reference_image="$inputs.image", predictions="$steps.det.predictions"),
        ],
        ids=lambda written: written["type"],
    )  # fmt: skip
    def test_schema_takes_steps(self, written: Json) -> None:
        block = find_block(written["type"])
        assert block is not None
        validator = checked(block_schema(block))
        assert list(validator.iter_errors(written)) == []
        assert list(validator.iter_errors(written | {"type": "another"}))
        assert list(validator.iter_errors({"type": written["type"], "name": "a"}))


class TestAnswer:
    def test_fits_through_a_function(self) -> None:
        data = orjson.dumps(describe_blocks())
        text = orjson.dumps({"body": data.decode()})
        assert len(text) < LARGEST_ANSWER_BYTES
        assert len(gzip.compress(data)) < 1_000_000
        assert len(orjson.dumps(definition_schema())) < LARGEST_ANSWER_BYTES

    def test_keys(self) -> None:
        found = describe_blocks()
        assert list(found) == [
            "blocks", "declared_kinds", "kinds_connections", "primitives_connections",
            "universal_query_language_description", "dynamic_block_definition_schema",
        ]  # fmt: skip
        assert [block["manifest_type_identifier"] for block in found["blocks"]] == [
            block.identifier for block in BLOCKS
        ]
        assert [kind["name"] for kind in found["declared_kinds"]] == list(KINDS)

    def test_connections_of_kinds(self) -> None:
        connections = describe_blocks()["kinds_connections"]
        assert connections.keys() == KINDS.keys()
        places = {(item["manifest_type_identifier"], item["property_name"]) for item in connections["image"]}
        assert ("roboflow_core/dynamic_crop@v1", "images") in places
        flags = {item["property_name"]: (item["is_list_element"], item["is_dict_element"])
                 for item in connections[ANY] if item["manifest_type_identifier"] in (CONTINUE_IF, FIRST)}  # fmt: skip
        assert flags == {"evaluation_parameters": (False, True), "data": (True, False)}

    def test_types_of_what_is_written_into_steps(self) -> None:
        found = {
            (item["manifest_type_identifier"], item["property_name"]): item["type_annotation"]
            for item in describe_blocks()["primitives_connections"]
        }
        model = "roboflow_core/roboflow_object_detection_model@v2"
        assert found[model, "name"] == found[model, "model_id"] == "str"
        assert found[model, "confidence"] == "float" and (model, "images") not in found
        assert found[model, "class_filter"] == "List[str]"

    def test_every_operation_is_described(self) -> None:
        language = describe_blocks()["universal_query_language_description"]
        names = {item["operation_type"] for item in language["operations_description"]}
        assert names == {operation.__name__ for operation in get_args(get_args(Operation)[0])}
        assert len(names) == 36
        operators = {item["operator_type"] for item in language["operators_descriptions"]}
        assert {"(Number) >", "Exists", "in (Sequence)"} <= operators and len(operators) == 22


class TestSchemaOfDocuments:
    SCHEMA = definition_schema()

    def test_has_all_blocks(self) -> None:
        assert len(self.SCHEMA["properties"]["steps"]["items"]["anyOf"]) == len(BLOCKS)
        assert ENGINE_VERSION in self.SCHEMA["properties"]["version"]["examples"]

    def test_no_two_blocks_share_a_definition(self) -> None:
        named = [item["$ref"] for item in self.SCHEMA["properties"]["steps"]["items"]["anyOf"]]
        assert len(set(named)) == len(named)

    @pytest.mark.parametrize(
        "definition",
        [
            document([detector(), crop(), classifier(images="$steps.crop.crops")], {"p": "$steps.cls.*"}),
            document([detector(), count(), gate("go", "$steps.n.output", "cls"), classifier()]),
            document(inputs=[IMAGE, parameter("p", 5), parameter("q", kinds=["integer"])]),
            document([join("e", a="$inputs.b")], [output("e", "$steps.e.output", "own")], [batch("b", 2, ["image"])]),
        ],
        ids=["crops", "condition", "parameters", "batch"],
    )
    def test_takes_documents(self, definition: Json) -> None:
        validator = jsonschema.Draft202012Validator(self.SCHEMA)
        # Nulls stand for what is not written.
        written = json.loads(
            json.dumps(definition), object_hook=lambda item: {k: v for k, v in item.items() if v is not None}
        )
        assert [error.message[:200] for error in validator.iter_errors(written)] == []

    def test_refuses_what_is_none(self) -> None:
        validator = checked(self.SCHEMA)
        assert list(validator.iter_errors({})) and list(validator.iter_errors(document([{"type": "x", "name": "y"}])))


class TestInterface:
    def test_of_one_detector(self) -> None:
        definition = document(
            [detector(model_id="$inputs.model", confidence="$inputs.conf"), count()],
            {"result": "$steps.det.predictions", "n": "$steps.n.output", "all": "$steps.det.*"},
            [IMAGE, parameter("conf", 0.4), parameter("model")],
        )
        found = described(definition)
        assert found["inputs"] == {
            "image": ["image"], "conf": ["float_zero_to_one"], "model": ["roboflow_model_id"],
        }  # fmt: skip
        assert found["outputs"] == {
            "result": ["object_detection_prediction"],
            "n": ["*"],
            "all": {
                "inference_id": ["inference_id"],
                "predictions": ["object_detection_prediction"],
                "model_id": ["roboflow_model_id"],
            },
        }
        assert found["typing_hints"] == {
            "image": "dict", "float_zero_to_one": "float", "roboflow_model_id": "str",
            "object_detection_prediction": "dict", "*": "Any", "inference_id": "str",
        }  # fmt: skip
        assert set(found["kinds_schemas"]) == {"image", "object_detection_prediction"}

    def test_inputs_that_nobody_needs_take_anything(self) -> None:
        inputs = [IMAGE, parameter("p"), batch("b", 2, ["string"])]
        assert described(document(inputs=inputs))["inputs"] == {"image": ["*"], "p": ["*"], "b": ["*"]}

    def test_inputs_of_which_anything_is_taken(self) -> None:
        assert described(document([count(data="$inputs.image")]))["inputs"] == {"image": ["*"]}

    def test_all_users_count(self) -> None:
        definition = document([count(data="$inputs.image"), detector(), crop()])
        assert described(definition)["inputs"] == {"image": ["image"]}

    def test_users_that_do_not_agree(self) -> None:
        steps = [detector(model_id="$inputs.x", confidence="$inputs.x")]
        with pytest.raises(WorkflowDefinitionError, match="`x`") as caught:
            described(document(steps, inputs=[IMAGE, parameter("x")]))
        assert caught.value.context == "describing_workflow_inputs" and caught.value.type == "WorkflowDefinitionError"

    def test_inputs_as_outputs(self) -> None:
        found = described(document([], {"i": "$inputs.image", "b": "$inputs.b"}, [IMAGE, batch("b", 1, ["my_own"])]))
        assert found["outputs"] == {"i": ["image"], "b": ["my_own"]}
        assert "my_own" not in found["typing_hints"]

    def test_nested_workflows(self) -> None:
        child = document([detector("d")], {"p": "$steps.d.predictions"})
        found = described(document([inner("in", child, image="$inputs.photo")], {"x": "$steps.in.p"},
                                   [{"type": "WorkflowImage", "name": "photo"}]))  # fmt: skip
        assert found["inputs"] == {"photo": ["image"]}
        assert found["outputs"] == {"x": ["object_detection_prediction"]}

    @pytest.mark.parametrize("definition", [{}, {"version": "9"}, document([detector("a", "$inputs.b")])])
    def test_of_broken_documents(self, definition: Json) -> None:
        with pytest.raises(WorkflowError):
            described(definition)

    @pytest.mark.parametrize("kind", sorted(KINDS))
    def test_schemas_of_kinds(self, kind: str) -> None:
        schema = schema_of_kind(kind)
        for item in schema if isinstance(schema, list) else [schema] if schema is not None else []:
            checked(item)


def test_outputs_of_a_step() -> None:
    (item,) = describe_outputs({"a": ("image", "my_own")})
    assert item["name"] == "a" and [kind["name"] for kind in item["kind"]] == ["image", "my_own"]
    assert item["kind"][1]["description"] == KINDS[ANY].description


def aliases_in(alias: Any) -> list[str]:
    return [str(item) for item in getattr(alias, "choices", [])]
