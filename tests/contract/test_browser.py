"""In a real browser, where one is (RETINUE_BROWSER, or chromium on the path): the page, and calls of another origin."""

import os
import re
import shutil
import subprocess
import threading
from functools import partial
from html import unescape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.contract.deployment import DETECTOR, Deployment
from tests.contract.pictures import base64_of, scene

BROWSER = os.environ.get("RETINUE_BROWSER") or shutil.which("chromium")
OPTIONS = "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --enable-logging=stderr --dump-dom"
CALLS = """<!doctype html><pre></pre><script>
async function call(path, headers, body) {
  const answer = await fetch("%(url)s" + path, {method: "POST", headers, body});
  const text = `${answer.status} ${answer.headers.get("x-request-id").length} ${await answer.text()}`;
  document.querySelector("pre").append(`${text.slice(0, 80)}\\n`);
}
(async () => {
  await call("/%(model)s", {authorization: "Bearer %(key)s"}, "%(picture)s");
  await call("/%(model)s", {authorization: "Bearer wrong", "content-type": "application/json"}, "%(picture)s");
  await call("/infer/object_detection", {authorization: "Bearer %(key)s", "content-type": "application/json"}, "{}");
  await call("/no/such/path", {authorization: "Bearer %(key)s"}, "");
})();
</script>"""
pytestmark = pytest.mark.skipif(not BROWSER, reason="no browser: neither RETINUE_BROWSER nor chromium")


def opened(url: str, folder: Path) -> tuple[str, list[str]]:
    """The page once its scripts are done, and what is on its console."""
    command = [str(BROWSER), *OPTIONS.split(), f"--user-data-dir={folder}", "--virtual-time-budget=10000", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return unescape(done.stdout), re.findall(r"CONSOLE:\d+\] (.*)", done.stderr)


def test_the_page_shows_the_routes_under_its_own_policy(deployment: Deployment, tmp_path: Path) -> None:
    page, console = opened(f"{deployment.stack.url}/docs", tmp_path)

    assert console == []
    assert all(f"<code>{path}</code>" in page for path in ("/{project}/{version}", "/workflows/run", "/jobs/{job_id}"))


def test_calls_from_a_page_of_another_origin(deployment: Deployment, key: str, tmp_path: Path) -> None:
    values = {"url": deployment.stack.url, "model": DETECTOR, "key": key, "picture": base64_of(scene())}
    (tmp_path / "calls.html").write_text(CALLS % values)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page, _ = opened(f"http://127.0.0.1:{server.server_port}/calls.html", tmp_path / "profile")
        server.shutdown()

    answers = page.partition("<pre>")[2].splitlines()
    assert [answer[:6] for answer in answers[:4]] == ["200 36", "401 36", "422 36", "405 36"]
    assert '"inference_id"' in answers[0] and "Unauthorized" in answers[1] and '"missing"' in answers[2]
