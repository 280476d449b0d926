"""Function processes as Lambda's environments: one event each, limits, crashes, replacement, and none left behind."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import httpx
import psutil
import pytest

from local.interpreter import Interpreter
from local.stack import ROOT, Stack
from tests.stack.local_functions import wait_until, write_template

BUCKET = {"ModelsBucket": {"Type": "AWS::S3::Bucket", "Properties": {"VersioningConfiguration": {"Status": "Enabled"}}}}
INTERNAL_ERROR = {"message": "Internal Server Error"}
# AWS's client, and ours for systems where AWS's has no wheel.
CLIENTS = [
    pytest.param(Interpreter(sys.executable, has_aws_client=False), id="poll"),
    pytest.param(
        Interpreter(sys.executable, has_aws_client=True),
        id="awslambdaric",
        marks=pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric has wheels for Linux only"),
    ),
]


@pytest.fixture(scope="module", params=CLIENTS)
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    template = write_template(tmp_path_factory.mktemp("workers"), {"Default": {}}, Timeout=1)
    with Stack(template, interpreter=request.param, max_workers=1) as running:
        yield running


def get(stack: Stack, path: str) -> httpx.Response:
    return httpx.get(stack.url + path, timeout=30)


def pid(stack: Stack) -> int:
    """The process that answers, which may be a new one."""
    return int(get(stack, "/echo").json()["pid"])


def assert_failed(response: httpx.Response) -> None:
    assert (response.status_code, response.json()) == (500, INTERNAL_ERROR)


def test_process_is_reused(stack: Stack) -> None:
    assert pid(stack) == pid(stack) == stack.workers("Echo")[0]


def test_process_sees_what_lambda_sets_and_nothing_else(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    about = get(stack, "/echo").json()

    environment = about["env"]
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "retinue-Echo"
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
    assert environment["LAMBDA_TASK_ROOT"] == about["cwd"]
    assert environment["TZ"] == ":UTC"
    assert Path(environment["TMPDIR"]).name.startswith("Echo-")
    assert "PYTEST_CURRENT_TEST" in os.environ and "PYTEST_CURRENT_TEST" not in environment
    assert "HOME" not in environment
    assert 0 < about["left_ms"] <= 1000


def test_exception_is_a_500_and_the_process_goes_on(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    before = pid(stack)

    assert_failed(get(stack, "/raise"))

    assert pid(stack) == before
    assert "ValueError: as asked" in caplog.text


def test_process_that_exits_is_a_500_and_replaced(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    before = pid(stack)

    assert_failed(get(stack, "/exit"))

    assert pid(stack) != before
    assert "exited with status 3" in caplog.text


def test_timeout_is_a_500_and_the_process_is_killed(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    before = pid(stack)

    assert_failed(get(stack, "/hang"))

    assert pid(stack) != before
    assert not psutil.pid_exists(before)
    assert "Task timed out after 1.00 seconds" in caplog.text
    assert "hanging" in caplog.text  # what it printed last


def test_oversize_response_is_a_500_and_the_process_is_replaced(stack: Stack) -> None:
    before = pid(stack)

    fits = get(stack, "/big?bytes=6291000")
    assert_failed(get(stack, "/big?bytes=6292000"))

    assert len(fits.content) == 6_291_000
    assert pid(stack) != before


def test_idle_process_that_is_killed_is_replaced(stack: Stack) -> None:
    before = pid(stack)

    os.kill(before, signal.SIGKILL)

    wait_until(lambda: before not in stack.workers("Echo"), "the dead process is noticed")
    assert pid(stack) != before


@pytest.mark.parametrize("interpreter", CLIENTS)
@pytest.mark.parametrize("code", ["import no_such_module", "syntax error", "import os; os._exit(7)"])
def test_init_error_is_a_500_each_time(
    tmp_path: Path, interpreter: Interpreter, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Stack(write_template(tmp_path, {"Default": {}}, code=code), interpreter=interpreter) as stack:
        for _ in range(2):
            assert_failed(get(stack, "/"))
    assert any(reason in caplog.text for reason in ("no_such_module", "SyntaxError", "status 7"))


def test_interpreter_that_does_not_exist_is_a_500(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    missing = Interpreter(str(tmp_path / "python"))
    with Stack(write_template(tmp_path, {"Default": {}}), interpreter=missing) as stack:
        assert_failed(get(stack, "/"))
    assert "cannot run" in caplog.text


def test_busy_processes_get_company_up_to_the_limit_then_events_queue(tmp_path: Path) -> None:
    # GIVEN a limit of 3 processes and 5 requests that stay in the function until a gate opens
    gates = tmp_path / "gates"
    gates.mkdir()
    template = write_template(tmp_path, {"Default": {}})
    with Stack(template, environment={"GATES": str(gates)}, max_workers=3) as stack, ThreadPoolExecutor(5) as threads:
        # WHEN all five are sent
        answers = [threads.submit(get, stack, f"/gate?name={number}") for number in range(5)]
        wait_until(lambda: len(list(gates.glob("in-*"))) == 3, "three requests are in the function")
        # THEN a third process is the last one, and all are answered once the gate is open
        assert len(stack.workers("Echo")) == 3
        (gates / "open").touch()
        pids = {answer.result().json()["pid"] for answer in answers}
    assert len(pids) == 3


def test_one_client_in_a_hurry_needs_one_process(tmp_path: Path) -> None:
    # The answer reaches the client before the process has asked for the next event.
    with Stack(write_template(tmp_path, {"Default": {}}), max_workers=3) as stack, httpx.Client() as client:
        pids = {client.get(stack.url + "/echo").json()["pid"] for _ in range(300)}

        assert len(pids) == len(stack.workers("Echo")) == 1


def test_surplus_idle_processes_end(tmp_path: Path) -> None:
    gates = tmp_path / "gates"
    gates.mkdir()
    template = write_template(tmp_path, {"Default": {}})
    with Stack(template, environment={"GATES": str(gates)}, idle_s=0.05) as stack, ThreadPoolExecutor(2) as threads:
        answers = [threads.submit(get, stack, f"/gate?name={number}") for number in range(2)]
        wait_until(lambda: len(list(gates.glob("in-*"))) == 2, "two requests are in the function")
        (gates / "open").touch()
        assert {answer.result().status_code for answer in answers} == {200}

        wait_until(lambda: len(stack.workers("Echo")) == 1, "one process is left")
        assert get(stack, "/echo").status_code == 200


def test_four_clients_send_500_requests_each(tmp_path: Path) -> None:
    failures: list[str] = []

    def send(stack: Stack, name: int) -> None:
        with httpx.Client(base_url=stack.url, timeout=30) as client:
            for number in range(500):
                body = f"{name}-{number}"
                response = client.post("/answer", content=f'{{"statusCode":200,"body":"{body}"}}', headers=as_json)
                if (response.status_code, response.text) != (200, body):
                    failures.append(f"{body}: {response.status_code} {response.text}")

    as_json = {"content-type": "application/json"}
    with Stack(write_template(tmp_path, {"Default": {}})) as stack:
        clients = [threading.Thread(target=send, args=(stack, name)) for name in range(4)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
    assert failures == []


# ---------------------------------------------------------------- the end


def test_s3_has_the_templates_buckets(tmp_path: Path) -> None:
    with Stack(write_template(tmp_path, {"Default": {}}, BUCKET)) as stack:
        assert stack.buckets == {"ModelsBucket": "retinue-modelsbucket"}
        keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": "us-east-1"}
        s3 = boto3.client("s3", endpoint_url=stack.s3_url, **keys)
        assert s3.get_bucket_versioning(Bucket="retinue-modelsbucket")["Status"] == "Enabled"
        s3.close()


def test_stop_ends_every_process_and_removes_the_folder(tmp_path: Path) -> None:
    others = set(psutil.Process().children(recursive=True))
    with Stack(write_template(tmp_path, {"Default": {}}, BUCKET)) as stack:
        folder = Path(get(stack, "/echo").json()["env"]["TMPDIR"])
        started = set(psutil.Process().children(recursive=True)) - others
        assert len(started) == 3  # a worker, S3, the guardian
    assert not any(process.is_running() for process in started)
    assert not folder.parent.exists()


def test_stop_while_requests_are_under_way(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as threads:
        with Stack(write_template(tmp_path, {"Default": {}})) as stack:
            asked = threads.submit(get, stack, "/hang")
            wait_until(lambda: len(stack.workers("Echo")) == 1, "the function is started")
        with pytest.raises(httpx.HTTPError):
            asked.result().raise_for_status()


def test_everything_dies_with_the_process_that_runs_the_stack(tmp_path: Path) -> None:
    # GIVEN a process that runs a stack and has a request under way
    template = write_template(tmp_path, {"Default": {}}, BUCKET)
    program = (
        "import sys, httpx; from pathlib import Path; from local.stack import Stack\n"
        "with Stack(Path(sys.argv[1])) as stack:\n"
        "    about = httpx.get(stack.url + '/echo', timeout=30).json()\n"
        "    print(about['env']['TMPDIR'], flush=True)\n"
        "    httpx.get(stack.url + '/hang', timeout=30)\n"
    )
    command = [sys.executable, "-c", program, str(template)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            folder = Path(running.stdout.readline().strip())
            children = psutil.Process(running.pid).children(recursive=True)
            assert len(children) == 3
            # WHEN it dies without a chance to tidy up
            running.kill()
            running.wait()
        finally:
            running.kill()
    # THEN its processes and its folder are gone soon
    wait_until(lambda: not any(child.is_running() for child in children), "its processes are gone")
    wait_until(lambda: not folder.parent.exists(), "its folder is gone")


def test_port_that_is_taken_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    template = write_template(tmp_path, {"Default": {}})
    with Stack(template) as first:
        port = httpx.URL(first.url).port or 0
        before = set(psutil.Process().children(recursive=True))
        with pytest.raises(OSError, match="address already in use"):
            Stack(template, port=port).start()
        assert set(psutil.Process().children(recursive=True)) == before
