"""What 1,000 requests cost on Lambda: computed from measured durations and prices, not billed by anyone."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean

from bench.measurements import Measurements
from bench.rows import Row

REQUESTS = 1000


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars per GB-second, per million requests of Lambda, and per million requests of the HTTP API.

    The defaults are AWS's public prices for x86 in us-east-1, without the free tier.
    """

    gb_second: float = 0.0000166667
    million_requests: float = 0.20
    million_api_requests: float = 1.00


def cost_rows(found: Measurements, prices: Prices) -> Iterator[Row]:
    """One row for each network, and one for a cold start (Lambda bills the init phase too)."""
    gb = found.memory_mb / 1024
    per_request = (prices.million_requests + prices.million_api_requests) / 1e6
    for warm in found.warm:
        billed_ms = fmean(math.ceil(answer.duration_ms) for answer in warm.answers)
        compute = REQUESTS * billed_ms / 1e3 * gb * prices.gb_second
        note = (
            f"computed: {billed_ms:.0f} ms billed x {found.memory_mb} MB = {billed_ms / 1e3 * gb:.2f} GB-s a request; "
            f"requests and HTTP API {REQUESTS * per_request:.4f} of it"
        )
        label = f"Cost of {REQUESTS:,} warm requests, {warm.case.name}"
        value = compute + REQUESTS * per_request
        yield Row(key=f"cost/{warm.case.key}", label=label, value=value, unit="USD", note=note)
    billed_ms = fmean(math.ceil(start.total_ms) for start in found.cold)
    value = REQUESTS * (billed_ms / 1e3 * gb * prices.gb_second + per_request)
    note = f"computed: {billed_ms:.0f} ms billed, init included"
    yield Row(key="cost/cold", label=f"Cost of {REQUESTS:,} cold starts", value=value, unit="USD", note=note)
