"""How long until a sandbox works: cold, warm, and from the task's row to the first line of output in the table.

    python -m benchmarks.sandbox_start [--rounds 20] [--daemon]

In every round, each in turn: ``docker run --rm``, the bare Docker SDK (create, start, exec, remove) with the same
limits of memory and processes, a sandbox of ours (create, exec, destroy), a command in a warm one beside a bare exec,
and the pathway in this process: from the insertion of the row to the first stored line of output. What is ours in it is
what the bare SDK does not need. With --daemon a Dagster of its own is started, and the same is timed under it. Last, a
first and a second task on one repository with a dependency: the second should skip clone and set-up.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import docker

from benchmarks._contest import OURS, Times, ratio
from repo_agent_dagster.cli.example_repo import commit_files
from repo_agent_dagster.contracts.tasks import Pathway, TestingPayload
from repo_agent_dagster.settings import Settings

OURS_LIMIT_SECONDS = 0.5
SECOND_TASK_RATIO = 0.2
_ECHO = ["echo", "first"]


def _bare_sdk(image: str) -> None:
    client = _client()
    container = client.containers.create(
        image, entrypoint=["sleep", "60"], network_mode="none", mem_limit="1g", pids_limit=256
    )
    try:
        container.start()
        assert container.exec_run(_ECHO).output == b"first\n"
    finally:
        container.remove(force=True)


@cache
def _client() -> docker.DockerClient:
    return docker.from_env()


def _ours(image: str) -> None:
    from repo_agent_dagster.sandbox import Sandbox, SandboxSpec

    with Sandbox.open(SandboxSpec(task_id="benchmark", image=image, network="none")) as box:
        assert box.exec(_ECHO, cwd="/").stdout == "first\n"


def measure_starts(image: str, rounds: int) -> None:
    """Print cold starts and warm commands beside their peers."""
    from repo_agent_dagster.sandbox import Sandbox, SandboxSpec

    plain, sdk, ours = Times("docker run --rm"), Times("bare SDK: create, exec, remove"), Times("sandbox, cold")
    bare_exec, warm = Times("bare SDK exec, warm"), Times("sandbox exec, warm")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    run = ["docker", "run", "--rm", "--network", "none", "--memory", "1g", "--pids-limit", "256", image, *_ECHO]
    with Sandbox.open(SandboxSpec(task_id="benchmark", image=image, network="none")) as box:
        container = _client().containers.get(box.id)
        for _ in range(rounds):
            plain.add(lambda: subprocess.run(run, check=True, **quiet), OURS)
            sdk.add(lambda: _bare_sdk(image), OURS)
            ours.add(lambda: _ours(image), OURS)
            bare_exec.add(lambda: container.exec_run(_ECHO), OURS)
            warm.add(lambda: box.exec(_ECHO, cwd="/"), OURS)
    for times in (plain, sdk, ours, bare_exec, warm):
        print(times)
    print(ratio(ours, plain))
    print(ratio(ours, sdk))
    print(ratio(warm, bare_exec))


def first_line_seconds(database_url: str, task_id: str, *, limit: float = 120.0) -> float:
    """Return the seconds from the task's row to its first line of output, by the times that the rows bear."""
    from repo_agent_dagster.store import container_logs, task_requests
    from repo_agent_dagster.store.engine import open_store, read_transaction

    engine = open_store(database_url)
    end = time.monotonic() + limit
    while time.monotonic() < end:
        with read_transaction(engine) as conn:
            task = task_requests.get(conn, task_id)
            lines = [row for row in container_logs.listing(conn, task_id, limit=50) if row.stream != "stdin"]
        if task is not None and lines:
            return (lines[0].timestamp - task.created_at).total_seconds()
        time.sleep(0.1)
    raise TimeoutError(f"task {task_id} printed nothing within {limit:.0f} s")


def _payload(url: str) -> TestingPayload:
    return TestingPayload(repo_url=url, test_command="echo first && python3 -m pytest -q")


