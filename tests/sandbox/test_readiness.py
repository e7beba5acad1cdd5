"""A sandbox is handed out when its process 1 can kill and guard itself."""

import time
from pathlib import Path

import pytest

from repo_agent_dagster.sandbox.readiness import wait_until_ready
from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import SandboxSpec


def process(proc: Path, ignored: str, group: str) -> Path:
    (proc / "77").mkdir()
    (proc / "77" / "cgroup").write_text(f"0::/docker/{group}\n")
    (proc / "77" / "status").write_text(f"Name:\tpython3\nSigIgn:\t{ignored}\n")
    return proc


def test_it_is_ready_once_it_shows_its_mark(tmp_path: Path) -> None:
    assert wait_until_ready("abc", 77, process(tmp_path, "0000000000000800", "abc"))


@pytest.mark.parametrize(("pid", "group"), [(77, "another"), (78, "abc")], ids=["of-another-host", "gone"])
def test_what_cannot_be_seen_is_not_waited_for(tmp_path: Path, pid: int, group: str) -> None:
    started = time.monotonic()

    assert not wait_until_ready("abc", pid, process(tmp_path, "0000000000000000", group))
    assert time.monotonic() - started < 1


@pytest.mark.docker
def test_the_very_first_command_meets_a_guarded_process_one(sandbox_image: str) -> None:
    for _ in range(3):
        with Sandbox.open(SandboxSpec("test-readiness", network="none")) as box:
            assert "denied" in box.exec(["cat", "/proc/1/environ"]).output
