"""What upstream's environment holds. Run as a script of upstream's Python: prints one line of JSON.

Sizes are those of the files of inference-cpu and of everything that it requires, in bytes, each file once; other
packages that happen to be installed beside it do not count.
"""

import json
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

PACKAGE = "inference-cpu"
# The default wheels of torch for Linux bring these, on machines without a GPU too.
GPU_PACKAGES = ("nvidia-", "cuda-", "triton")


def required_by(name: str, extras: frozenset[str], found: dict[str, Distribution], asked: set[object]) -> None:
    """Adds the package and all that it requires here to `found`, by name; what is not installed does not count."""
    key = name.lower().replace("_", "-")
    if (key, extras) in asked:
        return
    asked.add((key, extras))
    try:
        found[key] = distribution(name)
    except PackageNotFoundError:
        return
    for line in found[key].requires or ():
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or {""}):
            required_by(requirement.name, frozenset(requirement.extras), found, asked)


def files_of(package: Distribution) -> set[Path]:
    """The package's files that are there."""
    paths = (Path(str(package.locate_file(file))) for file in package.files or ())
    return {path for path in paths if path.is_file()}


def main() -> None:
    """Looks and prints."""
    found: dict[str, Distribution] = {}
    required_by(PACKAGE, frozenset(), found, set())
    if PACKAGE not in found:
        sys.exit(f"{PACKAGE} is not installed there")
    files = {name: files_of(package) for name, package in found.items()}
    for_gpu = {path for name, paths in files.items() if name.startswith(GPU_PACKAGES) for path in paths}
    everything = set().union(*files.values())
    versions = {name: found[name].version for name in (PACKAGE, "onnxruntime", "torch", "numpy")}
    facts = {
        "versions": {"python": sys.version.split()[0], **versions},
        "packages": len(found),
        "size_bytes": sum(path.stat().st_size for path in everything),
        "gpu_bytes": sum(path.stat().st_size for path in for_gpu),
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
