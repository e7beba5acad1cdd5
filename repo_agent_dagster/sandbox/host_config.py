"""How this host reaches package indexes: proxy, certificates, pip, npm and apt. Read for a build, never baked in."""

import configparser
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

_PROXY_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
_CA_NAMES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS")
_SYSTEM_CA = Path("/etc/ssl/certs/ca-certificates.crt")
CA_BUNDLE = "/home/agent/.repo-agent/ca.crt"
"""Where the host's certificates are put in a sandbox that is connected to the network."""
# pip has no command for it: its index, and the host that the index's files are on.
_PIPS_DEFAULT = (
    "from pip._internal.models.index import PyPI; print(PyPI.simple_url, f'https://{PyPI.file_storage_domain}')"
)
_PIP_KEYS = ("index-url", "extra-index-url", "trusted-host")
_UV_NAMES = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX", "trusted-host": "UV_INSECURE_HOST"}


@dataclass(frozen=True)
class HostConfig:
    """The host's way to package indexes; every text is empty where the host has nothing special."""

    proxies: Mapping[str, str]
    ca_bundle: Path | None
    pip: str
    npmrc: str
    apt_sources: str
    apt_conf: str

    def write_secrets(self, folder: Path) -> dict[str, Path]:
        """Write what there is as files (mode 600) into `folder` and return them by secret id."""
        texts = {"pip": self.pip, "npmrc": self.npmrc, "apt_sources": self.apt_sources, "apt_conf": self.apt_conf}
        secrets: dict[str, Path] = {}
        for name, content in texts.items():
            if content:
                path = folder / name
                path.touch(mode=0o600)
                path.write_text(content)
                secrets[name] = path
        if self.ca_bundle is not None:
            secrets["ca"] = self.ca_bundle
        return secrets


def read_host_config(release: str, environment: Mapping[str, str] | None = None) -> HostConfig:
    """Read the configuration that pip, npm and apt use on this host; `release` is the image's Debian code name."""
    environment = os.environ if environment is None else environment
    return HostConfig(
        proxies=_proxies(environment),
        ca_bundle=_ca_bundle(environment),
        pip=pip_conf(_pip_listing()),
        npmrc=_npmrc(),
        apt_sources=apt_sources(release),
        apt_conf="".join(
            f"{line}\n"
            for line in _run(["apt-config", "dump"]).splitlines()
            if re.match(r'Acquire::https?::proxy ".+"', line, re.IGNORECASE)
        ),
    )


