"""Where the pixels of a picture lie in the network's input, and the way back."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from retinue.models.package import Convention, ResizeMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A part of a picture of image_width x image_height, scaled and padded to network_width x network_height.

    The part is crop_width x crop_height pixels at (crop_left, crop_top): the whole picture, or a static crop of it. A
    pixel (x, y) of the picture lies at ((x - crop_left) * scale_x + pad_left, (y - crop_top) * scale_y + pad_top) of
    the network's input. Pads are pixels of the network's input; a negative pad means that the part was cut there.
    """

    image_width: int
    image_height: int
    crop_left: int = 0
    crop_top: int = 0
    crop_width: int
    crop_height: int
    network_width: int
    network_height: int
    resized_width: int
    resized_height: int
    scale_x: float
    scale_y: float
    pad_left: int
    pad_top: int

    @property
    def pad_right(self) -> int:
        """Padding on the right in pixels of the network's input."""
        return self.network_width - self.resized_width - self.pad_left

    @property
    def pad_bottom(self) -> int:
        """Padding at the bottom in pixels of the network's input."""
        return self.network_height - self.resized_height - self.pad_top

    @classmethod
    def of(
        cls,
        mode: ResizeMode,
        convention: Convention,
        image_size_wh: tuple[int, int],
        network_size_wh: tuple[int, int],
        crop_fraction: float = 1.0,
    ) -> Self:
        """How a picture of that size is placed. Sources: contract/models.md 2.5; Ultralytics' letterbox rounds
        instead."""
        (iw, ih), (nw, nh) = image_size_wh, network_size_wh
        match mode, convention:
            case "stretch", _:
                resized, scale = (nw, nh), (nw / iw, nh / ih)
                pad = (0, 0)
            case "letterbox", "roboflow":
                s = min(nw / iw, nh / ih)
                resized, scale = (int(iw * s), int(ih * s)), (s, s)
                pad = (int((nw - resized[0]) / 2), int((nh - resized[1]) / 2))
            case "letterbox", "native":
                s = min(nw / iw, nh / ih)
                resized = (max(round(iw * s), 1), max(round(ih * s), 1))
                scale = (resized[0] / iw, resized[1] / ih)
                # The small step makes an odd remainder go to the right and to the bottom.
                pad = (round((nw - resized[0]) / 2 - 0.1), round((nh - resized[1]) / 2 - 0.1))
            case "corner-letterbox", _:  # YOLOX
                s = min(nw / iw, nh / ih)
                resized, scale, pad = (int(iw * s), int(ih * s)), (s, s), (0, 0)
            case "center-crop", _:
                resized, scale = (iw, ih), (1.0, 1.0)
                pad = (_centred(iw, nw), _centred(ih, nh))
            case _:  # shorter-side-crop: torchvision's Resize(size) and CenterCrop; only a square size keeps the ratio
                short, side = min(iw, ih), int(nw / crop_fraction)
                resized = (int(side * iw / short), int(side * ih / short)) if nw == nh else (nw, nh)
                scale = (resized[0] / iw, resized[1] / ih)
                pad = (-round((resized[0] - nw) / 2), -round((resized[1] - nh) / 2))
        return cls(
            image_width=iw,
            image_height=ih,
            crop_width=iw,
            crop_height=ih,
            network_width=nw,
            network_height=nh,
            resized_width=max(1, resized[0]),
            resized_height=max(1, resized[1]),
            scale_x=scale[0],
            scale_y=scale[1],
            pad_left=pad[0],
            pad_top=pad[1],
        )

    def within(self, image_size_wh: tuple[int, int], crop_left: int, crop_top: int) -> Self:
        """This placement of a crop, as one of the picture of that size that it was cut from."""
        width, height = image_size_wh
        return replace(self, image_width=width, image_height=height, crop_left=crop_left, crop_top=crop_top)

    def to_image(self, points_xy: NDArray[np.float32]) -> NDArray[np.float32]:
        """Points (..., 2) of the network's input as points of the picture, neither clipped nor rounded. float32."""
        pad = np.array([self.pad_left, self.pad_top], np.float32)
        scale = np.array([self.scale_x, self.scale_y], np.float32)
        return (points_xy - pad) / scale + np.array([self.crop_left, self.crop_top], np.float32)

    def boxes_to_image(self, xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes (n, 4) of the network's input as boxes of the picture, clipped to it, not rounded. float32."""
        corners = self.to_image(xyxy.reshape(-1, 2, 2))
        limit = np.array([self.image_width, self.image_height], np.float32)
        return np.clip(corners, 0, limit).reshape(-1, 4)


def tight_size(image_size_wh: tuple[int, int], network_size_wh: tuple[int, int], stride: int) -> tuple[int, int]:
    """The smallest width and height, in steps of `stride` down from the network's, that hold the letterboxed picture.

    Ultralytics runs exports with dynamic axes on this rectangle.
    """
    scale = min(network / image for network, image in zip(network_size_wh, image_size_wh, strict=True))
    resized = [max(1, round(image * scale)) for image in image_size_wh]
    width, height = (size + (network - size) % stride for size, network in zip(resized, network_size_wh, strict=True))
    return width, height


def _centred(size: int, target: int) -> int:
    """The pad that centres `size` in `target`; negative where it is cut instead."""
    return (target - size) // 2 if target >= size else -((size - target) // 2)
