"""What a sandbox may be asked to be."""

import subprocess
import sys

import pytest
from pydantic import SecretStr

from repo_agent_dagster.sandbox.spec import ExecResult, SandboxSpec, SandboxSpecError


@pytest.mark.parametrize("user", ["root", "0", "00", "0:1000", "1000:0", "root:agent"])
def test_root_is_refused(user: str) -> None:
    with pytest.raises(SandboxSpecError, match="is root"):
        SandboxSpec("task", user=user)


@pytest.mark.parametrize("user", ["", "toor", "agent:wheel", ":1000"])
def test_a_user_that_the_image_could_map_to_root_is_refused(user: str) -> None:
    with pytest.raises(SandboxSpecError, match="unknown"):
        SandboxSpec("task", user=user)


@pytest.mark.parametrize("limit", ["cpus", "memory_mb", "pids", "disk_mb", "deadline_seconds"])
def test_a_limit_must_be_positive(limit: str) -> None:
    with pytest.raises(SandboxSpecError, match=limit):
        SandboxSpec("task", **{limit: 0})


def test_an_unknown_network_policy_is_refused() -> None:
    with pytest.raises(SandboxSpecError, match="none, setup-only, allowlist, full"):
        SandboxSpec("task", network="sometimes")  # type: ignore[arg-type]  # what this test is about


def test_our_own_labels_cannot_be_forged() -> None:
    with pytest.raises(SandboxSpecError, match=r"repo-agent\.deadline"):
        SandboxSpec("task", labels={"repo-agent.deadline": "2999-01-01T00:00:00+00:00"})


def test_a_sandbox_belongs_to_a_task() -> None:
    with pytest.raises(SandboxSpecError, match="task_id is empty"):
        SandboxSpec("")


@pytest.mark.parametrize("host", ["index.example", "registry:8080", "*.packages.example", "10.0.0.7:443"])
def test_an_allowlist_names_hosts(host: str) -> None:
    assert SandboxSpec("task", network="allowlist", allowed_hosts=(host,)).allowed_hosts == (host,)


@pytest.mark.parametrize("host", ["", "https://x.org", "x.org/path", "*", "*.*.org", "a..b", "x:0", "x:70000", "a b"])
def test_a_host_that_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(SandboxSpecError, match="malformed"):
        SandboxSpec("task", network="allowlist", allowed_hosts=(host,))


def test_allowed_hosts_without_the_policy_would_be_ignored_and_are_refused() -> None:
    with pytest.raises(SandboxSpecError, match="network policy allowlist"):
        SandboxSpec("task", network="full", allowed_hosts=("index.example",))


def test_secrets_are_taken_as_bytes_or_wrapped_and_never_shown() -> None:
    spec = SandboxSpec("task", secrets={"npm.token": SecretStr("hunter2"), "key": b"\x00\xff"})

    assert spec.secret_values() == {"npm.token": b"hunter2", "key": b"\x00\xff"}
    assert "hunter2" not in repr(spec)


@pytest.mark.parametrize("name", ["", ".hidden", "../up", "a/b", "a b", "x" * 101, "new\nline"])
def test_a_secret_is_named_like_a_plain_file(name: str) -> None:
    with pytest.raises(SandboxSpecError, match="no name for a file"):
        SandboxSpec("task", secrets={name: b"x"})


@pytest.mark.parametrize(("value", "problem"), [(b"", "empty"), (b"x" * (257 << 10), "at most")])
def test_a_secret_has_a_value_of_bounded_size(value: bytes, problem: str) -> None:
    with pytest.raises(SandboxSpecError, match=problem):
        SandboxSpec("task", secrets={"token": value})


def test_a_result_is_ok_only_with_exit_code_zero_in_time() -> None:
    def result(exit_code: int | None, timed_out: bool) -> ExecResult:
        return ExecResult(("true",), exit_code, 0.1, timed_out, False, "", "", "id")

    assert result(0, False).ok
    assert not result(1, False).ok
    assert not result(None, True).ok


def test_importing_the_package_and_the_face_loads_neither_docker_nor_sqlalchemy() -> None:
    script = (
        "import sys, repo_agent_dagster.sandbox, repo_agent_dagster.sandbox.spec, repo_agent_dagster.cli.sandboxes\n"
        "print([name for name in ('docker', 'sqlalchemy', 'dagster', 'pandas') if name in sys.modules])"
    )

    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    assert loaded.strip() == "[]"


def test_every_name_of_the_package_can_be_imported() -> None:
    import repo_agent_dagster.sandbox as package

    assert [name for name in package.__all__ if getattr(package, name, None) is None] == []
    with pytest.raises(AttributeError, match="no attribute 'Sandcastle'"):
        _ = package.Sandcastle