def package_access(environment: Mapping[str, str]) -> tuple[dict[str, str], Path | None]:
    """Return the environment by which package tools in a sandbox reach the host's indexes, and the host's CA bundle.

    The bundle belongs at `CA_BUNDLE` inside. URLs with a user or password are left out: tokens stay on the host.
    """
    access = {name: url for name, url in _proxies(environment).items() if "@" not in url}
    pip = configparser.RawConfigParser()
    pip.read_string(pip_conf(_pip_listing()) or "[global]")
    for name, value in pip["global"].items():
        urls = [url for url in value.split() if "@" not in url]
        if urls:
            access[f"PIP_{name.upper().replace('-', '_')}"] = " ".join(urls)
            access[_UV_NAMES[name]] = " ".join(urls)
    if "UV_INDEX" in access:
        access["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # as pip chooses among several indexes
    registry = dict(line.split("=", 1) for line in _npmrc().splitlines() if line.startswith("registry=")).get(
        "registry"
    )
    if registry and "@" not in registry:
        access["NPM_CONFIG_REGISTRY"] = registry
    ca_bundle = _ca_bundle(environment)
    if ca_bundle is not None:
        # Not SSL_CERT_FILE alone: pip's own copy of certifi reads PIP_CERT, Node reads its own name, git another.
        names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO")
        access |= dict.fromkeys(names, CA_BUNDLE)
    return access, ca_bundle


def package_hosts(environment: Mapping[str, str]) -> list[str]:
    """Return the hosts, with a port where it is not the usual one, of the package indexes that this host uses.

    pip tells its own default where none is configured; npm's registry is what the host's npm says, if it has one.
    """
    access, _ = package_access(environment)
    pip = access.get("PIP_INDEX_URL") or _run([sys.executable, "-c", _PIPS_DEFAULT])
    urls = f"{pip} {access.get('PIP_EXTRA_INDEX_URL', '')} {access.get('NPM_CONFIG_REGISTRY', '')}"
    found = [urlsplit(url) for url in urls.split()]
    hosts = [f"{part.hostname}:{part.port}" if part.port else str(part.hostname) for part in found if part.hostname]
    return list(dict.fromkeys(hosts))


def _pip_listing() -> str:
    return _run([sys.executable, "-m", "pip", "config", "list"]) or _run(["pip", "config", "list"])


def _run(command: list[str]) -> str:
    # Asked once for each environment: pip and npm take half a second each to start.
    read_by_tools = ("PATH", "HOME", "PIP_", "NPM_", "XDG_")
    return _answer(
        tuple(command), tuple(sorted(i for i in os.environ.items() if i[0].upper().startswith(read_by_tools)))
    )


@lru_cache(maxsize=32)
def _answer(command: tuple[str, ...], _environment: tuple[tuple[str, str], ...]) -> str:
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    return done.stdout if done.returncode == 0 else ""


def _proxies(environment: Mapping[str, str]) -> dict[str, str]:
    # Both cases, because curl reads one and Python the other; Docker predefines both as build arguments.
    names = [*_PROXY_NAMES, *(name.lower() for name in _PROXY_NAMES)]
    return {name: environment[name] for name in names if environment.get(name)}


def _ca_bundle(environment: Mapping[str, str]) -> Path | None:
    candidates = [Path(environment[name]) for name in _CA_NAMES if environment.get(name)]
    return next((path for path in [*candidates, _SYSTEM_CA] if path.is_file()), None)


def pip_conf(listing: str) -> str:
    """Turn the output of ``pip config list`` into a pip.conf with its http(s) indexes; local paths are left out."""
    found: dict[str, str] = {}
    for line in listing.splitlines():
        key, _, quoted = line.partition("=")
        name = key.rpartition(".")[2]
        if name not in _PIP_KEYS:
            continue
        words = quoted.strip().strip("'\"").replace("\\n", " ").split()
        kept = [word for word in words if name == "trusted-host" or word.startswith(("http://", "https://"))]
        if kept and (name not in found or key.startswith(":env:")):  # the environment wins, as in pip
            found[name] = "\n    ".join(kept)
    return "".join(["[global]\n", *(f"{name} = {value}\n" for name, value in found.items())]) if found else ""


def _npmrc() -> str:
    listing = _run(["npm", "config", "get", "registry", "userconfig", "globalconfig"])
    answers = dict(line.split("=", 1) for line in listing.splitlines() if "=" in line)
    files = [Path(answers[name]) for name in ("globalconfig", "userconfig") if answers.get(name)]
    texts = [path.read_text(errors="replace") for path in files if path.is_file()]
    return npmrc(answers.get("registry", ""), texts)


def npmrc(registry: str, files: list[str]) -> str:
    """Return an npmrc with the registry, and the scopes and credentials of the host's npmrc files."""
    lines = [f"registry={registry}"] if registry.startswith("http") else []
    for text in files:
        # Credentials (`//host/:_authToken=…`) and scopes (`@scope:registry=…`): `npm config get` does not show them.
        lines += [line.strip() for line in text.splitlines() if re.match(r"\s*(//|@[^:]+:registry)", line)]
    return "".join(f"{line}\n" for line in lines)


def apt_sources(release: str, etc: Path = Path("/etc/apt")) -> str:
    """Return the host's apt sources of Debian `release` as one-line entries; those with other keys are left out."""
    lines: list[str] = []
    for path in [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]:
        if path.suffix == ".list" and path.is_file():
            lines += [kept for line in path.read_text().splitlines() if (kept := _one_line_source(line, release))]
        elif path.suffix == ".sources" and path.is_file():
            for stanza in re.split(r"\n\s*\n", path.read_text()):
                lines += _deb822_sources(stanza, release)
    return "".join(f"{line}\n" for line in dict.fromkeys(lines))


def _is_of_release(suite: str, release: str) -> bool:
    return suite == release or suite.startswith((f"{release}-", f"{release}/"))


def _is_debian_key(signed_by: str) -> bool:
    # A third party's key is a file of the host, which the image does not have.
    return not signed_by or "debian-archive" in signed_by


def _one_line_source(line: str, release: str) -> str:
    found = re.match(
        r"\s*deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>https?://\S+)\s+(?P<suite>\S+)\s+(?P<rest>.+)", line
    )
    if not found or not _is_of_release(found["suite"], release):
        return ""
    options = [word for word in (found["options"] or "").split() if not word.startswith("signed-by=")]
    signed = [word for word in (found["options"] or "").split() if word.startswith("signed-by=")]
    if not _is_debian_key("".join(signed)):
        return ""
    return " ".join(
        ["deb", *([f"[{' '.join(options)}]"] if options else []), found["uri"], found["suite"], found["rest"]]
    )


def _deb822_sources(stanza: str, release: str) -> list[str]:
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1].isspace() and name:
            fields[name] += " " + line.strip()
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() == "no":
        return []
    if not _is_debian_key(fields.get("signed-by", "")):
        return []
    trusted = "[trusted=yes] " if fields.get("trusted", "").lower() == "yes" else ""
    return [
        f"deb {trusted}{uri} {suite} {fields.get('components', 'main')}"
        for uri in fields.get("uris", "").split()
        for suite in fields.get("suites", "").split()
        if uri.startswith(("http://", "https://")) and _is_of_release(suite, release)
    ]
