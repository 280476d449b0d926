"""Pictures inside a workflow: pixels, and where they lie in the pictures they were cut from."""

from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retinue.ids import picture_time
from retinue.images.encode import encode_jpeg, encode_jpeg_ahead

JPEG_QUALITY = 95  # contract/workflows.md 5.1
FPS = 30.0


@dataclass(frozen=True, slots=True)
class Origin:
    """An ancestor of a picture: its id and size in pixels, and where in it the picture's top left corner lies.

    is_known: whether anybody said more than the id; else it is taken to be as large as the picture.
    """

    id: str
    left: int
    top: int
    width: int
    height: int
    is_known: bool = True

    def render(self) -> dict[str, int]:
        """The JSON form of contract/workflows.md 5.1."""
        return {"offset_x": self.left, "offset_y": self.top, "width": self.width, "height": self.height}


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoMetadata:
    """The video frame that a picture is."""

    video_identifier: str
    frame_number: int = 0
    frame_timestamp: datetime
    fps: float | None = FPS
    measured_fps: float | None = None
    comes_from_video_file: bool | None = None
    total_frames: int | None = None

    @classmethod
    def of_picture(cls, identifier: str) -> "VideoMetadata":
        """The metadata of a picture that comes from no video."""
        return cls(video_identifier=identifier, frame_timestamp=picture_time())

    def render(self) -> dict[str, Any]:
        """The JSON form; the timestamp is naive local ISO."""
        return {
            "video_identifier": self.video_identifier,
            "frame_number": self.frame_number,
            "frame_timestamp": self.frame_timestamp.isoformat(),
            "fps": self.fps,
            "measured_fps": self.measured_fps,
            "comes_from_video_file": self.comes_from_video_file,
            "total_frames": self.total_frames,
        }


@dataclass(slots=True, kw_only=True)
class WorkflowImage:
    """pixels (H, W, 3) uint8 RGB, or (H, W) uint8 grey; the picture it was cut from and the one that came in.

    A picture that came in is its own parent and root. encoded: base64 text of the file that it came in, if it did, or
    the JPEG that another thread makes of it. given_video: the frame that it is, where the request said so.
    """

    pixels: NDArray[np.uint8]
    parent: Origin
    root: Origin
    given_video: VideoMetadata | None = None
    encoded: str | Future[bytes] | None = None

    @classmethod
    def of_pixels(cls, pixels: NDArray[np.uint8], identifier: str) -> "WorkflowImage":
        """A picture that was cut from nothing."""
        origin = Origin(identifier, 0, 0, pixels.shape[1], pixels.shape[0])
        return cls(pixels=pixels, parent=origin, root=origin)

    @property
    def id(self) -> str:
        """Names this picture: what detections in it call their parent."""
        return self.parent.id

    @property
    def video(self) -> VideoMetadata:
        """The frame that it is; of a picture on its own one made up."""
        return self.given_video or VideoMetadata.of_picture(self.id)

    @property
    def width(self) -> int:
        """Pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Pixels."""
        return int(self.pixels.shape[0])

    @property
    def is_root(self) -> bool:
        """Whether nothing was cut away."""
        return self.parent.id == self.root.id

    def rgb(self) -> NDArray[np.uint8]:
        """The pixels as (H, W, 3), also of a grey picture."""
        if self.pixels.ndim == 3:
            return self.pixels
        return np.repeat(self.pixels[:, :, None], 3, axis=2)

    def with_pixels(self, pixels: NDArray[np.uint8]) -> "WorkflowImage":
        """Other pixels in the same place."""
        return replace(self, pixels=pixels, encoded=None)

    def crop(self, identifier: str, xyxy: tuple[int, int, int, int], *, keeps_video: bool = False) -> "WorkflowImage":
        """The part from left, top up to right, bottom (whole pixels inside the picture), named `identifier`.

        Shares its pixels with this picture. keeps_video: the part is the same frame of the same video.
        """
        left, top, right, bottom = xyxy
        video = self.given_video if keeps_video else None
        if video is not None:
            video = replace(video, video_identifier=f"{video.video_identifier} | crop: {identifier}")
        return WorkflowImage(
            pixels=self.pixels[top:bottom, left:right],
            parent=Origin(identifier, left, top, self.width, self.height),
            root=replace(self.root, left=self.root.left + left, top=self.root.top + top),
            given_video=video,
        )

    def jpeg(self, quality: int = JPEG_QUALITY) -> bytes:
        """The picture as a JPEG; grey stays grey."""
        return encode_jpeg(self.pixels, quality)

    def base64_text(self) -> str:
        """The picture as base64 text, without a prefix: of the file that it came in, else of a JPEG."""
        encoded = self.encoded
        if encoded and isinstance(encoded, str):
            return encoded
        import pybase64

        if isinstance(encoded, Future) and not encoded.cancel():
            return str(pybase64.b64encode_as_string(encoded.result()))
        return str(pybase64.b64encode_as_string(self.jpeg()))

    def encode_ahead(self) -> None:
        """Begins what base64_text will be asked for, in another thread, unless it is not worth it."""
        if not self.encoded:
            self.encoded = encode_jpeg_ahead(self.pixels, JPEG_QUALITY)
