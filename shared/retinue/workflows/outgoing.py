"""Requests that sinks send: URL and body from plain values, as Python's requests library writes them."""

import json
import secrets
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from retinue.workflows.query.limits import is_larger_than

# What stands in a path or a query as it is (RFC 3986, appendix A), and % of what is escaped already.
_URL_CHARACTERS = "!$%&'()*+,/:;=?@~"
_MOST_CHARACTERS = 10_000_000
_QUOTED = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


class Body(NamedTuple):
    """What a request carries, and its content type."""

    content: bytes
    content_type: str


def url_with_query(url: str, parameters: Mapping[str, Any]) -> str:
    """The URL with the parameters after its own; lists give a parameter for each element, null gives none.

    Raises ValueError for what is no URL.
    """
    parts = urlsplit(str(url).strip())
    query = "&".join(filter(None, [parts.query, _form(parameters)]))
    return urlunsplit((parts.scheme, parts.netloc, _escaped(parts.path), _escaped(query), ""))


def encode_body(payload: Mapping[str, Any], files: Mapping[str, Any], form: Mapping[str, Any]) -> Body:
    """Multipart where there are files, with the form's fields before them; else the form; else the payload as JSON.

    A file is text, bytes or a number, or a list of a file name, one of these, and perhaps a content type. Raises
    TypeError or ValueError for values that cannot be sent so.
    """
    if is_larger_than([payload, files, form], _MOST_CHARACTERS):
        raise ValueError(f"the request would be larger than {_MOST_CHARACTERS:,} characters")
    if files:
        return _multipart(files, form)
    if form:
        return Body(_form(form).encode("ascii"), "application/x-www-form-urlencoded")
    return Body(json.dumps(payload, allow_nan=False).encode("ascii"), "application/json")


def _escaped(part: str) -> str:
    return quote(part, safe=_URL_CHARACTERS)


def _form(fields: Mapping[str, Any]) -> str:
    pairs = [(name, value) for name, values in fields.items() for value in _each(values) if value is not None]
    return urlencode(pairs, doseq=True)


def _each(values: Any) -> Iterable[Any]:
    return [values] if isinstance(values, str | bytes) or not hasattr(values, "__iter__") else values


def _multipart(files: Mapping[str, Any], form: Mapping[str, Any]) -> Body:
    """RFC 7578."""
    parts = []
    for name, values in form.items():
        for value in _each(values):
            if value is not None:
                parts.append(_part({"name": name}, value if isinstance(value, bytes) else str(value).encode()))
    for name, file in files.items():
        file_name, content, content_type = _file(name, file)
        if content is not None:
            about = {"name": name} | ({} if file_name is None else {"filename": file_name})
            parts.append(_part(about, _bytes_of(name, content), content_type))
    boundary = secrets.token_hex(16)
    opening = f"--{boundary}\r\n".encode("ascii")
    content = b"".join(opening + part + b"\r\n" for part in parts) + f"--{boundary}--\r\n".encode("ascii")
    return Body(content, f"multipart/form-data; boundary={boundary}")


def _part(about: Mapping[str, str], content: bytes, content_type: str | None = None) -> bytes:
    disposition = "; ".join(["form-data", *(f'{key}="{value.translate(_QUOTED)}"' for key, value in about.items())])
    head = f"Content-Disposition: {disposition}\r\n"
    if content_type:
        head += f"Content-Type: {content_type.translate(_QUOTED)}\r\n"
    return head.encode() + b"\r\n" + content


def _file(name: str, file: Any) -> tuple[str | None, Any, str | None]:
    """File name, content and content type."""
    if not isinstance(file, list | tuple):
        return name, file, None
    if len(file) not in (2, 3):
        raise ValueError(f"file {name!r} is a list of {len(file)}, not of a name, a content and perhaps a type")
    file_name, content, content_type = [*file, None][:3]
    return file_name, content, content_type


def _bytes_of(name: str, content: Any) -> bytes:
    if isinstance(content, str | int):
        return str(content).encode()
    if isinstance(content, bytes | bytearray):
        return bytes(content)
    raise TypeError(f"file {name!r} is a {type(content).__name__}, not text or bytes: convert it with its operations")
