"""A sandbox's walls, its limits and its end, on a real engine."""

import signal
import tarfile
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import docker
import pytest

from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import (
    SandboxDeadlineExceeded,
    SandboxSpec,
    SandboxSpecError,
    SandboxUnavailable,
)

pytestmark = pytest.mark.docker

EXPLODING = "exploding-on-purpose"


def containers_of(client: docker.DockerClient, task_id: str) -> list[Any]:
    # A container may vanish between the list and the look at it: that is what some tests wait for.
    return client.containers.list(all=True, filters={"label": f"repo-agent.task={task_id}"}, ignore_removed=True)


def wait_until_gone(client: docker.DockerClient, task_id: str, seconds: float) -> bool:
    limit = time.monotonic() + seconds
    while containers_of(client, task_id):
        if time.monotonic() > limit:
            return False
        time.sleep(0.1)
    return True


def test_a_sandbox_has_no_privileges(box: Sandbox) -> None:
    status = dict(
        line.split(":\t", 1)
        for line in box.exec("cat /proc/self/status").stdout.splitlines()
        if line.startswith(("Cap", "NoNewPrivs", "Seccomp:", "Uid"))
    )

    assert {name: int(value, 16) for name, value in status.items() if name.startswith("Cap")} == {
        "CapInh": 0, "CapPrm": 0, "CapEff": 0, "CapBnd": 0, "CapAmb": 0,
    }  # fmt: skip
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert status["Uid"].split() == ["1000"] * 4


def test_nothing_of_the_host_is_mounted_and_the_root_is_read_only(
    box: Sandbox, docker_client: docker.DockerClient
) -> None:
    attributes = docker_client.api.inspect_container(box.id)

    assert attributes["Mounts"] == []
    assert attributes["HostConfig"]["Binds"] in (None, [])
    assert attributes["HostConfig"]["Privileged"] is False
    assert "Read-only file system" in box.exec("touch /usr/x /etc/x /opt/x").output
    assert not box.exec("ls /var/run/docker.sock").ok


def test_workspace_home_and_tmp_are_the_users_and_programs_run_there(box: Sandbox) -> None:
    script = (
        'for d in /workspace "$HOME" /tmp; do printf "#!/bin/sh\\necho ran $d\\n" > $d/p; chmod +x $d/p; $d/p; done'
    )

    assert box.exec(script).stdout == "ran /workspace\nran /home/agent\nran /tmp\n"


def test_the_disk_ends_at_its_limit(sandbox_image: str, task_id: str) -> None:
    with Sandbox.open(SandboxSpec(task_id, disk_mb=8)) as box:
        full = box.exec("head -c 16M /dev/zero > /workspace/big; stat -c %s /workspace/big")

    assert "No space left on device" in full.output
    assert full.stdout == f"{8 << 20}\n"


def test_memory_ends_at_its_limit_and_the_sandbox_survives(sandbox_image: str, task_id: str) -> None:
    with Sandbox.open(SandboxSpec(task_id, memory_mb=64)) as box:
        killed = box.exec(["python3", "-c", "x = bytearray(200 << 20); print(len(x))"])

        assert killed.exit_code == 137
        assert killed.stdout == ""
        assert box.exec("echo alive").stdout == "alive\n"


def test_a_fork_bomb_meets_the_process_limit_and_dies_of_the_time_out(sandbox_image: str, task_id: str) -> None:
    with Sandbox.open(SandboxSpec(task_id, pids=40)) as box:
        bomb = box.exec("f() { f | f & }; f; sleep 60", timeout_seconds=1.5)

        assert bomb.timed_out
        assert "Resource temporarily unavailable" in bomb.output
        assert box.exec("ls -d /proc/[0-9]* | wc -l").ok


def test_orphans_are_reaped_so_that_they_do_not_use_up_the_process_limit(sandbox_image: str, task_id: str) -> None:
    with Sandbox.open(SandboxSpec(task_id, pids=40)) as box:
        box.exec("for i in $(seq 100); do (setsid true &) ; done; sleep 0.3")

        assert box.exec("ps -eo stat= | grep -c Z").stdout == "0\n"


def test_process_one_cannot_be_killed_or_stopped_from_inside(box: Sandbox) -> None:
    box.exec("kill -KILL 1; kill -TERM 1; kill -STOP 1; kill -INT 1; kill -HUP 1; kill -ALRM 1")

    assert box.exec("echo alive; cat /proc/1/mem 2>&1 | head -c 50").stdout.startswith("alive\n")
    assert "denied" in box.exec("cat /proc/1/environ").output


