"""What time it is."""

from datetime import datetime
from typing import Any, Literal, get_args

from pydantic import Field

from retinue.workflows.block import Block
from retinue.workflows.manifest import Manifest, StringRef

TimeZone = Literal[
    "Etc/GMT+12",
    "Pacific/Pago_Pago",
    "Pacific/Honolulu",
    "Pacific/Marquesas",
    "America/Anchorage",
    "Pacific/Gambier",
    "America/Los_Angeles",
    "America/Denver",
    "America/Phoenix",
    "America/Chicago",
    "America/Mexico_City",
    "America/New_York",
    "America/Bogota",
    "America/Halifax",
    "America/Puerto_Rico",
    "America/St_Johns",
    "America/Sao_Paulo",
    "Atlantic/South_Georgia",
    "Atlantic/Azores",
    "Atlantic/Cape_Verde",
    "UTC",
    "Europe/London",
    "Europe/Berlin",
    "Africa/Lagos",
    "Europe/Kyiv",
    "Africa/Cairo",
    "Africa/Johannesburg",
    "Europe/Moscow",
    "Europe/Istanbul",
    "Africa/Nairobi",
    "Asia/Tehran",
    "Asia/Dubai",
    "Asia/Kabul",
    "Asia/Karachi",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Dhaka",
    "Asia/Yangon",
    "Asia/Bangkok",
    "Asia/Shanghai",
    "Australia/Eucla",
    "Asia/Tokyo",
    "Australia/Darwin",
    "Australia/Adelaide",
    "Australia/Sydney",
    "Pacific/Port_Moresby",
    "Australia/Lord_Howe",
    "Pacific/Guadalcanal",
    "Pacific/Norfolk",
    "Pacific/Fiji",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Tongatapu",
    "Pacific/Apia",
    "Pacific/Kiritimati",
]


class CurrentTimeManifest(Manifest):
    """Where."""

    timezone: TimeZone | StringRef = Field("UTC", description="The time zone.")


class CurrentTime(Block):
    """The date and the time in a time zone, when the step runs."""

    identifier = "roboflow_core/current_time@v1"
    title = "Current Time"
    category = "formatter"
    manifest = CurrentTimeManifest
    outputs = {
        "timestamp": ("timestamp",),
        "iso_string": ("string",),
        "date": ("string",),
        "time": ("string",),
    }

    def run(self, timezone: str) -> dict[str, Any]:
        from zoneinfo import ZoneInfo

        if timezone not in get_args(TimeZone):
            raise ValueError(f"there is no time zone {timezone!r} here; among those there are UTC and Europe/Berlin")
        now = datetime.now(ZoneInfo(timezone))
        return {
            "timestamp": now,
            "iso_string": now.isoformat(),
            "date": f"{now:%Y-%m-%d}",
            "time": f"{now:%H:%M:%S}",
        }
