"""Calls gateways that refuse some requests with the published inference-sdk; prints what became of each call.

Run by test_client_retries.py with the interpreter of another environment: the client pins older numpy and Pillow.
Usage: retry_calls.py KEY PICTURE CASES, the last being JSON: name -> [kind of call, URL]. All calls run at once.
"""

import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from inference_sdk import InferenceHTTPClient
from inference_sdk.http.errors import HTTPCallErrorError

MODEL = "shapes/1"


def main(key: str, picture: str, cases: dict[str, tuple[str, str]]) -> dict[str, Any]:
    """Number of objects, or status and message of the error."""

    def outcome(case: tuple[str, str]) -> dict[str, Any]:
        try:
            return {"objects": _objects(*case, key, picture)}
        except HTTPCallErrorError as exc:
            return {"status": exc.status_code, "message": exc.api_message}

    with ThreadPoolExecutor(len(cases)) as pool:
        return dict(zip(cases, pool.map(outcome, cases.values()), strict=True))


def _objects(kind: str, url: str, key: str, picture: str) -> int:
    client = InferenceHTTPClient(api_url=url, api_key=key)
    if kind == "workflow":
        rows = client.run_workflow(workspace_name="default", workflow_id="shapes", images={"image": picture})
        return len(rows[0]["objects"]["predictions"])
    if kind.endswith("by url"):
        client.select_api_v0()
    if kind.startswith("async"):
        answer = asyncio.run(client.infer_async(picture, model_id=MODEL))
    else:
        answer = client.infer(picture, model_id=MODEL)
    return len(answer["predictions"])


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))))
