"""From measurements to rows, tables and the chart, with and without upstream."""

import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bench import page
from bench.answers import predictions_of, stages_of
from bench.cases import CASES, DETECTOR, SMALL_DETECTOR
from bench.chart import Pair, draw_chart
from bench.comparison import BUDGET_SIZE, NOT_GIVEN, comparison_rows, count_same
from bench.cost import Prices, cost_rows
from bench.documents import DOCUMENTS, ONE_STEP, Document
from bench.floor import BareStart
from bench.jobs import JobRuns, Run
from bench.machine import look_at_machine
from bench.measurements import Measurements, PictureFacts, Series, UpstreamFound, Warm, WorkflowSeries
from bench.report import budget_text, save, value_text
from bench.rows import Row, own_rows
from bench.size import Unpacked
from bench.soak import Soak
from bench.traffic import OURS, UPSTREAM, Traffic
from bench.upstream import UpstreamFacts, UpstreamStart
from bench.workers import Answer, ColdStart
from retinue.workflows.block import Limits
from retinue.workflows.compile import PlanCache

MIB = 1024 * 1024
OBJECT = {"class": "a", "confidence": 0.9, "x": 100.0, "y": 50.0, "width": 40.0, "height": 20.0}


def answer(duration_ms: float) -> Answer:
    return Answer(duration_ms, duration_ms - 2, {"infer": duration_ms - 10, "decode": 1.0}, 1)


def traffic(side: str, times_ms: tuple[float, ...]) -> Traffic:
    infer_ms = tuple(took_ms - 10 for took_ms in times_ms) if side == OURS else ()
    return Traffic(side, times_ms, infer_ms, sum(times_ms) / 1e3, 0, (OBJECT,))


def workflow(document: Document, ours_ms: tuple[float, float], upstream_ms: tuple[float, float]) -> WorkflowSeries:
    """One request a side: a run's milliseconds, and those of the model alone."""
    runs, alone = (
        Series(SMALL_DETECTOR, BUDGET_SIZE, 1, (traffic(OURS, (ours,) * 2), traffic(UPSTREAM, (upstream,) * 2)))
        for ours, upstream in zip(ours_ms, upstream_ms, strict=True)
    )
    return WorkflowSeries(document, runs, alone)


def without_upstream(series: WorkflowSeries) -> WorkflowSeries:
    runs, alone = (replace(each, sides=each.sides[:1]) for each in (series.runs, series.alone))
    return replace(series, runs=runs, alone=alone)


def measurements(has_upstream: bool) -> Measurements:
    sides = (traffic(OURS, (60.0, 70.0, 80.0)), traffic(UPSTREAM, (90.0, 100.0, 140.0)))
    workflows = [workflow(document, (44.0, 40.0), (66.0, 56.0)) for document in DOCUMENTS]
    facts = UpstreamFacts({"inference-cpu": "1.8.3"}, 231, 7000 * MIB, 4000 * MIB)
    return Measurements(
        pictures=(PictureFacts("a.png", BUDGET_SIZE, 150_000),),
        network_bytes={case.key: 12_700_000 for case in CASES},
        versions={"python": "3.13.0"},
        memory_mb=2048,
        threads=2,
        unpacked=Unpacked({"RuntimeLayer": 104.0}, 105.0, 120.0),
        cold=(ColdStart(300.0, answer(300.0), 500.0, 129 * MIB, 108 * MIB, 91 * MIB),),
        bare_cold=(BareStart(400.0, 350.0),),
        workflow_cold=(ColdStart(350.0, answer(400.0), 700.0, 150 * MIB, 120 * MIB, 99 * MIB),),
        warm=tuple(Warm(case, (answer(49.5),), (35.0,), 60.0, 50.0) for case in CASES),
        series=tuple(Series(case, BUDGET_SIZE, 1, sides if has_upstream else sides[:1]) for case in CASES),
        workflows=tuple(workflows if has_upstream else map(without_upstream, workflows)),
        upstream=UpstreamFound(facts, (UpstreamStart(16e3, 17e3, 1300 * MIB),)) if has_upstream else None,
        soak=Soak(2000, 20, (100 * MIB, *[150 * MIB] * 18, 165 * MIB)),
        jobs=JobRuns(
            pictures=200,
            ours=(Run(19.0, 99.0), Run(19.4, 100.0), Run(10.0, 101.0)),
            bare=(Run(20.0, 95.0), Run(20.0, 96.0), Run(20.0, 97.0)),
            single=(Run(10.0, 100.0),),
            double=(Run(16.0, 104.0),),
        ),
    )


