"""A sandbox with an allowlist: what it reaches, what it cannot reach by any way, and that nothing of it is left."""

import base64
import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import docker
import pytest

from repo_agent_dagster.sandbox.host_config import package_hosts
from repo_agent_dagster.sandbox.network import close_way_out, proxy_settings
from repo_agent_dagster.sandbox.reaper import list_sandboxes, reap
from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import SandboxSpec, SandboxSpecError, SandboxUnavailable
from repo_agent_dagster.store.ids import new_id

pytestmark = pytest.mark.docker

OWNER = f"/home/{new_id()}"
# Tries all ways at once, each for three seconds at most, and prints those that got through.
WAYS = """
import json, socket, sys, threading
through = []
def attempt(name, way):
    try:
        way()
        through.append(name)
    except OSError:
        pass
def tcp(family, host, port):
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.settimeout(3); s.connect((host, port))
def udp(family, host, port):
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.settimeout(3); s.sendto(b"hello from inside", (host, port)); s.recv(100)
ways = {}
for host, port in json.loads(sys.argv[1]):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    ways[f"tcp {host} {port}"] = lambda f=family, h=host, p=port: tcp(f, h, p)
    ways[f"udp {host} {port}"] = lambda f=family, h=host, p=port: udp(f, h, p)
ways["dns"] = lambda: socket.getaddrinfo(sys.argv[2], 443)
ways["raw"] = lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
ways["packet"] = lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
threads = [threading.Thread(target=attempt, args=item) for item in ways.items()]
[t.start() for t in threads]; [t.join() for t in threads]
print(json.dumps(sorted(through)))
"""


class Answering(BaseHTTPRequestHandler):
    """A service of the host: web server, and proxy that wants to know who asks."""

    logins: list[str | None]

    def do_GET(self) -> None:
        self.logins.append(self.headers["Proxy-Authorization"])
        body = f"host service, asked for {self.path}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def host_service() -> Iterator[tuple[int, list[str | None]]]:
    """Serve HTTP on all addresses of this host, UDP at the same port; yield the port, and the log-ins that came."""
    logins: list[str | None] = []
    server = ThreadingHTTPServer(("0.0.0.0", 0), type("Handler", (Answering,), {"logins": logins}))
    echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    echo.bind(("0.0.0.0", server.server_port))

    def answer() -> None:
        while True:
            try:
                data, sender = echo.recvfrom(1000)
            except OSError:
                return
            if data == b"end":
                return
            echo.sendto(data, sender)

    threads = [threading.Thread(target=server.serve_forever), threading.Thread(target=answer)]
    for thread in threads:
        thread.start()
    try:
        yield server.server_port, logins
    finally:
        server.shutdown()
        server.server_close()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ending:
            ending.sendto(b"end", ("127.0.0.1", server.server_port))
        for thread in threads:
            thread.join()
        echo.close()


@pytest.fixture(scope="module")
def service() -> Iterator[int]:
    with host_service() as (port, _):
        yield port


@pytest.fixture(scope="module")
def gateway(docker_client: docker.DockerClient) -> str:
    """The host's address on Docker's default network."""
    return str(docker_client.networks.get("bridge").attrs["IPAM"]["Config"][0]["Gateway"])


@pytest.fixture(scope="module")
def walled(sandbox_image: str, service: int, gateway: str) -> Iterator[Sandbox]:
    spec = SandboxSpec(
        new_id(),
        network="allowlist",
        allowed_hosts=("package-indexes", f"{gateway}:{service}"),
        owner=OWNER,
        deadline_seconds=300,
    )
    with Sandbox.open(spec) as box:
        yield box


def objects_of(client: docker.DockerClient, task_id: str) -> list[str]:
    label = {"label": f"repo-agent.task={task_id}"}
    containers = client.containers.list(all=True, filters=label, ignore_removed=True)
    return sorted(thing.name for thing in [*containers, *client.networks.list(filters=label)])


def test_a_package_comes_from_a_listed_index(walled: Sandbox) -> None:
    done = walled.exec("pip download -q --no-deps --no-binary :none: six && ls", cwd="/tmp", timeout_seconds=120)

    assert done.ok, done.output
    assert "six-" in done.stdout


def test_a_listed_service_is_reached_and_only_through_the_proxy(walled: Sandbox, gateway: str, service: int) -> None:
    url = f"http://{gateway}:{service}/x"

    assert walled.exec(f"curl -sS {url}").stdout == "host service, asked for /x\n"
    assert not walled.exec(f"curl -sS -m 3 --noproxy '*' {url}").ok


def test_what_is_not_listed_is_refused_in_plain_words_and_remembered(walled: Sandbox) -> None:
    told = "host example.com port 80 is not on the allowlist of this sandbox"

    assert told in walled.exec("curl -sS http://example.com/").stdout
    assert not walled.exec("curl -sS https://example.com/").ok
    assert any(line.startswith(told) for line in walled.refusals())


@pytest.mark.parametrize("target", ["http://169.254.169.254/latest/", "http://2130706433/", "http://[::1]/"])
def test_metadata_services_and_addresses_in_disguise_are_refused(walled: Sandbox, target: str) -> None:
    status = walled.exec(f"curl -sS -g --noproxy '' -o /dev/null -w '%{{http_code}}' '{target}'").stdout

    assert status in ("400", "403")


