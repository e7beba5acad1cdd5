"""Whole units, of the kinds that vendors ship: what the monorepo holds after them, byte for byte, is written down."""

from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import pytest

from repo_agent_dagster.migration import Bases, Plan, Written, execute, plan, take_back
from repo_agent_dagster.migration.planning.lock import MigrationLock, lock_path, read_lock
from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import SandboxSpec
from repo_agent_dagster.store.engine import open_store
from repo_agent_dagster.store.migrate import upgrade
from repo_agent_dagster.store.patch_events import StoreCustody
from tests.migration.golden.cases import NOT_OURS, Case, all_cases
from tests.migration.golden.trees import File, Tree, contents, differences, read_tree, write_tree
from tests.migration.refactor.behaviour.playing import Stage

CASES = all_cases()
WITH_V2 = [case for case in CASES if case.has_v2]
REFACTORED = [case for case in CASES if case.is_refactored]


class Monorepo:
    """A target tree on disk, and a unit beside it that is migrated into it."""

    def __init__(self, case: Case, folder: Path, custody: StoreCustody, now: datetime) -> None:
        self.case, self.custody, self.now = case, custody, now
        self.unit = folder / "STAGING" / case.name
        self.root = write_tree(folder / "monorepo", case.target)
        self.bases = Bases(folder / "bases")
        self.manifest = case.manifest
        self.bring(case.unit)

    def bring(self, unit: Tree) -> None:
        """Put the unit's files into STAGING, and nothing else."""
        replace_tree(self.unit, unit)

    def plan(self) -> Plan:
        return plan(self.unit, self.root, self.manifest, bases=self.bases)

    def migrate(self) -> Written:
        planned = self.plan()
        self.bases.keep(planned.bases)
        return execute(planned, custody=self.custody, now=self.now)

    def undo(self, written: Written) -> None:
        take_back(self.root, written.batch_ids, custody=self.custody, now=self.now)

    def tree(self) -> dict[str, File]:
        return read_tree(self.root, without=NOT_OURS)

    def folders(self) -> set[str]:
        found = (path.relative_to(self.root) for path in self.root.rglob("*") if path.is_dir())
        return {path.as_posix() for path in found if ".mission_control" not in path.parts}

    def lock(self) -> MigrationLock:
        path = lock_path(self.case.destination)
        return read_lock(path, (self.root / path).read_bytes())


def replace_tree(folder: Path, tree: Tree) -> None:
    for path in read_tree(folder):
        if path not in tree:
            (folder / path).unlink()
    write_tree(folder, tree)


@pytest.fixture(scope="module")
def custody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreCustody]:
    """One store for all: batches have ids of their own."""
    engine = open_store(f"sqlite:///{tmp_path_factory.mktemp('golden') / 'store.db'}")
    upgrade(engine)
    yield StoreCustody(engine)
    engine.dispose()


@pytest.fixture
def monorepo(request: pytest.FixtureRequest, tmp_path: Path, custody: StoreCustody, now: datetime) -> Monorepo:
    return Monorepo(request.param, tmp_path, custody, now)


