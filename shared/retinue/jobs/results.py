"""Results of a job in other forms: COCO JSON and CSV, from JSON lines. Pure and streaming.

Memory holds one line, and of COCO the names of classes and keypoints. COCO needs two passes, for its annotations go by
ids that its first part gives; so the lines come from a function that opens them anew.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from retinue.errors import RequestError

Lines = Callable[[], Iterable[bytes]]
"""Opens the result lines of a job anew, in their order."""

CSV_COLUMNS = (
    "id",
    "bucket",
    "key",
    "version",
    "frame",
    "output",
    "image_width",
    "image_height",
    "class",
    "class_id",
    "confidence",
    "x",
    "y",
    "width",
    "height",
    "detection_id",
    "tracker_id",
    "points",
    "keypoints",
    "error",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One prediction of a picture, in the picture's pixels; `output` is where in a workflow's answer it was."""

    prediction: Mapping[str, Any]
    output: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a line says of one picture. `error` is empty, or there are no findings."""

    item_id: str
    source: Mapping[str, Any]
    width: int | None
    height: int | None
    findings: tuple[Finding, ...] = ()
    error: str = ""
    is_located: bool = True  # the findings have places: a classification has none

    @property
    def name(self) -> str:
        """The name of the picture; of a frame with its number."""
        frame = self.source.get("frame_offset")
        place = self.source["key"] if "key" in self.source else self.source["url"].partition("?")[0]
        return str(place) if frame is None else f"{place}#{frame}"


def read_line(line: bytes) -> Answered:
    """What one line of the results says. Raises RequestError for what is no such line."""
    try:
        record = orjson.loads(line)
        source = record["source"]
        if "error" in record:
            error = f"{record['error']['type']}: {record['error']['message']}"
            return Answered(str(record["id"]), source, None, None, error=error)
        answers = list(_answers(record.get("results", {})))  # of several models, each by its id
        answers += _answers(record["result"]) if "result" in record or not answers else ()
        size: dict[str, Any] = next((answer.get("original_image", answer["image"]) for _, answer in answers), {})
        findings = tuple(finding for output, answer in answers for finding in _findings(answer, output))
        is_located = all(isinstance(answer["predictions"], list) for _, answer in answers)
        is_located = is_located and all("x" in finding.prediction for finding in findings)
        return Answered(
            str(record["id"]), source, size.get("width"), size.get("height"), findings, is_located=is_located
        )
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise RequestError(f"{line[:80]!r} is no line of a job's results: {exc!r}") from exc


def write_csv(lines: Iterable[bytes]) -> Iterator[str]:
    """The file piece by piece: a header, then a row for each prediction and each picture that failed."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, CSV_COLUMNS)
    writer.writeheader()
    for line in lines:
        writer.writerows(_rows(read_line(line)))
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def _rows(answered: Answered) -> Iterator[dict[str, Any]]:
    picture = {
        "id": answered.item_id,
        **{name: answered.source.get(name) for name in ("bucket", "key", "version")},
        "frame": answered.source.get("frame_offset"),
        "image_width": answered.width,
        "image_height": answered.height,
    }
    if answered.error:
        yield {**picture, "error": answered.error}
    plain = ("class", "class_id", "confidence", "x", "y", "width", "height", "detection_id", "tracker_id")
    for finding in answered.findings:
        prediction = finding.prediction
        row = {**picture, "output": finding.output, **{name: prediction.get(name) for name in plain}}
        for name in ("points", "keypoints"):
            if name in prediction:
                row[name] = orjson.dumps(prediction[name]).decode()
        yield row


@dataclass
class Categories:
    """Classes as COCO numbers them: by their class id, unless two names claim the same one."""

    ids: dict[str, int] = field(default_factory=dict)
    keypoints: dict[str, dict[int, str]] = field(default_factory=dict)

    def see(self, prediction: Mapping[str, Any]) -> None:
        """Notes the class and the keypoints of a prediction."""
        name, wanted = str(prediction["class"]), prediction.get("class_id")
        if name not in self.ids:
            taken = set(self.ids.values())
            is_free = isinstance(wanted, int) and wanted not in taken
            self.ids[name] = int(wanted) if is_free and wanted is not None else max(taken, default=-1) + 1
        for point in prediction.get("keypoints", ()):
            self.keypoints.setdefault(name, {})[int(point["class_id"])] = str(point["class"])

    def slots(self, name: str) -> int:
        """How many keypoints a class has: up to the last one that was seen."""
        return max(self.keypoints.get(name, {}), default=-1) + 1

    def rendered(self) -> list[dict[str, Any]]:
        """COCO's list of categories, by id."""
        rendered = []
        for name, number in sorted(self.ids.items(), key=lambda item: item[1]):
            category: dict[str, Any] = {"id": number, "name": name, "supercategory": ""}
            if slots := self.slots(name):
                names = self.keypoints[name]
                category["keypoints"] = [names.get(slot, f"keypoint {slot}") for slot in range(slots)]
                category["skeleton"] = []
            rendered.append(category)
        return rendered


