"""The plan of a random batch is what the reference makes of it; whatever order original coordinates come in."""

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.patching import UnsafePath
from repo_agent_dagster.patching.diffs.writing import BY_UMASK, FileState
from repo_agent_dagster.patching.planning.batch_plan import plan_batch
from repo_agent_dagster.patching.planning.plan import Plan
from tests.patching.random_batches import Batch, batches, trees
from tests.patching.reference import PREPENDED, REPLACED, File, Lines, Refused, Tree, applied, parents

pytestmark = pytest.mark.no_cover  # the same code over and over, at half the speed if it were traced

EXAMPLES = int(os.environ.get("PATCH_PROOF_EXAMPLES", "800"))
"""How many random batches are tried; they are the same ones each time. Give more for a longer look."""

thorough = settings(
    max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)


def reader(tree: Tree) -> Any:
    """Read from a tree as from a disk."""

    def read(path: str) -> FileState | None:
        if any(folder in tree for folder in parents(path)) or any(path in parents(other) for other in tree):
            raise UnsafePath(path)
        return FileState(tree[path].content, tree[path].mode) if path in tree else None

    return read


def planned(tree: Tree, batch: Batch) -> Plan:
    return plan_batch(PatchBatch(**batch.sent), reader(tree))


def after(tree: Tree, plan: Plan) -> Tree:
    present = dict(tree)
    for file in plan.files:
        assert file.before == (FileState(tree[file.path].content, tree[file.path].mode) if file.path in tree else None)
        present.pop(file.path, None)
        if file.after is not None:
            mode = file.after.mode & 0o755 if file.after.mode & BY_UMASK else file.after.mode
            present[file.path] = File(file.after.content, mode)
    return present


@st.composite
def cases(draw: st.DrawFn) -> tuple[Tree, Batch]:
    tree = draw(trees())
    return tree, draw(batches(tree))


@thorough
@given(cases())
def test_a_plan_is_what_the_reference_makes_of_the_batch(case: tuple[Tree, Batch]) -> None:
    tree, batch = case
    try:
        expected = applied(tree, batch.steps, batch.coordinates)
    except Refused as why:
        try:
            plan = planned(tree, batch)
        except PermanentFault:
            return
        raise AssertionError(f"{why}, but it was planned: {plan.files}") from None
    assert after(tree, planned(tree, batch)) == expected


@st.composite
def unordered(draw: st.DrawFn) -> tuple[Tree, Batch, Batch]:
    """A batch in original coordinates in which no two insertions of one kind meet, and the same in another order."""
    tree = draw(trees())
    # What a diff says of its lines was drawn for these coordinates: in others it may not fit.
    batch = draw(batches(tree, valid=True, coordinates="original"))
    taken: set[tuple[object, ...]] = set()
    kept = []
    for operation in batch.operations:
        places = [
            # Two prepends may meet, whether or not they go after a first line that stays.
            (action.path, None if action.rank == PREPENDED else action.start, action.rank)
            for step in operation.steps
            for action in step
            if isinstance(action, Lines) and action.rank != REPLACED
        ]
        if taken.isdisjoint(places):
            taken.update(places)
            kept.append(operation)
    return tree, Batch(tuple(kept), "original"), Batch(tuple(draw(st.permutations(kept))), "original")


@thorough
@given(unordered())
def test_in_original_coordinates_the_order_of_operations_does_not_matter(case: tuple[Tree, Batch, Batch]) -> None:
    tree, one, other = case
    expected = applied(tree, one.steps, "original")
    assert after(tree, planned(tree, one)) == after(tree, planned(tree, other)) == expected
