"""What an operator may say about a model, as options of a command."""

from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from retinue.errors import RequestError
from retinue.models.package import Interpolation, ResizeMode, Task
from retinue.operator.layouts import Triple
from retinue.operator.preprocessing import IMAGENET, PreprocessingOptions
from retinue.operator.recognise import RecogniseOptions

Classes = Annotated[
    str, typer.Option(help="Class names, comma separated, or a file with one per line; needed if the model lacks them.")
]
TaskName = Annotated[str, typer.Option("--task", help=f"The task, if it cannot be told: {', '.join(get_args(Task))}.")]
Size = Annotated[str, typer.Option(help="Input size of a graph that leaves it open, for example 640x480.")]
Normalization = Annotated[
    str,
    typer.Option(
        help="How values in 0..1 were normalised in training: imagenet, half (mean and std 0.5), none, or mean and std "
        'of red, green and blue, for example "0.5,0.5,0.5;0.25,0.25,0.25".'
    ),
]
ColorMode = Annotated[str, typer.Option(help="Channel order of the input: rgb or bgr.")]
Resize = Annotated[str, typer.Option(help=f"How a picture fits the input: {', '.join(get_args(ResizeMode))}.")]
Resampling = Annotated[str, typer.Option("--interpolation", help=f"Filter: {', '.join(get_args(Interpolation))}.")]
CropFraction = Annotated[
    float, typer.Option(help="shorter-side-crop: share of the shorter side that is kept (timm's crop_pct).", max=1.0)
]

_HALVES: tuple[Triple, Triple] = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_NONE: tuple[Triple, Triple] = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
_NORMALIZATIONS = {"imagenet": IMAGENET, "half": _HALVES, "none": _NONE}


def recognise_options(
    *,
    classes: str = "",
    task: str = "",
    size: str = "",
    normalization: str = "",
    color_mode: str = "",
    resize: str = "",
    interpolation: str = "",
    crop_fraction: float = 0.0,
) -> RecogniseOptions:
    """The options as recognition takes them; empty ones say nothing. Raises RequestError that names a wrong one."""
    return RecogniseOptions(
        class_names=_class_names(classes),
        task=_one_of("--task", task, get_args(Task)),
        size_hw=_size_hw(size) if size else None,
        preprocessing=PreprocessingOptions(
            normalization=_normalization(normalization) if normalization else None,
            color_mode=_one_of("--color-mode", color_mode, ("rgb", "bgr")),
            resize_mode=_one_of("--resize", resize, get_args(ResizeMode)),
            interpolation=_one_of("--interpolation", interpolation, get_args(Interpolation)),
            crop_fraction=crop_fraction or None,
        ),
    )


def _class_names(text: str) -> tuple[str, ...]:
    lines = Path(text).read_text("utf-8").splitlines() if text and Path(text).is_file() else text.split(",")
    return tuple(line.strip() for line in lines if line.strip())


def _one_of(option: str, text: str, choices: tuple[str, ...]) -> Any:
    if text and text not in choices:
        raise RequestError(f"{option} is {text!r}; {', '.join(choices)} are known")
    return text or None


def _size_hw(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise RequestError(f"--size is {text!r}; WIDTHxHEIGHT is expected, for example 640x480")
    return int(height), int(width)


def _normalization(text: str) -> tuple[Triple, Triple]:
    if text in _NORMALIZATIONS:
        return _NORMALIZATIONS[text]
    try:
        mean, std = (tuple(float(value) for value in part.split(",")) for part in text.split(";"))
    except ValueError:
        mean = std = ()
    if len(mean) != 3 or len(std) != 3 or not all(std):
        raise RequestError(f"--normalization is {text!r}; imagenet, half, none or MEAN,MEAN,MEAN;STD,STD,STD")
    return mean, std
