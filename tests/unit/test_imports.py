"""The rules of dependency, read from the imports: who may know whom, and who may use what."""

import ast
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "shared" / "retinue"
FUNCTIONS = ROOT / "functions"

CORE = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
# Only operators' machines have these; a function does not.
OPERATOR = [path for path in CORE if path.startswith("operator/") or path == "cli.py"]
# The container of jobs, which has room and time.
CONTAINER = [path for path in CORE if path.startswith("worker/")]
SERVED = [path for path in CORE if path not in (*OPERATOR, *CONTAINER)]

AWS = ("boto3", "botocore", "aws_lambda_powertools", "retinue.aws")
HTTP = ("retinue.http", "http", "urllib", "socket", "multipart")


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Every module that a file imports, wherever in the file: `a.b`, and `a.b.c` for `from a.b import c`."""
    return frozenset(imported_by(ast.walk(parsed(path))))


def imported_by(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def those_of(path: Path, *modules: str) -> set[str]:
    """What the file imports of `modules` and of what lies below them."""
    return {name for name in imports_of(path) for module in modules if f"{name}.".startswith(f"{module}.")}


def users_of(*modules: str, among: list[str] = CORE) -> set[str]:
    """The files of the package that import any of `modules`."""
    return {path for path in among if those_of(PACKAGE / path, *modules)}


def below(*folders: str) -> list[str]:
    return [path for path in CORE if path.startswith(tuple(f"{folder}/" for folder in folders))]


def test_there_is_something_to_read() -> None:
    assert len(CORE) > 40 and len(below("pipeline")) >= 10 and len(list(FUNCTIONS.glob("*/app.py"))) >= 4


def test_the_pipeline_knows_neither_aws_nor_http() -> None:
    assert users_of(*AWS, *HTTP, "retinue.service", "retinue.config", among=below("pipeline")) == set()


def test_the_pipeline_needs_nothing_but_numpy_onnxruntime_and_pillow() -> None:
    for path in below("pipeline"):
        used = {name.partition(".")[0] for name in imports_of(PACKAGE / path)}
        assert used - sys.stdlib_module_names <= {"numpy", "onnxruntime", "PIL", "retinue"}, path
    # Pillow draws, and resizes as torchvision does
    assert users_of("PIL", among=below("pipeline")) <= {
        "pipeline/draw.py",
        "pipeline/preprocess.py",
        "pipeline/resize.py",
    }


@pytest.mark.parametrize("folder", ["models", "images", "pipeline", "workflows"])
def test_nothing_below_http_knows_it(folder: str) -> None:
    assert users_of("retinue.http", "retinue.service", among=below(folder)) == set()


def test_boto3_is_imported_in_one_place_only() -> None:
    assert users_of("boto3", among=CORE) == {"aws.py"}
    assert users_of("botocore") <= {"aws.py"}


def test_powertools_is_imported_in_one_place_only() -> None:
    assert users_of("aws_lambda_powertools") == {"observe.py"}


def test_a_function_carries_nothing_of_the_operator() -> None:
    assert users_of("retinue.operator", "retinue.cli", "onnx", "typer", "rich", "moto", "httpx", among=SERVED) == set()


def test_the_container_is_nobody_elses() -> None:
    assert users_of("retinue.worker", among=[path for path in CORE if path not in CONTAINER]) == set()
    assert users_of("retinue.operator", "retinue.cli", "onnx", "typer", "moto", "httpx", among=CONTAINER) == set()


def test_nobody_uses_opencv() -> None:
    assert users_of("cv2", "torch", "requests") == set()


def test_functions_import_the_package_and_never_each_other() -> None:
    for path in sorted(FUNCTIONS.glob("*/*.py")):
        assert {name.partition(".")[0] for name in imports_of(path)} == {"retinue"}, path


def test_the_package_does_not_import_what_lies_around_it() -> None:
    assert users_of("functions", "local", "tests", "tools", "bench", "samples") == set()


def test_the_environment_is_read_in_one_place_only() -> None:
    readers = set()
    for path in SERVED:
        for node in ast.walk(parsed(PACKAGE / path)):
            if isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv"):
                readers.add(path)
    assert readers == {"process.py"}


def test_what_costs_a_cold_start_is_imported_where_it_is_used() -> None:
    """At module level only what every first request needs."""
    heavy = ("pydantic", "PIL", "ssl", "multipart", "aws_lambda_powertools", "boto3", "pybase64", "simplejpeg")
    # Themselves imported where they are used.
    allowed = {"http/task_requests.py", "jobs/request.py", "pipeline/draw.py"}
    allowed |= {*below("workflows/drawing", "workflows/imaging")}
    # Documents of workflows are checked by pydantic, so nothing of a workflow works without.
    with_pydantic = {"http/workflows.py", "http/workflow_catalog.py", *below("workflows")}
    for path in SERVED:
        used = {name for name in imported_by(parsed(PACKAGE / path).body) if name.partition(".")[0] in heavy}
        if path in with_pydantic:
            used = {name for name in used if name.partition(".")[0] != "pydantic"}
        assert not used or path in allowed, f"{path} imports {used}"


def test_only_the_workflow_function_pays_for_workflows() -> None:
    entries = {path.parent.name for path in FUNCTIONS.glob("*/app.py") if "workflow" in path.read_text("utf-8")}
    assert entries == {"workflow"}
    above = {"http/workflows.py", "http/workflow_catalog.py", "workflow_inference.py", *below("workflows")}
    for path in set(SERVED) - above:
        used = set(imported_by(parsed(PACKAGE / path).body))
        assert not {name for name in used if name.startswith("retinue.workflows")}, path


def test_files_stay_small() -> None:
    for path in CORE:
        lines = (PACKAGE / path).read_text(encoding="utf-8").count("\n")
        assert lines <= 300, f"{path} has {lines} lines"
