"""Migrating a TypeScript unit of 2,000 files whose every specifier is known: exactness, CPU, wall, memory.

Exactness of each reader of specifiers against the ground truth, and of the tree that the engine writes. Plan and
execute, durable, journalled, on record and with the bases of the next merge kept, in a loaded process against `cp -r`,
and against `cp -r` and the `ast-grep` CLI (package `ast-grep-cli`); a second run with nothing to do; the peak memory of
a process of its own.

    python -m benchmarks.migration [ROUNDS] [FILES]
"""

import gc
import json
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks._ast_grep_peer import find_ast_grep, run_ast_grep, write_rules
from benchmarks._contest import CHILDREN, OURS, Times, folder_for_trees, ratio, spread
from benchmarks._specifier_tree import SpecifierTree, make_specifier_tree
from repo_agent_dagster.contracts.migration import Manifest
from repo_agent_dagster.migration import Bases, Plan, Written, execute, load_manifest, plan
from repo_agent_dagster.migration.rewriting.compiler import CompilerReader
from repo_agent_dagster.migration.rewriting.file import Rewriter
from repo_agent_dagster.migration.rewriting.resolve import Relocation
from repo_agent_dagster.migration.rewriting.specifiers import Found, SpecifierReader
from repo_agent_dagster.migration.rewriting.typescript import AstGrepReader
from repo_agent_dagster.patching import Custody
from repo_agent_dagster.store.custody import open_custody

CPU_BAR, WALL_BAR, AGAIN_BAR, MEMORY_BAR_MIB = 6, 1.5, 0.25, 400


def judge(tree: SpecifierTree, found: Mapping[str, Found], manifest: Manifest) -> dict[str, int]:
    """Count what a reader missed and wrongly found, and the files that its findings do not make as they shall be."""
    moved = {file.path: file.new_path for file in tree.files}
    rewriter = Rewriter(Relocation(frozenset(moved), moved, lambda _: False), manifest.imports)
    counts = dict.fromkeys(("missed", "wrongly found", "unsure", "wrong files"), 0)
    for file in tree.files:
        truths = {(truth.start, truth.end) for truth in file.truths}
        one = found.get(file.path, Found())
        spans = {(specifier.start, specifier.end) for specifier in one.specifiers}
        counts["missed"] += len(truths - spans)
        counts["wrongly found"] += len(spans - truths)
        counts["unsure"] += len(one.unsure)
        counts["wrong files"] += rewriter.rewrite(file.path, file.content, one).content != file.expected
    return counts


def told(name: str, tree: SpecifierTree, reader: SpecifierReader, manifest: Manifest) -> Times:
    """Read the tree, print how exact that was, and return what it took."""
    files = {file.path: file.text for file in tree.files if file.text}
    times, found = Times(name), dict[str, Found]()
    times.add(lambda: found.update(reader.read(files)), OURS)
    counts = judge(tree, found, manifest)
    print(f"  {name}: " + ", ".join(f"{count} {what}" for what, count in counts.items()))
    return times


def exactness(tree: SpecifierTree, manifest: Manifest) -> None:
    """Print how exact each reader is, and what reading takes."""
    forms = len(tree.forms)
    print(f"{tree.specifiers} specifiers in {forms} forms, {tree.changing} change; {tree.traps} traps")
    print(told("ast-grep, in this process", tree, AstGrepReader(), manifest))
    from repo_agent_dagster.sandbox import Sandbox, SandboxSpec, why_no_engine

    missing = why_no_engine()
    if missing is not None:
        print(f"  TypeScript's own parser was not measured, as no Docker engine answers: {missing}")
        return
    with Sandbox.open(SandboxSpec(task_id="benchmark-migration", network="none", cpus=2)) as box:
        reader = CompilerReader(box)
        print(told("TypeScript, in a sandbox", tree, reader, manifest))
        print(f"  and in the sandbox {1000 * reader.cpu_seconds:.0f} ms of CPU")


@dataclass(frozen=True)
class Steps:
    """What the two steps of a migration took."""

    planning: Times = field(default_factory=lambda: Times("  of it plan"))
    writing: Times = field(default_factory=lambda: Times("  of it execute and keep the bases"))


def migrate(unit: Path, root: Path, custody: Custody, steps: Steps, *, writes: bool = True) -> None:
    """Plan, execute and keep the bases of the next merge; leave unless it wrote what it was expected to."""
    bases = Bases(root.with_name(f"{root.name}-bases"))
    planned: list[Plan] = []
    written: list[Written] = []

    def write() -> None:
        written.append(execute(planned[0], custody=custody, now=datetime.now(UTC)))
        bases.keep(planned[0].bases)

    steps.planning.add(lambda: planned.append(plan(unit, root, load_manifest(unit), bases=bases)), OURS)
    steps.writing.add(write, OURS)
    if bool(written[0].batches) != writes:
        raise SystemExit(f"the migration wrote {len(written[0].batches)} batches")


