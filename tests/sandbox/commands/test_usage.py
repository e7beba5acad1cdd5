"""What a command took: from control groups of both versions, on the host and inside."""

from collections.abc import Callable
from pathlib import Path

import pytest

from repo_agent_dagster.sandbox.commands.usage import (
    HostCgroup,
    Meter,
    Reading,
    find_host_cgroup,
    reader_inside,
    reading_of,
)
from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import ResourceUsage, SandboxOutOfMemory, SandboxSpec

ID = "c0ffee" * 10
V2 = {
    "cpu.stat": "usage_usec 1500000\nuser_usec 1\n",
    "memory.current": "1000\n",
    "memory.peak": "5000\n",
    "memory.events": "low 0\noom 1\noom_kill 1\n",
}
V1 = {
    "cpuacct.usage": "1500000000\n",
    "memory.usage_in_bytes": "1000\n",
    "memory.max_usage_in_bytes": "5000\n",
    "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
}


def write(folder: Path, texts: dict[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("texts", [V1, V2], ids=["version-1", "version-2"])
def test_both_versions_are_read(texts: dict[str, str]) -> None:
    assert reading_of(texts) == Reading(cpu_seconds=1.5, oom_kills=1, memory_bytes=1000, peak_bytes=5000)


def test_a_kernel_without_a_peak_tells_the_rest() -> None:
    assert reading_of({**V2, "memory.current": "7"} | {"memory.peak": "5000"}) is not None
    without = {name: text for name, text in V2.items() if name != "memory.peak"}

    assert reading_of(without) == Reading(cpu_seconds=1.5, oom_kills=1, memory_bytes=1000, peak_bytes=None)


@pytest.mark.parametrize(
    "texts", [{}, {"memory.current": "x"}, {"cpuacct.usage": "1"}, {**V1, "memory.oom_control": ""}]
)
def test_files_that_say_too_little_tell_nothing(texts: dict[str, str]) -> None:
    assert reading_of(texts) is None


@pytest.mark.parametrize(
    ("membership", "mount", "texts"),
    [
        (f"0::/system.slice/docker-{ID}.scope\n", "cgroup2 cgroup rw", V2),
        (f"5:cpu,cpuacct:/docker/{ID}\n4:memory:/docker/{ID}\n1:name=systemd:/docker/{ID}\n0::/x\n", "", V1),
    ],
    ids=["version-2", "version-1"],
)
def test_the_group_is_found_by_the_first_process(
    tmp_path: Path, membership: str, mount: str, texts: dict[str, str]
) -> None:
    groups = tmp_path / "cgroup"
    if mount:
        write(groups / "system.slice" / f"docker-{ID}.scope", texts)
        mounts = [f"1 2 0:3 / {groups} rw,nosuid - {mount}"]
    else:
        mounts = []
        for controller, options in (("memory", "rw,memory"), ("cpuacct", "rw,cpu,cpuacct")):
            files = {name: text for name, text in texts.items() if name.startswith(f"{controller}.")}
            write(groups / controller / "docker" / ID, files)
            mounts.append(f"1 2 0:3 / {groups / controller} rw - cgroup cgroup {options}")
    write(tmp_path / "proc" / "77", {"cgroup": membership})
    write(tmp_path / "proc" / "self", {"mountinfo": "\n".join(mounts) + "\n"})

    found = find_host_cgroup(ID, 77, tmp_path / "proc")

    assert found is not None
    assert found.read() == Reading(cpu_seconds=1.5, oom_kills=1, memory_bytes=1000, peak_bytes=5000)


def test_a_process_of_another_host_with_the_same_number_is_not_taken(tmp_path: Path) -> None:
    write(tmp_path / "77", {"cgroup": "0::/user.slice/somebody.scope\n"})
    write(tmp_path / "self", {"mountinfo": f"1 2 0:3 / {tmp_path} rw - cgroup2 cgroup rw\n"})

    assert find_host_cgroup(ID, 77, tmp_path) is None
    assert find_host_cgroup(ID, 78, tmp_path) is None


def changing(*readings: Reading | None) -> Callable[[], Reading | None]:
    left = list(readings)
    return lambda: left.pop(0)


def test_only_what_the_command_itself_took_counts() -> None:
    meter = Meter(None, changing(Reading(1.0, 1, 50, 100), Reading(1.25, 1, 60, 300), Reading(2.25, 2, 70, 300)))

    meter.begin()
    first = meter.end()
    meter.begin()
    second = meter.end()

    assert first == ResourceUsage(peak_memory_bytes=300, cpu_seconds=0.25, oom_killed=False)
    # The peak did not rise: nobody knows how near to it the second command came.
    assert second == ResourceUsage(peak_memory_bytes=None, cpu_seconds=1.0, oom_killed=True)


def test_where_nobody_tells_there_is_no_usage() -> None:
    meter = Meter(None, changing(Reading(1.0, 0, 1, 1), None))
    meter.begin()

    assert meter.end() is None


def test_where_the_peak_cannot_be_reset_the_samples_tell(tmp_path: Path) -> None:
    # Not a control group, but files: what is written to them is no reset, and a folder cannot be written at all.
    group = write(tmp_path / "group", {name: text for name, text in V2.items() if name != "memory.peak"})
    (group / "memory.peak").mkdir()
    meter = Meter(HostCgroup((group,)), lambda: None)

    meter.begin()
    (group / "memory.current").write_text("9000")
    meter.sample()
    (group / "memory.current").write_text("2000")
    used = meter.end()

    assert used is not None
    assert used.peak_memory_bytes == 9000


@pytest.mark.docker
def test_inside_and_outside_say_the_same(box: Sandbox) -> None:
    box.exec(["python3", "-c", "bytearray(50 << 20)"])
    host = find_host_cgroup(box.id, int(box._container.attrs["State"]["Pid"]))
    inside = reader_inside(box._live)()
    if host is None:
        pytest.skip("the engine's host is not this one")
    outside = host.read()

    assert inside is not None
    assert outside is not None
    assert 0 <= outside.cpu_seconds - inside.cpu_seconds < 1
    assert inside.oom_kills == outside.oom_kills == 0


@pytest.mark.docker
def test_a_command_that_the_kernel_killed_for_memory_is_told_as_such(sandbox_image: str) -> None:
    with Sandbox.open(SandboxSpec("test-usage", network="none", memory_mb=64)) as box:
        killed = box.exec("python3 -c 'bytearray(200 << 20)'; exit 1")
        after = box.exec("exit 1")

    assert (killed.exit_code, killed.timed_out) == (1, False)
    assert killed.met_limit.startswith("the sandbox's memory")
    assert after.met_limit == ""


@pytest.mark.docker
def test_a_sandbox_that_died_of_its_files_says_so(sandbox_image: str) -> None:
    with (
        Sandbox.open(SandboxSpec("test-usage", network="none", memory_mb=32)) as box,
        pytest.raises(SandboxOutOfMemory, match="REPO_AGENT_SANDBOX_MEMORY_MB"),
    ):
        # Each folder ends before the memory does, but not all together.
        box.exec("for d in /workspace /tmp ~; do head -c 24M /dev/zero > $d/x; done; sleep 5")
