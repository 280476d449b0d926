"""What people see of a run: docs/performance.svg, and the tables in docs/performance.md."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from bench.cases import CASES
from bench.chart import Pair, draw_chart
from bench.comparison import BUDGET_SIZE, series_key, workflow_key
from bench.documents import DOCUMENTS
from bench.report import budget_text, value_text

DOCS = Path(__file__).parent.parent / "docs"
CHART, PAGE = "performance.svg", "performance.md"
BEGIN, END = "<!-- results: written by `python -m bench chart` -->", "<!-- end of results -->"
_SCALES = {"ms": (1e3, "s"), "MiB": (1024.0, "GiB")}
# Rows of a whole run that the page leaves out: what a cold start consists of is for those who work on it.
_INNER = "  "
# The series have tables of their own.
_SERIES = ("http/", "workflow/")


class ResultsError(Exception):
    """The results cannot be shown; the message says why."""


def write_page(results: Path, docs: Path = DOCS) -> tuple[Path, ...]:
    """Draws the chart and writes the tables into the folder `docs`; returns what was written.

    Raises ResultsError if there are no results, upstream is not in them, or the page has no place for them; OSError.
    """
    try:
        record = json.loads(results.read_text(encoding="utf-8"))
        rows = {row["key"]: row for row in record["rows"]}
        pairs = _pairs(rows)
    except FileNotFoundError as exc:
        raise ResultsError(f"{results} does not exist; run `python -m bench` first") from exc
    except (KeyError, ValueError) as exc:
        raise ResultsError(f"{results} was not written by this version of the bench: {exc!r}") from exc
    upstream = record["measurements"]["upstream"]["facts"]["versions"]["inference-cpu"]
    title = "Retinue beside upstream: time of a request, cold start, memory, size on disk"
    chart, page = docs / CHART, docs / PAGE
    chart.write_text(draw_chart(pairs, ("Retinue", f"Roboflow inference {upstream}"), title), encoding="utf-8")
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ResultsError(f"{page} has no lines {BEGIN} and {END}")
    tables = "\n".join(_tables(record))
    page.write_text(f"{before}{begin}\n\n{tables}\n\n{end}{after}", encoding="utf-8")
    return chart, page


def _pairs(rows: dict[str, dict[str, Any]]) -> list[Pair]:
    """The lines of the chart. Raises ResultsError if there is nothing of upstream's, KeyError if a row is missing."""
    keys = {
        case.name: (
            f"p50 through HTTP, {BUDGET_SIZE}",
            series_key(case.key, BUDGET_SIZE, 1, "ours"),
            series_key(case.key, BUDGET_SIZE, 1, "upstream"),
        )
        for case in CASES
    }
    keys |= {
        f"Workflow: {document.name}": (
            "p50 over that of its model alone",
            workflow_key(document.key, "ours"),
            workflow_key(document.key, "upstream"),
        )
        for document in DOCUMENTS
        if not document.left_out
    }
    keys |= {
        "Cold start": ("process start to first answer", "cold_start", "upstream_cold_start"),
        "Memory": ("resident after the first answer", "resident", "upstream_resident"),
        "Size on disk": ("upstream without CUDA libraries", "unpacked", "upstream_size_no_gpu"),
    }
    pairs = []
    for label, (detail, ours_key, upstream_key) in keys.items():
        ours, upstream = rows[ours_key], rows[upstream_key]
        if ours["value"] is None or upstream["value"] is None:
            raise ResultsError(f"{label}: {upstream['note'] or 'not measured'}; there is nothing to compare")
        if upstream["value"] <= 0:
            raise ResultsError(f"{label}: upstream's {upstream['value']:.1f} ms drowned in the noise; run it again")
        texts = (_short(row["value"], row["unit"]) for row in (ours, upstream))
        pairs.append(Pair(label, detail, ours["value"], upstream["value"], *texts))
    return pairs


def _short(value: float, unit: str) -> str:
    """`676 ms`, but `17.4 s` and `4.2 ms`."""
    divisor, larger = _SCALES[unit]
    if value >= divisor:
        return f"{value / divisor:.1f} {larger}"
    return f"{value:.{1 if abs(value) < 10 else 0}f} {unit}"


def _tables(record: dict[str, Any]) -> Iterator[str]:
    """Lines of Markdown: on what, the rows, the series through HTTP, and the workflows."""
    machine = record["machine"]
    yield from (f"- {line}" for line in record["conditions"])
    yield f"- Others used {machine['others_share']:.0%} of the cores meanwhile."
    yield ""
    yield "| what | allowed | median | best |"
    yield "|---|---|---|---|"
    for row in record["rows"]:
        if not row["key"].startswith(_SERIES) and (not row["label"].startswith(_INNER) or row["budget"]):
            yield _row_line(row)
    yield ""
    yield "| through HTTP | clients | ours p50 / p95, requests/s | upstream p50 / p95, requests/s | ratio | allowed |"
    yield "|---|---|---|---|---|---|"
    rows = {row["key"]: row for row in record["rows"]}
    for series in record["measurements"]["series"]:
        yield _series_line(series, rows)
    yield ""
    yield "| workflow | ours: p50 - of its model alone | upstream | ratio of the differences | allowed |"
    yield "|---|---|---|---|---|"
    for workflow in record["measurements"]["workflows"]:
        yield _workflow_line(workflow, rows)


def _row_line(row: dict[str, Any]) -> str:
    value = value_text(row["value"], row["unit"]) or row["note"]
    cells = (budget_text(row), value + _verdict(row), value_text(row["best"], row["unit"]))
    return f"| {row['label'].strip()} | {' | '.join(cells)} |"


def _series_line(series: dict[str, Any], rows: dict[str, dict[str, Any]]) -> str:
    name, key = series["case"]["architecture"]["name"], series["case"]["model_id"].partition("/")[0]
    ratio = rows[series_key(key, series["picture_size"], series["clients"], "ratio")]
    sides = " | ".join(_side_text(side["times_ms"], side["took_s"]) for side in series["sides"])
    return (
        f"| {name}, {series['picture_size']} | {series['clients']} | {sides} | "
        f"{value_text(ratio['value'], 'x')}{_verdict(ratio)} | {value_text(ratio['budget'], 'x')} |"
    )


def _workflow_line(workflow: dict[str, Any], rows: dict[str, dict[str, Any]]) -> str:
    document = workflow["document"]
    ratio = rows[workflow_key(document["key"], "ratio")]
    sides = " | ".join(
        _difference_text(runs["times_ms"], alone["times_ms"])
        for runs, alone in zip(workflow["runs"]["sides"], workflow["alone"]["sides"], strict=True)
    )
    value = value_text(ratio["value"], "x") or ratio["note"]
    return f"| {document['name']} | {sides} | {value}{_verdict(ratio)} | {value_text(ratio['budget'], 'x')} |"


def _difference_text(times_ms: Sequence[float], alone_ms: Sequence[float]) -> str:
    p50, of_alone = median(times_ms), median(alone_ms)
    return f"{p50:.1f} - {of_alone:.1f} = {p50 - of_alone:.1f} ms"


def _verdict(row: dict[str, Any]) -> str:
    return " (missed)" if row["is_ok"] is False else ""


def _side_text(times_ms: Sequence[float], took_s: float) -> str:
    p95 = quantiles(times_ms, n=20, method="inclusive")[-1]
    return f"{median(times_ms):.1f} / {p95:.1f} ms, {len(times_ms) / took_s:.1f}"
