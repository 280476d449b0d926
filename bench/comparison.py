"""The rows in which both systems stand: through HTTP, and what upstream's start, memory and environment take."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import median, quantiles
from typing import Any

from bench.measurements import Measurements, Series, WorkflowSeries
from bench.pictures import SIZES_WH
from bench.rows import MIB, Row, times_row
from bench.traffic import Traffic
from bench.upstream import VARIABLE

NOT_GIVEN = f"upstream not given ({VARIABLE})"
# Budgets are for this picture and one client.
BUDGET_SIZE = "{} x {}".format(*SIZES_WH[0])
# What a workflow may cost beside its model, as a part of what it costs upstream.
BUDGET_WORKFLOW = 0.5
# Objects of both systems that are nearer than this are the same one: pixels of the picture, and confidence.
_NEAR_PIXELS, _NEAR_CONFIDENCE = 2.0, 0.02


def comparison_rows(found: Measurements) -> Iterator[Row]:
    """Upstream's start, memory and size, then every series through HTTP, then what workflows cost beside a model."""
    yield from _upstream_rows(found)
    for series in found.series:
        yield from _series_rows(series)
    for workflow in found.workflows:
        yield from _workflow_rows(workflow)


def series_key(case_key: str, picture_size: str, clients: int, what: str) -> str:
    """The key of one row of a series; `what` is ours, upstream or ratio."""
    return f"http/{case_key}/{picture_size.replace(' ', '')}/{clients}/{what}"


def workflow_key(document_key: str, what: str) -> str:
    """The key of one row of a workflow; `what` is ours, upstream or ratio."""
    return f"workflow/{document_key}/{what}"


def _upstream_rows(found: Measurements) -> Iterator[Row]:
    labels = {
        "upstream_cold_start": ("Upstream: cold start to the first answer", "ms"),
        "upstream_resident": ("Upstream: resident memory after it", "MiB"),
        "upstream_size": ("Upstream: environment on disk", "MiB"),
        "upstream_size_no_gpu": ("  without CUDA libraries", "MiB"),
    }
    if found.upstream is None:
        for key, (label, unit) in labels.items():
            yield Row(key=key, label=label, value=None, unit=unit, note=NOT_GIVEN)
        return
    facts, starts = found.upstream.facts, found.upstream.starts
    total, rss = [start.total_ms for start in starts], [start.rss_bytes / MIB for start in starts]
    ready_ms = median(start.ready_ms for start in starts)
    size, without_gpu = facts.size_bytes / MIB, (facts.size_bytes - facts.gpu_bytes) / MIB
    values: dict[str, tuple[float, float | None, str]] = {
        "upstream_cold_start": (median(total), min(total), f"{len(total)} starts; serves after {ready_ms:.0f}"),
        "upstream_resident": (median(rss), min(rss), ""),
        "upstream_size": (size, None, f"inference-cpu and all that it requires: {facts.packages} packages"),
        "upstream_size_no_gpu": (without_gpu, None, "which the default wheels of torch bring"),
    }
    for key, (value, best, note) in values.items():
        label, unit = labels[key]
        yield Row(key=key, label=label, value=value, unit=unit, best=best, note=note)


def _series_rows(series: Series) -> Iterator[Row]:
    ours, upstream = series.ours, series.upstream
    people = "1 client" if series.clients == 1 else f"{series.clients} clients"
    label = f"HTTP {series.case.name}, {series.picture_size}, {people}"

    def key(what: str) -> str:
        return series_key(series.case.key, series.picture_size, series.clients, what)

    yield times_row(key("ours"), label, ours.times_ms, note=_note(ours, series.clients))
    is_budgeted = series.picture_size == BUDGET_SIZE and series.clients == 1
    budget = series.case.budget if is_budgeted else None
    if upstream is None:
        yield Row(key=key("upstream"), label="  upstream", value=None, unit="ms", note=NOT_GIVEN)
        yield Row(key=key("ratio"), label="  ours over upstream", value=None, unit="x", budget=budget, note=NOT_GIVEN)
        return
    yield times_row(key("upstream"), "  upstream", upstream.times_ms, note=_note(upstream, series.clients))
    yield Row(
        key=key("ratio"),
        label="  ours over upstream",
        value=median(ours.times_ms) / median(upstream.times_ms),
        unit="x",
        best=min(ours.times_ms) / min(upstream.times_ms),
        budget=budget,
        note=f"of p50; {_agreement(ours, upstream)}",
    )