def of(cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("monorepo", cases, ids=[case.name for case in cases], indirect=True)


def test_there_are_units_of_every_kind() -> None:
    assert len(CASES) >= 8
    assert all(8 <= len(case.unit) <= 25 for case in CASES)


@of(CASES)
def test_the_unit_arrives_as_written_down(monorepo: Monorepo) -> None:
    monorepo.migrate()

    assert differences(monorepo.tree(), monorepo.case.migrated) == ""


@of(CASES)
def test_what_is_left_alone_is_listed_with_its_place(monorepo: Monorepo) -> None:
    planned = monorepo.plan()

    assert [f"{each.file}:{each.line} {each.specifier}" for each in planned.unresolved] == monorepo.case.listed
    assert [f"{each.file}:{each.line} {each.text}" for each in planned.residual] == monorepo.case.left_over
    assert planned.dead_rules == ()


@of(CASES)
def test_the_lock_tells_of_every_file_that_arrived(monorepo: Monorepo) -> None:
    monorepo.migrate()

    arrived = {path: file for path, file in monorepo.tree().items() if monorepo.case.target.get(path) != file}
    told = {path: (locked.sha256, locked.executable) for path, locked in monorepo.lock().files.items()}
    assert told == {path: (sha256(file.content).hexdigest(), file.executable) for path, file in arrived.items()}


@of(CASES)
def test_a_second_run_has_nothing_to_do(monorepo: Monorepo) -> None:
    monorepo.migrate()
    before = read_tree(monorepo.root)

    again = monorepo.migrate()

    assert (again.plan.is_empty, again.batches, again.plan.diff()) == (True, (), "")
    assert read_tree(monorepo.root) == before


@of(CASES)
def test_rolled_back_the_monorepo_is_as_it_was(monorepo: Monorepo) -> None:
    folders = monorepo.folders()

    monorepo.undo(monorepo.migrate())

    assert read_tree(monorepo.root, without=[".mission_control"]) == monorepo.case.target
    assert monorepo.folders() == folders


@of(WITH_V2)
def test_the_next_version_and_what_people_changed_are_merged(monorepo: Monorepo) -> None:
    monorepo.migrate()
    replace_tree(monorepo.root / monorepo.case.destination, inside(monorepo, monorepo.case.edited))
    monorepo.bring(monorepo.case.unit_v2)

    monorepo.migrate()

    assert differences(monorepo.tree(), monorepo.case.merged) == ""
    assert monorepo.migrate().plan.is_empty


@of(WITH_V2)
def test_a_merge_that_is_rolled_back_leaves_what_people_had(monorepo: Monorepo) -> None:
    monorepo.migrate()
    replace_tree(monorepo.root / monorepo.case.destination, inside(monorepo, monorepo.case.edited))
    monorepo.bring(monorepo.case.unit_v2)
    before = read_tree(monorepo.root, without=[".mission_control"])

    monorepo.undo(monorepo.migrate())

    assert read_tree(monorepo.root, without=[".mission_control"]) == before
    monorepo.migrate()
    assert differences(monorepo.tree(), monorepo.case.merged) == ""


def inside(monorepo: Monorepo, tree: Tree) -> dict[str, File]:
    """Return the destination's part of a tree, and its lock as it stands."""
    prefix = monorepo.case.destination + "/"
    lock = lock_path(monorepo.case.destination)
    return {
        lock.removeprefix(prefix): File((monorepo.root / lock).read_bytes()),
        **{path.removeprefix(prefix): file for path, file in tree.items() if path.startswith(prefix)},
    }


@of(REFACTORED)
def test_a_database_moves_behind_the_orchestrator_as_written_down(monorepo: Monorepo) -> None:
    monorepo.manifest = monorepo.case.full_manifest

    written = monorepo.migrate()

    assert [stage.name for stage in written.plan.stages] == ["copy", "refactor"]
    assert written.plan.refactoring is not None
    assert written.plan.refactoring.manual == ()
    assert differences(monorepo.tree(), monorepo.case.refactored) == ""


@of(REFACTORED)
def test_a_refactored_unit_has_nothing_to_do_in_a_second_run_and_can_be_rolled_back(monorepo: Monorepo) -> None:
    monorepo.manifest = monorepo.case.full_manifest
    written = monorepo.migrate()

    assert monorepo.migrate().plan.is_empty

    monorepo.undo(written)
    assert read_tree(monorepo.root, without=[".mission_control"]) == monorepo.case.target


@of(REFACTORED)
def test_the_next_version_of_a_refactored_unit_keeps_what_people_changed(monorepo: Monorepo) -> None:
    monorepo.manifest = monorepo.case.full_manifest
    refactoring = monorepo.migrate().plan.refactoring
    assert refactoring is not None
    changed = [path for path in (*refactoring.worker, *refactoring.orchestrator) if path.endswith(".ts")]
    for path in changed:
        target = monorepo.root / path
        target.write_bytes(b"// Ours.\n" + target.read_bytes())
    monorepo.bring(monorepo.case.unit_v2)

    monorepo.migrate()

    assert all((monorepo.root / path).read_bytes().startswith(b"// Ours.\n") for path in changed)
    assert monorepo.migrate().plan.is_empty


PROVABLE = [case for case in CASES if "proof" in case.said]


@pytest.fixture(scope="module")
def stage(sandbox_image: str) -> Iterator[Stage]:
    spec = SandboxSpec(task_id="test-golden", image=sandbox_image, network="none", deadline_seconds=300)
    with Sandbox.open(spec) as box:
        yield Stage(box)


@pytest.mark.docker
@pytest.mark.parametrize("case", PROVABLE, ids=[case.name for case in PROVABLE])
def test_what_is_written_down_works(stage: Stage, case: Case) -> None:
    """The expected trees are right, whatever the engines do: they type-check, or their own tests pass."""
    for tree in (case.migrated, case.merged):
        assert stage.run(contents(tree), case.said["proof"]["run"], cwd=case.said["proof"]["in"]) == ""
