"""The whole pathway with a bisection, over a history with a merge and a commit that cannot be tried."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from repo_agent_dagster.contracts.recreation import RecreationVerdict
from repo_agent_dagster.contracts.tasks import ErrorRecreationPayload
from repo_agent_dagster.pathways.context import TaskContext
from repo_agent_dagster.pathways.recreation.steps import recreate

pytestmark = pytest.mark.docker

GOOD = "def total(prices):\n    return sum(prices)\n"
BAD = "def total(prices):\n    return sum(prices) / len(prices)\n"
BROKEN = "def total(prices:\n"


def git(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    options = ["-c", "user.name=Ada", "-c", "user.email=ada@example.invalid"]
    done = subprocess.run(
        ["git", *options, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commit(folder: Path, text: str, message: str) -> str:
    (folder / "till.py").write_text(text)
    (folder / "log.txt").open("a").write(f"{message}\n")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def history(tmp_path: Path) -> tuple[Path, str, str]:
    """A repository, its good commit, and the commit on a side line that a merge brought in with the error."""
    folder = tmp_path / "till"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    good = commit(folder, GOOD, "A till")
    for number in range(3):
        commit(folder, f"{GOOD}# {number}\n", f"Remark {number}")
    git(folder, "switch", "--quiet", "--create", "mean")
    commit(folder, f"{GOOD}# side\n", "Begin the mean")
    first_bad = commit(folder, BAD, "Totals are means")
    commit(folder, f"{BAD}# more\n", "Polish the mean")
    git(folder, "switch", "--quiet", "main")
    git(folder, "merge", "--quiet", "--no-ff", "--message", "Merge the mean", "mean")
    commit(folder, BROKEN, "A slip")
    commit(folder, f"{BAD}# again\n", "Mend the slip")
    return folder, good, first_bad


def test_the_first_bad_commit_is_found_inside_of_the_merge_that_brought_it(
    make_context: Callable[[], TaskContext], history: tuple[Path, str, str]
) -> None:
    folder, good, first_bad = history
    payload = ErrorRecreationPayload(
        repo_url=folder.as_uri(),
        bug_description="```python\nimport till\ntill.total([])\n```\nraises `ZeroDivisionError: division by zero`",
        bisect=True,
        good_ref=good,
        repeats=1,
    )

    result = recreate(make_context(), payload)

    assert result.verdict is RecreationVerdict.REPRODUCED
    assert result.bisection is not None
    assert (result.bisection.first_bad, result.bisection.subject) == (first_bad, "Totals are means")
    assert "is a merge" in result.bisection.note
    assert f"at {good[:12]} the reproduction runs without the error" in result.bisection.note
    assert list(result.durations)[:2] == ["clone", "set_up"]


def test_a_good_ref_with_the_error_in_it_is_told(
    make_context: Callable[[], TaskContext], history: tuple[Path, str, str]
) -> None:
    folder, _, first_bad = history
    payload = ErrorRecreationPayload(
        repo_url=folder.as_uri(),
        ref="mean",
        bug_description="`total([])`",
        expected_error="ZeroDivisionError",
        bisect=True,
        good_ref=first_bad,
        repeats=1,
    )

    result = recreate(make_context(), payload)

    assert result.bisection is not None
    assert result.bisection.first_bad is None
    assert "the error happens there too" in result.bisection.note
