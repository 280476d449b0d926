"""CloudFormation's YAML tags and intrinsic functions, resolved against local names.

Only what is asked for is resolved: a policy statement with an attribute that has no local meaning is never looked at.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
STACK_NAME = "retinue"

PSEUDO_PARAMETERS: Mapping[str, str] = {
    "AWS::AccountId": ACCOUNT_ID,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT_ID}:stack/{STACK_NAME}/local",
    "AWS::StackName": STACK_NAME,
    "AWS::URLSuffix": "amazonaws.com",
}

_NO_VALUE = object()  # what `!Ref AWS::NoValue` gives: the property or list item disappears
_PLACEHOLDER = re.compile(r"\$\{(!?)([^}]+)\}")


class TemplateError(Exception):
    """The template says something that the local stack cannot follow; the message names the place."""


def load_yaml(path: Path) -> dict[str, Any]:
    """Returns the template at `path` with each tag (`!Ref x`) in its long form (`{"Ref": x}`).

    Raises TemplateError if the file is missing, is not YAML or is not a mapping.
    """
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_TagLoader)
    except OSError as exc:
        raise TemplateError(f"cannot read {path}: {exc.strerror}") from exc
    except yaml.YAMLError as exc:
        raise TemplateError(f"{path} is not valid YAML: {exc}") from exc
    if not isinstance(document, dict) or not isinstance(document.get("Resources"), dict):
        raise TemplateError(f"{path} has no Resources section")
    return document


def is_intrinsic(value: Any) -> bool:
    """Whether `value` is an intrinsic in its long form, such as `{"Ref": "Bucket"}`."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)).startswith(("Ref", "Fn::"))


class _TagLoader(yaml.SafeLoader):
    """Reads `!Name value` as `{"Fn::Name": value}`; its own class because constructors are registered per class."""


def _construct_tag(loader: _TagLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_TagLoader.add_multi_constructor("!", _construct_tag)


class Resolver:
    """Resolves values of one template.

    `parameters` holds every parameter's value; `resource_ref(logical_id)` and `resource_attribute(logical_id, name)`
    give a resource's local names and may raise KeyError for what has none.
    """

    def __init__(
        self,
        document: Mapping[str, Any],
        parameters: Mapping[str, Any],
        resource_ref: Callable[[str], Any],
        resource_attribute: Callable[[str, str], Any],
    ) -> None:
        self._conditions: Mapping[str, Any] = document.get("Conditions") or {}
        self._mappings: Mapping[str, Any] = document.get("Mappings") or {}
        self._parameters = parameters
        self._resource_ref = resource_ref
        self._resource_attribute = resource_attribute
        self._functions: Mapping[str, Callable[[Any, str], Any]] = {
            "Ref": self._ref,
            "Condition": self.condition,
            "Fn::And": lambda items, place: all(self._items(items, place)),
            "Fn::Equals": self._equals,
            "Fn::FindInMap": self._find_in_map,
            "Fn::GetAtt": self._get_att,
            "Fn::GetAZs": lambda region, place: [f"{self._resolve(region, place) or REGION}{zone}" for zone in "abc"],
            "Fn::If": self._if,
            "Fn::Join": self._join,
            "Fn::Not": lambda items, place: not self._items(items, place)[0],
            "Fn::Or": lambda items, place: any(self._items(items, place)),
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::Sub": self._sub,
        }

    def resolve(self, value: Any, place: str) -> Any:
        """Returns `value` with every intrinsic in it replaced; None where it was `AWS::NoValue`.

        `place` is the dotted path that an error names. Raises TemplateError for an unknown intrinsic or name.
        """
        resolved = self._resolve(value, place)
        return None if resolved is _NO_VALUE else resolved

    def condition(self, name: str, place: str) -> bool:
        """Whether the template's condition `name` holds."""
        if name not in self._conditions:
            raise TemplateError(f"{place}: unknown condition {name!r}")
        return bool(self._resolve(self._conditions[name], f"Conditions.{name}"))

    def _resolve(self, value: Any, place: str) -> Any:
        if isinstance(value, list):
            items = (self._resolve(item, f"{place}[{index}]") for index, item in enumerate(value))
            return [item for item in items if item is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (key,) = value
            if key in self._functions:
                return self._functions[key](value[key], place)
            if isinstance(key, str) and key.startswith("Fn::"):
                known = ", ".join(sorted(self._functions))
                raise TemplateError(f"{place}: the local stack does not know {key} (it knows {known})")
        resolved = {key: self._resolve(item, f"{place}.{key}") for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not _NO_VALUE}

    def _items(self, value: Any, place: str, count: int | None = None) -> list[Any]:
        items = self._resolve(value, place)
        if not isinstance(items, list) or (count is not None and len(items) != count):
            raise TemplateError(f"{place}: expected a list{f' of {count}' if count else ''}, got {items!r}")
        return items

    def _ref(self, name: str, place: str) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name in PSEUDO_PARAMETERS:
            return PSEUDO_PARAMETERS[name]
        if name in self._parameters:
            return self._parameters[name]
        try:
            return self._resource_ref(name)
        except KeyError:
            raise TemplateError(f"{place}: {name!r} is neither a parameter nor a resource") from None

    def _get_att(self, value: Any, place: str) -> Any:
        logical_id, attribute = value if isinstance(value, list) else value.split(".", 1)
        try:
            return self._resource_attribute(logical_id, attribute)
        except KeyError:
            raise TemplateError(f"{place}: {logical_id}.{attribute} has no local counterpart") from None

    def _sub(self, value: Any, place: str) -> str:
        text, names = (value, {}) if isinstance(value, str) else self._items(value, place, 2)

        def replace(match: re.Match[str]) -> str:
            is_literal, name = match.groups()
            if is_literal:  # ${!name} stands for the text ${name}
                return f"${{{name}}}"
            if name in names:
                return str(names[name])
            return str(self._get_att(name, place) if "." in name else self._ref(name, place))

        return _PLACEHOLDER.sub(replace, text)

    def _if(self, value: Any, place: str) -> Any:
        if not isinstance(value, list) or len(value) != 3:
            raise TemplateError(f"{place}: Fn::If needs a condition and two values, got {value!r}")
        name, then, otherwise = value
        return self._resolve(then if self.condition(name, place) else otherwise, place)

    def _equals(self, value: Any, place: str) -> bool:
        left, right = self._items(value, place, 2)
        return str(left) == str(right)  # a parameter's default may be a YAML number, its counterpart a string

    def _join(self, value: Any, place: str) -> str:
        separator, items = self._items(value, place, 2)
        return str(separator).join(str(item) for item in items)

    def _split(self, value: Any, place: str) -> list[str]:
        separator, text = self._items(value, place, 2)
        return str(text).split(str(separator))

    def _select(self, value: Any, place: str) -> Any:
        index, items = self._items(value, place, 2)
        try:
            return items[int(index)]
        except IndexError:
            raise TemplateError(f"{place}: Fn::Select asks for item {index} of {len(items)}") from None

    def _find_in_map(self, value: Any, place: str) -> Any:
        name, first, second = self._items(value, place, 3)
        try:
            return self._mappings[name][first][second]
        except KeyError:
            raise TemplateError(f"{place}: Mappings has no {name}.{first}.{second}") from None