def test_a_sandbox_ends_itself_at_its_deadline(
    sandbox_image: str, task_id: str, docker_client: docker.DockerClient
) -> None:
    Sandbox.create(SandboxSpec(task_id, deadline_seconds=2))

    assert wait_until_gone(docker_client, task_id, seconds=30)


def test_a_command_that_meets_the_deadline_says_so_and_keeps_its_output(
    sandbox_image: str, task_id: str, sink: Any
) -> None:
    with (
        Sandbox.open(SandboxSpec(task_id, deadline_seconds=2), sink=sink) as box,
        pytest.raises(SandboxDeadlineExceeded, match="ended itself at its deadline"),
    ):
        box.exec("echo before; sleep 60")

    assert [line.text for line in sink.lines] == ["before"]
    assert sink.endings == [(None, False)]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_the_sandbox_is_gone_after_the_block_however_that_ends(
    failure: type[BaseException], sandbox_image: str, task_id: str, docker_client: docker.DockerClient
) -> None:
    def explode() -> None:
        with Sandbox.open(SandboxSpec(task_id)):
            assert len(containers_of(docker_client, task_id)) == 1
            raise failure(EXPLODING)

    with pytest.raises(failure, match=EXPLODING):
        explode()

    assert containers_of(docker_client, task_id) == []


@pytest.mark.parametrize("seconds", [0.01, 0.05, 0.2, 0.4])
def test_a_start_that_is_interrupted_leaves_nothing(
    seconds: float, sandbox_image: str, task_id: str, docker_client: docker.DockerClient
) -> None:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        with suppress(KeyboardInterrupt), Sandbox.open(SandboxSpec(task_id)) as box:
            box.exec("sleep 100")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert containers_of(docker_client, task_id) == []


def test_nothing_is_left_behind(sandbox_image: str, task_id: str, docker_client: docker.DockerClient) -> None:
    # What is the task's own: other tests make and remove networks and volumes of theirs meanwhile.
    def networks() -> list[str]:
        return [n.name for n in docker_client.networks.list(filters={"label": f"repo-agent.task={task_id}"})]

    with Sandbox.open(SandboxSpec(task_id, network="allowlist", allowed_hosts=("pypi.example",))) as box, box.network():
        box.exec("true")
        mounts = [mount for container in containers_of(docker_client, task_id) for mount in container.attrs["Mounts"]]
        volumes = {mount["Name"] for mount in mounts if mount["Type"] == "volume"}
        assert networks() != []

    assert containers_of(docker_client, task_id) == []
    assert networks() == []
    assert volumes.isdisjoint({volume.name for volume in docker_client.volumes.list()})


def test_destroying_twice_is_fine_and_a_command_after_it_is_told(sandbox_image: str, task_id: str) -> None:
    box = Sandbox.create(SandboxSpec(task_id))

    box.destroy()
    box.destroy()

    with pytest.raises(SandboxUnavailable, match="gone"):
        box.exec("true")


def test_labels_tell_whose_it_is_and_until_when(
    sandbox_image: str, task_id: str, docker_client: docker.DockerClient
) -> None:
    spec = SandboxSpec(task_id, run_id="run-1", deadline_seconds=60, owner="/home/x", labels={"team": "blue"})
    with Sandbox.open(spec) as box:
        labels = docker_client.containers.get(box.id).labels

    assert labels["repo-agent.task"] == task_id
    assert labels["repo-agent.run"] == "run-1"
    assert labels["repo-agent.owner"] == "/home/x"
    assert labels["team"] == "blue"
    deadline = datetime.fromisoformat(labels["repo-agent.deadline"])
    assert timedelta(seconds=30) < deadline - datetime.now(UTC) <= timedelta(seconds=60)


def test_another_step_attaches_by_id(box: Sandbox, sink: Any) -> None:
    box.exec("echo left by the first > note")

    again = Sandbox.attach(box.id, sink=sink)

    assert again.exec("cat note").stdout == "left by the first\n"
    assert (again.name, again.deadline, again.network_policy) == (box.name, box.deadline, "setup-only")


