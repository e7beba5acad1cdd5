"""The network of a sandbox with an allowlist: a network of its own without a way out, and a proxy beside it.

The sandbox is on an internal Docker network alone, on which the host has no address: no route leads out of it, no name
is resolved, and the host's own services are not there. The one other member is the proxy, `inside/egress_proxy.py` in
a container of its own, which is on Docker's default network as well. Both are named after the sandbox, so that whoever
removes that one finds them.
"""

import json
import logging
import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import docker.errors
from docker.models.containers import Container
from docker.models.networks import Network

from repo_agent_dagster.sandbox.commands.frames import FrameDecoder
from repo_agent_dagster.sandbox.container import (
    DEADLINE_LABEL,
    NETWORK,
    OWNER_LABEL,
    RUN_LABEL,
    TASK_LABEL,
    remove,
)
from repo_agent_dagster.sandbox.docker_engine import PATIENCE_SECONDS, bounded_engine, engine, engine_errors
from repo_agent_dagster.sandbox.host_config import package_hosts
from repo_agent_dagster.sandbox.inside.egress_proxy import is_public
from repo_agent_dagster.sandbox.spec import USER_ID, SandboxSpec, SandboxSpecError, SandboxUnavailable

PACKAGE_INDEXES = "package-indexes"
"""The word on an allowlist that stands for the hosts of the package indexes that this host uses."""
PROXY_LABEL = "repo-agent.proxy-of"
"""On a proxy and its network: the name of the sandbox that they serve."""

_LOG = logging.getLogger(__name__)
_PORT = 3128
_PROXY_SECONDS_MORE = 10
_READY_SECONDS = 20.0
_PROGRAM = Path(__file__).parent / "inside" / "egress_proxy.py"
_NETWORK_OPTIONS = {
    # No address for the host on this network: without it, the host's services answer at the gateway's address.
    "com.docker.network.bridge.inhibit_ipv4": "true",
    # The same by its newer name (Docker 27.1 and later); engines before that ignore it.
    "com.docker.network.bridge.gateway_mode_ipv4": "isolated",
}


@dataclass(frozen=True)
class WayOut:
    """A proxy that runs: the network that a sandbox has to be on to reach it, and its URL there."""

    network: str
    url: str

    def arguments(self, base: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments of a sandbox's container, changed so that the proxy is its only way out."""
        names = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), self.url)
        local = "localhost,127.0.0.1,::1"
        # Node's own fetch heeds the names above only if this one says so.
        proxies = {**names, "NO_PROXY": local, "no_proxy": local, "NODE_USE_ENV_PROXY": "1"}
        return {
            **base,
            "environment": {**proxies, **base["environment"]},
            "network_mode": self.network,
            # The engine answers names of this network itself and asks others on: here itself, so that they stay
            # unknown. Without it, some engines ask the host's resolver even for a network without a way out.
            "dns": ["127.0.0.1"],
            "dns_opt": ["timeout:1", "attempts:1"],
        }


def open_way_out(sandbox: str, spec: SandboxSpec, deadline: datetime) -> WayOut:
    """Make the network and start the proxy of a sandbox that is about to be made under that name.

    Raises:
        SandboxSpecError: the host's own proxy is one that a container cannot use.
        SandboxUnavailable: the engine does not do it; a retry may succeed.
    """
    told = proxy_settings(spec.allowed_hosts, os.environ)
    labels = {
        PROXY_LABEL: sandbox,
        TASK_LABEL: spec.task_id,
        RUN_LABEL: spec.run_id or "",
        DEADLINE_LABEL: deadline.isoformat(timespec="seconds"),
        OWNER_LABEL: spec.owner,
    }
    try:
        with engine_errors(f"making the network of the sandbox {sandbox}"):
            network = engine().networks.create(
                sandbox, driver="bridge", internal=True, options=_NETWORK_OPTIONS, labels=labels, check_duplicate=True
            )
        with engine_errors(f"starting the proxy of the sandbox {sandbox}"):
            proxy = engine().containers.create(**_proxy_arguments(sandbox, spec, labels))
            network.connect(proxy)
            return WayOut(sandbox, _start(proxy, sandbox, told))
    except BaseException:
        close_way_out(sandbox)
        raise


def close_way_out(sandbox: str) -> bool:
    """Remove the proxy and the network of a sandbox by its name, and return whether both are gone.

    An engine that hangs is not waited for: what it does not remove in time is left to the reaper.
    """
    try:
        with engine_errors(f"removing the network of the sandbox {sandbox}"):
            client = bounded_engine(PATIENCE_SECONDS)
            with suppress(docker.errors.NotFound):
                proxy = client.containers.get(_proxy_name(sandbox))
                if proxy.labels.get(PROXY_LABEL) == sandbox:
                    remove(proxy)
            with suppress(docker.errors.NotFound):
                network = client.networks.get(sandbox)
                if (network.attrs["Labels"] or {}).get(PROXY_LABEL) == sandbox:
                    remove_network(network)
    except (SandboxUnavailable, SandboxSpecError) as error:
        _LOG.warning("%s; left to the reaper", error)
        return False
    return True


def remove_network(network: Network) -> None:
    """Remove a network, after taking off it whatever is still on it; one that is gone is fine."""
    client = bounded_engine(PATIENCE_SECONDS)
    with suppress(docker.errors.NotFound):
        found = client.networks.get(str(network.id))
        for container_id in found.attrs.get("Containers") or {}:
            with suppress(docker.errors.NotFound):
                found.disconnect(container_id, force=True)
        found.remove()


