"""Retinue answers the hand-made networks as the reference systems did when they were recorded."""

from pathlib import Path

import pytest

from tests.parity import ours
from tests.parity.hand_made import Case, ultralytics_cases, upstream_cases
from tests.parity.record import ULTRALYTICS, UPSTREAM, load
from tests.parity.rule import compare

_CASES = [(case, UPSTREAM) for case in upstream_cases()] + [(case, ULTRALYTICS) for case in ultralytics_cases()]
_RECORDED = {path: load(path) for path in (UPSTREAM, ULTRALYTICS)}


@pytest.mark.parametrize(("case", "path"), _CASES, ids=[f"{path.stem}: {case}" for case, path in _CASES])
def test_answer_is_as_recorded(case: Case, path: Path, tmp_path: Path) -> None:
    model = ours.load(case.write(tmp_path))

    answer = ours.answer(model, case.picture(), case.thresholds)

    comparison = compare(answer, _RECORDED[path][str(case)], confidence=float(case.thresholds.confidence))
    assert comparison.differences == []


def test_every_recording_belongs_to_a_case() -> None:
    for path, cases in ((UPSTREAM, upstream_cases()), (ULTRALYTICS, ultralytics_cases())):
        assert sorted(_RECORDED[path]) == sorted(map(str, cases))
