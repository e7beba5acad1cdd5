"""The write-ahead journal: what a batch is about to do to the files, so that it can be undone after any crash.

The protocol, on one workspace, under its lock:

1. ``patch_requested`` is on record; the journal is written to `.mission_control/journal.json` by a rename.
2. Every file gets a second name beside it (a hard link: the backup), and its new content is staged beside it. All that,
   the journal and the diffs are flushed to the disk.
3. The staged files take the places of the targets: by rename; a new file by link, which cannot overwrite. Flushed.
4. The decision is recorded: ``patch_applied`` (or ``patch_reverted``) in one transaction of the store.
5. Backups become kept objects (`kept_objects`), then the journal is removed.

Whoever finds a journal asks the record whether the decision was taken: if so, step 5 is finished; if not, all is undone
from the backups. Undoing is the same however far the batch came, and may itself be interrupted and done again.
"""

import errno
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.patching.diffs.writing import BY_UMASK
from repo_agent_dagster.patching.disk.kept_objects import keep
from repo_agent_dagster.patching.disk.paths import MISSION_CONTROL, STAGED_PREFIX, canonical
from repo_agent_dagster.patching.disk.tree import Tree
from repo_agent_dagster.patching.model import JournalUnreadable, PatchConflict, UnsafePath
from repo_agent_dagster.patching.planning.plan import PlannedFile

