"""Many requests over more models than fit: memory that is never given back would show."""

import http.client
import random
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil

from bench.calls import url_call
from bench.pictures import Picture
from bench.workers import DETECT, MeasurementError
from local.samples import SAMPLES, Sample, create_key, publish
from local.stack import Stack

MODELS = 20
LOOKS = 20
# Room for some of the models in memory and for some more on disk, so that both levels of the cache evict.
_ENVIRONMENT = {"RETINUE_MODEL_MEMORY_MB": "200", "RETINUE_MODEL_DISK_MB": "30"}
_TIMEOUT_S = 60.0
_NETWORK = SAMPLES / "models" / "coins" / "coins.onnx"


@dataclass(frozen=True, slots=True)
class Soak:
    """Resident memory of the one process, looked at in even steps; the last value is after the last request."""

    requests: int
    models: int
    resident_bytes: tuple[int, ...]


def soak(requests: int, picture: Picture, progress: Callable[[str, int], None]) -> Soak:
    """Sends so many requests (at least one for each look), to models in random order.

    Raises MeasurementError, OperatorError, OSError.
    """
    chance = random.Random(MODELS)
    resident = []
    with Stack(artefacts="built", max_workers=1, environment=_ENVIRONMENT) as stack:
        ids = [f"soak-{number}/1" for number in range(MODELS)]
        for model_id in ids:
            progress("Publishing models to soak", 0)
            publish(stack, Sample(model_id, _NETWORK, "detect", ()))
        key, between = create_key(stack), max(1, requests // LOOKS)
        for _ in range(LOOKS):
            progress("Soaking", 1)
            _send(stack.url, [chance.choice(ids) for _ in range(between)], key, picture)
            resident.append(sum(psutil.Process(pid).memory_info().rss for pid in stack.workers(DETECT)))
    return Soak(LOOKS * between, MODELS, tuple(resident))


def _send(url: str, model_ids: list[str], key: str, picture: Picture) -> None:
    """Asks each of these models about the picture. Raises MeasurementError unless each answers with 200."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_TIMEOUT_S)
    try:
        for model_id in model_ids:
            call = url_call(model_id, picture.jpeg, key)
            connection.request("POST", call.target, call.body, {"content-type": call.content_type})
            response = connection.getresponse()
            answer = response.read()
            if response.status != 200:
                raise MeasurementError(f"{model_id} answered {response.status}: {answer[:300]!r}")
    except (OSError, http.client.HTTPException) as exc:
        raise MeasurementError(f"a request of the soak failed: {exc!r}") from exc
    finally:
        connection.close()
