"""A sandbox connected to the network for a block of commands, and what these find there: the host's package indexes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from repo_agent_dagster.sandbox import files
from repo_agent_dagster.sandbox.commands.own import RunOwn
from repo_agent_dagster.sandbox.container import NETWORK, LiveContainer
from repo_agent_dagster.sandbox.docker_engine import bounded_engine, engine, engine_errors
from repo_agent_dagster.sandbox.host_config import CA_BUNDLE, package_access
from repo_agent_dagster.sandbox.spec import NetworkPolicy, SandboxSpecError, SandboxUnavailable

ALWAYS_CONNECTED: tuple[NetworkPolicy, ...] = ("allowlist", "full")


@contextmanager
def connected(box: LiveContainer) -> Iterator[None]:
    """Connect a sandbox to Docker's default network for a ``with`` block; one that cannot be cut off is destroyed.

    Raises:
        SandboxUnavailable: the engine does not connect or disconnect it.
    """
    try:
        with engine_errors(f"connecting the sandbox {box.name} to the network"):
            engine().api.connect_container_to_network(box.id, NETWORK)
        yield
    except BaseException as failure:
        problem = _disconnect(box)
        if problem:
            failure.add_note(problem)
        raise
    problem = _disconnect(box)
    if problem:
        raise SandboxUnavailable(problem)


def _disconnect(box: LiveContainer) -> str:
    cut_off, said = False, ""
    try:
        with engine_errors(f"disconnecting the sandbox {box.name} from the network"):
            bounded_engine().api.disconnect_container_from_network(box.id, NETWORK, force=True)
        cut_off = True
    except (SandboxUnavailable, SandboxSpecError) as error:
        said = str(error)
    finally:
        if not cut_off:  # also when this is interrupted
            box.destroy()
    return "" if cut_off else f"{said}; destroyed it"


def package_environment(policy: NetworkPolicy) -> dict[str, str]:
    """Return the environment by which package tools in a connected sandbox reach the indexes that this host uses."""
    access, _ = package_access(os.environ)
    if policy == "allowlist":  # its proxy is in the container's own environment
        return {name: value for name, value in access.items() if not name.lower().endswith("_proxy")}
    return access


def bring_certificates(run: RunOwn) -> None:
    """Put the host's CA bundle where `package_environment` says it is."""
    _, bundle = package_access(os.environ)
    if bundle is not None:
        files.put(run, {Path(CA_BUNDLE).name: bundle.read_bytes()}, str(Path(CA_BUNDLE).parent))
