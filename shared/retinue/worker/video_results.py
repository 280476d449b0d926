"""The end of a job over a video: its parts in order become the result (with the ids of objects that are followed), the
results in the published shape, and the drawn video. Memory holds one part."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from retinue.jobs.layout import drawn_video_key, published_video_key, result_key
from retinue.video.follow import Follower
from retinue.video.frames import Frame, VideoError
from retinue.video.published import PublishedResults, column_names
from retinue.video.tracker import TrackOptions
from retinue.worker.model_target import ModelTarget
from retinue.worker.plan import Plan
from retinue.worker.shard import Shard
from retinue.worker.video_lines import Asked

Line = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What the results are made of."""

    shard: Shard
    folder: Path
    parts: Iterable[int]
    infer_fps: float

    def lines(self) -> Iterator[Line]:
        """The lines of all parts, followed where that was asked for."""
        options = self.shard.plan.track
        follower = Follower(TrackOptions(**options)) if options is not None else None
        for part in self.parts:
            self.shard.stop.check()
            for text in self.shard.files.read_part(part).splitlines():
                line = orjson.loads(text)
                if follower is not None and line["source"]["frame_offset"] is not None:
                    follower.follow(line)
                yield line


def write_results(results: Results, frames: Callable[[], Iterator[Frame]], asked: Callable[[], list[Asked]]) -> None:
    """Writes all of them. `frames` are those asked about, with pictures. The result comes last: with it a shard is
    finished."""
    shard, folder = results.shard, results.folder
    plan, bucket = shard.plan, shard.plan.output_bucket
    path, published = folder / "result.jsonl", folder / "video.json"
    columns = columns_of(plan)
    with path.open("wb") as out, PublishedResults(folder, list(columns.values())) as lists:
        for line in results.lines():
            out.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
            if line["source"]["frame_offset"] is not None:
                lists.add(line["source"], {columns[name]: answer for name, answer in _answers(line)})
        lists.write(published)
    shard.files.upload(published, bucket, published_video_key(plan.output_prefix), "application/json")
    if plan.is_drawn:
        drawn = folder / "drawn.mp4"
        _draw(results, path, drawn, frames, asked)
        shard.files.upload(drawn, bucket, drawn_video_key(plan.output_prefix), "video/mp4")
    shard.files.upload(path, bucket, result_key(plan.output_prefix, shard.index), "application/x-ndjson")


def columns_of(plan: Plan) -> dict[str, str]:
    """The name of the list of each of those asked in the published shape, by its name in a line ("" for `result`)."""
    target = plan.target
    if target.kind == "model":
        return {"": column_names([target.model_id])[target.model_id]}
    workflow = target.beside if target.kind == "models" else target
    columns = column_names([model_id for model_id, _ in target.models])
    return columns | ({"": workflow.workflow_id or "workflow"} if workflow is not None else {})


def _answers(line: Line) -> Iterator[tuple[str, Any]]:
    yield from line.get("results", {}).items()
    if "result" in line:
        yield "", line["result"]


def _draw(
    results: Results, path: Path, drawn: Path, frames: Callable[[], Iterator[Frame]], asked: Callable[[], list[Asked]]
) -> None:
    from retinue.video.drawing import draw_video  # Pillow

    colors = {one.name: one.target.colors for one in asked() if isinstance(one.target, ModelTarget)}

    def until_the_end() -> Iterator[Frame]:
        try:
            for frame in frames():
                results.shard.stop.check()
                yield frame
        except VideoError:  # its line in the results says so
            return

    with path.open("rb") as lines:
        draw_video(drawn, until_the_end(), (orjson.loads(line) for line in lines), colors, results.infer_fps)
