"""A client in a process of its own, so that it shares no interpreter with the gateway. `python -m bench.client`.

Reads one line of JSON (host, port, target, content_type, body, clients, requests) and prints one: the milliseconds of
each request, of `session.run` inside it, and of all together. Every client is a thread with its own connection, which
sends its next request when it has the answer to the last.
"""

import http.client
import json
import sys
import threading
import time
from typing import Any

# A process that is cold during the measurement would count as slow: rounds of requests until none is, at most so many.
_WARM_UP_ROUNDS = 12
_TIMEOUT_S = 35.0


class Client:
    """One connection."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._connection = http.client.HTTPConnection(plan["host"], plan["port"], timeout=_TIMEOUT_S)
        self._target = plan["target"]
        self._headers = {"content-type": plan["content_type"]}
        self._body = plan["body"].encode("ascii")
        self.times_ms: list[float] = []
        self.infer_ms: list[float] = []
        self.cold = 0
        self.error = ""

    def send(self, count: int) -> None:
        """Sends so many requests, one after another; stops at the first that fails and keeps its message."""
        try:
            for _ in range(count):
                started_s = time.perf_counter()
                self._connection.request("POST", self._target, self._body, self._headers)
                response = self._connection.getresponse()
                answer = response.read()
                self.times_ms.append((time.perf_counter() - started_s) * 1e3)
                if response.status != 200:
                    raise http.client.HTTPException(f"status {response.status}: {answer[:300]!r}")
                stages = dict(part.split(";dur=") for part in response.headers["server-timing"].split(", "))
                self.infer_ms.append(float(stages["infer"]))
                self.cold += response.headers["x-model-cold-start"] == "true"
        except (OSError, http.client.HTTPException) as exc:
            self.error = f"{type(exc).__name__}: {exc}"


def send_all(clients: list[Client], count: int) -> float:
    """Each client sends `count` requests, all clients at once; returns the seconds that it took."""
    for client in clients:
        client.times_ms, client.infer_ms, client.cold = [], [], 0
    threads = [threading.Thread(target=client.send, args=(count,)) for client in clients]
    started_s = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took_s = time.perf_counter() - started_s
    if errors := [client.error for client in clients if client.error]:
        raise SystemExit(errors[0])
    return took_s


def main() -> None:
    """Warms up, measures, prints. Exits with a message if a request fails."""
    plan = json.loads(sys.stdin.readline())
    clients = [Client(plan) for _ in range(plan["clients"])]
    for _ in range(_WARM_UP_ROUNDS):
        send_all(clients, 2)
        if not any(client.cold for client in clients):
            break
    took_s = send_all(clients, plan["requests"])
    times_ms = [took_ms for client in clients for took_ms in client.times_ms]
    infer_ms = [took_ms for client in clients for took_ms in client.infer_ms]
    cold = sum(client.cold for client in clients)
    print(json.dumps({"times_ms": times_ms, "infer_ms": infer_ms, "took_s": took_s, "cold": cold}))


if __name__ == "__main__":
    main()
