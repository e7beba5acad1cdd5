"""The way into a workspace: whoever takes its lock first clears up what others left half done."""

from datetime import datetime

from repo_agent_dagster.contracts.custody import Custody
from repo_agent_dagster.patching.checks.mark import marked_batch
from repo_agent_dagster.patching.disk.commit import recover
from repo_agent_dagster.patching.disk.tree import Tree
from repo_agent_dagster.patching.model import Workspace, WriteFailed
from repo_agent_dagster.patching.record.spool import ship


def enter(workspace: Workspace, tree: Tree, custody: Custody, now: datetime) -> str | None:
    """Make a workspace that was just locked fit for use; return what was recovered, None if nothing.

    What was recorded offline is shipped first: the decision on an interrupted batch may be in it. Then an interrupted
    batch is finished or undone, and one that was never judged by its check is taken back.

    Raises:
        SpoolUnreadable: what was recorded offline is damaged.
        UnknownPatch: an interrupted batch is on record in another database.
        CustodyUnavailable: the record cannot be asked, so nothing is touched.
        WriteFailed: the file system refused it; the next use goes on with it.
    """
    try:
        return _entered(workspace, tree, custody, now)
    except OSError as error:
        raise WriteFailed(
            f"what an earlier use of this workspace left cannot be cleared up ({error}); the next use goes on with it "
            "once the file system takes writes again"
        ) from error


def _entered(workspace: Workspace, tree: Tree, custody: Custody, now: datetime) -> str | None:
    ship(workspace, custody, now)
    done = recover(tree, custody, now)
    checked = marked_batch(tree)
    if checked is None:
        return done
    from repo_agent_dagster.patching.history.interrupted_checks import (
        take_back_unjudged,  # all that undoing takes, for once
    )

    undone = take_back_unjudged(tree, checked, custody, now)
    return " ".join(one for one in (done, undone) if one is not None) or None
