"""Writes docs/workflows.md: what blocks say about themselves, around the text of tools/workflows_page.md.

`.venv/bin/python -m tools.write_workflows`; a test compares the file with what this writes.
"""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from retinue.workflows.block import Block
from retinue.workflows.describe import block_schema
from retinue.workflows.registry import aliases_of, all_blocks

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "docs" / "workflows.md"
EXAMPLES = ROOT / "events" / "workflows"
_TEXT = ROOT / "tools" / "workflows_page.md"
_UPSTREAM = ROOT / "tools" / "upstream_blocks.txt"
_PREFIX = "roboflow_core/"
_REASONS = {
    "large-model": "needs a large model",
    "outside-service": "needs an outside service",
    "video-state": "keeps state between video frames",
    "cpu": "not yet",
}
_CATEGORIES = ("model", "transformation", "flow_control", "formatter", "fusion")


def render() -> str:
    """The page."""
    parts = {example.stem: f"```json\n{example.read_text('utf-8')}```" for example in EXAMPLES.glob("*.json")}
    built = all_blocks()
    parts["blocks"] = _built(built)
    parts["not-built"] = _not_built({block.identifier for block in built})
    page = _TEXT.read_text("utf-8")
    for name, part in parts.items():
        page = page.replace(f"{{{{{name}}}}}", part)
    return page


def upstream_blocks() -> dict[str, str]:
    """What each block of upstream needs, by identifier."""
    lines = [line for line in _UPSTREAM.read_text("utf-8").splitlines() if not line.startswith("#")]
    return {_PREFIX + name: need for name, need in map(str.split, lines)}


def _built(blocks: list[type[Block]]) -> str:
    by_category: dict[str, list[type[Block]]] = defaultdict(list)
    for block in blocks:
        by_category[block.category].append(block)
    categories = [*_CATEGORIES, *sorted(by_category.keys() - set(_CATEGORIES))]
    lines = [
        f"{len(blocks)} of upstream's {len(upstream_blocks())}. All identifiers begin with `{_PREFIX}`. "
        "`GET /workflows/definition/schema` says what a step of each may say."
    ]
    for category in categories:
        if by_category[category]:
            lines += ["", f"### {category.replace('_', ' ').capitalize()}", ""]
            lines += ["| block | also called | what it does | outputs |", "|---|---|---|---|"]
            lines += map(_row, by_category[category])
    return "\n".join(lines)


def _row(block: type[Block]) -> str:
    aliases = ", ".join(f"`{alias}`" for alias in aliases_of(block.identifier))
    outputs = "; ".join(f"`{name}`: {_kinds(kinds)}" for name, kinds in block.outputs.items())
    does = block_schema(block)["short_description"].replace("|", "\\|")
    return f"| `{block.identifier.removeprefix(_PREFIX)}` | {aliases} | {does} | {outputs} |"


def _kinds(kinds: Iterable[str]) -> str:
    return " or ".join("anything" if kind == "*" else kind for kind in kinds)


def _not_built(built: set[str]) -> str:
    missing: dict[str, dict[str, list[str]]] = {reason: defaultdict(list) for reason in _REASONS.values()}
    for identifier, need in sorted(upstream_blocks().items()):
        if identifier not in built:
            name, version = identifier.removeprefix(_PREFIX).split("@")
            missing[_REASONS[need]][name].append(f"@{version}")
    lines = ["| why | blocks |", "|---|---|"]
    for reason, by_name in missing.items():
        if by_name:
            names = ", ".join(f"`{name}` {' '.join(versions)}" for name, versions in by_name.items())
            lines.append(f"| {reason} | {names} |")
    return "\n".join(lines)


if __name__ == "__main__":
    TARGET.write_text(render(), "utf-8")
    print(TARGET)
