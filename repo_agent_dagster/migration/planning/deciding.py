"""What becomes of one file: it is taken, kept, merged, deleted, or stops the unit. What people wrote is never lost.

Three versions decide: the base (what the unit brought last), what stands at the destination, and what the unit brings
now. Each comes with whether it may be executed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from repo_agent_dagster.contracts.migration import MergeMethod
from repo_agent_dagster.migration.merging.conflicts import FileConflict, Resolution
from repo_agent_dagster.migration.merging.outcome import Merged
from repo_agent_dagster.migration.merging.three_way import merge_executable, merge_file
from repo_agent_dagster.migration.planning.destination import Standing
from repo_agent_dagster.migration.planning.lock import LockedFile
from repo_agent_dagster.migration.planning.model import Action, Change, StageName

FindBase = Callable[[LockedFile, bytes | None, bytes | None], bytes | None]
"""Finds what the unit brought last of a file: (its entry in the lock, what stands, what the unit brings now)."""
Resolve = Callable[[str, bytes | None, bytes | None, bytes | None], Resolution | None]


@dataclass(frozen=True)
class Layer:
    """One file as a stage leaves it; None: the stage takes it away."""

    stage: StageName
    content: bytes | None
    executable: bool


@dataclass(frozen=True)
class Decision:
    """What becomes of a file, over all, and the same step by step as the stages write it."""

    change: Change
    steps: tuple[tuple[StageName, Change], ...] = ()


def decide(
    path: str,
    layers: Sequence[Layer],
    standing: Standing,
    previous: LockedFile | None,
    *,
    method: MergeMethod,
    find_base: FindBase,
    resolve: Resolve,
) -> Decision:
    """Choose what becomes of a file that the unit brings; `layers` are its versions after each stage that changes it.

    A file that nobody edited goes through all stages; one that people edited is merged with its last version at once.
    """
    last = layers[-1]
    theirs, executable = last.content, last.executable

    def change(action: Action, reason: str | None = None) -> Change:
        return Change(path, action, standing.content, theirs, executable, standing.executable, reason)

    if standing.obstacle is not None:
        return Decision(change("conflict", standing.obstacle))
    if standing.content == theirs and (theirs is None or standing.executable == executable):
        return Decision(change("unchanged"))
    if _is_ours_to_write(standing, layers, previous):
        return _through_stages(path, layers, standing)
    stood_still = previous is not None and _is_as_locked(previous, theirs, executable)
    if stood_still:
        reason = "deleted here" if standing.content is None else "edited here"
        return Decision(replace(change("unchanged", f"kept as it is: {reason}, and the unit did not change it")))
    return _merge(path, last, standing, previous, method=method, find_base=find_base, resolve=resolve)


def decide_gone(path: str, standing: Standing, previous: LockedFile) -> Decision | None:
    """Choose what becomes of a file that the unit no longer brings."""
    if standing.content is None and standing.obstacle is None:
        return None
    if standing.obstacle is None and standing.sha256 == previous.sha256:
        reason = f"{previous.source} left the unit"
        gone = Change(path, "delete", standing.content, None, False, standing.executable, reason)
        return Decision(gone, (("copy", gone),))
    reason = f"kept as it is: edited here, though {previous.source} left the unit"
    kept = Change(
        path, "unchanged", standing.content, standing.content, standing.executable, standing.executable, reason
    )
    return Decision(kept)


def _is_ours_to_write(standing: Standing, layers: Sequence[Layer], previous: LockedFile | None) -> bool:
    """Return whether nobody but a migration wrote what stands there: it is absent, as we left it, or as we would."""
    if previous is None:
        return standing.content is None or any(layer.content == standing.content for layer in layers)
    return _is_as_locked(previous, standing.content, standing.executable)


def _is_as_locked(locked: LockedFile, content: bytes | None, executable: bool) -> bool:
    return content is not None and locked.sha256 == sha256(content).hexdigest() and locked.executable == executable


def _through_stages(path: str, layers: Sequence[Layer], standing: Standing) -> Decision:
    """Lead a file through the stages that it has not passed yet: a migration that was interrupted goes on."""
    passed = max((number for number, layer in enumerate(layers) if layer.content == standing.content), default=-1)
    steps: list[tuple[StageName, Change]] = []
    content, executable = standing.content, standing.executable
    for number, layer in enumerate(layers):
        is_due = number > passed or (number == len(layers) - 1 and executable != layer.executable)
        if not is_due or (layer.content == content and layer.executable == executable):
            continue
        reason = "only the executable bit differs" if layer.content == content else None
        action: Action = "delete" if layer.content is None else "create" if content is None else "update"
        step = Change(path, action, content, layer.content, layer.executable, executable, reason)
        steps.append((layer.stage, step))
        content, executable = layer.content, layer.executable
    action = "delete" if content is None else "create" if standing.content is None else "update"
    if standing.content is None and content is None:
        action = "unchanged"  # brought by one stage and taken away by a later one
    reason = steps[0][1].reason if len(steps) == 1 else None
    over_all = Change(path, action, standing.content, content, executable, standing.executable, reason)
    return Decision(over_all, tuple(steps))


def _merge(
    path: str,
    last: Layer,
    standing: Standing,
    previous: LockedFile | None,
    *,
    method: MergeMethod,
    find_base: FindBase,
    resolve: Resolve,
) -> Decision:
    ours, theirs = standing.content, last.content
    base = None if previous is None else find_base(previous, ours, theirs)

    def change(action: Action, content: bytes | None, reason: str | None, executable: bool) -> Change:
        return Change(path, action, ours, content, executable, standing.executable, reason, merged=True)

    is_lost = previous is not None and base is None
    merged = merge_file(path, base=base, ours=ours, theirs=theirs, method=method, is_base_lost=is_lost)
    conflict = FileConflict(path, merged, base, ours, theirs) if merged.must_stop else None
    if conflict is not None:
        resolution = resolve(path, base, ours, theirs)
        if resolution is None:
            return Decision(replace(change("conflict", theirs, merged.reason, last.executable), conflict=conflict))
        merged = Merged("merged", resolution.content, "merged by hand, in the side file of its conflict")
    executable = merge_executable(
        None if previous is None else previous.executable, standing.executable, last.executable
    )
    if ours is None:
        executable = last.executable
    content, reason = merged.content, "; ".join(filter(None, (merged.reason, *merged.notes))) or None
    if content == ours and (content is None or executable == standing.executable):
        return Decision(change("unchanged", content, reason, executable))
    action: Action = "delete" if content is None else "create" if ours is None else "update"
    made = replace(change(action, content, reason, executable), conflict=conflict)
    return Decision(made, (("copy", made),))