def measure_first_lines(settings: Settings, url: str, rounds: int) -> None:
    """Print the time from a task's row to its first line in this process, and how much of it is ours."""
    from repo_agent_dagster.pathways.in_process import carry_out, take_now
    from repo_agent_dagster.store.revision import open_upgraded

    engine = open_upgraded(settings.store_url)
    image = settings.sandbox_image
    seconds, bare = [], []
    for _ in range(rounds):
        start = time.perf_counter()
        containers = _client().containers
        container = containers.create(image, entrypoint=["sleep", "60"], network_mode="none")
        container.start()
        container.exec_run(_ECHO)
        bare.append(time.perf_counter() - start)
        container.remove(force=True)
        task = take_now(engine, Pathway.TESTING, _payload(url))
        carry_out(settings, engine, task, _payload(url))
        seconds.append(first_line_seconds(settings.store_url, task.id))
    p50, floor = statistics.median(seconds), statistics.median(bare)
    extremes = f"(min {min(seconds) * 1000:.1f}, max {max(seconds) * 1000:.1f})"
    print(f"row → first line, in process      p50 {p50 * 1000:7.1f} ms  {extremes}")
    print(f"bare SDK → first line             p50 {floor * 1000:7.1f} ms")
    verdict = "met" if p50 - floor <= OURS_LIMIT_SECONDS else "NOT met"
    print(f"ours: {(p50 - floor) * 1000:.1f} ms   bar {OURS_LIMIT_SECONDS * 1000:.0f} ms: {verdict}")


def measure_under_daemon(settings: Settings, url: str, rounds: int) -> None:
    """Print the same under a Dagster of its own."""
    from repo_agent_dagster.cli.services import DagsterServices
    from repo_agent_dagster.cli.up import prepare_folders, prepare_store
    from repo_agent_dagster.store import task_requests
    from repo_agent_dagster.store.engine import open_store, write_transaction

    prepare_folders(settings)
    prepare_store(settings)
    services = DagsterServices(settings)
    seconds = []
    try:
        services.start()
        services.wait_until_ready(on_wait=lambda _missing: None)
        engine = open_store(settings.store_url)
        for _ in range(rounds):
            with write_transaction(engine) as conn:
                task = task_requests.submit(conn, Pathway.TESTING, _payload(url), now=datetime.now(UTC))
            seconds.append(first_line_seconds(settings.store_url, task.id))
    finally:
        services.stop()
    print(
        f"row → first line, under the daemon p50 {statistics.median(seconds):5.2f} s  "
        f"(min {min(seconds):.2f}, max {max(seconds):.2f}; the sensor ticks every 5 s, a run starts a process)"
    )


def measure_second_task(settings: Settings, folder: Path) -> None:
    """Print what clone and set-up of a second task on an unchanged repository take of the first's."""
    from repo_agent_dagster.pathways.in_process import carry_out, take_now
    from repo_agent_dagster.store.revision import open_upgraded

    files = {
        "requirements-test.txt": b"attrs\npackaging\npython-dateutil\n",
        "test_dates.py": b"from dateutil.parser import parse\n\n\ndef test_a():\n    assert parse('2026').year\n",
    }
    commit_files(folder, files, now=datetime.now(UTC), message="With dependencies")
    engine = open_upgraded(settings.store_url)
    payload = TestingPayload(repo_url=folder.as_uri())
    taken = []
    for _ in range(3):
        result = carry_out(settings, engine, take_now(engine, Pathway.TESTING, payload), payload)
        taken.append(sum(result.durations.get(step, 0.0) for step in ("clone", "set_up")))
        assert result.ok, result.reasons
    share = taken[1] / taken[0]
    print(
        f"clone and set-up: first task {taken[0]:.2f} s, second {taken[1]:.2f}, third {taken[2]:.2f}: {share:.2f}   "
        f"bar {SECOND_TASK_RATIO}: {'met' if share <= SECOND_TASK_RATIO else 'NOT met'}"
    )


def main() -> int:
    """Measure and print; exit code 1 when no engine answers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--daemon", action="store_true", help="also time tasks under a Dagster of its own")
    arguments = parser.parse_args()
    from repo_agent_dagster.sandbox import ensure_image, why_no_engine

    reason = why_no_engine()
    if reason is not None:
        print(f"no Docker engine: {reason}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="repo-agent-benchmark-") as name:
        work = Path(name)
        os.environ["REPO_AGENT_HOME"] = str(work / "home")  # the daemon's processes read it
        os.environ["REPO_AGENT_REPO_PROTOCOLS"] = "file"
        settings = Settings(webserver_port=0)
        ensure_image(settings.home, tag=settings.sandbox_image, base_image=settings.base_image)
        plain = {"test_a.py": b"def test_a():\n    pass\n"}
        commit_files(work / "plain", plain, now=datetime.now(UTC), message="One test")
        steps: list[Callable[[], None]] = [
            lambda: measure_starts(settings.sandbox_image, arguments.rounds),
            lambda: measure_first_lines(settings, (work / "plain").as_uri(), arguments.rounds),
            lambda: measure_second_task(settings, work / "dependencies"),
        ]
        if arguments.daemon:
            steps.append(lambda: measure_under_daemon(settings, (work / "plain").as_uri(), arguments.rounds))
        for step in steps:
            step()
    return 0


if __name__ == "__main__":
    sys.exit(main())
