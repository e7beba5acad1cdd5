"""From a batch of operations to what will be written: pure, and the only place where operations become contents.

In original coordinates all operations are located in the files as they were before the batch, and then made in the
batch's order; in sequential ones, each is located in what the operations before it left. Either way every operation is
a `Step` on one file, and every step leaves the diff of what it did.
"""

from collections.abc import Iterable, Sequence
from functools import partial

from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.patching.diffs.writing import Diff, FileState, file_diff, no_diff
from repo_agent_dagster.patching.model import InvalidPatch, MarkerPattern, OverlappingPatches, PatchConflict
from repo_agent_dagster.patching.planning.batch_steps import Step, steps_of
from repo_agent_dagster.patching.planning.collector import no_garbage_collection
from repo_agent_dagster.patching.planning.file_history import FileHistory
from repo_agent_dagster.patching.planning.plan import Plan, PlannedFile, PlannedPatch, ReadFile
from repo_agent_dagster.patching.planning.splices import Splice

_DEFAULT_MARKERS = MarkerPattern()

Made = tuple[Step, FileHistory, str, Diff, tuple[str, ...]]
"""A step, its file, the path of the file before it, its diff, and notes for people."""


@no_garbage_collection()
def plan_batch(
    batch: PatchBatch, read: ReadFile, markers: MarkerPattern = _DEFAULT_MARKERS, *, first: int | None = None
) -> Plan:
    """Work out a batch of operations, or the `first` so many patches of its plan.

    Raises:
        InvalidPatch: a path, an operation or a pair of operations can never be right.
        PatchConflict: the files are not what the batch supposes.
    """
    steps = steps_of(batch)[:first]
    files = _Files(read, markers)
    made = _in_original_coordinates(steps, files) if batch.coordinates == "original" else _in_sequence(steps, files)
    return _plan(made, files)


class _Files:
    """The files that a batch names."""

    def __init__(self, read: ReadFile, markers: MarkerPattern) -> None:
        self._read = read
        self._markers = markers
        self._disk: dict[str, FileState | None] = {}
        self.all: list[FileHistory] = []

    def on_disk(self, path: str) -> FileState | None:
        """Return what is at the path before the batch."""
        if path not in self._disk:
            self._disk[path] = self._read(path)
        return self._disk[path]

    def existing(self, path: str) -> FileHistory | None:
        """Return a new history of the file that is at the path before the batch; None if there is none."""
        state = self.on_disk(path)
        return None if state is None else self._added(FileHistory(path, state, self._markers))

    def created(self) -> FileHistory:
        """Return the history of a file that the batch makes."""
        return self._added(FileHistory(None, None, self._markers))

    def _added(self, file: FileHistory) -> FileHistory:
        self.all.append(file)
        return file


def _in_original_coordinates(steps: Sequence[Step], files: _Files) -> list[Made]:
    """Locate everything first, so that no operation can shift another; then make the steps in their order."""
    by_path: dict[str, FileHistory] = {}
    arriving: dict[str, Step] = {}
    ending: dict[str, Step] = {}
    editing: dict[str, Step] = {}
    located: list[tuple[Step, FileHistory, list[Splice], tuple[str, ...]]] = []
    splices_of: dict[int, list[Splice]] = {}
    for step in steps:
        if step.arrives_at is not None:
            _refuse_taken(step, step.arrives_at, arriving, files)
        if step.creates is not None:
            located.append((step, files.created(), [], ()))
            continue
        file = by_path.get(step.path) or files.existing(step.path)
        if file is None:
            raise PatchConflict(_absent(step, arriving.get(step.path)))
        by_path[step.path] = file
        _refuse_two_ends(step, ending, editing)
        splices, notes = file.locate(step)
        splices_of.setdefault(id(file), []).extend(splices)
        located.append((step, file, splices, notes))
    for file in by_path.values():
        file.begin(splices_of[id(file)])
    return [_made(step, file, splices, notes) for step, file, splices, notes in located]


