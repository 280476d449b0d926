"""What a handler imports before the first request: nothing that the request may not need."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BANNED = {
    "boto3",
    "botocore",
    "pydantic",
    "PIL",
    "cv2",
    "asyncio",
    "onnx",
    "multipart",
    "requests",
    "httpx",
    "typer",
    "rich",
}

SCRIPT = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("app", sys.argv[1])
app = importlib.util.module_from_spec(spec)
spec.loader.exec_module(app)
print(json.dumps({"modules": sorted(sys.modules), "is_callable": callable(app.handler), "routes": len(app.ROUTES)}))
"""


@pytest.mark.parametrize("pool", ["detect", "catalog"])
def test_importing_a_handler(pool: str) -> None:
    # GIVEN a fresh interpreter without Lambda's variables
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "shared")}

    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(ROOT / "functions" / pool / "app.py")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    # THEN it imports without a setting, and nothing heavy
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    loaded = {name.partition(".")[0] for name in answer["modules"]}
    assert BANNED & loaded == set()
    assert answer["is_callable"] and answer["routes"] >= 5
    if pool == "catalog":  # a pool without models pays for none
        assert {"onnxruntime", "numpy"} & loaded == set()
