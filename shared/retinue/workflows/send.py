"""Sends the requests of sinks: to public https hosts only, as pictures are fetched, and never on to where a redirect
points."""

from collections.abc import Mapping
from contextlib import suppress
from itertools import count

from retinue.deadline import Deadline
from retinue.errors import RequestError
from retinue.internet import Internet, parse_public_url, path_and_query
from retinue.workflows.errors import WorkflowLimitError

_MOST_BODY_BYTES = 64 * 1024
# Headers that say how the message itself is carried: a sender writes them, not its caller.
_FRAMING = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "expect", "upgrade", "te", "trailer"}
)


class HttpSender:
    """The Sender of one request of the service."""

    def __init__(self, deadline: Deadline, *, most_requests: int, internet: Internet | None = None) -> None:
        """deadline: after which nothing is sent any more, nor waited for. most_requests: that may be tried in all."""
        self._deadline = deadline
        self._most_requests = most_requests
        self._internet = internet or Internet()
        self._numbers = count(1)

    def __call__(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, timeout_s: float) -> int:
        """The status of the answer, whichever it is; its body is read to 64 KiB and thrown away.

        Headers about the framing of the message are left out. Raises UrlError for a URL that is not allowed,
        RequestError for headers or a path that HTTP does not have, WorkflowLimitError after `most_requests`, OSError
        (TimeoutError among them) where nobody answers.
        """
        from http.client import HTTPException

        if next(self._numbers) > self._most_requests:
            raise WorkflowLimitError(
                f"The workflow sends more than {self._most_requests:,} requests, the limit of one run.",
                context="workflow_execution | step_execution",
            )
        target = parse_public_url(url)
        limit = Deadline.after(min(timeout_s, self._deadline.remaining_s))
        if limit.remaining_s <= 0:
            raise TimeoutError("there is no time left to send it")
        sent = {name: value for name, value in headers.items() if name.strip().lower() not in _FRAMING}
        names = {name.lower() for name in sent}
        sent |= {"connection": "close"} | ({} if "user-agent" in names else {"user-agent": "retinue"})
        try:
            with self._internet.connected(target, limit) as connection:
                connection.request(method, path_and_query(target), body=body or None, headers=sent)
                with connection.getresponse() as answer:
                    with suppress(OSError, HTTPException):  # the status is there, whatever comes after it
                        answer.read(_MOST_BODY_BYTES)
                    return answer.status
        except (OSError, HTTPException) as exc:
            if limit.remaining_s <= 0:
                raise TimeoutError(f"{target.hostname} did not answer in time") from exc
            raise ConnectionError(f"{target.hostname} did not answer: {exc}") from exc
        except ValueError as exc:
            raise RequestError(f"the request cannot be sent: {exc}") from exc
