"""What an answer says, of whichever route: its objects, and the time of its stages. The standard library alone."""

from typing import Any


def predictions_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects that a model's answer holds, or the output `predictions` of a workflow's only row."""
    if "outputs" in answer:
        return answer["outputs"][0]["predictions"]["predictions"]
    return answer["predictions"]


def stages_of(server_timing: str) -> dict[str, float]:
    """Milliseconds of each stage, from the header Server-Timing of our own answers."""
    parts = (part.split(";dur=") for part in server_timing.split(", "))
    return {name: float(took_ms) for name, took_ms in parts}