def test_attaching_to_what_is_gone_or_not_ours_is_refused(
    sandbox_image: str, docker_client: docker.DockerClient
) -> None:
    with pytest.raises(SandboxUnavailable, match="gone"):
        Sandbox.attach("0" * 64)

    stranger = docker_client.containers.create(sandbox_image, "true")
    try:
        with pytest.raises(SandboxSpecError, match="not a sandbox"):
            Sandbox.attach(str(stranger.id))
    finally:
        stranger.remove(force=True)


def test_a_missing_image_says_how_to_build_it(docker_client: docker.DockerClient) -> None:
    with pytest.raises(SandboxSpecError, match="repo-agent sandboxes image build"):
        Sandbox.create(SandboxSpec("task", image="repo-agent/no-such-image:latest"))


def test_an_image_that_cannot_start_leaves_no_container(
    docker_client: docker.DockerClient, sandbox_image: str, task_id: str
) -> None:
    docker_client.images.get(sandbox_image)
    with pytest.raises((SandboxSpecError, SandboxUnavailable)):
        Sandbox.create(SandboxSpec(task_id, pids=256, memory_mb=1))  # Docker's least is 6 MB

    assert containers_of(docker_client, task_id) == []


def test_an_image_without_python_is_told_what_it_lacks(
    docker_client: docker.DockerClient, task_id: str, tmp_path: Path
) -> None:
    with tarfile.open(tmp_path / "nothing.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("note"))
    image = f"repo-agent/test-nothing:{task_id}"
    docker_client.api.import_image(str(tmp_path / "nothing.tar"), *image.split(":"))
    try:
        with pytest.raises(SandboxSpecError, match="it needs python3, bash and tar"):
            Sandbox.create(SandboxSpec(task_id, image=image))
    finally:
        docker_client.images.remove(image)

    assert containers_of(docker_client, task_id) == []


INTERFACES = "ls /sys/class/net | xargs"


def test_a_sandbox_is_connected_only_inside_the_network_block(box: Sandbox) -> None:
    before = box.exec(INTERFACES).stdout
    with box.network():
        inside = box.exec(INTERFACES).stdout
        bundle = box.exec('test -z "$PIP_CERT" || test -s "$PIP_CERT"')
    after = box.exec(INTERFACES)

    assert (before, inside, after.stdout) == ("lo\n", "eth0 lo\n", "lo\n")
    assert bundle.ok
    assert box.exec('echo "$PIP_CERT"').stdout == "\n"


def test_the_network_is_cut_again_when_the_block_fails(box: Sandbox) -> None:
    with pytest.raises(RuntimeError, match=EXPLODING), box.network():
        raise RuntimeError(EXPLODING)

    assert box.exec(INTERFACES).stdout == "lo\n"


def test_an_interruption_also_cuts_it_off(box: Sandbox) -> None:
    with pytest.raises(KeyboardInterrupt), box.network():
        raise KeyboardInterrupt

    assert box.exec(INTERFACES).stdout == "lo\n"


def test_a_sandbox_that_cannot_be_cut_off_is_destroyed(
    box: Sandbox, docker_client: docker.DockerClient, task_id: str
) -> None:
    with pytest.raises(SandboxUnavailable, match="destroyed it"), box.network():
        docker_client.networks.get("bridge").disconnect(box.id)  # by somebody else: ours has nothing to cut then

    assert containers_of(docker_client, task_id) == []


def test_policy_none_never_connects(sandbox_image: str, task_id: str) -> None:
    with Sandbox.open(SandboxSpec(task_id, network="none")) as box:
        with pytest.raises(SandboxSpecError, match="its policy is none"), box.network():
            pass

        assert box.exec(INTERFACES).stdout == "lo\n"


def test_policy_full_is_always_connected(sandbox_image: str, task_id: str) -> None:
    with Sandbox.open(SandboxSpec(task_id, network="full")) as box:
        with box.network():
            pass

        assert box.exec(INTERFACES).stdout == "eth0 lo\n"
        assert Sandbox.attach(box.id).exec('test -z "$PIP_CERT" || test -s "$PIP_CERT"').ok


def test_the_specs_environment_is_there_and_the_callers_wins(sandbox_image: str, task_id: str) -> None:
    with Sandbox.open(SandboxSpec(task_id, env={"COLOUR": "red", "SHAPE": "round"})) as box:
        seen = box.exec("echo $COLOUR $SHAPE $HOME", env={"COLOUR": "blue"}).stdout

    assert seen == "blue round /home/agent\n"
