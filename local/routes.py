"""Which route of the HTTP API answers a request: API Gateway's order of specificity."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from local.template import CATCH_ALL, Route


@dataclass(frozen=True)
class Match:
    """The chosen route and its path parameters, percent-decoded."""

    route: Route
    parameters: Mapping[str, str]


class Router:
    """Matches paths against the template's routes.

    A path without variables wins over one with; fewer variables win over more; of equally many, those whose variables
    come later; `{name+}`, which takes the rest of the path, comes after all of them, and `$default` last. Of two routes
    with the same path the one that names the method wins over ANY.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        every = list(routes)
        self._routes = sorted((_Pattern(route) for route in every if route.path != CATCH_ALL), key=lambda p: p.order)
        self._default = next((route for route in every if route.path == CATCH_ALL), None)

    def match(self, method: str, path: str) -> Match | None:
        """Returns the route for `path` (percent-encoded, without query), or None: the gateway answers 404 then."""
        segments = path.split("/")[1:]
        for pattern in self._routes:
            parameters = pattern.match(method, segments)
            if parameters is not None:
                return Match(pattern.route, parameters)
        return Match(self._default, {}) if self._default else None


class _Pattern:
    """One route's path, taken apart."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self._segments = route.path.split("/")[1:]
        kinds = [_kind(segment) for segment in self._segments]
        self.order = (2 in kinds, kinds.count(1), kinds, route.method == "ANY")

    def match(self, method: str, segments: list[str]) -> dict[str, str] | None:
        if self.route.method not in ("ANY", method):
            return None
        parameters: dict[str, str] = {}
        for index, own in enumerate(self._segments):
            kind = _kind(own)
            if kind == 2:
                rest = "/".join(segments[index:])
                return {**parameters, own[1:-2]: unquote(rest)} if rest else None
            if index >= len(segments):
                return None
            if kind == 1:
                if not segments[index]:
                    return None
                parameters[own[1:-1]] = unquote(segments[index])
            elif own != unquote(segments[index]):
                return None
        return parameters if len(segments) == len(self._segments) else None


def _kind(segment: str) -> int:
    """0 for a fixed segment, 1 for `{name}`, 2 for `{name+}`."""
    if not (segment.startswith("{") and segment.endswith("}")):
        return 0
    return 2 if segment.endswith("+}") else 1
