"""How a batch's time and memory grow: with its operations, with the file's lines, and up to 100,000 operations.

Each figure is of one process of its own, which applies one batch through the engine: durable, with diffs and custody.
Linear growth shows as a steady time for each operation (or line) beyond the first row. *Bytes touched* are those of the
files before and after, of the blocks and of the diffs; memory is the peak beyond what the loaded process had before.

    python -m benchmarks.patch_scaling [--quick]
"""

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks._contest import folder_for_trees
from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.patching import Workspace, apply_batch
from repo_agent_dagster.store.custody import open_custody

ROUNDS = 3


@dataclass(frozen=True)
class Case:
    """A batch of so many operations, spread evenly over so many files of so many lines."""

    operations: int
    files: int
    lines: int
    coordinates: str = "original"

    def __str__(self) -> str:
        return f"{self.operations:7,} operations on {self.files:3} x {self.lines:7,} lines, {self.coordinates}"


BY_OPERATIONS = [Case(count, 1, 100_000) for count in (500, 1000, 2000, 4000)]
BY_LINES = [Case(1000, 1, count) for count in (25_000, 50_000, 100_000, 200_000)]
IN_SEQUENCE = [Case(count, 1, 100_000, "sequential") for count in (500, 1000)]
LARGE = [Case(100_000, 1, 200_000), Case(100_000, 100, 2_000)]


def main() -> None:
    """Print a table for each way to grow."""
    if len(sys.argv) == 4 and sys.argv[1] == "--case":
        measure(Case(**json.loads(sys.argv[2])), Path(sys.argv[3]))
        return
    series = {"operations": BY_OPERATIONS, "lines": BY_LINES, "sequential coordinates": IN_SEQUENCE, "size": LARGE}
    if "--quick" in sys.argv:
        del series["size"]
    with folder_for_trees("patch-scaling-") as folder:
        for name, cases in series.items():
            rounds = ROUNDS if name != "size" else 1
            print(f"by {name}; the fastest of {rounds} round(s)")
            for case in cases:
                print(row(case, [run(case, folder) for _ in range(rounds)]), flush=True)


def row(case: Case, figures: list[dict[str, float]]) -> str:
    """Write what was measured of a case in one line."""
    best = min(figures, key=lambda one: one["cpu"])
    memory = best["peak"] / best["touched"]
    return (
        f"  {case}: wall {1000 * best['wall']:8.0f} ms  cpu {1000 * best['cpu']:8.0f} ms"
        f"  ({1e6 * best['cpu'] / case.operations:6.0f} µs each)"
        f"  memory {best['peak'] / 2**20:6.1f} MiB = {memory:4.1f} x the bytes touched"
    )


def run(case: Case, folder: Path) -> dict[str, float]:
    """Measure a case in a process of its own, in a new folder, which stays: what is deleted slows down what follows."""
    place = folder / str(len(list(folder.iterdir())))
    place.mkdir()
    argument = json.dumps(case.__dict__)
    command = [sys.executable, "-m", "benchmarks.patch_scaling", "--case", argument, str(place)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def measure(case: Case, folder: Path) -> None:
    """Apply the case's batch; print its figures as JSON."""
    custody = open_custody(f"sqlite:///{folder / 'store.db'}")
    small = Case(20, 2, 100)
    warm, root = folder / "warm", folder / "tree"
    for tree, size in ((warm, small), (root, case)):
        tree.mkdir()
        for number in range(size.files):
            lines = (f"value_{line} = {line * 7919 % 10**9}  # of a file\n" for line in range(size.lines))
            (tree / f"f{number}.txt").write_text("".join(lines))
    apply_batch(Workspace(warm), batch_of(small), custody=custody, now=datetime.now(UTC))
    batch = batch_of(case)
    before = sum(path.stat().st_size for path in root.glob("*.txt"))
    os.sync()
    reset_peak()
    baseline = peak_bytes()
    cpu, wall = time.process_time(), time.perf_counter()
    result = apply_batch(Workspace(root), batch, custody=custody, now=datetime.now(UTC))
    figures = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "peak": peak_bytes() - baseline}
    after = sum(path.stat().st_size for path in root.glob("*.txt"))
    blocks = sum(len(operation["block"]) for operation in operations_of(case))
    diffs = sum((root / patch.diff_path).stat().st_size for patch in result.patches)
    print(json.dumps(figures | {"touched": before + after + blocks + diffs}))


def batch_of(case: Case) -> PatchBatch:
    """Return the case's batch."""
    return PatchBatch.model_validate({"coordinates": case.coordinates, "patches": operations_of(case)})


def operations_of(case: Case) -> list[dict[str, Any]]:
    """Replace every n-th line by one or two others, the last ones first, so that order is no help."""
    each = case.operations // case.files
    step = case.lines // each
    return [
        {
            "op": "replace-block",
            "file": f"f{number}.txt",
            "start": 1 + index * step,
            "end": 1 + index * step,
            "block": f"replaced {index}\n" * (1 + index % 2 * (case.coordinates == "original")),
        }
        for number in range(case.files)
        for index in reversed(range(each))
    ]


def reset_peak() -> None:
    """Make the kernel forget the peak so far, where it can (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_bytes() -> int:
    """Return the most memory that was resident since the peak was reset."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
