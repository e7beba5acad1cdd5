"""What files held before a batch, kept under the digest of their content: reverts and replays find their bases here.

`.mission_control/objects/<first two hex digits>/<the rest>`. An object is the old file itself, moved when its batch
is finished, so keeping it costs no copy. Where another name of that file still exists, it may be written through that
name: so whoever reads an object proves its digest.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator

from repo_agent_dagster.patching.disk.paths import MISSION_CONTROL
from repo_agent_dagster.patching.disk.tree import Tree
from repo_agent_dagster.patching.model import InvalidPatch

OBJECTS = f"{MISSION_CONTROL}/objects"
_SHA256 = re.compile("[0-9a-f]{64}")
_FOLDER_NAME = re.compile("[0-9a-f]{2}")
_REST = re.compile("[0-9a-f]{62}")


def keep(tree: Tree, path: str, sha256: str) -> None:
    """Move a file, whose content had this digest, to the objects, or remove it if its like is there already.

    A file that is gone is no error: an interrupted clean-up may be done again. A file system that does not let it be
    kept has it removed: keeping is a service to later commands, no part of the batch.
    """
    kept = _path_of(sha256)
    try:
        if tree.status(kept) is None:
            try:
                tree.rename(path, kept)
            except FileNotFoundError:
                tree.make_folder(OBJECTS)
                tree.make_folder(kept.rpartition("/")[0])
                tree.rename(path, kept)
            return
    except (OSError, InvalidPatch):  # InvalidPatch: a link or a file stands where a folder should be
        tree.remove(path)
        return
    tree.remove(path)


def kept_object(tree: Tree, sha256: str) -> bytes | None:
    """Return the content with this SHA-256 (hexadecimal) if it is kept; None if it is not, or was altered since."""
    if not _SHA256.fullmatch(sha256):
        return None
    try:
        state = tree.read(_path_of(sha256))
    except InvalidPatch:
        return None  # no regular file
    if state is None or hashlib.sha256(state.content).hexdigest() != sha256:
        return None
    return state.content


def prune_objects(tree: Tree, keep_bytes: int) -> int:
    """Remove the objects that were kept first until at most `keep_bytes` are left; return how many bytes were removed.

    Call it under the workspace's lock.
    """
    # Moving an object to its place set its change time; its time of modification is the old file's own.
    newest_first = sorted(((info.st_ctime_ns, path, info.st_size) for path, info in _all(tree)), reverse=True)
    total = removed = 0
    for _, path, size in newest_first:
        total += size
        if total > keep_bytes:
            tree.remove(path)
            removed += size
    return removed


def _path_of(sha256: str) -> str:
    return f"{OBJECTS}/{sha256[:2]}/{sha256[2:]}"


def _all(tree: Tree) -> Iterator[tuple[str, os.stat_result]]:
    """Every object's path and status; what is not named like one is left alone."""
    for folder in filter(_FOLDER_NAME.fullmatch, tree.names(OBJECTS)):
        for name in filter(_REST.fullmatch, tree.names(f"{OBJECTS}/{folder}")):
            path = f"{OBJECTS}/{folder}/{name}"
            info = tree.status(path)
            if info is not None and stat.S_ISREG(info.st_mode):
                yield path, info
