"""A client in a process of its own, so that it shares no interpreter with the gateway. `python -m bench.client`.

Reads one line of JSON: `targets` (name, host, port, target, content_type, body of each), `clients`, `requests` (of each
client to each target) and `block`. Every client is a thread with its own connections, which sends its next request
when it has the answer to the last. The targets take turns: all clients send `block` requests to the first, then to the
second, and so on, so that what disturbs one disturbs the other.

Prints one line: for each target the milliseconds of each request, those of `session.run` inside it where the answer
says them, the seconds of all its blocks together, how many requests met a cold process, and the last predictions.
"""

import http.client
import json
import sys
import threading
import time
from typing import Any

from bench.answers import predictions_of, stages_of

# A process that is cold during the measurement would count as slow: rounds of requests until none is, at most so many.
_LEAST_WARM_UP, _MOST_WARM_UP = 3, 12
_TIMEOUT_S = 60.0


class Client:
    """One connection to one target."""

    def __init__(self, target: dict[str, Any]) -> None:
        self._connection = http.client.HTTPConnection(target["host"], target["port"], timeout=_TIMEOUT_S)
        self._target = target["target"]
        self._headers = {"content-type": target["content_type"]}
        self._body = target["body"].encode("ascii")
        self.answer = b""
        self.error = ""
        self.forget()

    def forget(self) -> None:
        """Empties the records."""
        self.times_ms: list[float] = []
        self.infer_ms: list[float] = []
        self.cold = 0

    def send(self, count: int) -> None:
        """Sends so many requests, one after another; stops at the first that fails and keeps its message."""
        try:
            for _ in range(count):
                started_s = time.perf_counter()
                self._connection.request("POST", self._target, self._body, self._headers)
                response = self._connection.getresponse()
                self.answer = response.read()
                self.times_ms.append((time.perf_counter() - started_s) * 1e3)
                if response.status != 200:
                    raise http.client.HTTPException(f"status {response.status}: {self.answer[:300]!r}")
                self._read_headers(response.headers)
        except (OSError, http.client.HTTPException) as exc:
            self.error = f"{type(exc).__name__}: {exc}"

    def _read_headers(self, headers: http.client.HTTPMessage) -> None:
        """What our own answers say about themselves; others' say nothing."""
        if "server-timing" in headers:
            self.infer_ms.append(stages_of(headers["server-timing"])["infer"])
        self.cold += headers.get("x-model-cold-start") == "true"


class Side:
    """All clients of one target, and how long their blocks took together."""

    def __init__(self, target: dict[str, Any], clients: int) -> None:
        self._name = target["name"]
        self.clients = [Client(target) for _ in range(clients)]
        self.took_s = 0.0

    def send(self, count: int) -> None:
        """Each client sends so many requests, all clients at once. Exits with a message if one fails."""
        threads = [threading.Thread(target=client.send, args=(count,)) for client in self.clients]
        started_s = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.took_s += time.perf_counter() - started_s
        if errors := [client.error for client in self.clients if client.error]:
            raise SystemExit(f"{self._name}: {errors[0]}")

    def warm_up(self) -> None:
        """Sends until nothing is cold, and forgets it."""
        for count in range(1, _MOST_WARM_UP + 1):
            self.forget()
            self.send(1)
            if count >= _LEAST_WARM_UP and not any(client.cold for client in self.clients):
                break
        self.forget()

    def forget(self) -> None:
        """Empties the records."""
        self.took_s = 0.0
        for client in self.clients:
            client.forget()

    def report(self) -> dict[str, Any]:
        """What was measured."""
        return {
            "times_ms": [took_ms for client in self.clients for took_ms in client.times_ms],
            "infer_ms": [took_ms for client in self.clients for took_ms in client.infer_ms],
            "took_s": self.took_s,
            "cold": sum(client.cold for client in self.clients),
            "predictions": predictions_of(json.loads(self.clients[0].answer)),
        }


def main() -> None:
    """Warms up, measures, prints."""
    plan = json.loads(sys.stdin.readline())
    sides = [Side(target, plan["clients"]) for target in plan["targets"]]
    for side in sides:
        side.warm_up()
    rounds, rest = divmod(plan["requests"], plan["block"])
    for count in [plan["block"]] * rounds + [rest] * bool(rest):
        for side in sides:
            side.send(count)
    print(json.dumps([side.report() for side in sides]))


if __name__ == "__main__":
    main()
