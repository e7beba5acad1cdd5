"""The whole loop, as `make demo` runs it: a real daemon and webserver, real Docker, a home folder of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import docker
import psutil
import pytest

from repo_agent_dagster.cli.services import marked_processes
from repo_agent_dagster.sandbox import list_sandboxes
from repo_agent_dagster.store import delivery_reports, ops_issues, patch_events, staging_migrations, task_requests
from repo_agent_dagster.store.engine import open_store, read_transaction

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.docker,
    pytest.mark.usefixtures("sandbox_image"),
    pytest.mark.timeout(900),
]


def start_demo(home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "repo_agent_dagster.cli.main", "demo"],
        cwd=home.parent,
        env={**os.environ, "REPO_AGENT_HOME": str(home), "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # Tests that a shell runs in its background ignore SIGINT; the demo would inherit that, and not stop.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def wait_for_line(demo: subprocess.Popen[str], pattern: str) -> None:
    assert demo.stdout is not None
    printed = []
    for line in demo.stdout:
        printed.append(line)
        if re.search(pattern, line):
            return
    raise AssertionError(f"the demo ended without printing {pattern}, but:\n{''.join(printed)}")


def assert_nothing_is_left(home: Path) -> None:
    assert marked_processes(home) == []
    assert list_sandboxes(owner=str(home)) == []


def test_killed_half_way_the_demo_runs_again_to_its_end_and_leaves_nothing(
    home: Path, docker_client: docker.DockerClient
) -> None:
    killed = start_demo(home)
    wait_for_line(killed, "✓ STAGING sensor")
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()

    started = time.monotonic()
    demo = start_demo(home)
    output, _ = demo.communicate(timeout=400)
    took = time.monotonic() - started

    assert demo.returncode == 0, output
    assert "✗" not in output
    assert_nothing_is_left(home)
    store = open_store(f"sqlite:///{home / 'repo_agent.db'}")
    with read_transaction(store) as conn:
        order = re.search(r"delivery report of order (\S+):", output)
        assert order is not None
        report = delivery_reports.current(conn, order[1])
        validated = staging_migrations.listing(conn, status=staging_migrations.StagingStatus.VALIDATED)
        tasks = {task.pathway: task for task in reversed(task_requests.listing(conn))}
        issues = ops_issues.listing(conn)
        verdicts = {name: patch_events.verify_chain(conn, name).ok for name in patch_events.workspaces(conn)}
    store.dispose()
    assert report is not None
    assert Path(report.html_path or "").is_file()
    assert validated
    validation = tasks["solution_validation"].result
    assert validation is not None
    assert (validation["before"]["failed"], validation["after"]["failed"]) == (1, 0)
    assert issues
    assert all(verdicts.values())
    assert took < 300


def test_ctrl_c_stops_what_was_started(home: Path, docker_client: docker.DockerClient) -> None:
    demo = start_demo(home)
    wait_for_line(demo, "… STAGING sensor")
    assert len(marked_processes(home)) >= 2
    demo.send_signal(signal.SIGINT)
    output, _ = demo.communicate(timeout=90)
    assert demo.returncode == 130
    assert "stopped" in output
    assert_nothing_is_left(home)


def test_two_supervisors_of_one_home_do_not_get_in_each_others_way(home: Path) -> None:
    first = start_demo(home)
    try:
        wait_for_line(first, "✓ Docker engine")
        second = start_demo(home)
        output, _ = second.communicate(timeout=60)
        assert second.returncode == 2
        assert f"already served by process {first.pid}" in output.replace("\n", "")
    finally:
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=90)
    assert not psutil.pid_exists(first.pid)
    assert_nothing_is_left(home)
