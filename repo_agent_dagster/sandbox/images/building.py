"""The sandbox image: built once with BuildKit, again only when its recipe or its base changed."""

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import docker.errors
from docker import DockerClient

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.sandbox.docker_engine import Progress, engine, engine_errors, silent
from repo_agent_dagster.sandbox.host_config import HostConfig, read_host_config
from repo_agent_dagster.sandbox.images.base import AIR_GAPPED_BASE, RELEASE, ensure_base, local_base
from repo_agent_dagster.sandbox.images.recipe import DOCKERFILE, recipe_of
from repo_agent_dagster.sandbox.spec import DEFAULT_IMAGE

RECIPE_LABEL = "repo-agent.recipe"
BASE_LABEL = "repo-agent.base"
DEFAULT_BASE = "debian:bookworm-slim"


class ImageBuildError(PermanentFault):
    """The sandbox image cannot be built; the message holds the end of the build's own output."""


@dataclass(frozen=True)
class Builder:
    """A docker command that can build with BuildKit, which secrets need."""

    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()


def ensure_image(
    work_dir: Path,
    *,
    tag: str = DEFAULT_IMAGE,
    base_image: str = DEFAULT_BASE,
    rebuild: bool = False,
    host: HostConfig | None = None,
    say: Progress = silent,
) -> str:
    """Return the id of the sandbox image `tag`; build it if it is missing, outdated, or `rebuild` is set.

    Under a second when nothing changed, and without network. One caller builds at a time, others wait for its image.
    `work_dir` takes temporary files (about 300 MB while a base is made); `host` is how package indexes are reached
    during the build, read from this machine if not given.

    Raises:
        ImageBuildError: no BuildKit here, or the build failed.
        BaseImageError: no Debian to build on.
        SandboxUnavailable: no Docker engine answers.
    """
    client = engine()
    if not rebuild and (current := _current(client, tag, base_image)):
        return current
    with _one_builder(say):
        if not rebuild and (current := _current(client, tag, base_image)):
            return current
        say(f"building the sandbox image {tag}: {_why(client, tag, rebuild)}")
        builder = find_builder()
        base, base_id = ensure_base(client, base_image, work_dir, say)
        labels = {RECIPE_LABEL: recipe(), BASE_LABEL: base_id}
        _build(builder, host or read_host_config(RELEASE), tag, base, labels, say, cached=not rebuild)
        with engine_errors("looking for the new image"):
            built = str(client.images.get(tag).id)
            client.images.prune(filters={"dangling": True, "label": RECIPE_LABEL})
        say(f"sandbox image {tag} is ready")
        return built


def remove_images() -> list[str]:
    """Remove the sandbox images and the base that was made here; return the tags that were removed.

    Raises:
        SandboxUnavailable: no Docker engine answers, or a container still uses one of them.
    """
    client = engine()
    removed: list[str] = []
    with engine_errors("removing the sandbox images"):
        ours = client.images.list(filters={"label": RECIPE_LABEL})
        for name in [*(tag for image in ours for tag in image.tags), AIR_GAPPED_BASE]:
            with suppress(docker.errors.ImageNotFound):
                client.images.remove(name)
                removed.append(name)
        client.images.prune(filters={"dangling": True, "label": RECIPE_LABEL})
    return removed


def recipe() -> str:
    """Return the digest of what the image is made by: the Dockerfile, which holds the pinned versions."""
    return recipe_of(DOCKERFILE)


def _labels(client: DockerClient, tag: str) -> tuple[str, dict[str, str]] | None:
    with engine_errors(f"looking for the image {tag}"):
        try:
            image = client.images.get(tag)
        except docker.errors.ImageNotFound:
            return None
        return str(image.id), dict(image.labels)


def _current(client: DockerClient, tag: str, base_image: str) -> str | None:
    found = _labels(client, tag)
    if found is None or found[1].get(RECIPE_LABEL) != recipe():
        return None
    base = local_base(client, base_image)
    if base is not None and base[1] != found[1].get(BASE_LABEL):
        return None
    return found[0]


def _why(client: DockerClient, tag: str, rebuild: bool) -> str:
    found = _labels(client, tag)
    if found is None:
        return "it is not here yet"
    if rebuild:
        return "asked for"
    return "its recipe changed" if found[1].get(RECIPE_LABEL) != recipe() else "its base changed"