def refusals(sandbox: str) -> list[str]:
    """Return what the proxy of a running sandbox has refused so far, a line each, oldest first.

    Raises:
        SandboxUnavailable: there is no such proxy (any more).
    """
    with engine_errors(f"asking the proxy of the sandbox {sandbox}"):
        log = engine().containers.get(_proxy_name(sandbox)).logs(stderr=False)
    return [
        line.removeprefix("refused: ")
        for line in log.decode("ascii", "replace").splitlines()
        if line.startswith("refused: ")
    ]


def proxy_settings(allowed_hosts: tuple[str, ...], environment: Mapping[str, str]) -> dict[str, Any]:
    """Return what the proxy is told: whom to let through, and how this host itself reaches the internet.

    It may hold the credentials of the host's own proxy, so it goes by standard input alone.

    Raises:
        SandboxSpecError: the host's own proxy is one that a container cannot use.
    """
    allowed: list[str] = []
    for host in allowed_hosts:
        allowed += _with_private_addresses(package_hosts(environment)) if host == PACKAGE_INDEXES else [host]
    proxies = {}
    for scheme in ("http", "https"):
        names = (f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY")
        url = next((environment[name] for name in names if environment.get(name)), "")
        if url:
            proxies[scheme] = _usable(url if "://" in url else f"http://{url}")
    direct = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    return {
        "port": _PORT,
        "allowed": list(dict.fromkeys(allowed)),
        "proxies": proxies,
        "direct": [part.strip() for part in direct.split(",") if part.strip()],
    }


def _with_private_addresses(hosts: list[str]) -> list[str]:
    """Return the hosts and, of those of a private network, the addresses: this host is set up to use them."""
    found = list(hosts)
    for host in hosts:
        name, _, port = host.partition(":")
        with suppress(OSError):
            told = {str(entry[4][0]) for entry in socket.getaddrinfo(name, None, family=socket.AF_INET)}
            private = sorted(text for text in told if not is_public(ip_address(text)))
            found += [f"{address}:{port}" if port else address for address in private]
    return found


def _usable(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "http":
        raise SandboxSpecError(
            f"this host reaches the internet through a proxy by {parts.scheme}://, which the proxy of an allowlist "
            "cannot chain to; set HTTP_PROXY and HTTPS_PROXY to an http:// one, or use the network policy setup-only"
        )
    if (parts.hostname or "") in ("localhost", "127.0.0.1", "::1", ""):
        raise SandboxSpecError(
            "this host reaches the internet through a proxy on its own loopback, which no container can reach; let it "
            "listen on the address of Docker's bridge (docker0) and set HTTP_PROXY and HTTPS_PROXY to that"
        )
    return url


def _proxy_name(sandbox: str) -> str:
    return f"{sandbox}-proxy"


def _proxy_arguments(sandbox: str, spec: SandboxSpec, labels: Mapping[str, str]) -> dict[str, Any]:
    seconds = spec.deadline_seconds + _PROXY_SECONDS_MORE
    return {
        # Not the sandbox's own image: a repository may name that, and the proxy is what it must not get past.
        "image": spec.proxy_image,
        "entrypoint": ["python3", "-I", "-S", "-c", _PROGRAM.read_text(), str(seconds)],
        "command": [],
        "name": _proxy_name(sandbox),
        "hostname": "proxy",
        "user": f"{USER_ID}:{USER_ID}",
        "labels": dict(labels),
        "network_mode": NETWORK,
        "sysctls": {"net.ipv4.ip_forward": "0"},
        "stdin_open": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "pids_limit": 64,
        "mem_limit": "128m",
        "memswap_limit": "128m",
        "nano_cpus": 500_000_000,
        "read_only": True,
        "stop_signal": "SIGKILL",
        "auto_remove": True,
        "log_config": {"Type": "local", "Config": {"max-size": "1m", "max-file": "1", "compress": "false"}},
    }


def _start(proxy: Container, network: str, told: Mapping[str, Any]) -> str:
    """Start the proxy, tell it what to do, wait until it listens; return its URL on the network."""
    raw = cast(Any, proxy.attach_socket(params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}))
    connection = getattr(raw, "_sock", raw)
    try:
        proxy.start()
        proxy.reload()
        address = proxy.attrs["NetworkSettings"]["Networks"][network]["IPAddress"]
        connection.settimeout(_READY_SECONDS)
        # It listens on this network alone: other containers of the default network find nothing.
        connection.sendall(json.dumps({**told, "listen": address}).encode() + b"\n")
        _await_ready(connection, str(proxy.name))
    finally:
        getattr(raw, "_response", raw).close()
    return f"http://{address}:{_PORT}"


def _await_ready(connection: Any, name: str) -> None:
    frames, said = FrameDecoder(), b""
    limit = time.monotonic() + _READY_SECONDS
    while time.monotonic() < limit:
        try:
            data = connection.recv(4096)
        except TimeoutError:
            break
        said += b"".join(payload for _, payload in frames.feed(data))
        if said.startswith(b"ready\n"):
            return
        if not data:
            break
    raise SandboxUnavailable(f"the proxy {name} does not come up: {said.decode(errors='replace')[-1000:].strip()}")
