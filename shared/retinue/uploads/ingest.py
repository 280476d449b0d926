"""What is done with one upload, however often it is delivered.

    delivered -> answer there already? -> nothing
              -> answered  -> results/...json, once for each version -> event "Inference finished"
              -> refused   -> failures/...json with the reason       -> event "Inference failed", and the message stays
                 until the queue makes it a dead letter

Both files are written with a tag that is taken away once the event was sent: a process that dies in between leaves it,
and the next delivery sends the event. So each event is sent at least once, and twice only if a process dies between
sending it and taking the tag away.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from retinue.deadline import Deadline
from retinue.errors import UploadAtWork, UploadGone
from retinue.inference import Call
from retinue.keys import Access
from retinue.observe import RequestRecord
from retinue.service import Service
from retinue.uploads.announce import FAILED, FINISHED, Announcer
from retinue.uploads.answer import Answer, answer
from retinue.uploads.events import Upload
from retinue.uploads.failure import FailureRecord, error_type_of, is_permanent, reason_of
from retinue.uploads.layout import Target, WorkflowTarget, drawing_key, failure_key, result_key, target_of
from retinue.uploads.store import UploadStore
from retinue.uploads.wishes import wishes_of

# A process sends a result's event milliseconds after it wrote the result; after so many seconds it is dead.
TELLING_S = 5.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """An upload as the queue delivers it, for the `attempt`th time, and the time there is for it."""

    upload: Upload
    message_id: str
    attempt: int
    deadline: Deadline
    record: RequestRecord


class Ingest:
    """Answers uploads."""

    def __init__(
        self, service: Service, store: UploadStore, announcer: Announcer, *, telling_s: float = TELLING_S
    ) -> None:
        self._service, self._store, self._announcer, self._telling_s = service, store, announcer, telling_s

    def __call__(self, delivery: Delivery) -> None:
        """Sees to it that the upload has its answer. Raises what prevents that, once it is written down; but not for a
        second message of an upload that has failed for good: one dead letter is enough."""
        upload, target = delivery.upload, None
        if upload.is_folder:
            return
        try:
            target = target_of(upload.key)
            if not self._is_answered(upload, target):
                self._answer(delivery, target)
            self._forget_failure(upload)
        except UploadAtWork:
            raise
        except Exception as exc:  # written down for the operator, then as it was
            if self._is_written_for(delivery, target, exc):
                raise

    def _is_answered(self, upload: Upload, target: Target) -> bool:
        """Whether this version or a later one has its result; sends an event that a dead process owes.

        Raises UploadAtWork.
        """
        key = result_key(upload.key)
        there = self._store.trace(key)
        if there is None or there.is_older_than(upload):
            return False
        if there.is_of(upload) and self._store.is_untold(key):
            if there.age_s < self._telling_s:
                raise UploadAtWork(f"the result of {upload.key} is {there.age_s:.1f} s old, its event on its way")
            self._tell(upload, target)
        return True

    def _answer(self, delivery: Delivery, target: Target) -> None:
        upload, record = delivery.upload, delivery.record
        with record.stage("read"):
            picture = self._store.read(upload, int(self._service.settings.upload_max_mb * 1e6))
        wishes = wishes_of(picture.metadata, picture.tags)
        workspace = target.workspace if isinstance(target, WorkflowTarget) else ""
        call = Call(self._service, Access(workspace, wishes.scopes), delivery.deadline, record)
        found: Answer = answer(target, picture.content, wishes, upload.id, call)
        with record.stage("write"):
            if found.drawing:
                self._store.put(drawing_key(upload.key), found.drawing, upload, content_type="image/jpeg")
            written = self._store.put(result_key(upload.key), found.body, upload, is_untold=True)
        if written == "written":
            self._tell(upload, target)

    def _tell(self, upload: Upload, target: Target) -> None:
        key = result_key(upload.key)
        self._announcer.announce(FINISHED, upload, target, {"result": {"bucket": upload.bucket, "key": key}})
        self._store.mark_told(key)

    def _forget_failure(self, upload: Upload) -> None:
        """Deletes why an earlier delivery of this version, or an earlier version, failed."""
        key = failure_key(upload.key)
        there = self._store.trace(key)
        if there is not None and (there.is_of(upload) or there.is_older_than(upload)):
            self._store.delete(key)

    def _is_written_for(self, delivery: Delivery, target: Target | None, error: Exception) -> bool:
        """Says why, in failures/ and, the first time that nothing more will help, as an event. False if there is
        nothing to say: a later version has failed too, or another message told the same."""
        upload, key = delivery.upload, failure_key(delivery.upload.key)
        record = self._record(delivery, target, error)
        while True:
            there = self._store.trace(key)
            owes_event = record.is_final
            if there is not None and not there.is_older_than(upload):
                written = self._written(key)
                if not there.is_of(upload):
                    return False
                if written is not None and written.is_final:
                    if written.message_id != delivery.message_id:
                        return False
                    owes_event = self._store.is_untold(key)
            if self._store.replace(key, orjson.dumps(record), upload, there, is_untold=owes_event):
                break
        if owes_event:
            facts = {"reason": record.reason, "error_type": record.error_type, "failure": key}
            self._announcer.announce(FAILED, upload, target, facts)
            self._store.mark_told(key)
        return True

    def _record(self, delivery: Delivery, target: Target | None, error: Exception) -> FailureRecord:
        upload = delivery.upload
        return FailureRecord(
            bucket=upload.bucket,
            key=upload.key,
            version=upload.version,
            target="" if target is None else str(target),
            error_type=error_type_of(error),
            reason=reason_of(error),
            attempt=delivery.attempt,
            is_final=is_permanent(error) or delivery.attempt >= self._service.settings.ingest_deliveries,
            message_id=delivery.message_id,
            time=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def _written(self, key: str) -> FailureRecord | None:
        try:
            return FailureRecord.parse(self._store.content(key))
        except (UploadGone, ValueError):
            return None
