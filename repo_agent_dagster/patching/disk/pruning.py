"""Free the space that kept contents take."""

from repo_agent_dagster.patching.disk.kept_objects import prune_objects
from repo_agent_dagster.patching.disk.lock import locked
from repo_agent_dagster.patching.disk.tree import Tree
from repo_agent_dagster.patching.model import Workspace


def prune_workspace(workspace: Workspace, keep_bytes: int, *, lock_timeout_seconds: float = 10.0) -> int:
    """Remove the contents that were kept first until at most `keep_bytes` are left; return how many bytes went.

    Raises:
        WorkspaceLocked: a batch holds the workspace.
    """
    with Tree(workspace.root) as tree, locked(workspace.root, lock_timeout_seconds):
        return prune_objects(tree, keep_bytes)
