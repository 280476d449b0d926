"""What a block is: a manifest, its outputs, and `run` over values."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from retinue.deadline import Deadline
from retinue.workflows.manifest import Manifest

if TYPE_CHECKING:
    from retinue.pipeline.prediction import Prediction, Thresholds
    from retinue.workflows.image import WorkflowImage

Kinds = tuple[str, ...]


class ModelSource(Protocol):
    """Where model steps get their predictions."""

    def predict(self, model_id: str, images: "Sequence[WorkflowImage]", thresholds: "Thresholds") -> "list[Prediction]":
        """One prediction for each picture, in order. Raises RetinueError."""


class Sender(Protocol):
    """Sends what sinks have to say to the outside."""

    def __call__(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        timeout_s: float,
    ) -> int:
        """The status of the answer. Raises RetinueError where the URL is not allowed, OSError where nobody answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one request may use: pictures, steps of a definition, elements (such as crops) of one step, requests of
    sinks, bytes of the pictures in the answer."""

    images: int = 64
    steps: int = 1_000
    elements: int = 10_000
    sent_requests: int = 100
    answer_bytes: int = 5_500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What blocks may use of the world.

    secrets: environment variables that workflows may read; None where the store is switched off.
    """

    models: ModelSource
    send: Sender
    deadline: Deadline
    limits: Limits = field(default_factory=Limits)
    secrets: Mapping[str, str] | None = None
    has_sinks: bool = True


@dataclass(frozen=True, slots=True)
class Branch:
    """Where a flow-control step goes on with one element: the names of steps; with none the branch ends."""

    targets: tuple[str, ...] = ()


class Block(ABC):
    """Base of all blocks. One object lives for one run of one step.

    A block says with its attributes how it wants its data:

    - `batches`: properties that hold one value per element (as all do that refer to batches); others of this block
      then take only what is the same for all elements. Empty: every property may be either.
    - `is_batched`: `run` is called once, with a list in each property that has batches, and returns a list of as many
      results. Otherwise it is called for each element and returns one result.
    - `offsets`: properties whose elements are nested one level deeper than those of `reference`: `run` gets the list of
      those that belong to the element.
    - `output_offset`: +1: `run` returns a list of results, a new level of nesting. -1: `run` gets, in the properties
      that have batches, the list of all elements one level up.
    - `takes_null`: `run` is also called where an input is missing.
    - `gives_own`: what it gives shares no memory with anything else. The one step that reads it, if there is no other,
      has the property in `consumed`, and may change the value.

    A result is a dict of outputs by name; of a flow-control block (`is_flow_control`) it is a Branch.
    """

    identifier: ClassVar[str]
    title: ClassVar[str]
    category: ClassVar[str]
    manifest: ClassVar[type[Manifest]]
    outputs: ClassVar[Mapping[str, Kinds]] = {}
    batches: ClassVar[frozenset[str]] = frozenset()
    batches_or_scalars: ClassVar[frozenset[str]] = frozenset()
    is_batched: ClassVar[bool] = False
    offsets: ClassVar[Mapping[str, int]] = {}
    reference: ClassVar[str | None] = None
    output_offset: ClassVar[int] = 0
    takes_null: ClassVar[bool] = False
    is_flow_control: ClassVar[bool] = False
    gives_own: ClassVar[bool] = False
    consumed: frozenset[str] = frozenset()

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    @classmethod
    def outputs_of(cls, manifest: Any) -> Mapping[str, Kinds]:
        """The outputs of a step: of some blocks its properties decide them."""
        return cls.outputs

    @abstractmethod
    def run(self, *_: Any, **properties: Any) -> Any:
        """The results for the values of all properties, by keyword (without type and name).

        Any exception fails the step.
        """