def compare(tree: SpecifierTree, root: Path) -> int:
    """Return how many files at the destination have other bytes than they shall have."""
    return sum((root / file.new_path).read_bytes() != file.expected for file in tree.files)


def contest(
    tree: SpecifierTree, folder: Path, rounds: int, ast_grep: str | None
) -> tuple[dict[str, Times], Steps, int]:
    """Run every contender once in each round, after one that does not count; return how many files came out wrong."""
    unit, rules = folder / "unit", folder / "rules.yml"
    tree.write(unit)
    write_rules(rules)
    custody = open_custody(f"sqlite:///{folder / 'store.db'}")
    names = ["cp -r", "plan and execute", "again, nothing to do", "cp -r and ast-grep"]
    times = {name: Times(name) for name in names}
    steps = Steps()
    wrong = 0

    def copied_and_rewritten(target: Path, command: str) -> None:
        copy(unit, target)
        run_ast_grep(command, rules, target)

    for number in range(rounds + 1):
        root = folder / f"{number}-root"
        root.mkdir()
        counted = Steps() if number == 0 else steps
        works: dict[str, tuple[int, Callable[[], object]]] = {
            "cp -r": (CHILDREN, partial(copy, unit, folder / f"{number}-copy")),
            "plan and execute": (OURS, partial(migrate, unit, root, custody, counted)),
            "again, nothing to do": (OURS, partial(migrate, unit, root, custody, Steps(), writes=False)),
        }
        if ast_grep is not None:
            works["cp -r and ast-grep"] = (CHILDREN, partial(copied_and_rewritten, folder / f"{number}-peer", ast_grep))
        for name, (who, work) in works.items():
            (Times("warm-up") if number == 0 else times[name]).add(work, who)
        wrong += compare(tree, root)
    return times, steps, wrong


def copy(unit: Path, target: Path) -> None:
    """Copy a tree."""
    subprocess.run(["cp", "-r", unit, target], check=True)


def peak_memory(unit: Path, folder: Path) -> float:
    """Return the MiB that a process has at most which plans and executes."""
    (folder / "memory-root").mkdir()
    command = [sys.executable, "-m", "benchmarks.migration", "--once", str(unit), str(folder)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(json.loads(said)["peak_mib"])


def once(unit: Path, folder: Path) -> None:
    """Plan and execute, and print the peak memory as JSON."""
    migrate(unit, folder / "memory-root", open_custody(f"sqlite:///{folder / 'memory.db'}"), Steps())
    print(json.dumps({"peak_mib": resource.getrusage(OURS).ru_maxrss / 1024}))


def main() -> None:
    """Print the table and the ratios."""
    if sys.argv[1:2] == ["--once"]:
        once(Path(sys.argv[2]), Path(sys.argv[3]))
        return
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    tree = make_specifier_tree(int(sys.argv[2]) if len(sys.argv) > 2 else 2000)
    # The tree and its truths are the benchmark's own: the collector shall not walk them on the engine's account.
    gc.collect()
    gc.freeze()
    ast_grep = find_ast_grep()
    with folder_for_trees("migration-") as folder:
        times, steps, wrong = contest(tree, folder, rounds, ast_grep)
        manifest = load_manifest(folder / "unit")
        exactness(tree, manifest)
        peak = peak_memory(folder / "unit", folder)
    size = sum(len(file.content) for file in tree.files) / 1e6
    print(f"{len(tree.files)} files, {size:.1f} MB, {rounds} rounds; min – median – max")
    print(f"  {wrong} files written with other bytes than they shall have, of {len(tree.files) * (rounds + 1)}")
    copying, ours, again, peer = times.values()
    for one in (copying, ours, steps.planning, steps.writing, again, peer):
        if one.wall:
            print(one)
    print("ratios, round by round:")
    _print_cpu(ours, copying, CPU_BAR)
    if ast_grep is None:
        print("  the ast-grep CLI is missing: `pip install ast-grep-cli` for the comparison with it")
    else:
        print(" ", ratio(ours, peer, bar=WALL_BAR))
    print(" ", ratio(again, ours, bar=AGAIN_BAR))
    print(f"  peak memory {peak:.0f} MiB   bar {MEMORY_BAR_MIB}: {'met' if peak < MEMORY_BAR_MIB else 'NOT met'}")


def _print_cpu(one: Times, other: Times, bar: float) -> None:
    ratios = [mine / theirs for mine, theirs in zip(one.cpu, other.cpu, strict=True)]
    verdict = "met" if statistics.median(ratios) <= bar else "NOT met"
    print(f"  {one.name} / {other.name}: cpu {spread(ratios)}   bar {bar:g}: {verdict}")


if __name__ == "__main__":
    main()