def test_no_other_way_leads_out(
    walled: Sandbox, docker_client: docker.DockerClient, gateway: str, service: int
) -> None:
    own = docker_client.networks.get(walled.name).attrs["IPAM"]["Config"][0]["Gateway"]
    host = socket.gethostbyname(socket.gethostname())
    name = package_hosts(os.environ)[0].partition(":")[0]
    index = socket.gethostbyname(name)
    targets = [
        (gateway, service), (own, service), (host, service), ("127.0.0.1", service), (index, 443), ("1.1.1.1", 53),
        ("::ffff:1.1.1.1", 53), ("2606:4700:4700::1111", 53), ("fe80::1%eth0", service),
    ]  # fmt: skip

    probe = ["python3", "-c", WAYS, json.dumps(targets), name]

    assert json.loads(walled.exec(probe).stdout) == []
    with Sandbox.open(SandboxSpec(new_id(), network="full", owner=OWNER, deadline_seconds=60)) as free:
        found = json.loads(free.exec(probe).stdout)  # the probe can tell a hole from a wall
    assert {f"tcp {gateway} {service}", f"udp {gateway} {service}", "dns"} <= set(found)


def test_nobody_else_on_the_default_network_can_use_the_proxy(
    walled: Sandbox, docker_client: docker.DockerClient
) -> None:
    proxy = docker_client.containers.get(f"{walled.name}-proxy")
    address = proxy.attrs["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]

    with pytest.raises(ConnectionRefusedError), socket.create_connection((address, 3128), timeout=5):
        pass


def test_the_proxy_has_no_privileges_and_is_no_sandbox(walled: Sandbox, docker_client: docker.DockerClient) -> None:
    told = docker_client.api.inspect_container(f"{walled.name}-proxy")

    assert told["HostConfig"]["CapDrop"] == ["ALL"]
    assert told["HostConfig"]["ReadonlyRootfs"]
    assert told["Config"]["User"] == "1000:1000"
    assert told["Mounts"] == []
    assert [box.id for box in list_sandboxes(owner=OWNER)] == [walled.id]
    with pytest.raises(SandboxSpecError, match="not a sandbox"):
        Sandbox.attach(str(told["Id"]))


def test_a_step_that_attaches_uses_the_same_proxy(walled: Sandbox, gateway: str, service: int) -> None:
    again = Sandbox.attach(walled.id)

    assert again.exec(f"curl -sS http://{gateway}:{service}/y").stdout == "host service, asked for /y\n"


def test_a_living_one_is_left_alone_and_what_lost_its_sandbox_is_removed(
    sandbox_image: str, docker_client: docker.DockerClient, task_id: str
) -> None:
    owner, later = f"/home/{new_id()}", datetime.now(UTC) + timedelta(seconds=120)
    box = Sandbox.create(SandboxSpec(task_id, network="allowlist", owner=owner, deadline_seconds=300))
    try:
        assert reap(is_over=lambda _live: False, now=later, owner=owner).removed == []
        assert len(objects_of(docker_client, task_id)) == 3
        docker_client.containers.get(box.id).remove(force=True)

        reaping = reap(is_over=lambda _live: False, now=later, owner=owner)

        assert [(gone.kind, gone.reason) for gone in reaping.removed] == [
            ("proxy", "its sandbox is gone"),
            ("network", "its sandbox is gone"),
        ]
        assert objects_of(docker_client, task_id) == []
    finally:
        box.destroy()


def test_nothing_is_left_when_the_sandbox_or_its_proxy_cannot_be_made(
    sandbox_image: str, docker_client: docker.DockerClient, task_id: str
) -> None:
    with pytest.raises(SandboxSpecError):
        Sandbox.create(SandboxSpec(task_id, network="allowlist", image="repo-agent/no-such-image:latest"))
    with pytest.raises((SandboxSpecError, SandboxUnavailable)):
        Sandbox.create(SandboxSpec(task_id, network="allowlist", proxy_image="repo-agent/no-such-image:latest"))

    assert objects_of(docker_client, task_id) == []


def test_the_hosts_own_proxy_is_used_and_its_password_is_nowhere_to_be_seen(
    sandbox_image: str,
    docker_client: docker.DockerClient,
    task_id: str,
    gateway: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with host_service() as (port, logins):
        monkeypatch.setenv("http_proxy", f"http://me:pass%2Dword@{gateway}:{port}")
        spec = SandboxSpec(task_id, network="allowlist", allowed_hosts=("shop.example",), deadline_seconds=60)
        with Sandbox.open(spec) as box:
            answer = box.exec("curl -sS http://shop.example/a; env; cat /proc/*/environ 2>/dev/null | tr '\\0' ' '")
            shown = json.dumps(
                [docker_client.api.inspect_container(name) for name in (box.name, f"{box.name}-proxy")]
            ) + json.dumps(docker_client.api.inspect_network(box.name))
            processes = json.dumps(docker_client.api.top(f"{box.name}-proxy"))

    assert "host service, asked for http://shop.example/a" in answer.stdout
    assert logins == ["Basic " + base64.b64encode(b"me:pass-word").decode()]
    for text in (answer.output, shown, processes):
        assert "pass%2Dword" not in text
        assert "pass-word" not in text
    assert objects_of(docker_client, task_id) == []


@pytest.mark.parametrize("url", ["socks5://proxy:1080", "http://localhost:3128", "127.0.0.1:3128"])
def test_a_proxy_of_the_host_that_no_container_can_use_is_refused(url: str) -> None:
    with pytest.raises(SandboxSpecError, match=r"this host reaches the internet through a proxy"):
        proxy_settings(("index.example",), {"ALL_PROXY": url})


def test_removing_what_is_not_there_is_fine(docker_client: docker.DockerClient) -> None:
    assert close_way_out(f"repo-agent-{new_id()}")
