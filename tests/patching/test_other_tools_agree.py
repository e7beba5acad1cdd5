"""GNU patch and git make the same trees of the emitted diffs: of each step, and of the whole batch."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.patching.random_batches import Batch, batches, trees
from tests.patching.reference import File, Tree, applied
from tests.patching.test_reference import planned
from tests.patching.trees import fill, snapshot

pytestmark = pytest.mark.no_cover  # the same code over and over, at half the speed if it were traced

EXAMPLES = int(os.environ.get("PATCH_PROOF_EXAMPLES", "200"))
"""How many random batches are tried; they are the same ones each time. Give more for a longer look."""

thorough = settings(
    max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)


@st.composite
def cases(draw: st.DrawFn, *, binary: bool) -> tuple[Tree, Batch]:
    tree = draw(trees())
    if not binary:  # which GNU patch does not know
        tree = {path: file for path, file in tree.items() if b"\0" not in file.content} or {"a": File(b"a\n")}
    return tree, draw(batches(tree, valid=True))


@contextmanager
def folder_of(tree: Tree) -> Iterator[Path]:
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as made:
        fill(Path(made), {path: file.content for path, file in tree.items()})
        for path, file in tree.items():
            (Path(made) / path).chmod(file.mode)
        yield Path(made)


def as_tools_have(files: Tree) -> dict[str, tuple[bytes, bool]]:
    return {path: (file.content, bool(file.mode & 0o100)) for path, file in files.items()}


def present(folder: Path) -> dict[str, tuple[bytes, bool]]:
    return as_tools_have({path: File(*state) for path, state in snapshot(folder).items()})


def run(folder: Path, diff: bytes, *command: str) -> None:
    if diff:
        done = subprocess.run(command, cwd=folder, input=diff, capture_output=True, check=False)
        assert done.returncode == 0, (done.stdout + done.stderr).decode("utf-8", "replace") + diff.decode(
            "utf-8", "replace"
        )


GNU_PATCH = ("patch", "-p1", "--binary", "--silent", "--no-backup-if-mismatch", "--fuzz=0", "--force")


def without_blanks(tree: Tree) -> Tree:
    """Rename what GNU patch cannot read in git's headers; no content has that name."""
    return {path.replace("n ew", "n_ew"): file for path, file in tree.items()}


@thorough
@given(cases(binary=False))
def test_gnu_patch_makes_the_same_tree(case: tuple[Tree, Batch]) -> None:
    tree, batch = case
    diffs = [patch.diff.text.replace(b"n ew", b"n_ew") for patch in planned(tree, batch).patches]
    with folder_of(without_blanks(tree)) as folder:
        for diff in diffs:
            run(folder, diff, *GNU_PATCH)
        assert present(folder) == as_tools_have(without_blanks(applied(tree, batch.steps, batch.coordinates)))
        for diff in reversed(diffs):
            run(folder, diff, *GNU_PATCH, "-R")
        assert present(folder) == as_tools_have(without_blanks(tree))


@thorough
@given(cases(binary=True))
def test_git_makes_the_same_tree_of_the_whole_batchs_diff(case: tuple[Tree, Batch]) -> None:
    tree, batch = case
    whole = b"".join(file.diff.text for file in planned(tree, batch).files)
    with folder_of(tree) as folder:
        run(folder, whole, "git", "apply", "-")
        assert present(folder) == as_tools_have(applied(tree, batch.steps, batch.coordinates))
        run(folder, whole, "git", "apply", "-R", "-")
        assert present(folder) == as_tools_have(tree)