def rows(found: Measurements) -> dict[str, Row]:
    made = (*own_rows(found), *cost_rows(found, Prices()), *comparison_rows(found))
    by_key = {row.key: row for row in made}
    assert len(by_key) == len(made)  # no key twice
    return by_key


def test_rows_of_our_own() -> None:
    found = rows(measurements(has_upstream=False))
    assert (found["cold_start"].value, found["cold_start"].is_ok) == (600.0, True)
    assert (found["resident"].value, found["resident"].is_ok) == (129.0, True)
    assert (found["workflow_cold_start"].value, found["workflow_cold_start"].is_ok) == (750.0, False)
    assert (found["workflow_cold_cpu"].value, found["workflow_cold_cpu"].budget) == (700.0, None)
    assert "detect function 500" in found["workflow_cold_cpu"].note
    assert (found["workflow_resident"].value, found["workflow_resident"].is_ok) == (150.0, True)
    overhead = found[f"overhead/{DETECTOR.key}"]
    assert (overhead.value, overhead.budget, overhead.is_ok) == (10.0, 8.0, False)
    assert found["soak_growth"].value == pytest.approx(1.0)


def test_growing_memory_misses_its_budget() -> None:
    growing = Soak(2000, 20, tuple((100 + 10 * step) * MIB for step in range(20)))
    row = rows(replace(measurements(has_upstream=False), soak=growing))["soak_growth"]
    assert row.value == pytest.approx(275 / 190, rel=0.02)
    assert row.is_ok is False


def test_ratio_of_the_medians_with_its_budget() -> None:
    found = rows(measurements(has_upstream=True))
    for case in CASES:
        ratio = found[f"http/{case.key}/1280x720/1/ratio"]
        assert (ratio.value, ratio.budget) == (0.7, case.budget)
        assert ratio.best == pytest.approx(60 / 90)
        assert "the same 1 objects" in ratio.note
    assert found["upstream_cold_start"].value == 17e3
    assert (found["upstream_size"].value, found["upstream_size_no_gpu"].value) == (7000.0, 3000.0)


def test_rows_say_that_upstream_was_not_given() -> None:
    found = rows(measurements(has_upstream=False))
    absent = [row for row in found.values() if row.value is None]
    assert len(absent) == 4 + 2 * len(CASES) + 2 * len(DOCUMENTS)
    assert {row.note for row in absent} == {NOT_GIVEN}
    assert {row.is_ok for row in absent} == {None}


@pytest.mark.parametrize(
    ("ours_ms", "upstream_ms", "own", "ratio", "is_ok"),
    [
        ((44.0, 40.0), (66.0, 56.0), 4.0, 0.4, True),
        ((46.0, 40.0), (66.0, 56.0), 6.0, 0.6, False),
        ((39.0, 40.0), (66.0, 56.0), -1.0, 0.0, True),
        ((44.0, 40.0), (55.0, 56.0), 4.0, None, None),
    ],
    ids=["within the budget", "above it", "ours drowned in noise", "upstream's drowned in noise"],
)
def test_ratio_of_what_a_workflow_costs_beside_its_model(
    ours_ms: tuple[float, float], upstream_ms: tuple[float, float], own: float, ratio: float | None, is_ok: bool | None
) -> None:
    series = workflow(ONE_STEP, ours_ms, upstream_ms)
    found = rows(replace(measurements(has_upstream=True), workflows=(series,)))
    ours, row = found["workflow/one-step/ours"], found["workflow/one-step/ratio"]
    assert (ours.value, ours.best) == (own, own)
    assert (row.value, row.best, row.is_ok) == (pytest.approx(ratio), pytest.approx(ratio), is_ok)
    assert "the same 1 objects" in row.note
    assert f"p50 {ours_ms[0]}, the model alone {ours_ms[1]}" in ours.note


