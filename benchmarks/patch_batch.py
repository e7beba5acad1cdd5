"""`patchctl apply` of 1,000 replace-block operations on 200 files of 500 lines, against `git apply` of the equal diff.

Whole processes, interleaved round by round, each on a fresh copy of the tree. Beside them the engine alone, in a
process that has loaded everything: durable, with one diff for each patch and the custody rows.

    python -m benchmarks.patch_batch [ROUNDS]
"""

import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.patching import Workspace, apply_batch
from repo_agent_dagster.store.patch_events import StoreCustody
from repo_agent_dagster.store.revision import open_upgraded

FILES, LINES, OPERATIONS_PER_FILE = 200, 500, 5
SEED = 7


@dataclass
class Times:
    """Wall and CPU seconds of one contender, one number for each round."""

    name: str
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def add(self, work: Callable[[], object], who: int) -> None:
        """Run the work and keep its times; `who` says whose CPU counts, ours or that of our children."""
        before, start = resource.getrusage(who), time.perf_counter()
        work()
        self.wall.append(time.perf_counter() - start)
        after = resource.getrusage(who)
        self.cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    def __str__(self) -> str:
        return f"{self.name:32}" + "".join(
            f"  {kind} {min(values):6.3f} – {statistics.median(values):6.3f} – {max(values):6.3f} s"
            for kind, values in (("wall", self.wall), ("cpu", self.cpu))
        )


def make_tree(root: Path) -> None:
    """Fill a git repository with the files, all committed."""
    chance = random.Random(SEED)
    for number in range(FILES):
        path = root / f"src/m{number // 20:02}/file{number:03}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = (f"value_{line} = {chance.randrange(10**9)}  # of file {number}\n" for line in range(LINES))
        path.write_text("".join(lines))
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=b", "-c", "user.email=b@localhost", "commit", "-qm", "tree"],
    ):
        subprocess.run(["git", *command], cwd=root, check=True)


def make_batch() -> dict[str, Any]:
    """Five replaced blocks in each file, 1 to 4 lines long, by as many or other ones."""
    chance = random.Random(SEED)
    patches = []
    for number in range(FILES):
        for start in sorted(chance.sample(range(10, LINES - 20, 12), OPERATIONS_PER_FILE)):
            block = "\n".join(f"changed = {chance.randrange(10**9)}" for _ in range(chance.randint(1, 4)))
            patches.append(
                {
                    "op": "replace-block",
                    "file": f"src/m{number // 20:02}/file{number:03}.py",
                    "start": start,
                    "end": start + chance.randint(0, 3),
                    "block": block,
                }
            )
    return {"orderId": "bench", "patches": patches}


def measure(rounds: int, folder: Path) -> list[Times]:
    """Run every contender once in each round."""
    pristine = folder / "pristine"
    make_tree(pristine)
    batch = make_batch()
    (folder / "batch.json").write_text(json.dumps(batch))
    url = f"sqlite:///{folder / 'store.db'}"
    custody = StoreCustody(open_upgraded(url))
    parsed = PatchBatch.model_validate(batch)
    plan = apply_batch(Workspace(pristine), parsed, custody=custody, now=datetime.now(UTC), dry_run=True)
    (folder / "whole.diff").write_text(plan.diff)
    patchctl = [str(Path(sys.executable).with_name("patchctl")), "apply", "--batch", str(folder / "batch.json")]
    diff = str(folder / "whole.diff")

    def process(tree: Path, *command: str) -> Callable[[], object]:
        return lambda: subprocess.run(command, cwd=tree, check=True, stdout=subprocess.DEVNULL)

    def engine(tree: Path) -> Callable[[], object]:
        return lambda: apply_batch(Workspace(tree), parsed, custody=custody, now=datetime.now(UTC))

    contenders: list[tuple[str, int, Callable[[Path], Callable[[], object]]]] = [
        ("patchctl apply", resource.RUSAGE_CHILDREN, lambda tree: process(tree, *patchctl, "--database-url", url)),
        ("git apply", resource.RUSAGE_CHILDREN, lambda tree: process(tree, "git", "apply", diff)),
        ("git apply --index", resource.RUSAGE_CHILDREN, lambda tree: process(tree, "git", "apply", "--index", diff)),
        ("engine alone (loaded process)", resource.RUSAGE_SELF, engine),
    ]
    times = [Times(name) for name, _, _ in contenders]
    results: set[str] = set()
    for round_number in range(rounds):
        for (_, who, make), kept in zip(contenders, times, strict=True):
            tree = folder / f"tree-{round_number}-{kept.name.split(' (')[0].replace(' ', '-')}"
            shutil.copytree(pristine, tree)
            subprocess.run(["git", "status", "--short"], cwd=tree, check=True)  # its index knows the copies
            os.sync()
            kept.add(make(tree), who)
            results.add(
                subprocess.run(["git", "diff", "HEAD"], cwd=tree, check=True, capture_output=True, text=True).stdout
            )
            shutil.rmtree(tree)
    if len(results) != 1:
        raise SystemExit("the contenders made different trees")
    return times


def main() -> None:
    """Print the table and the ratios of medians."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with TemporaryDirectory(prefix="patch-batch-") as folder:
        times = measure(rounds, Path(folder))
    operations = FILES * OPERATIONS_PER_FILE
    print(f"{operations} replace-block operations, {FILES} files of {LINES} lines, {rounds} rounds; min – median – max")
    for one in times:
        print(one)
    patchctl, *others = times
    for other in others[:2]:
        ratio = statistics.median(patchctl.wall) / statistics.median(other.wall)
        print(f"ratio patchctl apply / {other.name}: {ratio:.2f} (wall, medians)")


if __name__ == "__main__":
    main()
