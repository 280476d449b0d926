"""The results of a video in the shape that the hosted video API publishes: one JSON object of lists of equal length.

    {"frame_offsets": [0, 6, ...], "time_offsets": [0.0, 0.2, ...], "project": [{"predictions": ...}, null, ...]}

null stands for a frame that has no answer. `frame_offset` and `time_offset` hold the same lists again: the published
documentation names the one form, published scripts read the other.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import orjson

_COPY_BYTES = 1 << 20


def column_names(model_ids: Sequence[str]) -> dict[str, str]:
    """The name of each model's list: its project, or the whole id where several versions of it are asked."""
    projects = Counter(model_id.partition("/")[0] for model_id in model_ids)
    named = {model_id: model_id.partition("/")[0] for model_id in model_ids}
    return {model_id: name if projects[name] == 1 else model_id for model_id, name in named.items()}


class PublishedResults:
    """Takes the frames one by one and writes the file at the end; memory holds two numbers for each frame.

    The columns grow in files of their own, because each list must be whole before the next one begins.
    """

    def __init__(self, folder: Path, columns: Sequence[str]) -> None:
        """`folder` is for the files of the columns."""
        self._folder = folder
        self._frame_offsets: list[int] = []
        self._time_offsets: list[float] = []
        self._paths = {name: folder / f"column{index}.json" for index, name in enumerate(columns)}

    def __enter__(self) -> "PublishedResults":
        self._files: dict[str, IO[bytes]] = {name: path.open("wb") for name, path in self._paths.items()}
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()

    def add(self, source: Mapping[str, Any], answers: Mapping[str, Any]) -> None:
        """A frame and the answer of each column; null where there is none."""
        comma = b"," if self._frame_offsets else b""
        self._frame_offsets.append(source["frame_offset"])
        self._time_offsets.append(source["time_offset_s"])
        for name, file in self._files.items():
            file.write(comma + orjson.dumps(answers.get(name)))

    def write(self, path: Path) -> None:
        """Writes the file."""
        frames, times = orjson.dumps(self._frame_offsets), orjson.dumps(self._time_offsets)
        lists = {"frame_offsets": frames, "time_offsets": times, "frame_offset": frames, "time_offset": times}
        with path.open("wb") as out:
            out.write(b"{" + b",".join(orjson.dumps(name) + b":" + values for name, values in lists.items()))
            for name, file in self._files.items():
                file.flush()
                out.write(b"," + orjson.dumps(name) + b":[")
                with self._paths[name].open("rb") as column:
                    while piece := column.read(_COPY_BYTES):
                        out.write(piece)
                out.write(b"]")
            out.write(b"}")
