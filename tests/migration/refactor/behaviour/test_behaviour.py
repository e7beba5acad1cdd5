"""The golden workers behave before the D1-to-RPC refactoring and after it: every answer, every error, every table."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import pytest

from tests.migration.golden.cases import Case
from tests.migration.golden.trees import contents
from tests.migration.refactor.behaviour.playing import Played, Production, Stage

pytestmark = pytest.mark.docker
SEEDS = (1, 2, 3)
ORCHESTRATOR = "packages/orchestrator"


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