@pytest.mark.parametrize(
    ("key", "steps", "outputs"),
    [
        ("one-step", 1, ["predictions"]),
        ("filter-crop-draw", 5, ["predictions", "crops", "picture"]),
        ("long-graph", 20, ["predictions", "picture"]),
    ],
)
def test_documents_are_workflows(key: str, steps: int, outputs: list[str]) -> None:
    document = next(document for document in DOCUMENTS if document.key == key)
    plan = PlanCache().get(document.specification("yolov8n-320/1"), Limits(), lambda *_: {})
    assert len(plan.steps) == steps
    assert [output.name for output in plan.outputs] == outputs


def test_answers_of_both_forms() -> None:
    assert predictions_of({"predictions": [OBJECT]}) == [OBJECT]
    assert predictions_of({"outputs": [{"predictions": {"image": {}, "predictions": [OBJECT]}}]}) == [OBJECT]
    assert stages_of("auth;dur=0.51, infer;dur=12.00") == {"auth": 0.51, "infer": 12.0}


def test_cost_is_duration_times_memory_times_price_and_the_requests() -> None:
    found = rows(measurements(has_upstream=False))
    # 49.5 ms are billed as 50: 0.05 s x 2 GB x 1000 requests = 100 GB-s.
    assert found[f"cost/{DETECTOR.key}"].value == pytest.approx(100 * 0.0000166667 + 0.0002 + 0.001)
    assert found["cost/cold"].value == pytest.approx(1200 * 0.0000166667 + 0.0002 + 0.001)
    free = list(cost_rows(measurements(has_upstream=False), Prices(0, 0, 0)))
    assert {row.value for row in free} == {0}


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, 1),
        ({"x": 101.9}, 1),
        ({"x": 102.1}, 0),
        ({"confidence": 0.915}, 1),
        ({"confidence": 0.93}, 0),
        ({"class": "b"}, 0),
    ],
    ids=["equal", "two pixels", "more pixels", "near confidence", "other confidence", "other class"],
)
def test_same_objects(changes: dict[str, object], same: int) -> None:
    assert count_same([OBJECT], [OBJECT | changes]) == same


def test_an_object_counts_once() -> None:
    assert count_same([OBJECT, OBJECT], [OBJECT]) == 1


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.714, "x", "0.71 x"),
        (18.46, "ms", "18.5 ms"),
        (16841.2, "ms", "16,841 ms"),
        (0.01019, "USD", "0.0102 USD"),
        (None, "ms", ""),
    ],
)
def test_value_text(value: float | None, unit: str, text: str) -> None:
    assert value_text(value, unit) == text


def test_chart_is_svg_with_bars_to_scale() -> None:
    pairs = [
        Pair("Memory", "a < b", 100.0, 400.0, "100 MiB", "400 MiB"),
        Pair("Start", "", 1.0, 20.0, "1", "20"),
        Pair("Noise", "", -0.5, 20.0, "-0.5", "20"),
    ]
    root = ElementTree.fromstring(draw_chart(pairs, ("Retinue", "other & old"), "title"))
    name = "{http://www.w3.org/2000/svg}"
    widths = [float(bar.attrib["width"]) for bar in root.iter(f"{name}rect")][2:]  # without the legend's
    assert widths == [100.0, 400.0, 20.0, 400.0, 2.0, 400.0]
    texts = [text.text for text in root.iter(f"{name}text")]
    assert {"Memory", "a < b", "100 MiB", "400 MiB", "0.25 x", "1 / 20", "< 1 / 100", "other & old"} <= set(texts)


