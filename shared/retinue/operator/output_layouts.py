"""Output layouts: which family can decode outputs of given shapes, and how many classes they then have.

Every function here answers for one kind of layout, or says None. Shapes come from a run, so none is symbolic.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from retinue.models.families.yolox import cells_of
from retinue.models.package import Family, NetworkInput, Task
from retinue.operator.probe import Output

# A DETR gives boxes in 0..1 of the input, every other family in pixels.
_HIGHEST_FRACTION = 2.0
# What a decoder with a fixed number of answers gives at most; dense heads give thousands.
_MOST_END_TO_END_ROWS = 1000
_DEFAULT_MASK_COEFFICIENTS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Outputs read as those of a family. classes: score columns, None where the shape does not tell."""

    task: Task
    family: Family
    outputs: tuple[str, ...]  # names, in the order in which the family decodes them
    classes: int | None
    reason: str
    is_activated: bool | None = None  # None: the last operator of the graph decides
    is_decoded: bool = True
    has_fractional_boxes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What is known beforehand: the task, the families that the source names, and the keypoint columns."""

    task: Task | None = None
    families: tuple[Family, ...] = ()
    keypoint_columns: int = 0
    is_rt_detr: bool = False


def possible_layouts(outputs: Sequence[Output], network: NetworkInput, hints: Hints) -> list[Layout]:
    """Every way to read the outputs, the likeliest first."""
    found = [layout for matcher in _MATCHERS for layout in matcher(outputs, network, hints)]
    fitting = [layout for layout in found if hints.task in (None, layout.task)]
    if hints.families:
        fitting.sort(key=lambda layout: layout.family not in hints.families)
    return fitting


def _flat(outputs: Sequence[Output], network: NetworkInput, hints: Hints) -> Iterator[Layout]:
    """A row per picture: classes."""
    first = outputs[0]
    if len(first.shape) == 2 and len(outputs) == 1:
        for task in ("classification", "multi-label-classification"):
            yield Layout(
                task=task, family="classifier", outputs=(first.name,), classes=first.shape[1],
                reason=f"{first} is (batch, {first.shape[1]} classes)",
            )  # fmt: skip


def _dense(outputs: Sequence[Output], network: NetworkInput, hints: Hints) -> Iterator[Layout]:
    """A map per class: semantic segmentation. Other outputs (auxiliary heads, features) are left alone."""
    first = outputs[0]
    if len(first.shape) == 4:
        yield Layout(
            task="semantic-segmentation", family="semantic", outputs=(first.name,), classes=first.shape[1],
            reason=f"{first} is (batch, {first.shape[1]} classes, height, width)",
        )  # fmt: skip


def _decoded(outputs: Sequence[Output], network: NetworkInput, hints: Hints) -> Iterator[Layout]:
    """Labels, boxes and scores, from a graph that is told the size of the picture."""
    named = {output.name: output for output in outputs}
    if network.picture_size_name and {"labels", "boxes", "scores"} <= named.keys() and _is_boxes(named["boxes"]):
        yield Layout(
            task="object-detection", family="boxes", outputs=("labels", "boxes", "scores"), classes=None,
            reason=f"{named['labels']}, {named['boxes']} and {named['scores']}, decoded in the graph",
        )  # fmt: skip


def _pairs(outputs: Sequence[Output], network: NetworkInput, hints: Hints) -> Iterator[Layout]:
    """Boxes and scores as two outputs: DETR (fractions) or YOLO-NAS (pixels)."""
    flat = [output for output in outputs if len(output.shape) == 3]
    boxes = [output for output in flat if _is_boxes(output)]
    # With four classes both look alike; then the names tell, or their order.
    boxes.sort(key=lambda output: not any(word in output.name for word in ("box", "dets")))
    if not boxes:
        return
    scores = [output for output in flat if output is not boxes[0] and output.shape[1] == boxes[0].shape[1]]
    if not scores:
        return
    pair, classes = (boxes[0], scores[0]), scores[0].shape[2]
    masks = [output for output in outputs if len(output.shape) == 4 and output.shape[1] == boxes[0].shape[1]]
    is_detr = boxes[0].highest <= _HIGHEST_FRACTION
    if is_detr or "detr" in hints.families:
        chosen = (*pair, masks[0]) if masks else pair
        yield Layout(
            task="instance-segmentation" if masks else "object-detection", family="detr",
            outputs=tuple(output.name for output in chosen), classes=classes,
            reason=f"{', '.join(map(str, chosen))} are boxes in 0..1, logits of {classes} classes"
            + (" and masks" if masks else ""),
        )  # fmt: skip
    if not is_detr or "yolonas" in hints.families:
        yield Layout(
            task="object-detection", family="yolonas", outputs=(pair[0].name, pair[1].name), classes=classes,
            reason=f"{pair[0]} are boxes in pixels, {pair[1]} scores of {classes} classes",
        )  # fmt: skip


def _is_boxes(output: Output) -> bool:
    return len(output.shape) == 3 and output.shape[2] == 4


def _rows(outputs: Sequence[Output], network: NetworkInput, hints: Hints) -> Iterator[Layout]:
    """One output of rows or columns that hold boxes, scores and more, for masks with prototypes beside it."""
    first = outputs[0]
    if len(first.shape) != 3:
        return
    prototypes = [output for output in outputs[1:] if len(output.shape) == 4]
    if len(prototypes) > 1:  # more heads than needed: the usual number of coefficients tells
        prototypes = [output for output in prototypes if output.shape[1] == _DEFAULT_MASK_COEFFICIENTS]
    names = tuple(output.name for output in (first, *prototypes[:1]))
    extra, beside, task = hints.keypoint_columns, "", "object-detection"
    if prototypes:
        extra, task = prototypes[0].shape[1], "instance-segmentation"
        beside = f" + {extra} mask coefficients"
    elif extra:
        task, beside = "keypoint-detection", f" + {extra} of keypoints"
    for family, classes, columns in _readings(first, network, hints, extra):
        yield Layout(
            task=task, family=family, outputs=names, classes=classes,  # type: ignore[arg-type]
            is_activated=True if family == "detr" else None,
            is_decoded=family != "yolox" or first.highest > max(network.width, network.height) / 4,
            has_fractional_boxes=family == "end-to-end" and hints.is_rt_detr,
            reason=f"{first} is {columns.format(beside=beside)}"
            + (f", {prototypes[0]} prototypes" if prototypes else ""),
        )  # fmt: skip


def _readings(
    first: Output, network: NetworkInput, hints: Hints, extra: int
) -> Iterator[tuple[Family, int | None, str]]:
    """Family, classes and columns in words of each way to read (batch, rows, columns)."""
    _, rows, columns = first.shape
    if columns == 6 + extra and (rows <= _MOST_END_TO_END_ROWS or "end-to-end" in hints.families):
        yield "end-to-end", None, f"(batch, {rows} objects, 4 box + score + class{{beside}}): suppression is inside"
    if hints.is_rt_detr and columns > 4:
        yield "detr", columns - 4, f"(batch, {rows} queries, 4 box + {columns - 4} classes)"
    ways: list[tuple[Family, int | None, str]] = []
    if (classes := rows - 4 - extra) > 0:
        ways.append(("yolov8", classes, f"(batch, 4 box + {classes} classes{{beside}}, {columns} anchors)"))
    if (classes := columns - 5 - extra) > 0:
        cells = (cells_of(network.width, network.height), cells_of(network.width, network.height, is_p6=True))
        family: Family = "yolox" if rows in cells and not extra and "yolov5" not in hints.families else "yolov5"
        ways.append((family, classes, f"(batch, {rows} anchors, 4 box + objectness + {classes} classes{{beside}})"))
    # There are more anchors than columns in all but toys.
    yield from ways if rows < columns else reversed(ways)


_Matcher = Callable[[Sequence[Output], NetworkInput, Hints], Iterator[Layout]]
_MATCHERS: tuple[_Matcher, ...] = (_flat, _decoded, _pairs, _rows, _dense)