def _in_sequence(steps: Sequence[Step], files: _Files) -> list[Made]:
    """Locate each step in what the steps before it left."""
    present: dict[str, FileHistory | None] = {}

    def at(path: str) -> FileHistory | None:
        if path not in present:
            present[path] = files.existing(path)
        return present[path]

    made: list[Made] = []
    for step in steps:
        if step.arrives_at is not None and at(step.arrives_at) is not None:
            raise PatchConflict(f"{step.who}: {_taken(step.arrives_at)}")
        file = files.created() if step.creates is not None else at(step.path)
        if file is None:
            raise PatchConflict(_absent(step, None))
        splices, notes = file.locate(step) if step.creates is None else ([], ())
        file.begin(splices)
        made.append(_made(step, file, splices, notes))
        file.settle()
        present[step.path] = None
        if file.name is not None:
            present[file.name] = file
    return made


def _made(step: Step, file: FileHistory, splices: Sequence[Splice], notes: tuple[str, ...]) -> Made:
    path = file.name or step.path
    return step, file, path, file.make(step, splices), notes


def _refuse_taken(step: Step, path: str, arriving: dict[str, Step], files: _Files) -> None:
    if path in arriving:
        raise OverlappingPatches(f"{arriving[path].who} and {step.who} overlap: both make {path}; keep one of them")
    if files.on_disk(path) is not None:
        raise PatchConflict(
            f"{step.who}: {_taken(path)}; if the batch takes it away first, send it with coordinates: sequential"
        )
    arriving[path] = step


def _taken(path: str) -> str:
    return f"{path} exists already and is not overwritten; edit it, or choose another path"


def _refuse_two_ends(step: Step, ending: dict[str, Step], editing: dict[str, Step]) -> None:
    """Refuse what contradicts itself in one batch: a file deleted and edited, moved twice, and the like."""
    ends = step.deletes or step.to is not None
    other = ending.get(step.path)
    if other is None and step.deletes:
        other = editing.get(step.path)
    if other is not None and (ends or other.deletes):
        raise OverlappingPatches(f"{other.who} and {step.who} overlap: they want different things of {step.path}")
    if ends:
        ending[step.path] = step
    else:
        editing.setdefault(step.path, step)


def _absent(step: Step, maker: Step | None) -> str:
    if maker is not None:
        return (
            f"{step.who}: {step.path} does not exist before the batch, {maker.who} makes it; name the file as it was, "
            "put the text into its content, or send the batch with coordinates: sequential"
        )
    return f"{step.who}: {step.path} does not exist in the workspace"


def _plan(made: Iterable[Made], files: _Files) -> Plan:
    patches = []
    for step, file, path, diff, notes in made:
        patches.append(
            PlannedPatch(
                file=path,
                op=step.operation.op,
                task_id=step.operation.task_id,
                diff=diff,
                origin=file.origin,
                result=file.name,
                moved_to=step.to,
                notes=notes,
            )
        )
    after = {file.name: file for file in files.all if file.name is not None}
    _refuse_files_as_folders(after, [file for file in files.all if file.origin is None or file.name != file.origin])
    paths = dict.fromkeys(path for file in files.all for path in (file.origin, file.name) if path is not None)
    return Plan(tuple(patches), tuple(_planned_file(path, after, files) for path in paths))


def _planned_file(path: str, after: dict[str, FileHistory], files: _Files) -> PlannedFile:
    before, file = files.on_disk(path), after.get(path)
    if file is None:
        told = any(
            one.origin == path and one.name is not None and _is_plain_move(one, after, files) for one in files.all
        )
        return PlannedFile(path, before, None, no_diff if told else partial(file_diff, path, before, None))
    state = file.state()
    if file.origin == path:
        return PlannedFile(path, before, state, file.whole_diff(path, state))
    old_path = file.origin if _is_plain_move(file, after, files) else None
    compared = before if old_path is None else file.before
    return PlannedFile(path, before, state, partial(file_diff, path, compared, state, old_path=old_path), file.origin)


def _is_plain_move(file: FileHistory, after: dict[str, FileHistory], files: _Files) -> bool:
    """Whether a file went from where nothing is now to where nothing was: then its diff is git's rename."""
    return (
        file.origin is not None
        and file.name is not None
        and file.origin != file.name
        and file.origin not in after
        and files.on_disk(file.name) is None
    )


def _refuse_files_as_folders(after: dict[str, FileHistory], arrived: Iterable[FileHistory]) -> None:
    for file in arrived:
        folder = (file.name or "").rpartition("/")[0]
        while folder:
            if folder in after:
                raise InvalidPatch(f"{folder} would be both a file and the folder of {file.name}; rename one of them")
            folder = folder.rpartition("/")[0]
