"""docs/workflows.md says what the blocks say about themselves."""

from retinue.workflows.registry import all_blocks
from tools.write_workflows import EXAMPLES, TARGET, render, upstream_blocks


def test_the_page_is_what_the_blocks_say() -> None:
    assert TARGET.read_text("utf-8") == render(), "run python -m tools.write_workflows"


def test_nothing_is_left_to_fill_in() -> None:
    assert "{{" not in TARGET.read_text("utf-8")


def test_every_block_is_one_of_upstream() -> None:
    assert len(upstream_blocks()) == 250
    assert {block.identifier for block in all_blocks()} <= upstream_blocks().keys()


def test_the_page_shows_every_example() -> None:
    examples = list(EXAMPLES.glob("*.json"))

    assert len(examples) == 3
    assert all(example.read_text("utf-8") in TARGET.read_text("utf-8") for example in examples)
