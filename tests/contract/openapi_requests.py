"""Requests made of the OpenAPI document: its examples as they are, and the same bent at random within and beyond what
its schemas allow."""

import base64
import copy
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tests.contract.pictures import scene

Schema = dict[str, Any]

METHODS = ("get", "post", "delete")
ODD_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1e308, 2**70, 0.5, "", "None", "\0", "ä💥", [], {}, [[]], [None], {"": ""}, "a" * 2000, "../x",
)  # fmt: skip
ODD_TEXTS = (
    "", "nan", "-inf", "1e999", "1_000", "True", "null", "💥", "a" * 300, "../..", "\r\n", "1,2", " 1 ", "[]", "%",
)  # fmt: skip
ODD_SEGMENTS = ("..", ".", "%", "a" * 200, "ä", "a b", "infer", "0", "-", "a/b", "?", "#", "\0", "latest")
LETTERS = "abcxyz019._-"
FORM = "multipart/form-data"
MOST_DEPTH = 6


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request ready to be sent, and the operation of the document that it is for."""

    method: str
    path: str
    operation: Schema
    target: str
    body: bytes | None
    headers: dict[str, str]

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.target[:300]} {self.headers} {(self.body or b'')[:500]!r}"


class Document:
    """An OpenAPI document, as a source of requests."""

    def __init__(self, record: Schema) -> None:
        self.record = record

    def operations(self) -> Iterator[tuple[str, str, Schema]]:
        """Method, path and description of each operation."""
        for path, item in self.record["paths"].items():
            for method in METHODS:
                if method in item:
                    yield method, path, item[method]

    def resolved(self, part: Schema) -> Schema:
        """What a part that may be a reference stands for."""
        while "$ref" in part:
            found: Any = self.record
            for name in part["$ref"].removeprefix("#/").split("/"):
                found = found[name]
            part = found
        return part

    def parameters(self, operation: Schema) -> list[Schema]:
        """The parameters of an operation."""
        return [self.resolved(parameter) for parameter in operation.get("parameters", [])]

    def examples(self) -> Iterator[tuple[str, Prepared]]:
        """Each example of a body, or the request without one, with a name for it."""
        for method, path, operation in self.operations():
            target = self._example_path(path, operation)
            found = False
            for kind, media in operation.get("requestBody", {}).get("content", {}).items():
                for name, example in media.get("examples", {}).items():
                    found = True
                    request = Prepared(
                        method, path, operation, target, encoded(example["value"]), {"content-type": kind}
                    )
                    yield f"{operation['operationId']}, {name}", request
            if not found:
                yield operation["operationId"], Prepared(method, path, operation, target, None, {})

    def _example_path(self, path: str, operation: Schema) -> str:
        for parameter in self.parameters(operation):
            if parameter["in"] == "path":
                path = path.replace(f"{{{parameter['name']}}}", quote(parameter["schema"]["examples"][0], safe=""))
        return path


class Fuzz:
    """Random requests of a document; the same again for the same seed."""

    def __init__(self, document: Document, seed: int) -> None:
        self._document = document
        self._operations = list(document.operations())
        self._chance = random.Random(seed)

    def requests(self, count: int) -> Iterator[Prepared]:
        """`count` requests, over all operations in turn."""
        for number in range(count):
            yield self._request(*self._operations[number % len(self._operations)])

    def _request(self, method: str, path: str, operation: Schema) -> Prepared:
        chance, headers, query, target = self._chance, {}, [], path
        for parameter in self._document.parameters(operation):
            name, schema = parameter["name"], parameter["schema"]
            if parameter["in"] == "path":
                target = target.replace(f"{{{name}}}", quote(self._segment(schema), safe=""))
            elif parameter["in"] == "header":
                headers[name] = schema["examples"][0]
            elif parameter.get("required") or chance.random() < 0.12:
                query.append(f"{name}={quote(self._text(schema), safe='')}")
        body = self._body(operation, headers)
        if query:
            target += "?" + "&".join(query)
        return Prepared(method, path, operation, target, body, headers)

    def _segment(self, schema: Schema) -> str:
        draw = self._chance.random()
        if draw < 0.75:
            return str(schema["examples"][0])
        return self._chance.choice(ODD_SEGMENTS) if draw < 0.9 else self._word()

    def _text(self, schema: Schema) -> str:
        if self._chance.random() < 0.15:
            return self._chance.choice(ODD_TEXTS)
        value = self.value(schema)
        return value if isinstance(value, str) else json.dumps(value)

    def _body(self, operation: Schema, headers: dict[str, str]) -> bytes | None:
        chance, content = self._chance, operation.get("requestBody", {}).get("content")
        if not content or chance.random() < 0.03:
            return None
        kind = chance.choice(list(content))
        headers["content-type"] = kind if chance.random() < 0.95 else chance.choice(("text/html", "application/json;"))
        if kind == FORM:
            headers["content-type"] = f"{FORM}; boundary=b"
            return self._form()
        examples = [example["value"] for example in content[kind].get("examples", {}).values()]
        if kind != "application/json":
            return self._picture_text().encode()
        draw = chance.random()
        if examples and draw < 0.7:
            return self._damaged(encoded(self._changed(chance.choice(examples), content[kind]["schema"])))
        return encoded(self.value(content[kind]["schema"]) if draw < 0.95 else chance.choice(ODD_VALUES))

    def _form(self) -> bytes:
        name = "file" if self._chance.random() < 0.9 else self._word()
        head = f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="a.jpg"\r\n\r\n'
        return head.encode() + self._damaged(scene()) + b"\r\n--b--\r\n"

    def _picture_text(self) -> str:
        text = base64.b64encode(self._damaged(scene())).decode()
        return text if self._chance.random() < 0.9 else text[: self._chance.randrange(len(text))]

    def _damaged(self, data: bytes) -> bytes:
        """The bytes; one time in twelve with some of them changed."""
        if self._chance.random() > 0.08:
            return data
        damaged = bytearray(data)
        for _ in range(self._chance.randint(1, 4)):
            damaged[self._chance.randrange(len(damaged))] = self._chance.randrange(256)
        return bytes(damaged)

    def _changed(self, example: Any, schema: Schema) -> Any:
        """The example with up to three fields set anew, removed, or made odd."""
        body = copy.deepcopy(example)
        properties = self._document.resolved(schema).get("properties", {})
        for name in self._chance.sample(sorted(properties), k=min(len(properties), self._chance.randrange(4))):
            draw = self._chance.random()
            if draw < 0.7:
                body[name] = self.value(properties[name])
            elif draw < 0.85:
                body.pop(name, None)
            else:
                body[name] = self._odd(properties[name])
        return body

    def _odd(self, schema: Schema) -> Any:
        """A value that nobody would send. A list that must be empty is empty: custom code is answered by 500, as the
        published service does."""
        return [] if schema.get("maxItems") == 0 else self._chance.choice(ODD_VALUES)

    def value(self, schema: Schema, depth: int = 0) -> Any:
        """A value that the schema allows, mostly."""
        schema, chance = self._document.resolved(schema), self._chance
        if depth > MOST_DEPTH or chance.random() < 0.03:
            return self._odd(schema)
        if "default" in schema and chance.random() < 0.2:
            return schema["default"]
        for several in ("anyOf", "oneOf"):
            if several in schema:
                return self.value(chance.choice(schema[several]), depth + 1)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return chance.choice(schema["enum"])
        match schema.get("type"):
            case "object":
                return self._object(schema, depth)
            case "array":
                most = min(3, schema.get("maxItems", 3))
                count = chance.randint(min(most, schema.get("minItems", 0)), most)
                return [self.value(schema.get("items", {}), depth + 1) for _ in range(count)]
            case "integer":
                return chance.randint(schema.get("minimum", -2), min(schema.get("maximum", 50), 50))
            case "number":
                return chance.choice((0, 1, 0.5, 0.01, 3.25, 40, -1, 1e-9))
            case "boolean":
                return chance.random() < 0.5
            case "null":
                return None
            case "string":
                return self._word()
        return chance.choice(ODD_VALUES)

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        required = set(schema.get("required", ()))
        made = {
            name: self.value(part, depth + 1)
            for name, part in schema.get("properties", {}).items()
            if name in required or self._chance.random() < 0.3
        }
        if not made and schema.get("additionalProperties") is not False:
            made[self._word()] = self._chance.choice(ODD_VALUES)
        return made

    def _word(self) -> str:
        return "".join(self._chance.choices(LETTERS, k=self._chance.randint(1, 12)))


def encoded(value: Any) -> bytes:
    """A body: text as it is, anything else as JSON."""
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()
