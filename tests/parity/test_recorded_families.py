"""A package of every family answers as upstream did when it was recorded."""

import json
from pathlib import Path
from typing import Any

import pytest

from retinue.pipeline.prediction import Thresholds
from tests.parity import ours
from tests.parity.record import FAMILIES, facts, family_packages, family_picture

_RECORDED: dict[str, Any] = json.loads(FAMILIES.read_text())["answers"]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return family_packages(tmp_path_factory.mktemp("families"))


@pytest.mark.parametrize("name", _RECORDED)
def test_answer_is_as_recorded(name: str, packages: dict[str, Path]) -> None:
    answer = ours.answer(ours.load(packages[name]), family_picture(), Thresholds())

    assert_close(facts(answer), _RECORDED[name])


def test_every_family_is_recorded(packages: dict[str, Path]) -> None:
    assert set(packages) == set(_RECORDED)


def assert_close(given: Any, expected: Any) -> None:
    """Equal, but for the last digits of numbers, and single pixels of a share."""
    if isinstance(expected, dict):
        assert given.keys() == expected.keys()
        for key in expected:
            assert_close(given[key], expected[key])
    elif isinstance(expected, list):
        assert len(given) == len(expected)
        for one, other in zip(given, expected, strict=True):
            assert_close(one, other)
    elif isinstance(expected, float):
        assert given == pytest.approx(expected, abs=1e-4)
    else:
        assert given == expected
