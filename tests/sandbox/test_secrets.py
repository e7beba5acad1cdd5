"""Secrets of a sandbox: there for a block of trusted commands, in no other place, and gone after it."""

import base64
import hashlib
import json
import time
from collections.abc import Iterator

import docker
import psutil
import pytest
from pydantic import SecretStr

from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import SandboxSpec, SandboxSpecError, SandboxUnavailable
from tests.sandbox.conftest import MemorySink

pytestmark = pytest.mark.docker

TOKEN = "tok-3f9a1c55e0b7"


@pytest.fixture(scope="module")
def sink() -> MemorySink:
    return MemorySink()


@pytest.fixture(scope="module")
def secretive(sandbox_image: str, sink: MemorySink) -> Iterator[Sandbox]:
    spec = SandboxSpec(
        "test-secrets",
        network="none",
        deadline_seconds=120,
        secrets={"token": SecretStr(TOKEN), "key.bin": b"\x00\xff5678"},
    )
    with Sandbox.open(spec, sink=sink) as box:
        yield box


def test_commands_of_the_block_read_them_and_those_after_it_cannot(secretive: Sandbox) -> None:
    with secretive.secrets() as paths:
        read = secretive.exec(f"sha256sum < {paths['token']}; wc -c < {paths['key.bin']}; ls -l {paths['token']}")
    after = secretive.exec("find /run/secrets -type f | wc -l; cat /run/secrets/token")

    assert sorted(paths) == ["key.bin", "token"]
    assert read.output.split()[:4] == [hashlib.sha256(TOKEN.encode()).hexdigest(), "-", "6", "-r--------"]
    assert after.stdout == "0\n"
    assert "No such file" in after.output


def test_neither_output_nor_log_ever_shows_them(secretive: Sandbox, sink: MemorySink) -> None:
    with secretive.secrets() as paths:
        shown = secretive.exec(f"cat {paths['token']}; echo; base64 {paths['token']}; echo {TOKEN} >&2")

    assert TOKEN not in shown.output
    assert base64.b64encode(TOKEN.encode()).decode()[4:12] not in shown.output
    assert shown.stdout.startswith("***\n")
    assert TOKEN not in str(sink.lines)
    assert TOKEN not in str(sink.commands)


def test_no_argument_environment_label_or_inspection_has_them(
    secretive: Sandbox, docker_client: docker.DockerClient
) -> None:
    with secretive.secrets():
        # Every process that runs, seen by its own user while the files are there; the pattern must not find itself.
        seen = secretive.exec(
            "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -c 'tok-3f9[a]'"
        )
        inspected = json.dumps(docker_client.api.inspect_container(secretive.id))
        of_host = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]

    assert seen.stdout == "0\n"
    assert TOKEN not in inspected
    assert not any(TOKEN in arguments for arguments in of_host)


def test_they_lie_on_a_tmpfs_of_their_own(secretive: Sandbox) -> None:
    mounts = secretive.exec("grep ' /run/secrets ' /proc/mounts").stdout

    assert mounts.startswith("tmpfs /run/secrets tmpfs")
    assert {"rw", "nosuid", "nodev", "noexec", "mode=700", "uid=1000"} <= set(mounts.split()[3].split(","))


def test_what_an_earlier_command_left_running_never_sees_them(secretive: Sandbox) -> None:
    thief = "while sleep 0.02; do cat /run/secrets/token >> /workspace/stolen 2>/dev/null; done"
    secretive.exec(f"setsid bash -c '{thief}' > /dev/null 2>&1 &")

    with secretive.secrets():
        time.sleep(0.3)

    assert secretive.exec("cat /workspace/stolen").stdout == ""


def test_what_the_block_left_running_ends_with_it(secretive: Sandbox) -> None:
    with secretive.secrets() as paths:
        secretive.exec(f"setsid tail -f {paths['token']} > /dev/null 2>&1 &")

    assert secretive.exec(["ps", "-eo", "comm="]).stdout.split() == ["python3", "ps"]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_they_are_gone_however_the_block_ends(secretive: Sandbox, failure: type[BaseException]) -> None:
    with pytest.raises(failure, match="on purpose"), secretive.secrets():
        raise failure("on purpose")

    assert secretive.exec("ls -A /run/secrets").stdout == ""


def test_a_sandbox_that_keeps_them_is_destroyed(sandbox_image: str) -> None:
    with (
        Sandbox.open(SandboxSpec("test-secrets", network="none", secrets={"token": b"hunter2"})) as box,
        pytest.raises(SandboxUnavailable, match="could not be removed"),
        box.secrets(),
    ):
        # A folder that its owner may not change keeps what is in it.
        box.exec("mkdir /run/secrets/d; touch /run/secrets/d/f; chmod 500 /run/secrets/d")

    with pytest.raises(SandboxUnavailable, match="gone"):
        box.exec("true")


def test_a_sandbox_without_secrets_lends_none(box: Sandbox) -> None:
    with box.secrets() as paths:
        assert paths == {}


def test_a_value_too_short_to_be_masked_is_refused(sandbox_image: str) -> None:
    with pytest.raises(SandboxSpecError, match="cannot be masked"):
        Sandbox.create(SandboxSpec("test-secrets", network="none", secrets={"pin": b"123"}))


def test_a_fork_bomb_left_behind_does_not_keep_them(sandbox_image: str) -> None:
    spec = SandboxSpec("test-secrets", network="none", pids=40, secrets={"token": b"hunter2"})
    with Sandbox.open(spec) as box:
        box.exec("f() { f | f & }; f; sleep 0.2", timeout_seconds=5)
        with box.secrets() as paths:
            read = box.exec(f"wc -c < {paths['token']}")

    assert read.stdout == "7\n"
