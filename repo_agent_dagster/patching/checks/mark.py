"""The mark of a batch that is being checked.

It is on the disk before the batch stands, and goes when the verdict is on record: so a process that is killed during
its check leaves no batch behind that nobody knows to be unchecked.
"""

import json

from repo_agent_dagster.patching.disk.paths import MISSION_CONTROL
from repo_agent_dagster.patching.disk.tree import Tree
from repo_agent_dagster.patching.model import JournalUnreadable, WriteFailed

_MARK = f"{MISSION_CONTROL}/checking.json"
_STAGED = f"{_MARK}.new"


def mark(tree: Tree, batch_id: str) -> None:
    """Put on the disk that a batch is about to stand and to be checked; the mark is there whole, or not at all.

    Raises:
        WriteFailed: the file system refused it.
    """
    try:
        tree.remove(_STAGED)
        tree.create(_STAGED, json.dumps({"batch_id": batch_id}).encode(), 0o644)
        tree.sync([_STAGED], [])
        tree.rename(_STAGED, _MARK)
        tree.sync([], [MISSION_CONTROL])
    except OSError as error:
        raise WriteFailed(
            f"that the batch is to be checked cannot be written ({error}); nothing was changed"
        ) from error


def unmark(tree: Tree) -> None:
    """Take the mark away: the verdict is on record."""
    tree.remove(_MARK)


def marked_batch(tree: Tree) -> str | None:
    """Return the id of the batch that was being checked, or None.

    Raises:
        JournalUnreadable: the mark cannot be understood.
    """
    state = tree.read(_MARK)
    if state is None:
        return None
    try:
        return str(json.loads(state.content)["batch_id"])
    except (ValueError, KeyError, TypeError) as error:
        raise JournalUnreadable(
            f"{_MARK} cannot be understood ({error}); see `patchctl log`, then remove it"
        ) from error
