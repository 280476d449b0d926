"""Uploads: events of the bucket, through a queue."""

from retinue.uploads.entry import handler

__all__ = ["handler"]
