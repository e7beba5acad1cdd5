"""A batch of 1,000 replace-block operations on 200 files of 500 lines, against `git apply`, GNU patch and the disk.

Each contender in turn, each on a fresh copy of the tree. `patchctl` and the engine are durable, leave one diff for each
patch and record 2,000 events in the custody chain; the *durable limit* only splices, writes, flushes and renames each
file and flushes the folders, in plain Python; git and patch flush nothing. What a Python process costs before it can do
anything is shown beside them.

    python -m benchmarks.patch_batch [ROUNDS]
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks._contest import CHILDREN, OURS, Times, folder_for_trees, quiet_copy, ratio, spread
from benchmarks._patch_case import FILES, LINES, OPERATIONS_PER_FILE, make_batch, make_tree
from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.patching import Workspace, apply_batch
from repo_agent_dagster.store.custody import open_custody

Work = Callable[[], object]

_WRITE_NOTHING = {"splicing alone", "patchctl --help", "python, typer, pydantic loaded"}
_LOADED = "import typer; from pydantic import BaseModel, TypeAdapter"


def splice(path: Path, operations: list[dict[str, Any]]) -> bytes:
    """Return a file's content with blocks replaced: the work itself, without a check of any kind."""
    lines = path.read_bytes().splitlines(keepends=True)
    for operation in reversed(operations):
        block = [line.encode() + b"\n" for line in operation["block"].split("\n")]
        lines[operation["start"] - 1 : operation["end"]] = block
    return b"".join(lines)


def splice_all(tree: Path, by_file: dict[str, list[dict[str, Any]]]) -> list[bytes]:
    """Work out every file's new content."""
    return [splice(tree / name, operations) for name, operations in by_file.items()]


def write_durably(tree: Path, by_file: dict[str, list[dict[str, Any]]]) -> None:
    """Write every file the classical way: beside it, flushed, renamed; then flush the folders."""
    for name, content in zip(by_file, splice_all(tree, by_file), strict=True):
        staged = tree / f"{name}.new"
        with staged.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        staged.rename(tree / name)
    for folder in {(tree / name).parent for name in by_file}:
        descriptor = os.open(folder, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def environment(folder: Path) -> dict[str, str]:
    """Our environment, with byte code kept, as it is where the package is installed, outside of the checkout."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(folder / "bytecode")}


def measure(rounds: int, folder: Path) -> tuple[list[Times], list[float]]:
    """Run every contender once in each round, after one that does not count; return what new files cost, too."""
    pristine = folder / "pristine"
    make_tree(pristine)
    batch = make_batch()
    by_file: dict[str, list[dict[str, Any]]] = {}
    for operation in batch["patches"]:
        by_file.setdefault(operation["file"], []).append(operation)
    (folder / "batch.json").write_text(json.dumps(batch))
    url = f"sqlite:///{folder / 'store.db'}"
    custody = open_custody(url)
    parsed = PatchBatch.model_validate(batch)
    plan = apply_batch(Workspace(pristine), parsed, custody=custody, now=datetime.now(UTC), dry_run=True)
    diff = folder / "whole.diff"
    diff.write_text(plan.diff)
    patchctl = str(Path(sys.executable).with_name("patchctl"))
    bytecode = environment(folder)

    def process(*command: str) -> Callable[[Path], Work]:
        return lambda tree: (
            lambda: subprocess.run(command, cwd=tree, check=True, stdout=subprocess.DEVNULL, env=bytecode)
        )

    def engine(tree: Path) -> Work:
        return lambda: apply_batch(Workspace(tree), parsed, custody=custody, now=datetime.now(UTC))

    contenders: dict[str, tuple[int, Callable[[Path], Work]]] = {
        "patchctl apply": (
            CHILDREN,
            process(patchctl, "apply", "--batch", str(folder / "batch.json"), "--database-url", url),
        ),
        "git apply": (CHILDREN, process("git", "apply", str(diff))),
        "git apply --index": (CHILDREN, process("git", "apply", "--index", str(diff))),
        "engine (in a loaded process)": (OURS, engine),
        "durable limit": (OURS, lambda tree: lambda: write_durably(tree, by_file)),
        "splicing alone": (OURS, lambda tree: lambda: splice_all(tree, by_file)),
        "patchctl --help": (CHILDREN, process(patchctl, "--help")),
        "python, typer, pydantic loaded": (CHILDREN, process(sys.executable, "-c", _LOADED)),
    }
    if shutil.which("patch"):
        contenders["GNU patch"] = (CHILDREN, process("patch", "-p1", "-s", "-i", str(diff)))
    times, prices = [Times(name) for name in contenders], []
    for number in range(rounds + 1):
        for (name, (who, make)), kept in zip(contenders.items(), times, strict=True):
            tree, price = quiet_copy(pristine, folder / f"{number}-{name.replace(' ', '-')}")
            prices.append(price)
            subprocess.run(["git", "status", "--short"], cwd=tree, check=True)  # its index knows the copies
            os.sync()
            (Times("warm-up") if number == 0 else kept).add(make(tree), who)
            if name not in _WRITE_NOTHING:
                same_tree(tree, diff)
    return times, prices


def same_tree(tree: Path, diff: Path) -> None:
    """Leave unless the contender made the tree that the diff leads to."""
    back = subprocess.run(["git", "apply", "-R", "--check", str(diff)], cwd=tree, capture_output=True, text=True)
    changed = subprocess.run(
        ["git", "diff", "--name-only", "HEAD"], cwd=tree, check=True, capture_output=True, text=True
    )
    if back.returncode != 0 or len(changed.stdout.splitlines()) != FILES:
        raise SystemExit(f"{tree.name}: another tree than the diff's\n{back.stderr}")


def main() -> None:
    """Print the table and the ratios."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with folder_for_trees("patch-batch-") as folder:
        measured, prices = measure(rounds, folder)
    times = {one.name: one for one in measured}
    peak = resource.getrusage(CHILDREN).ru_maxrss / 1024
    operations = FILES * OPERATIONS_PER_FILE
    print(f"{operations} replace-block operations, {FILES} files of {LINES} lines, {rounds} rounds; min – median – max")
    print(f"a new file cost {spread(prices, '.0f')} µs of CPU in these trees; the largest process had {peak:.0f} MiB")
    for one in times.values():
        print(one)
    patchctl, engine = times["patchctl apply"], times["engine (in a loaded process)"]
    print("ratios, round by round:")
    print(" ", ratio(engine, times["durable limit"], bar=1.5))
    print(" ", ratio(patchctl, times["git apply --index"], bar=2))
    print(" ", ratio(patchctl, times["git apply"]))
    print(" ", ratio(engine, times["git apply --index"]))
    help_seconds = statistics.median(times["patchctl --help"].cpu)
    print(f"  patchctl --help: {help_seconds:.3f} s of CPU   bar 0.25: {'met' if help_seconds < 0.25 else 'NOT met'}")


if __name__ == "__main__":
    main()
