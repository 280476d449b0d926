"""Print the unpacked size of the built layers by package and of the largest function; fail above the budget.

    python tools/layer_size.py

Lambda refuses 250 MiB. The budget is far below, because a cold start reads what it loads over the network.
"""

import re
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".aws-sam" / "build"
BUDGET_MIB = 120
MIB = 1024 * 1024
SMALL_MIB = 0.5  # packages below this share one line


def package_of(path: Path) -> str:
    """Package of a file, by its path below python/: `numpy.libs/...` and `numpy-2.5.5.dist-info/...` give numpy."""
    first = path.parts[1] if path.parts[0] == "__pycache__" else path.parts[0]
    name = re.split(r"[.-]", first)[0].lower()
    return "pillow" if name == "pil" else name


def folder_size(folder: Path) -> int:
    """Bytes of all files below it."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def sizes_by_package(layer: Path) -> Counter[str]:
    """Bytes by package of one built layer."""
    sizes: Counter[str] = Counter()
    for path in (layer / "python").rglob("*"):
        if path.is_file():
            sizes[package_of(path.relative_to(layer / "python"))] += path.stat().st_size
    return sizes


def function_sizes(template: str) -> dict[str, int]:
    """Bytes by function folder, for each CodeUri of a built template."""
    folders = {(BUILD / uri).resolve() for uri in re.findall(r"^\s+CodeUri: (\S+)$", template, re.MULTILINE)}
    return {folder.name: folder_size(folder) for folder in sorted(folders)}


def report(layers: dict[str, Counter[str]], functions: dict[str, int]) -> tuple[list[str], float]:
    """The lines of the table, and the total in MiB of all layers with the largest function."""
    lines = []
    for name, packages in sorted(layers.items()):
        lines.append(f"{name:<32}{packages.total() / MIB:>9.1f} MiB")
        shown = [(package, size) for package, size in packages.most_common() if size >= SMALL_MIB * MIB]
        lines += [f"  {package:<30}{size / MIB:>9.1f}" for package, size in shown]
        if rest := packages.total() - sum(size for _, size in shown):
            lines.append(f"  {f'{len(packages) - len(shown)} smaller':<30}{rest / MIB:>9.1f}")
    largest = max(functions, key=lambda name: functions[name], default=None)
    if largest is not None:
        lines.append(f"{'largest function, ' + largest:<32}{functions[largest] / MIB:>9.1f} MiB")
    total = sum(packages.total() for packages in layers.values()) + max(functions.values(), default=0)
    lines.append(f"{'together':<32}{total / MIB:>9.1f} MiB of {BUDGET_MIB}")
    return lines, total / MIB


def main() -> int:
    """Print the table; exit status 1 above the budget or before a build."""
    layers = {path.name: sizes_by_package(path) for path in BUILD.glob("*Layer") if path.is_dir()}
    if not layers:
        print("Nothing is built yet: run `make build`.", file=sys.stderr)
        return 1
    lines, total_mib = report(layers, function_sizes((BUILD / "template.yaml").read_text(encoding="utf-8")))
    print("\n".join(lines))
    if total_mib > BUDGET_MIB:
        print(f"{total_mib:.1f} MiB is above the budget of {BUDGET_MIB} MiB.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
