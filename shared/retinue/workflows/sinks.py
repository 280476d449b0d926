"""What all sinks have in common."""

from retinue.workflows.block import Runtime


def disabled_message(runtime: Runtime, is_disabled: bool) -> str | None:
    """Why a sink does nothing: what its message says then; None for a sink that is to work."""
    if not runtime.has_sinks:
        return "Sink was disabled by workflow execution policy"
    return "Sink was disabled by parameter `disable_sink`" if is_disabled else None
