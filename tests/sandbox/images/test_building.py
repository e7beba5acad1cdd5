"""The image: built only when it must be, and nothing of the host in it."""

import dataclasses
import io
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import docker
import docker.errors
import pytest

from repo_agent_dagster.sandbox.docker_engine import silent
from repo_agent_dagster.sandbox.host_config import read_host_config
from repo_agent_dagster.sandbox.images import base as base_image
from repo_agent_dagster.sandbox.images import building as image
from repo_agent_dagster.sandbox.images.base import BaseImageError, ensure_base, make_base
from repo_agent_dagster.sandbox.images.building import ImageBuildError, ensure_image, find_builder
from repo_agent_dagster.sandbox.spec import DEFAULT_IMAGE, TYPE_ROOTS

MARKER = "leak-marker.invalid"
TEST_BASE = "repo-agent/test-base:made-here"
TEST_IMAGE = "repo-agent/test-sandbox:made-here"
NO_REGISTRY = "127.0.0.1:1/debian:bookworm-slim"


def program(folder: Path, script: str) -> str:
    folder.mkdir()
    path = folder / "docker"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(folder)


BUILDX = 'case "$1" in buildx) echo github.com/docker/buildx v0.20;; *) echo "Docker version 28.0.1, build x";; esac'
PLAIN = '[ "$1" = buildx ] && exit 1; echo "Docker version 28.0.1, build x"'
OLD = '[ "$1" = buildx ] && exit 1; echo "Docker version 20.10.24+dfsg1, build x"'


def test_a_docker_with_buildx_builds_with_the_engines_own_builder(tmp_path: Path) -> None:
    folder = program(tmp_path / "a", BUILDX)

    assert find_builder(folder).command == (f"{folder}/docker", "buildx", "build", "--builder", "default", "--load")


def test_an_old_docker_builds_with_buildkit_switched_on(tmp_path: Path) -> None:
    first, second = program(tmp_path / "a", PLAIN), program(tmp_path / "b", OLD)

    found = find_builder(os.pathsep.join([first, second]))

    assert found.command == (f"{second}/docker", "build")
    assert found.environment == (("DOCKER_BUILDKIT", "1"),)


def test_no_buildkit_says_what_was_tried_and_what_to_install(tmp_path: Path) -> None:
    folder = program(tmp_path / "a", PLAIN)

    with pytest.raises(ImageBuildError, match=rf"looked at: {folder}/docker\); install.*docker-buildx"):
        find_builder(folder)
    with pytest.raises(ImageBuildError, match="none on PATH"):
        find_builder(str(tmp_path))


def test_a_failing_build_shows_the_end_of_its_output(tmp_path: Path) -> None:
    with pytest.raises(ImageBuildError, match=r"(?s)failed with 7.*no space left"):
        image._run_build(["sh", "-c", "echo no space left; exit 7"], dict(os.environ), silent)


def test_steps_are_told_when_they_run_and_not_when_they_are_cached() -> None:
    said: list[str] = []
    output = "#5 [2/3] RUN apt-get update\\n#5 CACHED\\n#6 [3/3] RUN npm install\\n#6 0.15 added\\n#6 0.2 done\\n"

    image._run_build(["printf", output], dict(os.environ), said.append)

    assert said == ["image step 3 of 3: TypeScript"]


def test_who_is_not_root_is_told_how_to_get_a_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_image.os, "geteuid", lambda: 1000)

    with pytest.raises(BaseImageError, match="docker load"):
        make_base(tmp_path, silent)


@pytest.mark.docker
def test_a_second_call_builds_nothing(sandbox_image: str, tmp_path: Path) -> None:
    said: list[str] = []

    first, second = ensure_image(tmp_path, say=said.append), ensure_image(tmp_path, say=said.append)

    assert first == second
    assert said == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.docker