JOURNAL = f"{MISSION_CONTROL}/journal.json"
_JOURNAL_STAGED = f"{JOURNAL}.new"
_RECOVERED = f"{MISSION_CONTROL}/recovered"
_VERSION = 1
_ID = re.compile("[0-9A-Za-z-]+")
# File systems without hard links, and files that the kernel does not let us link (fs.protected_hardlinks).
_NO_LINK = {errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the batch; the digests are those of its content before and after, None where it is absent."""

    path: str
    kind: Literal["create", "replace", "delete"]
    before_sha256: str | None
    after_sha256: str | None


@dataclass(frozen=True, slots=True)
class Journal:
    """A batch on its way to the files. `folders` are made for it; `undone` says that only the record is left to do."""

    batch_id: str
    decision: PatchEventName
    patch_ids: tuple[str, ...]
    entries: tuple[Entry, ...]
    folders: tuple[str, ...]
    undone: bool = False

    def staged(self, number: int) -> str:
        """The name of an entry's new content, beside its target."""
        return self._beside(number, "new")

    def backup(self, number: int) -> str:
        """The second name of an entry's old content, beside its target."""
        return self._beside(number, "old")

    def _beside(self, number: int, ending: str) -> str:
        folder, slash, _ = self.entries[number].path.rpartition("/")
        return f"{folder}{slash}{STAGED_PREFIX}{self.batch_id}-{number}.{ending}"


def diff_path(patch_id: str) -> str:
    """Return where a patch's diff is kept, relative to the workspace."""
    return f"{MISSION_CONTROL}/patches/{patch_id}.diff"


def begin(
    tree: Tree, batch_id: str, decision: PatchEventName, patch_ids: Sequence[str], files: Sequence[PlannedFile]
) -> Journal:
    """Write the journal (step 1); it is on the disk when `install` has flushed it."""
    entries = tuple(
        Entry(
            file.path,
            file.kind,
            None if file.before is None else file.before.sha256,
            None if file.after is None else file.after.sha256,
        )
        for file in files
    )
    folders = tree.missing_folders(*(file.path for file in files if file.kind == "create"))
    journal = Journal(batch_id, decision, tuple(patch_ids), entries, tuple(sorted(folders)))
    write(tree, journal)
    return journal


def write(tree: Tree, journal: Journal) -> None:
    """Put the journal in its place, whole."""
    content = {
        "version": _VERSION,
        "batch_id": journal.batch_id,
        "decision": journal.decision,
        "patch_ids": journal.patch_ids,
        "entries": [
            {
                "path": entry.path,
                "kind": entry.kind,
                "before_sha256": entry.before_sha256,
                "after_sha256": entry.after_sha256,
            }
            for entry in journal.entries
        ],
        "folders": journal.folders,
        "undone": journal.undone,
    }
    tree.remove(_JOURNAL_STAGED)
    tree.create(_JOURNAL_STAGED, json.dumps(content).encode(), 0o644)
    tree.rename(_JOURNAL_STAGED, JOURNAL)


def load(tree: Tree) -> Journal | None:
    """Return the journal of an interrupted batch, or None.

    Raises:
        JournalUnreadable: it is not one of ours.
    """
    state = tree.read(JOURNAL)
    if state is None:
        return None
    try:
        fields: dict[str, Any] = json.loads(state.content)
        if fields.pop("version") != _VERSION:
            raise ValueError("another version wrote it")  # noqa: TRY301 - told like any other thing wrong with it
        entries = tuple(Entry(**entry) for entry in fields.pop("entries"))
        for path in (*(entry.path for entry in entries), *fields["folders"]):
            canonical(path)
        for name in (fields["batch_id"], *fields["patch_ids"]):
            if not _ID.fullmatch(name):
                raise ValueError(f"{name!r} is no id")  # noqa: TRY301 - likewise
        return Journal(
            batch_id=fields["batch_id"],
            decision=PatchEventName(fields["decision"]),
            patch_ids=tuple(fields["patch_ids"]),
            entries=entries,
            folders=tuple(fields["folders"]),
            undone=bool(fields["undone"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError, UnsafePath) as error:
        raise JournalUnreadable(
            f"{JOURNAL} cannot be understood ({error}), so the interrupted batch can be neither finished nor undone; "
            "compare the tree with your repository, then remove the file"
        ) from error


def install(tree: Tree, journal: Journal, files: Sequence[PlannedFile], diffs: Mapping[str, bytes]) -> None:
    """Bring the new contents into their places (steps 2 and 3). `diffs` maps patch ids to their diffs.

    Raises:
        PatchConflict: a file changed since it was read.
        OSError: the file system refused something.
    """
    written = [JOURNAL]
    for patch_id, diff in diffs.items():
        written.append(diff_path(patch_id))
        tree.create(written[-1], diff, 0o644)
    for folder in journal.folders:
        tree.make_folder(folder)
    for number, file in enumerate(files):
        if file.before is not None:
            written += _back_up(tree, file.path, file.before.content, file.before.mode, journal.backup(number))
        if file.after is not None:
            written.append(journal.staged(number))
            if file.after.mode & BY_UMASK:
                tree.create(written[-1], file.after.content, file.after.mode & 0o7777)
            else:
                old = file.path if file.before is not None else file.moved_from
                tree.create(written[-1], file.after.content, file.after.mode, exact=True, like=old)
    changed = _folders_of(journal)
    tree.sync(written, [*changed, MISSION_CONTROL, f"{MISSION_CONTROL}/patches"])
    for number, file in enumerate(files):
        if file.before is not None and not tree.is_as_read(file.path):
            raise PatchConflict(f"{file.path} changed while the batch was applied; read it again")
        _swap(tree, journal, number)
    tree.sync([], changed)


def _back_up(tree: Tree, path: str, content: bytes, mode: int, backup: str) -> list[str]:
    """Keep the old content under a second name; return what has to be flushed for it."""
    try:
        tree.link(path, backup)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        tree.create(backup, content, mode, exact=True, like=path)
        return [backup]
    return []


def _swap(tree: Tree, journal: Journal, number: int) -> None:
    entry = journal.entries[number]
    if entry.kind == "replace":
        tree.rename(journal.staged(number), entry.path)
    elif entry.kind == "delete":
        tree.remove(entry.path)
    else:
        try:
            tree.link(journal.staged(number), entry.path)
        except FileExistsError:
            raise PatchConflict(f"{entry.path} came into being while the batch was applied; read it again") from None
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            tree.rename(journal.staged(number), entry.path)


def undo(tree: Tree, journal: Journal) -> list[str]:
    """Put every file back, however far the batch came; return what people have to know, one sentence per file.

    A file that somebody else changed since is left as it is, and its old content is kept under `.mission_control/`.
    """
    notes: list[str] = []
    for number, entry in enumerate(journal.entries):
        if entry.kind == "create":
            _undo_creation(tree, journal, number)
        else:
            notes += _undo_change(tree, journal, number)
        tree.remove(journal.staged(number))
    for folder in reversed(journal.folders):
        tree.remove_folder(folder)
    if journal.decision is PatchEventName.PATCH_APPLIED:
        for patch_id in journal.patch_ids:
            tree.remove(diff_path(patch_id))
    tree.sync([], _folders_of(journal))
    return notes


def _undo_creation(tree: Tree, journal: Journal, number: int) -> None:
    entry, staged = journal.entries[number], journal.staged(number)
    # Without hard links the staged file itself was renamed: then the content tells whether the new file is ours.
    if tree.is_same_file(entry.path, staged) or (
        tree.status(staged) is None and tree.status(entry.path) and _digest(tree, entry.path) == entry.after_sha256
    ):
        tree.remove(entry.path)


def _undo_change(tree: Tree, journal: Journal, number: int) -> list[str]:
    entry, backup = journal.entries[number], journal.backup(number)
    if tree.status(backup) is None:
        return []  # the target was not touched yet, or is back already
    present = tree.status(entry.path)
    if present is None:
        tree.rename(backup, entry.path)
        return []
    if tree.is_same_file(entry.path, backup):
        tree.remove(backup)
        return []
    digest = _digest(tree, entry.path)
    if digest == entry.after_sha256:
        tree.rename(backup, entry.path)
        return []
    if digest == entry.before_sha256:
        tree.remove(backup)
        return []
    kept = f"{_RECOVERED}/{journal.batch_id}-{number}"
    tree.make_folder(_RECOVERED)
    tree.rename(backup, kept)
    return [f"{entry.path} was changed by somebody else meanwhile and is left so; what it was before is in {kept}."]


def _digest(tree: Tree, path: str) -> str:
    state = tree.read(path)
    return "" if state is None else hashlib.sha256(state.content).hexdigest()


def finish(tree: Tree, journal: Journal) -> None:
    """Put away what the journal kept for undoing, remove folders that became empty, then the journal (step 5)."""
    for number, entry in enumerate(journal.entries):
        if entry.kind != "create":
            _retire(tree, journal.backup(number), entry)
        if entry.kind != "replace":
            tree.remove(journal.staged(number))
        if entry.kind == "delete":
            folder = entry.path.rpartition("/")[0]
            while folder and tree.remove_folder(folder):
                folder = folder.rpartition("/")[0]
    clear(tree)


def _retire(tree: Tree, backup: str, entry: Entry) -> None:
    if entry.before_sha256 is None:
        tree.remove(backup)
    else:
        keep(tree, backup, entry.before_sha256)


def clear(tree: Tree) -> None:
    """Remove the journal."""
    tree.remove(JOURNAL)


def mark_undone(tree: Tree, journal: Journal) -> None:
    """Keep the journal for its record's sake alone: the files are back, but that is not on record yet."""
    write(tree, replace(journal, undone=True))


def _folders_of(journal: Journal) -> list[str]:
    made_in = {folder.rpartition("/")[0] for folder in journal.folders}
    return sorted({entry.path.rpartition("/")[0] for entry in journal.entries} | made_in)
