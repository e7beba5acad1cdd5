"""The golden workers behave before the D1-to-RPC refactoring and after it: every answer, every error, every table."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pytest

from repo_agent_dagster.migration import load_manifest
from repo_agent_dagster.migration.refactor import Refactoring, refactor_d1_to_rpc
from tests.migration.golden.cases import Case
from tests.migration.golden.trees import contents
from tests.migration.refactor.behaviour.playing import Played, Production, Stage

pytestmark = pytest.mark.docker
SEEDS = (1, 2, 3)
ORCHESTRATOR = "packages/orchestrator"
ORCHESTRATORS_OWN = {"runs"}


@dataclass(frozen=True)
class Worker:
    """A golden unit with a database, and the calls that it is put to."""

    case: str
    calls: str

    @cached_property
    def golden(self) -> Case:
        return Case(self.case)

    def production(self, tree: dict[str, bytes], *, refactored: bool) -> Production:
        return Production(tree, self.golden.destination, self.calls, SEEDS, refactored)


WORKERS = [
    Worker("bun-sqlite-store", "inventory"),
    Worker("d1-prepared", "orders"),
    Worker("durable-object-sql", "rooms"),
]
IDS = [worker.case for worker in WORKERS]
PACKAGES = [ORCHESTRATOR, *(worker.golden.destination for worker in WORKERS)]


@pytest.fixture(scope="module")
def before(stage: Stage) -> dict[str, list[Played] | str]:
    """What each worker did on its own database."""
    productions = [worker.production(contents(worker.golden.migrated), refactored=False) for worker in WORKERS]
    return dict(zip(IDS, stage.play(*productions), strict=True))


@pytest.mark.parametrize("worker", WORKERS, ids=IDS)
def test_the_calls_meet_success_and_every_kind_of_failure(before: dict[str, list[Played]], worker: Worker) -> None:
    for run in before[worker.case]:
        statuses = Counter(answer.get("status") for answer in run.answers)
        assert {200, 201, 404, 409} <= set(statuses), statuses
        assert statuses[200] > 50
        assert all(run.tables[table] for table in run.tables)


@pytest.mark.parametrize("worker", WORKERS, ids=IDS)
def test_another_seed_is_another_story(before: dict[str, list[Played]], worker: Worker) -> None:
    one, other, _ = before[worker.case]

    assert one.answers != other.answers
    assert one.tables != other.tables


def test_the_workers_type_check_before(stage: Stage) -> None:
    trees = [contents(worker.golden.migrated) for worker in WORKERS]

    assert stage.type_check(*trees, packages=PACKAGES) == [[], [], []]


@dataclass(frozen=True)
class After:
    """A worker's tree after the refactoring, and what the refactoring tells of it."""

    told: Refactoring
    tree: dict[str, bytes]


@pytest.fixture(scope="module")
def after() -> dict[str, After]:
    """Every worker refactored, each in a monorepo of its own."""
    return {worker.case: refactored(worker, contents(worker.golden.migrated)) for worker in WORKERS}


def refactored(worker: Worker, tree: Mapping[str, bytes]) -> After:
    inside = f"{worker.golden.destination}/"
    spec = load_manifest(worker.golden.folder / "unit").refactor.d1_to_rpc
    assert spec is not None
    told = refactor_d1_to_rpc(
        {path: content for path, content in tree.items() if path.startswith(inside)},
        {path: content for path, content in tree.items() if path.startswith((f"{ORCHESTRATOR}/", "types/"))},
        unit=worker.golden.manifest.unit,
        destination=worker.golden.destination,
        spec=spec,
    )
    changed = {**tree, **told.orchestrator, **told.worker}
    return After(told, {path: content for path, content in changed.items() if content is not None})


@pytest.fixture(scope="module")
def played(stage: Stage, after: dict[str, After]) -> dict[str, list[Played] | str]:
    """What each worker did over the orchestrator."""
    productions = [worker.production(after[worker.case].tree, refactored=True) for worker in WORKERS]
    return dict(zip(IDS, stage.play(*productions), strict=True))


@pytest.mark.parametrize("worker", WORKERS, ids=IDS)
def test_nothing_is_left_for_a_person(after: dict[str, After], worker: Worker) -> None:
    assert [f"{work.site}: {work.reason}" for work in after[worker.case].told.manual] == []


def test_the_workers_and_the_orchestrator_type_check_after(stage: Stage, after: dict[str, After]) -> None:
    found = stage.type_check(*(each.tree for each in after.values()), packages=PACKAGES)

    assert dict(zip(after, found, strict=True)) == {case: [] for case in IDS}


@pytest.mark.parametrize("worker", WORKERS, ids=IDS)
def test_every_answer_is_as_before(
    before: dict[str, list[Played]], played: dict[str, list[Played]], worker: Worker
) -> None:
    assert isinstance(played[worker.case], list), played[worker.case]
    for old, new in zip(before[worker.case], played[worker.case], strict=True):
        other = [(was, now) for was, now in zip(old.answers, new.answers, strict=True) if was != now]
        assert other == [], f"seed {old.seed}: {len(other)} answers differ, first {other[0]}"


@pytest.mark.parametrize("worker", WORKERS, ids=IDS)
def test_every_table_is_as_before(
    before: dict[str, list[Played]], played: dict[str, list[Played]], worker: Worker
) -> None:
    for old, new in zip(before[worker.case], played[worker.case], strict=True):
        assert {name: rows for name, rows in new.tables.items() if name not in ORCHESTRATORS_OWN} == old.tables


def test_whoever_comes_second_does_not_touch_the_tables_of_the_first(stage: Stage) -> None:
    """Orders and inventory both have a table `items`, with other columns: in either order only the first one moves."""
    inventory, orders, _ = WORKERS
    for first, second in ((inventory, orders), (orders, inventory)):
        both = {**contents(first.golden.migrated), **contents(second.golden.migrated)}
        one = refactored(first, both)
        two = refactored(second, one.tree)

        assert one.told.manual == ()
        assert any("another table items" in work.reason for work in two.told.manual)
        assert {path for path in one.tree if one.tree[path] != two.tree[path]} == set()
        assert stage.type_check(two.tree, packages=PACKAGES) == [[]]


def test_neighbours_share_the_orchestrator_and_nothing_else(stage: Stage, before: dict[str, list[Played]]) -> None:
    _, orders, rooms = WORKERS
    tree = {**contents(orders.golden.migrated), **contents(rooms.golden.migrated)}

    together = refactored(rooms, refactored(orders, tree).tree).tree

    assert stage.type_check(together, packages=PACKAGES) == [[]]
    played = stage.play(*(worker.production(together, refactored=True) for worker in (orders, rooms)))
    assert [[run.answers for run in runs] for runs in played] == [
        [run.answers for run in before[worker.case]] for worker in (orders, rooms)
    ]


@pytest.mark.parametrize("worker", WORKERS, ids=IDS)
def test_refactored_again_it_stays(after: dict[str, After], worker: Worker) -> None:
    once = after[worker.case].tree
    fresh = {**once, **as_it_came(worker)}

    assert refactored(worker, once).told.is_empty
    assert refactored(worker, fresh).tree == once


def as_it_came(worker: Worker) -> dict[str, bytes]:
    """Return the worker's own files, before the refactoring."""
    folder = f"{worker.golden.destination}/"
    return {path: content for path, content in contents(worker.golden.migrated).items() if path.startswith(folder)}
