"""Checking a one-line patch, and a tree that did not change, on a TypeScript project of 2,000 files.

Against a cold `tsc --noEmit` of the same project in the same round: its own compiler, from npm. The patch is applied by
the engine with its check around it: durable, on record, the findings before from the record of the batch before.

    python -m benchmarks.type_check [ROUNDS] [FILES]
"""

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks._contest import CHILDREN, OURS, Times, ratio
from benchmarks._type_project import make_project, module_path, tuned_line
from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.patching import Checker, Workspace, apply_batch
from repo_agent_dagster.pathways.patch_checks.workspace_checks import CheckLimits, host_checker, sandbox_checker
from repo_agent_dagster.store.patch_events import StoreCustody
from repo_agent_dagster.store.revision import open_upgraded

TYPESCRIPT = "typescript@5.9"
PATCH_BAR, UNCHANGED_BAR = 0.6, 0.1
LIMITS = CheckLimits(memory_mb=4096, cpus=float(os.cpu_count() or 1))


def measure(rounds: int, files: int, folder: Path, *, sandboxed: bool) -> tuple[Times, list[tuple[Times, Times]]]:
    """Return the cold runs, and for each place of checks the patched and the unchanged trees."""
    project = folder / "project"
    make_project(project, files)
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", TYPESCRIPT], cwd=project, check=True)
    custody = StoreCustody(open_upgraded(f"sqlite:///{folder / 'store.db'}"))
    cold = Times("cold tsc --noEmit")
    places = [("host", project, lambda: host_checker(project, "tsc", 600.0))]
    if sandboxed:
        copy = folder / "sandboxed"
        shutil.copytree(project, copy, symlinks=True)
        places.append(("sandbox", copy, lambda: sandbox_checker("tsc", LIMITS)))
    contenders = [(Times(f"one-line patch, {name}"), Times(f"unchanged tree, {name}")) for name, _, _ in places]
    for _, tree, make in places:
        apply_patch(tree, 0, -1, make(), custody)  # the first batch finds nothing kept

    def run_cold() -> None:
        subprocess.run([project / "node_modules/.bin/tsc", "--noEmit", "-p", "."], cwd=project, check=True)

    for number in range(rounds):
        cold.add(run_cold, CHILDREN)
        module = (number * 397 + 11) % files
        for (patched, unchanged), (_, tree, make) in zip(contenders, places, strict=True):
            patched.add(partial(apply_patch, tree, module, number, make(), custody), CHILDREN)
            unchanged.add(partial(look, tree, make()), OURS)
    return cold, contenders


def apply_patch(tree: Path, module: int, value: int, checker: Checker, custody: StoreCustody) -> None:
    """Change one line of a module, and check that."""
    line = tuned_line(tree, module)
    change = {"op": "replace-block", "file": module_path(module), "start": line, "end": line}
    batch = PatchBatch.model_validate({"patches": [{**change, "block": f"  const tuning = {1000 + value};"}]})
    apply_batch(Workspace(tree), batch, custody=custody, now=datetime.now(UTC), checker=checker)


def look(tree: Path, checker: Checker) -> None:
    """Check a tree that is as it was left."""
    if checker.check(tree):
        raise SystemExit("the project has type errors")
    checker.close()


def main() -> None:
    """Print the table and the ratios."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    files = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    from repo_agent_dagster.sandbox import why_no_engine

    missing = why_no_engine()
    with TemporaryDirectory(prefix="type-check-") as folder:
        cold, contenders = measure(rounds, files, Path(folder), sandboxed=missing is None)
    print(f"{files} files, {TYPESCRIPT}, {rounds} rounds; min – median – max")
    for one in (cold, *(times for pair in contenders for times in pair)):
        print(one)
    for patched, unchanged in contenders:
        print(ratio(patched, cold, PATCH_BAR))
        print(ratio(unchanged, cold, UNCHANGED_BAR))
    if missing is not None:
        print(f"sandboxes were not measured, as no Docker engine answers: {missing}")


if __name__ == "__main__":
    main()
