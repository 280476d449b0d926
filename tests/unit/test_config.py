"""Settings: casts, ranges, and all problems at once."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from retinue.config import ConfigurationError, Settings


def test_defaults_need_no_environment() -> None:
    assert Settings.from_env({}) == Settings()
    assert Settings.from_env({"RETINUE_MAX_PIXELS": ""}) == Settings()  # empty: not set
    assert Settings.from_env({"RETINUE_UNKNOWN": "x", "MAX_PIXELS": "1"}) == Settings()


@pytest.mark.parametrize(
    ("variable", "text", "name", "expected"),
    [
        ("RETINUE_MODELS_BUCKET", "things", "models_bucket", "things"),
        ("RETINUE_LOG_LEVEL", "DEBUG", "log_level", "DEBUG"),
        ("RETINUE_THREADS", "4", "threads", 4),
        ("RETINUE_MAX_PIXELS", "1", "max_pixels", 1),
        ("RETINUE_MAX_RESPONSE_MB", "6", "max_response_mb", 6.0),
        ("RETINUE_MAX_RESPONSE_MB", "0.01", "max_response_mb", 0.01),
        ("RETINUE_URL_INPUT", "No", "url_input", False),
        ("RETINUE_URL_INPUT", "1", "url_input", True),
        ("RETINUE_URL_TIMEOUT_S", "25", "url_timeout_s", 25.0),
        ("RETINUE_ALIAS_CACHE_S", "0", "alias_cache_s", 0),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769", "memory_mb", 1769),
        ("TMPDIR", "/scratch", "temp_dir", "/scratch"),
    ],
)
def test_a_variable_sets_its_field(variable: str, text: str, name: str, expected: Any) -> None:
    settings = Settings.from_env({variable: text})

    assert getattr(settings, name) == expected and type(getattr(settings, name)) is type(expected)


@pytest.mark.parametrize(
    ("variable", "text", "problem"),
    [
        ("RETINUE_THREADS", "two", "expected a whole number"),
        ("RETINUE_THREADS", "1.5", "expected a whole number"),
        ("RETINUE_THREADS", "-1", "must be at least 0"),
        ("RETINUE_THREADS", "65", "must be at most 64"),
        ("RETINUE_MAX_PIXELS", "0", "must be at least 1"),
        ("RETINUE_MAX_RESPONSE_MB", "6.1", "must be at most 6"),
        ("RETINUE_MAX_RESPONSE_MB", "nan", "must be at least 0.01"),
        ("RETINUE_MAX_RESPONSE_MB", "much", "expected a number"),
        ("RETINUE_URL_TIMEOUT_S", "25.1", "must be at most 25"),
        ("RETINUE_URL_MAX_REDIRECTS", "11", "must be at most 10"),
        ("RETINUE_S3_ATTEMPTS", "0", "must be at least 1"),
        ("RETINUE_URL_INPUT", "maybe", "expected true or false"),
        ("RETINUE_LOG_LEVEL", "debug", "expected one of DEBUG, INFO, WARNING, ERROR"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "big", "expected a whole number"),
    ],
)
def test_values_that_cannot_be_used(variable: str, text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Settings.from_env({variable: text})

    assert str(refused.value) == f"{variable}={text!r}: {problem}"


def test_all_problems_are_named_at_once() -> None:
    env = {"RETINUE_THREADS": "x", "RETINUE_URL_INPUT": "x", "RETINUE_MAX_IMAGES": "0", "RETINUE_S3_ATTEMPTS": "2"}

    with pytest.raises(ConfigurationError) as refused:
        Settings.from_env(env)

    assert [problem.partition("=")[0] for problem in str(refused.value).split("; ")] == [
        "RETINUE_THREADS",
        "RETINUE_MAX_IMAGES",
        "RETINUE_URL_INPUT",
    ]


@pytest.mark.parametrize(
    ("memory_mb", "threads", "expected"),
    [(128, 0, 1), (1769, 0, 1), (2654, 0, 2), (3538, 0, 2), (10240, 0, 6), (10240, 3, 3), (128, 8, 8)],
)
def test_threads_are_the_vcpus_that_the_memory_buys(memory_mb: int, threads: int, expected: int) -> None:
    assert Settings(memory_mb=memory_mb, threads=threads).effective_threads == expected


def test_budgets_in_bytes() -> None:
    assert Settings(memory_mb=1000).model_memory_bytes == 600 * 1024 * 1024
    assert Settings(memory_mb=1000, model_memory_mb=50).model_memory_bytes == 50 * 1024 * 1024
    assert Settings(model_disk_mb=3).model_disk_bytes == 3 * 1024 * 1024


def test_each_copy_of_a_function_keeps_weights_in_its_own_temporary_folder() -> None:
    assert Settings.from_env({"TMPDIR": "/tmp/a"}).weights_dir == Path("/tmp/a/retinue")
    assert Settings.from_env({"TMPDIR": "/tmp/a", "RETINUE_CACHE_DIR": "/cache"}).weights_dir == Path("/cache")


@pytest.mark.parametrize("spec", fields(Settings), ids=lambda spec: spec.name)
def test_every_setting_says_what_it_means_and_its_default_is_valid(spec: Any) -> None:
    assert len(spec.metadata["meaning"]) > 10
    variable = spec.metadata.get("variable", f"RETINUE_{spec.name.upper()}")

    assert Settings.from_env({variable: str(spec.default)}) == Settings()
