"""Each way to write a statement, alone: what the refactoring does is right, and what it cannot do is told."""

import pytest

from tests.migration.refactor.behaviour.playing import Played, Production, Stage
from tests.migration.refactor.behaviour.shapes import DESTINATION, Shape, all_shapes, monorepo

pytestmark = pytest.mark.docker
SHAPES = all_shapes()
MONOREPO = monorepo()


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
