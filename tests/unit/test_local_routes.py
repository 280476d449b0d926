"""Routing by specificity, as API Gateway documents it."""

import pytest

from local.routes import Router
from local.template import Route

KEYS = [
    "GET /",
    "GET /pets",
    "ANY /pets",
    "GET /pets/dog/1",
    "GET /pets/dog/{id}",
    "GET /pets/{kind}/{id}",
    "GET /{project}/{version}",
    "POST /{project}/{version}",
    "GET /{any}/list",
    "GET /pets/{rest+}",
    "ANY /{rest+}",
    "$default",
]


def router(*keys: str) -> Router:
    """Routes of these keys; the function of each is its own key."""
    split = [key.split(" ") if key != "$default" else ["ANY", key] for key in keys]
    return Router([Route(method, path, f"{method} {path}") for method, path in split])


@pytest.mark.parametrize("keys", [KEYS, KEYS[::-1]], ids=["in order", "reversed"])
@pytest.mark.parametrize(
    ("method", "path", "key", "parameters"),
    [
        ("GET", "/", "GET /", {}),
        ("GET", "/pets", "GET /pets", {}),
        ("POST", "/pets", "ANY /pets", {}),  # the method that is named wins over ANY
        ("GET", "/pets/dog/1", "GET /pets/dog/1", {}),
        ("GET", "/pets/dog/2", "GET /pets/dog/{id}", {"id": "2"}),  # one variable before two
        ("GET", "/pets/cat/2", "GET /pets/{kind}/{id}", {"kind": "cat", "id": "2"}),
        ("GET", "/pets/list", "GET /{any}/list", {"any": "pets"}),
        ("GET", "/a/1", "GET /{project}/{version}", {"project": "a", "version": "1"}),
        ("POST", "/a/1", "POST /{project}/{version}", {"project": "a", "version": "1"}),
        ("PUT", "/a/1", "ANY /{rest+}", {"rest": "a/1"}),
        ("GET", "/pets/a/b/c", "GET /pets/{rest+}", {"rest": "a/b/c"}),
        ("GET", "/a/b/c", "ANY /{rest+}", {"rest": "a/b/c"}),
        ("GET", "/a%20b/%C3%A4%2F1", "GET /{project}/{version}", {"project": "a b", "version": "ä/1"}),
        ("GET", "/p%65ts", "GET /pets", {}),
        ("POST", "/", "$default", {}),  # a greedy variable needs something to take
    ],
)
def test_most_specific_route_wins(
    keys: list[str], method: str, path: str, key: str, parameters: dict[str, str]
) -> None:
    match = router(*keys).match(method, path)

    assert match is not None
    assert (match.route.key, match.parameters) == (key, parameters)


@pytest.mark.parametrize("path", ["/a", "/a/1/", "//1", "/a/", "/a/1/2"])
def test_variables_take_exactly_one_segment_that_is_not_empty(path: str) -> None:
    assert router("GET /{project}/{version}").match("GET", path) is None


def test_variable_in_the_last_place_wins_over_one_in_the_first() -> None:
    match = router("GET /{a}/y", "GET /x/{b}").match("GET", "/x/y")

    assert match is not None and match.route.key == "GET /x/{b}"
