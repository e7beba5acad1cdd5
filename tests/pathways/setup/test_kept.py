"""What a set-up made comes back for the next task, whole or not at all, and for nobody else."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.contracts.suites import SetupSummary
from repo_agent_dagster.contracts.tasks import RepositoryPayload
from repo_agent_dagster.pathways.context import Sandboxes, TaskContext
from repo_agent_dagster.pathways.setup.kept import KeptSetups, SetupKey, clashes
from repo_agent_dagster.pathways.setup.opening import Environment, clone, set_up
from repo_agent_dagster.sandbox.sandbox import Sandbox
from tests.pathways.conftest import MakeRepository

RECIPE = """setup:
  - mkdir -p ~/tool node_modules/a && ln -s ../a node_modules/a/link && echo made > node_modules/a/b
  - echo "$(cat /proc/sys/kernel/random/uuid)" > ~/tool/id
test: cat ~/tool/id node_modules/a/b
"""
FILES = {".repo-agent.yaml": RECIPE, ".gitignore": "node_modules\n", "tracked": "1\n"}

SUMMARY = SetupSummary(ok=True, ecosystem="custom", commands=["x"], used_network=True, duration_seconds=1, note="x")

Run = Callable[..., tuple[Environment, Sandbox]]


@pytest.fixture
def kept(tmp_path: Path) -> KeptSetups:
    return KeptSetups(tmp_path / "setups", budget_mb=64)


@pytest.fixture
def run(context: TaskContext, kept: KeptSetups) -> Iterator[Run]:
    """Clone and set up a repository as a task of its own would, in a new sandbox."""
    with ExitStack() as stack:

        def one(url: str, **payload: object) -> tuple[Environment, Sandbox]:
            sandboxes = Sandboxes(context.sandboxes.spec)
            stack.callback(sandboxes.destroy_all)
            task = replace(context, sandboxes=sandboxes, kept_setups=kept)
            asked = RepositoryPayload.model_validate({"repo_url": url, **payload})
            box, checkout = clone(task, asked)
            return set_up(task, box, checkout, asked), box

        yield one


def made(box: Sandbox) -> str:
    return box.exec("cat ~/tool/id node_modules/a/link/b", cwd="/workspace/repo").output


@pytest.mark.docker
def test_the_second_task_has_what_the_first_one_installed_and_nothing_that_its_tests_wrote(
    run: Run, kept: KeptSetups, repository: MakeRepository
) -> None:
    url = repository(FILES)
    first, box = run(url)
    found = made(box)
    box.exec("echo evil > ~/tool/id; echo evil > node_modules/a/b", cwd="/workspace/repo")

    second, other = run(url)

    assert (first.setup.cached, second.setup.cached) == (False, True)
    assert second.setup.commands == first.setup.commands
    assert not second.setup.used_network
    assert "brought back" in second.setup.note
    assert made(other) == found
    assert other.exec("git status --porcelain", cwd="/workspace/repo").output == ""
    [listed] = kept.listing()
    assert listed.url == url
    assert listed.last_used >= listed.made


@pytest.mark.docker
def test_a_task_that_wants_no_cache_neither_uses_nor_makes_one(
    run: Run, kept: KeptSetups, repository: MakeRepository
) -> None:
    url = repository(FILES)

    environment, _ = run(url, use_cache=False)

    assert environment.setup.ok
    assert kept.listing() == []


@pytest.mark.docker
def test_what_a_pull_request_made_is_not_kept_and_what_is_kept_may_be_used_by_it(
    run: Run, kept: KeptSetups, repository: MakeRepository
) -> None:
    url = repository(FILES)
    folder = url.removeprefix("file://")
    make = ["commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "x"]
    author = ["-c", "user.name=x", "-c", "user.email=x@example.invalid"]
    commit = subprocess.run(["git", *author, *make], cwd=folder, capture_output=True, text=True, check=True).stdout
    subprocess.run(["git", "update-ref", "refs/pull/7/head", commit.strip()], cwd=folder, check=True)

    for ref in ("#7", commit.strip()):
        assert run(url, ref=ref)[0].setup.ok
        assert kept.listing() == []


@pytest.mark.docker
def test_one_that_is_damaged_is_thrown_away_and_made_again(
    run: Run, kept: KeptSetups, repository: MakeRepository, tmp_path: Path
) -> None:
    url = repository(FILES)
    run(url)
    [file] = (tmp_path / "setups").glob("*.setup")
    for harm in ("cut", "changed", "empty"):
        content = bytearray(file.read_bytes())
        if harm == "changed":
            content[-30] ^= 0xFF
        file.write_bytes({"cut": content[:-40], "changed": content, "empty": b""}[harm])

        environment, box = run(url)

        assert (environment.setup.ok, environment.setup.cached) == (True, False), harm
        assert made(box).endswith("made\n")
        assert [one.key for one in kept.listing()] == [file.stem]


@pytest.mark.docker
def test_two_tasks_at_once_install_it_once(run: Run, repository: MakeRepository) -> None:
    url = repository(FILES)
    found: list[Environment] = []
    threads = [threading.Thread(target=lambda: found.append(run(url)[0])) for _ in range(2)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(one.setup.cached for one in found) == [False, True]


@pytest.mark.docker
def test_the_one_that_was_not_used_for_the_longest_time_goes_first(box: Sandbox, tmp_path: Path) -> None:
    kept = KeptSetups(tmp_path / "setups", budget_mb=4)
    box.exec("head -c 1500000 /dev/urandom > ~/made")
    keys = [key(url=f"https://git.example/{name}") for name in "abc"]

    def keep(one: SetupKey, minute: int) -> int:
        return kept.keep(one, box, ["/home/agent/made"], SUMMARY, now=datetime(2026, 1, 1, 0, minute, tzinfo=UTC))

    assert keep(keys[0], 1) > 1_500_000
    keep(keys[1], 2)
    used = datetime(2026, 1, 1, 0, 3, tzinfo=UTC)
    assert kept.restore(keys[0], box, tracked=[], root="/workspace/repo", now=used) is not None
    keep(keys[2], 4)

    assert [one.url[-1] for one in kept.listing()] == ["c", "a"]
    assert [one.url[-1] for one in kept.prune(2_000_000, dry_run=True)] == ["a"]
    assert [one.url[-1] for one in kept.prune(0)] == ["c", "a"]
    assert KeptSetups(tmp_path / "setups", budget_mb=2).keep(keys[0], box, ["/home/agent/made"], SUMMARY, now=used) == 0
    assert list((tmp_path / "setups").iterdir()) == []


def key(**changes: object) -> SetupKey:
    plain = SetupKey("sha256:1", "https://git.example/x", "", "python", (), {"uv.lock": "1"})
    return replace(plain, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"image": "sha256:2"},
        {"url": "https://git.example/y"},
        {"subfolder": "a"},
        {"ecosystem": "custom"},
        {"commands": ("x",)},
        {"facts": {"uv.lock": "2"}},
        {"facts": {"uv.lock": "1", "tox.ini": "1"}},
        {"commit": "c"},
    ],
)
def test_anything_that_a_set_up_depends_on_gives_it_another_key(changes: dict[str, object]) -> None:
    assert key(**changes).digest() != key().digest()
    assert key(**changes).digest() == key(**changes).digest()


@given(st.sets(st.sampled_from(["a", "b", "a/b", "a/c", "a/b/c", "ab", "a/bc"])), st.sampled_from(["a", "a/b", "ab"]))
def test_a_path_clashes_with_a_tracked_file_if_one_is_or_holds_the_other(tracked: set[str], path: str) -> None:
    related = any(f"{name}/".startswith(f"{path}/") or f"{path}/".startswith(f"{name}/") for name in tracked)

    assert clashes([f"/workspace/repo/{path}", "/home/agent/a"], tracked, "/workspace/repo") is related
