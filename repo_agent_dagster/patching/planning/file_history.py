"""One file on its way through a batch: where it was, where it is, and what its content and mode are by now."""

from collections.abc import Callable, Sequence
from functools import partial

from repo_agent_dagster.contracts.patches import ApplyDiff, LineOperation, ReplaceText
from repo_agent_dagster.patching.diffs.writing import Diff, FileState, file_diff, is_binary, windows_diff
from repo_agent_dagster.patching.model import InvalidPatch, MarkerPattern
from repo_agent_dagster.patching.planning.batch_steps import Step
from repo_agent_dagster.patching.planning.diff_operations import check_contents, locate_hunks
from repo_agent_dagster.patching.planning.editing import Edit, Span, regions_of
from repo_agent_dagster.patching.planning.line_operations import Target, check_digest, locate
from repo_agent_dagster.patching.planning.plan import with_executable
from repo_agent_dagster.patching.planning.splices import Splice, refuse_overlaps
from repo_agent_dagster.patching.planning.text_operations import locate_text
from repo_agent_dagster.patching.text.lines import Text, parse, render, split_lines

Located = tuple[list[Splice], tuple[str, ...]]
"""The splices of a step, and notes about it for people."""


class FileHistory:
    """A file: `origin` is its path before the batch and `name` its path now; None is no file."""

    def __init__(self, origin: str | None, before: FileState | None, markers: MarkerPattern) -> None:
        self.origin = origin
        self.name = origin
        self.before = before
        self._state = before
        self._is_rendered = True  # whether the state has the text's content
        self._markers = markers
        self._text: Text | None = None
        self._target: Target | None = None
        self._edit: Edit | None = None
        self._diffs: list[Diff] = []

    def state(self) -> FileState | None:
        """Return the file as it is now."""
        if self._state is None:
            return None
        if self._edit is not None:
            return FileState(self._edit.content(), self._state.mode)
        if not self._is_rendered and self._text is not None:
            content = render(self._text.bom, self._text.lines, self._text.unterminated)
            self._state, self._is_rendered = FileState(content, self._state.mode), True
        return self._state

    def locate(self, step: Step) -> Located:
        """Find the places that a step means, in the file as it is now.

        Raises:
            InvalidPatch: the step cannot be made in such a file.
            PatchConflict: the file is not what the step supposes.
        """
        operation = step.operation
        if not step.edits:
            check_digest(step.index, operation, self._content)
            if step.file_patch is not None:
                check_contents(step.who, step.file_patch, self._content())
            return [], ()
        target = self._readable(step)
        if isinstance(operation, LineOperation):
            return [locate(step.index, operation, target)], ()
        if isinstance(operation, ReplaceText):
            return locate_text(step.index, operation, target), ()
        if isinstance(operation, ApplyDiff) and step.file_patch is not None:
            return locate_hunks(step.index, operation, step.file_patch, target)
        raise TypeError(f"no way to make {operation.op} is known")

    def begin(self, splices: Sequence[Splice]) -> None:
        """Take up the splices that will be made, by one step or by several.

        Raises:
            OverlappingPatches: two of them claim the same bytes.
        """
        if splices and self._text is not None:
            self._edit = Edit(self._text, refuse_overlaps(splices))

    def make(self, step: Step, splices: Sequence[Splice]) -> Diff:
        """Make a step; return its diff."""
        diff = self._made(step, splices)
        self._diffs.append(diff)
        return diff

    def settle(self) -> None:
        """Make the file as it is now the one that later steps are located in."""
        if self._edit is not None:
            self._text, self._is_rendered = self._edit.settle(), False
        self._edit = self._target = None

    def whole_diff(self, path: str, state: FileState | None) -> Callable[[], Diff]:
        """Return what makes the diff of all steps on a file that kept its path; `state` is what they left.

        It holds no line of the file: whoever never asks for the diff shall not keep the file's lines for it.
        """
        if len(self._diffs) == 1:
            return partial(_given, self._diffs[0])
        return partial(_spanned, path, self.before, state, None if self._edit is None else self._edit.spans())

    def _made(self, step: Step, splices: Sequence[Splice]) -> Diff:
        if step.creates is not None:
            self.name, self._state = step.path, step.creates
            return file_diff(step.path, None, step.creates)
        path, state = self._present()
        if step.deletes:
            diff = file_diff(path, self.state(), None)
            self.name, self._state, self._edit = None, None, None
            return diff
        windows = self._edit.step(splices) if self._edit is not None and splices else []
        changed = state if step.executable is None else with_executable(state, step.executable)
        self._state = changed
        if step.to is not None:
            self.name = step.to
        binary = step.file_patch.binary if step.file_patch is not None else None
        if binary is not None:
            before = self.state()
            self._state, self._is_rendered = FileState(binary.after, changed.mode), True
            self._text = None
            return file_diff(step.to or path, before, self._state, old_path=path)
        old_path = None if step.to is None else path
        modes = None if changed.mode == state.mode else (state.mode, changed.mode)
        return windows_diff(step.to or path, windows, old_path=old_path, modes=modes)

    def _present(self) -> tuple[str, FileState]:
        if self.name is None or self._state is None:
            raise TypeError("the file is gone, and the step was not refused")
        return self.name, self._state

    def _content(self) -> bytes:
        state = self.state()
        return b"" if state is None else state.content

    def _readable(self, step: Step) -> Target:
        path, state = self._present()
        if self._target is None:
            if self._text is None:
                if is_binary(state.content):
                    raise InvalidPatch(
                        f"{step.who}: {path} is binary or UTF-16; edits need text in an ASCII-based encoding"
                    )
                self._text = parse(state.content)
            text = self._text
            self._target = Target(
                path,
                text.lines,
                lambda: render(text.bom, text.lines, text.unterminated),
                text.unterminated,
                self._markers,
            )
        return self._target


def _given(diff: Diff) -> Diff:
    return diff


def _spanned(path: str, before: FileState | None, after: FileState | None, spans: list[Span] | None) -> Diff:
    if spans is None or before is None or after is None:
        return file_diff(path, before, after)
    regions = regions_of(spans, split_lines(before.content), split_lines(after.content))
    return file_diff(path, before, after, regions)