@contextmanager
def _one_builder(say: Progress) -> Iterator[None]:
    # One lock for the machine, not for the home folder: all homes of a user share the engine and so the image.
    path = Path(tempfile.gettempdir()) / f"repo-agent-image-{os.getuid()}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another process builds the sandbox image; waiting for it")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def find_builder(search_path: str | None = None) -> Builder:
    """Return the first docker command on the search path that can build with BuildKit.

    Raises:
        ImageBuildError: none can.
    """
    folders = (search_path if search_path is not None else os.environ.get("PATH", os.defpath)).split(os.pathsep)
    found = dict.fromkeys(
        str(Path(path).resolve()) for folder in folders if (path := shutil.which("docker", path=folder))
    )
    for command in found:
        builder = _builder_of(command)
        if builder is not None:
            return builder
    raise ImageBuildError(
        f"no docker command here can build with BuildKit (looked at: {', '.join(found) or 'none on PATH'}); install "
        "its buildx plugin: Debian 12 needs docker.io only, Debian 13 and Ubuntu the package docker-buildx, "
        "Docker's own packages docker-buildx-plugin"
    )


def _builder_of(command: str) -> Builder | None:
    # Before 23 the client had BuildKit built in; since then it is the buildx plugin or nothing.
    plugin = subprocess.run([command, "buildx", "version"], capture_output=True, text=True, check=False)
    if plugin.returncode == 0 and "buildx" in plugin.stdout:
        # The builder `default` is the engine's own: only that one sees a base image that no registry has.
        return Builder((command, "buildx", "build", "--builder", "default", "--load"))
    version = subprocess.run([command, "--version"], capture_output=True, text=True, check=False).stdout
    number = re.search(r"version (\d+)\.", version)
    if number and 18 < int(number[1]) < 23:
        return Builder((command, "build"), (("DOCKER_BUILDKIT", "1"),))
    return None


def _build(
    builder: Builder, host: HostConfig, tag: str, base: str, labels: dict[str, str], say: Progress, *, cached: bool
) -> None:
    with tempfile.TemporaryDirectory(prefix="repo-agent-image-") as folder:
        context = Path(folder) / "context"
        context.mkdir()
        command = [
            *builder.command,
            "--progress=plain",
            "-f",
            str(DOCKERFILE),
            "-t",
            tag,
            "--build-arg",
            f"BASE={base}",
        ]
        if not cached:
            command.append("--no-cache")
        for name, value in labels.items():
            command += ["--label", f"{name}={value}"]
        for name in host.proxies:
            command += ["--build-arg", name]  # the value comes from the environment: it may hold a password
        if any(re.search(r"//(?:[^/]*@)?(localhost|127\.)", value) for value in host.proxies.values()):
            command += ["--network", "host"]  # a proxy on the host's loopback is reached from there alone
        for name, path in host.write_secrets(Path(folder)).items():
            command += ["--secret", f"id={name},src={path}"]
        environment = {**os.environ, **dict(builder.environment), **host.proxies}
        _run_build([*command, str(context)], environment, say)


def _run_build(command: list[str], environment: dict[str, str], say: Progress) -> None:
    tail: list[str] = []
    steps: dict[str, str] = {}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as running:
        assert running.stdout is not None  # noqa: S101 - stdout=PIPE above
        for line in running.stdout:
            tail = [*tail[-29:], line.rstrip()]
            if step := re.match(r"(#\d+) \[(\d+)/(\d+)\] RUN ", line):
                steps[step[1]] = f"image step {step[2]} of {step[3]}: {_subject(line)}"
            elif (output := re.match(r"(#\d+) [\d.]+ ", line)) and output[1] in steps:  # silent when cached
                say(steps.pop(output[1]))
    if running.returncode != 0:
        raise ImageBuildError(f"the image build failed with {running.returncode}; its last lines:\n" + "\n".join(tail))


def _subject(line: str) -> str:
    known = {
        "apt-get": "Debian packages",
        "pip": "Python tools and Node.js",
        "npm": "TypeScript",
        "useradd": "the user",
    }
    return next((text for word, text in known.items() if word in line), "…")
