"""docs/settings.md says what config.py declares."""

from tools.write_settings import TARGET, render


def test_the_page_is_what_the_declarations_give() -> None:
    assert TARGET.read_text("utf-8") == render(), "run tools/write_settings.py"
