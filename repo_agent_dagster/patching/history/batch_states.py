"""What the files of a recorded batch were before and after each of its steps, from what was kept of them."""

from collections.abc import Iterable, Sequence

from repo_agent_dagster.patching.diffs.writing import FileState
from repo_agent_dagster.patching.disk.kept_objects import kept_object
from repo_agent_dagster.patching.disk.tree import Tree
from repo_agent_dagster.patching.history.recorded_steps import Draft, RecordedStep, make
from repo_agent_dagster.patching.model import PatchConflict

StepStates = tuple[FileState | None, FileState | None]
"""The step's file before and after it."""


def states_of(tree: Tree, steps: Sequence[RecordedStep]) -> dict[str, StepStates]:
    """Return the states of each step of a batch by its patch's id; give all steps that were applied, in their order.

    A file of which the kept content is gone, or altered, is left out with all its steps.
    """
    draft = Draft(lambda _: None)
    lost: set[str] = set()
    for step in steps:
        if step.origin is not None and step.origin not in draft.files:
            kept = kept_state(tree, step)
            draft.files[step.origin] = kept
            if kept is None:
                lost.add(step.origin)
    states: dict[str, StepStates] = {}
    for step in steps:
        before = draft.get(step.path_before)
        if step.origin in lost:
            continue
        try:
            make(draft, step)
        except PatchConflict:
            lost.update(_paths(step))
            continue
        states[step.patch.patch_id] = before, draft.get(step.path_after)
    return states


def kept_state(tree: Tree, step: RecordedStep) -> FileState | None:
    """Return the file of a step as it was before the whole batch; None if there was none, or it is not kept."""
    sha256 = step.meta["file_before_sha256"]
    content = None if sha256 is None else kept_object(tree, sha256)
    return None if content is None else FileState(content, step.meta["mode_before"])


def _paths(step: RecordedStep) -> Iterable[str]:
    return (path for path in (step.origin, step.result) if path is not None)
