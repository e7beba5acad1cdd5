"""The harness itself: a refactoring that is right passes, and each way to be wrong is seen."""

from pathlib import Path

import pytest

from tests.migration.golden.trees import contents, read_tree
from tests.migration.refactor.behaviour.playing import Played, Production, Stage

pytestmark = pytest.mark.docker
SAMPLES = Path(__file__).parent / "samples"
ORCHESTRATOR = "orchestrator/src/index.ts"
WORKER = "worker/src/index.ts"
WRONG = {
    "not awaited": (WORKER, "await env.ORCHESTRATOR.addVisit", "void env.ORCHESTRATOR.addVisit"),
    "NULL lost": (ORCHESTRATOR, "bind(page, note)", "bind(page, note ?? '')"),
    "another order": (ORCHESTRATOR, "ORDER BY page", "ORDER BY id DESC"),
    "another order of columns": (ORCHESTRATOR, "SELECT page, count", "SELECT count, page"),
    "another value": (ORCHESTRATOR, "VALUES (?, 0, ?)", "VALUES (?, 1, ?)"),
    "not one transaction": (
        ORCHESTRATOR,
        "await this.env.DB.batch([",
        "const each = async (all: D1PreparedStatement[]) => { for (const one of all) await one.run(); };\nawait each([",
    ),
}
BROKEN = {
    "a local database": (
        WORKER,
        "interface Env",
        "import { Database as D } from 'bun:sqlite'; new D();\ninterface Env",
    ),
    "a missing module": (WORKER, "interface Env", "import '../../nowhere';\ninterface Env"),
    "an instance": (ORCHESTRATOR, "return results;", "return [new Visits(this.ctx, this.env) as never];"),
}


def production(side: str, change: tuple[str, str, str] | None = None) -> Production:
    tree = contents(read_tree(SAMPLES / side))
    if change is not None:
        file, old, new = change
        assert old in tree[file].decode()
        tree[file] = tree[file].decode().replace(old, new).encode()
    return Production(tree, "worker", "visits", (7,), refactored=side == "after")


@pytest.fixture(scope="module")
def played(stage: Stage) -> dict[str, list[Played] | str]:
    """What every version of the sample gave; one process plays them all."""
    productions = {
        "before": production("before"),
        "after": production("after"),
        **{name: production("after", change) for name, change in (WRONG | BROKEN).items()},
    }
    return dict(zip(productions, stage.play(*productions.values()), strict=True))


def test_a_right_refactoring_answers_and_stores_the_same(played: dict[str, list[Played]]) -> None:
    assert played["after"] == played["before"]


def test_what_was_undone_is_not_stored(played: dict[str, list[Played]]) -> None:
    (before,) = played["before"]

    assert [answer["threw"] for answer in before.answers if "threw" in answer] == [
        "UNIQUE constraint failed: visits.page",
        "NOT NULL constraint failed: visits.page",
        "CHECK constraint failed: count < 4",
    ]
    assert [(row["page"], row["count"], row["note"]) for row in before.tables["visits"]] == [
        ("a", 3, None),
        ("ü", 2, "two"),
        ("c", 1, None),
    ]


@pytest.mark.parametrize("way", WRONG)
def test_a_wrong_refactoring_is_seen(played: dict[str, list[Played]], way: str) -> None:
    assert isinstance(played[way], list)
    assert played[way] != played["before"]


def test_a_worker_that_still_opens_a_database_is_told(played: dict[str, str]) -> None:
    assert "no worker may open a bun:sqlite database" in played["a local database"]


def test_a_worker_that_does_not_load_is_told(played: dict[str, str]) -> None:
    assert "nowhere" in played["a missing module"]


def test_only_what_can_be_copied_crosses_a_binding(played: dict[str, list[Played]]) -> None:
    (run,) = played["an instance"]

    assert "Could not serialize object" in run.answers[0]["threw"]
