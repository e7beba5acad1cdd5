"""Applying a patch to a clone in a sandbox: by which way, with what proof, or not at all and why."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from repo_agent_dagster.artifacts import ArtifactStore
from repo_agent_dagster.cli.example_repo import commit_files
from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.contracts.tasks import SolutionValidationPayload
from repo_agent_dagster.pathways.context import TaskContext
from repo_agent_dagster.pathways.scripts import Scripts
from repo_agent_dagster.pathways.setup.opening import CLONE, Checkout
from repo_agent_dagster.pathways.validation.applying import Applied, apply_patch
from repo_agent_dagster.pathways.validation.patch_text import PatchUnusable, read_patch
from repo_agent_dagster.pathways.validation.proposal import propose
from repo_agent_dagster.sandbox import Repositories, Sandbox, SandboxSpec, clone_into

pytestmark = pytest.mark.docker

POEM = "".join(f"line {number}\n" for number in range(1, 21))
PICTURE = bytes(range(256))
FILES = {
    "poem.txt": POEM.encode(),
    "open.txt": b"one\ntwo\nthree",
    "dos.txt": b"one\r\ntwo\r\nthree\r\n",
    "latin.txt": b"caf\xe9\nend",
    "tool.sh": b"#!/bin/sh\nexit 0\n",
    "folder/with space.txt": b"here\n",
    "picture.bin": PICTURE,
    "packages/web/app.js": b"a\nb\nc\n",
    "conftest.py": b"",
    "pyproject.toml": b"[project]\nname = 'x'\n",
    "test_poem.py": b"def test_poem():\n    assert True\n",
}


class Bench:
    """One clone for all tests of this file; `apply` finds it as its commit has it."""

    def __init__(self, box: Sandbox, context: TaskContext, commit: str) -> None:
        self.box = box
        self.context = context
        self.root = Checkout(CLONE, CLONE, commit, "file:///origin")

    def apply(self, diff: str | bytes, *, inside: str = "", declared: list[str] | None = None) -> Applied:
        data = diff.encode() if isinstance(diff, str) else diff
        checkout = self.root if not inside else Checkout(CLONE, f"{CLONE}/{inside}", self.root.commit, self.root.url)
        self.box.exec("git clean --quiet --force -d", cwd=CLONE)
        return apply_patch(self.context, self.box, checkout, read_patch(data, "diff"), declared_tests=declared)

    def refused(self, diff: str | bytes) -> PatchUnusable:
        with pytest.raises(PatchUnusable) as caught:
            self.apply(diff)
        assert self.box.exec("git status --porcelain", cwd=CLONE).output == ""
        return caught.value

    def content(self, name: str) -> bytes:
        return self.box.get(f"{CLONE}/{name}")


@pytest.fixture(scope="module")
def bench(sandbox_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder: Path = tmp_path_factory.mktemp("applying")
    commit_files(folder / "origin", FILES, now=datetime(2026, 3, 4, tzinfo=UTC), message="As it was")
    context = cast(TaskContext, SimpleNamespace(scripts=Scripts(ArtifactStore(folder / "artifacts"))))
    mirror = Repositories(folder / "mirrors", frozenset({"file"})).mirror((folder / "origin").as_uri())
    with Sandbox.open(SandboxSpec(task_id="test-applying", image=sandbox_image, network="none")) as box:
        clone_into(box, mirror, mirror.resolve("HEAD"), target=CLONE)
        made = box.exec(
            "ln -s poem.txt link.txt && ln -s /tmp out && chmod +x tool.sh && git add . && git commit -qm more"
            " && git rev-parse HEAD",
            cwd=CLONE,
        )
        yield Bench(box, context, made.stdout.split()[-1])


def change(start: int, old: str, new: str, *, before: str = "", after: str = "", file: str = "poem.txt") -> str:
    """A hunk that replaces one line between two others."""
    return (
        f"--- a/{file}\n+++ b/{file}\n@@ -{start},3 +{start},3 @@\n {before or f'line {start}'}\n-{old}\n+{new}\n"
        f" {after or f'line {start + 2}'}\n"
    )


FITS = change(4, "line 5", "five")


def test_a_diff_that_fits_is_applied_by_git_and_proved(bench: Bench) -> None:
    applied = bench.apply(FITS)

    assert (applied.summary.way, applied.summary.files) == ("git apply", ["poem.txt"])
    assert applied.summary.proof == "git apply --check --reverse accepts it on the result"
    assert bench.content("poem.txt") == POEM.replace("line 5\n", "five\n").encode()
    assert applied.changed == {"poem.txt": [5]}
    assert b"+five\n" in applied.diff


def test_a_diff_of_another_state_is_merged_three_ways_where_git_knows_that_state(bench: Bench) -> None:
    # The diff is of a version that the history has: its blob is there, and the lines around are others now.
    made = bench.box.exec(
        "git reset -q --hard && sed -i 's/line 4/line four/' poem.txt && git commit -qam four"
        " && sed -i 's/line 6/line six/' poem.txt"
        " && git diff --full-index && git checkout -q poem.txt && git revert --no-edit HEAD >/dev/null"
        " && sed -i 's/line 3$/line three/' poem.txt && git commit -qam three && git rev-parse HEAD",
        cwd=CLONE,
    )
    *diff, commit = made.stdout.splitlines(keepends=True)
    root, bench.root = bench.root, Checkout(CLONE, CLONE, commit.strip(), "file:///origin")
    try:
        applied = bench.apply("".join(diff))
        assert applied.summary.way == "git apply --3way"
        assert "by just the lines that the patch adds" in applied.summary.proof
        assert b"line three\nline 4\nline 5\nline six\n" in bench.content("poem.txt")
    finally:
        bench.root = root


def test_lines_around_it_that_changed_take_fuzz_and_it_is_said(bench: Bench) -> None:
    applied = bench.apply(
        "--- a/poem.txt\n+++ b/poem.txt\n@@ -4,5 +4,5 @@\n somewhat else\n line 5\n-line 6\n+six\n line 7\n line 8\n"
    )

    assert applied.summary.way == "patch --fuzz"
    assert applied.summary.proof == (
        "the result differs from the commit by just the lines that the patch adds and removes"
    )
    assert "fits only with fuzz" in applied.summary.notes[0]
    assert bench.content("poem.txt") == POEM.replace("line 6\n", "six\n").encode()


def test_a_file_without_its_last_newline_is_found_all_the_same(bench: Bench) -> None:
    applied = bench.apply(change(1, "two", "zwei", before="one", after="three", file="open.txt"))

    assert applied.summary.way == "patch --fuzz"
    assert bench.content("open.txt") == b"one\nzwei\nthree"


def test_line_ends_are_made_those_of_the_file(bench: Bench) -> None:
    applied = bench.apply(change(1, "two", "zwei", before="one", after="three", file="dos.txt"))
    assert bench.content("dos.txt") == b"one\r\nzwei\r\nthree\r\n"
    assert applied.summary.way == "git apply"
    assert applied.summary.notes == ["line ends of the patch were made those of the files: dos.txt (CRLF)"]

    applied = bench.apply(FITS.replace("\n", "\r\n"))
    assert bench.content("poem.txt") == POEM.replace("line 5\n", "five\n").encode()
    assert applied.summary.notes == ["line ends of the patch were made those of the files: poem.txt (LF)"]


def test_binary_files_renames_and_modes_are_told_each_by_its_kind(bench: Bench) -> None:
    made = bench.box.exec(
        "git reset -q --hard && printf 'other\\0' > picture.bin"
        " && git mv poem.txt verse.txt && chmod -x tool.sh && git rm -q folder/*"
        " && printf new > made.txt && git add . && git diff --cached --binary -M && git reset -q --hard",
        cwd=CLONE,
    )

    applied = bench.apply(made.stdout)

    told = {one.path: (one.change, one.renamed_from, one.new_mode) for one in applied.summary.changes}
    assert told == {
        "picture.bin": ("modified", None, "100644"),
        "verse.txt": ("renamed", "poem.txt", "100644"),
        "tool.sh": ("mode", None, "100644"),
        "folder/with space.txt": ("deleted", None, None),
        "made.txt": ("added", None, "100644"),
    }
    assert bench.content("picture.bin") == b"other\0"


def test_names_may_begin_in_the_folder_that_is_worked_on(bench: Bench) -> None:
    diff = change(1, "b", "B", before="a", after="c", file="app.js")

    from_inside = bench.apply(diff, inside="packages/web")
    from_root = bench.apply(diff.replace("app.js", "packages/web/app.js"), inside="packages/web")
    bare = bench.apply(diff.replace(" b/app.js", " packages/web/app.js").replace(" a/app.js", " packages/web/app.js"))

    assert from_inside.summary.files == from_root.summary.files == bare.summary.files == ["packages/web/app.js"]
    assert from_inside.summary.notes == ["its names begin in packages/web/"]


@pytest.mark.parametrize(
    ("diff", "problem", "said"),
    [
        (change(4, "line five", "five"), "conflict", "The hunk that does not fit:\n@@ -4,3 +4,3 @@"),
        (change(4, "five", "line 5"), "already_applied", "applied already"),
        (change(1, "x", "y", file="missing.txt"), "conflict", "missing.txt: does not exist in index"),
        ("--- /dev/null\n+++ b/poem.txt\n@@ -0,0 +1 @@\n+x\n", "conflict", "already exists"),
        ("--- /dev/null\n+++ b/out/x\n@@ -0,0 +1 @@\n+x\n", "not_regular", "beyond a symbolic link"),
        (
            "diff --git a/picture.bin b/picture.bin\nindex 1..2 100644\nGIT binary patch\nliteral 1\nIcma\n\n",
            "corrupt",
            "corrupt",
        ),
        (FITS + change(14, "line fifteen", "x"), "conflict", "patch failed: poem.txt:14"),
    ],
    ids=[
        "does not fit",
        "applied already",
        "no such file",
        "exists already",
        "through a link",
        "broken binary",
        "half",
    ],
)
def test_a_diff_that_does_not_apply_leaves_nothing_and_says_why(
    diff: str, problem: str, said: str, bench: Bench
) -> None:
    error = bench.refused(diff)

    assert error.problem == problem, error
    assert said in str(error)


def test_the_runners_configuration_and_undeclared_tests_are_put_back(bench: Bench) -> None:
    diff = (
        FITS
        + "--- a/pyproject.toml\n+++ b/pyproject.toml\n@@ -1,2 +1,4 @@\n [project]\n name = 'x'\n"
        + "+[tool.pytest.ini_options]\n+addopts = '-k nothing'\n"
        + "--- /dev/null\n+++ b/tests/conftest.py\n@@ -0,0 +1 @@\n+collect_ignore = ['test_poem.py']\n"
        + "--- a/test_poem.py\n+++ b/test_poem.py\n@@ -1,2 +1,2 @@\n def test_poem():\n-    assert True\n+    pass\n"
    )

    lenient = bench.apply(diff)
    assert sorted(lenient.summary.restored) == ["pyproject.toml", "tests/conftest.py"]
    assert set(lenient.left) == {"poem.txt", "test_poem.py"}
    assert bench.content("pyproject.toml") == FILES["pyproject.toml"]
    assert b"test_poem.py" in lenient.diff
    assert b"collect_ignore" not in lenient.diff
    assert not bench.box.exec("test -e tests/conftest.py", cwd=CLONE).ok

    strict = bench.apply(diff, declared=["tests/**", "pyproject.toml"])
    assert strict.summary.restored == ["test_poem.py"]
    assert bench.content("test_poem.py") == FILES["test_poem.py"]


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ({"op": "append", "file": "missing.txt", "block": "x"}, "missing.txt does not exist"),
        ({"op": "append", "file": "../outside.txt", "block": "x"}, "'..'"),
        ({"op": "append", "file": "/etc/passwd", "block": "x"}, "absolute"),
        ({"op": "append", "file": "link.txt", "block": "x"}, "link.txt is a symlink"),
        ({"op": "append", "file": "poem.txt", "blockFile": "b.txt"}, "b.txt cannot be read"),
        ({"op": "replace-block", "file": "poem.txt", "start": 99, "end": 99, "block": "x"}, "99"),
        ({"op": "replace-block", "file": "poem.txt", "start": 2, "end": 2, "block": "line 2"}, "changes nothing"),
    ],
)
def test_a_batch_that_does_not_fit_is_rejected(patch: dict[str, object], said: str, bench: Bench) -> None:
    with pytest.raises(PatchUnusable, match=said.replace(".", "[.]")):
        propose(bench.context, bench.box, bench.root, batch_of(patch))


def test_a_batch_keeps_every_byte_beside_its_lines(bench: Bench) -> None:
    bench.box.exec("git reset --quiet --hard && git clean -qfd", cwd=CLONE)
    payload = batch_of(
        {"op": "replace-block", "file": "dos.txt", "start": 2, "end": 2, "block": "zwei"},
        {"op": "insert-before", "file": "latin.txt", "line": 1, "block": "# top"},
        {"op": "append", "file": "tool.sh", "block": "# end"},
        {"op": "prepend", "file": "folder/with space.txt", "block": "first"},
    )

    patch = propose(bench.context, bench.box, bench.root, payload)
    applied = apply_patch(bench.context, bench.box, bench.root, patch, declared_tests=None)

    assert (applied.summary.kind, applied.summary.way) == ("batch", "git apply")
    assert sorted(applied.summary.files) == ["dos.txt", "folder/with space.txt", "latin.txt", "tool.sh"]
    assert bench.content("dos.txt") == b"one\r\nzwei\r\nthree\r\n"
    assert bench.content("latin.txt") == b"# top\ncaf\xe9\nend"
    assert bench.box.exec("test -x tool.sh", cwd=CLONE).ok


def batch_of(*patches: dict[str, object]) -> SolutionValidationPayload:
    batch = PatchBatch.model_validate({"patches": list(patches)})
    return SolutionValidationPayload(repo_url="file:///origin", batch=batch)