def _workflow_rows(series: WorkflowSeries) -> Iterator[Row]:
    runs, alone, document = series.runs, series.alone, series.document
    label = f"Workflow over its model: {document.name}"
    ours = _overhead_row(workflow_key(document.key, "ours"), label, runs.ours, alone.ours)
    yield ours
    key, label = workflow_key(document.key, "upstream"), "  upstream"
    ratio = Row(
        key=workflow_key(document.key, "ratio"),
        label="  ours over upstream",
        value=None,
        unit="x",
        budget=BUDGET_WORKFLOW,
        note=NOT_GIVEN,
    )
    if runs.upstream is None or alone.upstream is None:
        yield Row(key=key, label=label, value=None, unit="ms", note=NOT_GIVEN)
        yield ratio
        return
    upstream = _overhead_row(key, label, runs.upstream, alone.upstream)
    yield upstream
    note = f"ours at least 0; {_agreement(runs.ours, runs.upstream)}"
    yield replace(ratio, value=_part(ours.value, upstream.value), best=_part(ours.best, upstream.best), note=note)


def _overhead_row(key: str, label: str, runs: Traffic, alone: Traffic) -> Row:
    """Milliseconds between the medians, and between the best: noise can make either negative."""
    of_runs, of_alone = median(runs.times_ms), median(alone.times_ms)
    return Row(
        key=key,
        label=label,
        value=of_runs - of_alone,
        unit="ms",
        best=min(runs.times_ms) - min(alone.times_ms),
        note=f"p50 {of_runs:.1f}, the model alone {of_alone:.1f}",
    )


def _part(ours_ms: float | None, upstream_ms: float | None) -> float | None:
    """Ours, 0 if noise made it less, over upstream's; None where upstream's drowned in the noise."""
    if ours_ms is None or upstream_ms is None or upstream_ms <= 0:
        return None
    return max(0.0, ours_ms) / upstream_ms


def _note(traffic: Traffic, clients: int) -> str:
    p95 = quantiles(traffic.times_ms, n=20, method="inclusive")[-1]
    over = ""
    if clients == 1 and traffic.infer_ms:  # several wait for each other
        pairs = zip(traffic.times_ms, traffic.infer_ms, strict=True)
        over = f", over session.run {median(took_ms - infer_ms for took_ms, infer_ms in pairs):.1f}"
    cold = f", {traffic.cold} of them cold" if traffic.cold else ""
    return f"p95 {p95:.1f}, {traffic.per_s:.1f} requests/s{over}{cold}"


def _agreement(ours: Traffic, upstream: Traffic) -> str:
    """Whether both found the same objects: it would be no comparison otherwise."""
    same = count_same(ours.predictions, upstream.predictions)
    if same == len(ours.predictions) == len(upstream.predictions):
        return f"the same {same} objects"
    return f"{same} objects the same of {len(ours.predictions)} and {len(upstream.predictions)}"


def count_same(ours: Sequence[dict[str, Any]], upstream: Sequence[dict[str, Any]]) -> int:
    """How many objects of an answer are in the other one: class, centre and size, confidence; each counts once."""
    left = list(upstream)
    for one in ours:
        twin = next((other for other in left if _is_same(one, other)), None)
        if twin is not None:
            left.remove(twin)
    return len(upstream) - len(left)


def _is_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return (
        one["class"] == other["class"]
        and abs(one["confidence"] - other["confidence"]) <= _NEAR_CONFIDENCE
        and all(abs(one[side] - other[side]) <= _NEAR_PIXELS for side in ("x", "y", "width", "height"))
    )
