"""Units and target trees as real folders."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from repo_agent_dagster.migration import Bases, Plan, load_manifest, plan

Files = Mapping[str, str | bytes]
WriteTree = Callable[[Path, Files], Path]
MANIFEST = "unit: app\ndestination: apps/app\n"


def write_tree(root: Path, files: Files) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def read_tree(root: Path) -> dict[str, bytes]:
    """Every file but those of the patch journal."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".mission_control" not in path.relative_to(root).parts
    }


class Bench:
    """A unit beside a target tree, and the plan that leads from one to the other."""

    def __init__(self, tmp_path: Path) -> None:
        self.unit = tmp_path / "STAGING" / "app"
        self.target = tmp_path / "monorepo"
        self.bases = Bases(tmp_path / "bases")
        self.unit.mkdir(parents=True)
        self.target.mkdir()

    def put(self, files: Files, *, manifest: str = "") -> "Bench":
        write_tree(self.unit, {"migration-manifest.yaml": MANIFEST + manifest, **files})
        return self

    def plan(self) -> Plan:
        return plan(self.unit, self.target, load_manifest(self.unit), bases=self.bases)

    def new(self, path: str) -> bytes:
        """What the plan makes of the file at this path of the target tree."""
        found = next(change.new for change in self.plan().changes if change.path == path)
        assert found is not None
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
