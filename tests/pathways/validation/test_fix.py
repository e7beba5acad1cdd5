"""Applying the patch to a clone in a sandbox: wholly, or not at all and with the reason."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from repo_agent_dagster.cli.example_repo import commit_files
from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.contracts.tasks import SolutionValidationPayload
from repo_agent_dagster.contracts.validation import PatchSummary
from repo_agent_dagster.pathways.validation import fix
from repo_agent_dagster.pathways.validation.steps import Checkout, clone
from repo_agent_dagster.sandbox.repositories.mirrors import Repositories
from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import SandboxSpec

pytestmark = pytest.mark.docker

FILES = {
    "poem.txt": b"one\ntwo\nthree\n",
    "dos.txt": b"one\r\ntwo\r\n",
    "latin.txt": b"caf\xe9\nend",
    "tool.sh": b"#!/bin/sh\nexit 0\n",
    "folder/with space.txt": b"here\n",
}


@pytest.fixture(scope="module")
def shared(sandbox_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Checkout]]:
    """One clone for all tests of this file; `cloned` resets it."""
    folder = tmp_path_factory.mktemp("fix")
    commit_files(folder / "origin", FILES, now=datetime(2026, 3, 4, tzinfo=UTC), message="As it was")
    payload = SolutionValidationPayload(repo_url=(folder / "origin").as_uri(), diff="")
    with Sandbox.open(SandboxSpec(task_id="test-fix", image=sandbox_image, network="none")) as box:
        checkout = clone(box, Repositories(folder / "mirrors", frozenset({"file"})), payload)
        made = box.exec(
            "ln -s poem.txt link.txt && chmod +x tool.sh && git add . && git commit -qm more", cwd=checkout.path
        )
        assert made.ok, made.output
        yield box, checkout


@pytest.fixture
def cloned(shared: tuple[Sandbox, Checkout]) -> tuple[Sandbox, str]:
    """The sandbox and the path of a clean clone in it."""
    box, checkout = shared
    fix.reset(box, checkout.path, "HEAD")
    return box, checkout.path


def apply_one(cloned: tuple[Sandbox, str], **patch: object) -> PatchSummary:
    return fix.apply_batch(*cloned, PatchBatch.model_validate({"patches": [patch]}))


def test_a_batch_keeps_every_byte_beside_its_lines(cloned: tuple[Sandbox, str]) -> None:
    box, path = cloned
    batch = PatchBatch.model_validate(
        {
            "patches": [
                {"op": "replace-block", "file": "dos.txt", "start": 2, "end": 2, "block": "zwei"},
                {"op": "insert-before", "file": "latin.txt", "line": 1, "block": "# top"},
                {"op": "append", "file": "tool.sh", "block": "# end"},
                {"op": "prepend", "file": "folder/with space.txt", "block": "first"},
            ]
        }
    )

    summary = fix.apply_batch(box, path, batch)

    assert summary.applied, summary.message
    assert sorted(summary.files) == ["dos.txt", "folder/with space.txt", "latin.txt", "tool.sh"]
    assert box.get(f"{path}/dos.txt") == b"one\r\nzwei\r\n"
    assert box.get(f"{path}/latin.txt") == b"# top\ncaf\xe9\nend"
    assert box.exec("test -x tool.sh", cwd=path).ok


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ({"op": "append", "file": "missing.txt", "block": "x"}, "missing.txt does not exist"),
        ({"op": "append", "file": "../outside.txt", "block": "x"}, "'..'"),
        ({"op": "append", "file": "/etc/passwd", "block": "x"}, "absolute"),
        ({"op": "append", "file": "link.txt", "block": "x"}, "link.txt is a symlink"),
        ({"op": "append", "file": "poem.txt", "blockFile": "b.txt"}, "b.txt cannot be read"),
        ({"op": "replace-block", "file": "poem.txt", "start": 99, "end": 99, "block": "x"}, "99"),
        ({"op": "replace-block", "file": "poem.txt", "start": 2, "end": 2, "block": "two"}, "changes nothing"),
    ],
)
def test_a_batch_that_does_not_fit_is_rejected(
    patch: dict[str, object], said: str, cloned: tuple[Sandbox, str]
) -> None:
    summary = apply_one(cloned, **patch)

    assert (summary.kind, summary.applied, summary.files) == ("batch", False, [])
    assert said in summary.message


FITS = "--- a/poem.txt\n+++ b/poem.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+zwei\n three\n"
CREATES = "--- /dev/null\n+++ b/made.txt\n@@ -0,0 +1 @@\n+new\n"


@pytest.mark.parametrize("diff", [FITS, FITS.rstrip("\n")], ids=["whole", "without its last newline"])
def test_a_diff_is_applied(diff: str, cloned: tuple[Sandbox, str]) -> None:
    box, path = cloned

    summary = fix.apply_diff(box, path, diff)

    assert summary == PatchSummary(kind="diff", applied=True, files=["poem.txt"])
    assert box.get(f"{path}/poem.txt") == b"one\nzwei\nthree\n"


@pytest.mark.parametrize(
    ("diff", "said"),
    [
        ("", "the patch is empty"),
        ("this is no diff", "No valid patches"),
        ("--- a/../../tmp/x\n+++ b/../../tmp/x\n@@ -0,0 +1 @@\n+x\n", "invalid path"),
        ("--- /dev/null\n+++ b/.git/hooks/made\n@@ -0,0 +1 @@\n+x\n", "invalid path"),
        (CREATES.replace("made.txt", "poem.txt"), "already exists"),
        (FITS.replace("-two", "-deux"), "patch failed: poem.txt:1\n"),
        (FITS.replace("three", ""), "poem.txt"),
    ],
    ids=["empty", "prose", "climbs out", "git's own", "exists already", "does not fit", "other context"],
)
def test_a_diff_that_does_not_fit_is_rejected(diff: str, said: str, cloned: tuple[Sandbox, str]) -> None:
    summary = fix.apply_diff(*cloned, diff)

    assert (summary.kind, summary.applied) == ("diff", False)
    assert said in summary.message


def test_a_diff_of_which_one_part_does_not_fit_leaves_nothing_behind(cloned: tuple[Sandbox, str]) -> None:
    box, path = cloned

    summary = fix.apply_diff(box, path, CREATES + FITS.replace("-two", "-deux"))

    assert not summary.applied
    assert box.exec("git status --porcelain", cwd=path).output == ""


def test_a_reset_removes_what_tests_left_and_keeps_what_was_installed(cloned: tuple[Sandbox, str]) -> None:
    box, path = cloned
    box.exec(
        "echo x >> poem.txt; rm tool.sh; mkdir -p made node_modules/ms x.egg-info;"
        "touch made/a node_modules/ms/a x.egg-info/b",
        cwd=path,
    )

    fix.reset(box, path, "HEAD")

    status = box.exec("git status --porcelain | sort; cat poem.txt", cwd=path).output
    assert status == "?? node_modules/\n?? x.egg-info/\none\ntwo\nthree\n"
    box.exec("rm -rf node_modules x.egg-info", cwd=path)
