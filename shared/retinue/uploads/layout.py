"""Where uploads and what becomes of them lie in the uploads bucket, and what the name of an upload says.

- `inbox/{project}/{version}/...` and `inbox/workflows/{workspace}/{id}/...`: pictures to be answered
- `results/...` and `failures/...`: the answer, or why there is none, under the rest of that name and `.json`
- `uploads/{workspace}/{upload id}`: pictures that a later request takes as its input
"""

import re
import uuid
from dataclasses import dataclass

from retinue.errors import BadUploadKey, RequestError
from retinue.models.package import RESERVED_PROJECTS, ModelId

INBOX = "inbox/"
_WORKFLOWS = "workflows"
# Below the folder of a target: what the API put there for a workspace's requests.
_ASYNC = "async"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-]{0,127}")  # of a workspace, and of a workflow
_UPLOAD_ID = re.compile(r"[0-9a-f]{32}")
_SEPARATOR = "~"  # in ids of asynchronous requests; in no project, version, workspace or workflow


@dataclass(frozen=True, slots=True)
class ModelTarget:
    """A model that answers."""

    model_id: ModelId

    def __str__(self) -> str:
        return str(self.model_id)


@dataclass(frozen=True, slots=True)
class WorkflowTarget:
    """A saved workflow that answers."""

    workspace: str
    workflow_id: str

    def __str__(self) -> str:
        return f"{_WORKFLOWS}/{self.workspace}/{self.workflow_id}"


Target = ModelTarget | WorkflowTarget


def new_upload_id() -> str:
    """A fresh id: 32 hexadecimal digits."""
    return uuid.uuid4().hex


def is_upload_id(value: object) -> bool:
    """Whether this can be the id of an upload. No URL and no base64 of a picture looks like one."""
    return isinstance(value, str) and _UPLOAD_ID.fullmatch(value) is not None


def upload_object(workspace: str, upload_id: str) -> str:
    """The S3 key of a picture that was uploaded for a later request."""
    return f"uploads/{workspace}/{upload_id}"


def target_of(key: str) -> Target:
    """The model or workflow that the key of an upload names. Raises BadUploadKey."""
    parts = key.removeprefix(INBOX).split("/")
    if not key.startswith(INBOX):
        raise BadUploadKey(f"{key!r} does not lie below {INBOX}; only what does is answered")
    if parts[0] == _WORKFLOWS:
        if len(parts) >= 4 and parts[-1] and all(_NAME.fullmatch(name) for name in parts[1:3]):
            return WorkflowTarget(parts[1], parts[2])
        raise BadUploadKey(f"{key!r} is no inbox/workflows/WORKSPACE/ID/NAME: put the picture under such a name")
    if len(parts) >= 3 and parts[-1] and parts[0] not in RESERVED_PROJECTS:
        try:
            return ModelTarget(ModelId.parse("/".join(parts[:2])))
        except RequestError as exc:
            raise BadUploadKey(f"{key!r}: {exc.message}") from exc
    raise BadUploadKey(f"{key!r} is no inbox/PROJECT/VERSION/NAME: put the picture under such a name")


def result_key(key: str) -> str:
    """Where the answer to an upload goes."""
    return f"results/{key.removeprefix(INBOX)}.json"


def drawing_key(key: str) -> str:
    """Where the drawn picture goes, if one was asked for."""
    return f"results/{key.removeprefix(INBOX)}.jpg"


def failure_key(key: str) -> str:
    """Where it is written why an upload has no answer."""
    return f"failures/{key.removeprefix(INBOX)}.json"


@dataclass(frozen=True, slots=True)
class Accepted:
    """An asynchronous request: the id that its sender follows says where its picture lies."""

    target: Target
    number: str

    @classmethod
    def new(cls, target: Target) -> "Accepted":
        """One with a fresh number."""
        return cls(target, new_upload_id())

    @classmethod
    def parse(cls, text: str) -> "Accepted | None":
        """The request with this id; None if there cannot be one."""
        *names, number = text.split(_SEPARATOR)
        if not is_upload_id(number) or len(names) not in (2, 3):
            return None
        try:
            accepted = cls(target_of(f"{INBOX}{'/'.join(names)}/{number}"), number)
        except BadUploadKey:
            return None
        return accepted if accepted.id == text else None

    @property
    def id(self) -> str:
        """What `GET /uploads/{id}` takes."""
        return _SEPARATOR.join([*str(self.target).split("/"), self.number])

    def key(self, workspace: str) -> str:
        """The S3 key of its picture. Keys of another workspace never find it."""
        return f"{INBOX}{self.target}/{_ASYNC}/{workspace}/{self.number}"
