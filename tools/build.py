"""Build the layers with `sam build`, for the newest Lambda runtime whose Python this machine has.

    .venv-sam/bin/python tools/build.py [--runtime python3.11] [--architecture arm64]

A .pyc file is read by one minor version only, so the layers and the template's parameter Runtime must agree. What was
built is written down beside it: .aws-sam/built.json (runtime, architecture, interpreter) for those who run the layers,
.aws-sam/parameters for `make deploy`. Needs neither credentials nor Docker.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNTIMES = ("python3.13", "python3.12", "python3.11")  # newest first


def candidates(runtime: str, environ: Mapping[str, str]) -> Iterator[Path]:
    """Where an interpreter of that runtime may lie: on PATH, then below pyenv's folder of versions."""
    if found := shutil.which(runtime, path=environ.get("PATH")):
        yield Path(found)
    pyenv = Path(environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob(f"versions/{runtime.removeprefix('python')}.*/bin/{runtime}"), reverse=True)


def runs_as(interpreter: Path, runtime: str) -> bool:
    """Whether it starts and is that minor version. A pyenv shim exists on PATH even where its version does not."""
    command = [str(interpreter), "-c", "import sys; print('python%d.%d' % sys.version_info[:2])"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except OSError:
        return False
    return answer.returncode == 0 and answer.stdout.strip() == runtime


def choose(wanted: str | None, environ: Mapping[str, str]) -> tuple[str, Path]:
    """The runtime to build for and its interpreter: the one wanted, else the newest that works."""
    for runtime in (wanted,) if wanted else RUNTIMES:
        for interpreter in candidates(runtime, environ):
            if runs_as(interpreter, runtime):
                return runtime, interpreter
    raise SystemExit(f"No interpreter for {wanted or ', '.join(RUNTIMES)} on PATH or below pyenv's folder of versions.")


def build(runtime: str, interpreter: Path, architecture: str) -> None:
    """Run `sam build` and note what was built. Ends the process with sam's own status if it fails."""
    output = ROOT / ".aws-sam"
    note = output / "built.json"
    built = {"runtime": runtime, "architecture": architecture, "python": str(interpreter)}
    if not note.is_file() or json.loads(note.read_text(encoding="utf-8")) != built:
        # sam's cache knows the sources of a layer only, not the interpreter and platform that it was built for.
        shutil.rmtree(output, ignore_errors=True)
    note.unlink(missing_ok=True)
    tools = Path(sys.executable).parent
    # The layers' own Makefiles start afresh, without the options of the `make` that may have started this.
    environ = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    environ |= {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "SAM_CLI_TELEMETRY": "0"}
    environ |= {"LAYER_PYTHON": str(interpreter), "LAYER_ARCHITECTURE": architecture}
    parameters = [f"Runtime={runtime}", f"Architecture={architecture}"]
    command = [str(tools / "sam"), "build", "--cached", "--parallel", "--parameter-overrides", *parameters]
    if status := subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode:
        raise SystemExit(status)
    (output / "parameters").write_text(" ".join(parameters) + "\n", encoding="utf-8")
    note.write_text(json.dumps(built, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Choose the runtime, say which and why, build."""
    parser = argparse.ArgumentParser(description="Build the layers for the newest Python that this machine has.")
    parser.add_argument("--runtime", choices=RUNTIMES, help="default: the newest one found")
    parser.add_argument("--architecture", choices=["x86_64", "arm64"], default="x86_64")
    arguments = parser.parse_args()
    runtime, interpreter = choose(arguments.runtime, os.environ)
    why = "as asked" if arguments.runtime else f"the newest of {', '.join(RUNTIMES)} here"
    print(f"Building for {runtime} on {arguments.architecture}: {why} ({interpreter})", flush=True)
    build(runtime, interpreter, arguments.architecture)


if __name__ == "__main__":
    main()
