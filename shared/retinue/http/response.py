"""What a route answers, and the gateway's form of it."""

from dataclasses import dataclass, field
from typing import Any

import orjson

from retinue.errors import PayloadTooLarge


@dataclass(frozen=True, slots=True)
class Response:
    """A status, headers and a body: bytes as they are, anything else as JSON."""

    body: Any
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


def to_gateway(response: Response, max_mb: float) -> dict[str, Any]:
    """The response in payload format 2.0. Raises PayloadTooLarge for what Lambda could not carry."""
    is_binary = response.content_type.startswith("image/")
    data = response.body if isinstance(response.body, bytes) else orjson.dumps(response.body)
    size_bytes = len(data) * 4 / 3 if is_binary else len(data)
    if not is_binary and 2 * size_bytes > max_mb * 1e6:
        # The runtime sends the answer as JSON in which the body is a string: quotes and backslashes take two bytes.
        size_bytes += data.count(b'"') + data.count(b"\\")
    size_mb = size_bytes / 1e6
    if size_mb > max_mb:
        raise PayloadTooLarge(
            f"the answer has {size_mb:.1f} MB; {max_mb:g} MB can be sent (RETINUE_MAX_RESPONSE_MB). "
            "Send fewer images, a smaller one, or raise the confidence."
        )
    if is_binary:
        import pybase64

        text = pybase64.b64encode(data).decode("ascii")
    else:
        text = data.decode()
    return {
        "statusCode": response.status,
        "headers": {"content-type": response.content_type, **response.headers},
        "body": text,
        "isBase64Encoded": is_binary,
    }
