"""Writes docs/settings.md from shared/retinue/config.py, the one place where settings are declared.

`.venv/bin/python tools/write_settings.py`; a test compares the file with what this writes.
"""

from dataclasses import fields
from pathlib import Path
from typing import Any

from retinue.config import PREFIX, Settings

TARGET = Path(__file__).parent.parent / "docs/settings.md"
_HEAD = """# Settings of the functions

Environment variables, set under `Environment` in template.yaml. Written by tools/write_settings.py.

| variable | default | allowed | meaning |
|---|---|---|---|
"""


def render() -> str:
    """The page."""
    rows = [
        f"| `{spec.metadata.get('variable', PREFIX + spec.name.upper())}` "
        f"| {_shown(spec.default)} | {_allowed(spec.metadata)} | {spec.metadata['meaning']} |"
        for spec in fields(Settings)
    ]
    return _HEAD + "\n".join(rows) + "\n"


def _shown(default: Any) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:,}" if isinstance(default, int) else str(default)


def _allowed(rules: Any) -> str:
    if rules.get("choices"):
        return ", ".join(rules["choices"])
    low, high = rules.get("min"), rules.get("max")
    if low is not None and high is not None:
        return f"{low} to {high}"
    return f"from {low}" if low is not None else ""


if __name__ == "__main__":
    TARGET.write_text(render(), "utf-8")
    print(TARGET)
