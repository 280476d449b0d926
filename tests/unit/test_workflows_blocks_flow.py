"""Blocks that look up, choose and branch: properties, expressions, secrets, switch_case, continue_if."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from retinue.workflows.block import Branch
from retinue.workflows.errors import InvalidBlockBehaviourError
from tests.unit.workflow_queries import binary, dynamic, group, op, static
from tests.unit.workflow_steps import LENGTH, RUNTIME, UPPER, Step, run


def holds(name: str, comparator: str, value: Any) -> dict[str, Any]:
    """The condition that a variable compares so with a value."""
    return group(binary(dynamic(name), comparator, static(value)))


class TestPropertyDefinition:
    @pytest.mark.parametrize(
        ("operations", "expected"),
        [([], ["a", "b"]), ([LENGTH], 2), ([LENGTH, op("ToString")], "2")],
        ids=["none: as it is", "one", "in order"],
    )
    def test_output(self, operations: list[Any], expected: Any) -> None:
        step = {"data": "$inputs.x", "operations": operations}

        assert run("property_definition", step, data=["a", "b"]) == {"output": expected}

    def test_only_selectors_are_data(self) -> None:
        with pytest.raises(ValidationError, match="data"):
            Step("property_definition", {"data": "text", "operations": []})


class TestExpression:
    def choose(self, cases: list[tuple[Any, Any]], default: Any, **more: Any) -> Any:
        def result(value: Any) -> Any:
            if isinstance(value, dict):
                return {"type": "DynamicCaseResult", **value}
            return {"type": "StaticCaseResult", "value": value}

        switch = {
            "type": "CasesDefinition",
            "cases": [
                {"type": "CaseDefinition", "condition": condition, "result": result(value)}
                for condition, value in cases
            ],
            "default": result(default),
        }
        step = {"data": {"n": "$inputs.n", "word": "$inputs.word"}, "switch": switch, **more}
        return run("expression", step, data={"n": 5, "word": "five"})["output"]

    @pytest.mark.parametrize(
        ("cases", "expected"),
        [
            ([], "none"),
            ([(holds("n", "==", 4), "four"), (holds("n", "==", 5), "five")], "five"),
            ([(holds("n", "(Number) >", 1), "first"), (holds("n", "==", 5), "second")], "first"),
            ([(holds("n", "==", 4), "four")], "none"),
            ([(holds("n", "==", 5), {"parameter_name": "word"})], "five"),
            ([(holds("n", "==", 5), {"parameter_name": "word", "operations": [UPPER]})], "FIVE"),
        ],
        ids=["no case", "second holds", "both hold", "none holds", "a variable", "a changed variable"],
    )
    def test_result(self, cases: list[Any], expected: Any) -> None:
        assert self.choose(cases, "none") == expected

    def test_default_may_be_a_variable(self) -> None:
        assert self.choose([], {"parameter_name": "n"}) == 5

    def test_operations_come_before_the_cases(self) -> None:
        operations = {"word": [LENGTH]}

        assert (
            self.choose([(holds("word", "==", 4), "four letters")], "?", data_operations=operations) == "four letters"
        )

    @pytest.mark.parametrize(
        ("default", "more", "message"),
        [
            ({"parameter_name": "nobody"}, {}, "nobody"),
            ("x", {"data_operations": {"nobody": [UPPER]}}, r"nobody.*\['n', 'word'\]"),
        ],
    )
    def test_unknown_variables(self, default: Any, more: Any, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            self.choose([], default, **more)


CASES = {"red": "$steps.stop", "5": "$steps.five", "1.0": "$steps.one", "True": "$steps.yes", "None": "$steps.no"}


class TestSwitchCase:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("red", ("stop",)),
            (5, ("five",)),
            (1.0, ("one",)),
            (True, ("yes",)),
            (None, ("no",)),
            ("RED", ("other", "last")),
            (1, ("other", "last")),
        ],
    )
    def test_values_compare_as_text(self, value: Any, expected: tuple[str, ...]) -> None:
        step = {"value": "$inputs.x", "cases": CASES, "default_next_steps": ["$steps.other", "$steps.last"]}

        assert run("switch_case", step, value=value) == Branch(expected)

    @pytest.mark.parametrize(("value", "expected"), [("RED", ("stop",)), ("tRuE", ("yes",)), ("blue", ())])
    def test_case_insensitive(self, value: str, expected: tuple[str, ...]) -> None:
        step = {"value": "$inputs.x", "cases": CASES, "case_insensitive": True}

        assert run("switch_case", step, value=value) == Branch(expected)

    @pytest.mark.parametrize(
        ("properties", "message"),
        [
            ({"cases": {"a": "$steps.x", "b": "$steps.x"}}, r"at most once.*\['\$steps.x'\]"),
            ({"cases": {"a": "$steps.x"}, "default_next_steps": ["$steps.x"]}, "at most once"),
            ({"cases": {"a": "$steps.x", "A": "$steps.y"}, "case_insensitive": True}, "collide"),
            ({"cases": {"a": "nowhere"}}, "cases.a"),
        ],
    )
    def test_refused(self, properties: dict[str, Any], message: str) -> None:
        with pytest.raises(ValidationError, match=message):
            Step("switch_case", {"value": "a", **properties})

    def test_nowhere_to_go(self) -> None:
        assert run("switch_case", {"value": "a"}) is None


CONTINUE = {
    "condition_statement": holds("n", "(Number) >", 3),
    "evaluation_parameters": {"n": "$inputs.n"},
    "next_steps": ["$steps.a", "$steps.b"],
}


class TestContinueIf:
    @pytest.mark.parametrize(("value", "expected"), [(4, ("a", "b")), (3, ())])
    def test_branch(self, value: int, expected: tuple[str, ...]) -> None:
        assert run("continue_if", CONTINUE, evaluation_parameters={"n": value}) == Branch(expected)

    @pytest.mark.parametrize(("stop_delay", "expected"), [(60, ("a", "b")), (0.0, ())], ids=["open", "closed"])
    def test_a_branch_that_stays_open(self, stop_delay: float, expected: tuple[str, ...]) -> None:
        values = {"n": 4}
        again = Step("continue_if", CONTINUE).ready(evaluation_parameters=values, stop_delay=stop_delay)
        assert again() == Branch(("a", "b"))

        values["n"] = 3

        assert again() == Branch(expected)

    @pytest.mark.parametrize(
        "properties", [{"stop_delay": 0}, {"stop_delay": -1}, {"evaluation_parameters": {"n": 5}}], ids=str
    )
    def test_refused(self, properties: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            Step("continue_if", {**CONTINUE, **properties})

    def test_nowhere_to_go(self) -> None:
        with pytest.raises(InvalidBlockBehaviourError, match="next_steps is empty"):
            run("continue_if", {**CONTINUE, "next_steps": []}, evaluation_parameters={"n": 4})


SECRETS = {"variables_storing_secrets": ["SMTP_Password", "NOT_SET"]}


class TestEnvironmentSecretsStore:
    def test_values_under_small_names(self) -> None:
        runtime = replace(RUNTIME, secrets={"SMTP_Password": "hush", "smtp_password": "other"})

        assert run("environment_secrets_store", SECRETS, runtime) == {"smtp_password": "hush", "not_set": None}

    def test_outputs_are_secrets(self) -> None:
        step = Step("environment_secrets_store", SECRETS)

        assert step.block.outputs_of(step.manifest) == {"smtp_password": ("secret",), "not_set": ("secret",)}

    def test_off_unless_the_operator_allows_it(self) -> None:
        message = "^`roboflow_core/environment_secrets_store@v1` block cannot run in this environment - "
        with pytest.raises(RuntimeError, match=message):
            run("environment_secrets_store", SECRETS)

    def test_nothing_asked_for(self) -> None:
        with pytest.raises(ValidationError):
            Step("environment_secrets_store", {"variables_storing_secrets": []})
