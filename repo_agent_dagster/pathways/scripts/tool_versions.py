"""Print as JSON which versions of tools and packages are here; arguments are the names of imported packages."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import subprocess
import sys
from pathlib import Path

MOST = 40


def tool(name: str) -> str:
    """Return what a tool says of its version, empty where there is none."""
    try:
        said = subprocess.run([name, "--version"], capture_output=True, text=True, timeout=20, check=False).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    words = said.split()
    return words[-1].lstrip("v") if words else ""


def python_packages(names: list[str]) -> dict[str, str]:
    """Return the versions of the distributions that bring these packages, and of the test runner."""
    found = {}
    brought: dict[str, list[str]] = getattr(importlib.metadata, "packages_distributions", dict)()
    for name in ["pytest", *names]:
        for distribution in [*brought.get(name, []), name][:1]:
            try:
                found[distribution] = importlib.metadata.version(distribution)
            except importlib.metadata.PackageNotFoundError:
                continue
    return found


def node_packages() -> dict[str, str]:
    """Return the versions of the Node.js package here and of what it depends on directly."""
    try:
        package = json.loads(Path("package.json").read_bytes()[:400_000])
        wanted = [*package.get("dependencies", {}), *package.get("devDependencies", {})][:MOST]
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
    found = {str(package.get("name", "package")): str(package.get("version", ""))}
    for name in wanted:
        try:
            found[name] = str(json.loads(Path("node_modules", name, "package.json").read_bytes()[:400_000])["version"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found


if __name__ == "__main__":
    versions = {"python": platform.python_version(), "node": tool("node"), "platform": platform.platform()}
    versions.update(python_packages(sys.argv[1:][:MOST]))
    versions.update(node_packages())
    print(json.dumps({name[:100]: version[:100] for name, version in versions.items() if version}))