def test_a_changed_recipe_builds_again_and_says_so(
    sandbox_image: str, docker_client: docker.DockerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = tmp_path / "Dockerfile"
    small.write_text("ARG BASE\nFROM ${BASE}\nRUN echo one\n")
    monkeypatch.setattr(image, "DOCKERFILE", small)
    tag, said = "repo-agent/test-sandbox:recipe", []
    try:
        first = ensure_image(tmp_path, tag=tag, base_image=sandbox_image, say=said.append)
        small.write_text("ARG BASE\nFROM ${BASE}\nRUN echo two\n")
        second = ensure_image(tmp_path, tag=tag, base_image=sandbox_image, say=said.append)
        third = ensure_image(tmp_path, tag=tag, base_image=DEFAULT_IMAGE, say=said.append)
    finally:
        docker_client.images.remove(tag, force=True)

    assert first != second == third
    assert [line for line in said if line.startswith("building")] == [
        f"building the sandbox image {tag}: it is not here yet",
        f"building the sandbox image {tag}: its recipe changed",
    ]


@pytest.mark.docker
def test_concurrent_callers_build_once(
    sandbox_image: str, docker_client: docker.DockerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = tmp_path / "Dockerfile"
    small.write_text(f"ARG BASE\nFROM ${{BASE}}\nRUN echo {tmp_path} && sleep 1\n")
    monkeypatch.setattr(image, "DOCKERFILE", small)
    tag, ids, said = "repo-agent/test-sandbox:once", [], []

    def build() -> None:
        ids.append(ensure_image(tmp_path, tag=tag, base_image=sandbox_image, say=said.append))

    threads = [threading.Thread(target=build) for _ in range(3)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        docker_client.images.remove(tag, force=True)

    assert len(set(ids)) == 1
    assert len(ids) == 3
    assert len([line for line in said if line.startswith("building")]) == 1
    assert said.count("another process builds the sandbox image; waiting for it") == 2


@pytest.mark.docker
def test_a_registry_that_does_not_answer_is_given_up_quickly(docker_client: docker.DockerClient) -> None:
    assert base_image._pull(docker_client, NO_REGISTRY, silent)


@pytest.mark.docker
def test_the_local_base_is_used_without_asking_a_registry(
    sandbox_image: str, docker_client: docker.DockerClient, tmp_path: Path
) -> None:
    said: list[str] = []

    assert ensure_base(docker_client, sandbox_image, tmp_path, said.append)[0] == sandbox_image
    assert said == []


@pytest.fixture(scope="module")
def made_here(docker_client: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An image built from nothing, air-gapped, on a host whose every setting carries a marker."""
    folder = tmp_path_factory.mktemp("host")
    real = read_host_config(base_image.RELEASE)
    bundle = folder / "ca.pem"
    bundle.write_text(f"# {MARKER}\n{real.ca_bundle.read_text() if real.ca_bundle else ''}")
    host = dataclasses.replace(
        real,
        proxies={**real.proxies, "NO_PROXY": f"{real.proxies.get('NO_PROXY', '')},{MARKER}".strip(",")},
        ca_bundle=bundle,
        pip=f"{real.pip or '[global]'}\ntrusted-host = {MARKER}\n",
        npmrc=f"{real.npmrc}//{MARKER}/:_authToken=secret\n",
        apt_sources=f"# {MARKER}\n{real.apt_sources}",
        apt_conf=f'{real.apt_conf}Acquire::http::Proxy::{MARKER} "DIRECT";\n',
    )
    make_base(folder, silent, tag=TEST_BASE)
    ensure_image(folder, tag=TEST_IMAGE, base_image=TEST_BASE, rebuild=True, host=host)
    yield TEST_IMAGE
    docker_client.images.remove(TEST_IMAGE, force=True)
    docker_client.images.remove(TEST_BASE, force=True)


@pytest.mark.docker
def test_nothing_of_the_host_is_in_any_layer_or_in_the_history(
    made_here: str, docker_client: docker.DockerClient
) -> None:
    marker, carried = MARKER.encode(), b""
    hostname = os.uname().nodename.encode()
    with_hostname = False

    for chunk in docker_client.images.get(made_here).save():  # every layer as a plain tar, the history and the labels
        window = carried + chunk
        assert marker not in window
        with_hostname = with_hostname or (len(hostname) > 8 and hostname in window)
        carried = window[-64:]

    assert not with_hostname
    assert MARKER not in str(docker_client.images.get(made_here).history())


@pytest.mark.docker
def test_no_host_configuration_is_left_in_the_files(made_here: str, docker_client: docker.DockerClient) -> None:
    script = (
        "cat /etc/apt/sources.list; ls -A /etc/apt/sources.list.d /etc/apt/apt.conf.d; "
        "ls /etc/pip.conf /usr/local/etc/npmrc /tmp/* /run/secrets/* 2>/dev/null; "
        "env | grep -i proxy; npm config get registry; pip config list; cat /etc/resolv.conf"
    )

    shown = docker_client.containers.run(made_here, ["bash", "-c", script], remove=True, network_mode="none").decode()

    assert MARKER not in shown
    assert "deb http" not in shown  # the base was made from the host's own mirror
    assert "/run/secrets/" not in shown
    assert "proxy" not in shown.lower()


@pytest.mark.docker
def test_an_image_made_here_works_like_the_other(made_here: str, docker_client: docker.DockerClient) -> None:
    attributes = docker_client.images.get(made_here).attrs

    assert attributes["Config"]["User"] == "agent"
    assert f"TYPE_ROOTS={TYPE_ROOTS}" in attributes["Config"]["Env"]
    told = docker_client.containers.run(made_here, ["bash", "-c", "id -u; node --version; tsc --version"], remove=True)
    assert told.decode().split()[0] == "1000"
    assert "Version 5." in told.decode()


@pytest.mark.docker
def test_images_are_removed_by_their_tags(
    sandbox_image: str, docker_client: docker.DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image, "RECIPE_LABEL", "repo-agent.test-recipe")
    monkeypatch.setattr(image, "AIR_GAPPED_BASE", "repo-agent/test-base:none")
    build = docker_client.images.build
    tag = "repo-agent/test-sandbox:removed"
    build(fileobj=io.BytesIO(f"FROM {sandbox_image}\nLABEL repo-agent.test-recipe=x\n".encode()), tag=tag, rm=True)

    assert image.remove_images() == [tag]
    with pytest.raises(docker.errors.ImageNotFound):
        docker_client.images.get(tag)
