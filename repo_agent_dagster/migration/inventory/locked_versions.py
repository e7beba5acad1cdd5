"""Which versions a unit's lock files pin: npm, yarn, pnpm, bun, poetry, uv, pipenv; go.mod is its own lock."""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from repo_agent_dagster.migration.inventory.model import Ecosystem
from repo_agent_dagster.migration.inventory.package_names import normalised
from repo_agent_dagster.migration.inventory.structured_files import (
    list_of,
    mapping_of,
    read_json,
    read_toml,
    read_yaml,
    text_of,
)

YAML_LIMIT_BYTES = 2_000_000
"""A pnpm-lock.yaml larger than this is not read: YAML costs about a second for each megabyte."""

Locked = tuple[Ecosystem, str, str]
_YARN_KEY = re.compile(r'^"?((?:@[^@/\s"]+/)?[^@\s",]+)@')
_YARN_VERSION = re.compile(r'^\s+version:?\s+"?([^"\s]+)"?')


def locked_versions(texts: Mapping[str, str]) -> tuple[dict[tuple[Ecosystem, str], tuple[str, ...]], dict[str, str]]:
    """Return the locked versions of each package, and the lock files that could not be read with the reason."""
    versions: dict[tuple[Ecosystem, str], set[str]] = {}
    problems: dict[str, str] = {}
    for path in sorted(texts):
        try:
            for ecosystem, name, version in _read(PurePosixPath(path).name.lower(), texts[path]):
                versions.setdefault((ecosystem, name), set()).add(version)
        except ValueError as error:
            problems[path] = str(error)
    return {key: tuple(sorted(found)) for key, found in versions.items()}, problems


def _read(name: str, text: str) -> Iterator[Locked]:
    if name in {"package-lock.json", "npm-shrinkwrap.json"}:
        return _npm(text)
    if name == "yarn.lock":
        return _yarn(text)
    if name == "pnpm-lock.yaml":
        return _pnpm(text)
    if name == "bun.lock":
        return _bun(text)
    if name in {"poetry.lock", "uv.lock", "pdm.lock"}:
        return _toml(text)
    return _pipenv(text) if name == "pipfile.lock" else iter(())


def _npm(text: str) -> Iterator[Locked]:
    content = _mapping(text)
    for place, package in mapping_of(content, "packages").items():
        version = text_of(package, "version")
        if "node_modules/" in place and version is not None:
            yield "npm", place.rpartition("node_modules/")[2], version
    if "packages" not in content:
        for name, package in mapping_of(content, "dependencies").items():
            if (version := text_of(package, "version")) is not None:
                yield "npm", name, version


def _yarn(text: str) -> Iterator[Locked]:
    name: str | None = None
    for line in text.splitlines():
        if line[:1] not in {"", " ", "#"}:
            key = _YARN_KEY.match(line)
            name = None if key is None else key[1]
        elif name is not None and (version := _YARN_VERSION.match(line)) is not None:
            yield "npm", name, version[1]
            name = None


def _pnpm(text: str) -> Iterator[Locked]:
    if len(text) > YAML_LIMIT_BYTES:
        raise ValueError(f"larger than {YAML_LIMIT_BYTES:,} bytes; its versions were not read")
    read = read_yaml(text)
    if read.problem is not None:
        raise ValueError(read.problem)
    for key in mapping_of(read.value, "packages"):
        bare = key.lstrip("/").partition("(")[0]
        name, _, version = bare.rpartition("@")
        if not name:  # lockfile 5: /name/1.2.3
            name, _, version = bare.rpartition("/")
        if name and version[:1].isdigit():
            yield "npm", name, version


def _bun(text: str) -> Iterator[Locked]:
    for entry in mapping_of(_mapping(text), "packages").values():
        resolved = entry[0] if isinstance(entry, list) and entry and isinstance(entry[0], str) else ""
        name, _, version = resolved.rpartition("@")
        if name and version[:1].isdigit():
            yield "npm", name, version


def _toml(text: str) -> Iterator[Locked]:
    read = read_toml(text)
    if read.problem is not None:
        raise ValueError(read.problem)
    for package in list_of(read.value, "package"):
        name, version = text_of(package, "name"), text_of(package, "version")
        if name is not None and version is not None:
            yield "pypi", normalised(name), version


def _pipenv(text: str) -> Iterator[Locked]:
    content = _mapping(text)
    for section in ("default", "develop"):
        for name, package in mapping_of(content, section).items():
            if (version := text_of(package, "version")) is not None:
                yield "pypi", normalised(name), version.removeprefix("==")


def _mapping(text: str) -> dict[str, object]:
    read = read_json(text)
    if read.problem is not None:
        raise ValueError(read.problem)
    return read.mapping
