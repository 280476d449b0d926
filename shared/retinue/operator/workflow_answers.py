"""What goes into a run of a workflow from a command line, and what comes out as files and as words."""

import base64
import binascii
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from retinue.errors import RequestError

_PNG = b"\x89PNG"
_NO_FILE_NAME = re.compile(r"[^\w\-]")
_MOST_SHOWN = 60


def embedded_picture(path: Path) -> dict[str, str]:
    """The file as a picture of a request."""
    return {"type": "base64", "value": base64.b64encode(path.read_bytes()).decode("ascii")}


def image_input(interface: Mapping[str, list[str]], chosen: str = "") -> str:
    """The input that takes the pictures: the chosen one, or the only one that can. interface: kinds by input.

    Raises RequestError.
    """
    takers = [name for name, kinds in interface.items() if "image" in kinds]
    takers = takers or [name for name, kinds in interface.items() if "*" in kinds and name == "image"]
    if chosen:
        if chosen not in interface:
            raise RequestError(f"the workflow has no input {chosen!r}; it has {', '.join(interface) or 'none'}")
        return chosen
    if len(takers) == 1:
        return takers[0]
    if takers:
        raise RequestError(f"the workflow has several inputs for pictures; choose with --image {' | '.join(takers)}")
    raise RequestError("the workflow has no input for pictures")


def read_parameters(texts: Iterable[str], interface: Mapping[str, Any]) -> dict[str, Any]:
    """The values in `NAME=VALUE`: JSON, else a text; `@FILE` is a picture. Raises RequestError."""
    parameters: dict[str, Any] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator:
            raise RequestError(f"--parameter {text!r} should be NAME=VALUE")
        if name not in interface:
            raise RequestError(f"the workflow has no input {name!r}; it has {', '.join(interface) or 'none'}")
        parameters[name] = _value(value)
    return parameters


def _value(text: str) -> Any:
    if text.startswith("@"):
        path = Path(text[1:])
        if not path.is_file():
            raise RequestError(f"{path} is no file; for a text that begins with @ write it as JSON, in quotes")
        return embedded_picture(path)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def file_stems(pictures: Sequence[Path]) -> list[str]:
    """What the files of each picture's answer begin with: its own name, numbered where two have the same."""
    stems: list[str] = []
    for picture in pictures:
        stem, number = picture.stem, 1
        while stem in stems:
            stem, number = f"{picture.stem}-{number + 1}", number + 1
        stems.append(stem)
    return stems


def save_answer(rows: Sequence[Mapping[str, Any]], folder: Path, stem: str) -> list[Path]:
    """Writes `{stem}.json`, and each picture of the answer as `{stem}.{output}.jpg`, of which the JSON has the name.

    A single row is written as it is, several as a list. Pictures in lists are numbered: `{stem}.{output}.0.jpg`. The
    paths that were written, the JSON first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []

    def without_pictures(value: Any, name: str) -> Any:
        if (data := picture_in(value)) is not None:
            path = folder / f"{name}.{'png' if data.startswith(_PNG) else 'jpg'}"
            path.write_bytes(data)
            written.append(path)
            return value | {"type": "file", "value": path.name}
        if isinstance(value, dict):
            return {key: without_pictures(item, f"{name}.{_NO_FILE_NAME.sub('_', key)}") for key, item in value.items()}
        if isinstance(value, list):
            return [without_pictures(item, f"{name}.{index}") for index, item in enumerate(value)]
        return value

    target = folder / f"{stem}.json"
    content = without_pictures(rows[0] if len(rows) == 1 else rows, stem)
    target.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return [target, *written]


def picture_in(value: Any) -> bytes | None:
    """The file of a picture of an answer; None for any other value."""
    if not isinstance(value, dict) or value.get("type") != "base64" or not isinstance(value.get("value"), str):
        return None
    try:
        return base64.b64decode(value["value"], validate=True)
    except binascii.Error:
        return None


def summary(value: Any) -> str:
    """A value of an answer in a few words."""
    if (data := picture_in(value)) is not None:
        return f"picture, {len(data) / 1e3:.0f} kB"
    match value:
        case None:
            return "-"
        case str():
            return _shortened(value)
        case {"predictions": list(predictions)} if "top" in value:
            return f"{value['top']} {value.get('confidence', 0):.2f}" if predictions else "-"
        case {"predicted_classes": list(names)}:
            return ", ".join(map(str, names)) or "-"
        case {"predictions": list(predictions)} if all(isinstance(item, dict) for item in predictions):
            counts = Counter(str(item.get("class")) for item in predictions)
            return ", ".join(f"{count} x {name}" for name, count in counts.most_common()) or "nothing"
        case list() if value:
            counts = Counter(map(summary, value))
            return _shortened(", ".join(f"{count} x {text}" if count > 1 else text for text, count in counts.items()))
    return _shortened(orjson.dumps(value).decode())


def _shortened(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 3]}..."
