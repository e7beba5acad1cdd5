"""The image below ours: Debian from a registry, or made here with debootstrap where none answers (air-gapped mode)."""

import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import docker.errors
import requests
from docker import DockerClient

from repo_agent_dagster.contracts.faults import TransientFault
from repo_agent_dagster.sandbox.docker_engine import Progress, apt_get, engine_errors
from repo_agent_dagster.sandbox.host_config import apt_sources

RELEASE = "bookworm"
AIR_GAPPED_BASE = f"repo-agent/base:{RELEASE}"
_REGISTRY_SECONDS = 10
_NO_SOURCES = "# None: a build brings the host's own, and in a sandbox nobody is root.\n"
_LEFT_OUT = ("dev", "proc", "sys", "run", "tmp")
_SHRUNK = (
    *("var/lib/apt/lists", "var/cache/apt", "var/cache/debconf", "var/log"),
    *("usr/share/doc", "usr/share/info", "usr/share/locale", "usr/share/man"),
)


class BaseImageError(TransientFault):
    """Neither a registry nor debootstrap gave a Debian to build on."""


def local_base(client: DockerClient, base_image: str) -> tuple[str, str] | None:
    """Return (name, id) of the base that is already here: the registry's image, or the one made by debootstrap."""
    for name in (base_image, AIR_GAPPED_BASE):
        with engine_errors(f"looking for the image {name}"), suppress(docker.errors.ImageNotFound):
            return name, str(client.images.get(name).id)
    return None


def ensure_base(client: DockerClient, base_image: str, work_dir: Path, say: Progress) -> tuple[str, str]:
    """Return (name, id) of a Debian to build on: the local one, else the registry's, else one made by debootstrap.

    Raises:
        BaseImageError: all three failed; the message says why.
    """
    found = local_base(client, base_image)
    if found is not None:
        return found
    refusal = _pull(client, base_image, say)
    if refusal is None:
        return base_image, str(client.images.get(base_image).id)
    say(f"no registry gives {base_image} ({refusal}); making Debian {RELEASE} here with debootstrap")
    make_base(work_dir, say)
    with engine_errors(f"looking for the image {AIR_GAPPED_BASE}"):
        return AIR_GAPPED_BASE, str(client.images.get(AIR_GAPPED_BASE).id)


def _pull(client: DockerClient, base_image: str, say: Progress) -> str | None:
    """Pull and return None, or return why not. The registry is asked with a short time-out first, then left time."""
    asking = DockerClient.from_env(timeout=_REGISTRY_SECONDS)
    try:
        asking.images.get_registry_data(base_image)
        say(f"pulling {base_image}")
        client.images.pull(base_image)
    except docker.errors.APIError as error:
        return str(error.explanation or error)
    except requests.RequestException:
        return f"no answer within {_REGISTRY_SECONDS} s"
    finally:
        asking.close()
    return None


def make_base(work_dir: Path, say: Progress, *, tag: str = AIR_GAPPED_BASE) -> None:
    """Make a minimal Debian with debootstrap and import it as `tag`: air-gapped mode, about 40 s and 80 MB.

    Raises:
        BaseImageError: this user is not root, or debootstrap failed.
    """
    if os.geteuid() != 0:
        raise BaseImageError(
            "debootstrap needs root: run `repo-agent sandboxes image build` as root once, or load an image by hand: "
            f"docker load -i FILE && docker tag IMAGE {tag}"
        )
    if shutil.which("debootstrap") is None:
        say("installing debootstrap with apt-get")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        apt_get(["update"], environment)
        packages = ["debootstrap", "debian-archive-keyring"]
        apt_get(["install", "-y", "--no-install-recommends", *packages], environment)
    work_dir.mkdir(parents=True, exist_ok=True)
    # Beside our other files, not in /tmp: that is often mounted nodev or noexec, where debootstrap cannot work.
    with tempfile.TemporaryDirectory(prefix="debootstrap-", dir=work_dir) as folder:
        root = Path(folder) / "root"
        mirror = _mirror()
        _run_debootstrap(root, mirror, say)
        _shrink(root)
        if mirror:
            # Where the host has a mirror of its own the image must not name it; else debootstrap's default stays.
            (root / "etc/apt/sources.list").write_text(_NO_SOURCES)
        say(f"importing it as {tag}")
        _import(root, tag)


def _run_debootstrap(root: Path, mirror: list[str], say: Progress) -> None:
    command = ["debootstrap", "--variant=minbase", "--include=ca-certificates", RELEASE, str(root), *mirror]
    tail: list[str] = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as running:
        assert running.stdout is not None  # noqa: S101 - stdout=PIPE above
        for line in running.stdout:
            tail = [*tail[-14:], line.rstrip()]
            if line.startswith("I: ") and tail[-1].endswith(("packages...", "system...")):
                say(f"debootstrap: {tail[-1].removeprefix('I: ')}")
    if running.returncode != 0:
        raise BaseImageError(f"debootstrap failed with {running.returncode}:\n" + "\n".join(tail))


def _mirror() -> list[str]:
    """Return the host's own mirror of the release, or nothing: debootstrap then uses its default."""
    entries = [line.split() for line in apt_sources(RELEASE).splitlines()]
    for words in entries:
        if words[-1:] and RELEASE in words:
            return [words[words.index(RELEASE) - 1]]
    return []


def _shrink(root: Path) -> None:
    for name in _SHRUNK:
        for entry in (root / name).glob("*"):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
    # debootstrap copies these from the host; the image must tell nothing about it.
    for name in ("etc/resolv.conf", "etc/hostname"):
        (root / name).unlink(missing_ok=True)


def _import(root: Path, tag: str) -> None:
    excluded = [f"--exclude=./{name}/*" for name in _LEFT_OUT]
    with subprocess.Popen(
        ["tar", "-C", str(root), "--numeric-owner", *excluded, "-c", "."], stdout=subprocess.PIPE
    ) as packing:
        done = subprocess.run(
            ["docker", "import", "-", tag],
            stdin=packing.stdout,
            capture_output=True,
            text=True,
            check=False,
        )
    if packing.returncode != 0 or done.returncode != 0:
        raise BaseImageError(f"docker import failed: {done.stderr.strip() or f'tar ended with {packing.returncode}'}")
