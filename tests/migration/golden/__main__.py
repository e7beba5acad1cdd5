"""`python -m tests.migration.golden [CASE…]` writes the expected trees anew, as the engines make them now.

What it writes is no truth: read the diff before you commit it.
"""

import shutil
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from repo_agent_dagster.migration import Bases, execute, plan
from repo_agent_dagster.store.engine import open_store
from repo_agent_dagster.store.migrate import upgrade
from repo_agent_dagster.store.patch_events import StoreCustody
from tests.migration.golden.cases import NOT_OURS, Case, all_cases
from tests.migration.golden.trees import Tree, read_tree, write_tree

NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)


def regenerate(case: Case, folder: Path) -> None:
    """Write ``expected/``, ``expected-rpc/`` and ``expected-v2/`` of one case."""
    unit, root = write_tree(folder / "unit", case.unit), write_tree(folder / "monorepo", case.target)
    engine = open_store(f"sqlite:///{folder / 'store.db'}")
    upgrade(engine)
    custody, bases = StoreCustody(engine), Bases(folder / "bases")

    def migrate() -> None:
        planned = plan(unit, root, case.manifest, bases=bases)
        bases.keep(planned.bases)
        execute(planned, custody=custody, now=NOW)

    def migrate_apart() -> Tree:
        apart = write_tree(folder / "apart", case.target)
        execute(plan(unit, apart, case.full_manifest), custody=custody, now=NOW)
        return read_tree(apart, without=NOT_OURS)

    try:
        migrate()
        write_over(case.folder / "expected", case.target, read_tree(root, without=NOT_OURS))
        if case.is_refactored:
            write_over(case.folder / "expected-rpc", Case(case.name).migrated, migrate_apart())
        if case.has_v2:
            fresh = Case(case.name)
            lay(root, read_tree(root, without=NOT_OURS), fresh.edited)
            lay(unit, case.unit, case.unit_v2)
            migrate()
            write_over(case.folder / "expected-v2", fresh.edited, read_tree(root, without=NOT_OURS))
    finally:
        engine.dispose()


def lay(folder: Path, old: Tree, new: Tree) -> None:
    """Turn one tree on disk into another."""
    for path in set(old) - set(new):
        (folder / path).unlink()
    write_tree(folder, new)


def write_over(folder: Path, under: Tree, whole: Tree) -> None:
    """Write what differs from the tree under it, and say which of its files are gone: case.yaml must name them."""
    shutil.rmtree(folder, ignore_errors=True)
    write_tree(folder, {path: file for path, file in whole.items() if under.get(path) != file})
    if gone := sorted(set(under) - set(whole)):
        print(f"{folder}: gone: {', '.join(gone)}")


def main(names: Iterable[str]) -> None:
    """Regenerate the cases named, or all."""
    wanted = set(names) or {case.name for case in all_cases()}
    for case in all_cases():
        if case.name in wanted:
            with TemporaryDirectory() as folder:
                regenerate(case, Path(folder))
            print(f"{case.name}: written; review the diff")


if __name__ == "__main__":
    main(sys.argv[1:])
