"""The pictures of a job, from S3 to pixels. What is wrong with one of them is told in its line of the results."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from retinue.aws import S3Reader
from retinue.deadline import Deadline
from retinue.errors import ImageError, ImageTooLarge, NotFound, StorageRefused
from retinue.images.decode import Image, decode_image
from retinue.worker.plan import Item

# How long S3 may fail before the attempt is given up; the reader tries again meanwhile, with growing pauses.
READ_TIMEOUT_S = 60.0
_NO_PICTURE = "The object is not a picture that can be decoded."


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an item has no answer: `type` for programs, `message` for people. The same at every attempt."""

    type: str
    message: str


class PictureFailed(Exception):
    """One picture cannot be had; the others go on."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Pictures:
    """Reads the pictures of items. Safe to use from several threads."""

    def __init__(
        self, reader_of: Callable[[str], S3Reader], *, max_pixels: int, max_file_bytes: int, is_oriented: bool = True
    ) -> None:
        """`reader_of` makes the reader of a bucket. is_oriented: whether an EXIF orientation is applied."""
        self._is_oriented = is_oriented
        self._reader_of, self._max_pixels, self._max_file_bytes = reader_of, max_pixels, max_file_bytes
        self._readers: dict[str, S3Reader] = {}
        self._lock = threading.Lock()

    def __call__(self, item: Item) -> Image:
        """The picture (H, W, 3) uint8 RGB, upright.

        Raises PictureFailed for what is wrong with this one, StorageUnavailable when S3 does not answer.
        """
        place = f"s3://{item.bucket}/{item.key}"
        if item.size_bytes > self._max_file_bytes:
            size_mb, most_mb = item.size_bytes / 1e6, self._max_file_bytes / 1e6
            _fail("too_large", f"{place} has {size_mb:,.1f} MB; the limit is {most_mb:g} MB (RETINUE_MAX_FILE_MB).")
        try:
            deadline = Deadline.after(READ_TIMEOUT_S)
            data = self._reader(item.bucket).read(item.key, deadline, version=item.version or "")
        except NotFound:
            version = f" in version {item.version}" if item.version else ""
            _fail("missing", f"{place} does not exist{version}.")
        except StorageRefused:
            _fail("refused", f"{place} may not be read by this stack (SourceBuckets), or lies in another region.")
        try:
            return decode_image(data, max_pixels=self._max_pixels, is_oriented=self._is_oriented, failure=_NO_PICTURE)
        except ImageTooLarge as exc:
            _fail("too_large", exc.public)
        except ImageError as exc:
            _fail("not_a_picture", exc.public)

    def _reader(self, bucket: str) -> S3Reader:
        with self._lock:
            if bucket not in self._readers:
                self._readers[bucket] = self._reader_of(bucket)
            return self._readers[bucket]


def _fail(kind: str, message: str) -> NoReturn:
    raise PictureFailed(Failure(kind, message))
