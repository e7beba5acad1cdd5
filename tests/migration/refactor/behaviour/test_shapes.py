"""Each way to write a statement, alone: what the refactoring does is right, and what it cannot do is told."""

from dataclasses import dataclass

import pytest

from repo_agent_dagster.migration.refactor import refactor_d1_to_rpc
from tests.migration.refactor.behaviour.playing import Played, Production, Stage
from tests.migration.refactor.behaviour.shapes import DESTINATION, SPEC, Shape, all_shapes, monorepo

pytestmark = pytest.mark.docker
SHAPES = all_shapes()
MONOREPO = monorepo()
ORCHESTRATOR = SPEC.orchestrator
LEFT = {
    "bun: a class that reads when it is made",
    "bun: a default for a parameter",
    "bun: a transaction around a variable",
    "bun: a transaction in a transaction",
    "bun: a transaction that catches inside",
    "bun: a transaction that decides on what it read",
    "bun: a transaction that uses the new row's id",
    "bun: a whole number in arithmetic",
    "bun: begin and commit by hand",
    "bun: in a generator",
    "bun: in a getter",
    "bun: inside of a sort that cannot wait",
    "bun: reduce, filter and find",
    "bun: toJSON",
    "d1: a choice of the text",
    "d1: a helper that returns a statement",
    "d1: raw with the names of columns",
    "d1: values that are spread",
    "object: a transaction over a list",
    "object: a transaction that reads first",
    "object: a transaction with a result",
    "object: from the storage itself",
    "object: how many were written",
    "object: many statements in one text",
    "object: names of columns",
    "object: next",
    "object: values that are spread",
}
"""Shapes that the refactoring may leave for a person; a shape that is not here must be done."""


@pytest.fixture(scope="module")
def before(stage: Stage) -> dict[str, list[Played] | str]:
    """What each shape answers on its own database."""
    productions = [Production({**MONOREPO, **shape.unit()}, DESTINATION, "shape", (1,), False) for shape in SHAPES]
    return dict(zip([shape.id for shape in SHAPES], stage.play(*productions), strict=True))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.id)
def test_a_shape_answers_before(before: dict[str, list[Played]], shape: Shape) -> None:
    (run,) = before[shape.id]
    (answer,) = run.answers

    if shape.name == "an error that nobody expects":
        assert answer["threw"] == "UNIQUE constraint failed: things.id"
    else:
        assert answer["status"] == 200


def test_every_shape_type_checks_before(stage: Stage) -> None:
    found = stage.type_check(*({**MONOREPO, **shape.unit()} for shape in SHAPES), packages=[DESTINATION])

    assert {shape.id: told for shape, told in zip(SHAPES, found, strict=True) if told} == {}


@dataclass(frozen=True)
class After:
    """A shape after the refactoring: its tree, why something was left for a person, and whether a file changed."""

    tree: dict[str, bytes]
    manual: tuple[str, ...]
    changed: bool


@pytest.fixture(scope="module")
def after() -> dict[str, After]:
    """Every shape, refactored."""
    return {shape.id: refactored(shape) for shape in SHAPES}


def refactored(shape: Shape) -> After:
    told = refactor_d1_to_rpc(shape.unit(), MONOREPO, unit="shape", destination=DESTINATION, spec=SPEC)
    tree = {**MONOREPO, **shape.unit(), **told.orchestrator, **told.worker}
    return After(
        {path: content for path, content in tree.items() if content is not None},
        tuple(f"{work.site}: {work.reason}" for work in told.manual),
        not told.is_empty,
    )


@pytest.fixture(scope="module")
def played(stage: Stage, after: dict[str, After]) -> dict[str, list[Played] | str]:
    """What each shape answers over the orchestrator; where something was left, with its own database beside it."""
    productions = [
        Production(each.tree, DESTINATION, "shape", (1,), True, keeps_local=bool(each.manual))
        for each in after.values()
    ]
    return dict(zip(after, stage.play(*productions), strict=True))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.id)
def test_a_shape_answers_after_as_before(
    before: dict[str, list[Played]], played: dict[str, list[Played]], after: dict[str, After], shape: Shape
) -> None:
    assert isinstance(played[shape.id], list), (played[shape.id], after[shape.id].manual)
    assert played[shape.id][0].answers == before[shape.id][0].answers, after[shape.id].manual


def test_every_shape_type_checks_after(stage: Stage, after: dict[str, After]) -> None:
    changed = {name: each.tree for name, each in after.items() if each.changed}

    found = stage.type_check(*changed.values(), packages=[DESTINATION, ORCHESTRATOR])

    assert {name: told for name, told in zip(changed, found, strict=True) if told} == {}


def test_only_what_cannot_be_done_for_certain_is_left_for_a_person(after: dict[str, After]) -> None:
    assert {name for name, each in after.items() if each.manual} <= LEFT