def save_results(folder: Path, found: Measurements) -> Path:
    path = folder / "results" / "latest.json"
    save(path, tuple(rows(found).values()), found, look_at_machine(), 0.03)
    return path


def test_page(tmp_path: Path) -> None:
    written = tmp_path / page.PAGE
    results = save_results(tmp_path, measurements(has_upstream=True))
    written.write_text(f"# Before\n{page.BEGIN}\nold\n{page.END}\nafter\n", encoding="utf-8")
    for _ in range(2):  # the second time replaces what the first one wrote
        assert page.write_page(results, tmp_path) == (tmp_path / page.CHART, written)
    text = written.read_text(encoding="utf-8")
    assert re.search(r"^# Before\n<!--.*-->\n\n- .*<!--.*-->\nafter\n$", text, re.DOTALL)
    assert "old\n" not in text
    assert "| YOLOv8n 640, 1280 x 720 | 1 | 70.0 / 79.0 ms, 14.3 | 100.0 / 136.0 ms, 9.1 | 0.70 x | 0.75 x |" in text
    assert (
        "| YOLOv8-seg 640, 1280 x 720 | 1 | 70.0 / 79.0 ms, 14.3 | 100.0 / 136.0 ms, 9.1 | 0.70 x (missed) | 0.60 x |"
        in text
    )
    assert "| one step | 44.0 - 40.0 = 4.0 ms | 66.0 - 56.0 = 10.0 ms | 0.40 x | 0.50 x |" in text
    assert text.count("Workflow over its model") == 0  # in the table of their own
    assert "1.8.3" in (tmp_path / page.CHART).read_text(encoding="utf-8")


def test_page_needs_upstream_and_results(tmp_path: Path) -> None:
    with pytest.raises(page.ResultsError, match=r"upstream not given .* nothing to compare"):
        page.write_page(save_results(tmp_path, measurements(has_upstream=False)), tmp_path)
    with pytest.raises(page.ResultsError, match=r"Workflow: one step: upstream's -1\.0 ms drowned in the noise"):
        noisy = workflow(ONE_STEP, (44.0, 40.0), (55.0, 56.0))
        page.write_page(save_results(tmp_path, replace(measurements(has_upstream=True), workflows=(noisy,))), tmp_path)
    with pytest.raises(page.ResultsError, match="run `python -m bench` first"):
        page.write_page(tmp_path / "none.json", tmp_path)
    old = tmp_path / "old.json"
    old.write_text(json.dumps({"rows": [asdict(Row(key="a", label="a", value=1.0, unit="ms"))]}), encoding="utf-8")
    with pytest.raises(page.ResultsError, match="was not written by this version"):
        page.write_page(old, tmp_path)


def test_documentation_has_a_place_for_the_tables() -> None:
    text = (page.DOCS / page.PAGE).read_text(encoding="utf-8")
    assert text.index(page.BEGIN) < text.index(page.END)


def test_jobs_have_to_reach_a_share_of_the_loop_and_a_gain_of_the_second_shard() -> None:
    found = {row.key: row for row in own_rows(measurements(has_upstream=False))}
    share, gain = found["job_over_bare"], found["job_shards"]
    assert (share.value, share.best, share.is_ok) == (0.95, 0.97, True)  # the median of the pairs, at least
    assert (gain.value, gain.is_ok) == (1.6, False)
    assert "CPU for one 100.0 ms, bare 96.0" in share.note
    assert budget_text(asdict(share)) == ">= 0.95 x" and budget_text(asdict(found["cold_start"])) == "700 ms"
    assert "job_shards" not in {row.key for row in own_rows(replace(measurements(has_upstream=False), jobs=None))}
