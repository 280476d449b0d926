"""The query parameters of the URL routes (v0): types, defaults, and percent or fraction, as contract/http.md 1.3
has them.

Not pydantic: its import costs 90-160 ms of a cold start, and this is a table of thirteen rows.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from retinue.errors import ParameterError
from retinue.models.package import Step
from retinue.pipeline.prediction import MaskOptions, Thresholds

# Below this, a threshold lets so many candidates through that suppression needs all the memory there is.
_LEAST_CONFIDENCE = 0.01
_BOOLEANS = {"true": True, "1": True, "on": True, "yes": True, "t": True, "y": True}
_BOOLEANS |= {"false": False, "0": False, "off": False, "no": False, "f": False, "n": False}

# In the words of the published service, which clients show.
_NO_NUMBER = ("float_parsing", "Input should be a valid number, unable to parse string as a number")
_NO_INTEGER = ("int_parsing", "Input should be a valid integer, unable to parse string as an integer")
_NO_BOOLEAN = ("bool_parsing", "Input should be a valid boolean, unable to interpret input")

OutputFormat = Literal["json", "image", "image_and_json"]


class _Invalid(Exception):
    """Why a text is no value: (type, message) of each way in which it could have been one."""

    def __init__(self, *reasons: tuple[str, str]) -> None:
        super().__init__()
        self.reasons = reasons


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlParameters:
    """What a URL asks for, besides model and picture."""

    thresholds: Thresholds
    output_format: OutputFormat
    image_url: str | None
    image_type: str
    has_labels: bool
    stroke_width: int
    is_oriented: bool
    skipped: frozenset[Step]


def is_asynchronous(query: Mapping[str, str]) -> bool:
    """Whether the query says `async=true`: put the picture into the bucket, answer at once. Raises ParameterError."""
    if "async" not in query:
        return False
    try:
        return _boolean(query["async"])
    except _Invalid as exc:
        raise ParameterError(
            [{"type": kind, "loc": ["query", "async"], "msg": msg} for kind, msg in exc.reasons]
        ) from None


def parse_url_parameters(query: Mapping[str, str]) -> UrlParameters:
    """The parameters in `query`; unknown ones are ignored. Raises ParameterError with every wrong one."""
    problems: list[dict[str, Any]] = []

    def read(name: str, cast: Callable[[str], Any], default: Any) -> Any:
        if name not in query:
            return default
        try:
            return cast(query[name])
        except _Invalid as exc:
            problems.extend({"type": kind, "loc": ["query", name], "msg": msg} for kind, msg in exc.reasons)
            return default

    parameters = UrlParameters(
        thresholds=Thresholds(
            confidence=read("confidence", _confidence, 0.4),
            iou_threshold=read("overlap", _overlap, 0.3),
            max_detections=read("max_detections", _integer, 300),
            class_filter=read("classes", _names, None),
            keypoint_confidence=read("keypoint_confidence", _number, None),
            masks=MaskOptions(
                form=read("response_mask_format", _one_of("polygon", "rle"), "polygon"),
                decode_mode=read("mask_decode_mode", _one_of("accurate", "tradeoff", "fast"), "accurate"),
                tradeoff_factor=read("tradeoff_factor", _share, 0.0),
                is_reduced=read("allow_reduced_mask_resolution", _boolean, False),
            ),
        ),
        output_format=read("format", _output_format, "json"),
        image_url=query.get("image"),
        image_type=query.get("image_type", "base64"),
        has_labels=read("labels", _boolean, False),
        stroke_width=read("stroke", _integer, 1),
        is_oriented=not read("disable_preproc_auto_orient", _boolean, False),
        skipped=frozenset(step for step, name in _SWITCHES.items() if read(name, _boolean, False)),
    )
    # Declared by the contract and without effect on what is built: still checked, so that a typo is not swallowed.
    for name in _CHECKED_ONLY:
        read(name, _boolean, False)
    if problems:
        raise ParameterError(problems)
    return parameters


_CHECKED_ONLY = (
    "disable_active_learning",
    "disable_model_monitoring",
    "countinference",
    "include_anomaly_map",
    "include_candidates",
)
_SWITCHES: dict[Step, str] = {
    "static-crop": "disable_preproc_static_crop",
    "contrast": "disable_preproc_contrast",
    "grayscale": "disable_preproc_grayscale",
}


def _confidence(text: str) -> float | str:
    if text in ("best", "default"):
        return text
    try:
        return max(_LEAST_CONFIDENCE, _fraction(text))
    except _Invalid as exc:
        if exc.reasons != (_NO_NUMBER,):
            raise
        raise _Invalid(_NO_NUMBER, ("literal_error", "Input should be 'best' or 'default'")) from None


def _overlap(text: str) -> float:
    return _fraction(text)


def _fraction(text: str) -> float:
    """A fraction; values of 1 and more are percent."""
    value = _number(text)
    return value / 100 if value >= 1 else value


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise _Invalid(_NO_NUMBER) from None
    if not math.isfinite(value):
        raise _Invalid(("finite_number", "Input should be a finite number"))
    return value


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise _Invalid(_NO_INTEGER) from None


def _boolean(text: str) -> bool:
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise _Invalid(_NO_BOOLEAN) from None


def _names(text: str) -> frozenset[str] | None:
    return frozenset(name.strip() for name in text.split(",") if name.strip()) or None


def _share(text: str) -> float:
    value = _number(text)
    if not 0 <= value <= 1:
        raise _Invalid(("value_error", f"Input should be between 0 and 1, got {value:g}"))
    return value


def _one_of(*values: str) -> Callable[[str], str]:
    def cast(text: str) -> str:
        if text not in values:
            listed = " or ".join((", ".join(f"'{value}'" for value in values[:-1]), f"'{values[-1]}'"))
            raise _Invalid(("literal_error", f"Input should be {listed}"))
        return text

    return cast


def _output_format(text: str) -> OutputFormat:
    return text if text in ("image", "image_and_json") else "json"  # type: ignore[return-value]