def write_coco(lines: Lines, description: str = "") -> Iterator[bytes]:
    """A COCO file piece by piece: images, categories, annotations with their scores. Pictures that failed are left out.

    Raises RequestError for classifications and semantic segmentations, which COCO has no place for.
    """
    categories = Categories()
    yield b'{"info":' + orjson.dumps({"description": description}) + b',"licenses":[],"images":['
    for number, (answered, separator) in enumerate(_pictures(lines())):
        for finding in answered.findings:
            categories.see(finding.prediction)
        image = {"id": number, "file_name": answered.name, "width": answered.width, "height": answered.height}
        yield separator + orjson.dumps(image)
    yield b'],"categories":' + orjson.dumps(categories.rendered()) + b',"annotations":['
    count = 0
    for number, (answered, _) in enumerate(_pictures(lines())):
        for finding in answered.findings:
            annotation = {"id": count, "image_id": number, **_annotation(finding.prediction, categories)}
            yield (b"," if count else b"") + orjson.dumps(annotation)
            count += 1
    yield b"]}\n"


def _pictures(lines: Iterable[bytes]) -> Iterator[tuple[Answered, bytes]]:
    """The pictures that have an answer, each with what separates it from the one before."""
    separator = b""
    for line in lines:
        answered = read_line(line)
        if answered.error:
            continue
        if not answered.is_located:
            raise RequestError(
                f"{answered.name} has an answer without boxes, and COCO has no place for such; take csv or jsonl."
            )
        yield answered, separator
        separator = b","


def _annotation(prediction: Mapping[str, Any], categories: Categories) -> dict[str, Any]:
    """A prediction as COCO writes it: boxes by their upper left corner, outlines as flat lists, keypoints by slot."""
    name, width, height = str(prediction["class"]), prediction["width"], prediction["height"]
    annotation: dict[str, Any] = {
        "category_id": categories.ids[name],
        "bbox": [prediction["x"] - width / 2, prediction["y"] - height / 2, width, height],
        "area": width * height,
        "iscrowd": 0,
        "score": prediction.get("confidence"),
    }
    if points := prediction.get("points"):
        annotation["segmentation"] = [[value for point in points for value in (point["x"], point["y"])]]
        annotation["area"] = _area([(point["x"], point["y"]) for point in points])
    elif "rle" in prediction:
        annotation["segmentation"] = prediction["rle"]
    if slots := categories.slots(name):
        found = {int(point["class_id"]): point for point in prediction.get("keypoints", ())}
        values: list[float] = []
        for slot in range(slots):
            values += [found[slot]["x"], found[slot]["y"], 2] if slot in found else [0, 0, 0]
        annotation |= {"keypoints": values, "num_keypoints": len(found)}
    return annotation


def _area(points: list[tuple[float, float]]) -> float:
    """Of a polygon, by the shoelace formula."""
    following = points[1:] + points[:1]
    return abs(sum(x * v - u * y for (x, y), (u, v) in zip(points, following, strict=True))) / 2


def _answers(value: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Everything in a result that looks like the answer of a model, with its place: a workflow's outputs hold several.

    In a list the places do not say which element: its elements are crops, mostly, or rows.
    """
    if isinstance(value, dict):
        if "predictions" in value and isinstance(value.get("image"), dict) and "width" in value["image"]:
            yield place, value
            return
        for name, part in value.items():
            yield from _answers(part, name if not place or place == "outputs" else f"{place}.{name}")
    elif isinstance(value, list):
        for part in value:
            yield from _answers(part, place)


def _findings(answer: Mapping[str, Any], output: str) -> Iterator[Finding]:
    predictions = answer["predictions"]
    if isinstance(predictions, dict):  # one of many labels: a name for each; semantic: pictures
        named = answer.get("predicted_classes")
        for name in named or ():
            yield Finding({"class": name, **predictions[name]}, output)
        return
    scales = answer.get("mask_metadata")
    for prediction in predictions:
        yield Finding(_scaled(prediction, scales) if scales else prediction, output)


def _scaled(prediction: Mapping[str, Any], scales: Mapping[str, Any]) -> dict[str, Any]:
    """From the grid of a reduced mask to the picture."""
    by = {"x": scales["scale_x"], "width": scales["scale_x"], "y": scales["scale_y"], "height": scales["scale_y"]}
    scaled = {name: value * by[name] if name in by else value for name, value in prediction.items()}
    for name in ("points", "keypoints"):
        if name in scaled:
            scaled[name] = [{**point, "x": point["x"] * by["x"], "y": point["y"] * by["y"]} for point in scaled[name]]
    return scaled
