"""1,000 batches of one operation each, through the engine in one process, against 1,000 `git apply` processes.

That is how an agent works that sends its edits one by one. Each batch of ours is planned, recorded twice, journalled,
flushed and finished by itself; each `git apply` is one process and flushes nothing. `apply_batches` takes the same
thousand in one call: each is still applied or refused by itself, but they are flushed and recorded together. Half of
the batches go to one file, the others to files of their own.

    python -m benchmarks.patch_single [ROUNDS]
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks._contest import CHILDREN, OURS, Times, folder_for_trees, ratio
from benchmarks._patch_case import FILES, LINES, file_name, make_tree
from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.patching import Workspace, apply_batch, apply_batches
from repo_agent_dagster.store.custody import open_custody

BATCHES = 1000


def make_batches() -> list[PatchBatch]:
    """One replaced line each; none touches a line that another one touched."""
    batches = []
    for number in range(BATCHES):
        file = file_name(0 if number % 2 else number % FILES)
        line = 1 + (number * 7) % LINES if number % 2 else 1 + 2 * (number // FILES)
        operation = {"op": "replace-block", "file": file, "start": line, "end": line, "block": f"single = {number}"}
        batches.append(PatchBatch.model_validate({"orderId": "bench", "patches": [operation]}))
    return batches


def fsync_limit(tree: Path) -> Callable[[], object]:
    """Return the least that a thousand durable single edits could do: one flush each, of a file of one line."""

    def flush_each() -> None:
        with (tree / "flushed").open("wb") as file:
            for number in range(BATCHES):
                file.write(b"single = %d\n" % number)
                file.flush()
                os.fdatasync(file.fileno())

    return flush_each


def measure(rounds: int, folder: Path) -> list[Times]:
    """Run every contender once in each round, after one that does not count."""
    pristine = folder / "pristine"
    make_tree(pristine)
    batches = make_batches()
    custody = open_custody(f"sqlite:///{folder / 'store.db'}")

    def engine(tree: Path) -> Callable[[], object]:
        workspace = Workspace(tree)
        return lambda: [apply_batch(workspace, batch, custody=custody, now=datetime.now(UTC)) for batch in batches]

    def group(tree: Path) -> Callable[[], object]:
        workspace = Workspace(tree)
        return lambda: apply_batches(workspace, batches, custody=custody, now=datetime.now(UTC))

    diffs = folder / "diffs"
    diffs.mkdir()
    source = folder / "source"
    shutil.copytree(pristine, source)
    for number, batch in enumerate(batches):
        result = apply_batch(Workspace(source), batch, custody=custody, now=datetime.now(UTC))
        (diffs / f"{number}.diff").write_text(result.diff)

    def git(tree: Path) -> Callable[[], object]:
        names = [str(diffs / f"{number}.diff") for number in range(BATCHES)]
        return lambda: [subprocess.run(["git", "apply", name], cwd=tree, check=True) for name in names]

    contenders: list[tuple[str, int, Callable[[Path], Callable[[], object]]]] = [
        ("engine, 1,000 batches, each flushed", OURS, engine),
        ("engine, 1,000 batches, one flush", OURS, group),
        ("1,000 git apply processes", CHILDREN, git),
        ("1,000 flushes of one file", OURS, fsync_limit),
    ]
    times = [Times(name) for name, _, _ in contenders]
    for number in range(rounds + 1):
        for place, ((name, who, make), kept) in enumerate(zip(contenders, times, strict=True)):
            tree = folder / f"{number}-{place}"
            shutil.copytree(pristine, tree)
            os.sync()
            (Times("warm-up") if number == 0 else kept).add(make(tree), who)
            differ = subprocess.run(["git", "diff", "--no-index", "--quiet", source / "src", tree / "src"]).returncode
            if differ and make is not fsync_limit:
                raise SystemExit(f"{name}: another tree than the engine's first one")
    return times


def main() -> None:
    """Print the table and the ratios."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with folder_for_trees("patch-single-") as folder:
        engine, group, git, flushes = measure(rounds, folder)
    print(f"{BATCHES} batches of one operation, {rounds} rounds; min – median – max")
    for one in (engine, group, git, flushes):
        print(one)
    print("ratios, round by round:")
    print(" ", ratio(group, git, bar=0.5))
    print(" ", ratio(engine, git, bar=0.5))
    print(" ", ratio(engine, flushes))


if __name__ == "__main__":
    main()
