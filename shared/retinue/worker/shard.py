"""One shard from its first missing part to its result.

A part is a function of plan and shard file: which pictures go through the network together is fixed, a batch never
crosses the end of a part, ids follow from the items, and nothing in it knows the time.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson

from retinue.images.decode import Image
from retinue.worker.ahead import Ahead, Limits
from retinue.worker.pictures import Failure, PictureFailed
from retinue.worker.plan import Item, Plan
from retinue.worker.progress import Log, Progress, TerminalBar
from retinue.worker.stop import Stop
from retinue.worker.storage import ShardFiles
from retinue.worker.targets import Answer, Ready, Target

Pictures = Callable[[Item], Image]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """What an attempt works with."""

    index: int
    plan: Plan
    items: Sequence[Item]
    files: ShardFiles
    pictures: Pictures
    ahead: Limits
    stop: Stop
    log: Log

    @property
    def parts(self) -> list[Sequence[Item]]:
        """The items of each part."""
        size = self.plan.part_size
        return [self.items[start : start + size] for start in range(0, len(self.items), size)]


def run_shard(shard: Shard, make_target: Callable[[], Target], progress: Progress) -> None:
    """Makes every part that is missing, then the result of all of them.

    The target is only made where there is something to infer. Raises Stopped, PlanError, RetinueError.
    """
    parts, existing = shard.parts, shard.files.parts()
    missing = [number for number in range(len(parts)) if number not in existing]
    for number in existing.keys() & set(range(len(parts))):
        progress.done += len(parts[number])
        progress.failed += shard.files.failed_in(number)
    facts = {"parts": len(parts), "parts_missing": len(missing), "items": len(shard.items)}
    shard.log.info("shard starts", extra=facts)
    if missing:
        _make_parts(shard, make_target(), [(number, parts[number]) for number in missing], progress)
    shard.stop.check()
    sizes = {number: size for number, size in shard.files.parts().items() if number < len(parts)}
    size_bytes = shard.files.join(shard.plan, sizes)
    shard.log.info("shard ends", extra={"done": progress.done, "failed": progress.failed, "result_bytes": size_bytes})


def _make_parts(
    shard: Shard, target: Target, missing: Sequence[tuple[int, Sequence[Item]]], progress: Progress
) -> None:
    def load(item: Item) -> Ready | Failure:
        try:
            return target.prepare(item.id, shard.pictures(item))
        except PictureFailed as exc:
            return exc.failure

    waiting = [item for _, items in missing for item in items]
    bar = TerminalBar(progress, shard.index)
    progress.started_s = time.monotonic()
    try:
        with Ahead(waiting, load, shard.ahead, shard.stop, _held_bytes) as loaded:
            for number, items in missing:
                _make_part(shard, target, loaded, number, items, progress)
                bar.show()
    finally:
        bar.close()


def _make_part(
    shard: Shard,
    target: Target,
    loaded: Ahead[Item, Ready | Failure],
    number: int,
    items: Sequence[Item],
    progress: Progress,
) -> None:
    started = time.monotonic()
    lines, failed = [], 0
    for first in range(0, len(items), target.batch_size):
        batch = items[first : first + target.batch_size]
        answers = target.answer([next(loaded) for _ in batch])
        progress.inferred += len(batch)
        shard.log.debug("batch", extra={"part": number, "first": first, "ids": [item.id for item in batch]})
        for item, answer in zip(batch, answers, strict=True):
            failed += isinstance(answer.result, Failure)
            lines.append(line_of(item, answer))
            if answer.drawing:
                shard.files.write_drawing(shard.plan, item.id, answer.drawing)
        shard.stop.check()
    shard.files.write_part(number, b"".join(lines), failed)
    progress.done += len(items)
    progress.failed += failed
    facts = {"part": number, "items": len(items), "failed": failed, "took_s": round(time.monotonic() - started, 3)}
    whole = {"done": progress.done, "total": progress.total, "images_per_s": round(progress.rate, 2)}
    whole["cpu_s"] = round(time.process_time(), 3)
    shard.log.info("part", extra=facts | whole)


def line_of(item: Item, answer: Answer) -> bytes:
    """The line of an item, in a part and in the result."""
    record: dict[str, object] = {"id": item.id, "source": item.source}
    if isinstance(answer.result, Failure):
        record["error"] = {"type": answer.result.type, "message": answer.result.message}
    else:
        record["result"] = answer.result
    return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)


def _held_bytes(loaded: Ready | Failure) -> int:
    return loaded.size_bytes if isinstance(loaded, Ready) else 0
