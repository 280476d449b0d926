"""What can go wrong, as a tree of exceptions. The tree knows no status codes: `http/errors.py` maps it.

Each error carries two texts: `message` for the log, and `public`, which a client may read. The public text says
what was wrong with the request, with the numbers, and what to do next; never a trace or an AWS error.
"""

from typing import Any, Literal


class RetinueError(Exception):
    """Base of all errors that Retinue raises on purpose."""

    def __init__(self, message: str, *, public: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.public = message if public is None else public


class RequestError(RetinueError):
    """The request cannot be understood."""


class InvalidModelId(RequestError):
    """A model id that no model can have."""


class ParameterError(RequestError):
    """Parameters with wrong values. `details` lists them as {type, loc, msg[, ctx]}, never echoing secrets."""

    def __init__(self, details: list[dict[str, Any]]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in details))
        self.details = details


UrlRule = Literal["form", "https", "domain name", "public", "known host"]


class UrlError(RequestError):
    """A URL that must not be used, or whose host nobody knows; `rule` is what it breaks."""

    def __init__(self, message: str, *, public: str | None = None, rule: UrlRule = "form") -> None:
        super().__init__(message, public=public)
        self.rule: UrlRule = rule


class PayloadTooLarge(RequestError):
    """The request or its answer is larger than what can be carried."""


class ImageError(RequestError):
    """A picture cannot be loaded."""


class ImageTooLarge(ImageError):
    """A picture has more pixels or bytes than the limit."""


class AuthError(RetinueError):
    """No API key, or one that is not known."""


class Forbidden(RetinueError):
    """The API key is good, but not for this project."""


class NotFound(RetinueError):
    """What was asked for does not exist."""


class MethodNotAllowed(RetinueError):
    """The path exists for other methods only, or accepts none."""


class NotDeployed(RetinueError):
    """This stack was deployed without what the request needs."""


class BadUploadKey(RequestError):
    """The name of an object in the inbox says neither a model nor a workflow."""


class UnreadableMessage(RequestError):
    """A message of a queue that is no event of a bucket."""


class UploadGone(NotFound):
    """An object that an event told of does not exist (any more)."""


class UploadNotFound(NotFound):
    """No such upload in this workspace, or no longer."""


class WorkflowNotFound(NotFound):
    """No such saved workflow."""


class WorkflowCorrupt(RetinueError):
    """A saved workflow cannot be read."""


class JobNotFound(NotFound):
    """No such job in this workspace."""


class JobConflict(RequestError):
    """The job is not in a state, or the idempotency key not of a request, for which this can be done."""


class ModelNotFound(NotFound):
    """No such project, version or alias."""


class HeavyModel(RequestError):
    """A model that no function can run in time or in memory; jobs can."""


class ModelError(RetinueError):
    """A published model cannot be used."""


class PackageCorrupt(ModelError):
    """A file of the package is missing, truncated or altered."""


class UnsupportedModel(ModelError):
    """The package asks for something that is not built."""


class Busy(RetinueError):
    """Not now: try again after `retry_after_s` seconds."""

    def __init__(self, message: str, *, public: str | None = None, retry_after_s: int = 1) -> None:
        super().__init__(message, public=public)
        self.retry_after_s = retry_after_s


class UploadAtWork(Busy):
    """Another process has just answered this upload and is about to say so: nothing to do but to look again."""


class ModelLoading(Busy):
    """The model will not be ready, or not have answered, before the gateway's limit."""

    def __init__(self, message: str, *, public: str = "Model is temporarily not ready - retry request.") -> None:
        super().__init__(message, public=public)


class StorageUnavailable(Busy):
    """S3 does not answer, or answers with an error of its own."""


class StorageRefused(StorageUnavailable):
    """S3 answers that it may not give this: a right is missing, or the bucket is elsewhere."""


class ServiceSilent(Busy):
    """For the operator's command: nobody answers at the address, or not in time. Another try may work."""
