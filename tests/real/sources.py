"""Releases of known projects as repositories: two of them become a commit with a bug, and the diff that repairs it.

They are fetched when the tests run, by pip and npm in a sandbox, where the code that pip runs to read a source
distribution does no harm. Nothing that was fetched is kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

from repo_agent_dagster.sandbox.sandbox import Sandbox

CASES = Path(__file__).parent / "cases.yaml"
_FETCH_SECONDS = 240
_MAX_BYTES = 64 << 20
_UNREACHABLE = (
    "Temporary failure in name resolution",
    "Failed to establish a new connection",
    "Network is unreachable",
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ETIMEDOUT",
)


class RegistryUnreachable(Exception):
    """The package registry does not answer, so nothing can be said."""


@dataclass(frozen=True)
class KnownBug:
    """A bug of a release and the next release, which repairs it.

    `paths` are what of the next release makes the patch; `fails` is the test, as runs name it, that fails without the
    repair and passes with it. `setup` are commands of a recipe, where what the release itself lists has
    become hard to get.
    """

    project: str
    registry: Literal["pypi", "npm"]
    before: str
    after: str
    bug: str
    paths: tuple[str, ...]
    fails: str
    command: str | None = None
    setup: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """How reports call the case."""
        return f"{self.project}-{self.before}"


@dataclass(frozen=True)
class Sources:
    """The files of the release with the bug, and the patch to the next one."""

    files: Mapping[str, bytes]
    patch: str


def known_bugs() -> list[KnownBug]:
    """Read the list of cases."""
    listed = yaml.safe_load(CASES.read_text())
    return [KnownBug(**{**one, "paths": tuple(one["paths"]), "setup": tuple(one.get("setup", ()))}) for one in listed]


def fetch(box: Sandbox, bug: KnownBug) -> Sources:
    """Fetch both releases in the sandbox and return what the repository and its patch are made of.

    Raises:
        RegistryUnreachable: the registry does not answer.
    """
    with box.network():
        for version in (bug.before, bug.after):
            argv = ["bash", "-euc", _FETCH[bug.registry], "fetch", f"/workspace/{version}", bug.project, version]
            fetched = box.exec(argv, cwd="/workspace", timeout_seconds=_FETCH_SECONDS)
            if not fetched.ok:
                unreachable = any(text in fetched.output for text in _UNREACHABLE)
                raise (RegistryUnreachable if unreachable else AssertionError)(fetched.output)
    places = [f"/workspace/{version}" for version in (bug.before, bug.after)]
    compared = box.exec(["bash", "-euc", _COMPARE, "compare", *places, *bug.paths], cwd="/workspace")
    assert compared.ok, compared.output
    return Sources(box.get_tree(places[0], max_bytes=_MAX_BYTES), box.get("/workspace/fix.diff").decode())


_FETCH = {
    "pypi": """
    python3 -m pip download --quiet --no-deps --no-binary "$2" --dest "$1.got" "$2==$3"
    mkdir "$1" && tar -xzf "$1.got"/*.tar.gz --strip-components=1 -C "$1"
    rm -rf "$1"/*.egg-info "$1"/src/*.egg-info "$1.got"
    """,
    "npm": """
    mkdir "$1.got" && cd "$1.got" && npm pack --silent "$2@$3"
    mkdir "$1" && tar -xzf ./*.tgz --strip-components=1 -C "$1"
    rm -rf "$1.got"
    """,
}
_COMPARE = """
before=$1 after=$2; shift 2
export GIT_DIR=/workspace/compared.git GIT_WORK_TREE=/workspace/tree
cp -a "$before" "$GIT_WORK_TREE"
git init --quiet && cd "$GIT_WORK_TREE"
git add --all --force && git -c user.name=x -c user.email=x@example.invalid commit --quiet -m before
for path in "$@"; do rm -rf "$path"; if [ -e "$after/$path" ]; then cp -a "$after/$path" "$path"; fi; done
git add --all --force && git diff --cached --binary --full-index HEAD > /workspace/fix.diff
"""
